/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/http.h"
#include "base/json.h"
#include "base/num.h"

#define ANSWER_MAX (1u << 20)
#define TIMEOUT_MS 2000

static int get(const char *socket, const char *path, struct plm_buf *body, struct plm_err *err)
{
	char url[256];
	const struct plm_http_request req = {
		.unix_socket = socket, .method = "GET", .url = url, .timeout_ms = TIMEOUT_MS
	};

	snprintf(url, sizeof(url), "http://localhost%s", path);
	return plm_http(&req, body, err);
}

static int get_json(const char *socket, const char *path, cJSON **ret, struct plm_err *err)
{
	struct plm_buf body = PLM_BUF_INIT(ANSWER_MAX);
	int r = get(socket, path, &body, err);

	if (r >= 0 && r != 200)
		r = plm_err_set(err, EIO, path, "the daemon answers status %d", r);
	if (r >= 0)
		r = plm_json_parse(plm_buf_text(&body), body.len, 0, path, ret, err);
	plm_buf_done(&body);
	return r;
}

static double number(const cJSON *obj, const char *key, double fallback)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

	return cJSON_IsNumber(v) ? v->valuedouble : fallback;
}

static void text(const cJSON *obj, const char *key, char *ret, size_t size)
{
	const char *v = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(obj, key));

	(void)plm_strcpy(ret, size, v ? v : "");
}

int plm_watch_ready(const char *socket, struct plm_err *err)
{
	struct plm_buf body = PLM_BUF_INIT(ANSWER_MAX);
	int r = get(socket, "/readyz", &body, err);

	plm_buf_done(&body);
	if (r == 200)
		return 0;
	return r >= 0 || r == -ECONNREFUSED || r == -ETIMEDOUT ? -EAGAIN : r;
}

int plm_watch_read_service(const char *socket, const char *service, struct plm_watch_service *ret, struct plm_err *err)
{
	cJSON *doc;
	const cJSON *item;
	char name[64];
	int r = get_json(socket, "/api/v1/services", &doc, err);

	if (r < 0)
		return r;
	r = plm_err_set(err, ENOENT, "/api/v1/services", "no service \"%s\"", service);
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(doc, "services"))
	{
		text(item, "service", name, sizeof(name));
		if (strcmp(name, service) != 0)
			continue;
		ret->desired = (int)number(item, "desired", -1);
		ret->running = (int)number(item, "running", -1);
		ret->cpu_percent = number(item, "cpu_utilization_percent", NAN);
		text(item, "reason", ret->reason, sizeof(ret->reason));
		r = 0;
	}
	cJSON_Delete(doc);
	return r;
}

int plm_watch_read_host(const char *socket, struct plm_watch_host *ret, struct plm_err *err)
{
	const cJSON *host, *self;
	cJSON *doc;
	int r = get_json(socket, "/api/v1/host", &doc, err);

	if (r < 0)
		return r;
	host = cJSON_GetObjectItemCaseSensitive(doc, "host");
	self = cJSON_GetObjectItemCaseSensitive(doc, "self");
	text(host, "rung", ret->rung, sizeof(ret->rung));
	text(host, "rung_name", ret->rung_name, sizeof(ret->rung_name));
	text(host, "kernel", ret->kernel, sizeof(ret->kernel));
	text(host, "cgroup_mode", ret->cgroup_mode, sizeof(ret->cgroup_mode));
	ret->cpu_seconds = number(self, "cpu_seconds", NAN);
	ret->resident_bytes = (uint64_t)number(self, "resident_bytes", 0);
	cJSON_Delete(doc);
	return 0;
}

int plm_watch_read_activities(const char *socket, const char *service, struct plm_watch_activity *ret, size_t *ret_n,
			      struct plm_err *err)
{
	const cJSON *list;
	char path[160], when[64];
	size_t n = 0;
	cJSON *doc;
	int r;

	snprintf(path, sizeof(path), "/api/v1/activities?service=%s&include_not_scaled=0", service);
	r = get_json(socket, path, &doc, err);
	if (r < 0)
		return r;
	list = cJSON_GetObjectItemCaseSensitive(doc, "activities");
	for (int i = cJSON_GetArraySize(list) - 1; i >= 0 && n < PLM_WATCH_MAX_ACTIVITIES; i--) {
		const cJSON *item = cJSON_GetArrayItem(list, i);
		struct plm_watch_activity a = { .from = (int)number(item, "from", -1),
						.to = (int)number(item, "to", -1) };

		text(item, "activity_id", a.id, sizeof(a.id));
		text(item, "cause", a.cause, sizeof(a.cause));
		text(item, "start_time", when, sizeof(when));
		if (plm_time_parse(when, &a.wall) == 0 && a.from >= 0 && a.to >= 0)
			ret[n++] = a;
	}
	*ret_n = n;
	cJSON_Delete(doc);
	return 0;
}
