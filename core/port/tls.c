// SPDX-License-Identifier: MIT
// tls.c: see tls.h.  OpenSSL reads from and writes to memory; what it has written goes through `out` to the inner
// port as that takes it.  So an SSL_write never has to be repeated with the same bytes, and nothing blocks.
#include "port/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/clock.h"
#include "port/httpguard.h"
#include "port/layer.h"
#include "port/tlscontext.h"

enum { RECORD = 16 * 1024 };

struct tls {
	struct layer l;                      /* first */
	struct tls_context *context;
	SSL *ssl;                            /* NULL: closed */
	BIO *in, *encrypted;                 /* its two ends */
	bool over;                           /* nothing more will come in */
	struct buf out;                      /* encrypted, not sent yet */
	bool shaking;
	bool blocked;                        /* a write waits until out is sent */
	struct event limit;                  /* of an accepted one's handshake */
	struct httpguard *guard;             /* accepted: until it is known what comes */
};

static struct tls *of(struct port *p) { return (struct tls *)p; }

static const struct openssl *lib(const struct tls *t) { return &t->context->o; }

/* ---- to and from OpenSSL ------------------------------------------------------------------ */

/* What has arrived, at most a record or so, or its end; false: nothing more. */
static bool feed(struct tls *t)
{
	struct port *inner = t->l.inner;
	if (!inner || !inner->rx.len) {
		bool over = !inner || inner->state != PORT_OPEN || inner->eof, told = t->over;
		if (over)
			lib(t)->BIO_ctrl(t->in, BIO_C_SET_BUF_MEM_EOF_RETURN, 0, NULL);
		t->over = over;
		return over && !told;
	}
	size_t n = inner->rx.len < RECORD ? inner->rx.len : RECORD;
	int taken = lib(t)->BIO_write(t->in, buf_data(&inner->rx), (int)n);
	if (taken > 0)
		port_consume(inner, (size_t)taken);
	return taken > 0;
}

/* What OpenSSL wants to be sent. */
static int send_out(struct tls *t, struct err *e)
{
	char data[RECORD];
	int n;
	while (t->ssl && (n = lib(t)->BIO_read(t->encrypted, data, sizeof data)) > 0)
		if (buf_append(&t->out, data, (size_t)n) < 0)
			return err_sys(e, ENOMEM, "%s: TLS", t->l.port.name);
	return layer_flush(&t->l, &t->out, e);
}

static bool wants_more(struct tls *t, int result)
{
	int kind = lib(t)->SSL_get_error(t->ssl, result);
	return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE;
}

/* ---- what went wrong ---------------------------------------------------------------------- */

static int unverified(struct tls *t, long result, struct err *e)
{
	const char *name = t->l.port.name, *peer = t->context->server ? "client" : "server";
	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return err_set(e, ERR_PERMISSION, "%s: the %s's certificate has expired", name, peer);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return err_set(e, ERR_PERMISSION, "%s: the %s's certificate is not valid yet (is the clock right?)", name, peer);
	case X509_V_ERR_HOSTNAME_MISMATCH: case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return err_set(e, ERR_PERMISSION, "%s: the server's certificate is for another name (option name= says which one "
			"is right)", name);
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return err_set(e, ERR_PERMISSION, "%s: the %s's certificate is signed by itself and not by a CA that is trusted "
			"here (option ca=)", name, peer);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT: case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return err_set(e, ERR_PERMISSION, "%s: the %s's certificate is signed by an unknown CA (option ca=)", name, peer);
	default:
		return err_set(e, ERR_PERMISSION, "%s: the %s's certificate: %s", name, peer, lib(t)->X509_verify_cert_error_string(result));
	}
}

static const struct { int reason; enum err_code code; const char *words; } reasons[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, ERR_PROTOCOL, "the other end does not speak TLS" },
	{ SSL_R_HTTP_REQUEST, ERR_PROTOCOL, "the other end speaks HTTP without TLS" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, ERR_PROTOCOL, "the other end knows only TLS older than 1.2" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, ERR_PROTOCOL, "the other end refuses our versions of TLS" },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ERR_PERMISSION, "the client has no certificate" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, ERR_REFUSED, "the server wants a certificate of ours (options cert and key)" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, ERR_REFUSED, "the other end refuses our certificate" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, ERR_REFUSED, "the other end refuses the handshake" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, ERR_REFUSED, "the other end finds our certificate expired" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, ERR_REFUSED, "the other end does not accept our certificate" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, ERR_REFUSED, "the other end does not know the CA of our certificate" },
};

static int failed(struct tls *t, int result, struct err *e)
{
	const char *name = t->l.port.name;
	unsigned long last = lib(t)->ERR_peek_last_error();
	long verified = lib(t)->SSL_get_verify_result(t->ssl);
	int kind = lib(t)->SSL_get_error(t->ssl, result), reason = ERR_GET_REASON(last);
	lib(t)->ERR_clear_error();
	if (verified != X509_V_OK && t->context->verify)
		return unverified(t, verified, e);
	for (size_t i = 0; kind == SSL_ERROR_SSL && i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].reason == reason)
			return err_set(e, reasons[i].code, "%s: %s", name, reasons[i].words);
	if (kind == SSL_ERROR_SYSCALL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return err_set(e, ERR_CLOSED, "%s: the connection was cut%s", name, t->shaking ? " in the TLS handshake" : "");
	const char *words = lib(t)->ERR_reason_error_string(last);
	return err_set(e, ERR_PROTOCOL, "%s: TLS: %s", name, words ? words : "failed");
}

/* ---- handshake ---------------------------------------------------------------------------- */

static void shaken(struct tls *t, const struct err *e)
{
	t->shaking = false;
	if (t->context->server)
		event_del(&t->limit);
	port_done(&t->l.port, e);
}

/* A client that has proved who it is is called by that name too. */
static void add_subject(struct tls *t)
{
	char subject[128] = "", name[300];
	struct port *p = &t->l.port;
	X509 *peer = tls_context_asks_clients(t->context) ? lib(t)->SSL_get0_peer_certificate(t->ssl) : NULL;
	if (!peer || lib(t)->X509_NAME_get_text_by_NID(lib(t)->X509_get_subject_name(peer), NID_commonName, subject, sizeof subject) <= 0)
		return;
	for (char *c = subject; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	snprintf(name, sizeof name, "%s (%s)", p->name, subject);
	char *copy = strdup(name);
	if (copy) {
		free(p->name);
		p->name = copy;
	}
}

static void shake(struct tls *t)
{
	struct err e = { 0 };
	int r;
	do {
		lib(t)->ERR_clear_error();
		r = lib(t)->SSL_do_handshake(t->ssl);
	} while (r != 1 && wants_more(t, r) && feed(t));
	if (r != 1 && wants_more(t, r)) {
		if (send_out(t, &e) < 0)
			shaken(t, &e);
		return;
	}
	if (r == 1)
		add_subject(t);
	else
		failed(t, r, &e);
	send_out(t, NULL);                       /* an alert says why */
	shaken(t, &e);
}

static int expect_name(struct tls *t, struct err *e)
{
	char host[256], port[6];
	unsigned char address[16];
	const char *name = t->context->name;
	if (url_host_port(&t->l.port.url, true, host, port, e) < 0)
		return -1;
	name = name ? name : host;
	bool is_address = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
	int ok = is_address ? lib(t)->X509_VERIFY_PARAM_set1_ip_asc(lib(t)->SSL_get0_param(t->ssl), name) : lib(t)->SSL_set1_host(t->ssl, name) &&
		lib(t)->SSL_ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)name);
	return ok == 1 ? 0 : tls_error(lib(t), "TLS: the name", name, e);
}

static int start(struct tls *t, struct err *e)
{
	t->in = lib(t)->BIO_new(lib(t)->BIO_s_mem());
	t->encrypted = lib(t)->BIO_new(lib(t)->BIO_s_mem());
	t->ssl = lib(t)->SSL_new(t->context->ssl);
	if (!t->in || !t->encrypted || !t->ssl) {
		lib(t)->BIO_free(t->in);
		lib(t)->BIO_free(t->encrypted);
		return tls_error(lib(t), "TLS:", "starting", e);
	}
	lib(t)->SSL_set_bio(t->ssl, t->in, t->encrypted);        /* they go with it */
	t->shaking = true;
	t->over = false;
	if (t->context->server) {
		lib(t)->SSL_set_accept_state(t->ssl);
		return 0;
	}
	lib(t)->SSL_set_connect_state(t->ssl);
	return expect_name(t, e);
}

static void opened(struct layer *l)
{
	struct tls *t = (struct tls *)l;
	struct err e = { 0 };
	if (start(t, &e) < 0)
		shaken(t, &e);
	else
		shake(t);
}

/* ---- bytes -------------------------------------------------------------------------------- */

static int give(struct tls *t, const char *data, size_t n)
{
	struct port *p = &t->l.port;
	if (!t->guard) {
		port_received(p, data, n);
		return 0;
	}
	int r = httpguard_take(t->guard, p, data, n);
	if (r == 1) {
		httpguard_free(t->guard);
		t->guard = NULL;
	}
	return r < 0 ? -1 : 0;
}

static void input_over(struct tls *t, int result)
{
	struct port *p = &t->l.port;
	struct err e;
	if (lib(t)->SSL_get_error(t->ssl, result) != SSL_ERROR_ZERO_RETURN) {
		failed(t, result, &e);
		port_lost(p, &e);
		return;
	}
	err_set(&e, ERR_CLOSED, "%s: the peer closed the connection", p->name);
	if (!p->eof)
		port_eof(p, &e);
}

static void received(struct layer *l)
{
	struct tls *t = (struct tls *)l;
	char data[RECORD];
	if (t->shaking) {
		shake(t);
		if (t->shaking || l->port.state != PORT_OPEN)
			return;
	}
	while (t->ssl && !l->port.throttled && !l->port.eof) {
		lib(t)->ERR_clear_error();
		int n = lib(t)->SSL_read(t->ssl, data, sizeof data);
		if (n > 0 && give(t, data, (size_t)n) < 0)
			return;
		if (n <= 0 && !wants_more(t, n))
			input_over(t, n);
		else if (n <= 0 && !feed(t))
			break;
	}
	send_out(t, NULL);
}

static void writable(struct layer *l)
{
	struct tls *t = (struct tls *)l;
	struct err e;
	if (send_out(t, &e) < 0) {
		port_lost(&l->port, &e);
		return;
	}
	if (!t->out.len && t->blocked) {
		t->blocked = false;
		port_writable(&l->port);
	}
}

static void ended(struct layer *l, const struct err *why)
{
	struct tls *t = (struct tls *)l;
	struct port *p = &l->port;
	if (t->shaking && t->ssl)
		shake(t);                        /* sees the end, and says what it cut */
	else if (p->state != PORT_OPEN)
		port_done(p, why);
	else if (l->inner->state == PORT_OPEN && !p->throttled)
		received(l);
	else if (!p->throttled)
		port_lost(p, why);
}

static const struct layer_ops layer = { .opened = opened, .received = received, .writable = writable, .ended = ended };

/* ---- operations --------------------------------------------------------------------------- */

static const char *const tcp_options[] = { "keepalive", NULL };

static int tls_open(struct port *p, struct err *e)
{
	struct tls *t = of(p);
	struct url copy;
	t->l.up = &layer;
	if (!t->context) {
		if (url_inner(&copy, &p->url, p->url.text, e) < 0)
			return -1;
		int r = tls_context_new(&copy, false, &t->context, e);
		url_clear(&copy);
		if (r < 0)
			return -1;
	}
	t->shaking = true;
	return layer_open(&t->l, "socket", tcp_options, e);
}

static ssize_t tls_write(struct port *p, const void *data, size_t n, struct err *e)
{
	struct tls *t = of(p);
	if (send_out(t, e) < 0)
		return layer_write_failed(&t->l, e);
	if (t->out.len) {
		t->blocked = true;
		return 0;
	}
	lib(t)->ERR_clear_error();
	int w = lib(t)->SSL_write(t->ssl, data, (int)(n < RECORD ? n : RECORD));
	if (w <= 0) {
		failed(t, w, e);
		if (e)
			e->code = ERR_CLOSED;
		return layer_write_failed(&t->l, e);
	}
	if (send_out(t, e) < 0)
		return layer_write_failed(&t->l, e);
	return w;
}

static int tls_out_waiting(struct port *p, size_t *n, struct err *e)
{
	struct tls *t = of(p);
	if (port_out_waiting(t->l.inner, n, e) < 0)
		return -1;
	*n += t->out.len;
	return 0;
}

static void tls_close(struct port *p)
{
	struct tls *t = of(p);
	if (t->ssl) {
		if (!t->shaking && p->state == PORT_OPEN && lib(t)->SSL_shutdown(t->ssl) >= 0)
			send_out(t, NULL);
		lib(t)->SSL_free(t->ssl);
		t->ssl = NULL;
	}
	if (t->context && t->context->server)
		event_del(&t->limit);
	layer_close_after(&t->l, &t->out);
	t->shaking = t->blocked = false;
}

static void tls_free(struct port *p)
{
	struct tls *t = of(p);
	httpguard_free(t->guard);
	tls_context_free(t->context);
	buf_clear(&t->out);
	layer_free(p);
}

static int no_open(struct port *p, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "%s: an accepted connection cannot be opened again", p->name);
}

static const char *tls_awaits(struct port *p)
{
	struct tls *t = of(p);
	return t->ssl ? "no end of the TLS handshake" : NULL;
}

#define TLS_OPS \
	.size = sizeof(struct tls), .close = tls_close, .free = tls_free, .write = tls_write, .throttle = layer_throttle, \
	.pump = layer_pump, .peek = layer_peek, .in_waiting = layer_in_waiting, .out_waiting = tls_out_waiting, \
	.awaits = tls_awaits

static const char *const options[] = { "keepalive", "logging", "ca", "cert", "key", "verify", "name", NULL };
const struct port_ops tls_ops = { .name = "socket", .options = options, .open = tls_open, TLS_OPS };
static const struct port_ops accepted_ops = { .name = "socket", .open = no_open, TLS_OPS };

/* ---- the accepting side ------------------------------------------------------------------- */

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	struct tls *t = arg;
	struct err e;
	err_set(&e, ERR_TIMEOUT, "%s: no end of the TLS handshake within %g s", t->l.port.name, t->context->handshake_timeout);
	shaken(t, &e);
}

struct port *tls_accepted(struct event_base *base, struct port *inner, struct tls_context *c,
	void (*news)(void *, unsigned), void *arg, struct err *e)
{
	struct url u;
	struct port *p = url_parse(&u, inner->url.text, e) < 0 ? NULL : port_new(&accepted_ops, base, &u);
	if (!p) {
		url_clear(&u);
		port_free(inner);
		err_sys(e, ENOMEM, "accepting");
		return NULL;
	}
	struct tls *t = of(p);
	struct timeval limit = clock_interval(c->handshake_timeout);
	t->context = tls_context_share(c);
	t->l.up = &layer;
	t->guard = httpguard_new();
	p->name = strdup(inner->name);
	p->news = news;
	p->news_arg = arg;
	p->state = PORT_OPENING;
	event_assign(&t->limit, base, -1, 0, on_limit, t);
	layer_adopt(&t->l, inner);
	if (start(t, e) < 0) {
		p->news = NULL;
		port_free(p);
		return NULL;
	}
	event_add(&t->limit, &limit);
	return p;
}
