/* Reads the file whole, because it is small and bounded, and lets the core judge it. */
#include "services/audit/catalogue_load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static enum err read_file(struct arena *a, const char *path, char **text, size_t *bytes,
                          struct err_text *why)
{
    enum err e = ERR_OK;
    *text = NULL;
    *bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_say(why, ERR_IO, "%s: %s", path, strerrordesc_np(errno));
    char *data = arena_alloc(a, CATALOGUE_FILE_BYTES + 1);
    if (data == NULL)
        e = err_say(why, ERR_NOMEM, "%s: no memory", path);
    size_t n = 0;
    while (e == ERR_OK && n <= CATALOGUE_FILE_BYTES) {
        ssize_t got = read(fd, data + n, CATALOGUE_FILE_BYTES + 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            e = err_say(why, ERR_IO, "%s: %s", path, strerrordesc_np(errno));
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    if (e == ERR_OK && n > CATALOGUE_FILE_BYTES)
        e = err_say(why, ERR_LIMIT, "%s: longer than %d bytes", path, CATALOGUE_FILE_BYTES);
    (void)close(fd);
    *text = data;
    *bytes = n;
    return e;
}

/* ismap-control-criteria-2022-04-01.csv: 2022-04-01. NULL when the name has no date there. */
static char *version_of_name(struct arena *a, const char *path)
{
    const char *name = base_name(path);
    const char *dot = strrchr(name, '.');
    size_t len = dot != NULL ? (size_t)(dot - name) : strlen(name);
    int32_t day;
    if (len < DATE_TEXT_BYTES - 1)
        return NULL;
    char text[DATE_TEXT_BYTES];
    memcpy(text, name + len - (DATE_TEXT_BYTES - 1), DATE_TEXT_BYTES - 1);
    text[DATE_TEXT_BYTES - 1] = '\0';
    return date_parse(text, &day) == ERR_OK ? arena_strdup(a, text) : NULL;
}

static enum err tell(const char *path, const struct audit_faults *faults, struct buf *report,
                     struct err_text *why)
{
    for (size_t i = 0; report != NULL && i < audit_faults_kept(faults); i++) {
        const struct audit_fault *f = &faults->items[i];
        (void)buf_printf(report, "%s:%u: %s: %s / %s\n", path, f->line, f->field, f->ja, f->en);
    }
    const struct audit_fault *f = &faults->items[0];
    if (faults->n > 1)
        return err_say(why, ERR_INVAL, "%s:%u: %s: %s / %s (and %zu more)", path, f->line, f->field,
                       f->ja, f->en, faults->n - 1);
    return err_say(why, ERR_INVAL, "%s:%u: %s: %s / %s", path, f->line, f->field, f->ja, f->en);
}

enum err catalogue_message(struct arena *a, const struct catalogue *c, const char *version,
                           const char *source, Ismap__Liu__V1__Catalogue **out)
{
    Ismap__Liu__V1__Catalogue *m = arena_alloc(a, sizeof(*m));
    Ismap__Liu__V1__ControlItem *items = arena_alloc(a, c->n * sizeof(*items));
    if (m == NULL || items == NULL)
        return ERR_NOMEM;
    ismap__liu__v1__catalogue__init(m);
    m->version = arena_strdup(a, version);
    m->source = arena_strdup(a, source);
    m->items = arena_alloc(a, c->n * sizeof(*m->items));
    if (m->version == NULL || m->source == NULL || m->items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->n; i++) {
        struct catalogue_item *it = &c->items[i];
        ismap__liu__v1__control_item__init(&items[i]);
        items[i].id = it->id;
        items[i].tier = (Ismap__Liu__V1__Tier)it->tier;
        items[i].objective = it->objective;
        items[i].domain = it->numbers[0];
        items[i].basic_statement = it->basic_statement;
        items[i].provider_specific = it->provider_specific;
        items[i].not_assessed = it->not_assessed;
        m->items[i] = &items[i];
        if (c->by_id == NULL)
            continue;
        items[i].numbers = arena_alloc(a, 4 * sizeof(*items[i].numbers));
        if (items[i].numbers == NULL)
            return ERR_NOMEM;
        for (items[i].n_numbers = 0; items[i].n_numbers < 4; items[i].n_numbers++)
            items[i].numbers[items[i].n_numbers] = it->numbers[items[i].n_numbers];
        items[i].key = (uint32_t)it->key;
        if (it->path != NULL && strlen(it->path) < 256)
            items[i].path = (char *)(uintptr_t)it->path;
    }
    m->n_items = c->n;
    m->named = c->by_id != NULL;
    *out = m;
    return ERR_OK;
}

enum err catalogue_load(struct arena *a, const char *path, const char *version,
                        Ismap__Liu__V1__Catalogue **out, struct catalogue_counts *counts,
                        struct buf *report, struct err_text *why)
{
    struct audit_faults faults = {0};
    struct catalogue c = {0};
    struct catalogue_counts n = {0};
    char *text = NULL;
    size_t bytes = 0;
    *out = NULL;
    if (version == NULL)
        version = version_of_name(a, path);
    if (version == NULL)
        return err_say(why, ERR_INVAL,
                       "%s:0: version: the name does not end in YYYY-MM-DD: rename the file "
                       "(catalogue put: or give --version)",
                       path);
    enum err e = read_file(a, path, &text, &bytes, why);
    if (e != ERR_OK)
        return e;
    e = catalogue_parse(a, text, bytes, &c, &faults);
    if (e == ERR_OK) {
        catalogue_count(&c, &n);
        (void)catalogue_check_counts(a, version, &n, &faults);
        if (counts != NULL)
            *counts = n;
    }
    if (faults.n > 0)
        return tell(path, &faults, report, why);
    if (e == ERR_OK)
        e = catalogue_message(a, &c, version, base_name(path), out);
    if (e != ERR_OK)
        return err_say(why, e, "%s: %s", path, err_name(e));
    return ERR_OK;
}
