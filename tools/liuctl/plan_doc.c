/* What the formats share, and the CSV. SHA-1 is here because a UUID of version 5 is made with it;
 * it protects nothing. */
#include "liuctl/plan_doc.h"

#include <string.h>

#include "base/text.h"
#include "services/audit/audit_record.h"

enum err plan_doc_open(struct arena *a, const Ismap__Liu__V1__AuditPlan *record,
                       const struct catalogue *c, struct plan_doc *out, struct err_text *why)
{
    *out = (struct plan_doc){.record = record, .catalogue = c, .hash = "unhashed"};
    enum err e = audit_record_read_plan(a, record, &out->plan, why);
    if (e != ERR_OK)
        return e;
    out->first_year = audit_record_first_year(record);
    if (out->first_year < 1900 || out->first_year > 2900)
        return err_say(why, ERR_INVAL, "firstYear: must be 1900 to 2900");
    if (record->plan_hash.len == 32)
        text_hex(record->plan_hash.data, 32, out->hash);
    for (size_t i = 0; i < out->plan.n; i++) {
        const struct plan_item *item = &out->plan.items[i];
        if (catalogue_find(c, item->control_id) == NULL)
            return err_say(why, ERR_INVAL, "items[%zu].controlId: %s is not in the catalogue", i,
                           item->control_id);
        if (item->year < 1 || item->year > out->plan.years ||
            (item->party != PLAN_EXTERNAL && item->party != PLAN_INTERNAL))
            return err_say(why, ERR_INVAL, "items[%zu]: year or party out of range", i);
    }
    return ERR_OK;
}

const char *plan_domain_name(const struct catalogue_item *it)
{
    static const char *const chapters[] = {
        [3] = "ガバナンス基準",
        [4] = "マネジメント基準",
        [5] = "情報セキュリティのための方針群",
        [6] = "情報セキュリティのための組織",
        [7] = "人的資源のセキュリティ",
        [8] = "資産の管理",
        [9] = "アクセス制御",
        [10] = "暗号",
        [11] = "物理的及び環境的セキュリティ",
        [12] = "運用のセキュリティ",
        [13] = "通信のセキュリティ",
        [14] = "システムの取得、開発及び保守",
        [15] = "供給者関係",
        [16] = "インシデント管理",
        [17] = "事業継続マネジメント",
        [18] = "順守",
    };
    if (it->domain != NULL)
        return it->domain;
    uint16_t n = it->numbers[0];
    return n < sizeof chapters / sizeof chapters[0] && chapters[n] != NULL ? chapters[n] : "";
}

enum plan_mode plan_mode_of(const struct plan_item *item)
{
    return item->mode == PLAN_NO_MODE ? PLAN_BOTH : item->mode;
}

const char *plan_mode_word(enum plan_mode mode, bool ja)
{
    static const char *const words[PLAN_MODES][2] = {
        [PLAN_NO_MODE] = {"", ""},
        [PLAN_DESIGN] = {"DESIGN", "整備状況評価"},
        [PLAN_OPERATING] = {"OPERATING", "運用状況評価"},
        [PLAN_BOTH] = {"DESIGN+OPERATING", "整備・運用状況評価"},
    };
    return (unsigned)mode < PLAN_MODES ? words[mode][ja] : "";
}

const char *plan_cause_word(enum plan_cause cause, bool ja)
{
    static const char *const words[][2] = {
        [PLAN_NO_CAUSE] = {"", ""},
        [PLAN_CHANGED] = {"changed", "変更"},
        [PLAN_ADOPTED] = {"adopted", "新規採用"},
        [PLAN_FINDING] = {"finding", "指摘"},
        [PLAN_FAILED_AUDIT] = {"failed", "前回不適合"},
        [PLAN_INCIDENT] = {"incident", "インシデント"},
        [PLAN_BASE_LAPSED] = {"base-lapsed", "基盤サービスの登録失効"},
    };
    return (unsigned)cause < sizeof words / sizeof words[0] ? words[cause][ja] : "";
}

static uint32_t left(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t *p)
{
    uint32_t w[80];
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        w[i] = left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999u
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1u
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu
                              : (b ^ c ^ d) + 0xca62c1d6u;
        uint32_t t = left(a, 5) + f + e + w[i];
        e = d;
        d = c;
        c = left(b, 30);
        b = a;
        a = t;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* Of our namespace's 16 bytes and the name. */
static void sha1_named(const uint8_t ns[16], const char *name, uint8_t out[20])
{
    uint32_t h[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    size_t n = 16 + strlen(name);
    uint8_t block[64];
    for (size_t at = 0; at < n + 9 || at % 64 != 0; at++) {
        uint8_t byte = 0;
        if (at < n)
            byte = at < 16 ? ns[at] : (uint8_t)name[at - 16];
        else if (at == n)
            byte = 0x80;
        block[at % 64] = byte;
        if (at % 64 != 63)
            continue;
        if (at >= n + 8) {
            uint64_t bits = (uint64_t)n * 8;
            for (unsigned i = 0; i < 8; i++)
                block[56 + i] = (uint8_t)(bits >> (56 - 8 * i));
        }
        sha1_block(h, block);
    }
    for (unsigned i = 0; i < 20; i++)
        out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

void plan_uuid(const char *name, char out[UUID_TEXT_BYTES])
{
    /* 5d0f6c1e-2f0b-4c56-9a37-61d0a3b7c9e4: never changes, or every export would */
    static const uint8_t ns[16] = {0x5d, 0x0f, 0x6c, 0x1e, 0x2f, 0x0b, 0x4c, 0x56,
                                   0x9a, 0x37, 0x61, 0xd0, 0xa3, 0xb7, 0xc9, 0xe4};
    uint8_t hash[20];
    char hex[33];
    sha1_named(ns, name, hash);
    hash[6] = (uint8_t)((hash[6] & 0x0f) | 0x50);
    hash[8] = (uint8_t)((hash[8] & 0x3f) | 0x80);
    text_hex(hash, 16, hex);
    size_t at = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = hex[i];
    }
    out[at] = '\0';
}

const char *plan_token(struct arena *a, const char *id)
{
    return id[0] >= '0' && id[0] <= '9' ? arena_printf(a, PLAN_OSCAL_PREFIX "%s", id) : id;
}

/* A field in quotes where it must be; a leading sign of a formula is kept from spreadsheets. */
static void field(struct buf *out, const char *s, const char *end)
{
    bool formula = s[0] != '\0' && strchr("=+-@\t\r", s[0]) != NULL;
    if (!formula && strpbrk(s, ",\"\r\n") == NULL) {
        (void)buf_printf(out, "%s%s", s, end);
        return;
    }
    (void)buf_puts(out, formula ? "\"'" : "\"");
    for (; *s != '\0'; s++)
        (void)buf_printf(out, *s == '"' ? "\"%c" : "%c", *s);
    (void)buf_printf(out, "\"%s", end);
}

static const char *tier_word(enum catalogue_tier t)
{
    return t == CATALOGUE_GOVERNANCE   ? "governance"
           : t == CATALOGUE_MANAGEMENT ? "management"
                                       : "controls";
}

void plan_csv(const struct plan_doc *d, struct buf *out)
{
    (void)buf_puts(out,
                   "case,plan_year,civil_year,party,control,tier,domain,domain_name,title,mode,"
                   "cause,reference,auditor,rule,hours\n");
    for (size_t i = 0; i < d->plan.n; i++) {
        const struct plan_item *item = &d->plan.items[i];
        const struct catalogue_item *it = catalogue_find(d->catalogue, item->control_id);
        field(out, d->record->case_id, ",");
        (void)buf_printf(out, "%u,%d,%s,", item->year, d->first_year + (int32_t)item->year - 1,
                         item->party == PLAN_EXTERNAL ? "external" : "internal");
        field(out, it->id, ",");
        (void)buf_printf(out, "%s,%u,", tier_word(it->tier), it->numbers[0]);
        field(out, plan_domain_name(it), ",");
        field(out, it->title != NULL ? it->title : "", ",");
        field(out, plan_mode_word(plan_mode_of(item), false), ",");
        field(out, plan_cause_word(item->cause, false), ",");
        field(out, item->ref != NULL ? item->ref : "", ",");
        field(out, item->auditor != NULL ? item->auditor : "", ",");
        field(out, item->rule, ",");
        (void)buf_printf(out, "%u\n", item->hours);
    }
}
