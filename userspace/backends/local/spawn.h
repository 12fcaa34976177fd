/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting one process of a task: cgroups first, so that no CPU time is counted elsewhere; then it waits at a gate until its row is
 * written; then log file, user, folder, program. A daemon that dies before the gate opens leaves no process behind.
 */
#ifndef PLM_BACKENDS_LOCAL_SPAWN_H
#define PLM_BACKENDS_LOCAL_SPAWN_H

#include <sys/resource.h>

#include "backends/local/cgroup.h"
#include "backends/local/definition.h"

struct plm_local_spawn {
	const struct plm_local_definition *definition;
	const struct plm_local_cgroups *cgroups;
	const char *cgroup;           /* path; exists */
	struct rlimit nofile;         /* where the definition has none */
	const char *log_file;         /* standard output and error are appended to it; its folder exists */
	const char *const *extra_env; /* "NAME=value", NULL-terminated; wins over the definition's */
};

struct plm_local_spawned {
	pid_t pid;
	int pidfd;
	int gate;   /* plm_local_spawn_release() */
	int report; /* readable when the program has begun or could not: plm_local_spawn_result() */
};

/* Forks. The three descriptors are the caller's. 0 or -errno. */
int plm_local_spawn(const struct plm_local_spawn *s, struct plm_local_spawned *ret, struct plm_err *err);
/* Opens the gate and closes *gate. Closing it without this ends the child. */
void plm_local_spawn_release(int *gate);
/* Reads the report without blocking. 0 = the program has begun, -EAGAIN = not yet, else the child's errno, negative, with a sentence
 * in `err`. */
int plm_local_spawn_result(int report, struct plm_err *err);

int plm_local_pidfd_open(pid_t pid); /* fd or -errno */
int plm_local_pidfd_signal(int pidfd, int signo);

#endif
