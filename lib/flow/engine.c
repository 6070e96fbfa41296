/* Runs a work: decide, load what it asked for (load.c), decide again, take locks (lock.c), commit,
 * try again on CONFLICT.
 *
 * Within a process, works that touch a record someone is writing wait in line behind it, so
 * CONFLICT comes from other processes only. A work never waits while it holds a lock (the serial
 * lock of its sender apart, which is always taken first), so there is no deadlock.
 */
#include "flow/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define RESEND_MS 10000 /* how long an unknown outcome is asked for before the sender has to */

/* ---- life */

struct work *work_create(struct flow *f, enum work_source source)
{
    struct work *w =
        f->works >= LIMIT_WORKS_IN_FLIGHT && source == WORK_MESSAGE ? NULL : calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->flow = f;
    w->source = source;
    w->began_us = clock_mono_us();
    w->cause = "";
    w->actor = "";
    w->request_id = "";
    arena_init(&w->arena, LIMIT_WORK_ARENA_BYTES);
    work_reset_outcome(w);
    w->next_all = f->all_works;
    if (f->all_works != NULL)
        f->all_works->prev_all = w;
    f->all_works = w;
    f->works++;
    metric_set(f->m_works, (int64_t)f->works);
    return w;
}

void work_destroy(struct work *w)
{
    struct flow *f = w->flow;
    lock_release_all(w);
    if (w->counted) {
        struct actor *a = directory_actor(f->dir, w->actor_key);
        if (a != NULL && a->in_flight > 0)
            a->in_flight--;
    }
    if (w->prev_all != NULL)
        w->prev_all->next_all = w->next_all;
    else
        f->all_works = w->next_all;
    if (w->next_all != NULL)
        w->next_all->prev_all = w->prev_all;
    f->works--;
    metric_set(f->m_works, (int64_t)f->works);
    arena_fini(&w->arena);
    free(w);
}

/* Locks for the writes, and no one else writing what was read. false = in line. */
static bool locks_for_commit(struct work *w)
{
    for (size_t i = 0; i < w->n_reads; i++) {
        const struct work_read *r = &w->reads[i];
        if (!lock_free_for(w->flow, r->kind, r->id, w) && !lock_take_record(w, r->kind, r->id))
            return false;
    }
    for (size_t i = 0; i < w->n_puts; i++)
        if (!lock_take_record(w, w->puts[i].kind, w->puts[i].id))
            return false;
    return true;
}

/* ---- running */

/* After a CONFLICT the sender itself may have changed: look at its record in Redis, not the mirror.
 */
static bool sender_again(struct work *w, bool *refused)
{
    const void *m;
    *refused = false;
    if (w->source != WORK_MESSAGE || w->attempts == 0)
        return true;
    if (!work_get(w, w->actor_kind, w->actor, &m))
        return false;
    bool gone = m == NULL;
    const Ismap__Liu__V1__PartyKeys *keys = NULL;
    if (m != NULL && w->actor_kind == RECORD_PARTY) {
        gone = ((const Ismap__Liu__V1__Party *)m)->revoked;
        keys = ((const Ismap__Liu__V1__Party *)m)->keys;
    } else if (m != NULL) {
        gone = ((const Ismap__Liu__V1__Feed *)m)->revoked;
        keys = ((const Ismap__Liu__V1__Feed *)m)->keys;
    }
    if (!gone && (w->row->flags & ROW_SIGNED) != 0 && !message_signed_by(w, keys)) {
        (void)work_refuse(w, FLOW_STATUS(UNAUTHENTICATED), "signature", "P-SIGNATURE",
                          "署名鍵が取り消されました。有効な鍵で署名してください。",
                          "The signing key has been taken back. Sign with a live key.");
        *refused = true;
    }
    if (gone) {
        (void)work_refuse(w, FLOW_STATUS(PERMISSION_DENIED), "", "P-REVOKED",
                          "この当事者の登録は取り消されています。", "This party has been revoked.");
        *refused = true;
    }
    return true;
}

static void on_commit(void *arg, const struct commit_result *r);

static void commit_send(struct work *w)
{
    if (store_commit(w->flow->store, work_urgent(w) ? STORE_URGENT : STORE_MAIN, &w->commit,
                     on_commit, w) != ERR_OK) {
        struct commit_result r = {.status = COMMIT_UNAVAILABLE, .text = "store not ready"};
        on_commit(w, &r);
    }
}

void engine_give_up(struct work *w, Ismap__Liu__V1__Status status, const char *rule, const char *ja,
                    const char *en)
{
    w->status = FLOW_STATUS(OK);
    w->faults = (struct faults){0};
    (void)work_refuse(w, status, "", rule, ja, en);
    reply_send(w);
}

static void give_up_unknown(struct work *w)
{
    engine_give_up(
        w, FLOW_STATUS(UNAVAILABLE), "P-STORE",
        "結果を確認できませんでした。同じ番号(id)"
        "で再送すれば、二重に処理されることはありません。",
        "The outcome could not be confirmed. Send again under the same id: it takes effect "
        "once.");
}

static void commit_unknown(struct work *w)
{
    int64_t now = clock_mono_ms();
    if (w->resend_until_ms == 0)
        w->resend_until_ms = now + RESEND_MS;
    if (now >= w->resend_until_ms) {
        give_up_unknown(w);
        return;
    }
    w->next = w->flow->resend;
    w->flow->resend = w;
}

void engine_sweep(void *flow)
{
    struct flow *f = flow;
    struct work *late = NULL;
    int64_t now = clock_mono_ms();
    load_views_moved(f);
    for (struct work **at = &f->resend; *at != NULL;) {
        struct work *w = *at;
        if (now < w->resend_until_ms) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = late;
        late = w;
    }
    while (late != NULL) {
        struct work *next = late->next;
        late->next = NULL;
        give_up_unknown(late);
        late = next;
    }
}

void engine_store_ready(struct flow *f)
{
    struct work *w = f->resend;
    f->resend = NULL;
    while (w != NULL) {
        struct work *next = w->next;
        w->next = NULL;
        commit_send(w);
        w = next;
    }
}

static void commit_conflict(struct work *w)
{
    metric_add(w->flow->m_conflicts, 1);
    if (++w->attempts >= LIMIT_COMMIT_ATTEMPTS) {
        engine_give_up(w, FLOW_STATUS(ABORTED), "P-CONFLICT",
                       "同じ記録が同時に変更されました。少し待って再送してください。",
                       "The same record was being changed. Wait a moment and send again.");
        return;
    }
    lock_release(w, true);
    work_restart(w);
}

/* In place of any refusal: what was not found may have been there. */
static void refuse_no_memory(struct work *w)
{
    work_reset_outcome(w);
    (void)work_refuse(w, FLOW_STATUS(RESOURCE_EXHAUSTED), "", "P-NO-MEMORY",
                      "メモリーが足りません。同じ内容をしばらくして再送してください。",
                      "There is no memory for it now: send the same bytes again in a moment.");
}

static void commit_duplicate(struct work *w, const struct commit_result *r)
{
    char *type = arena_strdup(&w->arena, r->reply_type == NULL ? "" : r->reply_type);
    w->reply = r->reply_bytes == 0 ? NULL : arena_dup(&w->arena, r->reply, r->reply_bytes);
    w->reply_bytes = r->reply_bytes;
    if (type == NULL || (w->reply == NULL && w->reply_bytes > 0)) { /* no OK without its answer */
        refuse_no_memory(w);
        reply_send(w);
        return;
    }
    w->duplicate = true;
    w->committed = true;
    w->commit_seq = r->seq;
    w->commit_at_ms = r->at_ms;
    w->reply_type = type;
    w->status = FLOW_STATUS(OK);
    w->faults = (struct faults){0};
    reply_send(w);
}

static void give_up_reused(void *arg, const struct commit_result *r)
{
    struct work *w = arg;
    if (r != NULL && r->status == COMMIT_OK)
        metric_add(w->flow->m_commits, 1);
    engine_give_up(w, FLOW_STATUS(ALREADY_EXISTS), "P-ID-REUSED",
                   "この番号(id)は別の内容で使われています。新しい番号で送ってください。",
                   "This id was used for other content. Send it under a new id.");
}

/* The journal is told once for each id: that commit leaves a receipt under an id that no party can
 * use. So a party cannot write more of these than it made effects; one that was revoked meanwhile
 * writes none: the sender as it was let in is guarded. False = it is not told. */
static bool journal_mismatch(struct work *w)
{
    Ismap__Liu__V1__IdReused n = ISMAP__LIU__V1__ID_REUSED__INIT;
    const char *audience[] = {w->actor};
    const char *cause = arena_printf(&w->arena, "reused~%s", w->request_id);
    if (cause == NULL || store_pressure(w->flow->store) != STORE_PRESSURE_NONE)
        return false;
    n.party = (char *)(uintptr_t)w->actor;
    n.id = (char *)(uintptr_t)w->request_id;
    n.request_hash = (ProtobufCBinaryData){.len = SHA256_BYTES, .data = w->request_hash};
    work_drop_reads(w);
    work_reset_outcome(w);
    w->cause = cause;
    work_emit(w, &n.base, audience, 1);
    if (w->failed || work_build_commit(w) != ERR_OK)
        return false;
    w->commit.receipt_id = cause;
    return store_commit(w->flow->store, STORE_MAIN, &w->commit, give_up_reused, w) == ERR_OK;
}

static void commit_mismatch(struct work *w)
{
    metric_add(w->flow->m_mismatches, 1);
    log_event(LOG_LEVEL_WARN, "id-reused", "a request id came again with other bytes", "party",
              w->actor, "id", w->request_id, NULL);
    if (!journal_mismatch(w))
        give_up_reused(w, NULL);
}

/* Receipts of its copies may have expired while it was under way: its machine slept. */
static bool is_old(const struct work *w)
{
    return w->envelope->sent_at_ms < flow_now_ms(w->flow) - LIMIT_RECEIPT_WINDOW_MS;
}

static void give_up_old(struct work *w)
{
    w->status = FLOW_STATUS(OK);
    w->faults = (struct faults){0};
    message_refuse_stale(w);
    reply_send(w);
}

/* When it is not old by our clock, that of Redis is wrong: the sender keeps the message until a
 * person has seen to it. */
static void commit_late(struct work *w)
{
    bool old = is_old(w);
    if (!old)
        log_event(LOG_LEVEL_ERROR, "store-clock",
                  "what was sent just now is too old by the clock of Redis: one clock is wrong",
                  NULL);
    if (w->resend_until_ms != 0) /* a try before may have taken effect */
        give_up_unknown(w);
    else if (old)
        give_up_old(w);
    else
        engine_give_up(w, FLOW_STATUS(UNAVAILABLE), "P-CLOCK",
                       "保存先の時計が合っていません。しばらくして再送してください。",
                       "The clock of the store is wrong. Send again later.");
}

/* Others need not wait for the ledger with it. */
static void commit_cold(struct work *w)
{
    lock_release(w, true);
    w->receipt_cold = true;
    if (w->receipt_until_ms != 0 && clock_mono_ms() >= w->receipt_until_ms)
        cold_receipt_later(w);
    else
        engine_receipt(w);
}

static void timer_commit_done(struct work *w, const struct commit_result *r)
{
    if (r->status == COMMIT_UNKNOWN || r->status == COMMIT_UNAVAILABLE ||
        r->status == COMMIT_CONFLICT)
        log_event(LOG_LEVEL_INFO, "timer-again", "a timer's commit did not hold; it fires again",
                  "timer", w->timer_member, NULL);
    timers_fired(w->flow, w->timer_member, r->status == COMMIT_OK);
    work_destroy(w);
}

static void on_commit(void *arg, const struct commit_result *r)
{
    struct work *w = arg;
    struct flow *f = w->flow;
    if (r->status == COMMIT_OK) {
        f->store_broken = false;
        metric_add(f->m_commits, 1);
        metric_observe_us(f->m_commit_us, clock_mono_us() - w->began_us);
        work_keep_puts(w);
    }
    if (w->source == WORK_TIMER) {
        timer_commit_done(w, r);
        return;
    }
    switch (r->status) {
    case COMMIT_OK:
        w->committed = true;
        w->commit_seq = r->seq;
        w->commit_at_ms = r->at_ms;
        reply_send(w);
        break;
    case COMMIT_CONFLICT:
        commit_conflict(w);
        break;
    case COMMIT_DUPLICATE:
        commit_duplicate(w, r);
        break;
    case COMMIT_MISMATCH:
        commit_mismatch(w);
        break;
    case COMMIT_REFUSED:
        engine_give_up(w, FLOW_STATUS(RESOURCE_EXHAUSTED), "P-LIMIT",
                       "受け付けられる量の上限を超えています。時間をおいて再送してください。",
                       r->text);
        break;
    case COMMIT_LATE:
        commit_late(w);
        break;
    case COMMIT_COLD:
        commit_cold(w);
        break;
    case COMMIT_UNKNOWN:
        commit_unknown(w);
        break;
    case COMMIT_BROKEN:
        f->store_broken = true;
        log_event(LOG_LEVEL_ERROR, "store-broken", "the store failed its own checks", "why",
                  r->text, NULL);
        engine_give_up(w, FLOW_STATUS(INTERNAL), "P-STORE",
                       "保存先の整合性検査に失敗しました。運用者に連絡してください。",
                       "The store failed its own checks. Tell the operator.");
        break;
    case COMMIT_UNAVAILABLE:
    default:
        engine_give_up(w, FLOW_STATUS(UNAVAILABLE), "P-STORE",
                       "保存先に接続できません。しばらくして再送してください。",
                       "The store cannot be reached. Send again in a moment.");
        break;
    }
}

/* A refusal may come from our own earlier effect (the record exists because the first copy of this
 * very message made it): the receipt tells. */
static void on_receipt(void *arg, const struct commit_result *r)
{
    struct work *w = arg;
    w->receipt_waits = false;
    if (r->status == COMMIT_COLD) {
        cold_receipt_later(w);
        return;
    }
    if (w->receipt_cold && r->status == COMMIT_OK) { /* it is the first, and decided anew */
        w->receipt_cold = false;
        work_restart(w);
        return;
    }
    w->receipt_checked = true;
    if (r->status == COMMIT_DUPLICATE)
        commit_duplicate(w, r);
    else if (r->status == COMMIT_MISMATCH)
        commit_mismatch(w);
    else if (r->status != COMMIT_OK)
        give_up_unknown(w);
    else if (is_old(w))
        give_up_old(w);
    else
        reply_send(w);
}

void engine_receipt(struct work *w)
{
    if (store_receipt(w->flow->store, w->actor, w->request_id, w->request_hash, on_receipt, w) !=
        ERR_OK)
        give_up_unknown(w);
}

static void message_refused(struct work *w)
{
    bool receipt = (w->row->flags & ROW_CHANGES) != 0 && (w->row->flags & ROW_NO_RECEIPT) == 0;
    if (!receipt || w->receipt_checked)
        reply_send(w);
    else
        engine_receipt(w);
}

void work_fail(struct work *w)
{
    if (w->arena.no_memory)
        refuse_no_memory(w);
    else if (w->status == FLOW_STATUS(OK))
        (void)work_refuse(w, FLOW_STATUS(RESOURCE_EXHAUSTED), "", "P-LIMIT",
                          "この要求を処理する資源の上限を超えました。",
                          "The request exceeds a limit of its processing.");
    if (w->source == WORK_MESSAGE)
        reply_send(w);
    else
        consumer_work_done(w, false);
}

static void message_decided(struct work *w)
{
    if (w->guessed && (work_refused(w) || !work_has_writes(w))) {
        w->certain = true; /* no commit would tell that the guess was wrong */
        work_restart(w);
        return;
    }
    if (work_refused(w)) {
        message_refused(w);
        return;
    }
    if (!work_has_writes(w)) {
        reply_send(w);
        return;
    }
    if (!locks_for_commit(w))
        return; /* runs again when the record is free */
    if (w->failed || work_build_commit(w) != ERR_OK) {
        work_fail(w);
        return;
    }
    commit_send(w);
}

static void timer_decided(struct work *w)
{
    if (work_refused(w))
        log_event(LOG_LEVEL_WARN, "timer-refused", "a timer found nothing to do", "timer",
                  w->timer_member, NULL);
    if (work_refused(w)) { /* it is deleted all the same */
        struct faults none = {0};
        w->n_puts = w->n_events = w->n_timers = 0;
        w->faults = none;
        w->status = FLOW_STATUS(OK);
    }
    if (work_build_commit(w) != ERR_OK) {
        timers_fired(w->flow, w->timer_member, false);
        work_destroy(w);
        return;
    }
    commit_send(w);
}

void work_run(struct work *w)
{
    bool refused = false;
    work_reset_outcome(w);
    if (w->n_reads == 0 && !w->head_loaded && !w->scan.loaded)
        w->now_ms = flow_now_ms(w->flow);
    if (w->envelope != NULL && w->envelope->deadline_ms > 0 &&
        w->now_ms > w->envelope->deadline_ms) {
        (void)work_refuse(w, FLOW_STATUS(DEADLINE_EXCEEDED), "deadlineMs", "P-DEADLINE",
                          "期限を過ぎています。", "The deadline has passed.");
        reply_send(w);
        return;
    }
    bool loaded = sender_again(w, &refused);
    enum decide d = DECIDE_DONE;
    if (!refused)
        d = w->decide(w, w->flow->state);
    if (d == DECIDE_DONE && loaded && !w->failed && !work_refused(w))
        cold_add_puts(w);
    if (w->failed) {
        work_fail(w);
    } else if (d == DECIDE_WAIT || !loaded) {
        work_load(w);
    } else if (cold_in_doubt(w)) {
        cold_seek(w);
    } else if (w->source == WORK_MESSAGE) {
        message_decided(w);
    } else if (w->source == WORK_TIMER) {
        timer_decided(w);
    } else {
        consumer_work_done(w, true);
    }
}

void work_restart(struct work *w)
{
    work_drop_reads(w);
    work_run(w);
}

void engine_destroy(struct flow *f)
{
    f->resend = NULL;
    f->view_waiters = NULL;
    f->first_later = NULL;
    f->cold_waiters = NULL;
    f->unsigned_replies = NULL;
    while (f->all_works != NULL) {
        struct work *w = f->all_works;
        w->n_locks = 0; /* nobody is woken any more */
        work_destroy(w);
    }
    locks_destroy(f);
    immutables_destroy(f);
}
