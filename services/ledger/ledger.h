/* The ledger: takes closed runs of the journal and of the feeds' noise out of Redis into segments
 * (segment.h), and trims what is archived.
 *
 *   <archive_dir>/<epoch>/journal/         segments of the journal
 *   <archive_dir>/<epoch>/head             number and link of the last entry read (confirm.c)
 *   <archive_dir>/<epoch>/noise/<feed>/    segments of a feed's noise
 *   <archive_dir>/<epoch>/snapshots/       snapshots, made of the journal's segments (snapshot.h)
 *   <archive_dir>/<epoch>/cold/            records that may have left Redis (cold.h)
 *
 * The files are the truth of what is archived: at start the last segment of each folder is read and
 * checked, and work goes on behind it. The record RECORD_CURSOR "ledger" tells others how far the
 * journal is archived; it is written after the segment is durable. A crash between the two is made
 * good at start.
 *
 * The journal is trimmed (Function liu_trim) up to the least of: archived; keep_entries before the
 * head; each consumer's cursor. A consumer named in trim_waits_for that has no cursor yet counts as
 * 0. Noise is trimmed up to what is archived, but not what is younger than noise_keep seconds.
 *
 * Noise of a feed that is older than retain_noise_days, and entries of the journal that are older
 * than retain_journal_days and made up for by snapshots, leave the archive, too, when the operator
 * has stated a period (retention.c); the journal tells of it before.
 *
 * Memory first: when Redis is 70 % full, or a family of keys 70 % of its budget (store/budget.h),
 * segments are closed at once and what they hold leaves, whatever keep_entries and noise_keep say.
 *
 * Each entry's link is checked against the entry before, and the last archived entry is looked up
 * again with every reading. A journal that ends before the archive has lost acknowledged entries
 * (a disk that lied, an older append-only file): the ledger halts the store (store_halt), so that
 * no service gives their numbers to others. At each start of Redis services
 * that know nothing of it wait until the ledger has confirmed it.
 *
 * Something wrong with an archive (a damaged last segment, a gap or a wrong link in the journal)
 * stops that stream and its trimming, and the ledger is not ready: Redis keeps everything
 * meanwhile. Log events: archive-damaged, archive-ahead, archive-differs, journal-gap,
 * journal-link, stream-broken, store-halted, halt-failed, archive-behind-cursor, segment-failed,
 * cursor-failed, note-failed, store-confirmed, trim-refused, rewrite-failed, store-changed,
 * snapshot-failed, snapshot-damaged, retention-failed; segments-removed, segment-closed,
 * snapshot-made and trimmed tell what was done.
 */
#ifndef LIU_LEDGER_LEDGER_H
#define LIU_LEDGER_LEDGER_H

#include "flow/service.h"
#include "store/budget.h"

#define LEDGER_FEEDS_MAX 256 /* streams of noise archived by one ledger */
#define LEDGER_TICK_MS 250
#define LEDGER_FEEDS_MS 10000            /* how often new feeds are looked for */
#define LEDGER_RETRY_MS 5000             /* after a failed write */
#define LEDGER_JOURNAL_BYTES (16u << 20) /* a segment closes at this size, too */
#define LEDGER_NOISE_BYTES (4u << 20)
#define LEDGER_PAGE 64 /* entries read at once, at most: 0.1 ms of Redis' one thread */

struct ledger_settings {
    char *archive_dir;
    char *trim_waits_for;
    int64_t segment_entries;
    int64_t segment_seconds;
    int64_t keep_entries;
    int64_t noise_keep;
    int64_t trim_seconds;
    int64_t rewrite_growth;
    int64_t rewrite_min;
    int64_t rewrite_quiet;
    int64_t rewrite_seconds;
    int64_t snapshot_entries;
    int64_t snapshot_seconds;
    int64_t snapshot_keep;
    int64_t freeze_seconds;    /* 0 = records stay in Redis */
    int64_t cold_filter;       /* MiB */
    int64_t retain_noise_days; /* 0 = for ever */
    int64_t retain_journal_days;
    int64_t retention_seconds;
    int64_t budget[N_FAMILIES]; /* percent of maxmemory */
};

extern const struct service ledger_service;

#endif
