/* One stream on its way into its folder. Reading goes on while the segment before is being written;
 * the link to it is filled in last, because only then is its digest known. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "obs/log.h"
#include "services/ledger/ledger_private.h"

#define TIGHT_MS 500 /* age of a segment when memory is short */
#define PAGE_FIRST 16
#define PAGE_BYTES (128u << 10)
#define SEQ_END 9007199254740992u /* sequences stay exact in the Function's numbers */

static struct segment_builder *collecting(struct stream *s)
{
    return &s->builders[s->active];
}

static struct segment_builder *other(struct stream *s)
{
    return &s->builders[1 - s->active];
}

void stream_init(struct stream *s, struct ledger *l, enum segment_kind kind, const char *name)
{
    *s = (struct stream){.ledger = l, .kind = kind, .page = PAGE_FIRST};
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    (void)snprintf(s->dir, sizeof(s->dir), "%s/%s/%s%s", l->set->archive_dir, l->epoch,
                   kind == SEGMENT_NOISE ? "noise/" : "", name);
}

void stream_fini(struct stream *s)
{
    segment_builder_fini(&s->builders[0]);
    segment_builder_fini(&s->builders[1]);
}

static void broken(struct stream *s, const char *event, const char *why)
{
    s->state = STREAM_BROKEN;
    ledger_stream_broken(s->ledger, event, s->name, why);
}

void stream_lost(struct stream *s, const char *why)
{
    s->ledger->halting = true;
    broken(s, "archive-ahead", why);
}

void stream_differs(struct stream *s, const char *why)
{
    broken(s, "archive-differs", why);
}

static bool begin(struct stream *s)
{
    enum err e = segment_begin(collecting(s), s->kind, s->ledger->epoch, s->name, NULL);
    if (e != ERR_OK && e != ERR_NOMEM)
        broken(s, "segment-failed", err_name(e));
    return e == ERR_OK;
}

static bool is_full(struct stream *s)
{
    const struct segment_builder *b = collecting(s);
    return b->head.count >= (uint64_t)s->ledger->set->segment_entries ||
           b->buf.len >= (s->kind == SEGMENT_JOURNAL ? LEDGER_JOURNAL_BYTES : LEDGER_NOISE_BYTES);
}

static bool is_tight(const struct stream *s)
{
    return usage_tight(s->ledger, s->kind == SEGMENT_NOISE ? FAMILY_NOISE : FAMILY_JOURNAL);
}

/* ---- the archiver's answers */

static void opened(struct stream *s)
{
    struct archive_job *job = &s->job;
    if (job->result == ERR_NOMEM || job->result == ERR_IO) {
        s->retry_ms = clock_mono_ms() + LEDGER_RETRY_MS;
        ledger_fault(s->ledger, "segment-failed", s->name, job->why.text);
        return;
    }
    if (job->result != ERR_OK) {
        broken(s, "archive-damaged", job->why.text);
        return;
    }
    if (job->found && (job->head.kind != s->kind || strcmp(job->head.stream, s->name) != 0 ||
                       strcmp(job->head.epoch, s->ledger->epoch) != 0)) {
        broken(s, "archive-damaged", "the last segment is of another stream or epoch");
        return;
    }
    if (job->found) {
        s->has_archived = s->has_collected = true;
        s->archived = s->collected = job->head.last;
        memcpy(s->chain, job->head.digest, SHA256_BYTES);
        if (job->head.link_bytes == LINK_DIGITS)
            memcpy(s->link, job->head.link, LINK_DIGITS);
    }
    if (!begin(s))
        return;
    s->state = STREAM_RUNNING;
    if (s->kind == SEGMENT_JOURNAL)
        ledger_archived(s->ledger);
}

static void written(struct stream *s)
{
    struct archive_job *job = &s->job;
    if (job->result != ERR_OK) {
        s->unwritten = true;
        s->retry_ms = clock_mono_ms() + LEDGER_RETRY_MS;
        ledger_fault(s->ledger, "segment-failed", s->name, job->why.text);
        return;
    }
    char name[SEGMENT_NAME_BYTES];
    segment_name(&job->head, name);
    log_event(LOG_LEVEL_INFO, "segment-closed", name, "stream", s->name, NULL);
    s->has_archived = true;
    s->archived = job->head.last;
    memcpy(s->chain, job->head.digest, SHA256_BYTES);
    metric_add(s->ledger->m_segments, 1);
    if (s->kind == SEGMENT_JOURNAL)
        ledger_archived(s->ledger);
}

static void job_done(void *arg, struct archive_job *job)
{
    struct stream *s = arg;
    s->busy = false;
    if (job->task == ARCHIVE_OPEN)
        opened(s);
    else
        written(s);
    stream_go(s);
}

static void submit(struct stream *s, enum archive_task task)
{
    s->busy = true;
    s->job = (struct archive_job){
        .task = task, .dir = s->dir, .builder = other(s), .done = job_done, .arg = s};
    archiver_submit(s->ledger->archiver, &s->job);
}

/* Closes the segment when it is full or old enough, and hands it to the archiver. */
static void close_segment(struct stream *s)
{
    struct segment_builder *b = collecting(s);
    int64_t now = clock_mono_ms();
    if (s->busy || (s->unwritten && now < s->retry_ms))
        return;
    if (s->unwritten) {
        s->unwritten = false;
        submit(s, ARCHIVE_WRITE);
        return;
    }
    int64_t most_ms = is_tight(s) ? TIGHT_MS : s->ledger->set->segment_seconds * 1000;
    if (b->head.count == 0 || (!is_full(s) && now - s->since_ms < most_ms))
        return;
    if (s->has_archived)
        memcpy(b->head.previous, s->chain, SHA256_BYTES);
    s->active = 1 - s->active;
    submit(s, ARCHIVE_WRITE);
    /* without memory the next reading tries again: a builder that was not begun takes nothing */
    collecting(s)->head.count = 0;
    (void)begin(s);
}

/* ---- reading */

static enum err take(struct stream *s, const struct segment_entry *e)
{
    if (collecting(s)->buf.len < SEGMENT_HEADER_BYTES && !begin(s))
        return ERR_NOMEM;
    enum err r = segment_add(collecting(s), e);
    if (r != ERR_OK)
        return r;
    if (collecting(s)->head.count == 1)
        s->since_ms = clock_mono_ms();
    s->page_bytes += e->bytes;
    s->collected = e->pos;
    s->has_collected = true;
    return ERR_OK;
}

/* `full` pages mean that there is more. */
static void page_done(struct stream *s, enum err e, size_t n)
{
    if ((e != ERR_OK || s->page_bytes > PAGE_BYTES) && s->page > 1)
        s->page /= 2; /* too much at once: what is asked for takes Redis' memory, too */
    else if (e == ERR_OK && s->page_bytes < PAGE_BYTES / 2 && s->page * 2 <= LEDGER_PAGE)
        s->page *= 2;
    if (e != ERR_OK || n != s->asked) {
        close_segment(s);
        return;
    }
    s->rests = !is_tight(s);
    stream_go(s);
    pace_go(s->ledger);
}

/* The last entry collected is read again each time: a journal that has lost it, or has another one
 * in its place, is found at the next tick. Returns how many entries to pass over; < 0: broken. */
static int same_as_archived(struct stream *s, const struct store_entry *entries, size_t n)
{
    char why[192];
    if (!s->has_collected)
        return 0;
    if (n == 0) {
        (void)snprintf(why, sizeof(why),
                       "the archive has entry %llu, the journal ends before it: entries were lost, "
                       "liuctl store recover (runbook: Archive ahead)",
                       (unsigned long long)s->collected.seq);
        stream_lost(s, why);
        return -1;
    }
    if (entries[0].seq != s->collected.seq)
        return 0; /* it was trimmed */
    if (s->link[0] == '\0' || (entries[0].link_bytes == LINK_DIGITS &&
                               memcmp(entries[0].link, s->link, LINK_DIGITS) == 0))
        return 1;
    (void)snprintf(why, sizeof(why),
                   "entry %llu of the journal is another one than the archive's (runbook: Archive "
                   "ahead)",
                   (unsigned long long)s->collected.seq);
    stream_differs(s, why);
    return -1;
}

/* Is this the next entry, and was its link made of the one before? False: broken. */
static bool follows(struct stream *s, const struct store_entry *e)
{
    char why[128];
    if (s->has_collected && e->seq != s->collected.seq + 1) {
        (void)snprintf(why, sizeof(why), "after %llu comes %llu",
                       (unsigned long long)s->collected.seq, (unsigned long long)e->seq);
        broken(s, "journal-gap", why);
        return false;
    }
    enum err err = ERR_OK;
    if (!s->has_collected && e->seq > 1)
        log_event(LOG_LEVEL_WARN, "archive-starts-late",
                  "older entries were trimmed before this archive was begun", NULL);
    else if (!s->has_collected)
        err = link_first(s->ledger->epoch, s->link);
    if (err == ERR_OK && s->link[0] != '\0')
        err = link_next(s->link, e->data, e->bytes, s->link);
    else if (err == ERR_OK && e->link_bytes == LINK_DIGITS)
        memcpy(s->link, e->link, LINK_DIGITS);
    if (err != ERR_OK || e->link_bytes != LINK_DIGITS ||
        memcmp(e->link, s->link, LINK_DIGITS) != 0) {
        (void)snprintf(why, sizeof(why),
                       "the link of entry %llu does not follow from the entry before",
                       (unsigned long long)e->seq);
        broken(s, "journal-link", why);
        return false;
    }
    return true;
}

static void journal_read(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct stream *s = arg;
    if (ledger_answered(s->ledger))
        return;
    s->reading = false;
    if (s->state != STREAM_RUNNING)
        return;
    if (e == ERR_DATA_LOSS) {
        broken(s, "stream-broken", "the journal's entries are not of their form");
        return;
    }
    int known = e == ERR_OK ? same_as_archived(s, entries, n) : 0;
    if (known < 0)
        return;
    size_t taken = (size_t)known;
    for (; e == ERR_OK && taken < n; taken++) {
        char link[LINK_DIGITS + 1];
        memcpy(link, s->link, sizeof(link));
        if (!follows(s, &entries[taken]))
            return;
        struct segment_entry entry = {.pos = {entries[taken].seq, 0},
                                      .data = entries[taken].data,
                                      .bytes = entries[taken].bytes,
                                      .link = entries[taken].link,
                                      .link_bytes = entries[taken].link_bytes};
        enum err took = take(s, &entry);
        if (took == ERR_INVAL || (took == ERR_LIMIT && entry.bytes > SEGMENT_DATA_MAX)) {
            broken(s, "segment-failed", err_name(took));
            return;
        }
        if (took != ERR_OK) { /* the rest is read again */
            memcpy(s->link, link, sizeof(link));
            break;
        }
    }
    page_done(s, e, taken);
}

static void noise_read(void *arg, enum err e, const struct store_noise *noise, size_t n)
{
    struct stream *s = arg;
    if (ledger_answered(s->ledger))
        return;
    s->reading = false;
    if (s->state != STREAM_RUNNING)
        return;
    if (e == ERR_DATA_LOSS) {
        broken(s, "stream-broken", "the stream of noise is not of its form");
        return;
    }
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        struct segment_entry entry = {
            .pos = {noise[i].ms, noise[i].n}, .data = noise[i].data, .bytes = noise[i].bytes};
        enum err took = take(s, &entry);
        if (took == ERR_INVAL || (took == ERR_LIMIT && entry.bytes > SEGMENT_DATA_MAX)) {
            broken(s, "segment-failed", err_name(took));
            return;
        }
        if (took != ERR_OK)
            n = i; /* the rest is read again */
    }
    page_done(s, e, n);
}

static void ask(struct stream *s)
{
    struct ledger *l = s->ledger;
    if (s->reading || s->rests || is_full(s) || !store_ready(l->store, NULL))
        return;
    int64_t room = l->set->segment_entries - collecting(s)->head.count;
    s->asked = room < s->page ? (uint32_t)room : s->page;
    if (s->kind == SEGMENT_JOURNAL && s->has_collected)
        s->asked++; /* the last one again */
    s->reading = true;
    s->page_bytes = 0;
    l->pending++;
    enum err e = s->kind == SEGMENT_NOISE
                     ? store_noise(l->store, s->name, s->collected.seq, s->collected.sub, s->asked,
                                   noise_read, s)
                     : store_entries(l->store, s->has_collected ? s->collected.seq : 1, SEQ_END,
                                     s->asked, journal_read, s);
    if (e != ERR_OK) {
        s->reading = false;
        l->pending--;
    }
}

void stream_go(struct stream *s)
{
    if (s->ledger->stopped || s->state == STREAM_BROKEN)
        return;
    if (s->state == STREAM_OPENING) {
        if (!s->busy && clock_mono_ms() >= s->retry_ms)
            submit(s, ARCHIVE_OPEN);
        return;
    }
    close_segment(s);
    ask(s);
}
