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
    return ok ? CLI_OK : cli_fail(c, CLI_USAGE, "%s: %s", path, strerror(errno));
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

/* X.curve and X.sign stay here (mode 0600); X.pub and X.json are handed out. */
int cmd_keygen(struct cli *c, struct cli_args *a)
{
    const char *dir = cli_option(a, "--dir");
    const char *key_id = cli_option(a, "--key-id");
    const char *id = cli_next(a);
    if (id == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "誰の鍵か指定してください" : "whose keys?");
    dir = dir == NULL ? "." : dir;
    key_id = key_id == NULL ? arena_printf(&c->arena, "%s-1", id) : key_id;
    const char *curve = arena_printf(&c->arena, "%s/%s.curve", dir, id);
    const char *sign = arena_printf(&c->arena, "%s/%s.sign", dir, id);
    const char *pub = arena_printf(&c->arena, "%s/%s.pub", dir, id);
    const char *json = arena_printf(&c->arena, "%s/%s.json", dir, id);
    if (key_id == NULL || curve == NULL || sign == NULL || pub == NULL || json == NULL)
        return CLI_TEMPORARY;
    int status = never_overwrite(c, curve, sign);
    if (status != CLI_OK)
        return status;
    if (c->dry_run) {
        cli_note(c, "%s: %s, %s, %s, %s",
                 c->ja ? "作成しません(--dry-run)" : "not made (--dry-run)", curve, sign, pub,
                 json);
        return CLI_OK;
    }
    struct curve_keys keys;
    struct signing_key *signing = NULL;
    struct err_text why = {""};
    if (curve_keys_generate(&keys) != ERR_OK || signing_key_generate(key_id, &signing) != ERR_OK)
        return cli_fail(c, CLI_TEMPORARY, "keys could not be made");
    enum err e = curve_keys_save(&keys, curve, &why);
    if (e == ERR_OK)
        e = signing_key_save(signing, sign, &why);
    uint8_t public_key[ED25519_KEY_BYTES];
    signing_key_public(signing, public_key);
    signing_key_free(signing);
    const char *line = arena_printf(&c->arena, "curve_public %s\n", keys.public_z85);
    Ismap__Liu__V1__PartyKeys k = ISMAP__LIU__V1__PARTY_KEYS__INIT;
    Ismap__Liu__V1__SigningKey sk = ISMAP__LIU__V1__SIGNING_KEY__INIT;
    Ismap__Liu__V1__SigningKey *sks[] = {&sk};
    char *curves[] = {keys.public_z85};
    sk.key_id = (char *)(uintptr_t)key_id;
    sk.public_key = (ProtobufCBinaryData){.len = sizeof public_key, .data = public_key};
    k.n_curve = 1;
    k.curve = curves;
    k.n_signing = 1;
    k.signing = sks;
    json_t *j = wire_to_json(&k.base);
    char *text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(2));
    const char *doc = text == NULL ? NULL : arena_printf(&c->arena, "%s\n", text);
    free(text);
    json_decref(j);
    curve_keys_wipe(&keys);
    if (e != ERR_OK)
        return cli_fail(c, CLI_USAGE, "%s", why.text);
    if (line == NULL || doc == NULL)
        return CLI_TEMPORARY;
    status = write_public(c, pub, line);
    if (status == CLI_OK)
        status = write_public(c, json, doc);
    if (status == CLI_OK)
        cli_note(c, c->ja ? "秘密鍵 %s, %s。渡すもの: %s" : "secret: %s, %s; hand out: %s", curve,
                 sign, json);
    return status;
}

int cmd_party_add(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__AddParty m = ISMAP__LIU__V1__ADD_PARTY__INIT;
    const char *keys = cli_option(a, "--keys");
    m.replace = cli_flag(a, "--replace");
    const char *path = cli_next(a);
    if (path == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "当事者のファイルを指定してください"
                                  : "which file describes the party?");
    m.party = (void *)cli_read_message(c, &ismap__liu__v1__party__descriptor, path);
    if (m.party == NULL)
        return CLI_INPUT;
    if (keys != NULL) {
        m.party->keys = (void *)cli_read_message(c, &ismap__liu__v1__party_keys__descriptor, keys);
        if (m.party->keys == NULL)
            return CLI_INPUT;
    }
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_INTAKE, &m.base, true, &answer);
    if (status == CLI_OK && !c->dry_run)
        cli_note(c, c->ja ? "登録しました: %s" : "added: %s", m.party->id);
    return status;
}

int cmd_feed_add(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__AddFeed m = ISMAP__LIU__V1__ADD_FEED__INIT;
    const char *keys = cli_option(a, "--keys");
    m.replace = cli_flag(a, "--replace");
    const char *path = cli_next(a);
    if (path == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "通報元のファイルを指定してください"
                                  : "which file describes the feed?");
    m.feed = (void *)cli_read_message(c, &ismap__liu__v1__feed__descriptor, path);
    if (m.feed == NULL)
        return CLI_INPUT;
    if (keys != NULL) {
        m.feed->keys = (void *)cli_read_message(c, &ismap__liu__v1__party_keys__descriptor, keys);
        if (m.feed->keys == NULL)
            return CLI_INPUT;
    }
    ProtobufCMessage *answer;
    int status = cli_request(c, CLI_MONITOR, &m.base, true, &answer);
    if (status == CLI_OK && !c->dry_run)
        cli_note(c, c->ja ? "登録しました: %s" : "added: %s", m.feed->id);
    return status;
}

int cmd_party_revoke(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__RevokeParty m = ISMAP__LIU__V1__REVOKE_PARTY__INIT;
    const char *reason = cli_option(a, "--reason");
    m.id = (char *)(uintptr_t)cli_next(a);
    if (m.id == NULL || reason == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "当事者と --reason を指定してください"
                                  : "give a party and --reason");
    m.reason = (char *)(uintptr_t)reason;
    ProtobufCMessage *answer;
    return cli_request(c, CLI_INTAKE, &m.base, true, &answer);
}

int cmd_feed_revoke(struct cli *c, struct cli_args *a)
{
    Ismap__Liu__V1__RevokeFeed m = ISMAP__LIU__V1__REVOKE_FEED__INIT;
    const char *reason = cli_option(a, "--reason");
    m.id = (char *)(uintptr_t)cli_next(a);
    if (m.id == NULL || reason == NULL || !cli_done(c, a))
        return cli_usage(c, c->ja ? "通報元と --reason を指定してください"
                                  : "give a feed and --reason");
    m.reason = (char *)(uintptr_t)reason;
    ProtobufCMessage *answer;
    return cli_request(c, CLI_MONITOR, &m.base, true, &answer);
}

static void party_row(struct cli *c, struct cli_table *t, const Ismap__Liu__V1__Party *p)
{
    const char *cells[] = {p->id,
                           cli_word(&ismap__liu__v1__role__descriptor, (int)p->role, "ROLE_"),
                           c->ja ? p->name_ja : p->name_en,
                           p->revoked ? (c->ja ? "取消済" : "revoked") : (c->ja ? "有効" : "live")};
    if (c->json)
        cli_print(c, &p->base);
    else
        cli_table_row(c, t, 4, cells);
}

int cmd_party_list(struct cli *c, struct cli_args *a)
{
    if (!cli_done(c, a))
        return CLI_USAGE;
    static const char *const head_en[] = {"ID", "ROLE", "NAME", "STATE"};
    static const char *const head_ja[] = {"ID", "役割", "名称", "状態"};
    struct cli_table t = {0};
    cli_table_row(c, &t, 4, c->ja ? head_ja : head_en);
    const char *page = "";
    do {
        Ismap__Liu__V1__ListParties m = ISMAP__LIU__V1__LIST_PARTIES__INIT;
        m.page = (char *)(uintptr_t)page;
        ProtobufCMessage *answer;
        int status = cli_request(c, CLI_INTAKE, &m.base, false, &answer);
        if (status != CLI_OK || answer == NULL)
            return status;
        const Ismap__Liu__V1__PartyList *l = (void *)answer;
        for (size_t i = 0; i < l->n_parties; i++) {
            party_row(c, &t, l->parties[i]);
        }
        page = l->next_page;
    } while (page[0] != '\0');
    cli_table_sort(&t);
    if (!c->json)
        cli_table_print(c, &t);
    return CLI_OK;
}

static void feed_row(struct cli *c, struct cli_table *t, const Ismap__Liu__V1__Feed *f)
{
    const char *cells[] = {
        f->id, f->operator_body,
        cli_word(&ismap__liu__v1__severity__descriptor, (int)f->acts_alone_up_to, "SEVERITY_"),
        c->ja ? f->name_ja : f->name_en,
        f->revoked ? (c->ja ? "取消済" : "revoked") : (c->ja ? "有効" : "live")};
    if (c->json)
        cli_print(c, &f->base);
    else
        cli_table_row(c, t, 5, cells);
}

int cmd_feed_list(struct cli *c, struct cli_args *a)
{
    if (!cli_done(c, a))
        return CLI_USAGE;
    static const char *const head_en[] = {"ID", "OPERATED BY", "ACTS ALONE UP TO", "NAME", "STATE"};
    static const char *const head_ja[] = {"ID", "運営者", "単独で扱える重大度", "名称", "状態"};
    struct cli_table t = {0};
    cli_table_row(c, &t, 5, c->ja ? head_ja : head_en);
    const char *page = "";
    do {
        Ismap__Liu__V1__ListFeeds m = ISMAP__LIU__V1__LIST_FEEDS__INIT;
        m.page = (char *)(uintptr_t)page;
        ProtobufCMessage *answer;
        int status = cli_request(c, CLI_MONITOR, &m.base, false, &answer);
        if (status != CLI_OK || answer == NULL)
            return status;
        const Ismap__Liu__V1__FeedList *l = (void *)answer;
        for (size_t i = 0; i < l->n_feeds; i++) {
            feed_row(c, &t, l->feeds[i]);
        }
        page = l->next_page;
    } while (page[0] != '\0');
    cli_table_sort(&t);
    if (!c->json)
        cli_table_print(c, &t);
    return CLI_OK;
}
