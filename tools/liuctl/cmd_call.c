/* One service asked, and any message by hand. */
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
    if (!cli_done(c, a) || to < 0 || type == NULL || path == NULL)
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
