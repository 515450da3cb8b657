/* SPDX-License-Identifier: MIT
 * sha256.h: the SHA-256 digest (FIPS 180-4) of bytes in memory, all at once or as they come. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H
#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32 };

struct sha256 {
	uint32_t H[8];
	uint64_t size;              /* bytes added */
	uint8_t rest[64];           /* those that make no block yet */
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t n);
/* s is used up. */
void sha256_end(struct sha256 *s, uint8_t digest[SHA256_SIZE]);

void sha256(const void *data, size_t n, uint8_t digest[SHA256_SIZE]);

#endif
