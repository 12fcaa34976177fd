// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The end of a cgroup: its CPU time to the nanosecond, however short it lived. Two events go through the ring buffer:
 * rmdir, when the directory goes (an exiting task may still add its last microseconds), and release, when nothing refers
 * to the cgroup any more (exact; may come late or, while page cache pins the cgroup, not for a long time).
 *
 * The value is the sum of the cgroup's per-CPU base counters, which hold its own tasks only, not its children's:
 * children are removed first and send their own. `bstat` itself is not flushed at that moment and reads low.
 * v2 hierarchy only: v1 keeps no base counters.
 */
#include "plm_core.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* 3,300 events; user space drains it each pass */
} events SEC(".maps");

const volatile __u32 nr_cpus = 1;
const volatile __u64 percpu_offset[PLM_MAX_CPUS] = {};

__u64 lost_events = 0; /* the ring was full */

static __always_inline __u64 cpu_time_on(__u64 base, __u64 offset)
{
	if (bpf_core_type_exists(struct cgroup_rstat_base_cpu)) {
		struct cgroup_rstat_base_cpu *stat = (void *)(base + offset);
		return BPF_CORE_READ(stat, bstat.cputime.sum_exec_runtime);
	}
	struct cgroup_rstat_cpu *stat = (void *)(base + offset);
	return BPF_CORE_READ(stat, bstat.cputime.sum_exec_runtime);
}

/* At most nr_cpus rounds. The base is read by helper: the kernel may mark the pointer as per-CPU, on which no sums are allowed. */
static __always_inline __u64 cpu_time(struct cgroup *cgrp)
{
	__u64 base, sum = 0;

	if (bpf_core_field_exists(cgrp->rstat_base_cpu)) {
		base = (__u64)BPF_CORE_READ(cgrp, rstat_base_cpu);
	} else {
		struct cgroup___to615 *old = (void *)cgrp;
		base = (__u64)BPF_CORE_READ(old, rstat_cpu);
	}
	if (!base)
		return ~0ULL;
	for (__u32 cpu = 0; cpu < nr_cpus && cpu < PLM_MAX_CPUS; cpu++)
		sum += cpu_time_on(base, percpu_offset[cpu]);
	return sum;
}

static __always_inline int tell(__u32 type, struct cgroup *cgrp, const char *path)
{
	int hierarchy = BPF_CORE_READ(cgrp, root, hierarchy_id);
	if (hierarchy != 0)
		return 0; /* the events fire once per hierarchy; 0 is v2 */
	struct plm_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost_events, 1);
		return 0;
	}
	event->id = BPF_CORE_READ(cgrp, kn, id);
	event->parent_id = BPF_CORE_READ(cgrp, self.parent, cgroup, kn, id);
	event->time_ns = bpf_ktime_get_ns();
	event->final_cpu_ns = cpu_time(cgrp);
	event->type = type;
	event->hierarchy = 0;
	event->level = (__u32)BPF_CORE_READ(cgrp, level);
	event->exact = type == PLM_EV_RELEASE;
	event->path[0] = '\0';
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP); /* the reader comes once per pass and does not wait */
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int on_rmdir(__u64 *ctx) /* struct cgroup *, const char *path */
{
	return tell(PLM_EV_RMDIR, (struct cgroup *)ctx[0], (const char *)ctx[1]);
}

SEC("tp_btf/cgroup_release")
int on_release(__u64 *ctx) /* struct cgroup *, const char *path */
{
	return tell(PLM_EV_RELEASE, (struct cgroup *)ctx[0], (const char *)ctx[1]);
}
