/* What people and programs see of one message: JSON lines, trees. */
#include "liuctl/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/limits.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "wire/json.h"
#include "wire/unpack.h"

#define DEPTH_MAX 16

void cli_time(int64_t ms, char out[CLI_TIME_BYTES])
{
    time_t s = (time_t)(ms / 1000);
    struct tm t;
    size_t n = localtime_r(&s, &t) == NULL ? 0 : strftime(out, CLI_TIME_BYTES, "%FT%T%z", &t);
    out[n] = '\0';
    if (n > 5 && n + 1 < CLI_TIME_BYTES) { /* +0900 as +09:00 */
        memmove(out + n - 1, out + n - 2, 3);
        out[n - 2] = ':';
    }
}

/* How a member is shown: nothing at all, or under a name of its own. */
struct shown {
    bool show;
    char name[96];
};

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s);
    size_t k = strlen(end);
    return n > k && strcmp(s + n - k, end) == 0;
}

/* Is this int64 member (a string, by the mapping) a time? All of the protocol's are. */
static bool is_time(const char *key, const json_t *v)
{
    return ends_with(key, "Ms") && json_is_string(v);
}

/* Of a text in both languages the reader's is shown, under the name that both have. */
static struct shown shown_as(const struct cli *c, const json_t *object, const char *key,
                             const json_t *v)
{
    struct shown s = {.show = true};
    size_t n = strlen(key);
    bool text = json_is_string(v) || json_is_array(v);
    bool pair = text && (ends_with(key, "Ja") || ends_with(key, "En"));
    if (pair) {
        bool ours = ends_with(key, c->ja ? "Ja" : "En");
        char other[96];
        (void)snprintf(other, sizeof other, "%.*s%s", (int)(n - 2), key,
                       ends_with(key, "Ja") ? "En" : "Ja");
        s.show = ours || json_object_get(object, other) == NULL;
    }
    (void)snprintf(s.name, sizeof s.name, "%.*s", (int)(pair || is_time(key, v) ? n - 2 : n), key);
    return s;
}

static void leaf(const struct cli *c, int pad, const char *key, const char *name, const json_t *v)
{
    char when[CLI_TIME_BYTES];
    char *made = NULL;
    const char *text = json_string_value(v);
    if (text == NULL)
        text = made = json_dumps(v, JSON_ENCODE_ANY);
    if (is_time(key, v)) {
        cli_time(strtoll(text, NULL, 10), when);
        text = when;
    } else if (c->ja && text != NULL && cli_word_ja(text) != NULL) {
        text = cli_word_ja(text);
    }
    (void)printf("%*s%s: %s\n", pad, "", name, text == NULL ? "" : text);
    free(made);
}

static void tree(const struct cli *c, const json_t *j, int depth, const char *key, const char *name)
{
    int pad = depth * 2;
    if (depth > DEPTH_MAX)
        return;
    if (json_is_object(j)) {
        if (name[0] != '\0')
            (void)printf("%*s%s\n", pad, "", name);
        const char *member;
        json_t *v;
        json_object_foreach((json_t *)(uintptr_t)j, member, v)
        {
            struct shown s = shown_as(c, j, member, v);
            if (s.show)
                tree(c, v, depth + (name[0] != '\0'), member, s.name);
        }
    } else if (json_is_array(j)) {
        size_t i;
        json_t *v;
        json_array_foreach(j, i, v)
        {
            char label[128];
            (void)snprintf(label, sizeof label, "%s[%zu]", name, i);
            tree(c, v, depth, key, label);
        }
    } else {
        leaf(c, pad, key, name, j);
    }
}

void cli_print_json(struct cli *c, json_t *j)
{
    if (j == NULL) {
        (void)cli_no_memory(c);
        return;
    }
    if (c->json) {
        char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
        (void)printf("%s\n", text == NULL ? "null" : text);
        free(text);
    } else {
        tree(c, j, 0, "", "");
    }
    json_decref(j);
}

void cli_print_below(const struct cli *c, const json_t *j)
{
    tree(c, j, 1, "", "");
}

void cli_print(struct cli *c, const ProtobufCMessage *m)
{
    if (m != NULL)
        cli_print_json(c, wire_to_json(m));
}

/* Packed messages inside payloads. They stay packed on the wire since they are signed or hashed. */
static const struct inner {
    const char *type;
    const char *member;
    const ProtobufCMessageDescriptor *of;
} inner[] = {
    {"ismap.liu.v1.VerdictChanged", "verdict", &ismap__liu__v1__verdict__descriptor},
    {"ismap.liu.v1.ActivateRulebook", "canonical", &ismap__liu__v1__rulebook__descriptor},
};

void cli_unpack_inner(json_t *typed)
{
    const char *type = json_string_value(json_object_get(typed, "type"));
    json_t *payload = json_object_get(typed, "payload");
    for (size_t i = 0; type != NULL && i < sizeof inner / sizeof inner[0]; i++) {
        const char *text = json_string_value(json_object_get(payload, inner[i].member));
        if (text == NULL || strcmp(type, inner[i].type) != 0)
            continue;
        struct arena a;
        ProtobufCMessage *m = NULL;
        arena_init(&a, LIMIT_WORK_ARENA_BYTES);
        size_t n = 0;
        uint8_t *data = arena_alloc(&a, BASE64_DATA_BYTES(strlen(text)));
        if (data != NULL && base64_decode(text, strlen(text), data, &n) == ERR_OK &&
            wire_unpack(&a, inner[i].of, data, n, &m) == ERR_OK)
            (void)json_object_set_new(payload, inner[i].member, wire_to_json(m));
        arena_fini(&a);
    }
}
