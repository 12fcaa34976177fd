/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernel ids to paths, and one entry per path over all hierarchies. Names are told by the kernel once per new cgroup;
 * a walk gives the same order as the one before it nearly always, so most rows are found by position, not by lookup.
 */
#ifndef PLM_KERNEL_JOIN_H
#define PLM_KERNEL_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "kernel/cputime.h"
#include "plm_abi.h"

/* A path; lives as long as any hierarchy has it. */
struct plm_join_path {
	char *path;
	struct plm_join_path *parent; /* NULL at the sampled root */
	uint64_t id;                  /* public; of v2 where v2 has the path, else of the first hierarchy that had it */
	uint64_t born_pass;
	uint64_t row_pass; /* the pass that made `row` */
	uint32_t row;
	uint32_t refs;
	bool had_v2;
	struct plm_cputime shown;
};

struct plm_join_node { /* one cgroup of one hierarchy */
	uint64_t id;
	uint64_t pass; /* last seen */
	struct plm_join_path *path;
};

/* What is known of one hierarchy. */
struct plm_join_tree {
	struct plm_map by_id;         /* -> plm_join_node */
	struct plm_join_node **order; /* of the last walk's rows; NULL where the name is not known */
	uint32_t n_order, cap_order;
	uint64_t seen_id; /* every cgroup up to this id has told its name */
	uint8_t tag;      /* see plm_hierarchy_id() */
	bool is_v2;
};

struct plm_join {
	struct plm_map by_path; /* -> plm_join_path */
	uint64_t pass;
	char root[256];
};

void plm_join_done(struct plm_join *j); /* after all its trees */
void plm_join_tree_done(struct plm_join *j, struct plm_join_tree *t);

/* Takes the rows of one walk: afterwards t->order[i] belongs to rows[i]. `names` maps ids to the names (char *) of new
 * cgroups. Cgroups that the walk did not show are forgotten. 0 or -ENOMEM. */
int plm_join_take(struct plm_join *j, struct plm_join_tree *t, const struct plm_cgroup_rec *rows, uint32_t n_rows,
		  const struct plm_map *names);

#endif
