// SPDX-License-Identifier: MIT
// escape.c: see escape.h.
#include "base/escape.h"

#include <stdbool.h>
#include <string.h>

/* The letter of the escapes that have one. */
static const char letters[][2] = {
	{ '\r', 'r' }, { '\n', 'n' }, { '\t', 't' }, { 27, 'e' }, { '\\', '\\' }, { '"', '"' },
};
enum { LETTERS = sizeof letters / sizeof *letters };

static int put_escaped(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	for (int i = 0; i < LETTERS; i++)
		if (letters[i][0] == (char)c)
			return buf_append(out, (char[]){ '\\', letters[i][1] }, 2);
	return buf_append(out, (char[]){ '\\', 'x', digits[c >> 4], digits[c & 15] }, 4);
}

/* Length of the UTF-8 character at s, its number in *code; 0 when it is none (cut, too long a form,
 * a surrogate, beyond U+10FFFF). */
static size_t utf8(const unsigned char *s, size_t n, unsigned *code)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
	if (len == 0 || len > n)
		return 0;
	*code = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	return *code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) ? 0 : len;
}

static bool is_safe(unsigned code)
{
	if (code < 0xa0)
		return code >= ' ' && code < 127 && code != '\\';
	return code != 0x061c && code != 0xfeff && (code < 0x200b || code > 0x200f) && (code < 0x2028 || code > 0x202e)
		&& (code < 0x2060 || code > 0x206f);
}

int escape_terminal(struct buf *out, const void *data, size_t n)
{
	const unsigned char *s = data;
	for (size_t i = 0; i < n;) {
		unsigned code;
		size_t len = utf8(s + i, n - i, &code);
		bool safe = len > 0 && is_safe(code);
		if (len == 0)
			len = 1;
		if (safe && buf_append(out, s + i, len))
			return -1;
		for (size_t k = 0; k < len && !safe; k++)
			if (put_escaped(out, s[i + k]))
				return -1;
		i += len;
	}
	return 0;
}

int escape_bytes(struct buf *out, const void *data, size_t n)
{
	const unsigned char *s = data;
	for (size_t i = 0; i < n; i++) {
		bool plain = s[i] >= ' ' && s[i] < 127 && s[i] != '\\' && s[i] != '"';
		if (plain ? buf_append(out, s + i, 1) : put_escaped(out, s[i]))
			return -1;
	}
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the escape at s (behind its backslash) stands for, its length in *used; or -1. */
static int escaped_byte(const char *s, size_t n, size_t *used)
{
	*used = 1;
	for (int i = 0; i < LETTERS && n > 0; i++)
		if (letters[i][1] == s[0])
			return (unsigned char)letters[i][0];
	*used = 3;
	if (n < 3 || s[0] != 'x' || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
		return -1;
	return hex_digit(s[1]) << 4 | hex_digit(s[2]);
}

int unescape(struct buf *out, const char *text, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int byte = (unsigned char)text[i];
		size_t used = 0;
		if (text[i] == '\\')
			byte = escaped_byte(text + i + 1, n - i - 1, &used);
		else if (byte < ' ' || byte >= 127 || byte == '"')
			byte = -1;
		if (byte < 0)
			return err_set(e, ERR_UNSUPPORTED, "character %zu begins no escape of \\r \\n \\t \\e \\\\ \\\" "
				"\\xNN and is not printable ASCII", i + 1);
		if (buf_append(out, &(char){ (char)byte }, 1))
			return err_set(e, ERR_SYSTEM, "no memory for %zu bytes of text", n);
		i += used;
	}
	return 0;
}
