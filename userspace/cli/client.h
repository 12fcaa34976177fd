/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's API from the command line. Calls say what went wrong on cli->err and return the exit code for it:
 * PLM_EXIT_NO_DAEMON when nobody listens, PLM_EXIT_PRIVILEGE when the socket may not be opened, else PLM_EXIT_FAILED.
 */
#ifndef PLM_CLI_CLIENT_H
#define PLM_CLI_CLIENT_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/table.h"

#define PLM_CLIENT_MAX_BODY (64u << 20) /* the largest answer taken; 10,000 tasks have about 8 MiB */

/* A path under /api/v1 with query parameters. */
struct plm_client_path {
	char text[2048];
	size_t len;
	bool has_query, is_too_long;
};
void plm_client_path_begin(struct plm_client_path *p, const char *path); /* "services" */
void plm_client_path_add(struct plm_client_path *p, const char *text, bool is_escaped);
void plm_client_path_query(struct plm_client_path *p, const char *name, const char *value);

/* GET. *ret_doc is the parsed answer (cJSON_Delete), `body` its bytes; both may be NULL. */
int plm_client_get(const struct plm_cli *cli, const struct plm_client_path *path, struct plm_buf *body,
		   cJSON **ret_doc);
int plm_client_post(const struct plm_cli *cli, const struct plm_client_path *path, const char *json,
		    struct plm_buf *body, cJSON **ret_doc);
/* The same without messages, for views that go on without a daemon. 0 or -errno (-EPROTO: an error answer). */
int plm_client_try(const char *socket, const char *path, long timeout_ms, cJSON **ret_doc);

/* The answer as it came, for -o json. */
void plm_client_print(const struct plm_cli *cli, const struct plm_buf *body);
/* GETs a list and prints the member `array` of the answer in the form that the user wants. */
int plm_client_list(const struct plm_cli *cli, const struct plm_client_path *path, const char *array,
		    const struct plm_column *columns, size_t n_columns);

#endif
