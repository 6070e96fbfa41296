/* fault-poison ADDRESS TYPE CAUSE: commits one journal entry of a known type whose payload no
 * reader can decode, as a faulty program with the right to write could. Prints its number.
 * Exit status: 0 it is there, 1 it is not, 2 wrong call, 5 nobody knows.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "obs/log.h"
#include "store/store.h"

#define PATIENCE_MS 20000

struct answer {
    bool done;
    enum commit_status status;
    uint64_t seq;
    char text[200];
};

static void on_answer(void *arg, const struct commit_result *r)
{
    struct answer *a = arg;
    a->done = true;
    a->status = r->status;
    a->seq = r->seq;
    (void)snprintf(a->text, sizeof a->text, "%s", r->text == NULL ? "" : r->text);
}

static void turn_until(struct loop *loop, struct store *store, const bool *done)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    while ((done == NULL ? !store_ready(store, NULL) : !*done) && clock_mono_ms() < end)
        (void)loop_turn(loop, 10);
}

static size_t entry_pack(const char *type, const char *cause, uint8_t out[1024])
{
    static uint8_t junk[] = {0x0a, 0x7f, 'x'}; /* 127 bytes are promised, one comes */
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    char name[200];
    (void)snprintf(name, sizeof name, "ismap.liu.v1.%s", type);
    e.at_ms = clock_wall_ms();
    e.actor = (char *)(uintptr_t) "drill";
    e.cause = (char *)(uintptr_t)cause;
    e.type = name;
    e.payload = (ProtobufCBinaryData){.len = sizeof junk, .data = junk};
    return ismap__liu__v1__journal_entry__get_packed_size(&e) > 1024
               ? 0
               : ismap__liu__v1__journal_entry__pack(&e, out);
}

static int poison(struct loop *loop, struct store *store, const char *type, const char *cause)
{
    uint8_t bytes[1024];
    struct commit_entry entry = {
        .data = bytes, .bytes = entry_pack(type, cause, bytes), .type = type};
    struct commit c = {
        .reply_type = "", .now_ms = clock_wall_ms(), .entries = &entry, .n_entries = 1};
    struct answer a = {.status = COMMIT_UNAVAILABLE};
    turn_until(loop, store, NULL);
    if (store_commit(store, STORE_MAIN, &c, on_answer, &a) == ERR_OK)
        turn_until(loop, store, &a.done);
    if (a.done && a.status == COMMIT_OK)
        (void)printf("%llu\n", (unsigned long long)a.seq);
    else
        (void)fprintf(stderr, "fault-poison: status %d %s\n", (int)a.status, a.text);
    return !a.done || a.status == COMMIT_UNKNOWN ? 5 : a.status == COMMIT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct loop *loop = NULL;
    struct store *store = NULL;
    struct err_text why = {""};
    if (argc != 4) {
        (void)fprintf(stderr, "usage: fault-poison ADDRESS TYPE CAUSE\n");
        return 2;
    }
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    struct store_config config = {.address = argv[1], .partition = "p0"};
    if (loop_create(&loop) != ERR_OK || store_create(loop, &config, &store, &why) != ERR_OK) {
        (void)fprintf(stderr, "fault-poison: %s\n", why.text);
        return 1;
    }
    int status = poison(loop, store, argv[2], argv[3]);
    store_destroy(store);
    loop_destroy(loop);
    return status;
}
