/* How the services are, and any message by hand. */
#include <string.h>

#include "ismap/liu/v1/health.pb-c.h"
#include "liuctl/commands.h"
#include "wire/unpack.h"

static const char *const names[] = {"intake", "eligibility", "audit", "monitor",
                                    "urgent", "bulk",        "ledger"};

static int service_of(const char *name)
{
    for (int i = 0; name != NULL && i < CLI_SERVICES; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static const char *digits(struct cli *c, uint64_t n)
{
    return arena_printf(&c->arena, "%llu", (unsigned long long)n);
}

static const char *ready_word(const struct cli *c, bool ready)
{
    if (c->ja)
        return ready ? "可" : "不可";
    return ready ? "yes" : "NO";
}

/* A service that is down, or answers that it cannot. */
static void silent(struct cli *c, struct cli_table *t, const char *name)
{
    const Ismap__Liu__V1__Reply *r = c->reply;
    const char *why = c->ja ? "応答なし" : "no answer";
    if (r != NULL && r->n_details > 0)
        why = c->ja ? r->details[0]->message_ja : r->details[0]->message_en;
    else if (r != NULL)
        why = cli_status_name(r->status);
    const char *cells[] = {name, ready_word(c, false), "", "", "", "", "", why};
    if (c->json)
        cli_print_json(c, json_pack("{s:s,s:b,s:s}", "service", name, "ready", 0, "whyNot", why));
    else
        cli_table_row(c, t, 8, cells);
}

int cmd_status(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[] = {"SERVICE",   "READY",  "HEAD",    "BEHIND",
                                          "IN FLIGHT", "MEMORY", "VERSION", "WHY NOT"};
    static const char *const head_ja[] = {"サービス", "準備",   "最終番号", "遅れ",
                                          "処理中",   "記憶域", "版",       "理由"};
    if (!cli_done(c, a))
        return CLI_USAGE;
    int status = cli_load_keys(c);
    if (status != CLI_OK)
        return status;
    if (c->config.timeout_ms > 3000)
        c->config.timeout_ms = 3000;
    struct cli_table t = {0};
    cli_table_row(c, &t, 8, c->ja ? head_ja : head_en);
    int worst = CLI_OK;
    for (int i = 0; i < CLI_SERVICES; i++) {
        if (i == CLI_URGENT || i == CLI_BULK || c->config.endpoints[i][0] == '\0')
            continue;
        Ismap__Liu__V1__GetHealth m = ISMAP__LIU__V1__GET_HEALTH__INIT;
        ProtobufCMessage *answer;
        int one = cli_request_quiet(c, (enum cli_service)i, &m.base, false, &answer);
        const Ismap__Liu__V1__Health *h = (void *)answer;
        if (one != CLI_OK || h == NULL) {
            silent(c, &t, names[i]);
            worst = CLI_TEMPORARY;
            continue;
        }
        if (c->json)
            cli_print(c, answer);
        uint64_t behind = h->head_seq > h->consumed_seq ? h->head_seq - h->consumed_seq : 0;
        const char *cells[] = {h->service,
                               ready_word(c, h->ready),
                               digits(c, h->head_seq),
                               digits(c, behind),
                               digits(c, h->requests_in_flight),
                               strcmp(h->memory_pressure, "none") == 0 ? "ok" : h->memory_pressure,
                               h->version,
                               h->why_not};
        cli_table_row(c, &t, 8, cells);
        worst = h->ready ? worst : CLI_TEMPORARY;
    }
    if (!c->json)
        cli_table_print(c, &t);
    return worst;
}

int cmd_health(struct cli *c, struct cli_args *a)
{
    int to = service_of(cli_next(a));
    if (to < 0 || !cli_done(c, a))
        return cli_usage(c, c->ja ? "サービス名: intake eligibility audit monitor ledger"
                                  : "which service: intake, eligibility, audit, monitor, ledger?");
    Ismap__Liu__V1__GetHealth m = ISMAP__LIU__V1__GET_HEALTH__INIT;
    ProtobufCMessage *answer;
    int status = cli_request(c, (enum cli_service)to, &m.base, false, &answer);
    cli_print(c, answer);
    const Ismap__Liu__V1__Health *h = (void *)answer;
    return status == CLI_OK && h != NULL && !h->ready ? CLI_TEMPORARY : status;
}

int cmd_version(struct cli *c, struct cli_args *a)
{
    (void)printf("liuctl %s\n", LIU_VERSION);
    return cli_done(c, a) ? CLI_OK : CLI_USAGE;
}

int cmd_call(struct cli *c, struct cli_args *a)
{
    bool sign = cli_flag(a, "--sign");
    int to = service_of(cli_next(a));
    const char *type = cli_next(a);
    const char *path = cli_next(a);
    if (to < 0 || type == NULL || path == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "サービス、型、ファイルを指定してください"
                                  : "give a service, a message type and a file");
    const char *full =
        strchr(type, '.') != NULL ? type : arena_printf(&c->arena, "ismap.liu.v1.%s", type);
    const ProtobufCMessageDescriptor *d = full == NULL ? NULL : wire_type(full);
    if (d == NULL)
        return cli_usage(c, c->ja ? "そのような型はありません: %s" : "no such message type: %s",
                         type);
    ProtobufCMessage *m = cli_read_message(c, d, path);
    if (m == NULL)
        return CLI_INPUT;
    return cli_ask(c, (enum cli_service)to, m, sign);
}
