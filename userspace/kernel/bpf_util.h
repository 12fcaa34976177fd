/* SPDX-License-Identifier: Apache-2.0
 *
 * What the BPF loaders share: the reason libbpf gave, what the kernel's BTF offers, where CPUs keep their variables.
 */
#ifndef PLM_KERNEL_BPF_UTIL_H
#define PLM_KERNEL_BPF_UTIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct btf;

/* The same number as in bpf/plm_core.bpf.h; the skeletons' arrays are checked against it. */
#define PLM_KERNEL_MAX_CPUS 1024

/* Catches libbpf's messages from now on, in place of its printing to stderr. Idempotent. */
void plm_bpf_catch_messages(void);
/* Fills err with "cannot <what>: <reason>", the reason being libbpf's or the verifier's last words if there were any;
 * forgets them. Returns -code. */
int plm_bpf_failed(struct plm_err *err, int code, const char *what);

/* The kernel's type data. *ret is the caller's (btf__free). -ENOTSUP when the kernel has none. */
int plm_bpf_kernel_btf(struct btf **ret, struct plm_err *err);
bool plm_bpf_has_func(const struct btf *btf, const char *name);

/* Distance from each possible CPU's template to its own per-CPU variables; fixed from boot on. */
struct plm_percpu {
	uint32_t nr_cpus;
	uint64_t offset[PLM_KERNEL_MAX_CPUS];
};

/* Runs the programs of bpf/percpu.bpf.c. 0, -ENOTSUP when the kernel tells in neither way, -E2BIG with more CPUs than
 * PLM_KERNEL_MAX_CPUS, -EPERM. */
int plm_percpu_find(const struct btf *btf, struct plm_percpu *ret, struct plm_err *err);

#endif
