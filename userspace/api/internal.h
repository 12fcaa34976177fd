/* SPDX-License-Identifier: Apache-2.0
 * What the files of api/ share; private to them and their tests. */
#ifndef PLM_API_INTERNAL_H
#define PLM_API_INTERNAL_H

#include <sys/types.h>

#include "api/api.h"
#include "base/json.h"

#define PLM_API_VERSION 1
#define PLM_API_MAX_RESPONSE (64u << 20) /* one answer; /metrics of 10,000 tasks has 44 MB */
#define PLM_API_MAX_DESIRED 100000       /* tasks of one service that can be asked for by hand */
#define PLM_API_MAX_ACTIVITIES 1000
#define PLM_API_DEFAULT_ACTIVITIES 50

/* One request on its way through a handler. */
struct plm_api_call {
	const struct plm_control_ops *control;
	void *control_ctx;
	const struct plm_api_request *req;
	const struct plm_view *view;
	char name[PLM_NAME_MAX]; /* the path's variable part, decoded; "" = none */
};

/* Replaces the answer by {"api_version":1,"error":{"code","message"}}. */
void plm_api_error(struct plm_api_response *ret, int status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* --- query.c --- */

/* Undoes %XX (and + when `is_query`). 0, -EINVAL (bad escape, NUL byte) or -ENAMETOOLONG. */
int plm_api_decode(const char *text, size_t len, bool is_query, char *ret, size_t size);
/* Value of a parameter: 1 = given, 0 = not given, or an error of plm_api_decode(). `query` may be NULL. */
int plm_api_param(const char *query, const char *name, char *ret, size_t size);
/* The first parameter that is not in the NULL-terminated list, as written, into ret. false = all are known. */
bool plm_api_unknown_param(const char *query, const char *const *known, char *ret, size_t size);

/* --- json_model.c, json_host.c: write the members of the answer's object --- */

void plm_api_json_services(const struct plm_view *view, struct plm_jw *w);
void plm_api_json_tasks(const struct plm_view *view, const char *service, struct plm_jw *w); /* "" = all */
void plm_api_json_policies(const struct plm_view *view, struct plm_jw *w);
void plm_api_json_host(const struct plm_view *view, struct plm_jw *w);

/* --- page.c --- */

void plm_api_page(const struct plm_view *view, struct plm_buf *out);
/* Readiness in words: true = ready; one line per fact or reason. */
bool plm_api_readiness(const struct plm_view *view, struct plm_buf *out);

/* --- listen.c --- */

struct plm_listen_tcp {
	int port;         /* really bound */
	bool is_loopback; /* only this host can reach it */
};
/* A listening, non-blocking socket. `address`: "127.0.0.1:17546", "[::1]:0", "localhost:80"; ":80" = every address. */
int plm_listen_tcp(const char *address, int *ret_fd, struct plm_listen_tcp *ret, struct plm_err *err);

struct plm_listen_unix { /* which file is ours */
	dev_t dev;
	ino_t ino;
};
/* Likewise at `path`, mode 0660; its folder must exist. Replaces a socket that nobody listens on.
 * -EADDRINUSE when somebody does, -ENOTSOCK when something else is there, -ENAMETOOLONG. */
int plm_listen_unix(const char *path, int *ret_fd, struct plm_listen_unix *ret, struct plm_err *err);
/* Removes the socket file unless another has taken its place. */
void plm_listen_unix_remove(const char *path, const struct plm_listen_unix *ours);

/* Whether a Host header names this host itself: localhost, 127.0.0.0/8 or [::1], with or without a port. */
bool plm_host_is_loopback(const char *host);

#endif
