/* SPDX-License-Identifier: Apache-2.0
 * Starting one process of a task: cgroups first, then user, folder, environment, log file, program. */
#ifndef PLM_BACKENDS_LOCAL_SPAWN_H
#define PLM_BACKENDS_LOCAL_SPAWN_H

#include "backends/local/cgroup.h"
#include "backends/local/definition.h"

struct plm_local_spawn {
	const struct plm_local_definition *definition;
	const struct plm_local_cgroups *cgroups;
	const char *cgroup;   /* path */
	const char *log_file; /* standard output and error are appended to it */
	const char *const *extra_env; /* "NAME=value", NULL-terminated; wins over the definition's */
};

/* Forks. *ret_pid is the child, *ret_pidfd its pidfd, *ret_pipe the reading end of a pipe that closes when the program has begun, or
 * first carries why not (plm_local_spawn_error). All three are the caller's. 0 or -errno. */
int plm_local_spawn(const struct plm_local_spawn *s, pid_t *ret_pid, int *ret_pidfd, int *ret_pipe, struct plm_err *err);

/* Reads that pipe without blocking. 0 = the program has begun, -EAGAIN = not yet, else the child's errno, negative, with a sentence
 * in `err`. */
int plm_local_spawn_result(int pipe_fd, const struct plm_local_definition *d, struct plm_err *err);

int plm_local_pidfd_open(pid_t pid); /* fd or -errno */
int plm_local_pidfd_signal(int pidfd, int signo);

#endif
