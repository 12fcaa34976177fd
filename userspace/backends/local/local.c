/* SPDX-License-Identifier: Apache-2.0
 * The local backend's ops: tasks as processes of this host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/local/internal.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/num.h"

#define DEFAULT_PARENT "/plimsoll"
#define DEFAULT_PORT_MIN 32768 /* Linux's ephemeral range, where ECS takes dynamic host ports too */
#define DEFAULT_PORT_MAX 60999
#define STOP_SLACK_NS (5 * PLM_NS_PER_S)

static const char *const members[] = { "type", "task_definitions", "services", "cgroup_parent", "log_dir", "port_range",
				       "stop_tasks_on_exit", NULL };

/* --- configuration --- */

struct local_config {
	char parent[PLM_PATH_MAX];
	char log_dir[PATH_MAX];
	int port_min, port_max;
	struct plm_local_docs docs;
};

static void resolve(const char *config_file, const char *path, char ret[PATH_MAX])
{
	const char *slash = config_file ? strrchr(config_file, '/') : NULL;
	if (path[0] == '/' || !slash)
		(void)plm_strcpy(ret, PATH_MAX, path);
	else
		(void)snprintf(ret, PATH_MAX, "%.*s/%s", (int)(slash - config_file), config_file, path);
}

static int is_json(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".json") == 0;
}

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
	r = reading->is_services ? plm_local_add_services(doc, file, reading->cluster, reading->docs, err) :
				   plm_local_add_definitions(doc, file, reading->docs, err);
	cJSON_Delete(doc);
	return r;
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
			r = plm_err_set(err, ENAMETOOLONG, folder, "path is too long");
		if (r == 0)
			r = read_file(reading, file, err);
		free(list[i]);
	}
	free(list);
	return r;
}

/* Every file or folder of the array `key`. */
static int read_all(const struct plm_backend_cfg *cfg, const char *key, const struct reading *reading, struct plm_err *err)
{
	const cJSON *array, *item;
	int r = plm_json_arr(cfg->json, cfg->json_at, key, false, &array, err);
	if (r <= 0)
		return r;
	cJSON_ArrayForEach(item, array) {
		char path[PATH_MAX];
		struct stat st;
		if (!cJSON_IsString(item) || !item->valuestring[0])
			return plm_json_err(err, cfg->json_at, key, "must be an array of paths of files or folders");
		resolve(cfg->json_at->file, item->valuestring, path);
		if (stat(path, &st) != 0)
			return plm_err_set(err, errno, path, "cannot read: %s", strerror(errno));
		r = S_ISDIR(st.st_mode) ? read_folder(reading, path, err) : read_file(reading, path, err);
		if (r != 0)
			return r;
	}
	return 0;
}

static int take_ports(const struct plm_backend_cfg *cfg, struct local_config *c, struct plm_err *err)
{
	const cJSON *range;
	int r = plm_json_arr(cfg->json, cfg->json_at, "port_range", false, &range, err);
	if (r <= 0)
		return r;
	const cJSON *min = cJSON_GetArrayItem(range, 0), *max = cJSON_GetArrayItem(range, 1);
	if (cJSON_GetArraySize(range) != 2 || !cJSON_IsNumber(min) || !cJSON_IsNumber(max) || !(min->valuedouble >= 1024) ||
	    !(max->valuedouble <= 65535) || min->valuedouble > max->valuedouble)
		return plm_json_err(err, cfg->json_at, "port_range", "must be [first, last], from 1024 to 65535");
	c->port_min = (int)min->valuedouble;
	c->port_max = (int)max->valuedouble;
	return 0;
}

static bool is_good_parent(const char *path)
{
	size_t len = strlen(path);
	return path[0] == '/' && len > 1 && path[len - 1] != '/' && !strstr(path, "//") && !strstr(path, "/..") && !strstr(path, "/./");
}

static int read_members(const struct plm_backend_cfg *cfg, struct local_config *c, struct plm_err *err)
{
	const char *text;
	bool unused;
	int r = plm_json_only(cfg->json, cfg->json_at, members, err);
	if (r == 0)
		r = plm_json_str(cfg->json, cfg->json_at, "cgroup_parent", false, 2, 200, &text, err);
	if (r == 1) {
		if (!is_good_parent(text))
			return plm_json_err(err, cfg->json_at, "cgroup_parent", "is \"%.80s\"; it must be a path such as /plimsoll", text);
		(void)plm_strcpy(c->parent, sizeof(c->parent), text);
	}
	if (r >= 0)
		r = plm_json_str(cfg->json, cfg->json_at, "log_dir", false, 1, PATH_MAX / 2, &text, err);
	if (r == 1)
		resolve(cfg->json_at->file, text, c->log_dir);
	if (r >= 0)
		r = plm_json_bool(cfg->json, cfg->json_at, "stop_tasks_on_exit", false, &unused, err);
	if (r >= 0)
		r = take_ports(cfg, c, err);
	struct reading definitions = { .docs = &c->docs, .cluster = cfg->cluster }, services = definitions;
	services.is_services = true;
	if (r >= 0)
		r = read_all(cfg, "task_definitions", &definitions, err);
	if (r >= 0)
		r = read_all(cfg, "services", &services, err);
	return r < 0 ? r : plm_local_check_docs(&c->docs, cfg->json_at->file, err);
}

static int read_config(const struct plm_backend_cfg *cfg, struct local_config *c, struct plm_err *err)
{
	*c = (struct local_config){ .parent = DEFAULT_PARENT, .port_min = DEFAULT_PORT_MIN, .port_max = DEFAULT_PORT_MAX };
	if (snprintf(c->log_dir, sizeof(c->log_dir), "%s/logs", cfg->state_dir) >= (int)sizeof(c->log_dir))
		return plm_err_set(err, ENAMETOOLONG, cfg->state_dir, "state_dir is too long");
	int r = cfg->json ? read_members(cfg, c, err) : 0;
	if (r != 0)
		plm_local_docs_done(&c->docs);
	return r;
}

static int local_check(const struct plm_backend_cfg *cfg, struct plm_err *err)
{
	struct local_config c;
	int r = read_config(cfg, &c, err);
	if (r == 0)
		plm_local_docs_done(&c.docs);
	return r;
}

/* --- open --- */

static void local_close(void *ctx)
{
	struct plm_local *l = ctx;
	if (!l)
		return;
	for (size_t i = 0; i < l->n_tasks; i++)
		plm_local_task_free(l->tasks[i]);
	for (size_t i = 0; i < l->n_services; i++)
		free(l->services[i]);
	free(l->tasks);
	free(l->services);
	plm_local_docs_done(&l->docs);
	if (l->lock_fd >= 0)
		(void)close(l->lock_fd);
	free(l);
}

static int lock_state(struct plm_local *l, struct plm_err *err)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/local.lock", l->state_dir) >= (int)sizeof(path))
		return plm_err_set(err, ENAMETOOLONG, l->state_dir, "state_dir is too long");
	l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (l->lock_fd < 0)
		return plm_err_set(err, errno, path, "cannot open the lock: %s", strerror(errno));
	if (flock(l->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return plm_err_set(err, EBUSY, path, "another daemon uses this state folder");
	return 0;
}

static const struct plm_now *adopting_now; /* for the store's callback, while open runs */

static void adopt_row(struct plm_local *l, const struct plm_task *row, uint64_t pid_start)
{
	plm_local_task_adopt(l, row, pid_start, adopting_now);
}

static bool is_task_id(const char *name)
{
	return strlen(name) == 32 && strspn(name, "0123456789abcdef") == 32;
}

struct stray {
	struct plm_local *l;
	const char *service;
};

/* A cgroup that looks like a task of ours but that no row knows: a daemon was killed when its database refused writes. */
static void end_stray(void *ctx, const char *name)
{
	const struct stray *s = ctx;
	char path[PLM_PATH_MAX];
	if (!is_task_id(name))
		return;
	for (size_t i = 0; i < s->l->n_tasks; i++)
		if (strcmp(s->l->tasks[i]->t.id, name) == 0)
			return;
	if (snprintf(path, sizeof(path), "%s/%s/%s", s->l->parent, s->service, name) >= (int)sizeof(path))
		return;
	plm_log(PLM_LOG_WARN, "local", "cgroup %s belongs to no known task, ending what is in it", path);
	plm_local_cgroup_kill(&s->l->cgroups, path);
	for (int tries = 0; tries < 50 && plm_local_cgroup_remove(&s->l->cgroups, path) == -EBUSY; tries++)
		(void)usleep(10000);
}

static void end_strays_of(void *ctx, const char *service)
{
	struct plm_local *l = ctx;
	char path[PLM_PATH_MAX];
	struct stray s = { .l = l, .service = service };
	if (snprintf(path, sizeof(path), "%s/%s", l->parent, service) < (int)sizeof(path))
		plm_local_cgroup_children(&l->cgroups, path, end_stray, &s);
}

static int local_open(const struct plm_backend_cfg *cfg, const struct plm_now *now, void **ret_ctx, struct plm_err *err)
{
	struct local_config c;
	int r = read_config(cfg, &c, err);
	if (r != 0)
		return r;
	struct plm_local *l = calloc(1, sizeof(*l));
	if (!l) {
		plm_local_docs_done(&c.docs);
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	}
	l->lock_fd = -1;
	l->db = cfg->db;
	l->loop = cfg->loop;
	l->port_min = l->next_port = c.port_min;
	l->port_max = c.port_max;
	(void)plm_strcpy(l->cluster, sizeof(l->cluster), cfg->cluster);
	(void)plm_strcpy(l->parent, sizeof(l->parent), c.parent);
	(void)plm_strcpy(l->log_dir, sizeof(l->log_dir), c.log_dir);
	(void)plm_strcpy(l->state_dir, sizeof(l->state_dir), cfg->state_dir);
	r = lock_state(l, err);
	if (r == 0)
		r = plm_local_cgroups_find(NULL, &l->cgroups, err);
	if (r == 0)
		r = plm_local_cgroup_make(&l->cgroups, l->parent, &(struct plm_local_limits){ .cpu_units = 0 }, err);
	if (r == 0)
		r = plm_local_store_open(l, err);
	if (r == 0)
		r = plm_local_services_load(l, &c.docs, err);
	adopting_now = now;
	if (r == 0)
		r = plm_local_store_each_task(l, adopt_row, err);
	if (r != 0) {
		plm_local_docs_done(&c.docs);
		local_close(l);
		return r;
	}
	plm_local_cgroup_children(&l->cgroups, l->parent, end_strays_of, l);
	*ret_ctx = l;
	return 0;
}

static int local_reload(void *ctx, const struct plm_backend_cfg *cfg, const struct plm_now *now, struct plm_err *err)
{
	struct plm_local *l = ctx;
	struct local_config c;
	(void)now;
	int r = read_config(cfg, &c, err);
	if (r != 0)
		return r;
	if (strcmp(c.parent, l->parent) != 0)
		r = plm_json_err(err, cfg->json_at, "cgroup_parent", "has changed: that takes a restart");
	if (r == 0)
		r = plm_local_services_load(l, &c.docs, err);
	if (r != 0) {
		plm_local_docs_done(&c.docs);
		return r;
	}
	(void)plm_strcpy(l->log_dir, sizeof(l->log_dir), c.log_dir);
	l->port_min = l->next_port = c.port_min;
	l->port_max = c.port_max;
	return 0;
}

/* --- each tick --- */

static int local_converge(void *ctx, const struct plm_now *now, struct plm_err *err)
{
	struct plm_local *l = ctx;
	(void)err;
	for (size_t i = 0; i < l->n_tasks; i++)
		plm_local_task_advance(l->tasks[i], now);
	for (size_t i = 0; i < l->n_services; i++)
		plm_local_service_converge(l, l->services[i], now);
	plm_local_services_sweep(l);
	plm_local_tasks_prune(l);
	return 0;
}

/* A task as the outside should see it: one whose process has ended is no longer running. */
static struct plm_task shown(const struct plm_local_task *t)
{
	struct plm_task task = t->t;
	if (t->exited_mono && task.status != PLM_TASK_STOPPED)
		task.status = PLM_TASK_STOPPING;
	return task;
}

static void fill_service(const struct plm_local *l, const struct plm_local_service *s, struct plm_service *ret)
{
	*ret = (struct plm_service){ .desired = s->desired, .is_scalable = !s->is_daemon, .restarts = s->restarts };
	(void)plm_strcpy(ret->cluster, sizeof(ret->cluster), l->cluster);
	(void)plm_strcpy(ret->name, sizeof(ret->name), s->name);
	(void)plm_strcpy(ret->family, sizeof(ret->family), s->family);
	int old = 0, begun = 0;
	for (size_t i = 0; i < l->n_tasks; i++) {
		struct plm_task t = shown(l->tasks[i]);
		if (l->tasks[i]->service != s)
			continue;
		ret->running += t.status == PLM_TASK_RUNNING;
		begun += t.status == PLM_TASK_PENDING;
		old += s->definition && t.revision != s->definition->revision &&
		       (t.status == PLM_TASK_RUNNING || t.status == PLM_TASK_PENDING);
	}
	if (s->definition) {
		ret->revision = s->definition->revision;
		ret->cpu_units = s->definition->cpu_units;
		ret->memory_bytes = s->definition->memory_bytes;
		ret->pending = s->desired > ret->running ? s->desired - ret->running : begun;
		ret->is_deploying = old > 0;
	}
	if (ret->running < s->desired && s->definition)
		(void)plm_strcpy(ret->reason, sizeof(ret->reason), s->reason[0] ? s->reason : "tasks are starting");
	else if (!s->definition)
		(void)plm_strcpy(ret->reason, sizeof(ret->reason), "removed from the documents; its tasks are stopping");
}

static int local_list(void *ctx, const struct plm_now *now, struct plm_cluster *ret, struct plm_err *err)
{
	struct plm_local *l = ctx;
	struct plm_service *services = realloc(ret->services, (l->n_services + 1) * sizeof(*services));
	if (services)
		ret->services = services;
	struct plm_task *tasks = realloc(ret->tasks, (l->n_tasks + 1) * sizeof(*tasks));
	if (tasks)
		ret->tasks = tasks;
	if (!services || !tasks)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	for (size_t i = 0; i < l->n_services; i++)
		fill_service(l, l->services[i], &services[i]);
	size_t n = 0;
	for (size_t i = 0; i < l->n_tasks; i++)
		if (l->tasks[i]->t.status != PLM_TASK_STOPPED)
			tasks[n++] = shown(l->tasks[i]);
	for (size_t i = l->n_tasks; i > 0; i--) /* newest stopped one first */
		if (l->tasks[i - 1]->t.status == PLM_TASK_STOPPED)
			tasks[n++] = shown(l->tasks[i - 1]);
	ret->n_services = l->n_services;
	ret->n_tasks = n;
	ret->asked_mono = now->mono;
	return 0;
}

static int local_set_desired(void *ctx, const char *service, int desired, const struct plm_now *now, struct plm_err *err)
{
	struct plm_local *l = ctx;
	struct plm_local_service *s = plm_local_service_find(l, service);
	(void)now;
	if (!s || !s->definition)
		return plm_err_set(err, ENOENT, NULL, "there is no service \"%.100s\"", service);
	if (desired < 0)
		return plm_err_set(err, EINVAL, NULL, "desired is %d; it must be 0 or more", desired);
	if (s->is_daemon)
		return plm_err_set(err, EPERM, NULL, "service \"%.100s\" runs one task per host and is never scaled", service);
	int before = s->desired;
	s->desired = desired;
	int r = plm_local_store_put_service(l, s, err);
	if (r != 0)
		s->desired = before;
	return r;
}

/* --- end --- */

static bool all_stopped(const struct plm_local *l)
{
	for (size_t i = 0; i < l->n_tasks; i++)
		if (l->tasks[i]->t.status != PLM_TASK_STOPPED)
			return false;
	return true;
}

static int local_stop_all(void *ctx, struct plm_err *err)
{
	struct plm_local *l = ctx;
	struct plm_now now = plm_clock_now();
	int patience_s = 0;
	for (size_t i = 0; i < l->n_tasks; i++) {
		plm_local_task_stop(l->tasks[i], &now, "the daemon is stopping");
		if (l->tasks[i]->t.status != PLM_TASK_STOPPED && l->tasks[i]->stop_timeout_s > patience_s)
			patience_s = l->tasks[i]->stop_timeout_s;
	}
	plm_ns end = now.mono + patience_s * PLM_NS_PER_S + STOP_SLACK_NS;
	while (!all_stopped(l) && now.mono < end) {
		(void)plm_loop_step(l->loop, 20);
		now = plm_clock_now();
		for (size_t i = 0; i < l->n_tasks; i++)
			plm_local_task_advance(l->tasks[i], &now);
	}
	int r = plm_local_cgroup_remove(&l->cgroups, l->parent);
	if (!all_stopped(l))
		return plm_err_set(err, EBUSY, NULL, "some tasks did not end");
	return r == 0 ? 0 : plm_err_set(err, -r, l->parent, "cannot remove the cgroup: %s", strerror(-r));
}

const struct plm_backend_ops plm_backend_local = {
	.name = "local",
	.check = local_check,
	.open = local_open,
	.reload = local_reload,
	.converge = local_converge,
	.list = local_list,
	.set_desired = local_set_desired,
	.close = local_close,
	.stop_all = local_stop_all,
};
