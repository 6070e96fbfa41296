/* Keys, parties and feeds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "liuctl/commands.h"
#include "wire/json.h"

static int write_public(struct cli *c, const char *path, const char *text)
{
    FILE *f = fopen(path, "wbxe");
    bool ok = f != NULL && fputs(text, f) >= 0;
    if (f != NULL && fclose(f) != 0)
        ok = false;
    return ok ? CLI_OK : cli_fail(c, CLI_USAGE, "%s: %s", path, cli_errno(c));
}

/* The grammar of ids of parties and feeds (docs/protocol.md, 2); the id becomes a file's name. */
static bool is_id(const char *s)
{
    size_t n = strlen(s);
    return n >= 2 && n <= 32 && s[0] != '-' &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int never_overwrite(struct cli *c, const char *curve, const char *sign)
{
    if (access(curve, F_OK) == 0 || access(sign, F_OK) == 0)
        return cli_fail(c, CLI_REFUSED,
                        c->ja ? "%s はすでにあります。上書きしません"
                              : "%s exists: keys are never overwritten",
                        curve);
    return CLI_OK;
}

struct key_files {
    const char *curve; /* these two stay here, mode 0600 */
    const char *sign;
    const char *pub; /* these two are handed out */
    const char *json;
};

/* The public halves as PartyKeys in JSON; NULL without memory. */
static const char *party_keys_text(struct cli *c, char *curve_z85, const char *key_id,
                                   const struct signing_key *signing)
{
    uint8_t public_key[ED25519_KEY_BYTES];
    Ismap__Liu__V1__PartyKeys k = ISMAP__LIU__V1__PARTY_KEYS__INIT;
    Ismap__Liu__V1__SigningKey sk = ISMAP__LIU__V1__SIGNING_KEY__INIT;
    Ismap__Liu__V1__SigningKey *sks[] = {&sk};
    signing_key_public(signing, public_key);
    sk.key_id = (char *)(uintptr_t)key_id;
    sk.public_key = (ProtobufCBinaryData){.len = sizeof public_key, .data = public_key};
    k.n_curve = 1;
    k.curve = &curve_z85;
    k.n_signing = 1;
    k.signing = sks;
    json_t *j = wire_to_json(&k.base);
    char *text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(2));
    const char *doc = text == NULL ? NULL : arena_printf(&c->arena, "%s\n", text);
    free(text);
    json_decref(j);
    return doc;
}

static int make_keys(struct cli *c, const struct key_files *f, const char *key_id)
{
    struct curve_keys keys;
    struct signing_key *signing = NULL;
    struct err_text why = {""};
    if (curve_keys_generate(&keys) != ERR_OK || signing_key_generate(key_id, &signing) != ERR_OK)
        return cli_fail(c, CLI_TEMPORARY, c->ja ? "鍵を作れません" : "keys could not be made");
    enum err e = curve_keys_save(&keys, f->curve, &why);
    if (e == ERR_OK)
        e = signing_key_save(signing, f->sign, &why);
    const char *line = arena_printf(&c->arena, "curve_public %s\n", keys.public_z85);
    const char *doc = party_keys_text(c, keys.public_z85, key_id, signing);
    signing_key_free(signing);
    curve_keys_wipe(&keys);
    if (e != ERR_OK)
        return cli_fail(c, CLI_USAGE, "%s", why.text);
    if (line == NULL || doc == NULL)
        return CLI_TEMPORARY;
    int status = write_public(c, f->pub, line);
    return status == CLI_OK ? write_public(c, f->json, doc) : status;
}

int cmd_keygen(struct cli *c, struct cli_args *a)
{
    const char *dir = cli_option(a, "--dir");
    const char *key_id = cli_option(a, "--key-id");
    const char *id = cli_next(a);
    if (!cli_done(c, a) || id == NULL)
        return cli_usage(c, c->ja ? "誰の鍵か指定してください" : "whose keys?");
    if (!is_id(id))
        return cli_fail(
            c, CLI_INPUT,
            c->ja ? "%s: 名前は英小文字・数字・ハイフンの2〜32文字で、先頭はハイフン以外です"
                  : "%s: an id is 2 to 32 of a-z, 0-9 and -, not beginning with -",
            id);
    dir = dir == NULL ? "." : dir;
    key_id = key_id == NULL ? arena_printf(&c->arena, "%s-1", id) : key_id;
    const struct key_files f = {arena_printf(&c->arena, "%s/%s.curve", dir, id),
                                arena_printf(&c->arena, "%s/%s.sign", dir, id),
                                arena_printf(&c->arena, "%s/%s.pub", dir, id),
                                arena_printf(&c->arena, "%s/%s.json", dir, id)};
    if (key_id == NULL || f.curve == NULL || f.sign == NULL || f.pub == NULL || f.json == NULL)
        return CLI_TEMPORARY;
    int status = never_overwrite(c, f.curve, f.sign);
    if (status != CLI_OK)
        return status;
    if (c->dry_run) {
        cli_note(c, "%s: %s, %s, %s, %s",
                 c->ja ? "作成しません(--dry-run)" : "not made (--dry-run)", f.curve, f.sign, f.pub,
                 f.json);
        return CLI_OK;
    }
    status = make_keys(c, &f, key_id);
    if (status == CLI_OK)
        cli_note(c, c->ja ? "秘密鍵 %s, %s。渡すもの: %s" : "secret: %s, %s; hand out: %s", f.curve,
                 f.sign, f.json);
    return status;
}

/* ---- parties at intake, feeds at the monitor: the same commands for two kinds of record */

struct enrolled {
    enum cli_service service;
    const ProtobufCMessageDescriptor *record;
    const char *which_ja;
    const char *which_en;
    const char *revoke_ja;
    const char *revoke_en;
};

static const struct enrolled a_party = {CLI_INTAKE,
                                        &ismap__liu__v1__party__descriptor,
                                        "当事者のファイルを指定してください",
                                        "which file describes the party?",
                                        "当事者と --reason を指定してください",
                                        "give a party and --reason"};
static const struct enrolled a_feed = {CLI_MONITOR,
                                       &ismap__liu__v1__feed__descriptor,
                                       "通報元のファイルを指定してください",
                                       "which file describes the feed?",
                                       "通報元と --reason を指定してください",
                                       "give a feed and --reason"};

/* FILE.json [--keys KEYS.json]: the record, and the keys to put into it (NULL = it has its own). */
static int read_enrolled(struct cli *c, struct cli_args *a, const struct enrolled *kind,
                         ProtobufCMessage **record, Ismap__Liu__V1__PartyKeys **keys)
{
    const char *keys_path = cli_option(a, "--keys");
    const char *path = cli_next(a);
    *keys = NULL;
    if (!cli_done(c, a) || path == NULL)
        return cli_usage(c, "%s", c->ja ? kind->which_ja : kind->which_en);
    *record = cli_read_message(c, kind->record, path);
    if (*record == NULL)
        return CLI_INPUT;
    if (keys_path == NULL)
        return CLI_OK;
    *keys = (void *)cli_read_message(c, &ismap__liu__v1__party_keys__descriptor, keys_path);
    return *keys == NULL ? CLI_INPUT : CLI_OK;
}

static int add_one(struct cli *c, const struct enrolled *kind, const ProtobufCMessage *m,
                   const char *id, const Ismap__Liu__V1__PartyKeys *keys)
{
    ProtobufCMessage *answer;
    if (keys == NULL)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "keys: 鍵がありません。liuctl keygen %s で作り、できた %s.json を "
                                "--keys に指定してください"
                              : "keys: there are none: have them made (liuctl keygen %s) and name "
                                "the file %s.json with --keys",
                        id, id);
    int status = cli_request(c, kind->service, m, true, &answer);
    if (status == CLI_OK && !c->dry_run)
        cli_note(c, c->ja ? "登録しました: %s" : "added: %s", id);
    return status;
}

int cmd_party_add(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__AddParty m = ISMAP__LIU__V1__ADD_PARTY__INIT;
    ProtobufCMessage *record = NULL;
    Ismap__Liu__V1__PartyKeys *keys;
    m.replace = cli_flag(a, "--replace");
    int status = read_enrolled(c, a, &a_party, &record, &keys);
    if (status != CLI_OK || record == NULL)
        return status;
    m.party = (void *)record;
    if (keys != NULL)
        m.party->keys = keys;
    return add_one(c, &a_party, &m.base, m.party->id, m.party->keys);
}

int cmd_feed_add(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__AddFeed m = ISMAP__LIU__V1__ADD_FEED__INIT;
    ProtobufCMessage *record = NULL;
    Ismap__Liu__V1__PartyKeys *keys;
    m.replace = cli_flag(a, "--replace");
    int status = read_enrolled(c, a, &a_feed, &record, &keys);
    if (status != CLI_OK || record == NULL)
        return status;
    m.feed = (void *)record;
    if (keys != NULL)
        m.feed->keys = keys;
    return add_one(c, &a_feed, &m.base, m.feed->id, m.feed->keys);
}

/* ID --reason TEXT into the two fields of RevokeParty or RevokeFeed, then off with it. */
static int revoke_one(struct cli *c, struct cli_args *a, const struct enrolled *kind,
                      const ProtobufCMessage *m, char **id, char **reason)
{
    *reason = (char *)(uintptr_t)cli_option(a, "--reason");
    *id = (char *)(uintptr_t)cli_next(a);
    if (!cli_done(c, a) || *id == NULL || *reason == NULL)
        return cli_usage(c, "%s", c->ja ? kind->revoke_ja : kind->revoke_en);
    ProtobufCMessage *answer;
    return cli_request(c, kind->service, m, true, &answer);
}

int cmd_party_revoke(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__RevokeParty m = ISMAP__LIU__V1__REVOKE_PARTY__INIT;
    return revoke_one(c, a, &a_party, &m.base, &m.id, &m.reason);
}

int cmd_feed_revoke(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__RevokeFeed m = ISMAP__LIU__V1__REVOKE_FEED__INIT;
    return revoke_one(c, a, &a_feed, &m.base, &m.id, &m.reason);
}

static const char *live(const struct cli *c, bool revoked)
{
    if (revoked)
        return c->ja ? "取消済" : "revoked";
    return c->ja ? "有効" : "live";
}

static const char *party_rows(struct cli *c, struct cli_list *l, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__PartyList *list = (const void *)answer;
    for (size_t i = 0; i < list->n_parties; i++) {
        const Ismap__Liu__V1__Party *p = list->parties[i];
        const char *cells[] = {p->id, cli_word(c, &ismap__liu__v1__role__descriptor, (int)p->role),
                               c->ja ? p->name_ja : p->name_en, live(c, p->revoked)};
        cli_list_row(c, l, &p->base, cells);
    }
    return list->next_page;
}

int cmd_party_list(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[] = {"ID", "ROLE", "NAME", "STATE"};
    static const char *const head_ja[] = {"ID", "役割", "名称", "状態"};
    Ismap__Liu__V1__ListParties m = ISMAP__LIU__V1__LIST_PARTIES__INIT;
    struct cli_list l;
    if (!cli_done(c, a))
        return CLI_USAGE;
    cli_list_begin(c, &l, 4, head_en, head_ja);
    return cli_list_pages(c, CLI_INTAKE, &m.base, &m.page, party_rows, &l);
}

static const char *feed_rows(struct cli *c, struct cli_list *l, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__FeedList *list = (const void *)answer;
    for (size_t i = 0; i < list->n_feeds; i++) {
        const Ismap__Liu__V1__Feed *f = list->feeds[i];
        const char *cells[] = {
            f->id, f->operator_body,
            cli_word(c, &ismap__liu__v1__severity__descriptor, (int)f->acts_alone_up_to),
            c->ja ? f->name_ja : f->name_en, live(c, f->revoked)};
        cli_list_row(c, l, &f->base, cells);
    }
    return list->next_page;
}

int cmd_feed_list(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[] = {"ID", "OPERATED BY", "ACTS ALONE UP TO", "NAME", "STATE"};
    static const char *const head_ja[] = {"ID", "運営者", "単独で扱える重大度", "名称", "状態"};
    Ismap__Liu__V1__ListFeeds m = ISMAP__LIU__V1__LIST_FEEDS__INIT;
    struct cli_list l;
    if (!cli_done(c, a))
        return CLI_USAGE;
    cli_list_begin(c, &l, 5, head_en, head_ja);
    return cli_list_pages(c, CLI_MONITOR, &m.base, &m.page, feed_rows, &l);
}
