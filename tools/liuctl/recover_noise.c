/* Feeds' lanes at the journal's new end. Noise is in no entry, but a commit that takes some moves
 * its lane: so the lanes go on over the noise that was archived, or is in Redis, behind them
 * (recover_lane.h).
 *
 * A stream of noise has Redis' times, the journal those of the services: noise of up to a day
 * before the last right entry is read again, which changes nothing. Too little would only have a
 * feed send again what is there. */
#include <string.h>

#include "liuctl/recover.h"
#include "liuctl/recover_lane.h"
#include "services/ledger/folder.h"
#include "services/ledger/mark.h"
#include "services/ledger/segment.h"

#define CLOCKS_MS (24 * 3600 * 1000LL)
#define PAGE 16
#define LANE_BYTES_MAX (1024u * 1024)
#define FEED_BYTES 80

static const struct {
    Ismap__Liu__V1__Lane lane;
    const char *name;
} kinds[] = {{ISMAP__LIU__V1__LANE__LANE_URGENT, "urgent"},
             {ISMAP__LIU__V1__LANE__LANE_BULK, "bulk"}};

#define N_KINDS (sizeof kinds / sizeof kinds[0])

struct noise {
    struct recover_state *state;
    struct cli *cli;
    uint64_t since_ms;
    char feed[FEED_BYTES];
    struct recover_lane lanes[N_KINDS];
    uint64_t seq; /* of the stream in Redis, read so far */
    uint64_t sub;
    size_t n;
};

static void take(struct noise *k, uint64_t ms, const uint8_t *data, size_t bytes)
{
    recover_lane_take(k->lanes, N_KINDS, (int64_t)ms, data, bytes);
}

/* ---- the archive */

static int take_segment(struct noise *k, const char *path)
{
    struct segment *s = NULL;
    struct segment_entry entry;
    struct err_text why = {""};
    enum err e = segment_open(path, &s, &why);
    if (e == ERR_NOMEM)
        return cli_no_memory(k->cli);
    if (e != ERR_OK) { /* the lanes stop before it: what it held is sent again */
        cli_note(k->cli, "%s: %s", path, why.text);
        return CLI_OK;
    }
    while (segment_next(s, &entry))
        take(k, entry.pos.seq, entry.data, entry.bytes);
    segment_close(s);
    return CLI_OK;
}

static int take_archive(struct noise *k, const char *noise)
{
    char dir[FOLDER_PATH_BYTES];
    char path[FOLDER_PATH_BYTES];
    struct folder_names names = {0};
    struct err_text why = {""};
    struct segment_pos first;
    struct segment_pos last;
    int status = CLI_OK;
    if (!folder_path(dir, noise, k->feed))
        return cli_fail(k->cli, CLI_INPUT, "%s: %s", noise, err_name(ERR_LIMIT));
    if (folder_list(dir, ".seg", false, &names, &why) != ERR_OK)
        status = cli_fail(k->cli, CLI_TEMPORARY, "%s", why.text);
    for (size_t i = 0; status == CLI_OK && i < names.n; i++)
        if (segment_name_range(SEGMENT_NOISE, names.items[i], &first, &last) &&
            last.seq >= k->since_ms && folder_path(path, dir, names.items[i]))
            status = take_segment(k, path);
    folder_names_fini(&names);
    return status;
}

/* ---- Redis */

static void on_noise(void *arg, enum err e, const struct store_noise *noise, size_t n)
{
    struct noise *k = arg;
    k->n = e == ERR_OK ? n : 0;
    for (size_t i = 0; i < k->n; i++) {
        take(k, noise[i].ms, noise[i].data, noise[i].bytes);
        k->seq = noise[i].ms;
        k->sub = noise[i].n;
    }
    if (e == ERR_DATA_LOSS) /* as with a damaged segment */
        cli_note(k->cli, "noise/%s: %s", k->feed, err_name(e));
    k->state->session->err = e == ERR_DATA_LOSS ? ERR_OK : e;
    k->state->session->done = true;
}

static int take_redis(struct noise *k)
{
    struct session *s = k->state->session;
    int status = CLI_OK;
    k->seq = k->since_ms;
    k->sub = 0;
    do {
        if (store_noise(s->store, k->feed, k->seq, k->sub, PAGE, on_noise, k) != ERR_OK)
            return cli_redis_away(k->cli);
        status = session_wait(s);
    } while (status == CLI_OK && k->n > 0);
    return status;
}

/* ---- a feed */

static int put_right(struct noise *k, size_t which, const char *id)
{
    const struct recover_lane *l = &k->lanes[which];
    struct recover_item *i = l->moved ? recover_state_lane(k->state, id, true) : NULL;
    struct buf out;
    if (!l->moved)
        return CLI_OK;
    buf_init(&out, LANE_BYTES_MAX);
    enum err e = i == NULL ? ERR_NOMEM : recover_lane_end(l, k->feed, &out);
    if (e == ERR_OK) {
        recover_state_set(k->state, i, out.data, out.len);
        cli_note(k->cli,
                 k->cli->ja ? "通報元 %s のレーン %s: 世代 %llu の %llu 番から"
                            : "feed %s, lane %s: goes on in epoch %llu with number %llu",
                 k->feed, kinds[which].name, (unsigned long long)l->state.epoch,
                 (unsigned long long)l->state.next_seq);
    }
    buf_fini(&out);
    return e == ERR_OK ? CLI_OK : cli_no_memory(k->cli);
}

static int one_feed(struct noise *k, const char *feed, const char *noise)
{
    char ids[N_KINDS][FEED_BYTES + 8];
    int status = CLI_OK;
    if (snprintf(k->feed, sizeof k->feed, "%s", feed) >= (int)sizeof k->feed)
        return CLI_OK; /* no feed has such an id */
    for (size_t i = 0; i < N_KINDS; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%s/%s", k->feed, kinds[i].name);
        const struct recover_item *was = recover_state_lane(k->state, ids[i], false);
        enum err e =
            recover_lane_begin(&k->lanes[i], kinds[i].lane, was == NULL ? NULL : was->value,
                               was == NULL ? 0 : was->bytes);
        if (e != ERR_OK && status == CLI_OK)
            status = cli_fail(k->cli, CLI_REFUSED, "lane/%s: %s", ids[i], err_name(e));
    }
    if (status == CLI_OK && noise != NULL)
        status = take_archive(k, noise);
    if (status == CLI_OK)
        status = take_redis(k);
    for (size_t i = 0; i < N_KINDS; i++) {
        if (status == CLI_OK)
            status = put_right(k, i, ids[i]);
        recover_lane_fini(&k->lanes[i]);
    }
    return status;
}

static bool is_among(const struct folder_names *l, const char *name, size_t bytes)
{
    for (size_t i = 0; i < l->n; i++)
        if (strlen(l->items[i]) == bytes && memcmp(l->items[i], name, bytes) == 0)
            return true;
    return false;
}

/* Feeds with a lane and without a folder, each once: by its urgent lane, or by the bulk one when it
 * has no other. */
static int feed_of_lane(struct noise *k, const struct recover_item *i,
                        const struct folder_names *archived)
{
    char feed[FEED_BYTES];
    char urgent[FEED_BYTES + 8];
    const char *id = strchr(i->key, '\t') + 1;
    const char *slash = strrchr(id, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - id);
    if (n == 0 || n >= sizeof feed || is_among(archived, id, n))
        return CLI_OK;
    (void)snprintf(feed, sizeof feed, "%.*s", (int)n, id);
    (void)snprintf(urgent, sizeof urgent, "%s/urgent", feed);
    if (strcmp(slash, "/bulk") == 0 && recover_state_lane(k->state, urgent, false) != NULL)
        return CLI_OK;
    return one_feed(k, feed, NULL);
}

int recover_noise(struct recover_state *r)
{
    struct cli *c = r->session->cli;
    struct noise k = {.state = r, .cli = c};
    struct folder_names archived = {0};
    struct err_text why = {""};
    k.since_ms = r->right_ms > CLOCKS_MS ? (uint64_t)(r->right_ms - CLOCKS_MS) : 0;
    const char *noise = arena_printf(&c->arena, "%s/%s/noise", c->config.archive_dir,
                                     store_epoch(r->session->store));
    if (noise == NULL)
        return cli_no_memory(c);
    if (folder_list(noise, "", false, &archived, &why) != ERR_OK)
        return cli_fail(c, CLI_TEMPORARY, "%s", why.text);
    int status = CLI_OK;
    for (size_t i = 0; status == CLI_OK && i < archived.n; i++)
        if (archived.items[i][0] != '.')
            status = one_feed(&k, archived.items[i], noise);
    const struct recover_item *next;
    for (const struct recover_item *i = r->items; status == CLI_OK && i != NULL; i = next) {
        next = i->hh.next; /* one that is added goes behind all others */
        if (strncmp(i->key, "lane\t", 5) == 0)
            status = feed_of_lane(&k, i, &archived);
    }
    folder_names_fini(&archived);
    return status;
}
