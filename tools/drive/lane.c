/* One identity on one connection, used by one thread. */
#include "drive/drive.h"

#include <stdlib.h>
#include <string.h>

#include "wire/unpack.h"

#define LANE_BUDGET (16u * 1024 * 1024)

int lane_open(struct lane *l, const struct cli *from, const char *identity, enum cli_service to)
{
    *l = (struct lane){.cli = *from, .to = to};
    l->cli.identity = identity;
    l->cli.keys_loaded = false;
    l->cli.signing = NULL;
    memset(l->cli.clients, 0, sizeof l->cli.clients);
    arena_init(&l->cli.arena, LANE_BUDGET);
    int status = cli_connect(&l->cli, to);
    l->client = l->cli.clients[to];
    return status;
}

void lane_close(struct lane *l)
{
    bus_client_destroy(l->client);
    l->client = NULL;
    signing_key_free(l->cli.signing);
    l->cli.signing = NULL;
    arena_fini(&l->cli.arena);
}

bool lane_send(struct lane *l, const char *id, const ProtobufCMessage *m, bool sign,
               int64_t timeout_ms)
{
    const uint8_t *data;
    size_t bytes;
    const char *same;
    l->cli.request_id = id;
    bool ok = cli_envelope(&l->cli, m, sign, &same, &data, &bytes) == CLI_OK &&
              bus_client_send(l->client, data, bytes, timeout_ms) == ERR_OK;
    arena_reset(&l->cli.arena);
    return ok;
}

const Ismap__Liu__V1__Reply *lane_recv(struct lane *l, int64_t timeout_ms)
{
    uint8_t *in = NULL;
    size_t n = 0;
    ProtobufCMessage *m = NULL;
    arena_reset(&l->cli.arena);
    if (bus_client_recv(l->client, &in, &n, timeout_ms) != ERR_OK)
        return NULL;
    enum err e = wire_unpack(&l->cli.arena, &ismap__liu__v1__reply__descriptor, in, n, &m);
    free(in);
    return e == ERR_OK ? (const void *)m : NULL;
}
