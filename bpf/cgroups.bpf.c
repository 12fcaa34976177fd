// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The sampling pass: one walk over a hierarchy (`iter/cgroup`, parents first) that copies the kernel's own totals into
 * a memory-mapped array. User space starts a pass by clearing the counters below, reads the iterator once, and finds
 * `n_rows` records. Nothing is attached between passes, so the cost between samples is zero.
 *
 * A session holds cgroup_mutex and cannot go on after 8 pages of output; hence the array and no bpf_seq_write.
 * Five programs with one body: which of them the kernel can take is looked up in its BTF before the load.
 */
#include "plm_core.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* 6.16 and newer / 6.1 to 6.15 / 6.2 and newer. */
extern void css_rstat_flush(struct cgroup_subsys_state *css) __ksym __weak;
extern void cgroup_rstat_flush(struct cgroup *cgrp) __ksym __weak;
extern void *bpf_rdonly_cast(void *obj, __u32 btf_id) __ksym __weak;

enum flush { FLUSH_NONE, FLUSH_CSS, FLUSH_CGROUP };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__type(value, struct plm_cgroup_rec);
} rows SEC(".maps");

/* Names of cgroups that user space has not seen yet: ids only grow, so `id > seen_id` is new. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__type(value, struct plm_cgroup_name);
} names SEC(".maps");

const volatile __u32 page_size = 4096;
const volatile __u32 nr_cpus = 0; /* 0: per-CPU offsets are not known, no cpuacct */
const volatile __u64 percpu_offset[PLM_MAX_CPUS] = {};

/* In, per pass. */
__u64 seen_id = 0;
__u32 first_name = 0;   /* leave out the names of that many new cgroups: they were read by the pass before */
__u32 want_cpuacct = 0; /* sum cpuacct's per-CPU counters; costs a probe read per CPU and cgroup */
/* Out, per pass. */
__u32 n_rows = 0;
__u32 n_new = 0;
__u32 n_lost = 0; /* cgroups that did not fit into `rows` */
__u64 pass_ns = 0;

#define LOAD(ptr, field, cast) ((cast) ? (ptr)->field : BPF_CORE_READ(ptr, field))
#define AS(type, ptr, cast) ((cast) ? bpf_rdonly_cast(ptr, bpf_core_type_id_kernel(type)) : (void *)(ptr))

/* The state of one controller in this cgroup; NULL when it is not enabled here or not in this kernel. */
#define CSS(cgrp, id)                                                             \
	(bpf_core_enum_value_exists(enum cgroup_subsys_id, id)                    \
		 ? (cgrp)->subsys[bpf_core_enum_value(enum cgroup_subsys_id, id)] \
		 : NULL)

static __always_inline void fill_cpu(struct cgroup *cgrp, struct plm_cgroup_rec *rec)
{
	rec->cpu_usage_ns = cgrp->bstat.cputime.sum_exec_runtime;
	rec->cpu_user_raw_ns = cgrp->bstat.cputime.utime;
	rec->cpu_system_raw_ns = cgrp->bstat.cputime.stime;
	rec->valid |= PLM_V_CPU;
}

static __always_inline void fill_pressure(struct cgroup *cgrp, struct plm_cgroup_rec *rec)
{
	if (!bpf_core_field_exists(cgrp->psi))
		return;
	struct psi_group *psi = cgrp->psi;
	if (!psi || (bpf_core_field_exists(psi->enabled) && !psi->enabled))
		return;
	/* Type data writes the two-dimensional array flat (pahole) or nested, and CO-RE tells the shapes apart. */
	const __u64 *total;
	if (bpf_core_field_exists(psi->total))
		total = (void *)psi + bpf_core_field_offset(struct psi_group, total);
	else if (bpf_core_field_exists(((struct psi_group___nested *)psi)->total))
		total = (void *)psi + bpf_core_field_offset(struct psi_group___nested, total);
	else
		return;
	rec->psi_ns[0] = total[4];
	rec->psi_ns[1] = total[5];
	rec->psi_ns[2] = total[2];
	rec->psi_ns[3] = total[3];
	rec->psi_ns[4] = total[0];
	rec->psi_ns[5] = total[1];
	rec->valid |= PLM_V_PSI_CPU | PLM_V_PSI_MEM | PLM_V_PSI_IO;
}

static __always_inline void fill_throttle(struct cgroup_subsys_state *css, struct plm_cgroup_rec *rec, bool cast)
{
	struct task_group *tg = AS(struct task_group, css, cast);

	if (!bpf_core_field_exists(tg->cfs_bandwidth))
		return;
	rec->nr_periods = (__u32)LOAD(tg, cfs_bandwidth.nr_periods, cast);
	rec->nr_throttled = (__u32)LOAD(tg, cfs_bandwidth.nr_throttled, cast);
	rec->throttled_ns = LOAD(tg, cfs_bandwidth.throttled_time, cast);
	rec->valid |= PLM_V_THROTTLE;
}

static __always_inline void fill_memory(struct cgroup_subsys_state *css, struct plm_cgroup_rec *rec, bool cast)
{
	struct mem_cgroup *memcg = AS(struct mem_cgroup, css, cast);
	__u64 unlimited = (__u64)(__LONG_MAX__) / page_size; /* the kernel's PAGE_COUNTER_MAX */
	__u64 max = LOAD(memcg, memory.max, cast);

	rec->mem_usage_bytes = (__u64)LOAD(memcg, memory.usage.counter, cast) * page_size;
	rec->mem_limit_bytes = max >= unlimited ? PLM_NO_LIMIT : max * page_size;
	rec->oom_kills = (__u64)LOAD(
		memcg, memory_events[bpf_core_enum_value(enum memcg_memory_event, MEMCG_OOM_KILL)].counter, cast);
	rec->valid |= PLM_V_MEM | PLM_V_MEMLIMIT | PLM_V_OOM;

	/* Entries 0-4 (the LRU sizes) keep their index where the array is compacted (6.10 and newer). */
	struct memcg_vmstats *vmstats = LOAD(memcg, vmstats, cast);
	long pages = LOAD(vmstats, state[bpf_core_enum_value(enum node_stat_item, NR_INACTIVE_FILE)], cast);
	rec->mem_inactive_file_bytes = pages > 0 ? (__u64)pages * page_size : 0;
	rec->valid |= PLM_V_MEMSTAT;
}

/* v1 CPU time: what cpuacct.usage and cpuacct.stat add up. At most nr_cpus rounds. */
static __always_inline void fill_cpuacct(struct cgroup_subsys_state *css, struct plm_cgroup_rec *rec)
{
	struct cpuacct *ca = (void *)css;
	__u64 usage_base = (__u64)BPF_CORE_READ(ca, cpuusage);
	__u64 stat_base = (__u64)BPF_CORE_READ(ca, cpustat);
	__u64 usage = 0, user = 0, system = 0;

	for (__u32 cpu = 0; cpu < nr_cpus && cpu < PLM_MAX_CPUS; cpu++) {
		__u64 ns = 0, stat[5] = {}; /* user, nice, system, softirq, irq */
		__u64 offset = percpu_offset[cpu];
		if (bpf_probe_read_kernel(&ns, sizeof(ns), (void *)(usage_base + offset)) != 0 ||
		    bpf_probe_read_kernel(stat, sizeof(stat), (void *)(stat_base + offset)) != 0)
			return;
		usage += ns;
		user += stat[0] + stat[1];
		system += stat[2] + stat[3] + stat[4];
	}
	rec->cpu_usage_ns = usage;
	rec->cpu_user_raw_ns = user;
	rec->cpu_system_raw_ns = system;
	rec->valid |= PLM_V_CPU;
}

static __always_inline void fill(struct cgroup *cgrp, struct plm_cgroup_rec *rec, bool is_v2, bool cast)
{
	struct cgroup_subsys_state *parent = cgrp->self.parent;
	struct cgroup_subsys_state *css;

	rec->id = cgrp->kn->id;
	rec->parent_id = parent ? parent->cgroup->kn->id : 0;
	rec->time_ns = pass_ns;
	rec->valid = 0;
	rec->level = (__u32)cgrp->level;
	rec->hierarchy = (__u32)cgrp->root->hierarchy_id;
	/* Totals are not kept at a hierarchy's root: user space reads the host's from files. */
	if (!parent)
		return;
	if (is_v2) {
		fill_cpu(cgrp, rec);
		fill_pressure(cgrp, rec);
	} else if (want_cpuacct && nr_cpus > 0) {
		css = CSS(cgrp, cpuacct_cgrp_id);
		if (css)
			fill_cpuacct(css, rec);
	}
	css = CSS(cgrp, cpu_cgrp_id);
	if (css)
		fill_throttle(css, rec, cast);
	css = CSS(cgrp, memory_cgrp_id);
	if (css)
		fill_memory(css, rec, cast);
	css = CSS(cgrp, pids_cgrp_id);
	if (css) {
		struct pids_cgroup *pids = AS(struct pids_cgroup, css, cast);
		rec->nr_pids = (__u64)LOAD(pids, counter.counter, cast);
		rec->valid |= PLM_V_PIDS;
	}
}

static __always_inline void tell_name(struct cgroup *cgrp, __u64 id)
{
	__u32 slot = n_new++ - first_name;
	struct plm_cgroup_name *name = bpf_map_lookup_elem(&names, &slot); /* a negative slot is out of range, too */
	if (!name)
		return;
	name->id = id;
	bpf_probe_read_kernel_str(name->name, sizeof(name->name), cgrp->kn->name);
}

static __always_inline int visit(struct bpf_iter__cgroup *ctx, enum flush flush, bool cast)
{
	struct cgroup *cgrp = ctx->cgroup;
	if (!cgrp)
		return 0; /* the end of the walk */
	if (pass_ns == 0) {
		/* Once per pass: flushing the top brings every cgroup below it up to date. */
		if (flush == FLUSH_CSS)
			css_rstat_flush(&cgrp->self);
		else if (flush == FLUSH_CGROUP)
			cgroup_rstat_flush(cgrp);
		pass_ns = bpf_ktime_get_ns();
	}
	__u32 row = n_rows;
	struct plm_cgroup_rec *rec = bpf_map_lookup_elem(&rows, &row);
	if (!rec) {
		n_lost++;
		return 0;
	}
	n_rows = row + 1;
	fill(cgrp, rec, flush != FLUSH_NONE, cast);
	if (rec->id > seen_id)
		tell_name(cgrp, rec->id);
	return 0;
}

SEC("iter.s/cgroup")
int walk_css(struct bpf_iter__cgroup *ctx)
{
	return visit(ctx, FLUSH_CSS, true);
}

SEC("iter.s/cgroup")
int walk_cgroup(struct bpf_iter__cgroup *ctx)
{
	return visit(ctx, FLUSH_CGROUP, true);
}

SEC("iter.s/cgroup")
int walk_cgroup_probe(struct bpf_iter__cgroup *ctx)
{
	return visit(ctx, FLUSH_CGROUP, false);
}

SEC("iter/cgroup")
int walk_v1(struct bpf_iter__cgroup *ctx)
{
	return visit(ctx, FLUSH_NONE, true);
}

SEC("iter/cgroup")
int walk_v1_probe(struct bpf_iter__cgroup *ctx)
{
	return visit(ctx, FLUSH_NONE, false);
}
