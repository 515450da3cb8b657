/* noise.h: 64 KiB of random bytes, the same in the instrument and in the clients,
 * so that each can check what came.  One byte in 256 is FF, which RFC 2217 doubles.
 * They stand there twice: from any offset below NOISE, NOISE bytes can be read.
 */
#include <stddef.h>
#include <stdint.h>

#define NOISE 65536
static unsigned char noise[2 * NOISE];

static void noise_init(void)
{
	uint32_t x = 1;
	for (size_t i = 0; i < NOISE; i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = noise[NOISE + i] = x >> 24;
	}
}
