/* The decision on one alert; see decide.h. */
#include "services/monitor/core/decide.h"

#include <string.h>

bool decide_speaks_for(const struct decide_feed *feed, const char *number)
{
    for (size_t i = 0; number != NULL && i < feed->n_speaks_for; i++)
        if (strcmp(feed->speaks_for[i], "*") == 0 || strcmp(feed->speaks_for[i], number) == 0)
            return true;
    return false;
}

static bool brake_window_over(const struct brake *b, const struct decide_rules *rules,
                              int64_t now_ms)
{
    return b->suspensions == 0 ||
           (now_ms >= b->window_start_ms && now_ms - b->window_start_ms >= rules->brake_window_ms);
}

bool brake_allows(const struct brake *b, const struct decide_rules *rules, int64_t now_ms)
{
    return rules->brake_suspensions == 0 || brake_window_over(b, rules, now_ms) ||
           b->suspensions < rules->brake_suspensions;
}

void brake_count(struct brake *b, const struct decide_rules *rules, int64_t now_ms)
{
    if (brake_window_over(b, rules, now_ms)) {
        b->window_start_ms = now_ms;
        b->suspensions = 0;
    }
    if (b->suspensions < UINT32_MAX)
        b->suspensions++;
}

static bool counts(const struct decide_rules *rules, const struct decide_source *s, int64_t now_ms)
{
    return s->operator_body[0] != '\0' && s->severity >= rules->top &&
           s->at_ms >= now_ms - rules->corroboration_window_ms;
}

/* Distinct operators of the incident's sources and of this alert. */
static uint32_t independent_operators(const struct decide_rules *rules,
                                      const struct decide_feed *feed,
                                      const struct decide_facts *facts, int64_t now_ms)
{
    uint32_t n = feed->operator_body[0] != '\0';
    for (size_t i = 0; i < facts->n_sources; i++) {
        const struct decide_source *s = &facts->sources[i];
        bool known = strcmp(s->operator_body, feed->operator_body) == 0;
        for (size_t k = 0; k < i && !known; k++)
            known = counts(rules, &facts->sources[k], now_ms) &&
                    strcmp(s->operator_body, facts->sources[k].operator_body) == 0;
        n += !known && counts(rules, s, now_ms);
    }
    return n;
}

/* For a person; when that person has been told already, one more source. */
static struct decision for_person(const struct decide_facts *facts, enum reason reason, bool rings)
{
    bool told = facts->incident != INCIDENT_NONE && facts->severity <= facts->incident_severity;
    return (struct decision){.outcome = told ? OUTCOME_JOIN : OUTCOME_INCIDENT,
                             .reason = reason,
                             .rings = rings && !told};
}

/* The top grade for one registered listing that is not suspended. */
static struct decision decide_top(const struct decide_rules *rules, const struct decide_feed *feed,
                                  const struct decide_facts *facts, const struct brake *brake,
                                  int64_t now_ms)
{
    if (!decide_speaks_for(feed, facts->number))
        return for_person(facts, REASON_NO_SAY, true);
    struct decision d = {.has_say = true};
    bool alone = feed->acts_alone_up_to >= facts->severity;
    d.operators = independent_operators(rules, feed, facts, now_ms);
    bool several =
        rules->corroborating_operators > 0 && d.operators >= rules->corroborating_operators;
    if (!alone && !several) {
        uint32_t operators = d.operators;
        d = for_person(facts, REASON_NOT_ALONE, true);
        d.has_say = true;
        d.operators = operators;
        return d;
    }
    if (!brake_allows(brake, rules, now_ms)) {
        d.outcome = facts->incident == INCIDENT_HELD ? OUTCOME_JOIN : OUTCOME_HELD;
        d.reason = REASON_BRAKE;
        d.rings = d.outcome == OUTCOME_HELD;
        return d;
    }
    d.outcome = OUTCOME_SUSPEND;
    d.reason = alone ? REASON_ALONE : REASON_CORROBORATED;
    return d;
}

struct decision decide_alert(const struct decide_rules *rules, const struct decide_feed *feed,
                             const struct decide_facts *facts, const struct brake *brake,
                             int64_t now_ms)
{
    bool top = facts->severity >= rules->top;
    bool matched = facts->match != MATCH_NOTHING && facts->match != MATCH_UNCLEAR;
    if (facts->severity == SEVERITY_UNSET)
        return for_person(facts, REASON_UNGRADED, true);
    if (facts->severity < rules->incident_from)
        return (struct decision){.outcome = OUTCOME_COUNT, .reason = REASON_BELOW};
    if (!matched)
        return for_person(facts, facts->match == MATCH_UNCLEAR ? REASON_UNCLEAR : REASON_UNMATCHED,
                          top);
    if (facts->suspended) {
        struct decision d = for_person(facts, REASON_ALREADY_SUSPENDED, false);
        d.has_say = decide_speaks_for(feed, facts->number);
        return d;
    }
    if (!facts->registered)
        return for_person(facts, REASON_NOT_REGISTERED, top);
    if (!top) {
        struct decision d = for_person(facts, REASON_FOR_PERSON, false);
        d.has_say = decide_speaks_for(feed, facts->number);
        return d;
    }
    return decide_top(rules, feed, facts, brake, now_ms);
}
