/* SPDX-License-Identifier: Apache-2.0
 * The lines of `plimsoll doctor`: each a capability of this host, what was found and how to mend it. */
#ifndef PLM_CLI_CHECKS_H
#define PLM_CLI_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/source.h"

enum plm_check_status { PLM_CHECK_OK, PLM_CHECK_DEGRADED, PLM_CHECK_MISSING, _PLM_CHECK_STATUS_MAX };
const char *plm_check_status_name(enum plm_check_status s); /* "ok", "degraded", "missing" */

struct plm_check {
	char name[32];
	enum plm_check_status status;
	bool is_needed;    /* the main job (measure, decide, run tasks) cannot be done while it is missing */
	bool is_privilege; /* missing only because of who runs it */
	char found[320];
	char mend[320]; /* "" = nothing to do */
};

#define PLM_DOCTOR_MAX_CHECKS 32
struct plm_checks {
	struct plm_check rows[PLM_DOCTOR_MAX_CHECKS];
	size_t n;
};
/* A new line, status ok. The last one is used again when there are too many. */
struct plm_check *plm_checks_add(struct plm_checks *c, const char *name);

/* The verdict's exit code: ok when nothing needed is missing, PLM_EXIT_PRIVILEGE when only privilege is, else failed. */
int plm_checks_exit(const struct plm_checks *c);

/* --- each adds its lines (cli/checks_kernel.c, cli/checks_host.c) --- */
void plm_check_kernel(struct plm_checks *c);
void plm_check_privilege(struct plm_checks *c);
/* The lines for the ladder's reports, and the one line that says which rung samples. Apart from probing, for tests. */
void plm_check_rungs(struct plm_checks *c, const struct plm_rung_report *reports, size_t n);
void plm_check_ladder(struct plm_checks *c);
void plm_check_cgroups(struct plm_checks *c);
void plm_check_pressure(struct plm_checks *c);
void plm_check_clock(struct plm_checks *c);
void plm_check_files(struct plm_checks *c);
void plm_check_backend(struct plm_checks *c);
void plm_check_state_dir(struct plm_checks *c, const char *dir);
void plm_check_daemon(struct plm_checks *c, const char *socket);

#endif
