/* Feeds (通報元) as records: who may push alerts, for what, and how far it may act alone. Changed
 * only by signed messages of operators.
 */
#include <string.h>

#include "flow/claims.h"
#include "services/monitor/monitor.h"

static enum decide feed_changed(struct work *w, const pb_feed *f)
{
    Ismap__Liu__V1__PartyChanged n = ISMAP__LIU__V1__PARTY_CHANGED__INIT;
    n.id = f->id;
    n.revoked = f->revoked;
    n.feed = true;
    work_put(w, RECORD_FEED, f->id, &f->base);
    work_emit(w, &n.base, NULL, 0);
    bool watched = f->heartbeat_s > 0 && !f->revoked;
    work_timer(w, TIMER_WATCH, f->id,
               watched ? work_now_ms(w) + (int64_t)f->heartbeat_s * 1000 : -1);
    return DECIDE_DONE;
}

static bool feed_wrong(struct work *w, const pb_feed *f)
{
    for (size_t i = 0; i < f->n_speaks_for; i++)
        if (strcmp(f->speaks_for[i], "*") == 0 && f->n_speaks_for > 1)
            (void)work_refuse(w, STATUS(INVALID_ARGUMENT), "feed.speaksFor", "R83",
                              "* は単独で指定してください。", "* stands alone.");
    if (f->revoked)
        (void)work_refuse(w, STATUS(INVALID_ARGUMENT), "feed.revoked", "P-FIELD",
                          "取り消しには RevokeFeed を使ってください。",
                          "Use RevokeFeed to revoke.");
    return work_refused(w);
}

enum decide add_feed(struct work *w, void *service_state)
{
    const Ismap__Liu__V1__AddFeed *m = work_message(w);
    const pb_feed *before;
    (void)service_state;
    if (!work_get(w, RECORD_FEED, m->feed->id, (const void **)&before))
        return DECIDE_WAIT;
    if (before != NULL && !m->replace)
        return work_refuse(
            w, STATUS(ALREADY_EXISTS), "feed.id", "P-EXISTS",
            "この識別子の通報元は登録済みです。変更するには replace を指定してください。",
            "A feed of this id exists. Set replace to change it.");
    const char *holder = arena_printf(work_arena(w), "f:%s", m->feed->id);
    if (holder == NULL)
        return work_no_memory(w);
    if (!claim_keys(w, holder, before == NULL ? NULL : before->keys, m->feed->keys, "feed.keys"))
        return DECIDE_WAIT;
    if (work_refused(w) || feed_wrong(w, m->feed))
        return DECIDE_DONE;
    pb_feed f = *m->feed;
    f.changed_at_ms = work_now_ms(w);
    f.changed_by = TEXT(work_actor(w));
    return feed_changed(w, &f);
}

enum decide revoke_feed(struct work *w, void *service_state)
{
    const Ismap__Liu__V1__RevokeFeed *m = work_message(w);
    const pb_feed *before;
    (void)service_state;
    if (!work_get(w, RECORD_FEED, m->id, (const void **)&before))
        return DECIDE_WAIT;
    if (before == NULL)
        return work_refuse(w, STATUS(NOT_FOUND), "id", "P-NOT-FOUND", "その通報元はありません。",
                           "There is no such feed.");
    if (before->revoked)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "id", "P-REVOKED",
                           "この通報元は取り消し済みです。", "The feed has been revoked already.");
    const char *holder = arena_printf(work_arena(w), "f:%s", m->id);
    if (holder == NULL)
        return work_no_memory(w);
    if (!claim_keys(w, holder, before->keys, NULL, ""))
        return DECIDE_WAIT;
    pb_feed f = *before;
    f.revoked = true;
    f.changed_at_ms = work_now_ms(w);
    f.changed_by = TEXT(work_actor(w));
    return feed_changed(w, &f);
}

/* Each asks for two records, and a work may ask for so many. */
#define FEEDS_A_PAGE 50
#define LANES_MAX 60

/* When the feed was heard last, over both of its lanes; false = to be read first. */
static bool feed_heard(struct work *w, const pb_feed *f, Ismap__Liu__V1__FeedHeard *out)
{
    static const char *const lanes[] = {"urgent", "bulk"};
    bool ok = true;
    for (size_t i = 0; i < 2; i++) {
        const pb_lane *lane = NULL;
        const char *id = arena_printf(work_arena(w), "%s/%s", f->id, lanes[i]);
        ok &= id != NULL && work_get(w, RECORD_LANE, id, (const void **)&lane);
        if (ok && lane != NULL && lane->last_heard_ms > out->last_heard_ms)
            out->last_heard_ms = lane->last_heard_ms;
    }
    int64_t since = out->last_heard_ms > f->changed_at_ms ? out->last_heard_ms : f->changed_at_ms;
    out->silent = f->heartbeat_s > 0 && !f->revoked &&
                  work_now_ms(w) >= since + (int64_t)f->heartbeat_s * 1000;
    return ok;
}

enum decide list_feeds(struct work *w, void *service_state)
{
    const Ismap__Liu__V1__ListFeeds *m = work_message(w);
    struct work_page page;
    (void)service_state;
    uint32_t max = m->max == 0 || m->max > FEEDS_A_PAGE ? FEEDS_A_PAGE : m->max;
    if (!work_scan(w, RECORD_FEED, m->page, max, &page))
        return DECIDE_WAIT;
    struct arena *a = work_arena(w);
    Ismap__Liu__V1__FeedList *list = arena_alloc(a, sizeof *list);
    pb_feed **feeds = arena_alloc(a, (page.n + 1) * sizeof(pb_feed *));
    Ismap__Liu__V1__FeedHeard *rows = arena_alloc(a, (page.n + 1) * sizeof *rows);
    Ismap__Liu__V1__FeedHeard **heard = arena_alloc(a, (page.n + 1) * sizeof *heard);
    if (list == NULL || feeds == NULL || rows == NULL || heard == NULL)
        return work_no_memory(w);
    ismap__liu__v1__feed_list__init(list);
    bool loaded = true;
    for (size_t i = 0; i < page.n; i++) {
        feeds[i] = (pb_feed *)(uintptr_t)page.messages[i];
        ismap__liu__v1__feed_heard__init(&rows[i]);
        heard[i] = &rows[i];
        if (i < LANES_MAX) /* a page may be larger than was asked for */
            loaded &= feed_heard(w, feeds[i], &rows[i]);
    }
    if (!loaded)
        return DECIDE_WAIT;
    list->n_feeds = list->n_heard = page.n;
    list->heard = heard;
    list->feeds = feeds;
    list->next_page = TEXT(page.next_page);
    work_reply(w, &list->base);
    return DECIDE_DONE;
}
