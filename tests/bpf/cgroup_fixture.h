/* SPDX-License-Identifier: Apache-2.0
 *
 * Real cgroups for tests: a subtree of one's own, "/plmtest-<pid>", in every hierarchy that sampling reads, and workers
 * that are forked into it. Everything is removed at the end, also what a failed test left behind.
 */
#ifndef PLM_TESTS_CGROUP_FIXTURE_H
#define PLM_TESTS_CGROUP_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "kernel/hierarchy.h"
#include "model/sample.h"

enum fx_where { FX_V2, FX_MEMORY, FX_PIDS, FX_CPU, FX_CPUACCT };

struct fx {
	struct plm_cgroup_layout layout;
	char root[64]; /* "/plmtest-<pid>" */
};

/* Where a controller's files are: its v1 mount, or v2. "" = nowhere. */
static inline const char *fx_mount(const struct fx *fx, enum fx_where where)
{
	const struct plm_cgroup_layout *l = &fx->layout;
	const char *const v1[] = { l->v2, l->v1_memory, l->v1_pids, l->v1_cpu, l->v1_cpuacct };
	return v1[where][0] ? v1[where] : l->v2;
}

static inline bool fx_is_v1(const struct fx *fx, enum fx_where where)
{
	return where != FX_V2 && strcmp(fx_mount(fx, where), fx->layout.v2) != 0;
}

static inline void fx_path(const struct fx *fx, enum fx_where where, const char *sub, const char *file, char ret[512])
{
	(void)snprintf(ret, 512, "%s%s%s%s%s%s", fx_mount(fx, where), fx->root, sub[0] ? "/" : "", sub,
		       file[0] ? "/" : "", file);
}

static inline void fx_init(struct fx *fx)
{
	struct plm_err err = PLM_ERR_INIT;
	if (plm_cgroup_layout_detect(NULL, &fx->layout, &err) != 0)
		fail_msg("%s", plm_err_text(&err));
	(void)snprintf(fx->root, sizeof(fx->root), "/plmtest-%d", (int)getpid());
}

static inline void fx_make_at(const struct fx *fx, enum fx_where where, const char *sub)
{
	char path[512];
	fx_path(fx, where, sub, "", path);
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		fail_msg("mkdir %s: %s", path, strerror(errno));
}

static inline void fx_remove_at(const struct fx *fx, enum fx_where where, const char *sub)
{
	char path[512];
	fx_path(fx, where, sub, "", path);
	for (int i = 0; i < 500 && rmdir(path) != 0 && errno == EBUSY; i++)
		usleep(1000); /* the last task is still on its way out */
}

/* In every hierarchy; on v2 hands the controllers down from the parent. */
static inline void fx_make(const struct fx *fx, const char *sub)
{
	for (int w = FX_V2; w <= FX_CPUACCT; w++)
		fx_make_at(fx, w, sub);
	char path[512];
	fx_path(fx, FX_V2, sub, "cgroup.subtree_control", path);
	if (fx->layout.mode == PLM_CGROUP_V2 && !sub[0])
		(void)plm_file_write(AT_FDCWD, path, "+cpu +memory +pids");
}

static inline void fx_remove(const struct fx *fx, const char *sub)
{
	for (int w = FX_V2; w <= FX_CPUACCT; w++)
		fx_remove_at(fx, w, sub);
}

static inline int fx_rmdir_visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	if (type == FTW_DP)
		(void)rmdir(path);
	return 0;
}

static inline void fx_done(const struct fx *fx)
{
	for (int w = FX_V2; w <= FX_CPUACCT; w++) {
		char path[512];
		fx_path(fx, w, "", "", path);
		(void)nftw(path, fx_rmdir_visit, 16, FTW_DEPTH | FTW_PHYS);
	}
}

static inline void fx_write(const struct fx *fx, enum fx_where where, const char *sub, const char *file,
			    const char *text)
{
	char path[512];
	fx_path(fx, where, sub, file, path);
	int r = plm_file_write(AT_FDCWD, path, text);
	if (r != 0)
		fail_msg("write '%s' to %s: %s", text, path, strerror(-r));
}

static inline void fx_read(const struct fx *fx, enum fx_where where, const char *sub, const char *file, char *ret,
			   size_t size)
{
	char path[512];
	fx_path(fx, where, sub, file, path);
	PLM_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || plm_file_pread(fd, ret, size) < 0)
		fail_msg("read %s: %s", path, strerror(errno));
}

/* The number in a file, or after `key` in it. */
static inline uint64_t fx_number(const struct fx *fx, enum fx_where where, const char *sub, const char *file,
				 const char *key)
{
	char text[8192];
	uint64_t n = 0;
	fx_read(fx, where, sub, file, text, sizeof(text));
	if (!key)
		return strtoull(text, NULL, 10);
	if (!plm_text_u64(text, key, &n))
		fail_msg("no '%s' in %s of %s", key, file, sub);
	return n;
}

/* Moves the caller; in every hierarchy in which the directory exists. */
static inline void fx_enter(const struct fx *fx, const char *sub)
{
	for (int w = FX_V2; w <= FX_CPUACCT; w++) {
		char path[512];
		fx_path(fx, w, sub, "cgroup.procs", path);
		(void)plm_file_write(AT_FDCWD, path, "0");
	}
}

/* Forks a worker that enters `sub`, calls fn(arg, ready_fd) and ends with its result. Returns the pid. The worker may
 * write a byte to ready_fd for fx_wait_ready(). */
struct fx_worker {
	pid_t pid;
	int ready_fd;
};

static inline struct fx_worker fx_start(const struct fx *fx, const char *sub, int (*fn)(int arg, int ready_fd), int arg)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0)
		fail_msg("pipe: %s", strerror(errno));
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		fx_enter(fx, sub);
		_exit(fn(arg, fds[1]));
	}
	(void)close(fds[1]);
	return (struct fx_worker){ .pid = pid, .ready_fd = fds[0] };
}

static inline void fx_wait_ready(const struct fx_worker *w)
{
	char c;
	if (read(w->ready_fd, &c, 1) != 1)
		fail_msg("the worker ended before it was ready");
}

/* Waits for the worker to end; its wait status. */
static inline int fx_wait(struct fx_worker *w)
{
	int status = -1;
	(void)waitpid(w->pid, &status, 0);
	(void)close(w->ready_fd);
	return status;
}

static inline int fx_kill(struct fx_worker *w)
{
	(void)kill(w->pid, SIGKILL);
	return fx_wait(w);
}

static inline void fx_run(const struct fx *fx, const char *sub, int (*fn)(int arg, int ready_fd), int arg)
{
	struct fx_worker w = fx_start(fx, sub, fn, arg);
	int status = fx_wait(&w);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("worker in %s ended with status %d", sub, status);
}

static inline uint64_t fx_thread_cpu_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Burns `us` of CPU time. */
static inline int fx_burn(int us, int ready_fd)
{
	(void)ready_fd;
	uint64_t end = fx_thread_cpu_us() + (uint64_t)us;
	while (fx_thread_cpu_us() < end)
		;
	return 0;
}

/* The row of `sub` below the fixture's root; NULL when there is none. */
static inline const struct plm_sample *fx_row(const struct fx *fx, const struct plm_sample_set *set, const char *sub)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s%s%s", fx->root, sub[0] ? "/" : "", sub);
	for (size_t i = 0; i < set->n_rows; i++) {
		if (strcmp(set->rows[i].path, path) == 0)
			return &set->rows[i];
	}
	return NULL;
}

#endif
