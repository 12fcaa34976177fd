/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing byte buffer with a hard maximum chosen at init. Failure is sticky: after an allocation
 * fails or the maximum is hit, `failed` is set, further adds do nothing, and the caller checks once.
 * The content is always NUL-terminated (the NUL is not part of len).
 */
#ifndef PLM_BASE_BUF_H
#define PLM_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct plm_buf {
	char *data; /* NULL until the first add */
	size_t len, cap, max;
	bool failed;
};

#define PLM_BUF_INIT(max_bytes)                  \
	{                                        \
		.data = NULL, .max = (max_bytes) \
	}

void plm_buf_init(struct plm_buf *b, size_t max);
void plm_buf_done(struct plm_buf *b);  /* frees; NULL-safe on content */
void plm_buf_reset(struct plm_buf *b); /* len = 0, failed = false, memory kept */
void plm_buf_add(struct plm_buf *b, const void *data, size_t len);
void plm_buf_adds(struct plm_buf *b, const char *s);
void plm_buf_addf(struct plm_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void plm_buf_vaddf(struct plm_buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Makes room for `len` more bytes; returns where to write them, NULL on failure. Then plm_buf_grown(). */
char *plm_buf_room(struct plm_buf *b, size_t len);
void plm_buf_grown(struct plm_buf *b, size_t len);
/* The text, never NULL ("" when empty). */
const char *plm_buf_text(const struct plm_buf *b);

#endif
