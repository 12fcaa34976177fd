/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/iter.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups.skel.h"
#include "kernel/bpf_util.h"

/* New cgroups named per run (1 MiB); a first run on a big host takes some runs more. */
#define NAMES_PER_RUN 4096

struct plm_iter {
	struct cgroups_bpf *skel;
	struct bpf_program *v2, *v1;
	struct plm_cgroup_rec *rows;
	struct plm_cgroup_name *names;
	size_t rows_bytes, names_bytes;
	uint32_t max_names;
};

/* Five programs with one body; which are loadable is told by the functions that the kernel offers. */
static int choose_programs(struct plm_iter *it, const struct btf *btf, bool with_v2, bool with_v1, struct plm_err *err)
{
	struct cgroups_bpf *skel = it->skel;
	bool can_cast = plm_bpf_has_func(btf, "bpf_rdonly_cast");
	if (btf__find_by_name_kind(btf, "bpf_iter__cgroup", BTF_KIND_STRUCT) < 0)
		return plm_err_set(err, ENOTSUP, "bpf", "the kernel has no cgroup iterator (needs 6.1 or newer)");
	if (with_v2) {
		if (plm_bpf_has_func(btf, "css_rstat_flush") && can_cast)
			it->v2 = skel->progs.walk_css;
		else if (plm_bpf_has_func(btf, "cgroup_rstat_flush"))
			it->v2 = can_cast ? skel->progs.walk_cgroup : skel->progs.walk_cgroup_probe;
		else
			return plm_err_set(
				err, ENOTSUP, "bpf",
				"the kernel offers neither css_rstat_flush nor cgroup_rstat_flush to programs");
	}
	if (with_v1)
		it->v1 = can_cast ? skel->progs.walk_v1 : skel->progs.walk_v1_probe;
	struct bpf_program *prog;
	bpf_object__for_each_program(prog, skel->obj)(void)
		bpf_program__set_autoload(prog, prog == it->v2 || prog == it->v1);
	return 0;
}

static int set_constants(struct plm_iter *it, const struct btf *btf, uint32_t max_cgroups, bool with_v1,
			 struct plm_err *err)
{
	struct cgroups_bpf *skel = it->skel;
	skel->rodata->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	if (with_v1) {
		_Static_assert(sizeof(skel->rodata->percpu_offset) == PLM_KERNEL_MAX_CPUS * 8, "one offset per CPU");
		PLM_FREE struct plm_percpu *percpu = calloc(1, sizeof(*percpu));
		if (!percpu)
			return plm_err_set(err, ENOMEM, "bpf", "out of memory");
		int r = plm_percpu_find(btf, percpu, err);
		if (r != 0)
			return r;
		skel->rodata->nr_cpus = percpu->nr_cpus;
		memcpy((void *)skel->rodata->percpu_offset, percpu->offset, sizeof(percpu->offset));
	}
	it->max_names = max_cgroups < NAMES_PER_RUN ? max_cgroups : NAMES_PER_RUN;
	int r = bpf_map__set_max_entries(skel->maps.rows, max_cgroups);
	if (r == 0)
		r = bpf_map__set_max_entries(skel->maps.names, it->max_names);
	return r == 0 ? 0 : plm_bpf_failed(err, -r, "size the maps");
}

static int map_memory(struct plm_iter *it, uint32_t max_cgroups, struct plm_err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	it->rows_bytes = (max_cgroups * sizeof(*it->rows) + page - 1) / page * page;
	it->names_bytes = (it->max_names * sizeof(*it->names) + page - 1) / page * page;
	void *rows = mmap(NULL, it->rows_bytes, PROT_READ, MAP_SHARED, bpf_map__fd(it->skel->maps.rows), 0);
	if (rows == MAP_FAILED)
		return plm_bpf_failed(err, errno, "map the records");
	it->rows = rows;
	void *names = mmap(NULL, it->names_bytes, PROT_READ, MAP_SHARED, bpf_map__fd(it->skel->maps.names), 0);
	if (names == MAP_FAILED)
		return plm_bpf_failed(err, errno, "map the names");
	it->names = names;
	return 0;
}

static int load(struct plm_iter *it, const struct btf *btf, uint32_t max_cgroups, bool with_v2, bool with_v1,
		struct plm_err *err)
{
	it->skel = cgroups_bpf__open();
	if (!it->skel)
		return plm_bpf_failed(err, errno, "open the iterator");
	int r = choose_programs(it, btf, with_v2, with_v1, err);
	if (r == 0)
		r = set_constants(it, btf, max_cgroups, with_v1, err);
	if (r != 0)
		return r;
	r = cgroups_bpf__load(it->skel);
	if (r != 0)
		return plm_bpf_failed(err, -r, "load the iterator");
	return map_memory(it, max_cgroups, err);
}

int plm_iter_open(uint32_t max_cgroups, bool with_v2, bool with_v1, struct plm_iter **ret, struct plm_err *err)
{
	struct btf *btf = NULL;
	int r = plm_bpf_kernel_btf(&btf, err);
	if (r != 0)
		return r;
	struct plm_iter *it = calloc(1, sizeof(*it));
	r = it ? load(it, btf, max_cgroups, with_v2, with_v1, err) : plm_err_set(err, ENOMEM, "bpf", "out of memory");
	btf__free(btf);
	if (r != 0) {
		plm_iter_close(it);
		return r;
	}
	*ret = it;
	return 0;
}

void plm_iter_close(struct plm_iter *it)
{
	if (!it)
		return;
	if (it->rows)
		(void)munmap(it->rows, it->rows_bytes);
	if (it->names)
		(void)munmap(it->names, it->names_bytes);
	cgroups_bpf__destroy(it->skel);
	free(it);
}

int plm_iter_attach(const struct plm_iter *it, bool is_v2, int dir_fd, struct plm_err *err)
{
	union bpf_iter_link_info info = { .cgroup = { .order = BPF_CGROUP_ITER_DESCENDANTS_PRE,
						      .cgroup_fd = (__u32)dir_fd } };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	int fd = bpf_link_create(bpf_program__fd(is_v2 ? it->v2 : it->v1), 0, BPF_TRACE_ITER, &opts);
	return fd >= 0 ? fd : plm_bpf_failed(err, -fd, "attach the iterator");
}

int plm_iter_run(struct plm_iter *it, int link_fd, bool want_cpuacct, uint64_t seen_id, uint32_t first_name,
		 struct plm_iter_result *ret, struct plm_err *err)
{
	struct cgroups_bpf__bss *bss = it->skel->bss;
	bss->seen_id = seen_id;
	bss->first_name = first_name;
	bss->want_cpuacct = want_cpuacct;
	bss->n_rows = bss->n_new = bss->n_lost = 0;
	bss->pass_ns = 0;
	PLM_CLOSE int fd = bpf_iter_create(link_fd);
	if (fd < 0)
		return plm_bpf_failed(err, -fd, "start the iterator");
	/* One read runs the whole walk, which writes nothing: only an interrupted read needs another go. */
	char nothing[8];
	ssize_t n;
	do {
		n = read(fd, nothing, sizeof(nothing));
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return plm_bpf_failed(err, errno, "run the iterator");
	uint32_t n_new = bss->n_new > first_name ? bss->n_new - first_name : 0;
	*ret = (struct plm_iter_result){
		.rows = it->rows,
		.n_rows = bss->n_rows,
		.n_lost = bss->n_lost,
		.names = it->names,
		.n_names = n_new < it->max_names ? n_new : it->max_names,
		.n_new = n_new,
	};
	return 0;
}
