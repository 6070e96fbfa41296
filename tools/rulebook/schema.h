/* The shapes of the two YAML files, as libcyaml reads them straight into the generated structs. */
#ifndef LIU_RULEBOOK_SCHEMA_H
#define LIU_RULEBOOK_SCHEMA_H

#include <cyaml/cyaml.h>

extern const cyaml_schema_value_t rulebook_schema;
extern const cyaml_schema_value_t targets_schema;

#endif
