/* One bus with one door on an ephemeral port, one loop, and a table of known keys. The tests are
 * one thread: they turn the loop between non-blocking steps of their clients.
 */
#ifndef TESTS_LIB_BUS_FIXTURE_H
#define TESTS_LIB_BUS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/bus.h"

#define FIXTURE_USERS 4

struct fixture {
    struct loop *loop;
    struct bus *bus;
    struct bus_door *door;
    struct curve_keys server;
    struct {
        char public_z85[CURVE_Z85_BYTES];
        const char *user;
    } known[FIXTURE_USERS];
    bool open_to_all; /* the lookup knows everybody */
    bool echo;        /* answer each message with its bytes */
    int lookups;
    int messages;
    struct bus_peer peer; /* of the last message or garbage */
    char user[64];
    uint8_t data[256];
    size_t bytes;
    int garbage;
    char why[64];
};

void fixture_start(struct fixture *f, enum bus_profile profile);
void fixture_stop(struct fixture *f);

/* A second door on the same bus. */
struct bus_door *fixture_door(struct fixture *f, const char *name, enum bus_profile profile);

void fixture_know(struct fixture *f, const struct curve_keys *k, const char *user);
void fixture_forget(struct fixture *f, const char *user);

/* Turns the loop for so long. */
void fixture_turns(struct fixture *f, int64_t ms);

/* Turns until *counter reaches `value`; false when that takes more than 5 s. */
bool fixture_until(struct fixture *f, const int *counter, int value);

/* A client of ours, and the same by hand where it must misbehave. keys NULL: without CURVE. */
struct bus_client *fixture_client(struct fixture *f, const struct curve_keys *k);
void *fixture_raw(struct fixture *f, void *context, int type, const struct curve_keys *k,
                  const char *routing_id);

/* Turns the loop until the send is accepted; false after ms. */
bool fixture_send(struct fixture *f, struct bus_client *c, const void *data, size_t bytes,
                  int64_t ms);
bool fixture_raw_send(struct fixture *f, void *socket, const void *data, size_t bytes, int flags,
                      int64_t ms);

/* Turns the loop until the client has a message. */
bool fixture_recv(struct fixture *f, struct bus_client *c, uint8_t **data, size_t *bytes,
                  int64_t ms);

/* A known client gets an answer: the door lives. */
void fixture_assert_served(struct fixture *f);

#endif
