// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * One question, asked once at start: where does each CPU keep its copy of the per-CPU variables? The answer, one offset
 * per possible CPU, is fixed from boot on. Run by BPF_PROG_TEST_RUN, never attached.
 *
 * Two ways, as kernels differ in what they export:
 * - by way of the run queues: a task group names its queue on each CPU, that names the CPU's `runqueues`, and BTF tells how far from
 *   there `this_cpu_off` lies, in which the CPU keeps its own offset (x86; needs no kernel symbol table);
 * - `__per_cpu_offset`, when user space found its address in /proc/kallsyms (CONFIG_KALLSYMS_ALL; x86 and arm64).
 */
#include "plm_core.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 nr_cpus = 1;
const volatile __s64 runqueues_to_offset = 0; /* &this_cpu_off - &runqueues */
const volatile __u64 offset_table = 0;        /* &__per_cpu_offset */

__u64 offset[PLM_MAX_CPUS] = {};
__u64 runqueue[PLM_MAX_CPUS] = {}; /* of each CPU, for user space to check the offsets against */
__u32 n_found = 0;

SEC("raw_tp")
int by_runqueue(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct cfs_rq **queues = BPF_CORE_READ(task, sched_task_group, cfs_rq);

	(void)ctx;
	for (__u32 cpu = 0; cpu < nr_cpus && cpu < PLM_MAX_CPUS; cpu++) {
		struct cfs_rq *queue = NULL;
		if (bpf_probe_read_kernel(&queue, sizeof(queue), queues + cpu) != 0)
			return 0;
		__u64 rq = (__u64)BPF_CORE_READ(queue, rq);
		if (!rq || bpf_probe_read_kernel(&offset[cpu], sizeof(__u64), (void *)(rq + runqueues_to_offset)) != 0)
			return 0;
		runqueue[cpu] = rq;
		n_found++;
	}
	return 0;
}

SEC("raw_tp")
int by_table(void *ctx)
{
	(void)ctx;
	for (__u32 cpu = 0; cpu < nr_cpus && cpu < PLM_MAX_CPUS; cpu++) {
		if (bpf_probe_read_kernel(&offset[cpu], sizeof(__u64), (void *)(offset_table + cpu * sizeof(__u64))) !=
		    0)
			return 0;
		n_found++;
	}
	return 0;
}
