/* What a client was promised against what the journal holds: every receipt is there under its
 * number, with its sender, id and request hash, and each request took effect once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/text.h"
#include "liuctl/commands.h"
#include "liuctl/journal_first.h"
#include "liuctl/journal_walk.h"

struct promised {
    char key[160]; /* sender/id */
    uint64_t seq;
    char hash[65];
    unsigned effects; /* commits found */
    uint64_t last_seq;
    UT_hash_handle hh;
};

struct check {
    struct session session;
    struct journal_walk walk;
    struct promised *receipts;
    size_t faults;
    uint64_t first; /* the first entry there is, as journal_first says */
    size_t gone;    /* receipts of before it, that nothing is kept of: nobody can tell */
    size_t earlier; /* receipts of other epochs: a restore keeps the numbers of what it has */
};

static void fault(void *arg, const char *where, const char *what)
{
    struct check *k = arg;
    k->faults++;
    (void)printf("%s: %s\n", where, what);
}

/* A line: sender, id, epoch, sequence, request hash in hexadecimal. */
static int read_line(struct check *k, struct cli *c, const char *path, unsigned number,
                     const char *line)
{
    char sender[64];
    char id[96];
    char epoch[40];
    char digits[24];
    uint64_t seq;
    char hash[80];
    if (sscanf(line, "%63s %95s %39s %23s %79s", sender, id, epoch, digits, hash) != 5 ||
        text_u64(digits, UINT64_MAX, &seq) != ERR_OK)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s:%u: 送信者、id、epoch、番号、ハッシュの順に書いてください"
                              : "%s:%u: give sender, id, epoch, sequence and hash",
                        path, number);
    struct promised *p = NULL;
    char key[160];
    (void)snprintf(key, sizeof key, "%s/%s", sender, id);
    HASH_FIND_STR(k->receipts, key, p);
    k->earlier += strcmp(epoch, store_epoch(k->session.store)) != 0;
    if (p != NULL) {
        if (p->seq != seq)
            fault(k, key, "two receipts with different numbers");
        return CLI_OK;
    }
    p = calloc(1, sizeof *p);
    if (p == NULL)
        return CLI_TEMPORARY;
    (void)text_copy(p->key, sizeof p->key, key);
    (void)text_copy(p->hash, sizeof p->hash, hash);
    p->seq = seq;
    HASH_ADD_STR(k->receipts, key, p);
    return CLI_OK;
}

static int read_receipts(struct check *k, struct cli *c, const char *path)
{
    FILE *f = fopen(path, "re");
    char line[512];
    int status = CLI_OK;
    if (f == NULL)
        return cli_fail(c, CLI_INPUT, "%s: %s", path, cli_errno(c));
    for (unsigned n = 1; status == CLI_OK && fgets(line, sizeof line, f) != NULL; n++)
        status = read_line(k, c, path, n, line);
    if (status == CLI_OK && ferror(f) != 0) /* what was not read was not compared */
        status = cli_fail(c, CLI_INPUT, "%s: %s", path, cli_errno(c));
    (void)fclose(f);
    return status;
}

/* Entries of one commit follow each other: they are one effect. */
static enum err take_entry(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *e)
{
    struct check *k = arg;
    struct promised *p = NULL;
    char key[160];
    if (e == NULL)
        return ERR_OK;
    (void)snprintf(key, sizeof key, "%s/%s", e->actor, e->cause);
    HASH_FIND_STR(k->receipts, key, p);
    if (p == NULL)
        return ERR_OK;
    if (p->effects > 0 && p->last_seq + 1 == seq && e->request_hash.len == 0) {
        p->last_seq = seq;
        return ERR_OK;
    }
    p->effects++;
    p->last_seq = seq;
    char hash[65] = "";
    if (e->request_hash.len == 32)
        text_hex(e->request_hash.data, 32, hash);
    if (p->seq != seq)
        fault(k, key, "is in the journal under another number than its receipt says");
    if (strcmp(p->hash, hash) != 0)
        fault(k, key, "is in the journal with another request hash");
    return ERR_OK;
}

static void check_effects(struct check *k)
{
    for (struct promised *p = k->receipts; p != NULL; p = p->hh.next) {
        if (p->effects == 0 && p->seq < k->first)
            k->gone++;
        else if (p->effects == 0)
            fault(k, p->key, "was acknowledged but is not in the journal");
        else if (p->effects > 1)
            fault(k, p->key, "took effect more than once");
    }
}

int cmd_journal_check(struct cli *c, struct cli_args *a)
{
    struct check k = {.receipts = NULL};
    const char *path = cli_next(a);
    if (!cli_done(c, a) || path == NULL)
        return cli_usage(c, c->ja ? "受領の記録ファイルを指定してください"
                                  : "which file holds the receipts?");
    uint64_t store;
    k.walk = (struct journal_walk){
        .session = &k.session, .entry = take_entry, .fault = fault, .arg = &k};
    int status = session_open(c, &k.session, true);
    if (status == CLI_OK)
        status = read_receipts(&k, c, path);
    if (status == CLI_OK)
        status = journal_first(&k.session, &store, &k.first);
    k.walk.late = k.first > 0;
    if (status == CLI_OK)
        status = journal_walk(&k.walk);
    if (status == CLI_OK) {
        check_effects(&k);
        (void)printf(
            c->json ? "{\"receipts\":%u,\"entries\":%llu,\"faults\":%zu,\"otherEpochs\":%zu,"
                      "\"keptNoMore\":%zu}\n"
                    : "receipts %u, entries %llu, faults %zu, receipts of other epochs %zu, of "
                      "entries that are kept no more %zu\n",
            HASH_COUNT(k.receipts), (unsigned long long)k.walk.entries, k.faults, k.earlier,
            k.gone);
        if (k.gone > 0)
            cli_note(c,
                     c->ja ? "%zu 件は書庫の最初の記録 (%llu 番) より前のもので、確かめられません"
                           : "%zu receipts are of before the archive's first entry, %llu: nothing "
                             "can be said of them",
                     k.gone, (unsigned long long)k.first);
    }
    session_close(&k.session);
    struct promised *p, *p2;
    HASH_ITER(hh, k.receipts, p, p2)
    {
        HASH_DEL(k.receipts, p);
        free(p);
    }
    return status == CLI_OK && k.faults > 0 ? CLI_NEGATIVE : status;
}
