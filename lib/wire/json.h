/* The protobuf JSON mapping, made from the descriptors: one converter for liuctl and tests.
 *
 * lowerCamelCase names (snake_case is read too), int64 and uint64 as strings (numbers are read
 * too), bytes in base64, enums by name (number is read too), default values left out when writing.
 * Unknown names, duplicate names, nesting beyond LIMIT_NESTING, wrong types: ERR_INVAL with path
 * and reason.
 */
#ifndef LIU_WIRE_JSON_H
#define LIU_WIRE_JSON_H

#include <protobuf-c/protobuf-c.h>
#include <jansson.h>

#include "base/arena.h"

enum err wire_from_json(struct arena *a, const ProtobufCMessageDescriptor *d, const json_t *json,
                        ProtobufCMessage **out, struct err_text *why) LIU_MUST_USE;

/* Text instead of a tree; says line and column of a syntax error. */
enum err wire_from_json_text(struct arena *a, const ProtobufCMessageDescriptor *d, const char *text,
                             size_t bytes, ProtobufCMessage **out,
                             struct err_text *why) LIU_MUST_USE;

/* New reference; NULL without memory, or for text that is not UTF-8 (nothing validated has any). A
 * bytes field whose content is itself a known packed message (Event.payload with its type) is not
 * expanded; see wire_typed_to_json. */
json_t *wire_to_json(const ProtobufCMessage *m);

/* {"type": ..., "payload": {...}} where the payload is unpacked by its type name. An unknown type,
 * or bytes that are not one: {"type": ..., "payloadBytes": base64}. New reference or NULL. */
json_t *wire_typed_to_json(const char *type, const uint8_t *data, size_t bytes);

#endif
