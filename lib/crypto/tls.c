/* OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE when the server is gone; this
 * one sends with MSG_NOSIGNAL. */
#include "crypto/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/text.h"

struct tls_context {
    SSL_CTX *ssl;
};

struct tls {
    SSL *ssl;
    bool established;
    bool wants_write;
    char why[256];
};

/* ---- the descriptor */

static int fd_of(BIO *b)
{
    return (int)(intptr_t)BIO_get_data(b);
}

static int done(BIO *b, ssize_t n, int retry)
{
    BIO_clear_retry_flags(b);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_flags(b, retry | BIO_FLAGS_SHOULD_RETRY);
    return (int)n;
}

static int on_write(BIO *b, const char *p, int n)
{
    return done(b, send(fd_of(b), p, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT), BIO_FLAGS_WRITE);
}

static int on_read(BIO *b, char *p, int n)
{
    return done(b, recv(fd_of(b), p, (size_t)n, MSG_DONTWAIT), BIO_FLAGS_READ);
}

static long on_control(BIO *b, int command, long number, void *p)
{
    (void)b;
    (void)number;
    (void)p;
    return command == BIO_CTRL_FLUSH;
}

static const BIO_METHOD *method(void)
{
    static BIO_METHOD *m;
    if (m != NULL)
        return m;
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "descriptor");
    if (made == NULL || BIO_meth_set_write(made, on_write) != 1 ||
        BIO_meth_set_read(made, on_read) != 1 || BIO_meth_set_ctrl(made, on_control) != 1) {
        BIO_meth_free(made);
        return NULL;
    }
    m = made;
    return m;
}

/* ---- files */

static bool given(const char *s)
{
    return s != NULL && s[0] != '\0';
}

/* The reason OpenSSL had, of the first error in its queue. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return text == NULL ? "it cannot be read" : text;
}

static enum err file_fault(struct err_text *why, const char *path, const char *what)
{
    enum err e = err_say(why, ERR_CONFIG, "%s: %s: %s", path, what, reason());
    ERR_clear_error();
    return e;
}

static enum err use_certificate(SSL_CTX *ssl, const struct tls_files *f, struct err_text *why)
{
    struct stat st;
    if (given(f->cert) != given(f->key))
        return err_say(why, ERR_CONFIG,
                       "a TLS certificate needs its key, and a key its certificate");
    if (!given(f->cert))
        return ERR_OK;
    if (SSL_CTX_use_certificate_chain_file(ssl, f->cert) != 1)
        return file_fault(why, f->cert, "no TLS certificate");
    if (stat(f->key, &st) != 0)
        return err_say(why, ERR_CONFIG, "%s: %s", f->key, strerror(errno));
    if ((st.st_mode & 077) != 0)
        return err_say(why, ERR_CONFIG, "%s: others may read this private key: mode 0600", f->key);
    if (SSL_CTX_use_PrivateKey_file(ssl, f->key, SSL_FILETYPE_PEM) != 1)
        return file_fault(why, f->key, "no private key, or not that of the certificate");
    return ERR_OK;
}

enum err tls_context_create(const struct tls_files *f, struct tls_context **out,
                            struct err_text *why)
{
    struct tls_context *c = calloc(1, sizeof *c);
    *out = NULL;
    if (c == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    ERR_clear_error();
    c->ssl = SSL_CTX_new(TLS_client_method());
    enum err e = c->ssl == NULL || method() == NULL ? err_say(why, ERR_NOMEM, "no memory") : ERR_OK;
    if (e == ERR_OK && !given(f->ca))
        e = err_say(why, ERR_CONFIG, "TLS needs the file of the CA");
    if (e == ERR_OK && SSL_CTX_load_verify_file(c->ssl, f->ca) != 1)
        e = file_fault(why, f->ca, "no CA certificate");
    if (e == ERR_OK)
        e = use_certificate(c->ssl, f, why);
    if (e != ERR_OK) {
        tls_context_free(c);
        return e;
    }
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
    (void)SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(c->ssl,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
    *out = c;
    return ERR_OK;
}

static int64_t until_s(const X509 *x)
{
    struct tm t = {0};
    return x == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(x), &t) != 1 ? 0 : (int64_t)timegm(&t);
}

int64_t tls_context_own_until_s(const struct tls_context *c)
{
    return until_s(SSL_CTX_get0_certificate(c->ssl));
}

int64_t tls_context_ca_until_s(const struct tls_context *c)
{
    const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(c->ssl));
    int64_t first = 0;
    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        int64_t s = until_s(X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i)));
        if (s != 0 && (first == 0 || s < first))
            first = s;
    }
    return first;
}

void tls_context_free(struct tls_context *c)
{
    if (c == NULL)
        return;
    SSL_CTX_free(c->ssl);
    free(c);
}

/* ---- a connection */

/* The name that the certificate must have, and for names (not addresses) the one we ask for. */
static bool expect_name(SSL *ssl, const char *name)
{
    struct in6_addr any;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (inet_pton(AF_INET, name, &any) == 1 || inet_pton(AF_INET6, name, &any) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return name[0] != '\0' && SSL_set1_host(ssl, name) == 1 &&
           SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls *tls_create(const struct tls_context *c, int fd, const char *name)
{
    struct tls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    ERR_clear_error();
    t->ssl = SSL_new(c->ssl);
    BIO *b = t->ssl == NULL ? NULL : BIO_new(method());
    if (b == NULL || !expect_name(t->ssl, name)) {
        BIO_free(b);
        SSL_free(t->ssl);
        free(t);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_data(b, (void *)(intptr_t)fd);
    BIO_set_init(b, 1);
    SSL_set_bio(t->ssl, b, b); /* takes it over */
    SSL_set_connect_state(t->ssl);
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    if (t->established)
        (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
    SSL_free(t->ssl);
    free(t);
}

static void keep_why(struct tls *t, int kind)
{
    long verify = SSL_get_verify_result(t->ssl);
    const char *text = ERR_reason_error_string(ERR_peek_error());
    if (!t->established && verify != X509_V_OK)
        (void)snprintf(t->why, sizeof t->why, "TLS: the server's certificate is refused: %s",
                       X509_verify_cert_error_string(verify));
    else if (text != NULL)
        (void)snprintf(t->why, sizeof t->why, "TLS: %s", text);
    else
        (void)snprintf(t->why, sizeof t->why, "TLS: %s",
                       kind == SSL_ERROR_SYSCALL && errno != 0
                           ? strerror(errno)
                           : "the server closed the connection");
}

/* What a call that did not succeed means: EAGAIN, the end, or a fault. */
static ssize_t outcome(struct tls *t, int result)
{
    int kind = SSL_get_error(t->ssl, result);
    t->wants_write = kind == SSL_ERROR_WANT_WRITE;
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    if (kind == SSL_ERROR_ZERO_RETURN && t->established)
        return 0;
    keep_why(t, kind);
    t->established = false; /* after a fault nothing more may be said, no good-bye either */
    ERR_clear_error();
    errno = EPROTO;
    return -1;
}

enum err tls_handshake(struct tls *t)
{
    ERR_clear_error();
    errno = 0;
    int r = SSL_do_handshake(t->ssl);
    if (r == 1) {
        t->established = true;
        t->wants_write = false;
        return ERR_OK;
    }
    (void)outcome(t, r);
    if (errno == EAGAIN)
        return ERR_AGAIN;
    return SSL_get_verify_result(t->ssl) != X509_V_OK ? ERR_AUTH : ERR_PROTO;
}

bool tls_wants_write(const struct tls *t)
{
    return t->wants_write;
}

ssize_t tls_send(struct tls *t, const void *p, size_t n)
{
    size_t written = 0;
    ERR_clear_error();
    errno = 0;
    int r = SSL_write_ex(t->ssl, p, n, &written);
    if (r != 1)
        return outcome(t, r);
    t->wants_write = false;
    return (ssize_t)written;
}

ssize_t tls_recv(struct tls *t, void *p, size_t n)
{
    size_t got = 0;
    ERR_clear_error();
    errno = 0;
    int r = SSL_read_ex(t->ssl, p, n, &got);
    return r == 1 ? (ssize_t)got : outcome(t, r);
}

bool tls_pending(const struct tls *t)
{
    return SSL_pending(t->ssl) > 0;
}

int64_t tls_server_until_s(const struct tls *t)
{
    return until_s(SSL_get0_peer_certificate(t->ssl));
}

const char *tls_why(const struct tls *t)
{
    return t->why;
}
