/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What our programs know of the kernel: stubs with only the fields used. libbpf moves every access to where the running
 * kernel keeps the field (CO-RE), so offsets and sizes here mean nothing, and a build machine needs neither BTF nor
 * vmlinux.h. A name that ends in ___x is a flavour: the same kernel type as it looked in another release.
 */
#ifndef PLM_CORE_BPF_H
#define PLM_CORE_BPF_H

#include <stdbool.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "plm_abi.h"

/* CPUs that per-CPU sums can cover. Every loop over CPUs ends at `nr_cpus`, set before load, and never goes beyond. */
#define PLM_MAX_CPUS 1024

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
	const char *name;
};

struct task_cputime {
	__u64 stime, utime, sum_exec_runtime;
};

struct cgroup_base_stat {
	struct task_cputime cputime;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id;
};

struct psi_group {
	bool enabled;
	__u64 total
		[12]; /* [PSI_AVGS = 0][io some, io full, memory some, memory full, CPU some, CPU full], then [1][…] */
};

struct psi_group___nested {
	__u64 total[2][6];
};

struct cgroup_rstat_base_cpu { /* from 6.16 */
	struct cgroup_base_stat bstat;
};

struct cgroup_rstat_cpu { /* to 6.15 */
	struct cgroup_base_stat bstat;
};

struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[16];
	struct cgroup_root *root;
	struct cgroup_rstat_base_cpu *rstat_base_cpu;
	struct cgroup_base_stat bstat;
	struct psi_group *psi;
};

struct cgroup___to615 {
	struct cgroup_rstat_cpu *rstat_cpu;
};

typedef struct {
	__s64 counter;
} atomic64_t;

/* The kernel's enums; values come from its BTF, as they depend on the configuration. */
enum cgroup_subsys_id { cpu_cgrp_id = 1, cpuacct_cgrp_id = 2, memory_cgrp_id = 4, pids_cgrp_id = 11 };
enum node_stat_item { NR_INACTIVE_FILE = 2 };
enum memcg_memory_event { MEMCG_OOM_KILL = 4 };

struct page_counter {
	atomic64_t usage;
	unsigned long max;
};

struct memcg_vmstats {
	long state[8];
};

struct mem_cgroup {
	struct page_counter memory;
	struct memcg_vmstats *vmstats;
	atomic64_t memory_events[9];
};

struct pids_cgroup {
	atomic64_t counter;
};

struct cfs_bandwidth {
	int nr_periods;
	int nr_throttled;
	__u64 throttled_time;
};

struct rq;

struct cfs_rq {
	struct rq *rq;
};

struct task_group {
	struct cfs_rq **cfs_rq;
	struct cfs_bandwidth cfs_bandwidth;
};

struct kernel_cpustat {
	__u64 cpustat[10];
};

struct cpuacct {
	__u64 *cpuusage;
	struct kernel_cpustat *cpustat;
};

struct task_struct {
	struct task_group *sched_task_group;
};

struct bpf_iter_meta {
	__u64 seq_num;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

#pragma clang attribute pop

#endif
