/* The last incident of each topic; see book.h. Topics are never removed, so probing needs no
 * tombstones. */
#include "services/monitor/core/book.h"

#include <stdlib.h>
#include <string.h>

struct page {
    char topic[BOOK_TOPIC_BYTES];
    uint32_t n; /* 0 = free */
    bool open;
};

struct book {
    struct sip_key secret;
    struct page *pages;
    size_t n_pages; /* power of two */
    size_t topics;
};

enum err book_create(const struct sip_key *secret, struct book **out)
{
    struct book *b = calloc(1, sizeof *b);
    *out = b;
    if (b == NULL)
        return ERR_NOMEM;
    b->secret = *secret;
    return ERR_OK;
}

void book_destroy(struct book *b)
{
    if (b == NULL)
        return;
    free(b->pages);
    free(b);
}

static size_t page_of(const struct book *b, const struct page *pages, size_t n, const char *topic)
{
    size_t at = (size_t)sip_hash(&b->secret, topic, BOOK_TOPIC_BYTES) & (n - 1);
    while (pages[at].n != 0 && memcmp(pages[at].topic, topic, BOOK_TOPIC_BYTES) != 0)
        at = (at + 1) & (n - 1);
    return at;
}

static bool grow(struct book *b)
{
    size_t n = b->n_pages == 0 ? 256 : b->n_pages * 2;
    struct page *pages = calloc(n, sizeof *pages);
    if (pages == NULL)
        return false;
    for (size_t i = 0; i < b->n_pages; i++)
        if (b->pages[i].n != 0)
            pages[page_of(b, pages, n, b->pages[i].topic)] = b->pages[i];
    free(b->pages);
    b->pages = pages;
    b->n_pages = n;
    return true;
}

enum err book_note(struct book *b, const char topic[BOOK_TOPIC_BYTES], uint32_t n, bool open)
{
    if (n == 0)
        return ERR_INVAL;
    if (4 * (b->topics + 1) > 3 * b->n_pages && !grow(b))
        return ERR_NOMEM;
    struct page *p = &b->pages[page_of(b, b->pages, b->n_pages, topic)];
    if (p->n == 0) {
        if (b->topics >= BOOK_TOPICS_MAX)
            return ERR_LIMIT;
        memcpy(p->topic, topic, BOOK_TOPIC_BYTES);
        b->topics++;
    } else if (n < p->n || (n == p->n && !p->open)) {
        return ERR_OK;
    }
    p->n = n;
    p->open = open;
    return ERR_OK;
}

uint32_t book_guess(const struct book *b, const char topic[BOOK_TOPIC_BYTES])
{
    if (b->n_pages == 0)
        return 1;
    const struct page *p = &b->pages[page_of(b, b->pages, b->n_pages, topic)];
    return p->n == 0 || p->open ? (p->n == 0 ? 1 : p->n) : p->n + 1;
}

size_t book_topics(const struct book *b)
{
    return b->topics;
}
