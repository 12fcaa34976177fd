/* SPDX-License-Identifier: Apache-2.0
 *
 * The cgroup iterator of bpf/cgroups.bpf.c: loaded once, attached per hierarchy, run once per sample and hierarchy. All
 * hierarchies share one array of records, which a run overwrites.
 */
#ifndef PLM_KERNEL_ITER_H
#define PLM_KERNEL_ITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "plm_abi.h"

struct plm_iter;

struct plm_iter_result {
	const struct plm_cgroup_rec *rows; /* mapped kernel memory; valid until the next run */
	uint32_t n_rows;
	uint32_t n_lost;                     /* cgroups that found no room in this run */
	const struct plm_cgroup_name *names; /* of cgroups with an id above `seen_id`, in the order of rows */
	uint32_t n_names;
	uint32_t n_new; /* that many names from `first_name` on were asked for; may be more than n_names */
};

/* Loads what this kernel takes. `with_v2`: the flushing program for the v2 hierarchy; `with_v1`: the one for v1, which
 * also needs the per-CPU offsets for CPU time. -ENOTSUP, -EPERM with the reason. */
int plm_iter_open(uint32_t max_cgroups, bool with_v2, bool with_v1, struct plm_iter **ret, struct plm_err *err);
void plm_iter_close(struct plm_iter *it); /* NULL-safe */

/* A link that walks the subtree of an open cgroup directory; the directory may be closed after. Returns the link's fd,
 * which is the caller's, or -errno. The link keeps the kernel's cgroup alive, removed or not. */
int plm_iter_attach(const struct plm_iter *it, bool is_v2, int dir_fd, struct plm_err *err);

/* One walk. 0 or -errno. */
int plm_iter_run(struct plm_iter *it, int link_fd, bool want_cpuacct, uint64_t seen_id, uint32_t first_name,
		 struct plm_iter_result *ret, struct plm_err *err);

#endif
