/* SPDX-License-Identifier: Apache-2.0
 *
 * A small process between the demo and the daemon that tidies up, however the demo ends: it starts the daemon and
 * waits until the demo closes its end of a socket, which also happens when the demo is killed. Then it stops the
 * daemon, sweeps the cgroups and removes the folder. It is a session of its own, so Ctrl-C does not reach it; and
 * should it be killed itself, the daemon gets SIGTERM as its parent dies and the demo sweeps instead.
 */
#ifndef PLM_DEMO_KEEPER_H
#define PLM_DEMO_KEEPER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "sweep.h"

#define PLM_KEEPER_STOP_S 20 /* how long the daemon may take to stop its tasks and end */

struct plm_keeper_cfg {
	char *const *argv;  /* of the daemon; argv[0] is its path */
	const char *log;    /* file for the daemon's stdout and stderr */
	const char *folder; /* removed at the end */
	bool keep_folder;
	const char *cgroup; /* swept at the end */
};
struct plm_keeper_report {
	bool was_killed; /* the daemon did not end by itself in time */
	int status;      /* of the daemon, as from waitpid */
	struct plm_sweep_report sweep;
};
struct plm_keeper {
	struct plm_keeper_cfg cfg; /* pointers stay the caller's */
	pid_t pid;                 /* of the keeper; 0 = not started */
	pid_t daemon_pid;
	int fd;
	bool has_ended; /* the daemon ended by itself */
	int status;     /* then: of waitpid */
};

int plm_keeper_start(const struct plm_keeper_cfg *cfg, struct plm_keeper *ret, struct plm_err *err);
/* Whether the daemon still runs, as far as is known; never blocks. */
bool plm_keeper_is_alive(struct plm_keeper *k);
/* Stops the daemon and tidies up; returns when all is gone. */
void plm_keeper_finish(struct plm_keeper *k, struct plm_keeper_report *ret);

#endif
