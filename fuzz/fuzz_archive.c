/* What the ledger and liuctl read from disk: segments, snapshots, marks of what was removed, the
 * state of a backup, names of segments. The first byte decides which of them it is, and whether its
 * lengths and digests are put right before, so that what lies behind them is read, too.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "liuctl/restore_state.h"
#include "services/ledger/mark.h"
#include "services/ledger/segment_format.h"
#include "services/ledger/snapshot.h"

#define SEALED 0x80u
#define SNAPSHOT_HEADER 256u

static char dir[] = "/tmp/liu-fuzz-XXXXXX";

static void need(bool holds)
{
    if (!holds)
        abort();
}

static void leave(void)
{
    (void)rmdir(dir);
}

static void digest(const uint8_t *data, size_t bytes, uint8_t out[SHA256_BYTES])
{
    struct crypto_part part = {data, bytes};
    need(crypto_sha256_any_thread(&part, 1, out) == ERR_OK);
}

static void path_of(char path[FOLDER_PATH_BYTES], const char *name)
{
    need(folder_path(path, dir, name));
}

static void put(const char *name, const uint8_t *data, size_t bytes)
{
    char path[FOLDER_PATH_BYTES];
    path_of(path, name);
    FILE *f = fopen(path, "wb");
    need(f != NULL && fwrite(data, 1, bytes, f) == bytes && fclose(f) == 0);
}

static void drop(const char *name)
{
    char path[FOLDER_PATH_BYTES];
    path_of(path, name);
    need(unlink(path) == 0);
}

/* ---- each kind of file */

static void segment(uint8_t *data, size_t bytes, bool sealed)
{
    struct segment *s = NULL;
    struct segment_entry e = {.bytes = 0};
    struct err_text why;
    char path[FOLDER_PATH_BYTES];
    char name[SEGMENT_NAME_BYTES];
    uint32_t n = 0;
    if (sealed && bytes >= SEGMENT_HEADER_BYTES + SHA256_BYTES) {
        be64_put(data + 168, bytes - SEGMENT_HEADER_BYTES - SHA256_BYTES);
        digest(data, bytes - SHA256_BYTES, data + bytes - SHA256_BYTES);
    }
    put("file", data, bytes);
    path_of(path, "file");
    if (segment_open(path, &s, &why) == ERR_OK) {
        const struct segment_head *h = segment_head_of(s);
        segment_name(h, name);
        while (segment_next(s, &e)) {
            digest(e.data, e.bytes, (uint8_t[SHA256_BYTES]){0});
            digest(e.link, e.link_bytes, (uint8_t[SHA256_BYTES]){0});
            n++;
        }
        need(n == h->count && segment_pos_compare(e.pos, h->last) == 0);
        need(h->link_bytes == e.link_bytes);
        segment_close(s);
    }
    drop("file");
}

static void snapshot(uint8_t *data, size_t bytes, bool sealed)
{
    struct snapshot *s = NULL;
    struct snapshot_record r;
    struct err_text why;
    char name[FOLDER_NAME_BYTES];
    bool end = false;
    if (sealed && bytes >= SNAPSHOT_HEADER) {
        be64_put(data + 176, bytes - SNAPSHOT_HEADER);
        digest(data + SNAPSHOT_HEADER, bytes - SNAPSHOT_HEADER, data + 184);
        digest(data, 224, data + 224);
    }
    snapshot_name(bytes >= SNAPSHOT_HEADER ? be64_get(data + 48) : 1, name);
    put(name, data, bytes);
    if (snapshot_open(dir, name, &s, &why) == ERR_OK) {
        for (size_t i = 0; i <= bytes && snapshot_next(s, &r, &end) == ERR_OK && !end; i++) {
            need(i < bytes && r.id_bytes > 0 && r.id_bytes <= SNAPSHOT_ID_MAX);
            digest(r.value, r.bytes, (uint8_t[SHA256_BYTES]){0});
        }
        snapshot_close(s);
    }
    drop(name);
}

/* What is taken is what writing it gives. */
static void mark(const uint8_t *data, size_t bytes, bool sealed)
{
    struct mark m;
    struct mark again;
    struct err_text why;
    struct buf text;
    uint8_t d[SHA256_BYTES];
    bool found = false;
    buf_init(&text, bytes + MARK_BYTES);
    (void)buf_put(&text, data, bytes);
    if (sealed) {
        digest(data, bytes, d);
        (void)buf_puts(&text, "sha256 ");
        for (size_t i = 0; i < SHA256_BYTES; i++)
            (void)buf_printf(&text, "%02x", d[i]);
        (void)buf_puts(&text, "\n");
    }
    need(!text.failed);
    put(MARK_FILE, text.data, text.len);
    if (mark_read(dir, MARK_FILE, &m, &found, &why) == ERR_OK) {
        need(found && mark_write(dir, MARK_PLAN, &m, &why) == ERR_OK);
        need(mark_read(dir, MARK_PLAN, &again, &found, &why) == ERR_OK && found);
        need(strcmp(m.stream, again.stream) == 0 && segment_pos_compare(m.last, again.last) == 0);
        drop(MARK_PLAN);
    }
    drop(MARK_FILE);
    buf_fini(&text);
}

static void state(const uint8_t *data, size_t bytes)
{
    struct err_text why;
    struct restore_survey survey;
    put("state", data, bytes);
    (void)!restore_state_survey(dir, &survey, &why);
    drop("state");
}

static void name(const uint8_t *data, size_t bytes, enum segment_kind kind)
{
    struct segment_head h = {.kind = kind};
    char text[SEGMENT_NAME_BYTES] = "";
    char own[SEGMENT_NAME_BYTES];
    memcpy(text, data, bytes < sizeof text ? bytes : sizeof text - 1);
    if (!segment_name_range(kind, text, &h.first, &h.last))
        return;
    segment_name(&h, own);
    need(strcmp(own, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool begun;
    if (bytes == 0)
        return 0;
    if (!begun)
        need(mkdtemp(dir) != NULL && atexit(leave) == 0);
    begun = true;
    bool sealed = (data[0] & SEALED) != 0;
    uint8_t *own = malloc(bytes);
    need(own != NULL);
    memcpy(own, data + 1, bytes - 1);
    switch (data[0] % 8) {
    case 0:
        segment(own, bytes - 1, sealed);
        break;
    case 1:
        snapshot(own, bytes - 1, sealed);
        break;
    case 2:
        mark(own, bytes - 1, sealed);
        break;
    case 3:
        state(own, bytes - 1);
        break;
    case 4:
        name(own, bytes - 1, SEGMENT_JOURNAL);
        break;
    case 5:
        name(own, bytes - 1, SEGMENT_NOISE);
        break;
    default:
        break;
    }
    free(own);
    return 0;
}
