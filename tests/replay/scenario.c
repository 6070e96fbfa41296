/* Told stories: tests/replay/scenarios/ *.json. A scenario is {"about": text, "steps": [step ...]};
 * a step has one of these, the rest of its members say how:
 *
 *   send     a type; "as" a party; "file" and "message" give the message in the JSON mapping of
 *            examples/ (members of "message" win), "door"; "status" (OK), "rule", "answer" (what
 * the answer must have) say what is expected; "save": {"name": "path"} keeps values of the answer.
 * "wait": false goes on at once expect   a kind of record; "id"; "has": what the record must come
 * to have within a minute crash    a service, which comes back after a second ("stays_down": true:
 * at `start`) stop, start, lose (its connections to the store), jump ("seconds", of its clock)
 *   faults   {"crash": 5, ...}: in 1000, see sim.h
 *   memory   what Redis has in use now is so many percent of what it may use; 0: it is not bounded
 *   wait_ms  virtual time passes
 *
 * In strings "$name" stands for a kept value and $today for the day; {"$file": path} for a file's
 * content, {"$signed": path} for an assessment that its ministry has signed for the provider,
 * {"$rulebook": 0, 1 or 2} for the bytes of regime A, A with a low brake, or B.
 */
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"
#include "replay/check.h"
#include "replay/drive.h"
#include "wire/json.h"

#define EXPECT_US (60000LL * SIM_MS)
#define STEP_US (20LL * SIM_MS)
#define COMES_BACK_US (1000LL * SIM_MS)

static json_t *names; /* kept values */
static struct arena scratch;

static const char *text_at(const json_t *o, const char *key, const char *fallback)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s == NULL ? fallback : s;
}

/* ---- messages */

static json_t *file_json(const char *path)
{
    char full[1024];
    json_error_t at;
    (void)snprintf(full, sizeof full, "%s/%s", world_root(), path);
    json_t *j = json_load_file(full, JSON_REJECT_DUPLICATES, &at);
    if (j == NULL)
        sim_fail("%s: %s", full, at.text);
    return j;
}

static json_t *signed_json(const char *path)
{
    const ProtobufCMessage *m = world_read(&scratch, path, &ismap__liu__v1__assessment__descriptor);
    if (m == NULL) {
        sim_fail("%s cannot be read", path);
        return json_null();
    }
    return wire_to_json(&world_signed(&scratch, (const void *)m)->base);
}

static json_t *rulebook_json(json_int_t i)
{
    Ismap__Liu__V1__ActivateRulebook m = ISMAP__LIU__V1__ACTIVATE_RULEBOOK__INIT;
    if (i < 0 || i >= WORLD_RULEBOOKS)
        return json_null();
    m.canonical =
        (ProtobufCBinaryData){world.canonical_bytes[i], (uint8_t *)(uintptr_t)world.canonical[i]};
    json_t *j = wire_to_json(&m.base);
    json_t *out = json_incref(json_object_get(j, "canonical"));
    json_decref(j);
    return out;
}

static json_t *filled(const json_t *j);

static json_t *filled_object(const json_t *j)
{
    const char *file = text_at(j, "$file", NULL);
    const char *sheet = text_at(j, "$signed", NULL);
    const json_t *book = json_object_get(j, "$rulebook");
    if (book != NULL)
        return rulebook_json(json_integer_value(book));
    if (file != NULL)
        return file_json(file);
    if (sheet != NULL)
        return signed_json(sheet);
    json_t *out = json_object();
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)j, key, v) json_object_set_new(out, key, filled(v));
    return out;
}

/* A new reference, names and files put in. */
static json_t *filled(const json_t *j)
{
    if (json_is_object(j))
        return filled_object(j);
    if (json_is_array(j)) {
        json_t *out = json_array();
        for (size_t i = 0; i < json_array_size(j); i++)
            json_array_append_new(out, filled(json_array_get(j, i)));
        return out;
    }
    const char *s = json_string_value(j);
    if (s != NULL && s[0] == '$') {
        json_t *v = json_object_get(names, s + 1);
        if (v == NULL)
            sim_fail("nothing was kept under %s", s);
        return v == NULL ? json_null() : json_incref(v);
    }
    return json_incref((json_t *)(uintptr_t)j);
}

/* Does `is` have all that `wanted` has? */
static bool has(const json_t *is, const json_t *wanted)
{
    if (json_is_object(wanted)) {
        const char *key;
        json_t *v;
        json_object_foreach((json_t *)(uintptr_t)wanted, key,
                            v) if (!has(json_object_get(is, key), v)) return false;
        return json_is_object(is);
    }
    if (json_is_array(wanted)) {
        for (size_t i = 0; i < json_array_size(wanted); i++)
            if (!has(json_array_get(is, i), json_array_get(wanted, i)))
                return false;
        return json_is_array(is);
    }
    return is != NULL && json_equal((json_t *)(uintptr_t)is, (json_t *)(uintptr_t)wanted);
}

static const ProtobufCMessage *step_message(const json_t *step)
{
    char type[128];
    struct err_text why = {""};
    ProtobufCMessage *m = NULL;
    const char *file = text_at(step, "file", NULL);
    json_t *j = file == NULL ? json_object() : file_json(file);
    json_t *more = filled(json_object_get(step, "message"));
    if (more != NULL)
        json_object_update(j, more);
    (void)snprintf(type, sizeof type, "ismap.liu.v1.%s", text_at(step, "send", ""));
    if (wire_type(type) == NULL)
        sim_fail("there is no message %s", type);
    else if (wire_from_json(&scratch, wire_type(type), j, &m, &why) != ERR_OK)
        sim_fail("%s: %s", type, why.text);
    json_decref(more);
    json_decref(j);
    return m;
}

static int node_for(const ProtobufCMessage *m, const json_t *step)
{
    const struct node *n = node_named(text_at(step, "to", ""));
    if (n != NULL)
        return (int)(n - sim.nodes);
    for (int i = 0; i < SIM_NODES; i++)
        for (size_t k = 0; k < sim.nodes[i].svc->n_rows; k++)
            if (sim.nodes[i].svc->rows[k].type == m->descriptor)
                return i;
    return 0;
}

/* ---- answers */

static json_t *packed_json(const char *type, const uint8_t *data, size_t bytes)
{
    const ProtobufCMessageDescriptor *d = wire_type(type);
    ProtobufCMessage *m = NULL;
    if (d == NULL || wire_unpack(&scratch, d, data, bytes, &m) != ERR_OK)
        return json_object();
    return wire_to_json(m);
}

static json_t *at_path(json_t *j, const char *path)
{
    char part[64];
    while (j != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");
        (void)snprintf(part, sizeof part, "%.*s", (int)n, path);
        j = json_is_array(j) ? json_array_get(j, strtoul(part, NULL, 10))
                             : json_object_get(j, part);
        path += n + (path[n] == '.');
    }
    return j;
}

static void keep(const json_t *step, json_t *from, const char *whose)
{
    const char *name;
    json_t *path;
    json_object_foreach(json_object_get(step, "save"), name, path)
    {
        json_t *v = at_path(from, json_string_value(path));
        if (v == NULL)
            sim_fail("%s has no %s", whose, json_string_value(path));
        else
            json_object_set(names, name, v);
    }
}

static const char *status_name(Ismap__Liu__V1__Status s)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&ismap__liu__v1__status__descriptor, (int)s);
    return v == NULL ? "?" : v->name + strlen("STATUS_");
}

static void look_at_answer(const struct request *r, const json_t *step)
{
    const char *status = text_at(step, "status", "OK");
    const char *rule = text_at(step, "rule", "");
    if (strcmp(status_name(r->status), status) != 0 || strcmp(rule, r->rule) != 0) {
        sim_fail("%s (%s) is answered %s %s, expected %s %s", r->id, r->type,
                 status_name(r->status), r->rule, status, rule);
        return;
    }
    json_t *j = r->reply_type == NULL ? json_object()
                                      : packed_json(r->reply_type, r->reply, r->reply_bytes);
    json_t *wanted = filled(json_object_get(step, "answer"));
    if (wanted != NULL && !has(j, wanted)) {
        char *text = json_dumps(j, JSON_COMPACT);
        sim_fail("%s (%s) is answered %s", r->id, r->type, text == NULL ? "" : text);
        free(text);
    }
    keep(step, j, r->id);
    json_decref(wanted);
    json_decref(j);
}

static void do_send(const json_t *step)
{
    struct agent *a = agent_of(text_at(step, "as", ""));
    const ProtobufCMessage *m = step_message(step);
    if (a == NULL)
        sim_fail("there is no party %s", text_at(step, "as", ""));
    if (a == NULL || m == NULL)
        return;
    const struct agent_how how = {.door = text_at(step, "door", NULL)};
    struct request *r = agent_send(a, node_for(m, step), m, &how);
    if (json_is_false(json_object_get(step, "wait")))
        return;
    int64_t end = sim.now_us + EXPECT_US;
    while (!r->settled && sim.now_us < end && drive_until(sim.now_us + STEP_US)) {
    }
    if (!r->settled)
        sim_fail("%s (%s) was not answered", r->id, r->type);
    if (sim.failed[0] == '\0')
        look_at_answer(r, step);
}

/* ---- records */

static enum record_kind kind_named(const char *name)
{
    for (int k = RECORD_NONE + 1; k < RECORD_KINDS; k++)
        if (strcmp(record_type_of((enum record_kind)k)->name, name) == 0)
            return (enum record_kind)k;
    return RECORD_NONE;
}

static void do_expect(const json_t *step)
{
    enum record_kind kind = kind_named(text_at(step, "expect", ""));
    json_t *id = filled(json_object_get(step, "id"));
    json_t *wanted = filled(json_object_get(step, "has"));
    int64_t end = sim.now_us + EXPECT_US;
    bool ok = false;
    if (kind == RECORD_NONE || !json_is_string(id)) {
        sim_fail("expect: no such kind of record, or no id");
        end = 0;
    }
    while (!ok && sim.failed[0] == '\0') {
        const struct mem_record *r = memstore_record(&sim.store, kind, json_string_value(id));
        json_t *is = r == NULL
                         ? NULL
                         : packed_json(record_type_of(kind)->descriptor->name, r->value, r->bytes);
        ok = is != NULL && (wanted == NULL || has(is, wanted));
        if (!ok && sim.now_us >= end) {
            char *text = is == NULL ? NULL : json_dumps(is, JSON_COMPACT);
            sim_fail("%s %s is %s", record_type_of(kind)->name, json_string_value(id),
                     text == NULL ? "not there" : text);
            free(text);
        }
        json_decref(is);
        if (!ok)
            (void)drive_until(sim.now_us + STEP_US);
    }
    json_decref(wanted);
    json_decref(id);
}

static void do_find(const json_t *step)
{
    enum record_kind kind = kind_named(text_at(step, "find", ""));
    json_t *where = filled(json_object_get(step, "where"));
    bool found = false;
    for (size_t i = sim.store.n_scan[kind]; i-- > 0 && !found;) {
        const struct mem_record *r = sim.store.scan[kind][i];
        json_t *is = packed_json(record_type_of(kind)->descriptor->name, r->value, r->bytes);
        found = has(is, where);
        if (found)
            keep(step, is, r->key);
        json_decref(is);
    }
    if (!found)
        sim_fail("no record of kind %s is such", text_at(step, "find", ""));
    json_decref(where);
}

/* ---- what goes wrong */

static unsigned rate(const json_t *o, const char *key)
{
    return (unsigned)json_integer_value(json_object_get(o, key));
}

static void do_faults(const json_t *o)
{
    sim.faults = (struct faults_plan){.frame_drop = rate(o, "frame_drop"),
                                      .frame_twice = rate(o, "frame_twice"),
                                      .frame_late = rate(o, "frame_late"),
                                      .conn_lost = rate(o, "conn_lost"),
                                      .refused = rate(o, "refused"),
                                      .conflict = rate(o, "conflict"),
                                      .read_fails = rate(o, "read_fails"),
                                      .crash = rate(o, "crash"),
                                      .stop = rate(o, "stop"),
                                      .jump = rate(o, "jump")};
}

/* False: the step is none of these. */
static bool do_service(const json_t *step)
{
    static const char *const verbs[] = {"crash", "stop", "start", "lose", "jump"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        const char *service = text_at(step, verbs[i], NULL);
        struct node *n = service == NULL ? NULL : node_named(service);
        if (service == NULL)
            continue;
        if (n == NULL) {
            sim_fail("there is no service %s", service);
        } else if (i == 0) {
            node_crash(n);
            if (!json_is_true(json_object_get(step, "stays_down")))
                node_restart_after(n, COMES_BACK_US);
        } else if (i == 1) {
            node_stop(n);
        } else if (i == 2) {
            node_start(n);
        } else if (i == 3) {
            client_lose(n);
        } else {
            node_jump(n, 1000 * (int64_t)json_integer_value(json_object_get(step, "seconds")));
        }
        return true;
    }
    return false;
}

static void do_step(const json_t *step)
{
    const json_t *ms = json_object_get(step, "wait_ms");
    const json_t *faults = json_object_get(step, "faults");
    const json_t *memory = json_object_get(step, "memory");
    arena_init(&scratch, 64u * 1024 * 1024);
    if (json_object_get(step, "send") != NULL)
        do_send(step);
    else if (json_object_get(step, "expect") != NULL)
        do_expect(step);
    else if (json_object_get(step, "find") != NULL)
        do_find(step);
    else if (faults != NULL)
        do_faults(faults);
    else if (memory != NULL)
        drive_memory((unsigned)json_integer_value(memory));
    else if (ms != NULL)
        (void)drive_until(sim.now_us + json_integer_value(ms) * SIM_MS);
    else if (!do_service(step))
        sim_fail("a step that says nothing to do");
    arena_fini(&scratch);
}

bool drive_scenario(const char *path, uint64_t seed, bool trace, bool rough)
{
    char today[DATE_TEXT_BYTES];
    json_error_t at = {.line = 0};
    json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &at);
    drive_begin(seed, trace, rough);
    if (j == NULL)
        sim_fail("%s:%d: %s", path, at.line, at.text);
    names = json_object();
    date_format(date_of_ms(sim_wall_ms()), today);
    json_object_set_new(names, "today", json_string(today));
    const json_t *steps = json_object_get(j, "steps");
    if (rough && !json_is_true(json_object_get(j, "calm"))) /* it is about what a crash forgets */
        drive_choose_faults();
    for (size_t i = 0; i < json_array_size(steps) && sim.failed[0] == '\0'; i++) {
        do_step(json_array_get(steps, i));
        if (sim.failed[0] != '\0')
            (void)fprintf(stderr, "%s: step %zu\n", path, i + 1);
    }
    bool ok = sim.failed[0] == '\0' && drive_settle();
    json_decref(names);
    json_decref(j);
    return ok;
}
