/* protobuf-c over an arena: the arena's budget is the only bound on what an unpacked message may
 * cost. */
#include "wire/unpack.h"

struct arena_allocator {
    struct arena *arena;
    bool refused;
};

static void *allocate(void *data, size_t bytes)
{
    struct arena_allocator *al = data;
    void *p = arena_alloc(al->arena, bytes);
    if (p == NULL)
        al->refused = true;
    return p;
}

static void release(void *data, void *p)
{
    (void)data;
    (void)p;
}

enum err wire_unpack(struct arena *a, const ProtobufCMessageDescriptor *d, const uint8_t *data,
                     size_t bytes, ProtobufCMessage **out)
{
    struct arena_allocator al = {.arena = a};
    ProtobufCAllocator allocator = {.alloc = allocate, .free = release, .allocator_data = &al};
    /* The message alone would take at least its own bytes. */
    if (bytes > a->budget_bytes) {
        a->spent = true;
        return ERR_NOMEM;
    }
    ProtobufCMessage *m = protobuf_c_message_unpack(d, &allocator, bytes, data);
    if (m == NULL)
        return al.refused ? ERR_NOMEM : ERR_PROTO;
    *out = m;
    return ERR_OK;
}

enum err wire_pack(struct arena *a, const ProtobufCMessage *m, const uint8_t **data, size_t *bytes)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = arena_alloc(a, n);
    if (p == NULL)
        return ERR_NOMEM;
    *bytes = protobuf_c_message_pack(m, p);
    *data = p;
    return ERR_OK;
}
