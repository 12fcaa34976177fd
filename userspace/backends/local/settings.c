/* SPDX-License-Identifier: Apache-2.0
 * The configuration's `orchestrator` object and the documents it names. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/local/internal.h"
#include "base/num.h"

#define DEFAULT_PARENT "/plimsoll"
#define DEFAULT_PORT_MIN 32768 /* Linux's ephemeral range, where ECS takes dynamic host ports too */
#define DEFAULT_PORT_MAX 60999
#define PORT_LEAST 1024
#define PORT_MOST 65535
#define MAX_PATHS 64   /* entries of task_definitions and of services */
#define PARENT_MAX 200 /* leaves room for service and task id in PLM_PATH_MAX */

_Static_assert(PARENT_MAX + PLM_NAME_MAX + PLM_TASK_ID_MAX < PLM_PATH_MAX, "a task's cgroup path fits");

static const char *const members[] = { "type",    "task_definitions", "services",           "cgroup_parent",
				       "log_dir", "port_range",       "stop_tasks_on_exit", NULL };

/* `path` as seen from the folder of the configuration file that named it. */
static int resolve(const struct plm_json_at *at, const char *key, const char *path, char ret[PATH_MAX],
		   struct plm_err *err)
{
	const char *slash = at->file ? strrchr(at->file, '/') : NULL;
	int folder = path[0] == '/' || !slash ? 0 : (int)(slash - at->file) + 1;
	if (snprintf(ret, PATH_MAX, "%.*s%s", folder, folder ? at->file : "", path) >= PATH_MAX)
		return plm_json_err(err, at, key, "is a path of more than %d bytes", PATH_MAX - 1);
	return 0;
}

/* --- documents --- */

struct reading {
	struct plm_local_docs *docs;
	const char *cluster;
	bool is_services;
};

static int read_file(const struct reading *reading, const char *file, struct plm_err *err)
{
	cJSON *doc;
	int r = plm_json_load(file, PLM_JSON_COMMENTS, &doc, err);
	if (r != 0)
		return r;
	r = reading->is_services ? plm_local_add_services(doc, file, reading->cluster, reading->docs, err)
				 : plm_local_add_definitions(doc, file, reading->docs, err);
	cJSON_Delete(doc);
	return r;
}

static int is_json(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".json") == 0;
}

static int read_folder(const struct reading *reading, const char *folder, struct plm_err *err)
{
	struct dirent **list;
	int n = scandir(folder, &list, is_json, alphasort), r = 0;
	if (n < 0)
		return plm_err_set(err, errno, folder, "cannot read the folder: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];
		if (r == 0 && snprintf(file, sizeof(file), "%s/%s", folder, list[i]->d_name) >= (int)sizeof(file))
			r = plm_err_set(err, ENAMETOOLONG, folder, "the path of a file in it is too long");
		if (r == 0)
			r = read_file(reading, file, err);
		free(list[i]);
	}
	free(list);
	return r;
}

/* Every file or folder of the array `key`. A path that is not there is an error of the configuration. */
static int read_all(const struct plm_backend_cfg *cfg, const char *key, const struct reading *reading,
		    struct plm_err *err)
{
	const cJSON *array, *item;
	int i = 0, r = plm_json_arr(cfg->json, cfg->json_at, key, false, &array, err);
	if (r <= 0)
		return r;
	if (cJSON_GetArraySize(array) > MAX_PATHS)
		return plm_json_err(err, cfg->json_at, key,
				    "has %d entries; at most %d are allowed (an entry may be a folder)",
				    cJSON_GetArraySize(array), MAX_PATHS);
	struct plm_json_at list_at = plm_json_member(cfg->json_at, key);
	cJSON_ArrayForEach(item, array)
	{
		struct plm_json_at item_at = plm_json_item(&list_at, i++);
		char path[PATH_MAX];
		struct stat st;
		if (!cJSON_IsString(item) || !item->valuestring[0])
			return plm_json_err(err, &item_at, NULL, "must be the path of a file or folder");
		r = resolve(&item_at, NULL, item->valuestring, path, err);
		if (r != 0)
			return r;
		if (stat(path, &st) != 0)
			return plm_json_err(err, &item_at, NULL, "cannot read \"%.200s\": %s", path, strerror(errno));
		r = S_ISDIR(st.st_mode) ? read_folder(reading, path, err) : read_file(reading, path, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* --- members --- */

static int take_ports(const struct plm_backend_cfg *cfg, struct plm_local_settings *s, struct plm_err *err)
{
	const cJSON *range;
	int r = plm_json_arr(cfg->json, cfg->json_at, "port_range", false, &range, err);
	if (r <= 0)
		return r;
	const cJSON *first = cJSON_GetArrayItem(range, 0), *last = cJSON_GetArrayItem(range, 1);
	if (cJSON_GetArraySize(range) != 2 || !cJSON_IsNumber(first) || !cJSON_IsNumber(last) ||
	    first->valuedouble != (double)first->valueint || last->valuedouble != (double)last->valueint ||
	    first->valueint < PORT_LEAST || last->valueint > PORT_MOST || first->valueint > last->valueint)
		return plm_json_err(err, cfg->json_at, "port_range",
				    "must be [first, last], whole numbers from %d to %d", PORT_LEAST, PORT_MOST);
	s->port_min = first->valueint;
	s->port_max = last->valueint;
	return 0;
}

/* "/plimsoll", "/a/b": absolute, below the root, nothing to be resolved. */
static bool is_good_parent(const char *path)
{
	size_t len = strlen(path);
	if (path[0] != '/' || path[len - 1] == '/' || strchr(path, ' '))
		return false;
	for (const char *part = path; part; part = strchr(part + 1, '/'))
		if (part[1] == '/' || part[1] == '.')
			return false;
	return true;
}

static int take_members(const struct plm_backend_cfg *cfg, struct plm_local_settings *s, struct plm_err *err)
{
	const char *text = "";
	bool unused; /* the daemon acts on it */
	int r = plm_json_only(cfg->json, cfg->json_at, members, err);
	if (r == 0)
		r = plm_json_str(cfg->json, cfg->json_at, "cgroup_parent", false, 2, PARENT_MAX, &text, err);
	if (r == 1) {
		if (!is_good_parent(text))
			return plm_json_err(err, cfg->json_at, "cgroup_parent",
					    "is \"%.80s\"; it must be a cgroup path such as /plimsoll: absolute, not "
					    "the root, no empty part, none "
					    "that begins with a dot",
					    text);
		(void)plm_strcpy(s->parent, sizeof(s->parent), text);
	}
	if (r >= 0)
		r = plm_json_str(cfg->json, cfg->json_at, "log_dir", false, 1, PATH_MAX / 2, &text, err);
	if (r == 1)
		r = resolve(cfg->json_at, "log_dir", text, s->log_dir, err);
	if (r >= 0)
		r = plm_json_bool(cfg->json, cfg->json_at, "stop_tasks_on_exit", false, &unused, err);
	if (r >= 0)
		r = take_ports(cfg, s, err);
	return r < 0 ? r : 0;
}

int plm_local_settings_read(const struct plm_backend_cfg *cfg, struct plm_local_settings *ret,
			    struct plm_local_docs *ret_docs, struct plm_err *err)
{
	struct plm_local_settings s = { .parent = DEFAULT_PARENT,
					.port_min = DEFAULT_PORT_MIN,
					.port_max = DEFAULT_PORT_MAX };
	struct plm_local_docs docs = { .n_services = 0 };
	if (snprintf(s.log_dir, sizeof(s.log_dir), "%s/logs", cfg->state_dir) >= (int)sizeof(s.log_dir))
		return plm_err_set(err, ENAMETOOLONG, cfg->state_dir, "state_dir is too long");
	if (cfg->json) {
		struct reading definitions = { .docs = &docs, .cluster = cfg->cluster };
		struct reading services = { .docs = &docs, .cluster = cfg->cluster, .is_services = true };
		int r = take_members(cfg, &s, err);
		if (r == 0)
			r = read_all(cfg, "task_definitions", &definitions, err);
		if (r == 0)
			r = read_all(cfg, "services", &services, err);
		if (r == 0)
			r = plm_local_check_docs(&docs, cfg->json_at->file, err);
		if (r != 0) {
			plm_local_docs_done(&docs);
			return r;
		}
	}
	*ret = s;
	*ret_docs = docs;
	return 0;
}
