/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/events.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/bpf_util.h"
#include "kernel/cgroupfs.h"
#include "life.skel.h"

struct plm_events {
	struct life_bpf *skel;
	struct ring_buffer *ring;
	void (*fn)(void *ctx, const struct plm_event *event); /* during a drain */
	void *ctx;
};

static int on_record(void *ctx, void *data, size_t size)
{
	struct plm_events *e = ctx;
	if (size >= sizeof(struct plm_event) && e->fn)
		e->fn(e->ctx, data);
	return 0;
}

static int load(struct plm_events *e, const struct btf *btf, struct plm_err *err)
{
	PLM_FREE struct plm_percpu *percpu = calloc(1, sizeof(*percpu));
	if (!percpu)
		return plm_err_set(err, ENOMEM, "bpf", "out of memory");
	int r = plm_percpu_find(btf, percpu, err);
	if (r != 0)
		return r;
	e->skel = life_bpf__open();
	if (!e->skel)
		return plm_bpf_failed(err, errno, "open the lifecycle programs");
	_Static_assert(sizeof(e->skel->rodata->percpu_offset) == sizeof(percpu->offset), "one offset per CPU");
	e->skel->rodata->nr_cpus = percpu->nr_cpus;
	memcpy((void *)e->skel->rodata->percpu_offset, percpu->offset, sizeof(percpu->offset));
	r = life_bpf__load(e->skel);
	if (r != 0)
		return plm_bpf_failed(err, -r, "load the lifecycle programs");
	r = life_bpf__attach(e->skel);
	if (r != 0)
		return plm_bpf_failed(err, -r, "attach the lifecycle programs");
	e->ring = ring_buffer__new(bpf_map__fd(e->skel->maps.events), on_record, e, NULL);
	return e->ring ? 0 : plm_bpf_failed(err, errno, "map the ring of lifecycle events");
}

int plm_events_open(struct plm_events **ret, struct plm_err *err)
{
	struct plm_cgroup_layout layout;
	struct btf *btf = NULL;
	int r = plm_cgroup_layout_detect(NULL, &layout, err);
	if (r == 0 && !layout.v2[0])
		r = plm_err_set(err, ENOTSUP, NULL,
				"cgroup v2 is not mounted; v1 keeps no totals of its own per cgroup");
	if (r == 0)
		r = plm_bpf_kernel_btf(&btf, err);
	if (r != 0)
		return r;
	struct plm_events *e = calloc(1, sizeof(*e));
	r = e ? load(e, btf, err) : plm_err_set(err, ENOMEM, NULL, "out of memory");
	btf__free(btf);
	if (r != 0) {
		plm_events_close(e);
		return r;
	}
	*ret = e;
	return 0;
}

void plm_events_close(struct plm_events *e)
{
	if (!e)
		return;
	ring_buffer__free(e->ring);
	life_bpf__destroy(e->skel);
	free(e);
}

void plm_events_drain(struct plm_events *e, void (*fn)(void *ctx, const struct plm_event *event), void *ctx)
{
	e->fn = fn;
	e->ctx = ctx;
	(void)ring_buffer__consume(e->ring);
	e->fn = NULL;
}

uint64_t plm_events_lost(const struct plm_events *e)
{
	return __atomic_load_n(&e->skel->bss->lost_events, __ATOMIC_RELAXED);
}
