/* Follows the events of this party: one JSON object a line; the cursor file is written after the
 * line is out, so a restart repeats at most what it may have printed and never skips.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/commands.h"
#include "wire/json.h"
#include "wire/unpack.h"

#define WAIT_MS 5000

struct cursor {
    char epoch[33];
    uint64_t seq;
};

static void cursor_read(const char *path, struct cursor *cur)
{
    FILE *f = path == NULL ? NULL : fopen(path, "re");
    char seq[32] = "";
    if (f == NULL)
        return;
    if (fscanf(f, "%32s %31s", cur->epoch, seq) != 2 ||
        text_u64(seq, UINT64_MAX, &cur->seq) != ERR_OK)
        *cur = (struct cursor){.epoch = ""};
    (void)fclose(f);
}

static int cursor_write(struct cli *c, const char *path, const struct cursor *cur)
{
    if (path == NULL)
        return CLI_OK;
    const char *tmp = arena_printf(&c->arena, "%s.new", path);
    FILE *f = tmp == NULL ? NULL : fopen(tmp, "we");
    bool ok = f != NULL && fprintf(f, "%s %llu\n", cur->epoch, (unsigned long long)cur->seq) > 0 &&
              fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (f != NULL && fclose(f) != 0)
        ok = false;
    if (!ok || rename(tmp, path) != 0)
        return cli_fail(c, CLI_USAGE, "%s: %s", path, cli_errno(c));
    return CLI_OK;
}

static void print_event(const Ismap__Liu__V1__Event *e)
{
    json_t *j = wire_typed_to_json(e->type, e->payload.data, e->payload.len);
    if (j == NULL)
        j = json_object();
    (void)json_object_set_new(j, "seq", json_integer((json_int_t)e->seq));
    (void)json_object_set_new(j, "atMs", json_integer((json_int_t)e->at_ms));
    (void)json_object_set_new(j, "actor", json_string(e->actor));
    char *text = json_dumps(j, JSON_COMPACT);
    (void)printf("%s\n", text == NULL ? "" : text);
    free(text);
    json_decref(j);
}

static bool ends_here(const char *until, const Ismap__Liu__V1__Event *e)
{
    size_t n = strlen(e->type);
    size_t k = until == NULL ? 0 : strlen(until);
    return until != NULL && n >= k && strcmp(e->type + n - k, until) == 0;
}

struct follow {
    struct cursor cur;
    const char *path;  /* of the cursor's file, may be NULL */
    const char *until; /* end of a type's name, may be NULL */
    char *type;        /* only these, may be NULL */
    bool archive;      /* from the ledger */
    bool from_first;   /* what is kept no more may be passed over */
    bool moved;        /* and was: ask again */
    bool once;
    bool limited;
    int64_t end_ms;
};

/* Prints what came and moves the cursor. *done: nothing more is wanted. */
static int take_events(struct cli *c, struct follow *f, const Ismap__Liu__V1__Events *ev,
                       bool *done)
{
    for (size_t i = 0; i < ev->n_events; i++) {
        print_event(ev->events[i]);
        *done = *done || ends_here(f->until, ev->events[i]);
    }
    /* an answer may hold nothing of the type that is asked for, and yet not have reached the end */
    *done = *done && !(f->once && ev->next_seq > f->cur.seq && ev->next_seq < ev->head_seq);
    (void)fflush(stdout);
    (void)text_copy(f->cur.epoch, sizeof f->cur.epoch, ev->epoch);
    f->cur.seq = ev->next_seq;
    return cursor_write(c, f->path, &f->cur) == CLI_OK ? CLI_OK : CLI_USAGE;
}

/* The first entry there is, when the answer says that what was asked for is kept no more; or 0. */
static uint64_t first_there(const Ismap__Liu__V1__Reply *r)
{
    for (size_t i = 0; r != NULL && i < r->n_details; i++)
        if (strcmp(r->details[i]->rule, "P-FIRST") == 0)
            return r->details[i]->number;
    return 0;
}

/* Who has no place yet begins with the first entry there is; who has one must say so. */
static int ask_ledger(struct cli *c, struct follow *f, const ProtobufCMessage *m,
                      ProtobufCMessage **answer)
{
    int status = cli_request_quiet(c, CLI_LEDGER, m, false, answer);
    const Ismap__Liu__V1__Reply *r = c->reply;
    uint64_t first = status == CLI_OK ? 0 : first_there(r);
    f->moved = first > 1 && (f->cur.seq == 0 || f->from_first);
    if (f->moved) {
        f->cur.seq = first - 1;
        cli_note(c,
                 c->ja ? "記録は %llu 番から始まります。そこから続けます"
                       : "the journal begins with entry %llu: going on there",
                 (unsigned long long)first);
        return CLI_OK;
    }
    if (status != CLI_OK && r != NULL)
        cli_print_refusal(c, r);
    if (first > 1)
        cli_note(c, "%s",
                 c->ja ? "状態を読み直したら、--from-first でそこから続けられます"
                       : "when you have read your state anew: --from-first goes on there");
    return status;
}

/* What has left Redis is asked for at the ledger, and then the rest, too: it answers for the whole
 * journal like every service. */
static int ask_hot(struct cli *c, struct follow *f, const ProtobufCMessage *m,
                   ProtobufCMessage **answer)
{
    int status = cli_request_quiet(c, CLI_INTAKE, m, false, answer);
    const Ismap__Liu__V1__Reply *r = c->reply;
    if (status == CLI_OK || r == NULL)
        return status;
    f->archive = r->status == ISMAP__LIU__V1__STATUS__STATUS_OUT_OF_RANGE &&
                 c->config.endpoints[CLI_LEDGER][0] != '\0';
    if (f->archive)
        return ask_ledger(c, f, m, answer);
    cli_print_refusal(c, r);
    return status;
}

static int follow_round(struct cli *c, struct follow *f, bool *done)
{
    Ismap__Liu__V1__FetchEvents m = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
    int64_t left = f->limited ? f->end_ms - clock_mono_ms() : WAIT_MS;
    m.epoch = f->cur.epoch;
    m.after_seq = f->cur.seq;
    m.wait_ms = f->once || left <= 0 ? 0 : (uint32_t)(left < WAIT_MS ? left : WAIT_MS);
    m.n_types = f->type == NULL ? 0 : 1;
    m.types = &f->type;
    ProtobufCMessage *answer = NULL;
    int status = c->dry_run   ? cli_request(c, CLI_INTAKE, &m.base, false, &answer)
                 : f->archive ? ask_ledger(c, f, &m.base, &answer)
                              : ask_hot(c, f, &m.base, &answer);
    if (f->moved)
        return CLI_OK;
    *done = status != CLI_OK || f->once || c->dry_run || (f->limited && left <= 0);
    if (answer == NULL)
        return status;
    int taken = take_events(c, f, (const void *)answer, done);
    return taken == CLI_OK ? status : taken;
}

int cmd_events_follow(struct cli *c, struct cli_args *a)
{
    struct follow f = {.path = cli_option(a, "--cursor-file"), .until = cli_option(a, "--until")};
    const char *limit = cli_option(a, "--for-ms");
    const char *type = cli_option(a, "--type");
    f.once = cli_flag(a, "--no-wait");
    f.from_first = cli_flag(a, "--from-first");
    uint64_t for_ms = 0;
    if (!cli_done(c, a) || (limit != NULL && text_u64(limit, 86400000, &for_ms) != ERR_OK))
        return cli_usage(c, c->ja ? "--for-ms は 0 から 86400000 です"
                                  : "--for-ms takes 0 to 86400000 (a day)");
    f.type = type == NULL ? NULL : arena_printf(&c->arena, "ismap.liu.v1.%s", type);
    if (f.type != NULL && wire_type(f.type) == NULL)
        return cli_usage(c,
                         c->ja ? "--type: %s という出来事はありません (例: VerdictChanged。"
                                 "一覧は docs/protocol.md)"
                               : "--type: there is no %s (an example: VerdictChanged; "
                                 "docs/protocol.md lists them)",
                         type);
    c->patient = true;
    cursor_read(f.path, &f.cur);
    f.limited = for_ms > 0;
    f.end_ms = clock_mono_ms() + (int64_t)for_ms;
    struct arena keep = c->arena; /* what came before stays; each round's memory is given back */
    bool done = false;
    int status = CLI_OK;
    while (!done && status == CLI_OK) {
        arena_init(&c->arena, 64u * 1024 * 1024);
        f.moved = false;
        status = follow_round(c, &f, &done);
        arena_fini(&c->arena);
    }
    c->arena = keep;
    return status;
}
