/* Each start of Redis is compared with the archive before services that know nothing of it may use
 * it (docs/decisions/0021). The Function compares and tells the services in one step.
 *
 * The archive ends with its last segment, which may be a minute old. So what was read behind it is
 * noted in a file of one line, "SEQ LINK", a few times a second: not synced, because a crash of the
 * machine leaves the segments, and a crash of the process leaves the page cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "obs/log.h"
#include "services/ledger/ledger_private.h"

#define NOTE_BYTES 80

void confirm_init(struct ledger *l)
{
    struct confirm *c = &l->confirm;
    char line[NOTE_BYTES] = "";
    (void)snprintf(c->dir, sizeof(c->dir), "%s/%s", l->set->archive_dir, l->epoch);
    (void)snprintf(c->path, sizeof(c->path), "%s/head", c->dir);
    (void)snprintf(c->tmp, sizeof(c->tmp), "%s/head.tmp", c->dir);
    int fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, line, sizeof(line) - 1);
    (void)close(fd);
    char *space = n <= 0 ? NULL : strchr(line, ' ');
    if (space == NULL || strlen(space + 1) != LINK_DIGITS + 1 || space[LINK_DIGITS + 1] != '\n')
        return; /* torn by a crash of the machine: the segments tell */
    *space = '\0';
    space[LINK_DIGITS + 1] = '\0';
    if (text_u64(line, UINT64_MAX, &c->seq) == ERR_OK)
        memcpy(c->link, space + 1, LINK_DIGITS + 1);
}

/* ---- the note; on the archiver's thread */

static void write_note(struct archive_job *job)
{
    const struct confirm *c = job->arg;
    bool made = mkdir(c->dir, 0700) == 0 || errno == EEXIST;
    int fd = made ? open(c->tmp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600) : -1;
    ssize_t n = (ssize_t)strlen(c->line);
    bool ok = fd >= 0 && write(fd, c->line, (size_t)n) == n;
    ok = (fd < 0 || close(fd) == 0) && ok;
    job->result = ok && rename(c->tmp, c->path) == 0 ? ERR_OK : ERR_IO;
    if (job->result != ERR_OK)
        (void)err_say(&job->why, ERR_IO, "%s: %s", c->path, strerror(errno));
}

static void noted(void *arg, struct archive_job *job)
{
    struct confirm *c = arg;
    c->writing = false;
    if (job->result != ERR_OK) {
        c->noted = 0; /* tried again at the next tick */
        ledger_fault(c->ledger, "note-failed", "journal", job->why.text);
    }
}

static void note_go(struct ledger *l)
{
    struct confirm *c = &l->confirm;
    const struct stream *s = &l->journal;
    if (c->writing || !s->has_collected || s->link[0] == '\0' || s->collected.seq <= c->noted ||
        s->collected.seq < c->seq) /* an older store must not overwrite what was noted before */
        return;
    c->noted = s->collected.seq;
    (void)snprintf(c->line, sizeof(c->line), "%llu %s\n", (unsigned long long)c->noted, s->link);
    c->writing = true;
    c->job =
        (struct archive_job){.task = ARCHIVE_CALL, .call = write_note, .done = noted, .arg = c};
    archiver_submit(l->archiver, &c->job);
}

/* ---- the comparison */

static void confirmed(void *arg, enum err e, uint64_t seq, const char *why)
{
    struct ledger *l = arg;
    struct confirm *c = &l->confirm;
    char text[192];
    if (ledger_answered(l))
        return;
    c->asking = false;
    if (e == ERR_OK) {
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)seq);
        log_event(LOG_LEVEL_INFO, "store-confirmed",
                  "the journal of this start of Redis holds what the archive does", "head", text,
                  NULL);
        (void)text_copy(c->run, sizeof(c->run), c->asked);
    } else if (e == ERR_CONFLICT && strncmp(why, "LIUREFUSED", 10) == 0) {
        (void)snprintf(text, sizeof(text), "the archive has entry %llu: %.100s",
                       (unsigned long long)c->asked_seq, why + 11);
        if (strstr(why, "ends with") != NULL)
            stream_lost(&l->journal, text);
        else
            stream_differs(&l->journal, text);
    }
}

void confirm_go(struct ledger *l)
{
    struct confirm *c = &l->confirm;
    const struct stream *s = &l->journal;
    if (s->state != STREAM_RUNNING)
        return;
    note_go(l);
    if (c->asking || !store_ready(l->store, NULL) || strcmp(c->run, store_run(l->store)) == 0)
        return;
    bool read = s->has_collected && s->collected.seq >= c->seq;
    c->asked_seq = read ? s->collected.seq : c->seq;
    (void)text_copy(c->asked, sizeof(c->asked), store_run(l->store));
    c->asking = true;
    l->pending++;
    if (store_confirm(l->store, c->asked_seq, read ? s->link : c->link, confirmed, l) != ERR_OK) {
        l->pending--;
        c->asking = false;
    }
}
