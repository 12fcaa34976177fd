/* SPDX-License-Identifier: Apache-2.0
 * Requests over the daemon's Unix socket, and what their failures mean to the user. */
#include "cli/client.h"

#include <errno.h>
#include <string.h>

#include "base/http.h"

#define BASE "http://localhost/api/v1/"

void plm_client_path_add(struct plm_client_path *p, const char *text, bool is_escaped)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	for (; *text; text++) {
		bool is_plain = !is_escaped || strchr(plain, *text);
		if (p->len + 4 > sizeof(p->text)) {
			p->is_too_long = true;
			return;
		}
		p->len += (size_t)snprintf(p->text + p->len, 4, is_plain ? "%c" : "%%%02X", (unsigned char)*text);
	}
}

void plm_client_path_begin(struct plm_client_path *p, const char *path)
{
	*p = (struct plm_client_path){ .len = 0 };
	plm_client_path_add(p, BASE, false);
	plm_client_path_add(p, path, false);
}

void plm_client_path_query(struct plm_client_path *p, const char *name, const char *value)
{
	plm_client_path_add(p, p->has_query ? "&" : "?", false);
	p->has_query = true;
	plm_client_path_add(p, name, false);
	plm_client_path_add(p, "=", false);
	plm_client_path_add(p, value, true);
}

static int explain_failure(const struct plm_cli *cli, int r, const struct plm_err *err)
{
	switch (-r) {
	case ECONNREFUSED:
		plm_cli_say(cli, "no daemon listens on %s; start plimsolld, or name its socket with --socket",
			    cli->socket);
		return PLM_EXIT_NO_DAEMON;
	case EACCES:
		plm_cli_say(cli, "%s may not be opened by this user; join the socket's group or become root",
			    cli->socket);
		return PLM_EXIT_PRIVILEGE;
	case ETIMEDOUT:
		plm_cli_say(cli, "the daemon on %s did not answer in time", cli->socket);
		return PLM_EXIT_FAILED;
	case EMSGSIZE:
		plm_cli_say(cli, "the daemon's answer is larger than %u MiB", PLM_CLIENT_MAX_BODY >> 20);
		return PLM_EXIT_FAILED;
	default:
		plm_cli_say(cli, "%s", plm_err_text(err));
		return PLM_EXIT_FAILED;
	}
}

/* cJSON bounds the nesting itself; the size is bounded by PLM_CLIENT_MAX_BODY, above what documents may have. */
static cJSON *parse(const struct plm_buf *body)
{
	cJSON *doc = cJSON_ParseWithLength(plm_buf_text(body), body->len);
	if (doc && !cJSON_IsObject(doc)) {
		cJSON_Delete(doc);
		doc = NULL;
	}
	return doc;
}

static int request(const struct plm_cli *cli, const struct plm_client_path *path, const char *method, const char *json,
		   struct plm_buf *ret_body, cJSON **ret_doc)
{
	struct plm_err err = PLM_ERR_INIT;
	struct plm_buf own = PLM_BUF_INIT(PLM_CLIENT_MAX_BODY), *body = ret_body ? ret_body : &own;
	cJSON *doc = NULL;
	int code = PLM_EXIT_FAILED;
	if (path->is_too_long) {
		plm_cli_say(cli, "the request is longer than %zu bytes", sizeof(path->text));
		return PLM_EXIT_USAGE;
	}
	struct plm_http_request req = { .unix_socket = cli->socket, .method = method, .url = path->text, .body = json };
	int r = plm_http(&req, body, &err);
	if (r < 0) {
		code = explain_failure(cli, r, &err);
	} else if (!(doc = parse(body))) {
		plm_cli_say(cli, "the daemon on %s answered with status %d and something that is no JSON object",
			    cli->socket, r);
	} else if (r >= 300) {
		const char *message = plm_cell_string(doc, "error.message");
		if (message)
			plm_cli_say(cli, "%s", message);
		else
			plm_cli_say(cli, "the daemon answered with status %d", r);
	} else {
		code = PLM_EXIT_OK;
		if (ret_doc) {
			*ret_doc = doc;
			doc = NULL;
		}
	}
	cJSON_Delete(doc);
	plm_buf_done(&own);
	return code;
}

int plm_client_get(const struct plm_cli *cli, const struct plm_client_path *path, struct plm_buf *body, cJSON **ret_doc)
{
	return request(cli, path, "GET", NULL, body, ret_doc);
}

int plm_client_post(const struct plm_cli *cli, const struct plm_client_path *path, const char *json,
		    struct plm_buf *body, cJSON **ret_doc)
{
	return request(cli, path, "POST", json, body, ret_doc);
}

int plm_client_try(const char *socket, const char *path, long timeout_ms, cJSON **ret_doc)
{
	struct plm_client_path p;
	struct plm_buf body = PLM_BUF_INIT(PLM_CLIENT_MAX_BODY);
	plm_client_path_begin(&p, path);
	struct plm_http_request req = {
		.unix_socket = socket, .method = "GET", .url = p.text, .timeout_ms = timeout_ms
	};
	int r = plm_http(&req, &body, NULL);
	cJSON *doc = r >= 200 && r < 300 ? parse(&body) : NULL;
	plm_buf_done(&body);
	if (r < 0)
		return r;
	if (!doc)
		return -EPROTO;
	*ret_doc = doc;
	return 0;
}

void plm_client_print(const struct plm_cli *cli, const struct plm_buf *body)
{
	const char *text = plm_buf_text(body);
	fputs(text, cli->out);
	if (body->len == 0 || text[body->len - 1] != '\n')
		fputc('\n', cli->out);
}

int plm_client_list(const struct plm_cli *cli, const struct plm_client_path *path, const char *array,
		    const struct plm_column *columns, size_t n_columns)
{
	struct plm_buf body = PLM_BUF_INIT(PLM_CLIENT_MAX_BODY);
	cJSON *doc = NULL;
	int code = plm_client_get(cli, path, &body, &doc);
	if (code == PLM_EXIT_OK && cli->output == PLM_OUTPUT_JSON) {
		plm_client_print(cli, &body);
	} else if (code == PLM_EXIT_OK) {
		const cJSON *rows = cJSON_GetObjectItemCaseSensitive(doc, array), *row;
		struct plm_table t;
		if (!cJSON_IsArray(rows)) {
			plm_cli_say(cli, "the daemon's answer has no list \"%s\"", array);
			code = PLM_EXIT_FAILED;
		} else {
			plm_table_begin(&t, cli, columns, n_columns);
			cJSON_ArrayForEach(row, rows) plm_table_add(&t, row);
			int r = plm_table_end(&t);
			if (r < 0) {
				plm_cli_say(cli,
					    r == -E2BIG ? "only the first %d rows are shown"
							: "not enough memory for %d rows",
					    r == -E2BIG ? PLM_TABLE_MAX_ROWS : cJSON_GetArraySize(rows));
				code = PLM_EXIT_FAILED;
			}
		}
	}
	cJSON_Delete(doc);
	plm_buf_done(&body);
	return code;
}
