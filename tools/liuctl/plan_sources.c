/* Files and records into what the planner takes. */
#include "liuctl/plan_sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/rows.h"
#include "base/text.h"
#include "liuctl/store_session.h"
#include "rulebook/rulebook.h"
#include "services/audit/audit_record.h"
#include "services/audit/catalogue_load.h"
#include "services/audit/catalogue_oscal.h"
#include "wire/unpack.h"

void plan_faults_print(const struct cli *c, const struct audit_faults *f)
{
    if (c->json)
        return;
    for (size_t i = 0; i < audit_faults_kept(f); i++)
        (void)printf("%s: [%s] %s\n", f->items[i].field, f->items[i].rule,
                     c->ja ? f->items[i].ja : f->items[i].en);
    if (f->n > audit_faults_kept(f))
        (void)printf(c->ja ? "ほか %zu 件\n" : "and %zu more\n", f->n - audit_faults_kept(f));
}

static int from_record(struct cli *c, const Ismap__Liu__V1__Catalogue *m, struct plan_sources *s)
{
    struct audit_faults faults = {.n = 0};
    s->catalogue_version = m->version;
    enum err e = audit_record_catalogue(&c->arena, m, &s->catalogue, &faults);
    if (e == ERR_OK)
        return CLI_OK;
    plan_faults_print(c, &faults);
    return cli_fail(c, CLI_INPUT, c->ja ? "管理基準 %s: %s" : "catalogue %s: %s", m->version,
                    err_name(e));
}

int plan_catalogue_read(struct cli *c, struct cli_args *a, const char *path, struct plan_sources *s)
{
    struct err_text why = {""};
    const char *tiers = cli_option(a, "--tier-map");
    size_t n = strlen(path);
    if (n > 5 && strcmp(path + n - 5, ".json") == 0)
        return catalogue_oscal_load(&c->arena, path, tiers, &s->catalogue, &s->catalogue_version,
                                    NULL, &why) == ERR_OK
                   ? CLI_OK
                   : cli_fail(c, CLI_INPUT, "%s", why.text);
    if (tiers != NULL)
        return cli_usage(c, c->ja ? "--tier-map は OSCAL の管理基準 (.json) にだけ使えます"
                                  : "--tier-map is for OSCAL catalogues (.json)");
    Ismap__Liu__V1__Catalogue *m = NULL;
    const char *version = s->catalogue_version[0] == '\0' ? NULL : s->catalogue_version;
    if (catalogue_load(&c->arena, path, version, &m, NULL, NULL, &why) != ERR_OK)
        return cli_fail(c, CLI_INPUT, "%s", why.text);
    return from_record(c, m, s);
}

struct stored {
    struct session session;
    struct arena *arena;
    ProtobufCMessage *found;
};

static void on_catalogue(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct stored *st = arg;
    st->session.err = e;
    st->session.done = true;
    if (e == ERR_OK && n == 1 && records[0].exists)
        st->session.err = wire_unpack(st->arena, &ismap__liu__v1__catalogue__descriptor,
                                      records[0].value, records[0].bytes, &st->found);
}

int plan_catalogue_stored(struct cli *c, const char *version, struct plan_sources *s)
{
    struct stored st = {.arena = &c->arena};
    struct store_key key = {.kind = RECORD_CATALOGUE, .id = version};
    int status = session_open(c, &st.session, true);
    if (status == CLI_OK && store_read(st.session.store, &key, 1, on_catalogue, &st) != ERR_OK)
        status = cli_redis_away(c);
    else if (status == CLI_OK)
        status = session_wait(&st.session);
    session_close(&st.session);
    if (status != CLI_OK)
        return status;
    if (st.found == NULL)
        return cli_fail(
            c, CLI_REFUSED,
            c->ja ? "管理基準 %s は登録されていません。liuctl catalogue list で確かめてください"
                  : "catalogue %s is not in the store: see liuctl catalogue list",
            version);
    return from_record(c, (void *)st.found, s);
}

static int read_rulebook(struct cli *c, const char *path, struct plan_sources *s)
{
    struct err_text why = {""};
    Ismap__Liu__V1__Rulebook *rules = NULL;
    if (rulebook_load(path, &c->arena, &rules, &why) != ERR_OK)
        return cli_fail(c, CLI_INPUT, "%s", why.text);
    if (rules->audit == NULL)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s: audit: 監査の規則がありません" : "%s: audit: no audit rules",
                        path);
    char hash[RULEBOOK_HASH_BYTES];
    const uint8_t *data = NULL;
    size_t bytes = 0;
    if (rulebook_canonical(&c->arena, rules, &data, &bytes, hash) != ERR_OK ||
        audit_record_policy(&c->arena, rules->audit, &s->policy) != ERR_OK)
        return cli_no_memory(c);
    s->rulebook_hash = arena_strdup(&c->arena, hash);
    return s->rulebook_hash == NULL ? CLI_TEMPORARY : CLI_OK;
}

int plan_sources_read(struct cli *c, struct cli_args *a, struct plan_sources *s)
{
    *s = (struct plan_sources){.catalogue_version = ""};
    const char *catalogue = cli_option(a, "--catalogue");
    const char *rulebook = cli_option(a, "--rulebook");
    const char *id;
    size_t n = 0;
    if (catalogue == NULL || rulebook == NULL)
        return cli_usage(c, c->ja ? "--catalogue と --rulebook を指定してください"
                                  : "give --catalogue FILE and --rulebook FILE");
    while ((id = cli_option(a, "--exclude")) != NULL) {
        if (n == PLAN_EXCLUDED_MAX)
            return cli_usage(c,
                             c->ja ? "除外できる管理策は %d 件までです"
                                   : "at most %d controls can be excluded",
                             PLAN_EXCLUDED_MAX);
        char *own = arena_strdup(&c->arena, id);
        char *reason = own == NULL ? NULL : strchr(own, '=');
        if (reason == NULL || reason[1] == '\0')
            return cli_usage(c, c->ja ? "--exclude: ID=理由 の形で指定してください"
                                      : "--exclude: give ID=REASON");
        *reason++ = '\0';
        s->excluded[n++] = (struct plan_excluded){own, reason};
    }
    int status = plan_catalogue_read(c, a, catalogue, s);
    if (status == CLI_OK)
        status = read_rulebook(c, rulebook, s);
    if (status == CLI_OK)
        status = audit_record_keys(&c->arena, &s->catalogue, &s->policy) == ERR_OK ? CLI_OK
                                                                                   : CLI_TEMPORARY;
    s->in = (struct plan_input){
        .catalogue = &s->catalogue, .policy = &s->policy, .excluded = s->excluded, .n_excluded = n};
    return status;
}

int plan_basis_of_record(struct cli *c, const Ismap__Liu__V1__AuditPlan *m, struct plan_sources *s)
{
    struct plan_input in = s->in;
    enum err e = audit_record_basis(&c->arena, m, &in);
    if (e == ERR_NOMEM)
        return cli_no_memory(c);
    if (e != ERR_OK)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "basis.appliedOn: YYYY-MM-DD の日付ではありません"
                              : "basis.appliedOn: not YYYY-MM-DD");
    if (s->in.n_excluded > 0) { /* given by hand: the plan is checked against these */
        in.excluded = s->in.excluded;
        in.n_excluded = s->in.n_excluded;
    }
    s->in = in;
    return CLI_OK;
}

int plan_basis_read(struct cli *c, struct cli_args *a, struct plan_sources *s)
{
    const char *basis = cli_option(a, "--basis");
    const char *previous = cli_option(a, "--previous");
    const char *open = cli_option(a, "--open-year");
    int32_t first_year = s->in.first_year;
    int status = CLI_OK;
    uint64_t year = 0;
    if (open != NULL && (text_u64(open, 2900, &year) != ERR_OK || year < 1900))
        return cli_usage(c, c->ja ? "--open-year: 1900 から 2900 までの年です"
                                  : "--open-year: a year from 1900 to 2900");
    if (basis != NULL) {
        Ismap__Liu__V1__AuditPlan m = ISMAP__LIU__V1__AUDIT_PLAN__INIT;
        m.basis = (void *)cli_read_message(c, &ismap__liu__v1__plan_basis__descriptor, basis);
        status = m.basis == NULL ? CLI_INPUT : plan_basis_of_record(c, &m, s);
        s->in.first_year = first_year;
    }
    if (status == CLI_OK && previous != NULL) {
        const Ismap__Liu__V1__AuditPlan *m = plan_record_read(c, previous);
        if (m == NULL || audit_record_before(&c->arena, m, &s->in) != ERR_OK)
            return CLI_INPUT;
    }
    if (year != 0)
        s->in.open_year = (int32_t)year;
    return status;
}

char *plan_rows_read(struct cli *c, const char *path)
{
    size_t bytes = 0;
    char *text = cli_read_file(c, path, &bytes);
    const char *bad = text == NULL ? NULL : rows_encoding_fault(text, bytes, c->ja);
    if (bad == NULL)
        return text;
    (void)cli_fail(c, CLI_INPUT, c->ja ? "%s: %s" : "%s %s", path, bad);
    return NULL;
}

/* "9.2.1,internal,2025,failed" into an entry; the text is cut in place. */
static const char *history_row(char *row, struct plan_history *out)
{
    static const char *const results[] = {"", "passed", "failed", "skipped"};
    char *fields[5];
    uint64_t year = 0;
    size_t n = rows_cut(row, fields, 5);
    size_t result = n < 4 ? 0 : 1;
    if (n < 3 || n > 4)
        return "not control,party,year[,result]";
    while (n == 4 && result < 4 && strcmp(fields[3], results[result]) != 0)
        result++;
    if (result == 4)
        return "result must be passed, failed or skipped";
    if (strcmp(fields[1], "external") != 0 && strcmp(fields[1], "internal") != 0)
        return "party must be external or internal";
    if (text_u64(fields[2], 2900, &year) != ERR_OK || year < 1900)
        return "year must be 1900 to 2900";
    *out = (struct plan_history){.id = fields[0],
                                 .party = fields[1][0] == 'e' ? PLAN_EXTERNAL : PLAN_INTERNAL,
                                 .year = (int32_t)year,
                                 .result = (enum plan_result)result};
    return NULL;
}

int plan_history_read(struct cli *c, const char *path, struct plan_sources *s)
{
    struct rows rows;
    char *row;
    size_t lines = 1;
    size_t n = 0;
    int status = CLI_OK;
    char *text = plan_rows_read(c, path);
    if (text == NULL)
        return CLI_INPUT;
    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    if (lines > PLAN_HISTORY_MAX)
        return cli_fail(c, CLI_INPUT, c->ja ? "%s: %d 行を超えています" : "%s: more than %d lines",
                        path, PLAN_HISTORY_MAX);
    struct plan_history *h = arena_alloc(&c->arena, lines * sizeof *h);
    if (h == NULL)
        return CLI_TEMPORARY;
    rows_begin(&rows, text, "control,");
    while ((row = rows_next(&rows)) != NULL) {
        const char *bad = history_row(row, &h[n]);
        if (bad != NULL)
            status = cli_fail(c, CLI_INPUT, "%s:%u: %s", path, rows.line, bad);
        else if (catalogue_find(&s->catalogue, h[n].id) == NULL)
            cli_note(c,
                     c->ja ? "%s:%u: %s は管理基準にないため読み飛ばしました"
                           : "%s:%u: %s is not in the catalogue: passed over",
                     path, rows.line, h[n].id);
        else
            n++;
    }
    s->in.history = h;
    s->in.n_history = n;
    return status;
}

const Ismap__Liu__V1__AuditPlan *plan_record_read(struct cli *c, const char *path)
{
    return (void *)cli_read_message(c, &ismap__liu__v1__audit_plan__descriptor, path);
}
