/* SPDX-License-Identifier: Apache-2.0 */
#include <fts.h>
#include <limits.h>
#include <mntent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sweep.h"

#define ROUNDS 60 /* of 50 ms */
#define ROUND_NS 50000000L

static FTS *walk(char *path)
{
	char *const roots[] = { path, NULL };

	return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
}

static int kill_in(const char *folder)
{
	char path[PATH_MAX];
	PLM_FCLOSE FILE *f = NULL;
	int pid, n = 0;

	if (snprintf(path, sizeof(path), "%s/cgroup.procs", folder) >= (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 1 && pid != getpid() && kill(pid, SIGKILL) == 0)
			n++;
	return n;
}

/* One pass over one subtree, leaves first: kill, remove. */
static void sweep_once(char *path, struct plm_sweep_report *r, bool is_first)
{
	FTS *tree = walk(path);
	FTSENT *e;

	r->left = 0;
	while (tree && (e = fts_read(tree))) {
		if (e->fts_info != FTS_DP)
			continue;
		const int killed = kill_in(e->fts_path);
		if (is_first)
			r->killed += killed;
		if (rmdir(e->fts_path) == 0)
			r->removed++;
		else
			r->left++;
	}
	if (tree)
		(void)fts_close(tree);
}

static void sweep_hierarchy(const char *mount, const char *cgroup, struct plm_sweep_report *total)
{
	struct plm_sweep_report r = { 0 };
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", mount, cgroup) >= (int)sizeof(path) || access(path, F_OK) != 0)
		return;
	for (int i = 0; i < ROUNDS; i++) {
		sweep_once(path, &r, i == 0);
		if (r.left == 0)
			break;
		(void)nanosleep(&(struct timespec){ .tv_nsec = ROUND_NS }, NULL);
	}
	total->killed += r.killed;
	total->removed += r.removed;
	total->left += r.left;
}

struct plm_sweep_report plm_sweep_cgroup(const char *cgroup)
{
	const size_t prefix = strlen(PLM_DEMO_CGROUP_PREFIX);
	struct plm_sweep_report total = { 0 };
	struct mntent *m;
	FILE *mounts;

	if (strncmp(cgroup, PLM_DEMO_CGROUP_PREFIX, prefix) != 0 || !cgroup[prefix] || strchr(cgroup + prefix, '/'))
		return total;
	mounts = setmntent("/proc/self/mounts", "re");
	while (mounts && (m = getmntent(mounts)))
		if (strcmp(m->mnt_type, "cgroup") == 0 || strcmp(m->mnt_type, "cgroup2") == 0)
			sweep_hierarchy(m->mnt_dir, cgroup, &total);
	if (mounts)
		(void)endmntent(mounts);
	return total;
}

void plm_sweep_folder(const char *path)
{
	char copy[PATH_MAX];
	FTS *tree;
	FTSENT *e;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return;
	tree = walk(copy);
	while (tree && (e = fts_read(tree))) {
		if (e->fts_info == FTS_DP)
			(void)rmdir(e->fts_path);
		else if (e->fts_info != FTS_D && e->fts_info != FTS_NS)
			(void)unlink(e->fts_path);
	}
	if (tree)
		(void)fts_close(tree);
}
