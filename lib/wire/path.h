/* The place of a value in a message as its JSON form names it: assessment.items[0].reason. Internal
 * to lib/wire. */
#ifndef LIU_WIRE_PATH_H
#define LIU_WIRE_PATH_H

#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

/* The longest path of our messages is far shorter (a test walks them all); a longer one is cut. */
#define WIRE_PATH_BYTES 512
#define WIRE_NAME_BYTES 64

#define PATH_NO_ITEM ((size_t)-1)

struct path_step {
    const ProtobufCFieldDescriptor *field;
    size_t item; /* PATH_NO_ITEM: not an item of a list */
};

/* snake_case to lowerCamelCase; a longer name is cut. */
void wire_json_name(const char *field, char out[WIRE_NAME_BYTES]);

void wire_path(const struct path_step *steps, size_t n, char out[WIRE_PATH_BYTES]);

/* Bytes that one value of the type takes in a message's struct or in a list. */
size_t wire_item_bytes(ProtobufCType type);

#endif
