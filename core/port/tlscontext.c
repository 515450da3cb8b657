// SPDX-License-Identifier: MIT
// tlscontext.c: what TLS connections share: certificates, keys, whom to trust.  See tls.h, tlscontext.h.
#include "port/tlscontext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"

enum { HANDSHAKE_TIMEOUT = 10, WARN_DAYS = 30 };

int tls_error(const struct openssl *o, const char *what, const char *about, struct err *e)
{
	const char *reason = o->ERR_reason_error_string(o->ERR_peek_last_error());
	err_set(e, ERR_UNSUPPORTED, "%s %s: %s", what, about, reason ? reason : "not usable");
	o->ERR_clear_error();
	return -1;
}

/* Files are named when they are not there; OpenSSL's own words do not. */
static int check_file(const char *option, const char *path, bool secret, struct err *e)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return err_sys(e, errno, "option %s: %s", option, path);
	if (secret && st.st_mode & (S_IROTH | S_IWOTH))
		return err_set(e, ERR_PERMISSION, "option %s: %s can be read by everybody on this machine; chmod 600 %s", option,
			path, path);
	return 0;
}

/* A certificate that soon ends, or has ended, is used: its peers decide.  But it is told. */
static void warn_of_end(struct tls_context *c, const char *path)
{
	int days = 0, seconds;
	X509 *own = c->o.SSL_CTX_get0_certificate(c->ssl);
	if (!own || !c->o.ASN1_TIME_diff(&days, &seconds, NULL, c->o.X509_get0_notAfter(own)))
		return;
	if (days < 0 || seconds < 0)
		log_warning("the certificate %s has expired", path);
	else if (days < WARN_DAYS)
		log_warning("the certificate %s expires in %d days", path, days);
}

static int load_own(struct tls_context *c, const char *cert, const char *key, struct err *e)
{
	if (!cert || !key)
		return err_set(e, ERR_UNSUPPORTED, "option %s is missing: a certificate goes with its key", cert ? "key" : "cert");
	if (check_file("cert", cert, false, e) < 0 || check_file("key", key, true, e) < 0)
		return -1;
	if (c->o.SSL_CTX_use_certificate_chain_file(c->ssl, cert) != 1)
		return tls_error(&c->o, "option cert:", cert, e);
	if (c->o.SSL_CTX_use_PrivateKey_file(c->ssl, key, SSL_FILETYPE_PEM) != 1)
		return tls_error(&c->o, "option key:", key, e);
	if (c->o.SSL_CTX_check_private_key(c->ssl) != 1)
		return tls_error(&c->o, "option key: not the key of that certificate:", key, e);
	warn_of_end(c, cert);
	return 0;
}

static int load_trusted(struct tls_context *c, const char *ca, struct err *e)
{
	if (ca && check_file("ca", ca, false, e) < 0)
		return -1;
	if (ca && c->o.SSL_CTX_load_verify_file(c->ssl, ca) != 1)
		return tls_error(&c->o, "option ca:", ca, e);
	if (ca && c->server)
		c->o.SSL_CTX_set_client_CA_list(c->ssl, c->o.SSL_load_client_CA_file(ca));
	if (!ca && !c->server && c->o.SSL_CTX_set_default_verify_paths(c->ssl) != 1)
		return tls_error(&c->o, "the system's certificates", "", e);
	c->verify = c->verify && (ca || !c->server);
	int how = c->verify ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE;
	c->o.SSL_CTX_set_verify(c->ssl, how, NULL);
	return 0;
}

static int take_options(struct tls_context *c, struct url *u, struct err *e)
{
	char *ca = url_take(u, "ca"), *cert = url_take(u, "cert"), *key = url_take(u, "key");
	char *verify = c->server ? NULL : url_take(u, "verify");
	char *timeout = c->server ? url_take(u, "handshake_timeout") : NULL;
	int r = 0;
	c->name = c->server ? NULL : url_take(u, "name");
	if (verify)
		r = value_bool("verify", verify, &c->verify, e);
	if (timeout && r == 0)
		r = value_seconds("handshake_timeout", timeout, &c->handshake_timeout, e);
	if (r == 0 && c->server && !cert)
		r = err_set(e, ERR_UNSUPPORTED, "option cert is missing: a TLS server has a certificate (cert) and its key (key)");
	if (r == 0 && (cert || key))
		r = load_own(c, cert, key, e);
	if (r == 0)
		r = load_trusted(c, ca, e);
	free(ca);
	free(cert);
	free(key);
	free(verify);
	free(timeout);
	return r;
}

int tls_context_new(struct url *u, bool server, struct tls_context **out, struct err *e)
{
	struct tls_context *c = calloc(1, sizeof *c);
	if (!c)
		return err_sys(e, ENOMEM, "TLS");
	*c = (struct tls_context){ .refs = 1, .server = server, .verify = true, .handshake_timeout = HANDSHAKE_TIMEOUT };
	if (openssl_load(&c->o, e) < 0) {
		free(c);
		return -1;
	}
	c->ssl = c->o.SSL_CTX_new(server ? c->o.TLS_server_method() : c->o.TLS_client_method());
	if (!c->ssl || c->o.SSL_CTX_ctrl(c->ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) != 1) {
		tls_error(&c->o, "TLS:", "starting", e);
		goto fail;
	}
	c->o.SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	c->o.SSL_CTX_ctrl(c->ssl, SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS, NULL);
	if (server)
		c->o.SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)"moonrig", 7);
	if (take_options(c, u, e) < 0) {
		err_add(e, " (%s)", u->text);
		goto fail;
	}
	*out = c;
	return 0;
fail:
	tls_context_free(c);
	return -1;
}

struct tls_context *tls_context_share(struct tls_context *c)
{
	c->refs++;
	return c;
}

void tls_context_free(struct tls_context *c)
{
	if (!c || --c->refs)
		return;
	c->o.SSL_CTX_free(c->ssl);
	free(c->name);
	free(c);
}

bool tls_context_asks_clients(const struct tls_context *c)
{
	return c->server && c->verify;
}
