/* The events of one TCP socket. A refused key shows nowhere else: sends go on succeeding. */
#ifndef LIU_BUS_MONITOR_H
#define LIU_BUS_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The ZMQ_EVENT_ constants we ask for; the alias ALL would bring ones that nobody reads. */
#define MONITOR_EVENTS                                                                             \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_ACCEPTED |                        \
     ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED |                         \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |                        \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

struct monitor_event {
    uint16_t event;
    uint32_t value; /* a descriptor, an errno, a ZAP status: see zmq_socket_monitor(3) */
};

/* *out is a socket to poll for reading, owned by the caller until monitor_detach. Attach before
 * bind or connect, or the first events are missed. */
enum err monitor_attach(void *context, void *watched, void **out,
                        struct err_text *why) LIU_MUST_USE;

/* The next event, without waiting; false when there is none now. */
bool monitor_next(void *monitor, struct monitor_event *out);

/* Before the watched socket is closed. monitor may be NULL. */
void monitor_detach(void *watched, void *monitor);

#endif
