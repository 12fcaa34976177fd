/* SPDX-License-Identifier: Apache-2.0
 *
 * The ends of cgroups as the kernel tells them (bpf/life.bpf.c), v2 hierarchy only.
 */
#ifndef PLM_KERNEL_EVENTS_H
#define PLM_KERNEL_EVENTS_H

#include <stdint.h>

#include "base/err.h"
#include "plm_abi.h"

struct plm_events;

/* Loads and attaches. -ENOTSUP without cgroup v2 or per-CPU offsets, -EPERM, with the reason. */
int plm_events_open(struct plm_events **ret, struct plm_err *err);
void plm_events_close(struct plm_events *e); /* NULL-safe */

/* Hands over what came since the last call, oldest first; never waits. The record is valid during the call. */
void plm_events_drain(struct plm_events *e, void (*fn)(void *ctx, const struct plm_event *event), void *ctx);

/* Events that found the ring full, since open. */
uint64_t plm_events_lost(const struct plm_events *e);

#endif
