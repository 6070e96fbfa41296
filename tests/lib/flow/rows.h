/* A service for the tests of the runtime: its messages add one to the version of the cases they
 * name, so that a lost or doubled effect shows in the sum. */
#ifndef LIU_TESTS_FLOW_ROWS_H
#define LIU_TESTS_FLOW_ROWS_H

#include "fake.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"

extern const struct service rows_service;

/* RevokeParty: its id names the case. REFUSED_ID is refused. */
#define SHORT_ID "case-short" /* nothing is found, for want of memory; events: while rows_short */
extern bool rows_short;
#define REFUSED_ID "refuse-me"
extern bool rows_mended;     /* it is not refused any more */
#define PARTY_ID "new-party" /* touched: a party is put */
#define SENDER_READ_ID                                                                             \
    "sender-read" /* touched after its sender was read, when the case was there */
void send_touch(const char *id, const struct fake_how *how);
/* ListParties, a change here: "aa-bb" names two cases, read first or (blind) not. */
void send_two(const char *ids, bool blind, const struct fake_how *how);
/* ListFeeds, ROW_SERIAL. */
void send_serial(const char *id, const struct fake_how *how);
/* RevokeFeed, ROW_SIGNED. */
void send_signed(const char *id, const struct fake_how *how);
/* ListIncidents, ROW_URGENT, its cases are kept in memory; refused when the case has been touched
 * `most` times. */
void send_urgent(const char *id, unsigned most, const struct fake_how *how);
/* The same, and only on views that are current. */
void send_current(const char *id);
/* GetHealth's neighbour: ListCases, a query that no case slows. */
void send_query(const struct fake_how *how);

/* GetCase: changes nothing. */
void send_look(const char *id);

unsigned touched(const char *id); /* version of the case, 0 = there is none */

#endif
