/* SPDX-License-Identifier: Apache-2.0
 * The kernel's ladder as sample and top use it: opened with messages and exit codes, paths as people type them. */
#ifndef PLM_CLI_KERNEL_H
#define PLM_CLI_KERNEL_H

#include "base/err.h"
#include "cli/cli.h"
#include "kernel/source.h"

/* Opens the ladder below `root`; `forced` 0 = the best rung. On failure says why; PLM_EXIT_PRIVILEGE or PLM_EXIT_FAILED. */
int plm_cli_ladder(const struct plm_cli *cli, const char *root, char forced, struct plm_ladder **ret);

/* What the user typed to a path from the hierarchy's root: takes mount points off ("/sys/fs/cgroup/a" is "/a"), adds the first
 * slash, drops the last. -EINVAL for "..", -ENAMETOOLONG. */
int plm_cli_cgroup_path(const char *typed, char *ret_path, size_t size);
/* Whether the cgroup exists in any hierarchy. True when that cannot be told. */
bool plm_cli_cgroup_exists(const char *path);

#endif
