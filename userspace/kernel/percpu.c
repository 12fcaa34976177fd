/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs bpf/percpu.bpf.c once and checks what it found. Why not bpf_per_cpu_ptr(): it needs a kernel symbol, which
 * kernels without CONFIG_KALLSYMS_ALL do not give, and then the program does not load at all.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/bpf_util.h"
#include "percpu.skel.h"

_Static_assert(sizeof(((struct percpu_bpf__bss *)0)->offset) == PLM_KERNEL_MAX_CPUS * 8, "one offset per CPU");

/* Where a variable lies in the kernel's per-CPU section. */
static bool find_percpu_var(const struct btf *btf, const char *name, int64_t *ret)
{
	int section = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	if (section < 0)
		return false;
	const struct btf_type *t = btf__type_by_id(btf, (__u32)section);
	const struct btf_var_secinfo *v = btf_var_secinfos(t);
	for (int i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(btf, v[i].type);
		if (strcmp(btf__name_by_offset(btf, var->name_off), name) == 0) {
			*ret = v[i].offset;
			return true;
		}
	}
	return false;
}

/* The address of a kernel symbol, 0 when it is not told. Reads some MB of text: last resort. */
static uint64_t find_symbol(const char *name)
{
	PLM_FCLOSE FILE *f = fopen("/proc/kallsyms", "re");
	char line[256], symbol[128];
	while (f && fgets(line, sizeof(line), f)) {
		uint64_t address;
		char kind;
		if (sscanf(line, "%" SCNx64 " %c %127s", &address, &kind, symbol) == 3 && strcmp(symbol, name) == 0)
			return address;
	}
	return 0;
}

static bool run(const struct bpf_program *prog, const struct percpu_bpf *skel, uint32_t nr_cpus)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	skel->bss->n_found = 0;
	return bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) == 0 && skel->bss->n_found == nr_cpus;
}

/* Run queues lie as far apart as the offsets do; anything else means that the distance taken from BTF is wrong. */
static bool is_consistent(const struct percpu_bpf__bss *found, uint32_t nr_cpus)
{
	for (uint32_t i = 0; i < nr_cpus; i++) {
		if (found->offset[i] == 0 || found->offset[i] % 8 != 0 ||
		    found->runqueue[i] - found->runqueue[0] != found->offset[i] - found->offset[0])
			return false;
	}
	return true;
}

static int load_and_run(const struct btf *btf, uint32_t nr_cpus, struct percpu_bpf *skel, struct plm_err *err)
{
	int64_t runqueues, own_offset;
	bool has_way =
		find_percpu_var(btf, "runqueues", &runqueues) && find_percpu_var(btf, "this_cpu_off", &own_offset);
	skel->rodata->nr_cpus = nr_cpus;
	if (has_way)
		skel->rodata->runqueues_to_offset = own_offset - runqueues;
	else
		skel->rodata->offset_table = find_symbol("__per_cpu_offset");
	if (!has_way && skel->rodata->offset_table == 0)
		return plm_err_set(err, ENOTSUP, "bpf",
				   "per-CPU offsets are not known: no this_cpu_off in the kernel's "
				   "BTF, no __per_cpu_offset in /proc/kallsyms");
	(void)bpf_program__set_autoload(skel->progs.by_runqueue, has_way);
	(void)bpf_program__set_autoload(skel->progs.by_table, !has_way);
	int r = percpu_bpf__load(skel);
	if (r != 0)
		return plm_bpf_failed(err, -r, "load the per-CPU program");
	if (!run(has_way ? skel->progs.by_runqueue : skel->progs.by_table, skel, nr_cpus))
		return plm_err_set(err, ENOTSUP, "bpf", "per-CPU offsets are not known: cannot read them for %u CPUs",
				   nr_cpus);
	if (has_way && !is_consistent(skel->bss, nr_cpus))
		return plm_err_set(err, ENOTSUP, "bpf", "per-CPU offsets do not fit the run queues; not used");
	return 0;
}

int plm_percpu_find(const struct btf *btf, struct plm_percpu *ret, struct plm_err *err)
{
	plm_bpf_catch_messages();
	int nr_cpus = libbpf_num_possible_cpus();
	if (nr_cpus <= 0 || nr_cpus > PLM_KERNEL_MAX_CPUS)
		return plm_err_set(err, E2BIG, "bpf", "%d possible CPUs; at most %d are supported", nr_cpus,
				   PLM_KERNEL_MAX_CPUS);
	struct percpu_bpf *skel = percpu_bpf__open();
	if (!skel)
		return plm_bpf_failed(err, errno, "open the per-CPU program");
	int r = load_and_run(btf, (uint32_t)nr_cpus, skel, err);
	if (r == 0) {
		ret->nr_cpus = (uint32_t)nr_cpus;
		memcpy(ret->offset, skel->bss->offset, sizeof(ret->offset));
	}
	percpu_bpf__destroy(skel);
	return r;
}
