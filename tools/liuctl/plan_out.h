/* Where the files of a plan go. */
#ifndef LIU_LIUCTL_PLAN_OUT_H
#define LIU_LIUCTL_PLAN_OUT_H

#include "base/buf.h"
#include "liuctl/cli.h"

/* To `path` whole or not at all (a new file beside it, then rename), or to stdout when it is NULL.
 * Both answer an exit status; a buffer that failed is CLI_TEMPORARY. */
int plan_write(struct cli *c, const char *path, const struct buf *b);
int plan_write_json(struct cli *c, const char *path, const ProtobufCMessage *m);

#endif
