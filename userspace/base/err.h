/* SPDX-License-Identifier: Apache-2.0
 *
 * One error, for a person to act on: a code, where it happened and one sentence.
 *
 * Functions return 0 or a negative errno; those that take a `struct plm_err *` also fill it when they
 * fail. Outputs stay untouched on failure. A NULL error is always allowed.
 */
#ifndef PLM_BASE_ERR_H
#define PLM_BASE_ERR_H

struct plm_err {
	int code;        /* positive errno; 0 = no error */
	char where[256]; /* file and field path, or method and URL; may be "" */
	char msg[512];   /* one sentence without a full stop at the end */
};

#define PLM_ERR_INIT      \
	{                 \
		.code = 0 \
	}

/* Sets the error and returns -code. `where` may be NULL. */
int plm_err_set(struct plm_err *err, int code, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "context: " in front of the message; keeps code and where. Returns -err->code (or -EIO without an err). */
int plm_err_wrap(struct plm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "where: msg" in a static per-thread buffer, for logging. Never NULL. */
const char *plm_err_text(const struct plm_err *err);

#endif
