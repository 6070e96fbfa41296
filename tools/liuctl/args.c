/* Arguments and files. */
#include "liuctl/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/json.h"

#define FILE_BYTES_MAX (64u * 1024 * 1024)

static void take(struct cli_args *a, int at, int n)
{
    for (int i = at; i + n < a->argc; i++)
        a->argv[i] = a->argv[i + n];
    a->argc -= n;
}

const char *cli_option(struct cli_args *a, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < a->argc && strcmp(a->argv[i], "--") != 0; i++) {
        if (strcmp(a->argv[i], name) == 0 && i + 1 < a->argc) {
            const char *v = a->argv[i + 1];
            take(a, i, 2);
            return v;
        }
        if (strncmp(a->argv[i], name, n) == 0 && a->argv[i][n] == '=') {
            const char *v = a->argv[i] + n + 1;
            take(a, i, 1);
            return v;
        }
    }
    return NULL;
}

bool cli_flag(struct cli_args *a, const char *name)
{
    for (int i = 0; i < a->argc && strcmp(a->argv[i], "--") != 0; i++) {
        if (strcmp(a->argv[i], name) == 0) {
            take(a, i, 1);
            return true;
        }
    }
    return false;
}

const char *cli_next(struct cli_args *a)
{
    if (a->argc == 0 || (a->argv[0][0] == '-' && a->argv[0][1] != '\0'))
        return NULL;
    const char *v = a->argv[0];
    take(a, 0, 1);
    return v;
}

bool cli_done(struct cli *c, const struct cli_args *a)
{
    bool last = a->argc == 1 && a->argv[0][0] == '-'; /* of an option that is known here, too */
    if (a->argc > 0)
        (void)cli_usage(c,
                        last    ? (c->ja ? "余分な引数か、値のない引数です: %s"
                                         : "unexpected argument, or one without its value: %s")
                        : c->ja ? "余分な引数です: %s"
                                : "unexpected argument: %s",
                        a->argv[0]);
    return a->argc == 0;
}

char *cli_read_file(struct cli *c, const char *path, size_t *bytes)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *f = standard ? stdin : fopen(path, "rbe");
    if (f == NULL) {
        (void)cli_fail(c, CLI_INPUT, "%s: %s", path, cli_errno(c));
        return NULL;
    }
    struct buf b;
    buf_init(&b, FILE_BYTES_MAX);
    char *out = NULL;
    size_t n = 0;
    do {
        uint8_t *room = buf_room(&b, 65536);
        n = room == NULL ? 0 : fread(room, 1, 65536, f);
        b.len += n;
    } while (n > 0 && ferror(f) == 0 && feof(f) == 0);
    bool bad = ferror(f) != 0 || b.failed;
    if (!standard)
        (void)fclose(f);
    if (bad) {
        (void)cli_fail(c, CLI_INPUT, "%s: %s", path,
                       !b.failed ? cli_errno(c)
                       : c->ja   ? "64 MiB を超えています"
                                 : "larger than 64 MiB");
    } else {
        out = arena_alloc(&c->arena, b.len + 1);
        if (out != NULL && b.len > 0)
            memcpy(out, b.data, b.len);
        *bytes = b.len;
    }
    buf_fini(&b);
    return out;
}

ProtobufCMessage *cli_read_message(struct cli *c, const ProtobufCMessageDescriptor *d,
                                   const char *path)
{
    size_t bytes;
    char *text = cli_read_file(c, path, &bytes);
    if (text == NULL)
        return NULL;
    ProtobufCMessage *m = NULL;
    struct err_text why = {""};
    if (wire_from_json_text(&c->arena, d, text, bytes, &m, &why) != ERR_OK) {
        (void)cli_fail(c, CLI_INPUT, "%s: %s", path, why.text);
        return NULL;
    }
    return m;
}
