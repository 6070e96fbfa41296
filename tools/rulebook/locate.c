/* libyaml's own document tree keeps line numbers, which the schema reader drops. */
#include "tools/rulebook/locate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define NODES_MAX 100000

static bool load(yaml_parser_t *p, yaml_document_t *d, const uint8_t *text, size_t bytes)
{
    yaml_parser_set_input_string(p, text, bytes);
    return yaml_parser_load(p, d) != 0;
}

static const char *scalar(const yaml_node_t *n)
{
    return n != NULL && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static const char *duplicate_in(yaml_document_t *d, const yaml_node_t *map, size_t *line)
{
    const yaml_node_pair_t *start = map->data.mapping.pairs.start;
    const yaml_node_pair_t *top = map->data.mapping.pairs.top;
    for (const yaml_node_pair_t *p = start; p < top; p++) {
        const yaml_node_t *key = yaml_document_get_node(d, p->key);
        const char *name = scalar(key);
        for (const yaml_node_pair_t *q = start; name != NULL && q < p; q++) {
            const char *other = scalar(yaml_document_get_node(d, q->key));
            if (other == NULL || strcmp(other, name) != 0)
                continue;
            *line = key->start_mark.line + 1;
            return name;
        }
    }
    return NULL;
}

static enum err check_document(yaml_document_t *d, size_t *line, struct err_text *why)
{
    *line = 1;
    if (yaml_document_get_root_node(d) == NULL)
        return err_say(why, ERR_INVAL, "the file is empty");
    for (int i = 1; i <= NODES_MAX; i++) {
        const yaml_node_t *n = yaml_document_get_node(d, i);
        if (n == NULL)
            return ERR_OK;
        if (n->type != YAML_MAPPING_NODE)
            continue;
        const char *name = duplicate_in(d, n, line);
        if (name != NULL)
            return err_say(why, ERR_INVAL, "%s: is there twice", name);
    }
    return err_say(why, ERR_INVAL, "too many nodes");
}

enum err locate_check(const uint8_t *text, size_t bytes, size_t *line, struct err_text *why)
{
    yaml_parser_t p;
    yaml_document_t d;
    if (!yaml_parser_initialize(&p))
        return ERR_NOMEM;
    enum err e = ERR_INVAL;
    if (load(&p, &d, text, bytes)) {
        e = check_document(&d, line, why);
        yaml_document_delete(&d);
    } else if (p.error == YAML_MEMORY_ERROR) {
        e = ERR_NOMEM;
    } else {
        *line = p.problem_mark.line + 1;
        (void)err_say(why, e, "%s", p.problem != NULL ? p.problem : "not YAML");
    }
    yaml_parser_delete(&p);
    return e;
}

static const yaml_node_t *child_named(yaml_document_t *d, const yaml_node_t *n, const char *name,
                                      size_t bytes, size_t *line)
{
    if (n->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *key = yaml_document_get_node(d, p->key);
        const char *s = scalar(key);
        if (s != NULL && strlen(s) == bytes && memcmp(s, name, bytes) == 0) {
            *line = key->start_mark.line + 1;
            return yaml_document_get_node(d, p->value);
        }
    }
    return NULL;
}

static const yaml_node_t *child_at(yaml_document_t *d, const yaml_node_t *n, unsigned long index,
                                   size_t *line)
{
    if (n->type != YAML_SEQUENCE_NODE)
        return NULL;
    const yaml_node_item_t *start = n->data.sequence.items.start;
    if (index >= (unsigned long)(n->data.sequence.items.top - start))
        return NULL;
    const yaml_node_t *item = yaml_document_get_node(d, start[index]);
    if (item != NULL)
        *line = item->start_mark.line + 1;
    return item;
}

static void walk(yaml_document_t *d, const char *path, size_t *line)
{
    const yaml_node_t *n = yaml_document_get_root_node(d);
    while (n != NULL && path[0] != '\0') {
        if (path[0] == '[') {
            char *end;
            n = child_at(d, n, strtoul(path + 1, &end, 10), line);
            path = end + (end[0] == ']' ? 1 : 0);
            if (end == path)
                return;
        } else {
            path += path[0] == '.' ? 1 : 0;
            size_t bytes = strcspn(path, ".[");
            n = child_named(d, n, path, bytes, line);
            path += bytes;
        }
    }
}

size_t locate_line(const uint8_t *text, size_t bytes, const char *path)
{
    yaml_parser_t p;
    yaml_document_t d;
    size_t line = 1;
    if (!yaml_parser_initialize(&p))
        return line;
    if (load(&p, &d, text, bytes)) {
        walk(&d, path, &line);
        yaml_document_delete(&d);
    }
    yaml_parser_delete(&p);
    return line;
}
