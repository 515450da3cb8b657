// SPDX-License-Identifier: MIT
// lkey.c: moonrig.core.key, what signatures and the files of keys need.  Keys and signatures are strings of bytes.
#include <string.h>

#include "base/ed25519.h"
#include "base/secretfile.h"
#include "bind/bind.h"

enum { LARGEST = 4096 };    /* bytes of a key file */

static const uint8_t *bytes_of(lua_State *L, int arg, size_t size, const char *what)
{
	size_t n;
	const char *s = bind_bytes(L, arg, &n);
	if (n != size)
		raise_argument(L, arg, what);
	return (const uint8_t *)s;
}

static const char *path_of(lua_State *L)
{
	size_t n;
	const char *path = bind_bytes(L, 1, &n);
	if (n == 0 || strlen(path) != n)
		raise_argument(L, 1, "the path of a file");
	return path;
}

/* lua: public = key.public(secret)   32 bytes each */
static int key_public(lua_State *L)
{
	struct err e;
	uint8_t public[ED25519_KEY];
	if (ed25519_public(bytes_of(L, 1, ED25519_KEY, "a key of 32 bytes"), public, &e) < 0)
		raise_err(L, &e);
	lua_pushlstring(L, (const char *)public, sizeof public);
	return 1;
}

/* lua: signature = key.sign(secret, s)   64 bytes */
static int key_sign(lua_State *L)
{
	struct err e;
	uint8_t signature[ED25519_SIGNATURE];
	size_t n;
	const uint8_t *secret = bytes_of(L, 1, ED25519_KEY, "a key of 32 bytes");
	const char *data = bind_bytes(L, 2, &n);
	if (ed25519_sign(secret, data, n, signature, &e) < 0)
		raise_err(L, &e);
	lua_pushlstring(L, (const char *)signature, sizeof signature);
	return 1;
}

/* lua: bool = key.verify(public, s, signature) */
static int key_verify(lua_State *L)
{
	struct err e;
	size_t n;
	const uint8_t *public = bytes_of(L, 1, ED25519_KEY, "a key of 32 bytes");
	const char *data = bind_bytes(L, 2, &n);
	int fits = ed25519_verify(public, data, n, bytes_of(L, 3, ED25519_SIGNATURE, "a signature of 64 bytes"), &e);
	if (fits < 0)
		raise_err(L, &e);
	lua_pushboolean(L, fits);
	return 1;
}

/* lua: key.create(path, s[, public])   a new file that only its owner may read, or everybody */
static int key_create(lua_State *L)
{
	struct err e;
	size_t n;
	const char *path = path_of(L), *data = bind_bytes(L, 2, &n);
	if (secretfile_create(path, lua_toboolean(L, 3) ? 0644 : 0600, data, n, &e) < 0)
		raise_err(L, &e);
	return 0;
}

/* lua: s = key.read(path)   such a file; refused when others may read it */
static int key_read(lua_State *L)
{
	struct err e;
	char data[LARGEST];
	int n = secretfile_read(path_of(L), data, sizeof data, &e);
	if (n < 0)
		raise_err(L, &e);
	lua_pushlstring(L, data, (size_t)n);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "public", key_public }, { "sign", key_sign }, { "verify", key_verify }, { "create", key_create },
	{ "read", key_read }, { NULL, NULL },
};

void open_key(lua_State *L)
{
	luaL_newlib(L, functions);
	lua_setfield(L, -2, "key");
}
