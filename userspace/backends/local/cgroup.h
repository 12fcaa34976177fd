/* SPDX-License-Identifier: Apache-2.0
 *
 * The cgroups of tasks: one path, made in every hierarchy that limits or measures something (v2; or v1 cpu, cpuacct, memory, pids
 * beside it; and v1 name=systemd, by which a service manager on v1 knows what to kill when the daemon's unit ends). Writes what the
 * runtime of a task has to write: limits, membership, kill, removal.
 */
#ifndef PLM_BACKENDS_LOCAL_CGROUP_H
#define PLM_BACKENDS_LOCAL_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PLM_LOCAL_MAX_HIERARCHIES 8

struct plm_local_hierarchy {
	char mount[128];
	char options[512]; /* "cgroup2", or v1's superblock options: tells two mounts of the same hierarchy */
	bool is_v2, has_cpu, has_memory, has_pids, has_io;
};

struct plm_local_cgroups {
	struct plm_local_hierarchy h[PLM_LOCAL_MAX_HIERARCHIES];
	size_t n; /* the v2 hierarchy, where there is one, is the last */
};

struct plm_local_limits {
	uint32_t cpu_units;    /* 0 = none */
	bool has_cpu_quota;    /* cpu_units is a hard limit, else a weight */
	uint64_t memory_bytes; /* hard limit; 0 = none */
};

/* Finds the hierarchies. `mountinfo` NULL = /proc/self/mountinfo. */
int plm_local_cgroups_find(const char *mountinfo, struct plm_local_cgroups *ret, struct plm_err *err);
/* Makes the folder all services are in. *ret_made is the topmost part of `path` that was not there before in any hierarchy, "" = all
 * was there. */
int plm_local_cgroup_make_parent(const struct plm_local_cgroups *g, const char *path, char *ret_made, size_t size,
				 struct plm_err *err);
/* Undoes it: removes `path` and the folders above it up to `made`, as far as they are empty. 0, or -EBUSY when something is left. */
int plm_local_cgroup_remove_parent(const struct plm_local_cgroups *g, const char *path, const char *made);
/* Makes `path` ("/plimsoll/web/1234…") everywhere and sets the limits; on v2 hands the controllers down the path first. Existing
 * folders are fine. On failure nothing that was made remains. */
int plm_local_cgroup_make(const struct plm_local_cgroups *g, const char *path, const struct plm_local_limits *limits,
			  struct plm_err *err);
/* CPU weight of a folder of tasks against its siblings; 1,024 is what a cgroup has by itself. */
void plm_local_cgroup_weigh(const struct plm_local_cgroups *g, const char *path, uint64_t cpu_units);
/* Moves the calling process in everywhere. Async-signal-safe enough for a forked child. 0 or -errno. */
int plm_local_cgroup_enter(const struct plm_local_cgroups *g, const char *path);
bool plm_local_cgroup_has(const struct plm_local_cgroups *g, const char *path, pid_t pid); /* in it or below it */
/* SIGKILL to every process in and below it. */
void plm_local_cgroup_kill(const struct plm_local_cgroups *g, const char *path);
/* Removes it and what is below it everywhere. 0, -EBUSY while processes remain, or what else stands against it. */
int plm_local_cgroup_remove(const struct plm_local_cgroups *g, const char *path);
/* OOM kills in the cgroup so far; 0 also when not known. */
uint64_t plm_local_cgroup_oom_kills(const struct plm_local_cgroups *g, const char *path);
/* Calls fn with the name of each child folder of `path` in any hierarchy (a name may come several times). */
void plm_local_cgroup_children(const struct plm_local_cgroups *g, const char *path,
			       void (*fn)(void *ctx, const char *name), void *ctx);

#endif
