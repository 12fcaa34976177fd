/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The records that BPF programs and user space share. Included by both worlds; sizes and offsets are asserted
 * in both. Kernel writes, user space reads. All counters are cumulative and only grow, except where noted.
 */
#ifndef PLM_ABI_H
#define PLM_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#include <stddef.h>
#endif

#define PLM_ABI_VERSION 1

/* Bits of plm_cgroup_rec.valid: which groups of fields this kernel object could tell. */
#define PLM_V_CPU (1ULL << 0)      /* cpu_usage_ns, cpu_user_raw_ns, cpu_system_raw_ns */
#define PLM_V_THROTTLE (1ULL << 1) /* nr_periods, nr_throttled, throttled_ns */
#define PLM_V_MEM (1ULL << 2)      /* mem_usage_bytes */
#define PLM_V_MEMSTAT (1ULL << 3)  /* mem_inactive_file_bytes */
#define PLM_V_MEMLIMIT (1ULL << 4) /* mem_limit_bytes; ~0 = no limit */
#define PLM_V_OOM (1ULL << 5)      /* oom_kills */
#define PLM_V_PSI_CPU (1ULL << 6)
#define PLM_V_PSI_MEM (1ULL << 7)
#define PLM_V_PSI_IO (1ULL << 8)
#define PLM_V_PIDS (1ULL << 9) /* nr_pids */

#define PLM_NO_LIMIT (~0ULL)

struct plm_cgroup_rec {
	__u64 id;        /* cgroup->kn->id: unique per boot and hierarchy */
	__u64 parent_id; /* 0 for the hierarchy's root */
	__u64 valid;     /* PLM_V_* */
	__u64 time_ns;   /* CLOCK_MONOTONIC when the pass began */

	__u64 cpu_usage_ns;      /* exact run time, hierarchical */
	__u64 cpu_user_raw_ns;   /* tick-sampled; scale with the usage before showing */
	__u64 cpu_system_raw_ns; /* tick-sampled */
	__u64 nr_periods;        /* enforcement periods with runnable tasks */
	__u64 nr_throttled;
	__u64 throttled_ns;

	__u64 mem_usage_bytes;         /* gauge */
	__u64 mem_inactive_file_bytes; /* gauge; up to 2 s old */
	__u64 mem_limit_bytes;         /* gauge; PLM_NO_LIMIT = none */
	__u64 oom_kills;

	__u64 psi_ns[6]; /* cpu some, cpu full, mem some, mem full, io some, io full; up to 2 s old */

	__u64 nr_pids; /* gauge: tasks (threads) charged by the pids controller */
	__u32 level;   /* depth below the hierarchy's root */
	__u32 hierarchy;
};

/* The directory name of a cgroup that user space does not know yet. */
#define PLM_CGROUP_NAME_LEN 256 /* NAME_MAX and the NUL */
struct plm_cgroup_name {
	__u64 id;
	char name[PLM_CGROUP_NAME_LEN];
};

#define PLM_EV_RMDIR 2   /* final_cpu_ns is what is known at removal */
#define PLM_EV_RELEASE 3 /* final_cpu_ns is exact */

#define PLM_EV_PATH_LEN 256

/* One lifecycle event of a cgroup, through the ring buffer. */
struct plm_event {
	__u64 id, parent_id;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	/* CPU time of the cgroup itself, without its children, over its whole life; ~0 = not known. */
	__u64 final_cpu_ns;
	__u32 type; /* PLM_EV_* */
	__u32 hierarchy;
	__u32 level;
	__u32 exact;                /* 1: per-CPU totals of the kernel; 0: summed from exiting tasks */
	char path[PLM_EV_PATH_LEN]; /* from the hierarchy's root, NUL-terminated, may be cut */
};

_Static_assert(sizeof(struct plm_cgroup_rec) == 176, "plm_cgroup_rec is shared with the kernel side");
_Static_assert(__builtin_offsetof(struct plm_cgroup_rec, hierarchy) == 172, "plm_cgroup_rec layout");
_Static_assert(sizeof(struct plm_cgroup_name) == 264, "plm_cgroup_name is shared with the kernel side");
_Static_assert(sizeof(struct plm_event) == 48 + PLM_EV_PATH_LEN, "plm_event is shared with the kernel side");

#endif
