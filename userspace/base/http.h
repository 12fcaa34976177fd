/* SPDX-License-Identifier: Apache-2.0
 * Blocking HTTP client for the command line: over a Unix socket or TCP, with deadline and body cap. */
#ifndef PLM_BASE_HTTP_H
#define PLM_BASE_HTTP_H

#include "base/buf.h"
#include "base/err.h"

struct plm_http_request {
	const char *unix_socket; /* NULL = TCP */
	const char *method;      /* "GET", "POST", … */
	const char *url;         /* "http://localhost/api/v1/…" */
	const char *body;        /* NULL = none; sent as application/json */
	long timeout_ms;         /* 0 = 5,000 */
};

/* Appends the answer's body to `body` (its max is the cap). Returns the HTTP status (100…599) or -errno:
 * -ECONNREFUSED when nobody listens (also for a missing socket file), -EACCES, -ETIMEDOUT, -EMSGSIZE, -EIO. */
int plm_http(const struct plm_http_request *req, struct plm_buf *body, struct plm_err *err);

#endif
