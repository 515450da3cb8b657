// SPDX-License-Identifier: MIT
// openssl.c: see openssl.h.
#include "port/openssl.h"

#include <dlfcn.h>
#include <string.h>

static const char *const names[] = {
#define OPENSSL_NAME(name) #name,
	OPENSSL_FUNCTIONS(OPENSSL_NAME)
#undef OPENSSL_NAME
};

int openssl_load(struct openssl *o, struct err *e)
{
	_Static_assert(sizeof *o == sizeof(void *) * (sizeof names / sizeof *names), "a pointer for each name");
	void *library = dlopen("libssl.so.3", RTLD_LAZY | RTLD_NODELETE);
	if (!library)
		return err_set(e, ERR_NOT_FOUND, "TLS needs OpenSSL 3 (Debian: package libssl3): %s", dlerror());
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		void *function = dlsym(library, names[i]);   /* also in libcrypto, which libssl needs */
		if (!function)
			return err_set(e, ERR_UNSUPPORTED, "TLS: OpenSSL has no %s here", names[i]);
		memcpy((char *)o + i * sizeof function, &function, sizeof function);
	}
	return 0;
}
