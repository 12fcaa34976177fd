/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

int plm_err_set(struct plm_err *err, int code, const char *where, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		char msg[sizeof(err->msg)]; /* an argument may point into *err */
		va_start(ap, fmt);
		(void)vsnprintf(msg, sizeof(msg), fmt, ap);
		va_end(ap);
		err->code = code;
		if (where != err->where)
			(void)plm_strcpy(err->where, sizeof(err->where), where ? where : "");
		memcpy(err->msg, msg, sizeof(msg));
	}
	return -code;
}

int plm_err_wrap(struct plm_err *err, const char *fmt, ...)
{
	if (!err)
		return -EIO;
	va_list ap;
	char context[256], msg[sizeof(err->msg)];
	va_start(ap, fmt);
	(void)vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	memcpy(msg, err->msg, sizeof(msg));
	(void)plm_strcpy(err->msg, sizeof(err->msg), context);
	size_t at = strlen(err->msg);
	(void)snprintf(err->msg + at, sizeof(err->msg) - at, ": %s", msg);
	return err->code > 0 ? -err->code : -EIO;
}

const char *plm_err_text(const struct plm_err *err)
{
	static _Thread_local char text[sizeof(err->where) + sizeof(err->msg) + 4];
	if (err->where[0])
		(void)snprintf(text, sizeof(text), "%s: %s", err->where, err->msg);
	else
		(void)snprintf(text, sizeof(text), "%s", err->msg);
	return text;
}
