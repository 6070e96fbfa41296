/* A wrong reference passes every schema of OSCAL; it must not pass here. Written from the format's
 * rules, not from the writer: it looks for tokens, targets and dates by itself. */
#include "liuctl/plan_doc.h"

#include <string.h>

#include "base/date.h"

#define DEPTH_MAX 32
#define DATE_TIME_BYTES 25 /* 2026-01-01T00:00:00+09:00 */

struct check {
    struct arena *arena;
    const struct plan_doc *doc;
    struct buf *report;
    json_t *uuids;    /* each of the document */
    json_t *targets;  /* of references: activities, resources, parties, roles */
    json_t *tokens;   /* of the catalogue, with the place of the control */
    json_t *audited;  /* "year/party/place" of every task */
    json_t *covered;  /* tokens of all activities */
    json_t *reviewed; /* tokens of reviewed-controls */
    size_t faults;
};

static void fault(struct check *c, const char *what, const char *value)
{
    c->faults++;
    (void)buf_printf(c->report, "%s: %s\n", what, value);
}

static bool has(const json_t *set, const char *key)
{
    return key != NULL && json_object_get(set, key) != NULL;
}

static void put(json_t *set, const char *key)
{
    if (key != NULL)
        (void)json_object_set_new(set, key, json_true());
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static const json_t *at(const json_t *o, const char *a, const char *b)
{
    return json_object_get(json_object_get(o, a), b);
}

static bool uuid_ok(const char *s)
{
    if (strlen(s) != UUID_TEXT_BYTES - 1 || (s[14] != '4' && s[14] != '5') ||
        strchr("89abAB", s[19]) == NULL)
        return false;
    for (size_t i = 0; s[i] != '\0'; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : strchr("0123456789abcdefABCDEF", s[i]) == NULL)
            return false;
    }
    return true;
}

/* Local date and time with an offset; the day must be one. */
static bool date_time_ok(const char *s)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd+dd:dd";
    if (strlen(s) != DATE_TIME_BYTES)
        return false;
    for (size_t i = 0; i < DATE_TIME_BYTES; i++) {
        bool digit = s[i] >= '0' && s[i] <= '9';
        if (shape[i] == 'd'   ? !digit
            : shape[i] == '+' ? s[i] != '+' && s[i] != '-'
                              : s[i] != shape[i])
            return false;
    }
    char day[DATE_TEXT_BYTES] = {0};
    int32_t days;
    memcpy(day, s, DATE_TEXT_BYTES - 1);
    return date_parse(day, &days) == ERR_OK;
}

static bool any_of(const char *key, const char *const keys[3])
{
    return strcmp(key, keys[0]) == 0 || strcmp(key, keys[1]) == 0 || strcmp(key, keys[2]) == 0;
}

static void visit_text(struct check *c, const char *key, const char *s)
{
    static const char *const references[3] = {"activity-uuid", "role-id", "party-uuids"};
    static const char *const times[3] = {"start", "end", "last-modified"};
    if (strcmp(key, "uuid") == 0) {
        if (!uuid_ok(s))
            fault(c, "not a UUID of version 4 or 5", s);
        if (has(c->uuids, s))
            fault(c, "the same UUID twice", s);
        put(c->uuids, s);
    } else if (strcmp(key, "control-id") == 0 && !has(c->tokens, s)) {
        fault(c, "control-id is not in the catalogue", s);
    } else if (any_of(key, references) && !has(c->targets, s)) {
        fault(c, arena_printf(c->arena, "%s has no target", key), s);
    } else if (strcmp(key, "href") == 0 && s[0] == '#' && !has(c->targets, s + 1)) {
        fault(c, "href has no target", s);
    } else if (any_of(key, times) && !date_time_ok(s)) {
        fault(c, "not a date and time with an offset", s);
    }
}

/* One member or element: what holds wherever it stands. */
static void visit(struct check *c, const char *key, const json_t *v)
{
    const char *s = json_string_value(v);
    if ((json_is_array(v) && json_array_size(v) == 0) || (s != NULL && s[0] == '\0'))
        fault(c, "empty", key);
    if (json_object_get(v, "include-all") != NULL && json_object_get(v, "include-controls") != NULL)
        fault(c, "include-all together with include-controls", key);
    if (json_is_object(v) && json_object_get(v, "activity-uuid") != NULL &&
        json_object_get(v, "subjects") == NULL)
        fault(c, "activity without subjects", text(v, "activity-uuid"));
    if (s != NULL)
        visit_text(c, key, s);
}

struct frame {
    const json_t *v;
    const char *key; /* of the container; an array's elements go by its key */
    size_t index;
    void *iter;
};

/* The next element of a frame, NULL at its end. */
static const json_t *next_of(struct frame *f, const char **key)
{
    *key = f->key;
    if (json_is_array(f->v))
        return json_array_get(f->v, f->index++);
    json_t *o = (json_t *)(uintptr_t)f->v;
    f->iter = f->index++ == 0 ? json_object_iter(o) : json_object_iter_next(o, f->iter);
    if (f->iter == NULL)
        return NULL;
    *key = json_object_iter_key(f->iter);
    return json_object_iter_value(f->iter);
}

static void walk(struct check *c, const json_t *root)
{
    struct frame stack[DEPTH_MAX] = {{.v = root, .key = "document"}};
    size_t depth = 1;
    while (depth > 0) {
        const char *key;
        const json_t *v = next_of(&stack[depth - 1], &key);
        if (v == NULL) {
            depth--;
            continue;
        }
        visit(c, key, v);
        if (!json_is_object(v) && !json_is_array(v))
            continue;
        if (depth == DEPTH_MAX)
            fault(c, "nested too deep", key);
        else
            stack[depth++] = (struct frame){.v = v, .key = key};
    }
}

static void add_targets(struct check *c, const json_t *list, const char *name)
{
    size_t i;
    const json_t *v;
    json_array_foreach((json_t *)(uintptr_t)list, i, v) put(c->targets, text(v, name));
}

static void collect(struct check *c, const json_t *plan)
{
    add_targets(c, at(plan, "local-definitions", "activities"), "uuid");
    add_targets(c, at(plan, "back-matter", "resources"), "uuid");
    add_targets(c, at(plan, "metadata", "parties"), "uuid");
    add_targets(c, at(plan, "metadata", "roles"), "id");
    const struct catalogue *cat = c->doc->catalogue;
    for (size_t i = 0; i < cat->n; i++) {
        const char *id = cat->items[i].id;
        const char *token = strchr("0123456789", id[0]) == NULL
                                ? id
                                : arena_printf(c->arena, "%s%s", PLAN_OSCAL_PREFIX, id);
        if (token != NULL)
            (void)json_object_set_new(c->tokens, token, json_integer((json_int_t)i));
    }
}

/* Adds the controls of a "control-selections" to a set; with `where` also as audited there. */
static void read_selections(struct check *c, const json_t *selections, json_t *set,
                            const char *where)
{
    size_t i;
    size_t k;
    const json_t *s;
    const json_t *v;
    json_array_foreach((json_t *)(uintptr_t)selections, i, s)
        json_array_foreach(json_object_get(s, "include-controls"), k, v)
    {
        const char *id = text(v, "control-id");
        put(set, id);
        if (where == NULL)
            continue;
        const char *key =
            arena_printf(c->arena, "%s/%lld", where,
                         (long long)json_integer_value(json_object_get(c->tokens, id)));
        if (has(c->audited, key))
            fault(c, "twice in one audit", id);
        put(c->audited, key);
    }
}

static const char *own_prop(const json_t *o, const char *name)
{
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(o, "props"), i, p)
    {
        if (strcmp(text(p, "name"), name) == 0 && strcmp(text(p, "ns"), PLAN_OSCAL_NS) == 0)
            return text(p, "value");
    }
    return "";
}

static const json_t *activity_of(const json_t *plan, const char *uuid)
{
    size_t i;
    const json_t *v;
    json_array_foreach((json_t *)(uintptr_t)at(plan, "local-definitions", "activities"), i, v)
    {
        if (strcmp(text(v, "uuid"), uuid) == 0)
            return v;
    }
    return NULL;
}

static void read_child(struct check *c, const json_t *plan, const json_t *parent,
                       const json_t *task)
{
    const char *year = own_prop(task, "audit-year");
    const char *party = own_prop(task, "audit-party");
    const json_t *outer = at(parent, "timing", "within-date-range");
    const json_t *inner = at(task, "timing", "within-date-range");
    if (strcmp(text(inner, "start"), text(outer, "start")) < 0 ||
        strcmp(text(inner, "end"), text(outer, "end")) > 0 ||
        strcmp(text(inner, "start"), text(inner, "end")) > 0)
        fault(c, "dates of a task outside its year", text(task, "title"));
    if (strcmp(own_prop(parent, "audit-year"), year) != 0)
        fault(c, "task of another year", text(task, "title"));
    size_t i;
    const json_t *v;
    json_array_foreach(json_object_get(task, "associated-activities"), i, v)
    {
        const json_t *act = activity_of(plan, text(v, "activity-uuid"));
        if (strcmp(own_prop(act, "audit-year"), year) != 0 ||
            strcmp(own_prop(act, "audit-party"), party) != 0)
            fault(c, "activity of another year or party", text(task, "title"));
        read_selections(c, at(act, "related-controls", "control-selections"), c->covered,
                        arena_printf(c->arena, "%s/%s", year, party));
    }
}

static void read_tasks(struct check *c, const json_t *plan)
{
    size_t i;
    size_t k;
    const json_t *parent;
    const json_t *task;
    const char *last = "";
    json_array_foreach(json_object_get(plan, "tasks"), i, parent)
    {
        const json_t *range = at(parent, "timing", "within-date-range");
        if (strcmp(text(range, "start"), last) <= 0 ||
            strcmp(text(range, "start"), text(range, "end")) > 0)
            fault(c, "years are not in order", text(parent, "title"));
        last = text(range, "end");
        if (strcmp(own_prop(parent, "plan-hash"), c->doc->hash) != 0)
            fault(c, "hash of another plan", text(parent, "title"));
        json_array_foreach(json_object_get(parent, "tasks"), k, task)
            read_child(c, plan, parent, task);
    }
}

static void compare(struct check *c)
{
    const char *key;
    json_t *v;
    json_object_foreach(c->covered, key, v)
    {
        if (!has(c->reviewed, key))
            fault(c, "audited, but not in reviewed-controls", key);
    }
    json_object_foreach(c->reviewed, key, v)
    {
        if (!has(c->covered, key))
            fault(c, "in reviewed-controls, but never audited", key);
    }
    const struct plan *p = &c->doc->plan;
    for (size_t i = 0; i < p->n; i++) {
        const struct catalogue_item *it = catalogue_find(c->doc->catalogue, p->items[i].control_id);
        const char *want =
            arena_printf(c->arena, "%u/%s/%zu", p->items[i].year,
                         p->items[i].party == PLAN_EXTERNAL ? "external" : "internal",
                         it == NULL ? (size_t)-1 : (size_t)(it - c->doc->catalogue->items));
        if (!has(c->audited, want))
            fault(c, "an item of the plan is missing", p->items[i].control_id);
    }
    if (json_object_size(c->audited) != p->n)
        fault(c, "items", "the tasks hold more or fewer than the plan");
}

enum err plan_oscal_check(struct arena *a, const json_t *root, const struct plan_doc *d,
                          struct buf *report)
{
    struct check c = {.arena = a, .doc = d, .report = report};
    const json_t *plan = json_object_get(root, "assessment-plan");
    json_t **const sets[] = {&c.uuids, &c.targets, &c.tokens, &c.audited, &c.covered, &c.reviewed};
    bool ready = true;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        *sets[i] = json_object();
        ready &= *sets[i] != NULL;
    }
    if (ready) {
        collect(&c, plan);
        walk(&c, root);
        read_tasks(&c, plan);
        read_selections(&c, at(plan, "reviewed-controls", "control-selections"), c.reviewed, NULL);
        compare(&c);
        if (strcmp(text(json_object_get(plan, "metadata"), "oscal-version"), PLAN_OSCAL_VERSION) !=
            0)
            fault(&c, "oscal-version", "must be " PLAN_OSCAL_VERSION);
    }
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        json_decref(*sets[i]);
    if (!ready || a->spent)
        return ERR_NOMEM;
    return c.faults == 0 ? ERR_OK : ERR_INVAL;
}
