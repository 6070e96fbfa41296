/* CURVE key pairs in files. A secret file has mode 0600: lines "curve_public <Z85>" and
 * "curve_secret <Z85>"; files that others can read are refused. Empty lines and lines that begin
 * with # are skipped; anything else is a fault. */
#ifndef LIU_BUS_KEYS_H
#define LIU_BUS_KEYS_H

#include "base/err.h"

#define CURVE_Z85_BYTES 41 /* 40 characters and NUL */

struct curve_keys {
    char public_z85[CURVE_Z85_BYTES];
    char secret_z85[CURVE_Z85_BYTES];
};

enum err curve_keys_generate(struct curve_keys *out) LIU_MUST_USE;
enum err curve_keys_load(const char *path, struct curve_keys *out,
                         struct err_text *why) LIU_MUST_USE;
enum err curve_keys_save(const struct curve_keys *k, const char *path, struct err_text *why)
    LIU_MUST_USE; /* fsync; ERR_EXISTS rather than replace a key */

/* A file for those who connect: the line "curve_public <Z85>" alone, mode 0644. A file with a
 * secret in it is refused (ERR_AUTH): it is about to be given away. */
enum err curve_public_load(const char *path, char out[CURVE_Z85_BYTES],
                           struct err_text *why) LIU_MUST_USE;
enum err curve_public_save(const char *public_z85, const char *path,
                           struct err_text *why) LIU_MUST_USE; /* fsync */

void curve_keys_wipe(struct curve_keys *k);

#endif
