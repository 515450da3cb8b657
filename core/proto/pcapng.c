// SPDX-License-Identifier: MIT
// pcapng.c: see pcapng.h.  A block is: type, length, body, length; everything is padded to 4 bytes.
#include "proto/pcapng.h"

#include <string.h>

enum { SECTION_BLOCK = 0x0a0d0d0a, INTERFACE_BLOCK = 1, PACKET_BLOCK = 6, BYTE_ORDER_MARK = 0x1a2b3c4d };
enum { OPT_END = 0, OPT_COMMENT = 1, SHB_USERAPPL = 4, IF_NAME = 2, IF_DESCRIPTION = 3, IF_TSRESOL = 9, EPB_FLAGS = 2 };
enum { INBOUND = 1, OUTBOUND = 2 };
enum { RTAC_SERIAL = 250, RTAC_HEADER = 12, TEXT_MAX = 0xffff };

/* Writes into a block under way; nothing more is written after memory ran out. */
struct block {
	struct buf *out;
	size_t begin;           /* offset of the block in out */
	int failed;
};

static void put(struct block *b, const void *data, size_t n)
{
	if (!b->failed && n > 0)
		b->failed = buf_append(b->out, data, n);
}

static void put16(struct block *b, unsigned v)
{
	put(b, (unsigned char[]){ v & 255, v >> 8 & 255 }, 2);
}

static void put32(struct block *b, uint64_t v)
{
	put(b, (unsigned char[]){ v & 255, v >> 8 & 255, v >> 16 & 255, v >> 24 & 255 }, 4);
}

static void put32_big(struct block *b, uint64_t v)
{
	put(b, (unsigned char[]){ v >> 24 & 255, v >> 16 & 255, v >> 8 & 255, v & 255 }, 4);
}

static void pad(struct block *b)
{
	put(b, "\0\0\0", -(b->out->len - b->begin) & 3);
}

static void put_option(struct block *b, unsigned code, const void *value, size_t n)
{
	put16(b, code);
	put16(b, (unsigned)n);
	put(b, value, n);
	pad(b);
}

static void put_text(struct block *b, unsigned code, const char *text)
{
	size_t n = strlen(text);
	put_option(b, code, text, n < TEXT_MAX ? n : TEXT_MAX);
}

static struct block block_begin(struct buf *out, uint32_t type)
{
	struct block b = { .out = out, .begin = out->len };
	put32(&b, type);
	put32(&b, 0);           /* the length: block_end knows it */
	return b;
}

/* A block that did not fit in memory is taken back. */
static int block_end(struct block *b)
{
	put_option(b, OPT_END, NULL, 0);
	size_t size = b->out->len - b->begin + 4;
	put32(b, size);
	if (b->failed) {
		b->out->len = b->begin;
		return -1;
	}
	char *length = buf_data(b->out) + b->begin + 4;
	memcpy(length, buf_data(b->out) + b->out->len - 4, 4);
	return 0;
}

int pcapng_head(struct buf *out, const char *name, const char *url)
{
	struct block b = block_begin(out, SECTION_BLOCK);
	put32(&b, BYTE_ORDER_MARK);
	put16(&b, 1);           /* version 1.0 */
	put16(&b, 0);
	put32(&b, UINT32_MAX);  /* length of the section: not known */
	put32(&b, UINT32_MAX);
	put_text(&b, SHB_USERAPPL, "moonrig");
	if (block_end(&b))
		return -1;
	b = block_begin(out, INTERFACE_BLOCK);
	put16(&b, RTAC_SERIAL);
	put16(&b, 0);
	put32(&b, 0);           /* packets are not cut */
	put_text(&b, IF_NAME, name);
	put_text(&b, IF_DESCRIPTION, url);
	put_option(&b, IF_TSRESOL, "\6", 1);
	return block_end(&b);
}

int pcapng_packet(struct buf *out, const struct pcapng_packet *p)
{
	struct block b = block_begin(out, PACKET_BLOCK);
	put32(&b, 0);           /* the interface */
	put32(&b, p->time >> 32);
	put32(&b, p->time);
	put32(&b, RTAC_HEADER + p->size);
	put32(&b, RTAC_HEADER + p->size);
	put32_big(&b, p->since_start / 1000000);
	put32_big(&b, p->since_start % 1000000);
	put(&b, (unsigned char[]){ (unsigned char)p->event, p->signals & 255, 0, 0 }, 4);
	put(&b, p->data, p->size);
	pad(&b);
	if (p->event == PCAPNG_TX || p->event == PCAPNG_RX) {
		put16(&b, EPB_FLAGS);
		put16(&b, 4);
		put32(&b, p->event == PCAPNG_TX ? OUTBOUND : INBOUND);
	}
	if (p->comment)
		put_text(&b, OPT_COMMENT, p->comment);
	return block_end(&b);
}
