/* Writes the seed corpora: make_seeds DIRECTORY. Every fifth message type, filled by the tests'
 * filler, as packed bytes and as JSON; envelopes that carry them. Deterministic, so that the corpus
 * changes only with the messages. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fill.h"
#include "ismap/liu/v1/envelope.pb-c.h"
#include "wire/json.h"
#include "wire/unpack.h"

#define SEED 20220601
#define STEP 5

static bool put(const char *dir, const char *target, const char *name, size_t type,
                const void *data, size_t bytes)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, target);
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return false;
    (void)snprintf(path, sizeof path, "%s/%s/%s", dir, target, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return false;
    uint8_t first = (uint8_t)type;
    bool ok = (strcmp(target, "fuzz_envelope") == 0 || fwrite(&first, 1, 1, f) == 1) &&
              fwrite(data, 1, bytes, f) == bytes;
    return fclose(f) == 0 && ok;
}

static bool put_envelope(struct arena *a, const char *dir, const ProtobufCMessageDescriptor *d,
                         const uint8_t *data, size_t bytes)
{
    Ismap__Liu__V1__Envelope e;
    ismap__liu__v1__envelope__init(&e);
    char id[] = "seed-0001";
    const uint8_t *packed;
    size_t n;
    e.version = 1;
    e.id = id;
    e.type = arena_strdup(a, d->name);
    e.payload = (ProtobufCBinaryData){bytes, arena_dup(a, data, bytes)};
    e.sent_at_ms = 1750000000000;
    return e.type != NULL && e.payload.data != NULL &&
           wire_pack(a, &e.base, &packed, &n) == ERR_OK &&
           put(dir, "fuzz_envelope", d->short_name, 0, packed, n);
}

static bool put_type(struct arena *a, const char *dir, size_t i, uint64_t *seed)
{
    const ProtobufCMessageDescriptor *d = wire_type_at(i);
    ProtobufCMessage *m = fill_message(a, d, seed);
    const uint8_t *data;
    size_t bytes;
    if (m == NULL || wire_pack(a, m, &data, &bytes) != ERR_OK)
        return false;
    json_t *json = wire_to_json(m);
    char *text = json == NULL ? NULL : json_dumps(json, 0);
    bool ok = text != NULL && put(dir, "fuzz_json", d->short_name, i, text, strlen(text)) &&
              put(dir, "fuzz_payload", d->short_name, i, data, bytes) &&
              (i % (STEP * STEP) != 0 || put_envelope(a, dir, d, data, bytes));
    free(text);
    json_decref(json);
    return ok;
}

int main(int argc, char **argv)
{
    uint64_t seed = SEED;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < wire_type_count(); i += STEP) {
        struct arena a;
        arena_init(&a, 1024 * 1024);
        bool ok = put_type(&a, argv[1], i, &seed);
        arena_fini(&a);
        if (!ok) {
            (void)fprintf(stderr, "%s: cannot write below %s: %s\n", argv[0], argv[1],
                          strerror(errno));
            return 1;
        }
    }
    return 0;
}
