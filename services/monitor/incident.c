/* Incident records; see incident.h. */
#include "services/monitor/incident.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "crypto/crypto.h"

#define ID_PREFIX "inc-"
#define FIND_TRIES 8

bool incident_topic(enum topic_kind kind, const char *feed, const char *number, uint32_t part,
                    char out[BOOK_TOPIC_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];
    const uint8_t head[2] = {(uint8_t)kind, (uint8_t)part};
    const struct crypto_part parts[] = {
        {head, sizeof head}, {feed, strlen(feed)}, {number, strlen(number)}};
    if (crypto_digest("ismap-liu/v1/topic", parts, sizeof parts / sizeof parts[0], digest) !=
        ERR_OK)
        return false;
    text_base32(digest, 10, out);
    return true;
}

bool incident_id_read(const char *id, char topic[BOOK_TOPIC_BYTES], uint32_t *n)
{
    const size_t prefix = sizeof ID_PREFIX - 1;
    uint64_t number;
    if (strlen(id) < prefix + BOOK_TOPIC_BYTES + 2 || strncmp(id, ID_PREFIX, prefix) != 0 ||
        id[prefix + BOOK_TOPIC_BYTES] != '-' ||
        text_u64(id + prefix + BOOK_TOPIC_BYTES + 1, UINT32_MAX, &number) != ERR_OK)
        return false;
    memcpy(topic, id + prefix, BOOK_TOPIC_BYTES);
    *n = (uint32_t)number;
    return true;
}

bool incident_find(struct work *w, const struct monitor *mon,
                   const char topic[BOOK_TOPIC_BYTES + 1], const char **id,
                   const pb_incident **stored)
{
    uint32_t n = book_guess(mon->book, topic);
    *stored = NULL;
    for (unsigned tries = 0; tries < FIND_TRIES; tries++, n++) {
        *id = arena_printf(work_arena(w), ID_PREFIX "%s-%u", topic, (unsigned)n);
        if (*id == NULL)
            return true;
        if (!work_get(w, RECORD_INCIDENT, *id, (const void **)stored))
            return false;
        if (*stored == NULL || incident_is_open((enum incident_state)(*stored)->state))
            return true;
    }
    *stored = NULL;
    *id = NULL;
    return true;
}

/* Room for the parts an incident may get within one work. */
static bool make_room(struct arena *a, pb_incident *inc)
{
    pb_source **sources = arena_alloc(a, INCIDENT_SOURCES_MAX * sizeof(pb_source *));
    pb_step **steps = arena_alloc(a, INCIDENT_STEPS_MAX * sizeof(pb_step *));
    if (sources == NULL || steps == NULL)
        return false;
    size_t n = inc->n_sources < INCIDENT_SOURCES_MAX ? inc->n_sources : INCIDENT_SOURCES_MAX;
    if (n > 0)
        memcpy(sources, inc->sources, n * sizeof(pb_source *));
    inc->sources = sources;
    inc->n_sources = n;
    n = inc->n_steps < INCIDENT_STEPS_MAX ? inc->n_steps : INCIDENT_STEPS_MAX;
    if (n > 0)
        memcpy(steps, inc->steps, n * sizeof(pb_step *));
    inc->steps = steps;
    inc->n_steps = n;
    return true;
}

pb_incident *incident_new(struct arena *a, const char *id, const char *number,
                          const pb_alert *alert, const char *rulebook_hash, int64_t now_ms)
{
    pb_incident *inc = arena_alloc(a, sizeof *inc);
    if (inc == NULL)
        return NULL;
    ismap__liu__v1__incident__init(inc);
    inc->id = TEXT(id);
    inc->number = TEXT(number);
    inc->rulebook_hash = TEXT(rulebook_hash);
    inc->first_alert = (pb_alert *)(uintptr_t)alert;
    inc->opened_at_ms = now_ms;
    return make_room(a, inc) ? inc : NULL;
}

pb_incident *incident_edit(struct arena *a, const pb_incident *stored)
{
    pb_incident *inc = arena_dup(a, stored, sizeof *stored);
    return inc != NULL && make_room(a, inc) ? inc : NULL;
}

static size_t source_of(const pb_incident *inc, const char *feed, enum severity severity)
{
    for (size_t i = 0; i < inc->n_sources; i++)
        if ((enum severity)inc->sources[i]->severity == severity &&
            strcmp(inc->sources[i]->feed, feed) == 0)
            return i;
    return inc->n_sources;
}

bool incident_source_is_news(const pb_incident *inc, const char *feed, enum severity severity,
                             int64_t now_ms)
{
    size_t i = source_of(inc, feed, severity);
    return i == inc->n_sources || now_ms - inc->sources[i]->at_ms >= INCIDENT_REFRESH_MS;
}

bool incident_add_source(struct arena *a, pb_incident *inc, const pb_source *source, bool *news)
{
    *news =
        incident_source_is_news(inc, source->feed, (enum severity)source->severity, source->at_ms);
    if (!*news)
        return true;
    pb_source *copy = arena_dup(a, source, sizeof *source);
    if (copy == NULL)
        return false;
    size_t at = source_of(inc, source->feed, (enum severity)source->severity);
    if (at == inc->n_sources && at == INCIDENT_SOURCES_MAX) {
        at = 0;
        for (size_t i = 1; i < inc->n_sources; i++)
            if (inc->sources[i]->at_ms < inc->sources[at]->at_ms)
                at = i;
    } else if (at == inc->n_sources) {
        inc->n_sources++;
    }
    inc->sources[at] = copy;
    return true;
}

bool incident_add_step(struct arena *a, pb_incident *inc, enum incident_state state, const char *by,
                       const char *reason, int64_t now_ms)
{
    pb_step *step = arena_alloc(a, sizeof *step);
    if (step == NULL)
        return false;
    ismap__liu__v1__incident_step__init(step);
    step->at_ms = now_ms;
    step->by = TEXT(by);
    step->state = (Ismap__Liu__V1__IncidentState)state;
    step->reason = TEXT(reason);
    if (inc->n_steps == INCIDENT_STEPS_MAX) {
        memmove(&inc->steps[1], &inc->steps[2], (INCIDENT_STEPS_MAX - 2) * sizeof(pb_step *));
        inc->n_steps--;
    }
    inc->steps[inc->n_steps++] = step;
    inc->state = step->state;
    return true;
}

void incident_because(pb_incident *inc, enum reason reason)
{
    const struct reason_text *t = reason_text_of(reason);
    inc->why_ja = TEXT(t->ja);
    inc->why_en = TEXT(t->en);
    inc->grade_rule = TEXT(t->rule);
}
