/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/local/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/num.h"

#define CFS_PERIOD_US 100000 /* the kernel's default enforcement period */
#define UNITS_PER_VCPU 1024
#define MAX_DEPTH 32  /* nested cgroups below a task */
#define KILL_ROUNDS 4 /* against forks in between, where cgroup.kill does not exist; the next pass goes on */

/* --- finding hierarchies --- */

static bool has_word(const char *list, const char *word, const char *separators)
{
	char copy[512], *rest = copy, *part;
	(void)plm_strcpy(copy, sizeof(copy), list);
	while ((part = strsep(&rest, separators)))
		if (strcmp(part, word) == 0)
			return true;
	return false;
}

static void look_at_v2(struct plm_local_hierarchy *h)
{
	struct plm_buf text = PLM_BUF_INIT(4096);
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", h->mount);
	if (plm_file_read(AT_FDCWD, path, &text, NULL) == 0) {
		h->has_cpu = has_word(plm_buf_text(&text), "cpu", " \n");
		h->has_memory = has_word(plm_buf_text(&text), "memory", " \n");
		h->has_pids = has_word(plm_buf_text(&text), "pids", " \n");
		h->has_io = has_word(plm_buf_text(&text), "io", " \n");
	}
	plm_buf_done(&text);
}

/* One line of mountinfo: "… mountpoint options … - fstype source superoptions". */
static void take_mount(char *line, struct plm_local_cgroups *g)
{
	char *dash = strstr(line, " - "), type[32], options[512], mount[128];
	if (!dash || g->n == PLM_LOCAL_MAX_HIERARCHIES || sscanf(dash + 3, "%31s %*s %511s", type, options) != 2 ||
	    sscanf(line, "%*s %*s %*s %*s %127s", mount) != 1)
		return;
	struct plm_local_hierarchy h = { .is_v2 = strcmp(type, "cgroup2") == 0 };
	(void)plm_strcpy(h.mount, sizeof(h.mount), mount);
	if (h.is_v2) {
		look_at_v2(&h);
	} else if (strcmp(type, "cgroup") == 0) {
		h.has_cpu = has_word(options, "cpu", ",");
		h.has_memory = has_word(options, "memory", ",");
		h.has_pids = has_word(options, "pids", ",");
		if (!h.has_cpu && !h.has_memory && !h.has_pids && !has_word(options, "cpuacct", ",") &&
		    !has_word(options, "name=systemd", ","))
			return;
	} else {
		return;
	}
	size_t access_mode = strncmp(options, "rw,", 3) == 0 || strncmp(options, "ro,", 3) == 0 ? 3 : 0;
	(void)plm_strcpy(h.options, sizeof(h.options), h.is_v2 ? "cgroup2" : options + access_mode);
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->h[i].options, h.options) == 0)
			return; /* mounted a second time */
	g->h[g->n++] = h;
}

int plm_local_cgroups_find(const char *mountinfo, struct plm_local_cgroups *ret, struct plm_err *err)
{
	const char *path = mountinfo ? mountinfo : "/proc/self/mountinfo";
	struct plm_buf text = PLM_BUF_INIT(4u << 20);
	struct plm_local_cgroups g = { .n = 0 };
	int r = plm_file_read(AT_FDCWD, path, &text, err);
	if (r == 0 && text.data) {
		char *rest = text.data, *line;
		while ((line = strsep(&rest, "\n")))
			take_mount(line, &g);
	}
	plm_buf_done(&text);
	if (r != 0)
		return r;
	if (g.n == 0)
		return plm_err_set(err, ENOENT, path, "no cgroup filesystem is mounted");
	for (size_t i = 0; i + 1 < g.n; i++) { /* v2 last: a process is in every limit before it is seen running */
		if (g.h[i].is_v2) {
			struct plm_local_hierarchy v2 = g.h[i];
			memmove(&g.h[i], &g.h[i + 1], (g.n - i - 1) * sizeof(v2));
			g.h[g.n - 1] = v2;
			break;
		}
	}
	*ret = g;
	return 0;
}

/* --- making --- */

static int full_path(const struct plm_local_hierarchy *h, const char *path, char *ret, size_t size)
{
	return snprintf(ret, size, "%s%s", h->mount, path) < (int)size ? 0 : -ENAMETOOLONG;
}

static int write_in(const char *folder, const char *file, const char *text)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return plm_file_write(AT_FDCWD, path, text);
}

/* Hands cpu, memory, pids and io down to every folder above the last, so that the last has their files. */
static void hand_down(const struct plm_local_hierarchy *h, const char *path)
{
	char folder[PATH_MAX];
	for (const char *end = path; end; end = strchr(end + 1, '/')) {
		if (snprintf(folder, sizeof(folder), "%s%.*s", h->mount, (int)(end - path), path) >=
		    (int)sizeof(folder))
			return;
		/* One by one: a controller that is bound elsewhere must not keep the others away. */
		if (h->has_cpu)
			(void)write_in(folder, "cgroup.subtree_control", "+cpu");
		if (h->has_memory)
			(void)write_in(folder, "cgroup.subtree_control", "+memory");
		if (h->has_pids)
			(void)write_in(folder, "cgroup.subtree_control", "+pids");
		if (h->has_io)
			(void)write_in(folder, "cgroup.subtree_control", "+io");
	}
}

static uint64_t quota_us(const struct plm_local_limits *l)
{
	uint64_t us = (uint64_t)l->cpu_units * CFS_PERIOD_US / UNITS_PER_VCPU;
	return us < 1000 ? 1000 : us; /* the kernel's least quota */
}

/* Weight of `units`, which are v1's shares: v2's 100 and v1's 1,024 are the same to the kernel's scheduler. */
static int write_weight(const struct plm_local_hierarchy *h, const char *folder, uint64_t units)
{
	char text[32];
	uint64_t least = h->is_v2 ? 1 : 2, most = h->is_v2 ? 10000 : 262144;
	uint64_t weight = h->is_v2 ? units * 100 / UNITS_PER_VCPU : units;
	weight = weight < least ? least : weight > most ? most : weight;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)weight);
	return write_in(folder, h->is_v2 ? "cpu.weight" : "cpu.shares", text);
}

static int set_cpu(const struct plm_local_hierarchy *h, const char *folder, const struct plm_local_limits *l)
{
	char text[64];
	if (!l->cpu_units)
		return 0;
	int r = write_weight(h, folder, l->cpu_units);
	if (r != 0 || !l->has_cpu_quota)
		return r;
	if (h->is_v2) {
		(void)snprintf(text, sizeof(text), "%llu %d", (unsigned long long)quota_us(l), CFS_PERIOD_US);
		return write_in(folder, "cpu.max", text);
	}
	(void)snprintf(text, sizeof(text), "%d", CFS_PERIOD_US);
	r = write_in(folder, "cpu.cfs_period_us", text);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)quota_us(l));
	return r ? r : write_in(folder, "cpu.cfs_quota_us", text);
}

static int set_memory(const struct plm_local_hierarchy *h, const char *folder, const struct plm_local_limits *l)
{
	char text[32];
	if (!l->memory_bytes)
		return 0;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)l->memory_bytes);
	return write_in(folder, h->is_v2 ? "memory.max" : "memory.limit_in_bytes", text);
}

static int make_one(const struct plm_local_hierarchy *h, const char *path, const struct plm_local_limits *l,
		    struct plm_err *err)
{
	char folder[PATH_MAX];
	int r = full_path(h, path, folder, sizeof(folder));
	if (r == 0)
		r = plm_mkdirs(folder, 0755);
	if (r != 0)
		return plm_err_set(err, -r, folder, "cannot make the cgroup: %s", strerror(-r));
	if (h->is_v2)
		hand_down(h, path);
	r = h->has_cpu ? set_cpu(h, folder, l) : 0;
	if (r != 0)
		return plm_err_set(err, -r, folder, "cannot set the CPU limit of %u units: %s", l->cpu_units,
				   strerror(-r));
	r = h->has_memory ? set_memory(h, folder, l) : 0;
	if (r != 0)
		return plm_err_set(err, -r, folder, "cannot set the memory limit of %llu bytes: %s",
				   (unsigned long long)l->memory_bytes, strerror(-r));
	return 0;
}

int plm_local_cgroup_make(const struct plm_local_cgroups *g, const char *path, const struct plm_local_limits *limits,
			  struct plm_err *err)
{
	for (size_t i = 0; i < g->n; i++) {
		int r = make_one(&g->h[i], path, limits, err);
		if (r != 0) {
			(void)plm_local_cgroup_remove(g, path);
			return r;
		}
	}
	return 0;
}

int plm_local_cgroup_enter(const struct plm_local_cgroups *g, const char *path)
{
	char folder[PATH_MAX];
	for (size_t i = 0; i < g->n; i++) {
		int r = full_path(&g->h[i], path, folder, sizeof(folder));
		if (r == 0)
			r = write_in(folder, "cgroup.procs", "0");
		if (r != 0)
			return r;
	}
	return 0;
}

void plm_local_cgroup_weigh(const struct plm_local_cgroups *g, const char *path, uint64_t cpu_units)
{
	char folder[PATH_MAX];
	for (size_t i = 0; i < g->n; i++)
		if (g->h[i].has_cpu && full_path(&g->h[i], path, folder, sizeof(folder)) == 0)
			(void)write_weight(&g->h[i], folder,
					   cpu_units); /* fairness between services; not worth failing for */
}

/* Length of the shortest part of `path` that is not in hierarchy h; 0 = all is there. */
static size_t missing_part(const struct plm_local_hierarchy *h, const char *path)
{
	char folder[PATH_MAX];
	for (const char *end = path; *end;) {
		end += 1 + strcspn(end + 1, "/");
		if (snprintf(folder, sizeof(folder), "%s%.*s", h->mount, (int)(end - path), path) <
			    (int)sizeof(folder) &&
		    access(folder, F_OK) != 0)
			return (size_t)(end - path);
	}
	return 0;
}

int plm_local_cgroup_make_parent(const struct plm_local_cgroups *g, const char *path, char *ret_made, size_t size,
				 struct plm_err *err)
{
	static const struct plm_local_limits none = { .cpu_units = 0 };
	size_t made = 0;
	for (size_t i = 0; i < g->n; i++) {
		size_t part = missing_part(&g->h[i], path);
		made = part && (!made || part < made) ? part : made;
	}
	for (size_t i = 0; i < g->n; i++) {
		int r = make_one(&g->h[i], path, &none, err);
		if (r != 0)
			return r;
	}
	(void)snprintf(ret_made, size, "%.*s", (int)made, path);
	return 0;
}

int plm_local_cgroup_remove_parent(const struct plm_local_cgroups *g, const char *path, const char *made)
{
	int result = 0;
	size_t top = strlen(made);
	if (!top || strncmp(path, made, top) != 0 || (path[top] && path[top] != '/'))
		return 0;
	for (size_t i = 0; i < g->n; i++) {
		char folder[PATH_MAX];
		size_t mount = strlen(g->h[i].mount);
		if (full_path(&g->h[i], path, folder, sizeof(folder)) != 0)
			continue;
		while (strlen(folder) >= mount + top) {
			if (rmdir(folder) != 0 && errno != ENOENT) {
				result = -errno;
				break;
			}
			*strrchr(folder, '/') = '\0';
		}
	}
	return result;
}

/* --- walking --- */

/* Calls fn for each folder of the subtree, children first. */
static void walk(const char *folder, unsigned depth, void (*fn)(void *ctx, const char *folder), void *ctx)
{
	DIR *dir = depth < MAX_DEPTH ? opendir(folder) : NULL;
	if (!dir)
		return;
	struct dirent *e;
	while ((e = readdir(dir))) {
		char child[PATH_MAX];
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    snprintf(child, sizeof(child), "%s/%s", folder, e->d_name) >= (int)sizeof(child))
			continue;
		walk(child, depth + 1, fn, ctx);
	}
	(void)closedir(dir);
	fn(ctx, folder);
}

typedef void pid_fn(void *ctx, pid_t pid);
struct pids {
	pid_fn *fn;
	void *ctx;
};

static void read_procs(void *ctx, const char *folder)
{
	const struct pids *p = ctx;
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/cgroup.procs", folder) >= (int)sizeof(path))
		return;
	PLM_FCLOSE FILE *f = fopen(path, "re");
	int pid;
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 0) /* 0 = in a pid namespace that we cannot see */
			p->fn(p->ctx, pid);
}

/* Every process in and below the cgroup, in every hierarchy: one that moved itself elsewhere in one of them is still found. */
static void each_pid(const struct plm_local_cgroups *g, const char *path, pid_fn *fn, void *ctx)
{
	struct pids p = { .fn = fn, .ctx = ctx };
	for (size_t i = 0; i < g->n; i++) {
		char folder[PATH_MAX];
		if (full_path(&g->h[i], path, folder, sizeof(folder)) == 0)
			walk(folder, 0, read_procs, &p);
	}
}

struct search {
	pid_t wanted;
	bool is_found;
};

static void compare_pid(void *ctx, pid_t pid)
{
	struct search *s = ctx;
	s->is_found |= pid == s->wanted;
}

bool plm_local_cgroup_has(const struct plm_local_cgroups *g, const char *path, pid_t pid)
{
	struct search s = { .wanted = pid };
	each_pid(g, path, compare_pid, &s);
	return s.is_found;
}

static bool kill_by_kernel(const struct plm_local_cgroups *g, const char *path)
{
	char folder[PATH_MAX];
	if (g->n == 0 || !g->h[g->n - 1].is_v2 || full_path(&g->h[g->n - 1], path, folder, sizeof(folder)) != 0)
		return false;
	return write_in(folder, "cgroup.kill", "1") == 0;
}

static void kill_pid(void *ctx, pid_t pid)
{
	size_t *killed = ctx;
	*killed += kill(pid, SIGKILL) == 0;
}

void plm_local_cgroup_kill(const struct plm_local_cgroups *g, const char *path)
{
	bool is_whole = kill_by_kernel(g, path);
	for (int round = 0; round < KILL_ROUNDS; round++) {
		size_t killed = 0;
		each_pid(g, path, kill_pid, &killed);
		/* The dying are listed until they are gone. One look suffices when the kernel has killed all at once; else a
		 * process may have forked between the look and the kill. */
		if (killed == 0 || (is_whole && round > 0))
			return;
	}
}

struct removal {
	int result;
};

static void remove_folder(void *ctx, const char *folder)
{
	struct removal *r = ctx;
	if (rmdir(folder) != 0 && errno != ENOENT)
		r->result = -errno;
}

int plm_local_cgroup_remove(const struct plm_local_cgroups *g, const char *path)
{
	struct removal r = { .result = 0 };
	for (size_t i = 0; i < g->n; i++) {
		char folder[PATH_MAX];
		if (full_path(&g->h[i], path, folder, sizeof(folder)) == 0)
			walk(folder, 0, remove_folder, &r);
	}
	return r.result;
}

uint64_t plm_local_cgroup_oom_kills(const struct plm_local_cgroups *g, const char *path)
{
	for (size_t i = 0; i < g->n; i++) {
		char file[PATH_MAX];
		struct plm_buf text = PLM_BUF_INIT(4096);
		uint64_t kills = 0;
		if (!g->h[i].has_memory ||
		    snprintf(file, sizeof(file), "%s%s/%s", g->h[i].mount, path,
			     g->h[i].is_v2 ? "memory.events" : "memory.oom_control") >= (int)sizeof(file))
			continue;
		if (plm_file_read(AT_FDCWD, file, &text, NULL) == 0)
			(void)plm_text_u64(plm_buf_text(&text), "oom_kill", &kills);
		plm_buf_done(&text);
		return kills;
	}
	return 0;
}

void plm_local_cgroup_children(const struct plm_local_cgroups *g, const char *path,
			       void (*fn)(void *ctx, const char *name), void *ctx)
{
	for (size_t i = 0; i < g->n; i++) {
		char folder[PATH_MAX];
		DIR *dir = full_path(&g->h[i], path, folder, sizeof(folder)) == 0 ? opendir(folder) : NULL;
		struct dirent *e;
		while (dir && (e = readdir(dir)))
			if (e->d_type == DT_DIR && e->d_name[0] != '.')
				fn(ctx, e->d_name);
		if (dir)
			(void)closedir(dir);
	}
}
