/* SPDX-License-Identifier: MIT
 * ed25519.h: signatures by Ed25519 (RFC 8032).  OpenSSL 3 does it, loaded when it is first needed: a program that
 * signs nothing starts without it.  Keys and signatures are the bytes of the RFC. */
#ifndef BASE_ED25519_H
#define BASE_ED25519_H
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ED25519_KEY = 32, ED25519_SIGNATURE = 64 };

/* The public key that goes with a secret one. */
int ed25519_public(const uint8_t secret[ED25519_KEY], uint8_t public[ED25519_KEY], struct err *e);
int ed25519_sign(const uint8_t secret[ED25519_KEY], const void *data, size_t n, uint8_t signature[ED25519_SIGNATURE],
                 struct err *e);
/* 1: it is the signature of these bytes; 0: it is not; -1: that cannot be told (no OpenSSL). */
int ed25519_verify(const uint8_t public[ED25519_KEY], const void *data, size_t n,
                   const uint8_t signature[ED25519_SIGNATURE], struct err *e);

#endif
