/* Walks the tree with a stack of its own. The reader of JSON keeps no lines, so the line of a fault
 * is that of the control's id, found in the text when a fault is told. */
#include "services/audit/catalogue_oscal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>

/* One list that is being walked: the groups or the controls of `owner`. */
struct frame {
    const json_t *owner; /* group or control that holds the list; its params are in scope */
    const json_t *list;
    size_t at;
    const char *path;
    enum catalogue_tier tier;
    bool mapped;      /* the tier is the map's */
    bool groups;      /* a list of groups */
    uint16_t domain;  /* 0 = not below a group yet */
    uint32_t control; /* place in the items of the control that holds the list; NONE */
};
#define NONE UINT32_MAX

struct reader {
    struct arena *arena;
    const char *text;
    size_t bytes;
    const char *tier_map;
    struct audit_faults *faults;
    struct catalogue_oscal_counts counts;
    struct catalogue_item *items;
    size_t n;
    struct frame stack[OSCAL_DEPTH_MAX];
    size_t depth;
    const char *domain_name;
    uint16_t domains;
    uint16_t control_no; /* within the domain */
    uint16_t nested_no;  /* within the control */
    bool full;
};

static const char *string_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

/* The value of a property; ours only when `own`. "" = none. */
static const char *prop_of(const json_t *o, const char *name, bool own)
{
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(o, "props"), i, p)
    {
        if (strcmp(string_of(p, "name"), name) == 0 &&
            (!own || strcmp(string_of(p, "ns"), OSCAL_NS) == 0))
            return string_of(p, "value");
    }
    return "";
}

/* Line of the nth "id": "ID" in the text; 0 when it is written in another way (escapes). */
static uint32_t line_of(const struct reader *r, const char *id, unsigned nth)
{
    size_t len = strlen(id);
    uint32_t line = 1;
    for (size_t i = 0; i + 4 + len < r->bytes; i++) {
        line += r->text[i] == '\n';
        if (memcmp(r->text + i, "\"id\"", 4) != 0)
            continue;
        size_t k = i + 4;
        while (k < r->bytes && strchr(" \t\r\n:", r->text[k]) != NULL && r->text[k] != '\0')
            k++;
        if (k + len + 2 <= r->bytes && r->text[k] == '"' && memcmp(r->text + k + 1, id, len) == 0 &&
            r->text[k + 1 + len] == '"' && nth-- == 0)
            return line;
    }
    return 0;
}

static void fault(struct reader *r, const char *id, const char *path, const char *ja,
                  const char *en)
{
    audit_fault_add(r->faults, r->arena, line_of(r, id, 0), path, "R60", ja, en);
}

static enum catalogue_tier tier_word(const char *s, size_t n)
{
    static const struct {
        const char *word;
        enum catalogue_tier tier;
    } words[] = {{"governance", CATALOGUE_GOVERNANCE},
                 {"management", CATALOGUE_MANAGEMENT},
                 {"controls", CATALOGUE_CONTROLS},
                 {"control", CATALOGUE_CONTROLS}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].word) == n && memcmp(words[i].word, s, n) == 0)
            return words[i].tier;
    return CATALOGUE_NO_TIER;
}

static enum catalogue_tier mapped_tier(const struct reader *r, const char *id)
{
    size_t len = strlen(id);
    for (const char *p = r->tier_map; p != NULL && *p != '\0' && len > 0;) {
        size_t n = strcspn(p, ",");
        if (n > len && memcmp(p, id, len) == 0 && p[len] == '=')
            return tier_word(p + len + 1, n - len - 1);
        p += n + (p[n] == ',');
    }
    return CATALOGUE_NO_TIER;
}

static enum catalogue_tier own_tier(struct reader *r, const json_t *o, const char *path,
                                    enum catalogue_tier above)
{
    const char *said = prop_of(o, "tier", true);
    enum catalogue_tier t = tier_word(said, strlen(said));
    if (said[0] != '\0' && t == CATALOGUE_NO_TIER)
        fault(r, string_of(o, "id"), path, "tier の値が不明です", "this tier is not known");
    if (t == CATALOGUE_NO_TIER)
        t = tier_word(string_of(o, "class"), strlen(string_of(o, "class")));
    return t != CATALOGUE_NO_TIER ? t : above;
}

/* The words of a parameter: the nearest definition above. */
static const char *param_text(const struct reader *r, const json_t *control, const char *id,
                              size_t n)
{
    for (size_t d = r->depth + 1; d > 0; d--) {
        const json_t *owner = d > r->depth ? control : r->stack[d - 1].owner;
        size_t i;
        const json_t *p;
        json_array_foreach(json_object_get(owner, "params"), i, p)
        {
            const char *found = string_of(p, "id");
            if (strlen(found) != n || memcmp(found, id, n) != 0)
                continue;
            const char *v = json_string_value(json_array_get(json_object_get(p, "values"), 0));
            return v != NULL ? v : string_of(p, "label");
        }
    }
    return "";
}

static void append(char out[OSCAL_TEXT_BYTES], size_t *n, const char *s, size_t len)
{
    size_t room = OSCAL_TEXT_BYTES - 1 - *n;
    if (len > room) {
        len = room;
        while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
            len--; /* never half a character */
    }
    memcpy(out + *n, s, len);
    *n += len;
}

/* Title with its parameters, at most OSCAL_TEXT_BYTES - 1. */
static const char *title_of(struct reader *r, const json_t *control)
{
    const char *s = string_of(control, "title");
    char out[OSCAL_TEXT_BYTES] = {0};
    size_t n = 0;
    while (*s != '\0') {
        const char *open = strstr(s, "{{");
        const char *close = open == NULL ? NULL : strstr(open, "}}");
        if (close == NULL) {
            append(out, &n, s, strlen(s));
            break;
        }
        append(out, &n, s, (size_t)(open - s));
        const char *id = open + 2;
        const char *end = close;
        while (id < end && *id == ' ')
            id++;
        if ((size_t)(end - id) > 7 && memcmp(id, "insert:", 7) == 0) {
            const char *comma = memchr(id, ',', (size_t)(end - id));
            id = comma != NULL ? comma + 1 : id + 7;
        }
        while (id < end && *id == ' ')
            id++;
        while (end > id && end[-1] == ' ')
            end--;
        const char *words = param_text(r, control, id, (size_t)(end - id));
        append(out, &n, "[", 1);
        append(out, &n, words[0] != '\0' ? words : id,
               words[0] != '\0' ? strlen(words) : (size_t)(end - id));
        append(out, &n, "]", 1);
        s = close + 2;
    }
    return n == 0 ? NULL : arena_strdup(r->arena, out);
}

static const char *join(struct reader *r, const char *path, const char *id)
{
    const char *s = arena_printf(r->arena, "%.200s/%.64s", path, id[0] != '\0' ? id : "?");
    return s != NULL ? s : "?";
}

static void push(struct reader *r, const struct frame *f, const char *id)
{
    if (json_array_size(f->list) == 0)
        return;
    if (r->depth == OSCAL_DEPTH_MAX) {
        fault(r, id, f->path, "入れ子が深すぎます", "nested too deep");
        return;
    }
    r->stack[r->depth++] = *f;
}

/* Numbers: domain from 1, control within it, nested control. Details keep their objective's three
 * numbers and add a fourth. */
static void number_item(struct reader *r, struct catalogue_item *it, const struct frame *f,
                        bool has_nested)
{
    bool nested = f->control != NONE;
    if (!nested) {
        r->control_no++;
        r->nested_no = 0;
    } else {
        r->nested_no++;
    }
    it->numbers[0] = f->domain;
    it->numbers[1] = r->control_no;
    if (it->tier == CATALOGUE_CONTROLS || (!nested && has_nested)) {
        it->objective = true;
        it->numbers[2] = (uint16_t)(r->nested_no + 1);
        return;
    }
    it->objective = false;
    it->numbers[2] = 1;
    it->numbers[3] = (uint16_t)(r->nested_no + 1);
}

static void count_item(struct reader *r, bool nested, bool withdrawn)
{
    r->counts.controls += !nested;
    r->counts.nested += nested;
    r->counts.withdrawn_controls += !nested && withdrawn;
    r->counts.withdrawn_nested += nested && withdrawn;
}

static enum catalogue_key key_of(struct reader *r, const json_t *o, const char *path)
{
    const char *s = prop_of(o, "key-control", true);
    if (strcmp(s, "annual") == 0)
        return CATALOGUE_KEY_ANNUAL;
    if (strcmp(s, "yes") == 0)
        return CATALOGUE_KEY_ROTATES;
    if (s[0] != '\0' && strcmp(s, "no") != 0)
        fault(r, string_of(o, "id"), path, "key-control は yes、annual、no のいずれかです",
              "key-control is yes, annual or no");
    return CATALOGUE_NOT_KEY;
}

static void read_control(struct reader *r, const json_t *o, const struct frame *f)
{
    const char *id = string_of(o, "id");
    const char *path = join(r, f->path, id);
    if (id[0] == '\0' || strlen(id) >= CATALOGUE_ID_BYTES) {
        fault(r, id, path, "id がないか長すぎます", "no id, or too long");
        return;
    }
    if (r->n == CATALOGUE_ITEMS_MAX) {
        if (!r->full)
            fault(r, id, path, "管理策が多すぎます", "too many controls");
        r->full = true;
        return;
    }
    const json_t *nested = json_object_get(o, "controls");
    const char *label = prop_of(o, "label", false);
    struct catalogue_item *it = &r->items[r->n];
    *it = (struct catalogue_item){.path = path, .domain = r->domain_name};
    memcpy(it->id, id, strlen(id) + 1);
    it->tier = f->mapped ? f->tier : own_tier(r, o, path, f->tier);
    it->not_assessed = strcmp(prop_of(o, "status", false), "withdrawn") == 0;
    it->title = title_of(r, o);
    it->label = label[0] != '\0' ? arena_strdup(r->arena, label) : NULL;
    it->key = key_of(r, o, path);
    number_item(r, it, f, json_array_size(nested) > 0);
    count_item(r, f->control != NONE, it->not_assessed);
    struct frame below = *f;
    below.owner = o;
    below.list = nested;
    below.at = 0;
    below.path = path;
    below.tier = it->tier;
    below.control = (uint32_t)r->n;
    r->n++;
    push(r, &below, id);
}

static void read_group(struct reader *r, const json_t *o, const struct frame *f)
{
    const char *id = string_of(o, "id");
    struct frame below = {.owner = o, .path = join(r, f->path, id), .control = NONE};
    enum catalogue_tier mapped = mapped_tier(r, id);
    below.mapped = f->mapped || mapped != CATALOGUE_NO_TIER;
    below.tier = mapped != CATALOGUE_NO_TIER ? mapped : own_tier(r, o, below.path, f->tier);
    if (f->mapped && mapped == CATALOGUE_NO_TIER)
        below.tier = f->tier;
    below.domain = f->domain;
    if (++r->counts.groups > OSCAL_GROUPS_MAX) {
        fault(r, id, below.path, "グループが多すぎます", "too many groups");
        r->full = true;
        return;
    }
    if (f->domain == 0) { /* a domain is a group of the top */
        r->domains++;
        r->control_no = 0;
        below.domain = r->domains;
        r->domain_name = title_of(r, o);
        if (r->domain_name == NULL)
            r->domain_name = arena_strdup(r->arena, id);
    }
    below.list = json_object_get(o, "groups");
    below.groups = true;
    push(r, &below, id);
    below.list = json_object_get(o, "controls");
    below.groups = false;
    push(r, &below, id); /* walked first: controls of a group before its groups */
}

/* Nothing here follows the depth of the input but the stack, which has its limit. */
static void walk(struct reader *r, const json_t *catalog)
{
    struct frame top = {
        .owner = catalog, .path = "catalog", .tier = CATALOGUE_CONTROLS, .control = NONE};
    top.list = json_object_get(catalog, "groups");
    top.groups = true;
    push(r, &top, "");
    top.list = json_object_get(catalog, "controls");
    top.groups = false;
    if (json_array_size(top.list) > 0) {
        r->domains++;
        r->domain_name = "(no group)";
        top.domain = r->domains;
    }
    push(r, &top, "");
    while (r->depth > 0 && !r->full && !r->arena->spent && r->faults->n <= AUDIT_FAULTS_MAX) {
        struct frame *f = &r->stack[r->depth - 1];
        const json_t *o = json_array_get(f->list, f->at++);
        if (o == NULL) {
            r->depth--;
            continue;
        }
        struct frame now = *f;
        if (!json_is_object(o))
            fault(r, "", f->path, "オブジェクトではありません", "not an object");
        else if (now.groups)
            read_group(r, o, &now);
        else
            read_control(r, o, &now);
    }
}

/* The second of two items with one id has the second line of that id. */
static void find_lines(struct reader *r, const struct catalogue *c)
{
    for (size_t i = 1; i < c->n; i++)
        if (strcmp(c->by_id[i - 1]->id, c->by_id[i]->id) == 0) {
            r->items[c->by_id[i - 1] - c->items].line = line_of(r, c->by_id[i]->id, 0);
            r->items[c->by_id[i] - c->items].line = line_of(r, c->by_id[i]->id, 1);
        }
}

static enum err index_items(struct reader *r, struct catalogue *out)
{
    struct audit_faults unread = {.n = 0};
    enum err e = catalogue_index_named(r->arena, r->items, r->n, out, &unread);
    if (e != ERR_INVAL)
        return e;
    find_lines(r, out);
    return catalogue_index_named(r->arena, r->items, r->n, out, r->faults);
}

static enum err read_tree(struct reader *r, const json_t *root, struct catalogue *out,
                          const char **version)
{
    const json_t *catalog = json_object_get(root, "catalog");
    const char *v = string_of(json_object_get(catalog, "metadata"), "version");
    *version = arena_strdup(r->arena, v);
    r->items = arena_alloc(r->arena, CATALOGUE_ITEMS_MAX * sizeof(*r->items));
    if (*version == NULL || r->items == NULL)
        return ERR_NOMEM;
    size_t before = r->faults->n;
    if (!json_is_object(catalog))
        fault(r, "", "catalog", "OSCAL の catalog ではありません", "not an OSCAL catalogue");
    walk(r, catalog);
    if (r->faults->n == before && r->n == 0)
        fault(r, "", "catalog", "管理策がありません", "no controls");
    if (r->arena->spent)
        return ERR_NOMEM;
    if (r->faults->n != before)
        return ERR_INVAL;
    return index_items(r, out);
}

enum err catalogue_oscal_parse(struct arena *a, const char *text, size_t bytes,
                               const char *tier_map, struct catalogue *out, const char **version,
                               struct catalogue_oscal_counts *counts, struct audit_faults *faults)
{
    struct reader r = {
        .arena = a, .text = text, .bytes = bytes, .tier_map = tier_map, .faults = faults};
    json_error_t at;
    *out = (struct catalogue){0};
    if (bytes > OSCAL_FILE_BYTES)
        return ERR_LIMIT;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &at);
    if (root == NULL) {
        char where[32];
        (void)snprintf(where, sizeof(where), "column %d", at.column);
        const char *en = arena_strdup(a, at.text);
        audit_fault_add(faults, a, at.line > 0 ? (uint32_t)at.line : 0, where, "R60",
                        "JSON として読めません", en != NULL ? en : "not JSON");
        return ERR_INVAL;
    }
    enum err e = read_tree(&r, root, out, version);
    json_decref(root);
    if (counts != NULL)
        *counts = r.counts;
    return e;
}

/* Whole file into the arena. */
static enum err read_file(struct arena *a, const char *path, char **text, size_t *bytes,
                          struct err_text *why)
{
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return err_say(why, ERR_IO, "%s: %s", path, strerrordesc_np(errno));
    enum err e = ERR_OK;
    *text = arena_alloc(a, OSCAL_FILE_BYTES + 1);
    *bytes = *text == NULL ? 0 : fread(*text, 1, OSCAL_FILE_BYTES + 1, f);
    if (*text == NULL)
        e = err_say(why, ERR_NOMEM, "%s: no memory", path);
    else if (ferror(f) != 0)
        e = err_say(why, ERR_IO, "%s: cannot be read", path);
    else if (*bytes > OSCAL_FILE_BYTES)
        e = err_say(why, ERR_LIMIT, "%s: longer than %d bytes", path, OSCAL_FILE_BYTES);
    (void)fclose(f);
    return e;
}

enum err catalogue_oscal_load(struct arena *a, const char *path, const char *tier_map,
                              struct catalogue *out, const char **version,
                              struct catalogue_oscal_counts *counts, struct err_text *why)
{
    char *text = NULL;
    size_t bytes = 0;
    struct audit_faults faults = {.n = 0};
    enum err e = read_file(a, path, &text, &bytes, why);
    if (e != ERR_OK)
        return e;
    e = catalogue_oscal_parse(a, text, bytes, tier_map, out, version, counts, &faults);
    if (faults.n > 0)
        return err_say(why, ERR_INVAL, "%s:%u: %s: %s / %s (%zu in all)", path,
                       faults.items[0].line, faults.items[0].field, faults.items[0].ja,
                       faults.items[0].en, faults.n);
    return e == ERR_OK ? e : err_say(why, e, "%s: %s", path, err_name(e));
}
