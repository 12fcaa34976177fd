/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's HTTP: one server, two doors. TCP (loopback by default) is read-only; the Unix socket (0660)
 * takes everything. Runs inside the event loop; no threads.
 */
#ifndef PLM_API_API_H
#define PLM_API_API_H

#include "base/err.h"
#include "base/loop.h"
#include "model/view.h"

struct plm_api_cfg {
	const char *listen_address; /* "127.0.0.1:17546", "[::1]:0"; "" = no TCP */
	const char *socket;         /* path; a dead one is replaced, a live one is an error; "" = none */
	struct plm_loop *loop;
	const struct plm_control_ops *control;
	void *control_ctx;
};
#define PLM_API_MAX_BODY (1u << 20)
#define PLM_API_MAX_CONNECTIONS 64
#define PLM_API_TIMEOUT_S 10

struct plm_api;
int plm_api_open(const struct plm_api_cfg *cfg, struct plm_api **ret, struct plm_err *err);
int plm_api_port(const struct plm_api *a); /* the TCP port really bound; 0 = none */
void plm_api_close(struct plm_api *a);     /* NULL-safe; removes the socket file */

/* One request, apart from any socket (tests and fuzzing call it): status and body. `is_trusted` = came over the
 * Unix socket; `actor` names the peer. `query` is the text after '?', may be NULL. */
struct plm_api_request {
	const char *method, *path, *query, *accept;
	const char *body;
	size_t body_len;
	bool is_trusted;
	const char *actor;
};
struct plm_api_response {
	int status;
	const char *content_type;
	const char *allow;   /* status 405: the methods that the path takes; else NULL */
	struct plm_buf body; /* the caller's to free with plm_buf_done() */
};
void plm_api_handle(const struct plm_control_ops *control, void *control_ctx, const struct plm_api_request *req,
		    struct plm_api_response *ret);

#endif
