/* What monitor keeps in memory: where alerts belong (from listings), which incidents are open (from
 * incidents), how fast feeds push. All of it is rebuilt at start.
 */
#include "services/monitor/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "obs/log.h"
#include "services/monitor/incident.h"
#include "services/monitor/map.h"

static void metrics_register(struct monitor *mon)
{
    mon->m_alerts = metrics_counter("liu_monitor_alerts_total", "", "alerts taken");
    mon->m_incidents = metrics_counter("liu_monitor_incidents_total", "", "incidents opened");
    mon->m_suspensions =
        metrics_counter("liu_monitor_suspensions_total", "", "suspensions decided");
    mon->m_held = metrics_counter("liu_monitor_held_total", "", "suspensions the brake held back");
    mon->m_changed = metrics_counter("liu_monitor_numbers_changed_total", "",
                                     "alerts that came again under their number with other bytes");
    mon->m_silent = metrics_counter("liu_monitor_feeds_silent_total", "",
                                    "times a feed was silent for longer than its heartbeat");
    mon->m_misuse = metrics_counter("liu_monitor_urgent_misused_total", "",
                                    "messages on the urgent door that were not urgent");
}

enum err monitor_create(const struct service_env *env, void **state, struct err_text *why)
{
    (void)env;
    struct sip_key secret;
    struct monitor *mon = calloc(1, sizeof *mon);
    *state = mon;
    if (mon == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    enum err e = crypto_random(&secret, sizeof secret);
    if (e == ERR_OK)
        e = match_create(&secret, LISTINGS_MAX, &mon->current);
    if (e == ERR_OK)
        e = match_create(&secret, LISTINGS_MAX, &mon->others);
    if (e == ERR_OK)
        e = book_create(&secret, &mon->book);
    mon->doors = calloc(DOORS_MAX, sizeof *mon->doors);
    if (e == ERR_OK && mon->doors == NULL)
        e = ERR_NOMEM;
    if (e != ERR_OK) {
        monitor_destroy(mon);
        *state = NULL;
        return err_say(why, e, "monitor cannot start: %s", err_name(e));
    }
    metrics_register(mon);
    return ERR_OK;
}

void monitor_destroy(void *state)
{
    struct monitor *mon = state;
    if (mon == NULL)
        return;
    match_destroy(mon->current);
    match_destroy(mon->others);
    book_destroy(mon->book);
    free(mon->doors);
    free(mon);
}

static void index_put(struct match_index *ix, const pb_listing *l)
{
    size_t left_out = 0;
    struct match_listing ml = map_listing(l);
    enum err e = match_put(ix, &ml, &left_out);
    if (e != ERR_OK)
        log_event(LOG_LEVEL_ERROR, "listing-not-indexed",
                  "alerts cannot be matched to this listing by all of its identities", "number",
                  l->number, "why", err_name(e), NULL);
    else if (left_out > 0)
        log_event(LOG_LEVEL_WARN, "identity-unreadable",
                  "some identities of this listing cannot be read and never match", "number",
                  l->number, NULL);
}

void monitor_listing_changed(void *state, const char *id, uint64_t revision,
                             const ProtobufCMessage *m)
{
    struct monitor *mon = state;
    const pb_listing *l = (const pb_listing *)(const void *)m;
    (void)revision;
    match_remove(mon->current, id);
    match_remove(mon->others, id);
    if (l == NULL)
        return;
    enum listing_state s = (enum listing_state)l->state;
    if (map_registered(l))
        index_put(mon->current, l);
    else if (s == LISTING_APPLIED || s == LISTING_EXPIRED || s == LISTING_CANCELLED)
        index_put(mon->others, l);
}

void monitor_incident_changed(void *state, const char *id, uint64_t revision,
                              const ProtobufCMessage *m)
{
    struct monitor *mon = state;
    const pb_incident *inc = (const pb_incident *)(const void *)m;
    char topic[BOOK_TOPIC_BYTES];
    uint32_t n;
    (void)revision;
    if (inc == NULL || !incident_id_read(id, topic, &n))
        return;
    if (book_note(mon->book, topic, n, incident_is_open((enum incident_state)inc->state)) != ERR_OK)
        log_event(LOG_LEVEL_WARN, "incident-not-noted", "an open incident may be found late", "id",
                  id, NULL);
}

struct match_found monitor_match(const struct monitor *mon, const struct match_ref *ref)
{
    struct match_found f = match_find(mon->current, ref);
    return f.how == MATCH_NOTHING ? match_find(mon->others, ref) : f;
}

struct door *monitor_door(struct monitor *mon, const char *feed, int64_t now_ms)
{
    struct feed_door *oldest = NULL;
    for (size_t i = 0; i < mon->n_doors; i++) {
        struct feed_door *d = &mon->doors[i];
        if (strcmp(d->feed, feed) == 0) {
            d->used_ms = now_ms;
            return &d->door;
        }
        if (oldest == NULL || d->used_ms < oldest->used_ms)
            oldest = d;
    }
    struct feed_door *d = mon->n_doors < DOORS_MAX ? &mon->doors[mon->n_doors++] : oldest;
    *d = (struct feed_door){.used_ms = now_ms};
    (void)text_copy(d->feed, sizeof d->feed, feed);
    return &d->door;
}
