/* An audit plan as files for others: OSCAL for tools, CSV for spreadsheets, a picture for people.
 *
 * OSCAL: assessment plan 1.1.3. One parent task a year, below it one task for the external and one
 * for the internal audit, each tied to one activity whose related-controls list the controls by
 * tier; reviewed-controls is the union of all activities. Year, party, tier and the plan's hash
 * have no field in OSCAL and are props of our namespace. Every UUID is version 5 from one fixed
 * namespace and the plan's hash, so that the same plan gives the same bytes.
 *
 * Ids of controls are tokens in OSCAL: they begin with a letter. An id that begins with a digit
 * (9.2.1.6.PB) is written with PLAN_OSCAL_PREFIX; the prop "control-id-prefix" says so.
 *
 * Plain values in, text out; nothing here knows a rule.
 */
#ifndef LIU_LIUCTL_PLAN_DOC_H
#define LIU_LIUCTL_PLAN_DOC_H

#include <stdbool.h>
#include <jansson.h>

#include "base/buf.h"
#include "ismap/liu/v1/plan.pb-c.h"
#include "services/audit/core/plan.h"

#define PLAN_OSCAL_VERSION "1.1.3"
#define PLAN_OSCAL_NS "https://ismap-liu.example.jp/ns/oscal" /* also read by catalogue_oscal */
#define PLAN_OSCAL_PREFIX "ismap-"
#define PLAN_DOC_BYTES_MAX (16u * 1024 * 1024)
#define UUID_TEXT_BYTES 37

struct plan_doc {
    const Ismap__Liu__V1__AuditPlan *record;
    const struct catalogue *catalogue;
    struct plan plan; /* of the record */
    int32_t first_year;
    char hash[65]; /* plan_hash in hexadecimal; "unhashed" when the record has none */
};

/* Reads the record; every control must be in the catalogue. What is borrowed must outlive *out.
 * ERR_INVAL with `why`; ERR_NOMEM. */
enum err plan_doc_open(struct arena *a, const Ismap__Liu__V1__AuditPlan *record,
                       const struct catalogue *c, struct plan_doc *out,
                       struct err_text *why) LIU_MUST_USE;

/* Name of a domain in Japanese: as its catalogue says, or of the ISMAP chapters 3 to 18. */
const char *plan_domain_name(const struct catalogue_item *it);

/* UUID version 5 (RFC 9562) of our namespace. `name` ends with NUL. */
void plan_uuid(const char *name, char out[UUID_TEXT_BYTES]);

/* The id as an OSCAL token; NULL without memory. */
const char *plan_token(struct arena *a, const char *id);

/* New reference, NULL without memory. */
json_t *plan_oscal(struct arena *a, const struct plan_doc *d);

/* Checks what no schema does: all UUIDs are versions 4 or 5 and differ, every reference has its
 * target, every control is in the catalogue, dates have an offset and are in order (a task's within
 * its parent's), no array or string is empty, tasks say exactly the plan's items, and
 * reviewed-controls is the union of the activities. Shares no code with the writer. ERR_INVAL with
 * one line for each fault in `report`; ERR_NOMEM. */
enum err plan_oscal_check(struct arena *a, const json_t *root, const struct plan_doc *d,
                          struct buf *report) LIU_MUST_USE;

/* What of a control is audited (R67): an item of an older plan that does not say is both. */
#define PLAN_MODES 4
enum plan_mode plan_mode_of(const struct plan_item *item);
const char *plan_mode_word(enum plan_mode mode, bool ja);
/* What brought an item into scope before its turn, "" = nothing did. R66, R70 */
const char *plan_cause_word(enum plan_cause cause, bool ja);

/* A workbook at `path`: an overview with the load of each year, a sheet a year, and a sheet that
 * tells for every assessable control in which year who audits it and when it is due; what moved
 * against the plan before, if there is one. The same plan gives the same
 * bytes. ERR_IO (errno), ERR_NOMEM. */
enum err plan_xlsx(const struct plan_doc *d, const char *path) LIU_MUST_USE;

/* One row for each item, behind a heading; RFC 4180 with LF, UTF-8. */
void plan_csv(const struct plan_doc *d, struct buf *out);

/* SVG: a heat map of domains and years for each party, and bars of hours against their mean.
 * Numbers stand in every cell and internal hours are hatched, so that it reads in print and without
 * colour. A domain that a party never audits shows a dash. */
void plan_svg(const struct plan_doc *d, struct buf *out);

#endif
