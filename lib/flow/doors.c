/* Doors with one CURVE key, or with two while a service's key is changed.
 *
 * There are two pairs of settings, a key file and the endpoints served under it; the doors of a
 * pair are open while its key file is there. What is open follows settings and files at start and
 * at SIGHUP: first all that is wanted is opened, then what is not wanted is let go. A door on its
 * way out serves on while somebody is connected, drain_ms at most, answers what is under way, and
 * is closed; who was cut off sends again at the other one, where the same id meets its receipt. */
#include "flow/internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/text.h"

#define TICK_MS 200 /* and how long a shut door stays for its last answers to leave */

struct key_pair {
    struct curve_keys keys; /* public_z85 empty = not there */
    int64_t at_ms;
};

struct wanted {
    const char *name;
    const char *endpoint;
    bool urgent;
    const struct key_pair *pair;
};

/* ---- what is wanted */

static enum err pair_load(const char *path, struct key_pair *out, struct err_text *why)
{
    struct stat st;
    *out = (struct key_pair){.at_ms = 0};
    enum err e = curve_keys_load(path, &out->keys, why);
    if (e != ERR_OK)
        return e;
    if (stat(path, &st) == 0)
        out->at_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return ERR_OK;
}

/* A pair whose file is missing is closed; one of the two must be there, and a faulty file is a
 * fault. */
static enum err pairs_load(const struct flow_settings *set, struct key_pair pairs[2],
                           struct err_text *why)
{
    struct err_text second_why = {""};
    const char *second = set->second_curve_key_file;
    bool has_second = second != NULL && second[0] != '\0';
    pairs[1] = (struct key_pair){.at_ms = 0};
    enum err first = pair_load(set->curve_key_file, &pairs[0], why);
    if (!has_second || (first != ERR_OK && first != ERR_NOT_FOUND))
        return first;
    enum err e = pair_load(second, &pairs[1], &second_why);
    if (e == ERR_NOT_FOUND)
        return first;
    if (e == ERR_OK && set->second_endpoint[0] == '\0')
        e = err_say(&second_why, ERR_CONFIG, "second_curve_key_file needs a second_endpoint");
    if (e != ERR_OK)
        *why = second_why;
    return e;
}

static void pairs_wipe(struct key_pair pairs[2])
{
    curve_keys_wipe(&pairs[0].keys);
    curve_keys_wipe(&pairs[1].keys);
}

enum err doors_check(const struct flow_settings *set, struct err_text *why)
{
    struct key_pair pairs[2];
    enum err e = pairs_load(set, pairs, why);
    pairs_wipe(pairs);
    return e;
}

/* A door's endpoint is a string setting of the service. */
static const char *setting_text(const struct flow *f, const char *name, const char *fallback)
{
    for (size_t i = 0; name != NULL && i < f->svc->n_settings; i++)
        if (strcmp(f->svc->settings[i].name, name) == 0)
            return *(char *const *)(const void *)((const char *)f->svc_settings +
                                                  f->svc->settings[i].offset);
    return fallback;
}

/* The doors of both pairs, one after the other; false behind the last. A door of the second pair
 * without an endpoint is not wanted: its endpoint is empty. */
static bool wanted_at(const struct flow *f, const struct key_pair pairs[2], size_t i,
                      struct wanted *out)
{
    size_t each = f->svc->n_doors + 1;
    if (i >= 2 * each)
        return false;
    bool second = i >= each;
    *out = (struct wanted){.name = "main",
                           .endpoint = second ? f->set.second_endpoint : f->set.endpoint,
                           .pair = &pairs[second]};
    if (i % each < f->svc->n_doors) {
        const struct door_row *d = &f->svc->doors[i % each];
        out->name = d->name;
        out->urgent = d->urgent;
        out->endpoint =
            second ? setting_text(f, d->second, "") : setting_text(f, d->setting, d->fallback);
    }
    if (out->endpoint == NULL)
        out->endpoint = "";
    return true;
}

static bool is_wanted(const struct flow *f, const struct key_pair pairs[2],
                      const struct flow_door *d)
{
    struct wanted w;
    for (size_t i = 0; wanted_at(f, pairs, i, &w); i++)
        if (w.pair->keys.public_z85[0] != '\0' && strcmp(w.name, d->name) == 0 &&
            strcmp(w.endpoint, d->asked) == 0 &&
            strcmp(w.pair->keys.public_z85, d->public_z85) == 0)
            return true;
    return false;
}

/* ---- opening */

static struct flow_door *door_find(struct flow *f, const struct wanted *w)
{
    for (size_t i = 0; i < FLOW_DOORS_MAX; i++) {
        struct flow_door *d = &f->doors[i];
        if (d->door != NULL && d->state != FLOW_DOOR_SHUT && strcmp(d->name, w->name) == 0 &&
            strcmp(d->asked, w->endpoint) == 0 &&
            strcmp(d->public_z85, w->pair->keys.public_z85) == 0)
            return d;
    }
    return NULL;
}

static struct flow_door *door_place(struct flow *f)
{
    for (size_t i = 0; i < FLOW_DOORS_MAX; i++)
        if (f->doors[i].door == NULL)
            return &f->doors[i];
    return NULL;
}

static bool endpoint_taken(const struct flow *f, const char *endpoint)
{
    for (size_t i = 0; i < FLOW_DOORS_MAX; i++)
        if (f->doors[i].door != NULL && strcmp(f->doors[i].asked, endpoint) == 0)
            return true;
    return false;
}

static enum err door_open(struct flow *f, const struct wanted *w, struct err_text *why)
{
    struct flow_door *d = door_place(f);
    if (d == NULL)
        return err_say(why, ERR_LIMIT, "too many doors at once: wait until old ones are closed");
    if (f->phase == FLOW_READY && endpoint_taken(f, w->endpoint))
        return err_say(why, ERR_EXISTS,
                       "%s is served under another key: open the new one at the other endpoint",
                       w->endpoint);
    *d = (struct flow_door){.flow = f, .urgent = w->urgent, .key_at_ms = w->pair->at_ms};
    (void)text_copy(d->name, sizeof d->name, w->name);
    (void)text_copy(d->asked, sizeof d->asked, w->endpoint);
    memcpy(d->public_z85, w->pair->keys.public_z85, sizeof d->public_z85);
    struct bus_door_config c = {
        .name = d->name,
        .endpoint = w->endpoint,
        .zap_domain = f->svc->name,
        .keys = &w->pair->keys,
        .profile = w->urgent ? BUS_SERVER_URGENT : BUS_SERVER,
        .priority = w->urgent ? 0 : 3,
        /* where there is an urgent door, the others give way after a few messages */
        .messages_per_turn = !w->urgent && f->svc->n_doors > 0 ? 4 : 0,
        .message = message_arrived,
        .garbage = message_garbage,
        .arg = d,
    };
    enum err e = bus_open(f->bus, &c, &d->door, why);
    if (e != ERR_OK) {
        d->door = NULL;
        return e;
    }
    log_event(LOG_LEVEL_INFO, "door-open", "listening", "door", d->name, "endpoint",
              bus_endpoint(d->door), "key", d->public_z85, NULL);
    return ERR_OK;
}

/* A door is old while one of its name has a key of a later file (with files of one moment: a later
 * place, which the second pair has). */
static void mark_old(struct flow *f)
{
    for (size_t i = 0; i < FLOW_DOORS_MAX; i++) {
        struct flow_door *d = &f->doors[i];
        bool was = d->old;
        d->old = false;
        for (size_t k = 0; d->door != NULL && k < FLOW_DOORS_MAX; k++) {
            const struct flow_door *o = &f->doors[k];
            d->old |= k != i && o->door != NULL && o->state == FLOW_DOOR_OPEN &&
                      strcmp(o->name, d->name) == 0 && strcmp(o->public_z85, d->public_z85) != 0 &&
                      (o->key_at_ms > d->key_at_ms || (o->key_at_ms == d->key_at_ms && k > i));
        }
        if (d->old && !was)
            memset(d->users, 0, sizeof d->users);
    }
}

static enum err open_missing(struct flow *f, const struct key_pair pairs[2], size_t *opened,
                             struct err_text *why)
{
    struct wanted w;
    enum err all = ERR_OK;
    for (size_t i = 0; wanted_at(f, pairs, i, &w); i++) {
        if (w.pair->keys.public_z85[0] == '\0' || (w.pair == &pairs[1] && w.endpoint[0] == '\0'))
            continue;
        struct flow_door *d = door_find(f, &w);
        if (d != NULL) {
            d->state = FLOW_DOOR_OPEN; /* wanted again */
            d->key_at_ms = w.pair->at_ms;
            continue;
        }
        enum err e = door_open(f, &w, why);
        *opened += e == ERR_OK;
        all = all == ERR_OK ? e : all;
        if (e != ERR_OK && f->phase == FLOW_READY)
            log_event(LOG_LEVEL_ERROR, "door-failed", why->text, "door", w.name, "endpoint",
                      w.endpoint, NULL);
    }
    return all;
}

enum err doors_open(struct flow *f, struct err_text *why)
{
    struct key_pair pairs[2];
    size_t opened = 0;
    enum err e = pairs_load(&f->set, pairs, why);
    if (e == ERR_OK)
        e = open_missing(f, pairs, &opened, why);
    pairs_wipe(pairs);
    mark_old(f);
    f->doors_late = false;
    return e;
}

/* ---- closing */

static bool has_works(const struct flow *f, const struct flow_door *d)
{
    for (const struct work *w = f->all_works; w != NULL; w = w->next_all)
        if (w->door == d)
            return true;
    return false;
}

static void door_tick(struct flow_door *d, int64_t now)
{
    struct flow *f = d->flow;
    if (d->state == FLOW_DOOR_LEAVING && (bus_connections(d->door) == 0 || now >= d->until_ms)) {
        d->state = FLOW_DOOR_SHUT;
        bus_pause(d->door, true);
        fetch_answer_all(f, d);
    } else if (d->state == FLOW_DOOR_SHUT && !has_works(f, d)) {
        log_event(LOG_LEVEL_INFO, "door-closed", "no longer listening", "door", d->name, "endpoint",
                  bus_endpoint(d->door), "key", d->public_z85, NULL);
        bus_close(d->door);
        *d = (struct flow_door){.flow = f};
    }
}

static void on_tick(void *flow)
{
    struct flow *f = flow;
    int64_t now = clock_mono_ms();
    bool more = false;
    f->doors_timer = NULL;
    for (size_t i = 0; i < FLOW_DOORS_MAX; i++) {
        struct flow_door *d = &f->doors[i];
        if (d->door != NULL && d->state != FLOW_DOOR_OPEN)
            door_tick(d, now);
        more |= d->door != NULL && d->state != FLOW_DOOR_OPEN;
    }
    mark_old(f);
    if (more && f->phase != FLOW_STOPPING &&
        loop_add_timer(f->loop, TICK_MS, 0, on_tick, f, &f->doors_timer) != ERR_OK)
        log_event(LOG_LEVEL_ERROR, "door-failed", "no timer is left: old doors stay open", NULL);
}

static void let_go(struct flow *f, const struct key_pair pairs[2])
{
    char n[24];
    bool any = false;
    for (size_t i = 0; i < FLOW_DOORS_MAX; i++) {
        struct flow_door *d = &f->doors[i];
        if (d->door == NULL || d->state != FLOW_DOOR_OPEN || is_wanted(f, pairs, d))
            continue;
        any = true;
        d->state = FLOW_DOOR_LEAVING;
        d->until_ms = clock_mono_ms() + f->set.drain_ms;
        (void)snprintf(n, sizeof n, "%u", bus_connections(d->door));
        log_event(LOG_LEVEL_INFO, "door-leaving", "closes when nobody is connected, or soon",
                  "door", d->name, "endpoint", bus_endpoint(d->door), "connections", n, NULL);
    }
    if (any && f->doors_timer == NULL)
        on_tick(f);
}

void doors_follow(struct flow *f)
{
    struct key_pair pairs[2];
    struct err_text why = {""};
    size_t opened = 0;
    if (f->phase != FLOW_READY) {
        f->doors_late = f->phase == FLOW_PROBING;
        return; /* before that, doors_open reads the settings */
    }
    f->doors_late = false;
    enum err e = pairs_load(&f->set, pairs, &why);
    if (e != ERR_OK)
        log_event(LOG_LEVEL_ERROR, "door-failed", why.text, NULL);
    else if (open_missing(f, pairs, &opened, &why) == ERR_OK)
        let_go(f, pairs);
    pairs_wipe(pairs);
    mark_old(f);
    if (opened > 0)
        flow_probe(f);
}

void doors_pause(struct flow *f)
{
    for (size_t i = 0; i < FLOW_DOORS_MAX; i++)
        if (f->doors[i].door != NULL)
            bus_pause(f->doors[i].door, true);
}
