/* Records that were not found in Redis and may be in the ledger's files (store/cold.h).
 *
 * A work that does not find a record of a kind that may be cold asks Redis' filter; when that says
 * perhaps, the ledger puts the record back, or says that there is none, and the work runs again.
 * The commit guards the generation under which something counted as absent. As long as nothing was
 * ever cold (generation 0) nothing is asked and that guard alone is added.
 */
#include "flow/internal.h"

#include <string.h>

#include "base/clock.h"

#define WAIT_MS 3000 /* for the ledger, before the sender is told to come again */
#define AGAIN_MS 10

bool cold_wants_generation(const struct work *w)
{
    bool wants = false;
    for (size_t i = 0; i < w->n_reads && !wants; i++)
        wants = !w->reads[i].loaded && record_freezes(w->reads[i].kind);
    return wants && !w->cold_known;
}

void cold_take_generation(struct work *w, const struct store_record *r)
{
    w->cold_asked = false;
    w->cold_known = true;
    w->cold_generation = r->exists ? r->revision : 0;
}

void cold_add_puts(struct work *w)
{
    for (size_t i = 0; i < w->n_puts; i++) {
        const struct work_write *p = &w->puts[i];
        bool read = !record_freezes(p->kind) || p->expected > 0;
        for (size_t k = 0; k < w->n_reads && !read; k++)
            read = w->reads[k].kind == p->kind && strcmp(w->reads[k].id, p->id) == 0;
        struct work_read *r = read ? NULL : work_read_add(w, p->kind, p->id);
        if (r != NULL)
            r->loaded = r->blind =
                true; /* as not existing: the commit looks, the filter before it */
        w->failed = w->failed || (!read && r == NULL);
    }
}

static bool doubtful(const struct work_read *r)
{
    return r->loaded && !r->exists && !r->absent && record_freezes(r->kind);
}

/* What upkeep has seen is old, but the guard finds out. */
static uint64_t generation(const struct work *w)
{
    return w->cold_known ? w->cold_generation : upkeep_cold(w->flow);
}

bool cold_in_doubt(const struct work *w)
{
    bool doubt = false;
    for (size_t i = 0; i < w->n_reads && !doubt; i++)
        doubt = doubtful(&w->reads[i]);
    /* after a conflict what upkeep has seen may be what was wrong */
    return doubt && (generation(w) > 0 || (!w->cold_known && w->attempts > 0));
}

bool cold_guard(const struct work *w, struct commit_guard *out)
{
    bool absent = false;
    for (size_t i = 0; i < w->n_reads && !absent; i++)
        absent = w->reads[i].loaded && !w->reads[i].exists && record_freezes(w->reads[i].kind);
    *out = (struct commit_guard){
        .kind = RECORD_UPKEEP, .id = COLD_GENERATION, .revision = generation(w)};
    return absent;
}

/* ---- lists */

bool cold_scan(struct work *w, enum record_kind kind, const char *page, uint32_t max,
               struct work_page *out)
{
    const char *id = arena_printf(&w->arena, "%s%c%s %lld", page, COLD_PAGE_END, w->flow->svc->name,
                                  (long long)w->began_us);
    struct work_read *r = id == NULL ? NULL : work_read_find(w, kind, id);
    *out = (struct work_page){.next_page = ""};
    if (r == NULL) {
        r = id == NULL ? NULL : work_read_add(w, kind, id);
        w->failed = w->failed || r == NULL;
        if (r != NULL)
            r->loaded = true; /* as not found: the ledger is asked */
        return r == NULL;
    }
    if (!r->exists)
        return r->absent; /* nothing is cold */
    const char **ids = arena_alloc(&w->arena, COLD_PAGE_IDS * sizeof *ids);
    const void **messages = arena_alloc(&w->arena, COLD_PAGE_IDS * sizeof *messages);
    char *rest = arena_strdup(&w->arena, r->message);
    bool loaded = ids != NULL && messages != NULL && rest != NULL;
    w->failed = w->failed || !loaded;
    size_t n = 0;
    char *line;
    while (!w->failed && n < max && n < COLD_PAGE_IDS && (line = strsep(&rest, "\n")) != NULL &&
           line[0] != '\0') {
        const void *m;
        n++;
        loaded &= work_get(w, kind, line, &m);
        /* One that is in Redis may have been in a page before, or have come back since: better
         * twice than not at all. */
        out->next_page = arena_printf(&w->arena, "%c%s", COLD_PAGE, line);
        ids[out->n] = line;
        messages[out->n] = m;
        out->n += m != NULL;
    }
    if (n < max && n < COLD_PAGE_IDS)
        out->next_page = "";
    w->failed = w->failed || out->next_page == NULL;
    out->ids = ids;
    out->messages = messages;
    return loaded || w->failed;
}

/* What is shown of a page is its text. */
static void take_page(struct work *w, struct work_read *r, const struct store_record *text)
{
    char *copy = arena_alloc(&w->arena, text->bytes + 1);
    w->unreadable = w->unreadable || copy == NULL;
    if (copy != NULL) {
        memcpy(copy, text->value, text->bytes);
        copy[text->bytes] = '\0';
    }
    r->message = copy;
    r->exists = copy != NULL;
}

/* ---- asking */

static void tick(void *flow)
{
    struct flow *f = flow;
    struct work *w = f->cold_waiters;
    f->cold_waiters = NULL;
    while (w != NULL) {
        struct work *next = w->next;
        w->next = NULL;
        if (w->receipt_waits)
            engine_receipt(w);
        else
            cold_seek(w);
        w = next;
    }
}

static void wait(struct work *w)
{
    struct flow *f = w->flow;
    struct loop_timer *t;
    if (f->cold_waiters == NULL && loop_add_timer(f->loop, AGAIN_MS, 0, tick, f, &t) != ERR_OK) {
        work_fail(w);
        return;
    }
    w->next = f->cold_waiters;
    f->cold_waiters = w;
}

static void away(struct work *w)
{
    metric_add(w->flow->m_cold_late, 1);
    (void)work_refuse(
        w, FLOW_STATUS(UNAVAILABLE), "", "P-COLD",
        "この記録は保管ファイルにあり、いま読み出せません。しばらくして再送してください。",
        "This record is in the archive and cannot be read now. Send again in a moment.");
    load_give_up(w);
}

/* In the last of the memory the ledger shows nothing: a list need not wait to be told so. */
static void scarce(struct work *w)
{
    (void)work_refuse(
        w, FLOW_STATUS(RESOURCE_EXHAUSTED), "", "P-MEMORY",
        "保存先の空きが少ないため、保管ファイルの記録をいま表示できません。しばらくして再送して"
        "ください。",
        "Memory of the store is short: what is in the archive cannot be shown now. Send again in a "
        "moment.");
    load_give_up(w);
}

void cold_receipt_later(struct work *w)
{
    int64_t mono = clock_mono_ms();
    if (w->receipt_until_ms == 0) {
        w->receipt_until_ms = mono + WAIT_MS;
        metric_add(w->flow->m_cold_asked, 1);
    }
    w->receipt_waits = mono < w->receipt_until_ms;
    if (w->receipt_waits) {
        lock_release(w, true); /* others need not wait for the ledger with it */
        wait(w);
        return;
    }
    metric_add(w->flow->m_cold_late, 1);
    engine_give_up(w, FLOW_STATUS(UNAVAILABLE), "P-COLD",
                   "この番号(id)の要求を以前に受け付けたか、いま確認できません。"
                   "しばらくしてそのまま再送してください。",
                   "Whether this id was taken before cannot be looked up now. Send the same "
                   "again in a moment.");
}

/* Who changes nothing is shown what is cold: Redis need not hold it for that. */
static enum cold_want want_of(const struct work *w)
{
    bool changes = w->source != WORK_MESSAGE || (w->row->flags & ROW_CHANGES) != 0;
    return changes || w->attempts > 0 ? COLD_PUT_BACK : COLD_SHOW;
}

static void on_sought(void *arg, enum err e, uint64_t now, const char *letters,
                      const struct store_record *shown, size_t n)
{
    struct work *w = arg;
    size_t at = 0;
    bool asked = false;
    bool earlier = false;
    if (e != ERR_OK) {
        w->load_failed = true;
        load_give_up(w);
        return;
    }
    for (size_t i = 0; i < w->n_reads; i++)
        earlier = earlier || w->reads[i].absent;
    if (!earlier) /* else what was said then must still hold */
        w->cold_generation = now;
    w->cold_known = true;
    for (size_t i = 0; i < w->n_reads && at < n; i++) {
        struct work_read *r = &w->reads[i];
        if (!doubtful(r))
            continue;
        char letter = letters[at];
        if (letter == COLD_SHOWN && r->id[0] == COLD_PAGE)
            take_page(w, r, &shown[at]);
        else if (letter == COLD_SHOWN)
            load_fill(w, r, &shown[at]);
        at++;
        /* one that is here is read again; one that is only written meets it in the commit */
        r->absent = letter == COLD_ABSENT || (letter == COLD_HERE && r->blind);
        r->loaded = letter != COLD_HERE || r->blind;
        asked = asked || letter == COLD_ASKED || letter == COLD_BUSY;
    }
    int64_t mono = clock_mono_ms();
    if (asked && w->cold_until_ms == 0) {
        w->cold_until_ms = mono + WAIT_MS;
        metric_add(w->flow->m_cold_asked, 1);
    }
    if (w->unreadable) {
        work_fail(w);
    } else if (!asked) {
        w->cold_until_ms = 0;
        load_run(w);
    } else if (want_of(w) == COLD_SHOW &&
               store_pressure(w->flow->store) >= STORE_PRESSURE_RESERVE) {
        scarce(w);
    } else if (mono < w->cold_until_ms) {
        wait(w);
    } else {
        away(w);
    }
}

void cold_seek(struct work *w)
{
    struct store_key keys[LIMIT_WORK_READS];
    size_t n = 0;
    for (size_t i = 0; i < w->n_reads && n < COLD_ASK_MAX; i++)
        if (doubtful(&w->reads[i]))
            keys[n++] = (struct store_key){.kind = w->reads[i].kind, .id = w->reads[i].id};
    if (store_seek(w->flow->store, want_of(w), keys, n, on_sought, w) == ERR_OK)
        return;
    w->load_failed = true;
    load_give_up(w);
}
