/* Global options, the command table's look-up, help. */
#include "liuctl/commands.h"

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

static const char options_en[] =
    "  --config FILE      settings (else LIUCTL_CONFIG, ./liuctl.yaml, "
    "/etc/ismap-liu/liuctl.yaml)\n"
    "  --as IDENTITY      whose keys are used (else the setting identity)\n"
    "  --request-id ID    id of the message: sent again, it takes effect once\n"
    "  --json             one JSON object a line; complaints too, on stderr\n"
    "  --lang ja|en       language of messages (else the locale)\n"
    "  --dry-run          say what would be sent or made, and do nothing\n"
    "  --yes, --quiet, --no-color\n\n";

static const char options_ja[] =
    "  --config FILE      設定（なければ "
    "LIUCTL_CONFIG、./liuctl.yaml、/etc/ismap-liu/liuctl.yaml）\n"
    "  --as IDENTITY      どの当事者の鍵を使うか（なければ設定の identity）\n"
    "  --request-id ID    要求の番号。同じ番号で再送しても効果は一度だけです\n"
    "  --json             1行1件の JSON で出力（エラーも標準エラー出力に JSON）\n"
    "  --lang ja|en       表示の言語（なければロケール）\n"
    "  --dry-run          送信・作成の内容を示すだけで、何も行いません\n"
    "  --yes、--quiet、--no-color\n\n";

const char *cli_options_text(const struct cli *c)
{
    return c->ja ? options_ja : options_en;
}

const char *cli_exit_text(const struct cli *c)
{
    return c->ja
               ? "0 成功、1 否定の結果、2 使い方の誤り、3 入力の誤り、4 拒否、5 時間をおいて再試行"
               : "0 ok, 1 negative answer, 2 usage, 3 invalid input, 4 refused, 5 try again";
}

static bool in_group(const char *words, const char *first)
{
    size_t n = strlen(first);
    return strncmp(words, first, n) == 0 && (words[n] == ' ' || words[n] == '\0');
}

static bool group_known(const char *first)
{
    for (size_t i = 0; i < cli_n_commands; i++)
        if (in_group(cli_commands[i].words, first))
            return true;
    return false;
}

static void help(const struct cli *c, const char *first)
{
    (void)printf("liuctl - ISMAP-LIU %s\n\n%s: liuctl [OPTION]... COMMAND ...\n\n%s",
                 c->ja ? "運用基盤のコマンド" : "command line", c->ja ? "使い方" : "usage",
                 cli_options_text(c));
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *k = &cli_commands[i];
        if (first != NULL && !in_group(k->words, first))
            continue;
        (void)printf("  %s %s\n      %s\n", k->words, k->usage, c->ja ? k->summary_ja : k->summary);
    }
    (void)printf("\n%s\n%s: %s\n",
                 c->ja ? "liuctl COMMAND --help で例を示します。"
                       : "liuctl COMMAND --help shows an example.",
                 c->ja ? "終了コード" : "exit status", cli_exit_text(c));
}

static int help_command(const struct cli *c, const struct cli_command *k)
{
    (void)printf("%s: liuctl %s %s\n\n%s\n\n%s\n  %s\n", c->ja ? "使い方" : "usage", k->words,
                 k->usage, c->ja ? k->summary_ja : k->summary,
                 c->ja ? "例:" : "example:", k->example);
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
    const char *lang = cli_option(a, "--lang");
    if (lang != NULL)
        c->ja = strcmp(lang, "ja") == 0;
    bool help_long = cli_flag(a, "--help");
    bool help_short = cli_flag(a, "-h");
    *want_help = help_long || help_short;
    c->config_path = cli_option(a, "--config");
    c->identity = cli_option(a, "--as");
    c->request_id = cli_option(a, "--request-id");
    if (lang != NULL && strcmp(lang, "ja") != 0 && strcmp(lang, "en") != 0)
        (void)cli_usage(c, "--lang: ja, en");
    return !c->complained;
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

static int no_command(struct cli *c, const char *word)
{
    if (group_known(word))
        return cli_fail(c, CLI_USAGE,
                        c->ja ? "%s: 続きを指定してください (liuctl help %s)"
                              : "%s: say which command of it (see liuctl help %s)",
                        word, word);
    return cli_fail(c, CLI_USAGE, "%s: %s", word,
                    c->ja ? "そのようなコマンドはありません (liuctl help)"
                          : "no such command (see liuctl help)");
}

/* "help", "help case", "help case show", "case --help". */
static int help_about(struct cli *c, struct cli_args *a)
{
    if (a->argc > 0 && strcmp(a->argv[0], "help") == 0) {
        a->argc--;
        a->argv++;
    }
    const struct cli_command *k = command_find(a->argc, a->argv);
    if (k != NULL)
        return help_command(c, k);
    if (a->argc > 0 && !group_known(a->argv[0]))
        return no_command(c, a->argv[0]);
    help(c, a->argc > 0 ? a->argv[0] : NULL);
    return CLI_OK;
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
    bool good = globals(&c, &a, &want_help);
    const struct cli_command *k = command_find(a.argc, a.argv);
    int status = CLI_USAGE;
    if (!good) {
        /* told already */
    } else if (want_help || (a.argc > 0 && strcmp(a.argv[0], "help") == 0)) {
        status = help_about(&c, &a);
    } else if (a.argc == 0) {
        help(&c, NULL);
    } else if (k == NULL) {
        status = no_command(&c, a.argv[0]);
    } else {
        int n = (int)words_of(k->words);
        a.argc -= n;
        a.argv += n;
        status = k->run(&c, &a);
    }
    cli_fini(&c);
    return status;
}
