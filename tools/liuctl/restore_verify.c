/* See restore_verify.h. */
#include "liuctl/restore_verify.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "liuctl/cold_check.h"

#define PAGE 512

struct verify {
    struct session *session;
    struct backup_records *records;
    enum record_kind kind; /* scan */
    char page[64];
    size_t scanned;
    size_t differences;
    struct cli_wait wait;
};

static void differ(struct verify *v, const char *id, const char *what)
{
    v->differences++;
    (void)printf("%d/%s: %s\n", (int)v->kind, id, what);
}

static void on_scan(void *arg, enum err e, const char *next_page, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct verify *v = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        uint8_t digest[SHA256_BYTES];
        struct backup_record *m = backup_records_find(v->records, (int)v->kind, ids[i]);
        struct crypto_part part = {records[i].value, records[i].bytes};
        e = crypto_sha256(&part, 1, digest);
        if (m == NULL)
            differ(v, ids[i], "is not in the backup");
        else if (m->revision != records[i].revision ||
                 memcmp(m->digest, digest, sizeof digest) != 0)
            differ(v, ids[i], "differs from the backup");
        if (m != NULL && !m->seen) {
            m->seen = true;
            v->scanned++;
        }
    }
    (void)text_copy(v->page, sizeof v->page, next_page == NULL ? "" : next_page);
    v->session->err = e;
    v->session->done = true;
}

static int verify_scan(struct verify *v)
{
    struct cli *c = v->session->cli;
    int status = CLI_OK;
    for (int k = RECORD_NONE + 1; status == CLI_OK && k < RECORD_KINDS; k++) {
        v->kind = (enum record_kind)k;
        v->page[0] = '\0';
        if (!backup_kind(v->kind))
            continue;
        do {
            if (store_scan(v->session->store, v->kind, v->page, PAGE, on_scan, v) != ERR_OK)
                return cli_redis_away(c);
            status = session_wait(v->session);
            cli_wait_count(&v->wait, v->scanned, HASH_COUNT(v->records->all));
        } while (status == CLI_OK && v->page[0] != '\0');
    }
    return status;
}

static void on_receipt(void *arg, const char *id, const char *what)
{
    struct verify *v = arg;
    v->kind = RECORD_RECEIPT;
    differ(v, id, what);
}

/* Those that are not in Redis are in the ledger's table, and the filters lead there. */
static int verify_cold(struct verify *v)
{
    struct cold_check k = {0};
    int status = cold_check_begin(&k, v->session);
    for (struct backup_record *m = v->records->all; status == CLI_OK && m != NULL; m = m->hh.next) {
        const char *what = m->seen ? NULL : cold_check_record(&k, m->key, m->revision, m->digest);
        if (what != NULL) {
            v->differences++;
            (void)printf("%s: %s\n", m->key, what);
        }
        v->scanned += !m->seen && what == NULL;
    }
    if (status == CLI_OK)
        status = cold_check_receipts(&k, on_receipt, v);
    cold_check_end(&k);
    return status;
}

int restore_verify(struct session *s, struct backup_records *records, uint64_t head, bool cold)
{
    struct cli *c = s->cli;
    struct verify v = {.session = s, .records = records};
    uint64_t now = 0;
    int status = session_head(s, &now);
    cli_wait_begin(c, &v.wait, c->ja ? "照合" : "records to be compared");
    if (status == CLI_OK)
        status = verify_scan(&v);
    size_t here = v.scanned;
    if (status == CLI_OK && cold)
        status = verify_cold(&v);
    cli_wait_end(&v.wait);
    if (status != CLI_OK)
        return status;
    if (v.differences > 0 || v.scanned != HASH_COUNT(records->all) || now != head)
        return cli_fail(c, CLI_NEGATIVE,
                        c->ja ? "一致しません: 状態 %zu / %u 件、記録の最終番号 %llu / %llu"
                              : "not the same: %zu of %u records, head %llu of %llu",
                        v.scanned, HASH_COUNT(records->all), (unsigned long long)now,
                        (unsigned long long)head);
    cli_note(c,
             c->ja ? "照合: 状態 %zu 件、うち Redis の外に %zu 件、一致"
                   : "verified: %zu records, %zu of them not in Redis, no difference",
             v.scanned, v.scanned - here);
    return CLI_OK;
}
