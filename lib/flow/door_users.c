/* What is told about open doors: their keys with the scheme's signature, and to operators who still
 * uses one whose key is to go. */
#include "flow/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

void doors_used(struct flow_door *d, const char *actor_key)
{
    struct door_user *at = &d->users[0];
    const char *id = actor_key + 2;
    if (!d->old)
        return;
    for (size_t i = 0; i < DOOR_USERS; i++) {
        struct door_user *u = &d->users[i];
        if (strcmp(u->id, id) == 0) {
            u->at_ms = clock_wall_ms();
            return;
        }
        at = u->at_ms < at->at_ms ? u : at;
    }
    (void)text_copy(at->id, sizeof at->id, id);
    at->at_ms = clock_wall_ms();
}

static void sign_door(struct work *w, const struct flow_door *d, Ismap__Liu__V1__Door *out)
{
    const struct crypto_part parts[] = {
        {w->flow->set.scheme_instance, strlen(w->flow->set.scheme_instance)},
        {w->flow->svc->name, strlen(w->flow->svc->name)},
        {out->name, strlen(out->name)},
        {out->endpoint, strlen(out->endpoint)},
        {d->public_z85, strlen(d->public_z85)},
    };
    uint8_t *signature = arena_alloc(&w->arena, ED25519_SIGNATURE_BYTES);
    const char *key_id;
    if (signature == NULL || work_sign(w, DOMAIN_DOOR, parts, sizeof parts / sizeof parts[0],
                                       signature, &key_id) != ERR_OK)
        return;
    out->key_id = (char *)(uintptr_t)key_id;
    out->signature = (ProtobufCBinaryData){.len = ED25519_SIGNATURE_BYTES, .data = signature};
}

static void tell_users(struct work *w, const struct flow_door *d, Ismap__Liu__V1__Door *out)
{
    Ismap__Liu__V1__DoorUser *users = arena_alloc(&w->arena, DOOR_USERS * sizeof *users);
    out->users = arena_alloc(&w->arena, DOOR_USERS * sizeof *out->users);
    for (size_t i = 0; users != NULL && out->users != NULL && i < DOOR_USERS; i++) {
        if (d->users[i].at_ms == 0)
            continue;
        ismap__liu__v1__door_user__init(&users[i]);
        users[i].id = (char *)(uintptr_t)d->users[i].id;
        users[i].at_ms = d->users[i].at_ms;
        out->users[out->n_users++] = &users[i];
    }
}

void doors_tell(struct work *w, Ismap__Liu__V1__Health *h)
{
    struct flow *f = w->flow;
    Ismap__Liu__V1__Door *doors = arena_alloc(&w->arena, FLOW_DOORS_MAX * sizeof *doors);
    h->doors = arena_alloc(&w->arena, FLOW_DOORS_MAX * sizeof(void *));
    for (size_t i = 0; doors != NULL && h->doors != NULL && i < FLOW_DOORS_MAX; i++) {
        const struct flow_door *d = &f->doors[i];
        if (d->door == NULL || d->state != FLOW_DOOR_OPEN)
            continue;
        Ismap__Liu__V1__Door *out = &doors[h->n_doors];
        ismap__liu__v1__door__init(out);
        out->name = (char *)(uintptr_t)d->name;
        out->endpoint = (char *)(uintptr_t)bus_endpoint(d->door);
        out->public_key = (char *)(uintptr_t)d->public_z85;
        out->old = d->old;
        sign_door(w, d, out);
        if (w->role == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR) {
            out->connections = bus_connections(d->door);
            tell_users(w, d, out);
        }
        h->doors[h->n_doors++] = out;
    }
}
