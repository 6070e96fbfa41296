/* Clocks that ring an operator's alarm: a held suspension (R92), report deadlines (R80), a silent
 * feed.
 *
 * A timer that finds its cause gone does nothing; firing removes it unless it is set again here.
 */
#include "services/monitor/map.h"
#include "services/monitor/suspend.h"

enum decide timer_brake(struct work *w, void *service_state)
{
    const char *id = work_timer_record(w);
    const pb_incident *inc;
    const pb_rulebook *rb;
    const char *hash;
    (void)service_state;
    bool ok = work_get(w, RECORD_INCIDENT, id, (const void **)&inc);
    ok &= work_rulebook(w, &rb, &hash);
    if (!ok)
        return DECIDE_WAIT;
    if (inc == NULL || (enum incident_state)inc->state != INCIDENT_HELD)
        return DECIDE_DONE;
    const struct reason_text *t = reason_text_of(REASON_BRAKE);
    alarm_ring(w, id, t->kind, t->ja, t->en);
    int64_t clock_s = rb == NULL || rb->incident == NULL ? 0 : rb->incident->brake_clock_s;
    if (clock_s > 0)
        work_timer(w, TIMER_BRAKE, id, work_now_ms(w) + clock_s * 1000);
    return DECIDE_DONE;
}

static enum decide report_due(struct work *w, const char *kind, const char *ja, const char *en)
{
    const char *id = work_timer_record(w);
    const pb_incident *inc;
    if (!work_get(w, RECORD_INCIDENT, id, (const void **)&inc))
        return DECIDE_WAIT;
    if (inc != NULL && incident_is_open((enum incident_state)inc->state))
        alarm_ring(w, id, kind, ja, en);
    return DECIDE_DONE;
}

enum decide timer_report(struct work *w, void *service_state)
{
    (void)service_state;
    return report_due(w, "PRELIM_DUE", "速報の期限を過ぎました。提出状況を確認してください。",
                      "The preliminary report is due: check whether it has come.");
}

enum decide timer_final(struct work *w, void *service_state)
{
    (void)service_state;
    return report_due(w, "FINAL_DUE", "確報(様式7)の期限を過ぎました。提出状況を確認してください。",
                      "The final report (Form 7) is due: check whether it has come.");
}

/* Rings once: the watch is set again by the feed's next word (watch_again in push.c). */
enum decide timer_watch(struct work *w, void *service_state)
{
    const char *id = work_timer_record(w);
    const pb_feed *feed;
    const pb_lane *lanes[2];
    struct monitor *mon = service_state;
    const char *urgent = arena_printf(work_arena(w), "%s/urgent", id);
    const char *bulk = arena_printf(work_arena(w), "%s/bulk", id);
    if (urgent == NULL || bulk == NULL)
        return work_no_memory(w);
    bool ok = work_get(w, RECORD_FEED, id, (const void **)&feed);
    ok &= work_get(w, RECORD_LANE, urgent, (const void **)&lanes[0]);
    ok &= work_get(w, RECORD_LANE, bulk, (const void **)&lanes[1]);
    if (!ok)
        return DECIDE_WAIT;
    if (feed == NULL || feed->revoked || feed->heartbeat_s == 0)
        return DECIDE_DONE;
    int64_t heard = feed->changed_at_ms;
    for (size_t i = 0; i < 2; i++)
        if (lanes[i] != NULL && lanes[i]->last_heard_ms > heard)
            heard = lanes[i]->last_heard_ms;
    int64_t due = heard + (int64_t)feed->heartbeat_s * 1000;
    if (due > work_now_ms(w)) {
        work_timer(w, TIMER_WATCH, id, due);
        return DECIDE_DONE;
    }
    const char *ja = arena_printf(work_arena(w), "通報元 %s から%u秒以上通報がありません。", id,
                                  (unsigned)feed->heartbeat_s);
    const char *en = arena_printf(work_arena(w), "Feed %s has been silent for %u s or more.", id,
                                  (unsigned)feed->heartbeat_s);
    if (ja == NULL || en == NULL)
        return work_no_memory(w);
    metric_add(mon->m_silent, 1);
    alarm_ring(w, "", "FEED_SILENT", ja, en);
    return DECIDE_DONE;
}
