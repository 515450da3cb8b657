/* SPDX-License-Identifier: MIT
 * openssl.h: OpenSSL 3, loaded when it is first needed: a program that uses no TLS starts without it (it would
 * double the start and the memory), and the system's updates of it reach ours. */
#ifndef PORT_OPENSSL_H
#define PORT_OPENSSL_H
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/err.h"

#define OPENSSL_FUNCTIONS(F) \
	F(ASN1_TIME_diff) F(BIO_ctrl) F(BIO_free) \
	F(BIO_new) F(BIO_read) F(BIO_s_mem) F(BIO_write) \
	F(ERR_clear_error) F(ERR_peek_last_error) F(ERR_reason_error_string) F(SSL_CTX_check_private_key) \
	F(SSL_CTX_ctrl) F(SSL_CTX_free) F(SSL_CTX_get0_certificate) F(SSL_CTX_load_verify_file) F(SSL_CTX_new) \
	F(SSL_CTX_set_client_CA_list) F(SSL_CTX_set_default_verify_paths) F(SSL_CTX_set_options) \
	F(SSL_CTX_set_session_id_context) F(SSL_CTX_set_verify) F(SSL_CTX_use_PrivateKey_file) \
	F(SSL_CTX_use_certificate_chain_file) F(SSL_ctrl) F(SSL_do_handshake) F(SSL_free) F(SSL_get0_param) \
	F(SSL_get0_peer_certificate) F(SSL_get_error) F(SSL_get_verify_result) F(SSL_load_client_CA_file) F(SSL_new) \
	F(SSL_read) F(SSL_set1_host) F(SSL_set_accept_state) F(SSL_set_bio) F(SSL_set_connect_state) F(SSL_shutdown) \
	F(SSL_write) F(TLS_client_method) F(TLS_server_method) F(X509_NAME_get_text_by_NID) F(X509_VERIFY_PARAM_set1_ip_asc) \
	F(X509_get0_notAfter) F(X509_get_subject_name) F(X509_verify_cert_error_string)

struct openssl {
#define OPENSSL_POINTER(name) __typeof__(name) *(name);
	OPENSSL_FUNCTIONS(OPENSSL_POINTER)
#undef OPENSSL_POINTER
};

/* Stays loaded until the program ends. */
int openssl_load(struct openssl *o, struct err *e);

#endif
