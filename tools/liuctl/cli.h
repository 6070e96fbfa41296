/* liuctl: the command line of operators, gateway developers and tests.
 *
 * A command is one row of one table (commands.c). Most build one message from arguments and a JSON
 * file, send it with the identity of --as, and print the answer: data on stdout, all else on
 * stderr.
 */
#ifndef LIU_LIUCTL_CLI_H
#define LIU_LIUCTL_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "bus/bus.h"
#include "crypto/crypto.h"
#include "ismap/liu/v1/envelope.pb-c.h"

/* Exit statuses; part of the interface. */
enum cli_exit {
    CLI_OK = 0,
    CLI_NEGATIVE = 1,  /* the answer is no: a negative verdict, a difference found */
    CLI_USAGE = 2,     /* wrong call or configuration */
    CLI_INPUT = 3,     /* the input is invalid */
    CLI_REFUSED = 4,   /* not allowed, not found, not in this state */
    CLI_TEMPORARY = 5, /* try again */
};

enum cli_service {
    CLI_INTAKE,
    CLI_ELIGIBILITY,
    CLI_AUDIT,
    CLI_MONITOR,
    CLI_URGENT,
    CLI_BULK,
    CLI_LEDGER,
    CLI_SERVICES
};

struct cli_config {
    char *identity;
    char *key_dir;
    char *scheme_instance;
    char *endpoints[CLI_SERVICES];
    char *server_keys[CLI_SERVICES]; /* files with the public keys of the services */
    char *redis_address;
    char *redis_user;
    char *redis_password_file;
    char *partition;
    char *archive_dir;
    int64_t timeout_ms;
};

struct cli {
    const char
        *config_path;       /* --config, LIUCTL_CONFIG, ./liuctl.yaml, /etc/ismap-liu/liuctl.yaml */
    const char *identity;   /* --as */
    const char *request_id; /* --id */
    bool json;
    bool quiet;
    bool yes;
    bool dry_run;
    bool color;
    bool ja;         /* messages in Japanese, by LANG */
    bool complained; /* about the call: once is enough */
    struct cli_config config;
    struct curve_keys curve;
    struct signing_key *signing;
    bool keys_loaded;
    struct bus_client *clients[CLI_SERVICES];
    struct arena arena;           /* of the command; freed at the end */
    Ismap__Liu__V1__Reply *reply; /* the last one */
};

/* Arguments of a command after its words: options "--name value" or "--name" and the rest in order.
 */
struct cli_args {
    int argc;
    char **argv;
};

struct cli_command {
    const char *words; /* "case show" */
    const char *usage; /* behind the words: "CASE_ID" */
    const char *summary;
    const char *summary_ja;
    const char *example;
    int (*run)(struct cli *c, struct cli_args *a);
};

extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;

/* ---- arguments */

/* Takes "--name value" out of the arguments; NULL when absent. */
const char *cli_option(struct cli_args *a, const char *name);
bool cli_flag(struct cli_args *a, const char *name);
/* Takes the next plain argument; NULL when there is none. */
const char *cli_next(struct cli_args *a);
/* Nothing may be left: prints what is and answers false. */
bool cli_done(struct cli *c, const struct cli_args *a);
/* Complains about a wrong call and answers CLI_USAGE. */
int cli_usage(struct cli *c, const char *fmt, ...) LIU_PRINTF(2, 3);
int cli_fail(struct cli *c, int status, const char *fmt, ...) LIU_PRINTF(3, 4);
/* "Really?" on a terminal, unless --yes; without a terminal --yes is needed. */
bool cli_confirm(struct cli *c, const char *question);

/* ---- files and JSON */

/* Whole file, "-" = standard input; NULL with a message printed. In the arena. */
char *cli_read_file(struct cli *c, const char *path, size_t *bytes);
/* A message from a JSON file. NULL with a message printed (file, line, column or field). */
ProtobufCMessage *cli_read_message(struct cli *c, const ProtobufCMessageDescriptor *d,
                                   const char *path);

/* ---- talking */

int cli_load_config(struct cli *c);
void cli_free_config(struct cli *c);
int cli_load_keys(struct cli *c);

/* Sends `m` (signed when asked) and waits; the same id is sent again until the time-out. CLI_OK
 * with c->reply and *answer (unpacked by its type; NULL when the reply has no payload), otherwise
 * the reason is printed and the exit status returned. */
int cli_request(struct cli *c, enum cli_service to, const ProtobufCMessage *m, bool sign,
                ProtobufCMessage **answer);
/* The same, with an answer of status != OK also given back in c->reply, printing nothing. */
int cli_request_quiet(struct cli *c, enum cli_service to, const ProtobufCMessage *m, bool sign,
                      ProtobufCMessage **answer);
/* The parts of a request, for programs that keep many in flight: c->clients[to] is connected; an
 * envelope is packed into the arena (under c->request_id, or a fresh id). */
int cli_connect(struct cli *c, enum cli_service to);
int cli_envelope(struct cli *c, const ProtobufCMessage *m, bool sign, const char **id,
                 const uint8_t **data, size_t *bytes);
int cli_status_exit(Ismap__Liu__V1__Status s);
const char *cli_status_name(Ismap__Liu__V1__Status s);
void cli_print_refusal(struct cli *c, const Ismap__Liu__V1__Reply *r);

/* ---- printing */

/* --json: one line of JSON; else an indented tree for people. */
void cli_print(struct cli *c, const ProtobufCMessage *m);
void cli_print_json(struct cli *c, json_t *j); /* takes the reference */
/* Name of an enum value without its prefix: "REGISTERED". */
const char *cli_word(const ProtobufCEnumDescriptor *d, int value, const char *prefix);
/* A table on stdout: first row = headings. Columns are padded by display width (Japanese counts
 * two). */
struct cli_table {
    const char **cells;
    size_t columns;
    size_t rows;
    size_t cap;
};
void cli_table_row(struct cli *c, struct cli_table *t, size_t columns, const char *const *cells);
/* Rows in the order of their first column; the heading stays. Lists come in no order that means
 * anything. */
void cli_table_sort(struct cli_table *t);
void cli_table_print(struct cli *c, const struct cli_table *t);
void cli_note(struct cli *c, const char *fmt, ...)
    LIU_PRINTF(2, 3); /* progress on stderr, unless --quiet */

#endif
