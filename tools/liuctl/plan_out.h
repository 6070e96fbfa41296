/* Where the files of a plan go. */
#ifndef LIU_LIUCTL_PLAN_OUT_H
#define LIU_LIUCTL_PLAN_OUT_H

#include "base/buf.h"
#include "liuctl/cli.h"
#include "liuctl/plan_doc.h"
#include "liuctl/plan_sources.h"

/* The plan that the arguments name: CASE (asked at the service) or --plan FILE; its catalogue from
 * --catalogue FILE or from Redis. Takes them all out. An exit status, told. */
int plan_doc_get(struct cli *c, struct cli_args *a, struct plan_sources *s, struct plan_doc *d);

/* To `path` whole or not at all (a new file beside it, then rename), or to stdout when it is NULL.
 * Both answer an exit status; a buffer that failed is CLI_TEMPORARY. */
int plan_write(struct cli *c, const char *path, const struct buf *b);
int plan_write_json(struct cli *c, const char *path, const ProtobufCMessage *m);

#endif
