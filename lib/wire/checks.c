/* Finds the rows of a message type by its descriptor's address: a hash table built once from the
 * topics. */
#include "wire/checks.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#define BUCKETS 256u /* a power of two, well above the number of tables */
#define SLOTS 1024u  /* fields of all types that have rows */

struct bucket {
    const ProtobufCMessageDescriptor *type;
    const struct check *const *by_field;
};

static const struct check_topic *const topics[] = {
    &checks_frame,   &checks_party, &checks_case,  &checks_judgment,
    &checks_listing, &checks_alert, &checks_audit, &checks_scope,
};

static struct bucket buckets[BUCKETS];
static const struct check *slots[SLOTS];
static pthread_once_t built = PTHREAD_ONCE_INIT;

static size_t hash_of(const ProtobufCMessageDescriptor *d)
{
    /* descriptors lie one behind the other in memory */
    return (size_t)(((uintptr_t)d >> 5) * 0x9e3779b1u >> 7) & (BUCKETS - 1);
}

static void add(const struct check_table *t, const struct check **by_field)
{
    for (size_t i = 0; i < t->n; i++) {
        const ProtobufCFieldDescriptor *f =
            protobuf_c_message_descriptor_get_field_by_name(t->type, t->checks[i].field);
        assert(f != NULL); /* a row for a field that does not exist */
        if (f != NULL)
            by_field[f - t->type->fields] = &t->checks[i];
    }
    size_t at = hash_of(t->type);
    while (buckets[at].type != NULL)
        at = (at + 1) & (BUCKETS - 1);
    buckets[at] = (struct bucket){t->type, by_field};
}

static void build(void)
{
    size_t used = 0;
    size_t tables = 0;
    for (const struct check_table *t; (t = checks_table_at(tables)) != NULL; tables++) {
        /* a test builds the table: it fails here when a limit is outgrown */
        assert(tables < BUCKETS / 2 && used + t->type->n_fields <= SLOTS);
        add(t, &slots[used]);
        used += t->type->n_fields;
    }
}

const struct check *const *checks_of(const ProtobufCMessageDescriptor *d)
{
    (void)pthread_once(&built, build);
    for (size_t at = hash_of(d); buckets[at].type != NULL; at = (at + 1) & (BUCKETS - 1))
        if (buckets[at].type == d)
            return buckets[at].by_field;
    return NULL;
}

const struct check_table *checks_table_at(size_t i)
{
    for (size_t t = 0; t < CHECKS_COUNT(topics); t++) {
        if (i < topics[t]->n)
            return &topics[t]->tables[i];
        i -= topics[t]->n;
    }
    return NULL;
}
