/* What shells and readers want of the command table: completion for bash, a manual page. Both are
 * made of it, so they cannot lag behind. */
#include <string.h>

#include "liuctl/commands.h"

static size_t first_word(const char *words)
{
    return strcspn(words, " ");
}

/* Is this the first command of its group? Groups need not stand together in the table. */
static bool begins_group(size_t at)
{
    const char *w = cli_commands[at].words;
    size_t n = first_word(w);
    for (size_t i = 0; i < at; i++)
        if (first_word(cli_commands[i].words) == n && strncmp(cli_commands[i].words, w, n) == 0)
            return false;
    return true;
}

/* The second words of a group, parted by blanks. */
static void put_seconds(const char *group, size_t n)
{
    const char *between = "";
    for (size_t i = 0; i < cli_n_commands; i++) {
        const char *w = cli_commands[i].words;
        if (first_word(w) != n || strncmp(w, group, n) != 0 || w[n] == '\0')
            continue;
        (void)printf("%s%s", between, w + n + 1);
        between = " ";
    }
}

/* The options that a usage text names. */
static void put_options(const char *usage)
{
    for (const char *at = strstr(usage, "--"); at != NULL; at = strstr(at + 2, "--")) {
        size_t n = 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
        (void)printf(" %.*s", (int)n, at);
    }
}

static const char bash_head[] =
    "# bash completion of liuctl; use it with: source <(liuctl completion bash)\n"
    "_liuctl() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} first= second= words= i\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --config | --as | --request-id | --lang) i=$((i + 1)) ;;\n"
    "        -*) ;;\n"
    "        *) if [ -z \"$first\" ]; then first=${COMP_WORDS[i]}; elif [ -z \"$second\" ]; then "
    "second=${COMP_WORDS[i]}; fi ;;\n"
    "        esac\n"
    "    done\n"
    "    case \"$first\" in\n";

static const char bash_tail[] =
    "    esac\n"
    "    case $current in\n"
    "    -*) words=\"$words --config --as --request-id --json --lang --dry-run --yes --quiet "
    "--no-color --help\" ;;\n"
    "    esac\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
    "}\n"
    "complete -o default -F _liuctl liuctl\n";

int cmd_completion(struct cli *c, struct cli_args *a)
{
    const char *shell = cli_next(a);
    if (!cli_done(c, a) || shell == NULL || strcmp(shell, "bash") != 0)
        return cli_usage(c, c->ja ? "bash だけに対応しています" : "which shell: bash");
    (void)fputs(bash_head, stdout);
    (void)fputs("    '') words='help", stdout);
    for (size_t i = 0; i < cli_n_commands; i++)
        if (begins_group(i))
            (void)printf(" %.*s", (int)first_word(cli_commands[i].words), cli_commands[i].words);
    (void)fputs("' ;;\n", stdout);
    for (size_t i = 0; i < cli_n_commands; i++) {
        const char *w = cli_commands[i].words;
        size_t n = first_word(w);
        if (!begins_group(i) || w[n] == '\0')
            continue;
        (void)printf("    %.*s) [ -n \"$second\" ] || words='", (int)n, w);
        put_seconds(w, n);
        (void)fputs("' ;;\n", stdout);
    }
    (void)fputs("    esac\n    case \"$first $second\" in\n", stdout);
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *k = &cli_commands[i];
        if (strstr(k->usage, "--") == NULL)
            continue;
        (void)printf("    '%s'%s) words=\"$words", k->words,
                     strchr(k->words, ' ') == NULL ? "' '*" : "");
        put_options(k->usage);
        (void)fputs("\" ;;\n", stdout);
    }
    (void)fputs(bash_tail, stdout);
    return CLI_OK;
}

/* roff's own signs taken as they are; \- is the minus that can be copied. */
static void put_roff(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '\\')
            (void)fputs("\\e", stdout);
        else if (*s == '-')
            (void)fputs("\\-", stdout);
        else
            (void)fputc(*s, stdout);
    }
}

static void put_lines(const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        char line[256];
        (void)snprintf(line, sizeof line, "%.*s", (int)n, text);
        (void)fputs(line[0] == '\0' ? ".PP" : "\\&", stdout);
        put_roff(line);
        (void)fputc('\n', stdout);
        text += n + (text[n] == '\n');
    }
}

int cmd_manual(struct cli *c, struct cli_args *a)
{
    if (!cli_done(c, a))
        return CLI_USAGE;
    (void)printf(".TH LIUCTL 1 \"\" \"ismap-liu %s\"\n.SH %s\nliuctl \\- ISMAP\\-LIU %s\n.SH %s\n"
                 ".B liuctl\n[OPTION]... COMMAND ...\n.SH %s\n.nf\n",
                 LIU_VERSION, c->ja ? "名前" : "NAME",
                 c->ja ? "運用基盤のコマンド" : "command line of the operating backbone",
                 c->ja ? "書式" : "SYNOPSIS", c->ja ? "オプション" : "OPTIONS");
    put_lines(cli_options_text(c));
    (void)printf(".fi\n.SH %s\n", c->ja ? "コマンド" : "COMMANDS");
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *k = &cli_commands[i];
        (void)printf(".TP\n.B %s\n", k->words);
        if (k->usage[0] != '\0') {
            (void)fputs("\\&", stdout);
            put_roff(k->usage);
            (void)fputs("\n.br\n", stdout);
        }
        (void)fputs("\\&", stdout);
        put_roff(c->ja ? k->summary_ja : k->summary);
        (void)fputs("\n.br\n\\&", stdout);
        put_roff(k->example);
        (void)fputc('\n', stdout);
    }
    (void)printf(".SH %s\n.nf\n", c->ja ? "終了状態" : "EXIT STATUS");
    put_lines(cli_exit_text(c));
    (void)fputs(".fi\n", stdout);
    return CLI_OK;
}
