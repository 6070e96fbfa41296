/* Is a record's move from one state to another in its state table? */
#ifndef LIU_TESTS_REPLAY_CHECK_MOVES_H
#define LIU_TESTS_REPLAY_CHECK_MOVES_H

#include <stdbool.h>
#include <protobuf-c/protobuf-c.h>

#include "store/records.h"

/* The state within a record; 0 = none, and for kinds without states. */
int check_state_of(enum record_kind kind, const ProtobufCMessage *m);

/* Some event with some facts leads there; incidents may take a few steps in one commit. */
bool check_move(enum record_kind kind, int from, int to);

#endif
