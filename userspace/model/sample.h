/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel said about the cgroups of this host at one instant. A sample is a row of cumulative
 * counters and gauges of one cgroup; `valid` tells which of them are known. Absent is never zero.
 */
#ifndef PLM_MODEL_SAMPLE_H
#define PLM_MODEL_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* Which fields are known. */
enum {
	PLM_HAS_CPU = 1 << 0,         /* cpu_usage_ns, cpu_user_ns, cpu_system_ns */
	PLM_HAS_THROTTLE = 1 << 1,    /* nr_periods, nr_throttled, throttled_ns */
	PLM_HAS_MEM = 1 << 2,         /* mem_usage_bytes */
	PLM_HAS_WORKING_SET = 1 << 3, /* mem_working_set_bytes */
	PLM_HAS_MEM_LIMIT = 1 << 4,   /* mem_limit_bytes, PLM_NO_MEM_LIMIT = none */
	PLM_HAS_OOM = 1 << 5,         /* oom_kills */
	PLM_HAS_PSI_CPU = 1 << 6,
	PLM_HAS_PSI_MEM = 1 << 7,
	PLM_HAS_PSI_IO = 1 << 8,
	PLM_HAS_PROCS = 1 << 9, /* pids */
};
#define PLM_NO_MEM_LIMIT UINT64_MAX

enum plm_psi {
	PLM_PSI_CPU_SOME,
	PLM_PSI_CPU_FULL,
	PLM_PSI_MEM_SOME,
	PLM_PSI_MEM_FULL,
	PLM_PSI_IO_SOME,
	PLM_PSI_IO_FULL,
	_PLM_PSI_MAX
};

/* One cgroup. On a host with several hierarchies the same path is one row, joined by path. */
struct plm_sample {
	uint64_t
		id; /* v2's kernfs id; a path that only v1 has carries its hierarchy in the top byte. Unique per boot */
	uint64_t parent_id; /* 0 = none (a root) */
	const char *path;   /* "/plimsoll/web/0a1b…", from the hierarchy's root; owned by the source, valid until
			       its next read */
	plm_ns time_ns;     /* CLOCK_MONOTONIC of the reading */
	uint32_t has;       /* PLM_HAS_* */

	uint64_t cpu_usage_ns; /* since the cgroup's birth, children included */
	uint64_t cpu_user_ns;  /* scaled so that user + system = usage */
	uint64_t cpu_system_ns;
	uint64_t nr_periods, nr_throttled, throttled_ns;
	uint64_t mem_usage_bytes;
	uint64_t mem_working_set_bytes; /* usage - inactive file pages, at least 0 */
	uint64_t mem_limit_bytes;
	uint64_t oom_kills;
	uint64_t psi_ns[_PLM_PSI_MAX]; /* total stall time */
	uint64_t pids;                 /* processes and threads */
};

/* The end of one cgroup: what it used over its whole life, itself without its children. */
struct plm_final {
	uint64_t id, parent_id;
	char path[256];
	plm_ns time_ns;
	uint64_t cpu_usage_ns;
	bool is_exact; /* the kernel's own total; false: summed from exiting tasks or the last sample */
};

struct plm_sample_set {
	struct plm_sample *rows; /* parents before children */
	size_t n_rows, cap_rows;
	struct plm_final *finals; /* cgroups that ended since the last read */
	size_t n_finals, cap_finals;
	plm_ns time_ns;        /* when the pass began */
	uint64_t lost_events;  /* cumulative: lifecycle events that did not fit */
	uint64_t lost_cgroups; /* cumulative: cgroups that did not fit into a pass */
	plm_ns cost_cpu_ns;    /* CPU time this read took */
};

void plm_sample_set_done(struct plm_sample_set *set);  /* frees the arrays */
void plm_sample_set_reset(struct plm_sample_set *set); /* empties, keeps memory and the cumulative counts */
/* Appends a zeroed row; NULL when out of memory. */
struct plm_sample *plm_sample_set_add(struct plm_sample_set *set);
struct plm_final *plm_sample_set_add_final(struct plm_sample_set *set);

#endif
