/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend under test: its ops table, a folder and a cgroup parent of its own, a real database and loop. All cases see a backend only
 * through this; what differs between backends (here: how services are declared) is in the few calls below.
 */
#ifndef PLM_TESTS_CONTRACT_SUBJECT_H
#define PLM_TESTS_CONTRACT_SUBJECT_H

#include "../unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/backend.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

#define SUBJECT_CLUSTER "test"

struct subject {
	const struct plm_backend_ops *ops;
	char dir[64], parent[64];
	struct plm_db db;
	struct plm_loop *loop;
	void *ctx;
	struct plm_cluster cluster;
	char settings[512]; /* further members of the orchestrator object: ", \"port_range\": […]" */
};

static inline const char *subject_path(const struct subject *s, const char *name, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%s", s->dir, name);
	return ret;
}

static inline void subject_write(const struct subject *s, const char *name, const char *text)
{
	char path[PATH_MAX];
	assert_int_equal(plm_file_replace(subject_path(s, name, path), text, strlen(text), 0644, NULL), 0);
}

/* The file's text in a static buffer; "" when it is not there. */
static inline const char *subject_read(const struct subject *s, const char *name)
{
	static char text[65536];
	char path[PATH_MAX];
	text[0] = '\0';
	PLM_CLOSE int fd = open(subject_path(s, name, path), O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)plm_file_pread(fd, text, sizeof(text));
	return text;
}

static inline size_t subject_lines(const struct subject *s, const char *name)
{
	size_t n = 0;
	for (const char *p = subject_read(s, name); (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

/* A definition that runs `script` with sh; `task` and `container` are further members, each ending in a comma. */
static inline void subject_define(const struct subject *s, const char *family, const char *script, const char *task,
				  const char *container)
{
	char text[4096], name[128];
	(void)snprintf(name, sizeof(name), "definitions/%s.json", family);
	assert_true(snprintf(text, sizeof(text),
			     "{\"family\": \"%s\", %s \"containerDefinitions\": [{\"name\": \"main\", %s"
			     " \"command\": [\"/bin/sh\", \"-c\", \"%s\"]}]}",
			     family, task, container, script) < (int)sizeof(text));
	subject_write(s, name, text);
}

static inline void subject_declare(const struct subject *s, const char *service, const char *family, int desired)
{
	char text[512], name[128];
	(void)snprintf(name, sizeof(name), "services/%s.json", service);
	(void)snprintf(text, sizeof(text),
		       "{\"serviceName\": \"%s\", \"taskDefinition\": \"%s\", \"desiredCount\": %d}", service, family,
		       desired);
	subject_write(s, name, text);
}

static inline void subject_undeclare(const struct subject *s, const char *service)
{
	char path[PATH_MAX], name[128];
	(void)snprintf(name, sizeof(name), "services/%s.json", service);
	assert_int_equal(unlink(subject_path(s, name, path)), 0);
}

/* Calls `fn` (check, open or reload) with the configuration as it stands now. */
enum subject_call { SUBJECT_CHECK, SUBJECT_OPEN, SUBJECT_RELOAD };
static inline int subject_call(struct subject *s, enum subject_call call, struct plm_err *err)
{
	char text[2048], config[PATH_MAX];
	(void)snprintf(text, sizeof(text),
		       "{\"orchestrator\": {\"type\": \"%s\", \"cgroup_parent\": \"%s\", \"task_definitions\": "
		       "[\"definitions\"],"
		       " \"services\": [\"services\"]%s}}",
		       s->ops->name, s->parent, s->settings);
	cJSON *doc = NULL;
	assert_int_equal(plm_json_parse(text, strlen(text), 0, "config", &doc, NULL), 0);
	struct plm_json_at root = plm_json_root(subject_path(s, "plimsoll.json", config));
	struct plm_json_at at = plm_json_member(&root, "orchestrator");
	struct plm_backend_cfg cfg = { .cluster = SUBJECT_CLUSTER,
				       .state_dir = s->dir,
				       .db = &s->db,
				       .loop = s->loop,
				       .json = cJSON_GetObjectItem(doc, "orchestrator"),
				       .json_at = &at };
	struct plm_now now = plm_clock_now();
	int r;
	if (call == SUBJECT_CHECK)
		r = s->ops->check(&cfg, err);
	else if (call == SUBJECT_OPEN)
		r = s->ops->open(&cfg, &now, &s->ctx, err);
	else
		r = s->ops->reload(s->ctx, &cfg, &now, err);
	cJSON_Delete(doc);
	return r;
}

static inline void subject_open(struct subject *s)
{
	struct plm_err err = PLM_ERR_INIT;
	if (subject_call(s, SUBJECT_OPEN, &err) != 0)
		fail_msg("open: %s", plm_err_text(&err));
}

static inline void subject_reload(struct subject *s)
{
	struct plm_err err = PLM_ERR_INIT;
	if (subject_call(s, SUBJECT_RELOAD, &err) != 0)
		fail_msg("reload: %s", plm_err_text(&err));
}

static inline void subject_close(struct subject *s)
{
	s->ops->close(s->ctx);
	s->ctx = NULL;
}

static inline void subject_open_db(struct subject *s)
{
	char path[PATH_MAX];
	assert_int_equal(plm_db_open(subject_path(s, "state.db", path), &s->db, NULL), 0);
	assert_int_equal(plm_loop_new(&s->loop, NULL), 0);
}

/* Of the case under way; a failed one leaves them to subject_teardown(). */
static struct subject_trace {
	char dir[64], parent[64];
} subject_traces[4];
static size_t subject_n_traces;

static inline struct subject subject_new(void **state)
{
	static unsigned count;
	char path[PATH_MAX];
	struct subject s = { .ops = *state, .dir = "/tmp/plm-contract-XXXXXX" };
	assert_non_null(mkdtemp(s.dir));
	assert_int_equal(chmod(s.dir, 0755), 0);
	(void)snprintf(s.parent, sizeof(s.parent), "/plmtest-%d-%u", (int)getpid(), count++);
	assert_true(subject_n_traces < PLM_ARRAY_SIZE(subject_traces));
	(void)strcpy(subject_traces[subject_n_traces].dir, s.dir);
	(void)strcpy(subject_traces[subject_n_traces++].parent, s.parent);
	assert_int_equal(mkdir(subject_path(&s, "definitions", path), 0755), 0);
	assert_int_equal(mkdir(subject_path(&s, "services", path), 0755), 0);
	assert_int_equal(mkdir(subject_path(&s, "out", path), 0777), 0);
	assert_int_equal(chmod(path, 0777), 0);
	subject_open_db(&s);
	return s;
}

/* --- the state as the outside sees it --- */

/* One converge and list. */
static inline void subject_tick(struct subject *s)
{
	struct plm_now now = plm_clock_now();
	assert_int_equal(s->ops->converge(s->ctx, &now, NULL), 0);
	assert_int_equal(s->ops->list(s->ctx, &now, &s->cluster, NULL), 0);
	for (size_t i = 0, seen_stopped = 0; i < s->cluster.n_tasks; i++) { /* the order that the model promises */
		seen_stopped |= s->cluster.tasks[i].status == PLM_TASK_STOPPED;
		assert_true(!seen_stopped || s->cluster.tasks[i].status == PLM_TASK_STOPPED);
	}
}

static inline const struct plm_service *subject_service(const struct subject *s, const char *name)
{
	const struct plm_service *found = plm_cluster_service(&s->cluster, name);
	assert_non_null(found);
	return found;
}

/* The nth task of that status; NULL = there are fewer. */
static inline const struct plm_task *subject_task(const struct subject *s, const char *service,
						  enum plm_task_status status, size_t n)
{
	for (size_t i = 0; i < s->cluster.n_tasks; i++)
		if (s->cluster.tasks[i].status == status && strcmp(s->cluster.tasks[i].service, service) == 0 &&
		    n-- == 0)
			return &s->cluster.tasks[i];
	return NULL;
}

static inline size_t subject_count(const struct subject *s, const char *service, enum plm_task_status status)
{
	size_t n = 0;
	while (subject_task(s, service, status, n))
		n++;
	return n;
}

/* Ticks each 50 ms, as a daemon in a hurry, until `condition` holds or `seconds` are over. */
#define SUBJECT_WAIT(s, seconds, condition)                                                     \
	do {                                                                                    \
		plm_ns end_ = plm_clock_mono() + (plm_ns)((seconds) * (double)PLM_NS_PER_S);    \
		subject_tick(s);                                                                \
		while (!(condition)) {                                                          \
			if (plm_clock_mono() > end_) {                                          \
				subject_dump(s);                                                \
				fail_msg("not within %g s: %s", (double)(seconds), #condition); \
			}                                                                       \
			(void)plm_loop_step((s)->loop, 50);                                     \
			subject_tick(s);                                                        \
		}                                                                               \
	} while (0)

static inline void subject_run(struct subject *s, double seconds)
{
	plm_ns end = plm_clock_mono() + (plm_ns)(seconds * (double)PLM_NS_PER_S);
	while (plm_clock_mono() < end) {
		(void)plm_loop_step(s->loop, 20);
		subject_tick(s);
	}
}

static inline void subject_dump(const struct subject *s)
{
	for (size_t i = 0; i < s->cluster.n_services; i++) {
		const struct plm_service *v = &s->cluster.services[i];
		print_message("# service %s: desired %d running %d pending %d: %s\n", v->name, v->desired, v->running,
			      v->pending, v->reason);
	}
	for (size_t i = 0; i < s->cluster.n_tasks; i++) {
		const struct plm_task *t = &s->cluster.tasks[i];
		print_message("# task %s of %s: %s pid %d exit %d: %s\n", t->id, t->service,
			      plm_task_status_name(t->status), t->pid, t->exit_code, t->reason);
	}
}

static inline int subject_set(struct subject *s, const char *service, int desired)
{
	struct plm_now now = plm_clock_now();
	return s->ops->set_desired(s->ctx, service, desired, &now, NULL);
}

/* Whether the task is there and its reason contains `part`. */
static inline bool subject_says(const struct plm_task *t, const char *part)
{
	return t && strstr(t->reason, part);
}

/* --- cgroups of this host --- */

/* Calls fn with the mount point of every cgroup hierarchy; returns how many there are. */
static inline size_t subject_mounts(char mounts[32][128])
{
	size_t n = 0;
	char line[1024];
	PLM_FCLOSE FILE *f = fopen("/proc/self/mountinfo", "re");
	while (f && n < 32 && fgets(line, sizeof(line), f))
		if (strstr(line, " - cgroup"))
			n += sscanf(line, "%*s %*s %*s %*s %127s", mounts[n]) == 1;
	return n;
}

/* Hierarchies in which the cgroup exists. */
static inline size_t subject_cgroup_exists(const char *path)
{
	char mounts[32][128], full[PATH_MAX];
	size_t n = subject_mounts(mounts), found = 0;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(full, sizeof(full), "%.127s%s", mounts[i], path);
		found += access(full, F_OK) == 0;
	}
	return found;
}

/* The first line of a file of the cgroup in whichever hierarchy has it; "" = none has. */
static inline const char *subject_cgroup_file(const char *path, const char *file)
{
	static char text[4096];
	char mounts[32][128], full[PATH_MAX];
	size_t n = subject_mounts(mounts);
	text[0] = '\0';
	for (size_t i = 0; i < n && !text[0]; i++) {
		(void)snprintf(full, sizeof(full), "%.127s%.256s/%.64s", mounts[i], path, file);
		PLM_CLOSE int fd = open(full, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			(void)plm_file_pread(fd, text, sizeof(text));
	}
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static pid_t subject_found[4096];
static size_t subject_n_found;
static inline int subject_note_procs(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	int pid;
	if (type != FTW_F || strcmp(strrchr(path, '/'), "/cgroup.procs") != 0)
		return 0;
	PLM_FCLOSE FILE *f = fopen(path, "re");
	while (f && subject_n_found < PLM_ARRAY_SIZE(subject_found) && fscanf(f, "%d", &pid) == 1) {
		bool is_known = false;
		for (size_t i = 0; i < subject_n_found; i++)
			is_known |= subject_found[i] == pid;
		if (!is_known)
			subject_found[subject_n_found++] = pid;
	}
	return 0;
}

/* Processes below the subject's parent in any hierarchy; they are in subject_found. */
static inline size_t subject_processes(const struct subject *s)
{
	char mounts[32][128], full[PATH_MAX];
	size_t n = subject_mounts(mounts);
	subject_n_found = 0;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(full, sizeof(full), "%.127s%s", mounts[i], s->parent);
		(void)nftw(full, subject_note_procs, 16, FTW_PHYS);
	}
	return subject_n_found;
}

static inline int subject_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	(void)(type == FTW_DP ? rmdir(path) : unlink(path));
	return 0;
}

/* After each case: what a failed one has left is removed. */
static inline int subject_teardown(void **state)
{
	char mounts[32][128], full[PATH_MAX];
	size_t n = subject_mounts(mounts);
	(void)state;
	for (size_t t = 0; t < subject_n_traces; t++) {
		struct subject s;
		(void)strcpy(s.parent, subject_traces[t].parent);
		for (int round = 0; round < 50 && subject_cgroup_exists(s.parent); round++) {
			size_t left = subject_processes(&s);
			for (size_t i = 0; i < left; i++)
				(void)kill(subject_found[i], SIGKILL);
			(void)usleep(left ? 20000 : 0);
			for (size_t i = 0; i < n; i++) {
				(void)snprintf(full, sizeof(full), "%.127s%s", mounts[i], s.parent);
				(void)nftw(full, subject_remove, 16, FTW_DEPTH | FTW_PHYS);
			}
		}
		(void)nftw(subject_traces[t].dir, subject_remove, 16, FTW_DEPTH | FTW_PHYS);
	}
	subject_n_traces = 0;
	return 0;
}

/* Stops what runs; whatever the case did, nothing of it may remain. */
static inline void subject_done(struct subject *s)
{
	struct plm_err err = PLM_ERR_INIT;
	if (s->ctx) {
		if (s->ops->stop_all && s->ops->stop_all(s->ctx, &err) != 0)
			fail_msg("stop_all: %s", plm_err_text(&err));
		subject_close(s);
	}
	assert_int_equal(subject_processes(s), 0);
	assert_int_equal(subject_cgroup_exists(s->parent), 0);
	plm_cluster_done(&s->cluster);
	plm_loop_free(s->loop);
	plm_db_close(&s->db);
	(void)nftw(s->dir, subject_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#define CASE(name)                                        \
	{                                                 \
#name, name, NULL, subject_teardown, NULL \
	}
#define SUBJECT_MAX_CASES 64

/* Runs every case on every ops table that keeps tasks on this host. */
static inline int subject_run_cases(const char *group, const struct CMUnitTest *cases, size_t n_cases)
{
	static const struct plm_backend_ops *const subjects[] = { &plm_backend_local };
	static struct CMUnitTest all[PLM_ARRAY_SIZE(subjects) * SUBJECT_MAX_CASES];
	size_t n = 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (geteuid() != 0) {
		(void)printf("1..0 # SKIP needs root for cgroups\n");
		return 0;
	}
	plm_log_setup(PLM_LOG_ERROR, PLM_LOG_LOGFMT);
	for (size_t i = 0; i < PLM_ARRAY_SIZE(subjects); i++) {
		for (size_t j = 0; j < n_cases && j < SUBJECT_MAX_CASES; j++) {
			all[n] = cases[j];
			all[n++].initial_state = (void *)subjects[i];
		}
	}
	return _cmocka_run_group_tests(group, all, n, NULL, NULL);
}

#endif
