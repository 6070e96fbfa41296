/* Reads a YAML file by its schema, checks what it means, and gives it back in canonical form. */
#include "tools/rulebook/rulebook.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "tools/rulebook/locate.h"
#include "tools/rulebook/schema.h"
#include "services/eligibility/rulecheck.h"
#include "wire/unpack.h"

/* libcyaml tells a fault as a line of reason and lines of the place, innermost first. */
struct told {
    char reason[256];
    char path[256];
    size_t line;
};

static void take_place(struct told *t, const char *text)
{
    char name[96] = "";
    char path[384];
    char digits[16] = "";
    char entry[16] = "";
    uint64_t line = 0;
    if (sscanf(text, " in mapping field '%95[^']' (line: %15[0-9]", name, digits) < 1) {
        if (sscanf(text, " in sequence entry '%15[0-9]' (line: %15[0-9]", entry, digits) < 1 &&
            sscanf(text, " in sequence entry: %15[0-9] (line: %15[0-9]", entry, digits) < 1)
            return;
        (void)snprintf(name, sizeof name, "[%s]", entry);
    }
    if (text_u64(digits, SIZE_MAX, &line) != ERR_OK)
        line = 0;
    const char *dot = t->path[0] != '\0' && t->path[0] != '[' ? "." : "";
    (void)snprintf(path, sizeof path, "%s%s%s", name, dot, t->path);
    (void)text_copy(t->path, sizeof t->path, path);
    if (t->line == 0)
        t->line = line;
}

static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    struct told *t = ctx;
    char text[256];
    (void)level;
    (void)vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    if (strncmp(text, "  in ", 5) == 0)
        take_place(t, text);
    else if (t->reason[0] == '\0')
        (void)text_copy(t->reason, sizeof t->reason,
                        strncmp(text, "Load: ", 6) == 0 ? text + 6 : text);
}

static enum err read_file(const char *path, struct buf *b, struct err_text *why)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    enum err e = ERR_OK;
    while (e == ERR_OK && feof(f) == 0 && ferror(f) == 0) {
        char chunk[4096];
        e = buf_put(b, chunk, fread(chunk, 1, sizeof chunk, f));
    }
    if (e == ERR_LIMIT)
        (void)err_say(why, e, "%s: longer than %d bytes", path, RULEBOOK_FILE_BYTES_MAX);
    if (e == ERR_OK && ferror(f))
        e = err_say(why, ERR_IO, "%s: cannot be read", path);
    (void)fclose(f);
    return e;
}

/* libcyaml leaves the headers of the messages empty; the descriptors tell which is which. The depth
 * is that of the schema, not of the file. */
static void adopt(ProtobufCMessage *m, const ProtobufCMessageDescriptor *d)
{
    m->descriptor = d;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        const char *at = (const char *)m + f->offset;
        ProtobufCMessage *one = NULL;
        ProtobufCMessage **many = NULL;
        size_t n = 0;
        if (f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            memcpy(&n, (const char *)m + f->quantifier_offset, sizeof n);
            memcpy(&many, at, sizeof many);
        } else {
            memcpy(&one, at, sizeof one);
        }
        if (one != NULL)
            adopt(one, f->descriptor);
        for (size_t k = 0; k < n; k++)
            adopt(many[k], f->descriptor);
    }
}

struct reading {
    const char *path;
    struct arena *arena;
    struct err_text *why;
    struct buf text;
};

static enum err at_line(struct reading *r, size_t line, const char *field, const char *reason)
{
    const char *colon = field[0] != '\0' ? ": " : "";
    return err_say(r->why, ERR_INVAL, "%s:%zu: %s%s%s", r->path, line, field, colon, reason);
}

static enum err read_schema(struct reading *r, const cyaml_schema_value_t *schema,
                            const ProtobufCMessageDescriptor *d, ProtobufCMessage **out)
{
    struct told told = {.line = 0};
    const cyaml_config_t config = {
        .log_fn = on_log,
        .log_ctx = &told,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_DEFAULT,
    };
    cyaml_data_t *data = NULL;
    const uint8_t *packed;
    size_t bytes;
    cyaml_err_t ce = cyaml_load_data(r->text.data, r->text.len, &config, schema, &data, NULL);
    if (ce == CYAML_ERR_OOM)
        return ERR_NOMEM;
    if (ce != CYAML_OK)
        return at_line(r, told.line > 0 ? told.line : 1, told.path,
                       told.reason[0] != '\0' ? told.reason : cyaml_strerror(ce));
    adopt(data, d);
    enum err e = wire_pack(r->arena, data, &packed, &bytes);
    if (e == ERR_OK)
        e = wire_unpack(r->arena, d, packed, bytes, out);
    (void)cyaml_free(&config, schema, data, 0);
    return e;
}

static enum err read_message(struct reading *r, const cyaml_schema_value_t *schema,
                             const ProtobufCMessageDescriptor *d, ProtobufCMessage **out)
{
    struct err_text problem = {""};
    size_t line = 1;
    enum err e = read_file(r->path, &r->text, r->why);
    if (e != ERR_OK)
        return e;
    if (r->text.len == 0)
        return at_line(r, 1, "", "the file is empty");
    e = locate_check(r->text.data, r->text.len, &line, &problem);
    if (e == ERR_INVAL)
        return at_line(r, line, "", problem.text);
    return e == ERR_OK ? read_schema(r, schema, d, out) : e;
}

static enum err finish(struct reading *r, enum err e, const char *path, const char *reason)
{
    if (e == ERR_INVAL && path != NULL)
        (void)at_line(r, locate_line(r->text.data, r->text.len, path), path, reason);
    else if (e == ERR_NOMEM)
        (void)err_say(r->why, e, "%s: no memory", r->path);
    buf_fini(&r->text);
    return e;
}

enum err rulebook_load(const char *path, struct arena *a, Ismap__Liu__V1__Rulebook **out,
                       struct err_text *why)
{
    struct reading r = {.path = path, .arena = a, .why = why};
    ProtobufCMessage *m = NULL;
    const char *field = NULL;
    const char *reason = "";
    buf_init(&r.text, RULEBOOK_FILE_BYTES_MAX);
    enum err e = read_message(&r, &rulebook_schema, &ismap__liu__v1__rulebook__descriptor, &m);
    if (e == ERR_OK)
        e = rulebook_check(a, (Ismap__Liu__V1__Rulebook *)m, &field, &reason);
    if (e == ERR_OK)
        *out = (Ismap__Liu__V1__Rulebook *)m;
    return finish(&r, e, field, reason);
}

enum err targets_load(const char *path, struct arena *a, Ismap__Liu__V1__TargetList **out,
                      struct err_text *why)
{
    struct reading r = {.path = path, .arena = a, .why = why};
    ProtobufCMessage *m = NULL;
    const char *field = NULL;
    const char *reason = "";
    buf_init(&r.text, RULEBOOK_FILE_BYTES_MAX);
    enum err e = read_message(&r, &targets_schema, &ismap__liu__v1__target_list__descriptor, &m);
    if (e == ERR_OK)
        e = targets_check(a, (Ismap__Liu__V1__TargetList *)m, &field, &reason);
    if (e == ERR_OK)
        *out = (Ismap__Liu__V1__TargetList *)m;
    return finish(&r, e, field, reason);
}

enum err rulebook_canonical(struct arena *a, const Ismap__Liu__V1__Rulebook *r,
                            const uint8_t **data, size_t *bytes, char hash[RULEBOOK_HASH_BYTES])
{
    enum err e = wire_pack(a, &r->base, data, bytes);
    if (e != ERR_OK || hash == NULL)
        return e;
    const struct crypto_part part = {*data, *bytes};
    uint8_t digest[SHA256_BYTES];
    e = crypto_sha256(&part, 1, digest);
    if (e == ERR_OK)
        text_hex(digest, sizeof digest, hash);
    return e;
}
