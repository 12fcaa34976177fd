/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plm_buf_init(struct plm_buf *b, size_t max)
{
	*b = (struct plm_buf)PLM_BUF_INIT(max);
}

void plm_buf_done(struct plm_buf *b)
{
	free(b->data);
	*b = (struct plm_buf)PLM_BUF_INIT(b->max);
}

void plm_buf_reset(struct plm_buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

char *plm_buf_room(struct plm_buf *b, size_t len)
{
	if (b->failed || len > b->max || b->len > b->max - len) {
		b->failed = true;
		return NULL;
	}
	size_t need = b->len + len + 1;
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap < need)
			cap *= 2;
		char *data = realloc(b->data, cap);
		if (!data) {
			b->failed = true;
			return NULL;
		}
		b->data = data;
		b->cap = cap;
		data[b->len] = '\0';
	}
	return b->data + b->len;
}

void plm_buf_grown(struct plm_buf *b, size_t len)
{
	b->len += len;
	b->data[b->len] = '\0';
}

void plm_buf_add(struct plm_buf *b, const void *data, size_t len)
{
	char *room = plm_buf_room(b, len);
	if (!room)
		return;
	if (len)
		memcpy(room, data, len);
	plm_buf_grown(b, len);
}

void plm_buf_adds(struct plm_buf *b, const char *s)
{
	plm_buf_add(b, s, strlen(s));
}

void plm_buf_vaddf(struct plm_buf *b, const char *fmt, va_list ap)
{
	char small[256];
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(small, sizeof(small), fmt, ap);
	if (len < 0) {
		b->failed = true;
	} else if ((size_t)len < sizeof(small)) {
		plm_buf_add(b, small, (size_t)len);
	} else {
		char *room = plm_buf_room(b, (size_t)len);
		if (room) {
			(void)vsnprintf(room, (size_t)len + 1, fmt, again);
			plm_buf_grown(b, (size_t)len);
		}
	}
	va_end(again);
}

void plm_buf_addf(struct plm_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	plm_buf_vaddf(b, fmt, ap);
	va_end(ap);
}

const char *plm_buf_text(const struct plm_buf *b)
{
	return b->data ? b->data : "";
}
