// SPDX-License-Identifier: MIT
// ed25519.c: see ed25519.h.
#include "base/ed25519.h"

#include <dlfcn.h>
#include <string.h>

#include <openssl/evp.h>

#define FUNCTIONS(F) \
	F(EVP_DigestSign) F(EVP_DigestSignInit) F(EVP_DigestVerify) F(EVP_DigestVerifyInit) F(EVP_MD_CTX_free) \
	F(EVP_MD_CTX_new) F(EVP_PKEY_free) F(EVP_PKEY_get_raw_public_key) F(EVP_PKEY_new_raw_private_key) \
	F(EVP_PKEY_new_raw_public_key) F(ERR_clear_error)

void ERR_clear_error(void);

struct crypto {
#define POINTER(name) __typeof__(name) *(name);
	FUNCTIONS(POINTER)
#undef POINTER
};

static const char *const names[] = {
#define NAME(name) #name,
	FUNCTIONS(NAME)
#undef NAME
};

/* Stays loaded until the program ends. */
static int load(struct crypto *c, struct err *e)
{
	_Static_assert(sizeof *c == sizeof(void *) * (sizeof names / sizeof *names), "a pointer for each name");
	void *library = dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_NODELETE);
	if (!library)
		return err_set(e, ERR_NOT_FOUND, "signatures need OpenSSL 3 (Debian: package libssl3): %s", dlerror());
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		void *function = dlsym(library, names[i]);
		if (!function)
			return err_set(e, ERR_UNSUPPORTED, "signatures: OpenSSL has no %s here", names[i]);
		memcpy((char *)c + i * sizeof function, &function, sizeof function);
	}
	return 0;
}

static int fail(struct crypto *c, const char *what, struct err *e)
{
	c->ERR_clear_error();
	return err_set(e, ERR_UNSUPPORTED, "OpenSSL cannot %s with Ed25519 here (does its configuration forbid it?)", what);
}

int ed25519_public(const uint8_t secret[ED25519_KEY], uint8_t public[ED25519_KEY], struct err *e)
{
	struct crypto c;
	size_t n = ED25519_KEY;
	if (load(&c, e) < 0)
		return -1;
	EVP_PKEY *key = c.EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, ED25519_KEY);
	int ok = key && c.EVP_PKEY_get_raw_public_key(key, public, &n) == 1 && n == ED25519_KEY;
	c.EVP_PKEY_free(key);
	return ok ? 0 : fail(&c, "make a key", e);
}

int ed25519_sign(const uint8_t secret[ED25519_KEY], const void *data, size_t n, uint8_t signature[ED25519_SIGNATURE],
                 struct err *e)
{
	struct crypto c;
	size_t size = ED25519_SIGNATURE;
	if (load(&c, e) < 0)
		return -1;
	EVP_PKEY *key = c.EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, ED25519_KEY);
	EVP_MD_CTX *ctx = c.EVP_MD_CTX_new();
	int ok = key && ctx && c.EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1
		&& c.EVP_DigestSign(ctx, signature, &size, data, n) == 1 && size == ED25519_SIGNATURE;
	c.EVP_MD_CTX_free(ctx);
	c.EVP_PKEY_free(key);
	return ok ? 0 : fail(&c, "sign", e);
}

int ed25519_verify(const uint8_t public[ED25519_KEY], const void *data, size_t n,
                   const uint8_t signature[ED25519_SIGNATURE], struct err *e)
{
	struct crypto c;
	if (load(&c, e) < 0)
		return -1;
	EVP_PKEY *key = c.EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, ED25519_KEY);
	EVP_MD_CTX *ctx = c.EVP_MD_CTX_new();
	int ready = key && ctx && c.EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1;
	int fits = ready && c.EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE, data, n) == 1;
	c.EVP_MD_CTX_free(ctx);
	c.EVP_PKEY_free(key);
	if (!ready)
		return fail(&c, "check a signature", e);
	c.ERR_clear_error();
	return fits;
}
