/* Builds cases from shorthand; see fixture.h. */
#include "services/eligibility/fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "services/eligibility/map.h"
#include "tools/rulebook/rulebook.h"

void fixture_init(struct fixture *f)
{
    struct err_text why = {""};
    PB(Rulebook) *r = NULL;
    PB(TargetList) *t = NULL;
    arena_init(&f->arena, 512 * 1024 * 1024);
    if (rulebook_load(LIU_SOURCE_DIR "/rules/regime-a.yaml", &f->arena, &r, &why) != ERR_OK ||
        targets_load(LIU_SOURCE_DIR "/rules/targets.yaml", &f->arena, &t, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(map_rules(&f->arena, r, &f->rules), ERR_OK);
    assert_int_equal(map_list(&f->arena, t, &f->list), ERR_OK);
}

void fixture_fini(struct fixture *f)
{
    arena_fini(&f->arena);
}

static enum elig_answer answer_of_letter(char letter)
{
    switch (letter) {
    case 'Y':
        return ELIG_ANSWER_YES;
    case 'N':
        return ELIG_ANSWER_NO;
    case 'U':
        return ELIG_ANSWER_UNKNOWN;
    default:
        fail_msg("no such answer: %c", letter);
        return ELIG_ANSWER_UNSET;
    }
}

static void matching_answers(struct fixture *f, const char *code, struct elig_claim *out)
{
    const struct elig_target *t = elig_target_find(&f->list, code);
    if (t == NULL)
        return;
    struct elig_answered *a = arena_alloc(&f->arena, t->n_checklist * sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < t->n_checklist; i++)
        a[i] = (struct elig_answered){t->checklist[i].id, t->checklist[i].match};
    out->answers = a;
    out->n_answers = t->n_checklist;
}

static void spelled_answers(struct fixture *f, const char *code, const char *text,
                            struct elig_claim *out)
{
    struct elig_answered *a = arena_alloc(&f->arena, ELIG_QUESTIONS_MAX * sizeof *a);
    assert_non_null(a);
    size_t n = 0;
    for (const char *p = text; *p != '\0'; n++) {
        unsigned q = 0;
        char letter = 0;
        int used = 0;
        assert_int_equal(sscanf(p, " Q%u=%c %n", &q, &letter, &used), 2);
        const char *digits = code[0] != '\0' ? code + 3 : "0";
        a[n].question = arena_printf(&f->arena, "TB%s.Q%u", digits, q);
        a[n].answer = answer_of_letter(letter);
        p += used;
    }
    out->answers = a;
    out->n_answers = n;
}

static struct elig_claim claim_of(struct fixture *f, const char *code, const char *answers)
{
    struct elig_claim c = {.description = "定例の業務", .code = code};
    if (answers == NULL)
        matching_answers(f, code, &c);
    else
        spelled_answers(f, code, answers, &c);
    return c;
}

static enum elig_level level_of(char letter)
{
    static const char letters[] = "-LMH";
    const char *at = strchr(letters, letter);
    assert_non_null(at);
    return (enum elig_level)(at - letters);
}

static void items_of(struct fixture *f, const struct sheet_spec *s, struct elig_assessment *out)
{
    struct elig_item *items = arena_alloc(&f->arena, 16 * sizeof *items);
    assert_non_null(items);
    size_t n = 0;
    for (const char *p = s->levels; *p != '\0'; n++) {
        items[n] = (struct elig_item){s->item_class != 0 ? s->item_class : 2, level_of(p[0]),
                                      level_of(p[1]), level_of(p[2])};
        p += p[3] == ',' ? 4 : 3;
    }
    out->items = items;
    out->n_items = n;
}

struct elig_case *fixture_case(struct fixture *f, const struct case_spec *spec)
{
    struct elig_case *c = arena_alloc(&f->arena, sizeof *c);
    struct elig_assessment *sheets = arena_alloc(&f->arena, SHEETS_MAX * sizeof *sheets);
    int32_t day;
    assert_non_null(c);
    assert_non_null(sheets);
    assert_int_equal(date_parse(spec->received != NULL ? spec->received : "2024-04-01", &day),
                     ERR_OK);
    *c = (struct elig_case){
        .id = "case-1",
        .provider = "csp-a",
        .model = spec->model != ELIG_MODEL_UNSET ? spec->model : ELIG_MODEL_SAAS,
        .confidentiality_class = spec->provider_class != 0 ? spec->provider_class : 2,
        .business = claim_of(f, spec->code, spec->answers),
        .assessments = sheets,
        .asked_ministries = spec->asked,
        .submitted_at_ms = date_start_ms(day) + 3600 * 1000,
    };
    while (c->n_asked < 3 && spec->asked[c->n_asked] != NULL)
        c->n_asked++;
    for (size_t i = 0; i < SHEETS_MAX && spec->sheets[i].ministry != NULL; i++) {
        const struct sheet_spec *s = &spec->sheets[i];
        const char *answers = s->answers != NULL || s->code != NULL ? s->answers : spec->answers;
        sheets[i] = (struct elig_assessment){
            .ministry = s->ministry,
            .body = s->body != NULL ? s->body : s->ministry,
            .bureau = s->bureau != NULL ? s->bureau : "",
            .business = claim_of(f, s->code != NULL ? s->code : spec->code, answers),
            .received_at_ms = s->received_at_ms,
        };
        items_of(f, s, &sheets[i]);
        c->n_assessments++;
    }
    return c;
}

struct elig_verdict fixture_judge(struct fixture *f, const struct elig_case *c,
                                  const struct elig_confirmation *k)
{
    struct elig_verdict v;
    const struct elig_input in = {
        .c = c, .rules = &f->rules, .list = &f->list, .confirmation = k, .now_ms = FIXTURE_NOW_MS};
    assert_int_equal(elig_judge(&f->arena, &in, &v), ERR_OK);
    return v;
}

struct elig_verdict fixture_run(struct fixture *f, const struct case_spec *spec,
                                const struct elig_confirmation *k)
{
    return fixture_judge(f, fixture_case(f, spec), k);
}

const char *fixture_word(const struct elig_verdict *v)
{
    static const char *const results[] = {"OPEN", "ELIGIBLE", "NOT_ELIGIBLE", "NOT_NEEDED"};
    static const char *const states[] = {"NONE",      "MINISTRY", "CONFIRMATION",
                                         "APPLICANT", "DECIDED",  "REVIEW"};
    return v->state == ELIG_STATE_DECIDED ? results[v->result] : states[v->state];
}

const struct elig_finding *fixture_finding(const struct elig_verdict *v, const char *rule,
                                           const char *fact)
{
    for (size_t i = 0; i < v->n_findings; i++)
        if (strcmp(v->findings[i].rule, rule) == 0 && strstr(v->findings[i].fact, fact) != NULL)
            return &v->findings[i];
    return NULL;
}

const char *fixture_text(struct fixture *f, const struct elig_verdict *v)
{
    static const char *const outcomes[] = {"?", "MET", "NOT_MET", "OPEN", "NOTE"};
    struct buf b;
    buf_init(&b, 1024 * 1024);
    (void)buf_printf(&b, "verdict      %s\nregime       %s\nmatched      %s\nwaits_for    %s\n",
                     fixture_word(v), v->regime, v->matched_code, v->waits_for);
    (void)buf_printf(&b, "decided      %lld by %s\nvalid_until  %s\nproposes     %s\n",
                     (long long)v->decided_at_ms, v->decided_by, v->valid_until,
                     v->proposes_list_addition ? "yes" : "no");
    for (size_t i = 0; i < v->n_findings; i++) {
        const struct elig_finding *x = &v->findings[i];
        (void)buf_printf(&b, "\n%s %s\n  ja   %s\n  en   %s\n  fact %s\n  cite %s\n", x->rule,
                         outcomes[x->outcome], x->criterion_ja, x->criterion_en, x->fact,
                         x->citation);
        if (x->evidence_en[0] != '\0')
            (void)buf_printf(&b, "  need %s\n  need %s\n", x->evidence_ja, x->evidence_en);
    }
    (void)buf_put(&b, "", 1);
    assert_false(b.failed);
    const char *text = arena_dup(&f->arena, b.data, b.len);
    buf_fini(&b);
    assert_non_null(text);
    return text;
}
