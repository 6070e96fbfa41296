/* Global options, the command table's look-up, help. */
#include "liuctl/cli.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "obs/log.h"

static size_t words_of(const char *words)
{
    size_t n = 1;
    for (const char *s = words; *s != '\0'; s++)
        n += *s == ' ';
    return n;
}

/* Do the arguments begin with these words? */
static bool words_match(const char *words, int argc, char **argv)
{
    const char *s = words;
    for (int i = 0; *s != '\0'; i++) {
        size_t n = strcspn(s, " ");
        if (i >= argc || strlen(argv[i]) != n || strncmp(argv[i], s, n) != 0)
            return false;
        s += n;
        s += *s == ' ';
    }
    return true;
}

static const struct cli_command *command_find(int argc, char **argv)
{
    const struct cli_command *best = NULL;
    for (size_t i = 0; i < cli_n_commands; i++)
        if (words_match(cli_commands[i].words, argc, argv) &&
            (best == NULL || words_of(cli_commands[i].words) > words_of(best->words)))
            best = &cli_commands[i];
    return best;
}

static void help(const struct cli *c, const char *first)
{
    (void)printf("liuctl - ISMAP-LIU %s\n\nusage: liuctl [--config FILE] [--as IDENTITY] "
                 "[--request-id ID] [--json] [--quiet]\n"
                 "              [--yes] [--dry-run] [--no-color] COMMAND ...\n\n",
                 c->ja ? "運用基盤のコマンド" : "command line");
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *k = &cli_commands[i];
        size_t n = first == NULL ? 0 : strlen(first);
        if (n > 0 &&
            (strncmp(k->words, first, n) != 0 || (k->words[n] != ' ' && k->words[n] != '\0')))
            continue;
        (void)printf("  %s %s\n      %s\n", k->words, k->usage, c->ja ? k->summary_ja : k->summary);
    }
    (void)printf("\n%s\n",
                 c->ja ? "終了状態: 0 成功, 1 否定の結果, 2 使い方, 3 入力の誤り, 4 拒否, 5 再試行"
                       : "exit status: 0 ok, 1 negative answer, 2 usage, 3 invalid input, 4 "
                         "refused, 5 try again");
}

static int help_command(const struct cli *c, const struct cli_command *k)
{
    (void)printf("usage: liuctl %s %s\n\n%s\n\n%s\n  %s\n", k->words, k->usage,
                 c->ja ? k->summary_ja : k->summary, c->ja ? "例:" : "example:", k->example);
    return CLI_OK;
}

static bool lang_ja(void)
{
    const char *names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v != NULL && v[0] != '\0')
            return strncmp(v, "ja", 2) == 0;
    }
    return false;
}

/* Takes global options from anywhere before "--"; what is left stays in order. */
static bool globals(struct cli *c, struct cli_args *a, bool *want_help)
{
    c->json = cli_flag(a, "--json");
    c->quiet = cli_flag(a, "--quiet");
    c->yes = cli_flag(a, "--yes");
    c->dry_run = cli_flag(a, "--dry-run");
    bool no_color = cli_flag(a, "--no-color");
    c->color = !no_color && getenv("NO_COLOR") == NULL && isatty(STDOUT_FILENO) == 1;
    bool help_long = cli_flag(a, "--help");
    bool help_short = cli_flag(a, "-h");
    *want_help = help_long || help_short;
    c->config_path = cli_option(a, "--config");
    c->identity = cli_option(a, "--as");
    c->request_id = cli_option(a, "--request-id");
    return true;
}

static void cli_fini(struct cli *c)
{
    for (size_t i = 0; i < CLI_SERVICES; i++)
        bus_client_destroy(c->clients[i]);
    signing_key_free(c->signing);
    cli_free_config(c);
    curve_keys_wipe(&c->curve);
    arena_fini(&c->arena);
}

int main(int argc, char **argv)
{
    struct cli c = {.ja = lang_ja()};
    struct cli_args a = {.argc = argc - 1, .argv = argv + 1};
    bool want_help = false;
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    arena_init(&c.arena, 512u * 1024 * 1024);
    log_set_level(
        (enum log_level)(LOG_LEVEL_ERROR + 1)); /* commands say themselves what went wrong */
    (void)globals(&c, &a, &want_help);
    const struct cli_command *k = command_find(a.argc, a.argv);
    int status;
    if (k != NULL && want_help) {
        status = help_command(&c, k);
    } else if (k == NULL && (want_help || a.argc == 0 || strcmp(a.argv[0], "help") == 0)) {
        help(&c, a.argc > 1 ? a.argv[1] : NULL);
        status = a.argc == 0 && !want_help ? CLI_USAGE : CLI_OK;
    } else if (k == NULL) {
        (void)fprintf(stderr, "liuctl: %s: %s\n", a.argv[0],
                      c.ja ? "そのようなコマンドはありません (liuctl help)"
                           : "no such command (see liuctl help)");
        status = CLI_USAGE;
    } else {
        int n = (int)words_of(k->words);
        a.argc -= n;
        a.argv += n;
        status = k->run(&c, &a);
    }
    cli_fini(&c);
    return status;
}
