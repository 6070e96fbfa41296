/* When a snapshot is made: after so many entries, or so much time, on a thread of its own. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "obs/log.h"
#include "services/ledger/journal_begins.h"
#include "services/ledger/ledger_private.h"

#define FAULTS_BYTES 8192

void snapshots_init(struct snapshots *p, struct ledger *l)
{
    p->ledger = l;
    p->next_ms = clock_mono_ms() + l->set->snapshot_seconds * 1000;
    atomic_init(&p->stop, false);
    buf_init(&p->faults, FAULTS_BYTES);
    p->m_seq = metrics_gauge("liu_ledger_snapshot_seq", "", "journal entry of the newest snapshot");
}

void snapshots_fini(struct snapshots *p)
{
    buf_fini(&p->faults);
}

/* On the maker's thread. */
static void make(struct archive_job *job)
{
    struct snapshots *p = job->arg;
    struct ledger *l = p->ledger;
    struct err_text lost = {{0}};
    p->head = (struct snapshot_head){.seq = 0};
    buf_clear(&p->faults);
    job->result = journal_lost(p->dir, &lost, &job->why);
    p->lost = job->result == ERR_OK && lost.text[0] != '\0';
    if (p->lost)
        job->result = err_say(&job->why, ERR_DATA_LOSS, "%s", lost.text);
    if (job->result != ERR_OK)
        return;
    if (p->known) {
        job->result = snapshot_make(p->dir, l->epoch, (size_t)l->set->snapshot_keep, &p->stop,
                                    &p->head, &p->faults, &job->why);
        return;
    }
    struct snapshot *s = NULL; /* at the start: where does the newest one stand? */
    job->result = snapshot_newest(p->dir, l->epoch, &s, &p->faults, &job->why);
    if (s != NULL)
        p->head = *snapshot_head_of(s);
    snapshot_close(s);
}

static void made(void *arg, struct archive_job *job)
{
    struct snapshots *p = arg;
    struct ledger *l = p->ledger;
    int64_t now = clock_mono_ms();
    p->busy = false;
    if (p->faults.len > 0 && buf_put(&p->faults, "", 1) == ERR_OK)
        ledger_fault(l, "snapshot-damaged", "snapshots", (const char *)p->faults.data);
    if (job->result != ERR_OK) {
        if (job->result != ERR_AGAIN)
            ledger_fault(l, p->lost ? "journal-lost" : "snapshot-failed", "snapshots",
                         job->why.text);
        p->retry_ms = now + SNAPSHOT_RETRY_MS;
        return;
    }
    if (p->known && p->head.seq > 0) {
        char seq[24];
        char records[24];
        (void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)p->head.seq);
        (void)snprintf(records, sizeof(records), "%llu", (unsigned long long)p->head.records);
        log_event(LOG_LEVEL_INFO, "snapshot-made", "the records as one entry left them", "seq", seq,
                  "records", records, NULL);
    }
    if (p->head.seq > 0)
        p->seq = p->head.seq;
    else if (p->known)
        p->retry_ms = now + SNAPSHOT_RETRY_MS; /* the segments are not where they were */
    /* a big step is made in several: the next one follows at once */
    if (p->known && p->seq >= p->wanted)
        p->next_ms = now + l->set->snapshot_seconds * 1000;
    p->known = true;
    metric_set(p->m_seq, (int64_t)p->seq);
}

void snapshots_go(struct ledger *l)
{
    struct snapshots *p = &l->snapshots;
    int64_t now = clock_mono_ms();
    uint64_t archived = l->journal.has_archived ? l->journal.archived.seq : 0;
    if (p->busy || l->stopped || l->journal.state != STREAM_RUNNING || now < p->retry_ms)
        return;
    bool due = archived - p->seq >= (uint64_t)l->set->snapshot_entries || now >= p->next_ms ||
               p->seq < p->wanted;
    if (p->known && (archived <= p->seq || !due))
        return;
    (void)snprintf(p->dir, sizeof(p->dir), "%s/%s", l->set->archive_dir, l->epoch);
    p->busy = true;
    p->wanted = p->known ? archived : 0;
    p->job = (struct archive_job){.task = ARCHIVE_CALL, .call = make, .done = made, .arg = p};
    archiver_submit(l->maker, &p->job);
}
