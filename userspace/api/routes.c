/* SPDX-License-Identifier: Apache-2.0
 *
 * One request in, one answer out, apart from any socket. The table below is the whole surface; everything under
 * /api/v1 answers in JSON, errors everywhere do.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/num.h"

static const char content_json[] = "application/json";
static const char content_text[] = "text/plain; charset=utf-8";
static const char content_html[] = "text/html; charset=utf-8";

void plm_api_error(struct plm_api_response *ret, int status, const char *code, const char *fmt, ...)
{
	char message[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	plm_buf_reset(&ret->body);
	ret->status = status;
	ret->content_type = content_json;
	struct plm_jw w;
	plm_jw_init(&w, &ret->body);
	plm_jw_obj(&w, NULL);
	plm_jw_i64(&w, "api_version", PLM_API_VERSION);
	plm_jw_obj(&w, "error");
	plm_jw_str(&w, "code", code);
	plm_jw_str(&w, "message", message);
	plm_jw_end_obj(&w);
	plm_jw_end_obj(&w);
	plm_buf_adds(&ret->body, "\n");
}

static void begin_json(struct plm_api_response *ret, struct plm_jw *w)
{
	ret->content_type = content_json;
	plm_jw_init(w, &ret->body);
	plm_jw_obj(w, NULL);
	plm_jw_i64(w, "api_version", PLM_API_VERSION);
}

static void end_json(struct plm_api_response *ret, struct plm_jw *w)
{
	plm_jw_end_obj(w);
	plm_buf_adds(&ret->body, "\n");
}

/* --- parameters: each returns false after it has written the error --- */

/* The value of a parameter, "" when not given. */
static bool text_param(const struct plm_api_call *call, const char *name, char *value, size_t size,
		       struct plm_api_response *ret)
{
	value[0] = '\0';
	int r = plm_api_param(call->req->query, name, value, size);
	if (r >= 0)
		return true;
	if (r == -ENAMETOOLONG)
		plm_api_error(ret, 400, "invalid_parameter", "%s: at most %zu bytes", name, size - 1);
	else
		plm_api_error(ret, 400, "invalid_parameter", "%s: bad percent escape", name);
	return false;
}

static bool number_param(const struct plm_api_call *call, const char *name, uint64_t min, uint64_t max, uint64_t *value,
			 struct plm_api_response *ret)
{
	char text[32];
	if (!text_param(call, name, text, sizeof(text), ret))
		return false;
	if (!text[0] || plm_parse_u64(text, min, max, value) == 0)
		return true;
	plm_api_error(ret, 400, "invalid_parameter", "%s: \"%s\" is not a whole number from %" PRIu64 " to %" PRIu64,
		      name, text, min, max);
	return false;
}

/* --- handlers --- */

static void get_page(const struct plm_api_call *call, struct plm_api_response *ret)
{
	ret->content_type = content_html;
	plm_api_page(call->view, &ret->body);
}

static void get_metrics(const struct plm_api_call *call, struct plm_api_response *ret)
{
	int r = call->control->metrics(call->control_ctx, call->view, call->req->accept, &ret->content_type,
				       &ret->body);
	if (r == -EMSGSIZE)
		plm_api_error(ret, 500, "too_large", "the metrics do not fit into %u bytes", PLM_API_MAX_RESPONSE);
	else if (r != 0)
		plm_api_error(ret, 500, "internal", "%s", strerror(-r));
}

static void get_healthz(const struct plm_api_call *call, struct plm_api_response *ret)
{
	(void)call;
	ret->content_type = content_text;
	plm_buf_adds(&ret->body, "ok\n");
}

static void get_readyz(const struct plm_api_call *call, struct plm_api_response *ret)
{
	ret->content_type = content_text;
	ret->status = plm_api_readiness(call->view, &ret->body) ? 200 : 503;
}

static void get_services(const struct plm_api_call *call, struct plm_api_response *ret)
{
	struct plm_jw w;
	begin_json(ret, &w);
	plm_api_json_services(call->view, &w);
	end_json(ret, &w);
}

static bool is_service(const struct plm_view *view, const char *name)
{
	return view->cluster && plm_cluster_service(view->cluster, name);
}

static void get_tasks(const struct plm_api_call *call, struct plm_api_response *ret)
{
	char service[PLM_NAME_MAX];
	if (!text_param(call, "service", service, sizeof(service), ret))
		return;
	if (service[0] && !is_service(call->view, service)) {
		plm_api_error(ret, 404, "not_found", "no service \"%s\"", service);
		return;
	}
	struct plm_jw w;
	begin_json(ret, &w);
	plm_api_json_tasks(call->view, service, &w);
	end_json(ret, &w);
}

static void get_policies(const struct plm_api_call *call, struct plm_api_response *ret)
{
	struct plm_jw w;
	begin_json(ret, &w);
	plm_api_json_policies(call->view, &w);
	end_json(ret, &w);
}

static void get_activities(const struct plm_api_call *call, struct plm_api_response *ret)
{
	char service[PLM_NAME_MAX];
	uint64_t max = PLM_API_DEFAULT_ACTIVITIES, with_not_scaled = 0;
	if (!text_param(call, "service", service, sizeof(service), ret) ||
	    !number_param(call, "max", 1, PLM_API_MAX_ACTIVITIES, &max, ret) ||
	    !number_param(call, "include_not_scaled", 0, 1, &with_not_scaled, ret))
		return;
	struct plm_err err = PLM_ERR_INIT;
	struct plm_jw w;
	begin_json(ret, &w);
	plm_jw_arr(&w, "activities");
	int r = call->control->activities(call->control_ctx, service, with_not_scaled == 1, (int)max, &w, &err);
	plm_jw_end_arr(&w);
	end_json(ret, &w);
	if (r < 0)
		plm_api_error(ret, 500, "state_failed", "%s", err.code ? plm_err_text(&err) : strerror(-r));
}

static void get_explain(const struct plm_api_call *call, struct plm_api_response *ret)
{
	char service[PLM_NAME_MAX], at[64];
	plm_ns at_wall = 0;
	if (!text_param(call, "service", service, sizeof(service), ret) || !text_param(call, "at", at, sizeof(at), ret))
		return;
	if (!service[0]) {
		plm_api_error(ret, 400, "invalid_parameter", "service: required, the name of a service");
		return;
	}
	if (at[0] && plm_time_parse(at, &at_wall) != 0) {
		plm_api_error(ret, 400, "invalid_parameter",
			      "at: \"%s\" is no time; RFC 3339 (2026-03-01T12:00:00Z) or whole seconds since the epoch",
			      at);
		return;
	}
	struct plm_err err = PLM_ERR_INIT;
	struct plm_jw w;
	begin_json(ret, &w);
	plm_jw_obj(&w, "decision");
	int r = call->control->explain(call->control_ctx, service, at_wall, &w, &err);
	plm_jw_end_obj(&w);
	end_json(ret, &w);
	if (r == -ENOENT)
		plm_api_error(ret, 404, "not_found", "%s%s%s%s",
			      err.code ? plm_err_text(&err) : "no decision is recorded for service \"",
			      err.code ? "" : service, err.code ? "" : "\"",
			      !err.code && at[0] ? " at or before that time" : "");
	else if (r < 0)
		plm_api_error(ret, 500, "state_failed", "%s", err.code ? plm_err_text(&err) : strerror(-r));
}

static void get_host(const struct plm_api_call *call, struct plm_api_response *ret)
{
	struct plm_jw w;
	begin_json(ret, &w);
	plm_api_json_host(call->view, &w);
	end_json(ret, &w);
}

/* {"desired":N}. false after it has written the error. */
static bool parse_desired(const struct plm_api_request *req, int64_t *ret_desired, struct plm_api_response *ret)
{
	static const char *const known[] = { "desired", NULL };
	struct plm_err err = PLM_ERR_INIT;
	cJSON *doc = NULL;
	int r = plm_json_parse(req->body ? req->body : "", req->body_len, 0, "body", &doc, &err);
	if (r == 0) {
		struct plm_json_at at = plm_json_root("body");
		r = cJSON_IsObject(doc) ? plm_json_only(doc, &at, known, &err)
					: plm_json_err(&err, &at, NULL, "must be an object: {\"desired\": N}");
		if (r >= 0)
			r = plm_json_int(doc, &at, "desired", true, 0, PLM_API_MAX_DESIRED, ret_desired, &err);
		cJSON_Delete(doc);
	}
	if (r < 0)
		plm_api_error(ret, 400, "invalid_body", "%s", plm_err_text(&err));
	return r >= 0;
}

static void scale_failed(struct plm_api_response *ret, int r, const char *service, const struct plm_err *err)
{
	const char *text = err->code ? plm_err_text(err) : NULL;
	if (r == -ENOENT && !text)
		plm_api_error(ret, 404, "not_found", "no service \"%s\"", service);
	else if (r == -ENOENT)
		plm_api_error(ret, 404, "not_found", "%s", text);
	else if (r == -EPERM)
		plm_api_error(ret, 409, "not_scalable", "%s", text ? text : "this service is never scaled");
	else if (r == -EINVAL)
		plm_api_error(ret, 400, "invalid_body", "%s", text ? text : "the backend refuses this desired count");
	else
		plm_api_error(ret, 502, "backend_failed", "%s", text ? text : strerror(-r));
}

static void post_desired(const struct plm_api_call *call, struct plm_api_response *ret)
{
	int64_t desired = 0;
	if (!call->req->is_trusted) {
		plm_api_error(ret, 403, "read_only", "changes are taken over the Unix socket only");
		return;
	}
	if (!parse_desired(call->req, &desired, ret))
		return;
	const struct plm_service *s = call->view->cluster ? plm_cluster_service(call->view->cluster, call->name) : NULL;
	bool was_known = s != NULL;
	int before = was_known ? s->desired : 0;
	const char *actor = call->req->actor ? call->req->actor : "unknown";
	struct plm_err err = PLM_ERR_INIT;
	int r = call->control->scale(call->control_ctx, call->name, (int)desired, actor, &err);
	if (r < 0) {
		plm_log(PLM_LOG_WARN, "api", "service \"%s\" not set to %d tasks for %s: %s", call->name, (int)desired,
			actor, err.code ? plm_err_text(&err) : strerror(-r));
		scale_failed(ret, r, call->name, &err);
		return;
	}
	struct plm_jw w;
	begin_json(ret, &w);
	plm_jw_str(&w, "service", call->name);
	if (was_known)
		plm_jw_i64(&w, "from", before);
	else
		plm_jw_null(&w, "from");
	plm_jw_i64(&w, "desired", desired);
	plm_jw_bool(&w, "dry_run", r == 1);
	end_json(ret, &w);
}

/* --- the surface --- */

struct route {
	const char *path; /* one * stands for one path segment, which goes into call.name */
	const char *methods;
	/* NULL-ended; NULL = any: scrapers may be set up with parameters meant for other exporters */
	const char *const *params;
	void (*handle)(const struct plm_api_call *call, struct plm_api_response *ret);
};

static const char *const no_params[] = { NULL };
static const char *const tasks_params[] = { "service", NULL };
static const char *const activities_params[] = { "service", "include_not_scaled", "max", NULL };
static const char *const explain_params[] = { "service", "at", NULL };

static const struct route routes[] = {
	{ "/", "GET, HEAD", no_params, get_page },
	{ "/metrics", "GET, HEAD", NULL, get_metrics },
	{ "/healthz", "GET, HEAD", NULL, get_healthz },
	{ "/readyz", "GET, HEAD", NULL, get_readyz },
	{ "/api/v1/services", "GET, HEAD", no_params, get_services },
	{ "/api/v1/tasks", "GET, HEAD", tasks_params, get_tasks },
	{ "/api/v1/policies", "GET, HEAD", no_params, get_policies },
	{ "/api/v1/activities", "GET, HEAD", activities_params, get_activities },
	{ "/api/v1/explain", "GET, HEAD", explain_params, get_explain },
	{ "/api/v1/host", "GET, HEAD", no_params, get_host },
	{ "/api/v1/services/*/desired", "POST", no_params, post_desired },
};

/* Whether `path` is this pattern; the text that * stands for goes to *ret_part (NULL without one). */
static bool path_is(const char *pattern, const char *path, const char **ret_part, size_t *ret_len)
{
	const char *star = strchr(pattern, '*');
	*ret_part = NULL;
	*ret_len = 0;
	if (!star)
		return strcmp(pattern, path) == 0;
	size_t before = (size_t)(star - pattern);
	if (strncmp(pattern, path, before) != 0)
		return false;
	*ret_part = path + before;
	*ret_len = strcspn(*ret_part, "/");
	return *ret_len && strcmp(star + 1, *ret_part + *ret_len) == 0;
}

/* Whether `method` is one of the words of "GET, HEAD". */
static bool method_is_in(const char *methods, const char *method)
{
	size_t len = strlen(method), word_len;
	for (const char *word = methods; *word; word += word_len + strspn(word + word_len, ", ")) {
		word_len = strcspn(word, ", ");
		if (word_len == len && memcmp(word, method, len) == 0)
			return true;
	}
	return false;
}

static void run(const struct route *route, struct plm_api_call *call, const char *part, size_t part_len,
		struct plm_api_response *ret)
{
	char unknown[64];
	if (part && plm_api_decode(part, part_len, false, call->name, sizeof(call->name)) != 0) {
		plm_api_error(ret, 400, "invalid_path",
			      "the service's name has a bad percent escape or more than %d bytes", PLM_NAME_MAX - 1);
		return;
	}
	if (route->params && plm_api_unknown_param(call->req->query, route->params, unknown, sizeof(unknown))) {
		plm_api_error(ret, 400, "invalid_parameter", "%s: no such parameter of %s", unknown, route->path);
		return;
	}
	call->view = call->control->view(call->control_ctx);
	if (!call->view) {
		plm_api_error(ret, 503, "not_ready", "the daemon has not finished its first pass");
		return;
	}
	route->handle(call, ret);
}

void plm_api_handle(const struct plm_control_ops *control, void *control_ctx, const struct plm_api_request *req,
		    struct plm_api_response *ret)
{
	*ret = (struct plm_api_response){ .status = 200, .body = PLM_BUF_INIT(PLM_API_MAX_RESPONSE) };
	struct plm_api_call call = { .control = control, .control_ctx = control_ctx, .req = req };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(routes); i++) {
		const char *part;
		size_t part_len;
		if (!path_is(routes[i].path, req->path, &part, &part_len))
			continue;
		if (method_is_in(routes[i].methods, req->method)) {
			run(&routes[i], &call, part, part_len, ret);
		} else {
			plm_api_error(ret, 405, "method_not_allowed", "%.32s is not allowed here; %s is", req->method,
				      routes[i].methods);
			ret->allow = routes[i].methods;
		}
		if (ret->body.failed)
			plm_api_error(ret, 500, "too_large", "the answer does not fit into memory");
		return;
	}
	plm_api_error(ret, 404, "not_found", "nothing at %.200s; the start page / lists what there is", req->path);
}
