/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells which cgroup directories come and go below one root in one hierarchy. inotify, so that quiet trees cost nothing;
 * where watches run out the tree is walked on each call.
 */
#ifndef PLM_KERNEL_DIRWATCH_H
#define PLM_KERNEL_DIRWATCH_H

#include "base/err.h"
#include "kernel/hierarchy.h"

struct plm_dirwatch;

/* Called for each directory found, parents first; `dir_fd` is open for the time of the call. May be called again for a
 * directory that is known. Non-zero ends the update with that value. */
typedef int (*plm_dirwatch_fn)(void *ctx, const struct plm_hierarchy *h, const char *path, int dir_fd);

int plm_dirwatch_open(const struct plm_hierarchy *h, const char *root, struct plm_dirwatch **ret, struct plm_err *err);
void plm_dirwatch_close(struct plm_dirwatch *w); /* NULL-safe */

/* The next update reports everything again. */
void plm_dirwatch_rescan(struct plm_dirwatch *w);

/* Reports what is new since the last call (at first: everything). The root need not exist. 0 or what fn returned. */
int plm_dirwatch_update(struct plm_dirwatch *w, plm_dirwatch_fn fn, void *ctx);

#endif
