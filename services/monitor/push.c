/* PushAlerts: the numbered alerts of a feed, at the urgent and the bulk door; see push.h. */
#include "services/monitor/push.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "obs/log.h"
#include "wire/unpack.h"

static bool is_urgent(const struct push *p)
{
    return p->m->lane == ISMAP__LIU__V1__LANE__LANE_URGENT;
}

/* A door takes its own lane only: the lanes' records are then never fought over. */
static bool shape_wrong(struct work *w, const pb_push *m)
{
    bool urgent_door = strcmp(work_door(w), "urgent") == 0;
    bool urgent_lane = m->lane == ISMAP__LIU__V1__LANE__LANE_URGENT;
    if (urgent_door != urgent_lane)
        (void)work_refuse(w, STATUS(INVALID_ARGUMENT), "lane", "P-LANE",
                          "緊急の窓口には緊急レーン、一括の窓口には一括レーンで送ってください。",
                          "The urgent door takes the urgent lane, the bulk door the bulk lane.");
    if (urgent_lane && m->n_alerts > LIMIT_ALERTS_URGENT)
        (void)work_refuse(w, STATUS(INVALID_ARGUMENT), "alerts", "P-LIST",
                          "緊急の窓口では一度に16件までです。",
                          "The urgent door takes at most 16 alerts at a time.");
    return work_refused(w);
}

static enum decide refuse_lane(struct work *w, const struct lane_result *r)
{
    struct arena *a = work_arena(w);
    const char *ja = "番号は1から始め、世代(epoch)は1以上にしてください。";
    const char *en = "Numbers start at 1 and an epoch is at least 1.";
    switch (r->answer) {
    case LANE_GAP:
        ja = arena_printf(a,
                          "番号が飛んでいます。世代%" PRIu64 "の%" PRIu64 "番から送ってください。",
                          r->expected_epoch, r->expected_seq);
        en = arena_printf(a, "Numbers are missing: expected %" PRIu64 " in epoch %" PRIu64 ".",
                          r->expected_seq, r->expected_epoch);
        return work_refuse(w, STATUS(OUT_OF_RANGE), "firstSeq", "P-LANE-GAP", ja, en);
    case LANE_CHANGED:
        ja = arena_printf(
            a, "%" PRIu64 "番は別の内容で受領済みです。番号を失った場合は世代を上げてください。",
            r->changed_seq);
        en = arena_printf(a,
                          "Number %" PRIu64 " was taken with other content. A feed that lost its "
                          "counter starts a higher epoch.",
                          r->changed_seq);
        return work_refuse(w, STATUS(ALREADY_EXISTS), "firstSeq", "P-LANE-CHANGED", ja, en);
    case LANE_OLD_EPOCH:
        ja = arena_printf(a, "世代%" PRIu64 "が使われています。それ以上の世代で送ってください。",
                          r->expected_epoch);
        en = arena_printf(a, "Epoch %" PRIu64 " is in force; a lower one is not taken.",
                          r->expected_epoch);
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "epoch", "P-LANE-EPOCH", ja, en);
    case LANE_TAKEN:
    case LANE_INVALID:
    default:
        return work_refuse(w, STATUS(INVALID_ARGUMENT), "firstSeq", "P-LANE", ja, en);
    }
}

static enum err make_digests(struct push *p)
{
    size_t bytes;
    size_t n;
    const uint8_t *payload = work_payload(p->w, &bytes);
    enum err e = slices_find(payload, bytes, SLICES_FIELD_ALERTS, p->slices, LIMIT_ALERTS_BULK, &n);
    if (e != ERR_OK || n != p->m->n_alerts)
        return ERR_PROTO;
    lane_digests(p->slices, n, p->digests);
    return ERR_OK;
}

static enum decide refuse_door(struct push *p, enum door_answer answer)
{
    if (answer == DOOR_CLOSED)
        return work_refuse(
            p->w, STATUS(RESOURCE_EXHAUSTED), "", "P-URGENT-MISUSED",
            "緊急でない警報が続いたため、緊急の窓口は一時的に使えません。一括の窓口へ送って"
            "ください。",
            "The urgent door is closed to this feed for a while because it was used "
            "for what is not urgent. Use the bulk door.");
    return work_refuse(
        p->w, STATUS(RESOURCE_EXHAUSTED), "", "P-URGENT-RATE",
        "緊急の窓口の1分あたりの上限を超えました。少し待つか、一括の窓口へ送ってください。",
        "Beyond this feed's rate at the urgent door. Wait, or use the bulk door.");
}

/* Alerts below the top grade are no reason to use the urgent door; what has no grade may be one. */
static bool misused(const struct push *p)
{
    for (uint32_t i = p->skip; i < p->n; i++)
        if (p->severity[i] != SEVERITY_UNSET && (enum severity)p->severity[i] < p->rules.grade.top)
            return true;
    return false;
}

/* What was decided about a batch of the lane: just now, or as the stored lane remembers it. */
static void batch_outcomes(const struct push *p, pb_batch *b)
{
    if (p->n > p->skip && b->first_seq == p->m->first_seq + p->skip) {
        b->outcomes = p->outcomes;
        b->n_outcomes = p->n_outcomes < LIMIT_LANE_OUTCOMES ? p->n_outcomes : LIMIT_LANE_OUTCOMES;
        return;
    }
    for (size_t i = 0; p->lane != NULL && i < p->lane->n_recent; i++) {
        if (p->lane->recent[i]->first_seq != b->first_seq)
            continue;
        b->outcomes = p->lane->recent[i]->outcomes;
        b->n_outcomes = p->lane->recent[i]->n_outcomes;
    }
}

static bool lane_put(struct push *p, const char *id, const struct lane_state *s)
{
    struct arena *a = work_arena(p->w);
    pb_lane lane = ISMAP__LIU__V1__FEED_LANE__INIT;
    pb_batch *batches = arena_alloc(a, LANE_RECENT_MAX * sizeof *batches);
    lane.recent = arena_alloc(a, LANE_RECENT_MAX * sizeof *lane.recent);
    if (batches == NULL || lane.recent == NULL)
        return false;
    for (size_t i = 0; i < s->n_recent; i++) {
        ismap__liu__v1__taken_batch__init(&batches[i]);
        batches[i].first_seq = s->recent[i].first_seq;
        batches[i].digests = (ProtobufCBinaryData){
            .len = s->recent[i].n_bytes, .data = (uint8_t *)(uintptr_t)s->recent[i].digests};
        batch_outcomes(p, &batches[i]);
        lane.recent[lane.n_recent++] = &batches[i];
    }
    lane.feed = TEXT(p->feed_id);
    lane.lane = p->m->lane;
    lane.epoch = s->epoch;
    lane.next_seq = s->next_seq;
    lane.last_heard_ms = work_now_ms(p->w);
    lane.counted = (p->lane == NULL ? 0 : p->lane->counted) + p->counted;
    work_put(p->w, RECORD_LANE, id, &lane.base);
    return true;
}

/* The watch over a silent feed has rung, or may have: it starts again with the first word. */
static void watch_again(struct push *p)
{
    int64_t beat = (int64_t)p->feed->heartbeat_s * 1000;
    int64_t now = work_now_ms(p->w);
    if (beat > 0 && (p->lane == NULL || now - p->lane->last_heard_ms >= beat))
        work_timer(p->w, TIMER_WATCH, p->feed_id, now + beat);
}

/* Those of skipped alerts as they were decided then, behind them the new ones. */
static bool answer_outcomes(const struct push *p, Ismap__Liu__V1__AlertsTaken *t)
{
    size_t most = p->n_outcomes;
    for (size_t i = 0; p->skip > 0 && i < p->lane->n_recent; i++)
        most += p->lane->recent[i]->n_outcomes;
    t->outcomes = arena_alloc(work_arena(p->w), (most + 1) * sizeof *t->outcomes);
    if (t->outcomes == NULL)
        return false;
    for (size_t i = 0; p->skip > 0 && i < p->lane->n_recent; i++) {
        const pb_batch *b = p->lane->recent[i];
        for (size_t j = 0; j < b->n_outcomes; j++)
            if (b->outcomes[j]->seq >= p->m->first_seq &&
                b->outcomes[j]->seq - p->m->first_seq < p->skip)
                t->outcomes[t->n_outcomes++] = b->outcomes[j];
    }
    for (size_t i = 0; i < p->n_outcomes; i++)
        t->outcomes[t->n_outcomes++] = p->outcomes[i];
    return true;
}

static enum decide answer(struct push *p, uint64_t next_seq)
{
    Ismap__Liu__V1__AlertsTaken *t = arena_alloc(work_arena(p->w), sizeof *t);
    if (t == NULL)
        return work_no_memory(p->w);
    ismap__liu__v1__alerts_taken__init(t);
    if (!answer_outcomes(p, t))
        return work_no_memory(p->w);
    t->next_seq = next_seq;
    t->taken = p->n - p->skip;
    t->skipped = p->skip;
    work_reply(p->w, &t->base);
    return DECIDE_DONE;
}

/* All of it was there already. A feed may repeat its last alert to say that it lives. */
static enum decide nothing_new(struct push *p, const char *lane_id, const struct lane_state *s)
{
    int64_t beat = (int64_t)p->feed->heartbeat_s * 1000;
    p->n = p->skip;
    if (beat > 0 && work_now_ms(p->w) - p->lane->last_heard_ms >= beat / 4) {
        watch_again(p);
        if (!lane_put(p, lane_id, s))
            return work_no_memory(p->w);
        work_quiet(p->w);
    }
    return answer(p, s->next_seq);
}

static void count_metrics(const struct push *p)
{
    metric_add(p->mon->m_alerts, p->n - p->skip);
    for (size_t i = 0; i < p->n_outcomes; i++) {
        Ismap__Liu__V1__AlertVerdict v = p->outcomes[i]->verdict;
        if (v == ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_SUSPENDED)
            metric_add(p->mon->m_suspensions, 1);
        else if (v == ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_HELD_BY_BRAKE)
            metric_add(p->mon->m_held, 1);
        else if (v != ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_DUPLICATE)
            metric_add(p->mon->m_incidents, 1);
    }
}

/* The message as it came; behind it what was taken, when the message alone does not tell it: so
 * that a lane can be put right that a recovery finds behind its noise. */
static bool keep_noise(struct push *p, uint64_t next_seq, bool loud)
{
    struct arena *a = work_arena(p->w);
    pb_kept kept = ISMAP__LIU__V1__KEPT_ALERTS__INIT;
    Ismap__Liu__V1__TakenAlerts taken = ISMAP__LIU__V1__TAKEN_ALERTS__INIT;
    const uint8_t *mark;
    size_t bytes;
    size_t more;
    const uint8_t *payload = work_payload(p->w, &bytes);
    if (!loud && p->skip == 0 && p->n == p->m->n_alerts && p->counted == p->n) {
        work_noise(p->w, p->feed_id, payload, bytes);
        return true;
    }
    taken.next_seq = next_seq;
    taken.counted = p->counted;
    taken.in_journal = loud;
    taken.skipped = p->skip;
    kept.taken = &taken;
    if (wire_pack(a, &kept.base, &mark, &more) != ERR_OK)
        return false;
    uint8_t *both = arena_alloc(a, bytes + more);
    if (both == NULL)
        return false;
    memcpy(both, payload, bytes);
    memcpy(both + bytes, mark, more);
    work_noise(p->w, p->feed_id, both, bytes + more);
    return true;
}

static enum decide take(struct push *p, const char *lane_id, struct lane_state *s,
                        const struct lane_push *lp)
{
    struct work *w = p->w;
    uint64_t last = lp->first_seq + p->n - 1;
    /* Not the works' time, which stands still after a clock was set back: the door would stay shut.
     */
    int64_t now = clock_mono_ms();
    struct door *door = is_urgent(p) ? monitor_door(p->mon, p->feed_id, now) : NULL;
    if (door != NULL) {
        enum door_answer d =
            door_ask(door, p->feed->urgent_per_minute, lp->epoch, last, p->n - p->skip, now);
        if (d != DOOR_OPEN)
            return refuse_door(p, d);
    }
    enum err e = concerns_apply(p);
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    if (e != ERR_OK)
        return work_refuse(w, STATUS(ABORTED), "", "P-BUSY",
                           "処理が混み合っています。再送してください。",
                           "Too much changed at once. Send again.");
    if (door != NULL) {
        bool bad = misused(p);
        door_charge(door, lp->epoch, lp->first_seq + p->n - 1, p->n - p->skip, bad, now);
        if (bad)
            metric_add(p->mon->m_misuse, 1);
    }
    watch_again(p);
    concerns_put(p);
    lane_take(s, lp, p->skip, p->n);
    if (!lane_put(p, lane_id, s))
        return work_no_memory(w);
    bool loud = p->entries > 0 || p->brake_changed;
    for (size_t i = 0; i < p->n_concerns; i++)
        loud = loud || p->concerns[i].changed;
    if (p->archived > 0 && !keep_noise(p, s->next_seq, loud))
        return work_no_memory(w);
    if (!loud)
        work_quiet(w);
    count_metrics(p);
    return answer(p, s->next_seq);
}

static void number_changed(const struct push *p, const struct lane_result *r)
{
    char seq[24];
    (void)snprintf(seq, sizeof seq, "%" PRIu64, r->changed_seq);
    metric_add(p->mon->m_changed, 1);
    log_event(LOG_LEVEL_ERROR, "alert-number-changed",
              "a feed sent other bytes under a number that was taken", "feed", p->feed_id, "number",
              seq, NULL);
}

/* Grades and gathers before the feed's records are there, so that all is read in one round trip. */
static enum decide load(struct push *p, const char *lane_id, bool *loaded)
{
    struct work *w = p->w;
    *loaded = false;
    bool ok = work_get(w, RECORD_FEED, p->feed_id, (const void **)&p->feed);
    ok &= work_get(w, RECORD_LANE, lane_id, (const void **)&p->lane);
    if (p->lane != NULL && p->lane->epoch == p->m->epoch && p->lane->next_seq > p->m->first_seq) {
        uint64_t known = p->lane->next_seq - p->m->first_seq;
        p->skip = known < p->m->n_alerts ? (uint32_t)known : (uint32_t)p->m->n_alerts;
    }
    if (!work_rulebook(w, &p->rulebook, &p->rulebook_hash))
        return DECIDE_WAIT;
    if (p->rulebook == NULL || p->rulebook->incident == NULL)
        return work_refuse(
            w, STATUS(FAILED_PRECONDITION), "", "R82",
            "有効な規則集がありません。運用者が規則集を有効にするまで受領できません。",
            "No rulebook is in force: alerts cannot be graded until an operator "
            "activates one.");
    if (!map_incident_rules(work_arena(w), p->rulebook, &p->rules))
        return work_no_memory(w);
    if (concerns_gather(p) != ERR_OK)
        return work_no_memory(w);
    if (p->unmatched && !work_views_current(w))
        return DECIDE_WAIT; /* it may speak of a registration of this moment */
    ok &= concerns_load(p);
    if (!ok)
        return DECIDE_WAIT;
    if (p->feed == NULL || p->feed->revoked)
        return work_refuse(w, STATUS(PERMISSION_DENIED), "", "P-REVOKED",
                           "この通報元の登録は取り消されています。", "This feed has been revoked.");
    *loaded = true;
    return DECIDE_DONE;
}

enum decide push_alerts(struct work *w, void *service_state)
{
    const pb_push *m = work_message(w);
    if (shape_wrong(w, m))
        return DECIDE_DONE;
    struct push *p = arena_alloc(work_arena(w), sizeof *p);
    if (p == NULL)
        return work_no_memory(w);
    p->w = w;
    p->mon = service_state;
    p->m = m;
    p->feed_id = work_actor(w);
    const char *lane_id =
        arena_printf(work_arena(w), "%s/%s", p->feed_id, is_urgent(p) ? "urgent" : "bulk");
    if (lane_id == NULL)
        return work_no_memory(w);
    bool loaded;
    enum decide d = load(p, lane_id, &loaded);
    if (!loaded)
        return d;
    if (make_digests(p) != ERR_OK)
        return work_refuse(w, STATUS(INVALID_ARGUMENT), "alerts", "P-PAYLOAD",
                           "警報を読み取れません。", "The alerts cannot be read.");
    struct lane_state s = map_lane(p->lane);
    const struct lane_push lp = {.epoch = m->epoch,
                                 .first_seq = m->first_seq,
                                 .n = (uint32_t)m->n_alerts,
                                 .digests = p->digests};
    const struct lane_result r = lane_check(&s, &lp);
    if (r.answer == LANE_CHANGED && work_certain(w))
        number_changed(p, &r);
    if (r.answer != LANE_TAKEN)
        return refuse_lane(w, &r);
    if (r.skip == lp.n)
        return nothing_new(p, lane_id, &s);
    return take(p, lane_id, &s, &lp);
}
