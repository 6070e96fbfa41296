/* A catalogue's file made into the record that tools put into the store. Not used by the service.
 *
 * The file's grammar is in core/catalogue.h. Counts are compared where the version's are known.
 */
#ifndef LIU_AUDIT_CATALOGUE_LOAD_H
#define LIU_AUDIT_CATALOGUE_LOAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "services/audit/core/catalogue.h"

/* Reads `path` (at most CATALOGUE_FILE_BYTES). `version` NULL takes the YYYY-MM-DD at the end of
 * the file's name. *out lives in the arena, which needs about 1 MiB of budget. `counts` and
 * `report` may be NULL.
 *
 * ERR_INVAL: `why` has the first fault as "file:line: field: reason" and how many more; `report`
 * has all that were kept, one a line. ERR_IO: cannot be read. ERR_LIMIT: too long. ERR_NOMEM. */
enum err catalogue_load(struct arena *a, const char *path, const char *version,
                        Ismap__Liu__V1__Catalogue **out, struct catalogue_counts *counts,
                        struct buf *report, struct err_text *why) LIU_MUST_USE;

/* A catalogue as the record of that version. Ids that follow no grammar (by_id) make it a named
 * one. ERR_NOMEM. */
enum err catalogue_message(struct arena *a, const struct catalogue *c, const char *version,
                           const char *source, Ismap__Liu__V1__Catalogue **out) LIU_MUST_USE;

#endif
