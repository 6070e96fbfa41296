/* An OSCAL catalogue (1.0.0 to 1.1.3, JSON) read for planning. Not used by the service.
 *
 * Groups and controls are walked without recursion, at most OSCAL_DEPTH_MAX deep. Each control,
 * nested ones too, becomes one item; numbers are given in document order (group, control, nested
 * control), so that a plan over it is as repeatable as over the ISMAP file.
 *
 *   id       the control's id: at most CATALOGUE_ID_BYTES - 1 bytes; unique in the file
 *   label    prop "label"
 *   title    with {{ insert: param, ID }} replaced by the parameter's value or label, in brackets
 *   withdrawn  prop "status" = "withdrawn": read, counted, never planned
 *   tier     prop "tier" (our namespace), or the class of the control or a group above it, or the
 *            tier map for a group's id: governance, management, controls; the nearest wins, the
 *            map wins over all. Otherwise controls
 *   important  prop "key-control" (our namespace): yes = rotates, annual = every year (R63)
 *   unit of coverage  in the controls tier each control is one. In the other tiers a control with
 *            nested controls is the objective and those below it are its details, as in the ISMAP
 *            file; one without any is a detail of its own, audited every year (R62)
 *
 * Namespaces and members that are not known are passed over. Faults name the path of groups and the
 * line of the control's id. Limits: OSCAL_FILE_BYTES, CATALOGUE_ITEMS_MAX items, OSCAL_TEXT_BYTES a
 * title (longer is cut).
 */
#ifndef LIU_AUDIT_CATALOGUE_OSCAL_H
#define LIU_AUDIT_CATALOGUE_OSCAL_H

#include "services/audit/core/catalogue.h"

#define OSCAL_FILE_BYTES (16 * 1024 * 1024)
#define OSCAL_DEPTH_MAX 8
#define OSCAL_GROUPS_MAX 4096
#define OSCAL_TEXT_BYTES 512
#define OSCAL_NS "https://ismap-liu.example.jp/ns/oscal"

struct catalogue_oscal_counts {
    uint32_t controls; /* directly below groups */
    uint32_t nested;
    uint32_t withdrawn_controls;
    uint32_t withdrawn_nested;
    uint32_t groups;
};

/* `tier_map` (may be NULL): "gv=governance,pm=management", ids of groups. *out and *version live in
 * the arena. ERR_INVAL with faults (a text that is not JSON is one, with line and column in
 * `field`); ERR_LIMIT too long; ERR_NOMEM. `counts` may be NULL. */
enum err catalogue_oscal_parse(struct arena *a, const char *text, size_t bytes,
                               const char *tier_map, struct catalogue *out, const char **version,
                               struct catalogue_oscal_counts *counts,
                               struct audit_faults *faults) LIU_MUST_USE;

/* The same from a file; the first fault as "file:line: field: reason" in `why`. ERR_IO. */
enum err catalogue_oscal_load(struct arena *a, const char *path, const char *tier_map,
                              struct catalogue *out, const char **version,
                              struct catalogue_oscal_counts *counts,
                              struct err_text *why) LIU_MUST_USE;

#endif
