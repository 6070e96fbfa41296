/* Socket monitors: attaching, and reading their two-frame messages. */
#include "bus/monitor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <zmq.h>

#include "bus/profile.h"

enum err monitor_attach(void *context, void *watched, void **out, struct err_text *why)
{
    /* A counter, not the socket's address: a name is freed by another thread some time after. */
    static _Atomic uint64_t last;
    char endpoint[48];
    void *socket = NULL;
    *out = NULL;
    (void)snprintf(endpoint, sizeof(endpoint), "inproc://monitor-%" PRIu64,
                   atomic_fetch_add(&last, 1));
    if (zmq_socket_monitor(watched, endpoint, MONITOR_EVENTS) != 0)
        return err_say(why, ERR_IO, "cannot watch a socket: %s", zmq_strerror(errno));
    enum err e = profile_socket(context, PROFILE_MONITOR, NULL, &socket, why);
    if (e == ERR_OK && zmq_connect(socket, endpoint) != 0)
        e = err_say(why, ERR_IO, "cannot watch a socket: %s", zmq_strerror(errno));
    if (e != ERR_OK) {
        monitor_detach(watched, socket);
        return e;
    }
    *out = socket;
    return ERR_OK;
}

static int receive(zmq_msg_t *msg, void *socket)
{
    int rc;
    do
        rc = zmq_msg_recv(msg, socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc;
}

bool monitor_next(void *monitor, struct monitor_event *out)
{
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame);
    bool got = receive(&frame, monitor) >= 0;
    *out = (struct monitor_event){.event = 0};
    if (got && zmq_msg_size(&frame) == sizeof(out->event) + sizeof(out->value)) {
        const uint8_t *p = zmq_msg_data(&frame);
        memcpy(&out->event, p, sizeof(out->event));
        memcpy(&out->value, p + sizeof(out->event), sizeof(out->value));
    }
    while (got && zmq_msg_more(&frame) && receive(&frame, monitor) >= 0) {
        /* the address, which nobody needs */
    }
    (void)zmq_msg_close(&frame);
    return got;
}

void monitor_detach(void *watched, void *monitor)
{
    (void)zmq_socket_monitor(watched, NULL, 0);
    if (monitor != NULL)
        (void)zmq_close(monitor);
}
