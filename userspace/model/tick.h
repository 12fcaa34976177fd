/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass of the daemon, as a value. Each stage reads the fields of the stages before it and fills its own; nothing flows back.
 * Memory is reused from tick to tick.
 */
#ifndef PLM_MODEL_TICK_H
#define PLM_MODEL_TICK_H

#include "model/attribution.h"
#include "model/decision.h"
#include "model/sample.h"
#include "model/service.h"
#include "model/usage.h"

struct plm_tick {
	struct plm_now now;                 /* read once */
	struct plm_cluster cluster;         /* what the backend knows */
	struct plm_sample_set samples;      /* what the kernel said */
	struct plm_attribution attribution; /* whose it is */
	struct plm_usage usage;             /* what it means */
	struct plm_decision *decisions;     /* what follows, one per scalable target */
	size_t n_decisions, cap_decisions;
};

#endif
