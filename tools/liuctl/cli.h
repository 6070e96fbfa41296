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
#include "store/settings.h"

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
    char *server_keys[CLI_SERVICES];      /* files with the public keys of the services */
    char *second_endpoints[CLI_SERVICES]; /* while a service's key is changed */
    char *second_keys[CLI_SERVICES];
    char *redis_address;
    struct store_tls_settings redis_tls;
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
    bool ja;         /* messages in Japanese, by --lang or the locale */
    bool as_of_told; /* of a list over several pages: once is enough */
    bool complained; /* about the call: once is enough */
    bool patient;    /* waiting for answers is what this command is for: not worth a line */
    struct cli_config config;
    struct curve_keys curve;
    struct signing_key *signing;
    bool keys_loaded;
    struct bus_client *clients[CLI_SERVICES];
    const char *connected_to[CLI_SERVICES]; /* endpoint of that client */
    struct arena arena;                     /* of the command; freed at the end */
    Ismap__Liu__V1__Reply *reply;           /* the last one */
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
/* Complaints go to stderr: with --json as one JSON object a line,
 * {"error": {"status", "exit", "message", "details": [{"field", "rule", "messageJa",
 * "messageEn"}]}}, where status is that of the reply, or USAGE, INPUT, REFUSED, TEMPORARY when no
 * service was asked. */
/* Complains about a wrong call and answers CLI_USAGE. */
int cli_usage(struct cli *c, const char *fmt, ...) LIU_PRINTF(2, 3);
int cli_fail(struct cli *c, int status, const char *fmt, ...) LIU_PRINTF(3, 4);
const char *cli_errno(const struct cli *c); /* what errno says, in the language of the user */
/* Two that may befall any command; CLI_TEMPORARY. */
int cli_no_memory(struct cli *c);
int cli_redis_away(struct cli *c);
/* "Really?" on a terminal, unless --yes; without a terminal --yes is needed. */
bool cli_confirm(struct cli *c, const char *question);
/* Progress on stderr, unless --quiet; with --json {"note": text}. */
void cli_note(struct cli *c, const char *fmt, ...) LIU_PRINTF(2, 3);

/* A wait that lasts longer than a second says what for: on a terminal a line that counts and goes
 * away, elsewhere one line. Not with --quiet or --json. `what` is borrowed. Call tick at least
 * every half second. */
struct cli_wait {
    struct cli *cli;
    const char *what;
    int64_t since_ms;
    int64_t next_ms;
    bool shown;
};
void cli_wait_begin(struct cli *c, struct cli_wait *w, const char *what);
void cli_wait_tick(struct cli_wait *w, const char *detail); /* NULL = nothing more to tell */
/* The same with so many done and their rate; of how many (0 = not known) with a bar and the time
 * left. */
void cli_wait_count(struct cli_wait *w, uint64_t done, uint64_t all);
void cli_wait_end(struct cli_wait *w);
#define CLI_WAIT_TICK_MS 250

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
/* cli_request, and what was answered is printed. */
int cli_ask(struct cli *c, enum cli_service to, const ProtobufCMessage *m, bool sign);
/* As cli_request, with an answer of status != OK also given back in c->reply, printing nothing. */
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

/* --json: one line of JSON; else an indented tree for people: times in the local zone, texts in one
 * language. */
void cli_print(struct cli *c, const ProtobufCMessage *m);
void cli_print_json(struct cli *c, json_t *j); /* takes the reference */
/* For people: the tree, two columns in. */
void cli_print_below(const struct cli *c, const json_t *j);
/* An entry of the journal or an event, {"type", "payload", ...}: what is packed inside the payload
 * (a verdict, a rulebook, a sheet) is unpacked into its place. */
void cli_unpack_inner(json_t *typed);
#define CLI_TIME_BYTES 40
/* 2026-11-22T09:30:00+09:00, in the local zone. */
void cli_time(int64_t ms, char out[CLI_TIME_BYTES]);

/* Name of an enum value without what all of its enum begin with: "REGISTERED". */
const char *cli_enum_name(const ProtobufCEnumDescriptor *d, int value);
/* words.c. An enum value for people: "REGISTERED", in Japanese the scheme's word. In the arena of
 * nobody: constant. */
const char *cli_word(const struct cli *c, const ProtobufCEnumDescriptor *d, int value);
/* The same by the value's full name; NULL when there is no such word. */
const char *cli_word_ja(const char *name);

/* list.c. A table on stdout: first row = headings. Columns are padded by display width (Japanese
 * counts two). */
struct cli_table {
    const char **cells;
    size_t columns;
    size_t rows;
    size_t cap;
};
void cli_table_row(struct cli *c, struct cli_table *t, size_t columns, const char *const *cells);
void cli_table_print(struct cli *c, const struct cli_table *t);

/* A list of records over all its pages: a table, or with --json one object a line; both in the
 * order of the first column, which is the id, since records come in no order that means anything.
 */
struct cli_list {
    struct cli_table table;
    struct cli_table lines; /* id and JSON */
};
/* `head`: the headings; `columns` of them. */
void cli_list_begin(struct cli *c, struct cli_list *l, size_t columns, const char *const *head_en,
                    const char *const *head_ja);
void cli_list_row(struct cli *c, struct cli_list *l, const ProtobufCMessage *m,
                  const char *const *cells);
void cli_list_print(struct cli *c, struct cli_list *l);
/* Asks page after page: `m` has its page at *page; `take` adds the rows of an answer and returns
 * the next page, "" = that was the last. Prints the list when all is there. An exit status. */
typedef const char *cli_page_fn(struct cli *c, struct cli_list *l, const ProtobufCMessage *answer);
int cli_list_pages(struct cli *c, enum cli_service from, const ProtobufCMessage *m, char **page,
                   cli_page_fn *take, struct cli_list *l);

#endif
