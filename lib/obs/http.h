/* The private port of a service: /metrics, /healthz (alive), /readyz (200 or 503 with the reason).
 * libmicrohttpd on the loop, GET only, at most 32 connections.
 */
#ifndef LIU_OBS_HTTP_H
#define LIU_OBS_HTTP_H

#include "loop/loop.h"

struct obs_http;

/* `ready` returns true, or false with a reason in *why. address is host:port, e.g. 127.0.0.1:9101.
 */
typedef bool obs_ready_fn(void *arg, const char **why);
enum err obs_http_create(struct loop *l, const char *address, obs_ready_fn *ready, void *arg,
                         struct obs_http **out, struct err_text *why) LIU_MUST_USE;
/* The port listened on: the one chosen by the system when the address said port 0. */
uint16_t obs_http_port(const struct obs_http *h);
void obs_http_destroy(struct obs_http *h); /* NULL-safe */

#endif
