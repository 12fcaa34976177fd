/* SPDX-License-Identifier: Apache-2.0
 *
 * From samples and lifecycle events to one final per ended cgroup, never two. Touches no kernel: all is handed in.
 *
 * - rmdir opens the case, release closes it: the final is published with the exact value of the release.
 * - When no release comes within PLM_FINAL_WAIT_NS (page cache or a socket pins the cgroup), the final is published with
 *   the value at rmdir, or with the last sample where that is larger, marked inexact. A release that comes later is
 *   ignored: what a task used between rmdir and its last switch (microseconds) is then not counted, but nothing twice.
 * - A cgroup that samples stop showing without any event (a v1 path, events refused, the ring overflowed) is published
 *   with its last sample, marked inexact, when it was missing for two passes and PLM_FINAL_MISSING_NS.
 *
 * A final is the cgroup's own CPU time without its children, as children have finals of their own; of samples, which
 * include children, theirs is taken off.
 */
#ifndef PLM_KERNEL_FINALS_H
#define PLM_KERNEL_FINALS_H

#include "model/sample.h"
#include "plm_abi.h"

#define PLM_FINAL_WAIT_NS (2 * PLM_NS_PER_S)
#define PLM_FINAL_MISSING_NS (100 * PLM_NS_PER_MS)
/* Cgroups alive and ended ones not yet published; more are counted as lost. */
#define PLM_FINAL_MAX_TRACKED 65536

struct plm_finals;

/* `root` as in plm_source_cfg, cleaned; events from elsewhere are dropped. NULL when out of memory. */
struct plm_finals *plm_finals_new(const char *root);
void plm_finals_free(struct plm_finals *f); /* NULL-safe */

void plm_finals_event(struct plm_finals *f, const struct plm_event *event);

/* After a pass and its events: remembers the rows, appends the finals that are due at `now`. 0 or -ENOMEM. */
int plm_finals_take(struct plm_finals *f, struct plm_sample_set *set, plm_ns now);

uint64_t plm_finals_lost(const struct plm_finals *f); /* since new: events without room or memory */

#endif
