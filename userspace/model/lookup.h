/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins over one view: tasks to their use, services to targets and decisions. Built for one answer (a scrape, a page)
 * and thrown away; it holds pointers into the view. 1,000 tasks take about 0.2 ms.
 */
#ifndef PLM_MODEL_LOOKUP_H
#define PLM_MODEL_LOOKUP_H

#include "base/map.h"
#include "model/view.h"

struct plm_lookup { /* private */
	struct plm_map usage_by_task, usage_by_service, service_by_name, target_by_service, decision_by_service;
	struct plm_map task_by_cgroup; /* kernfs id of the sample → task */
};

/* 0 or -ENOMEM. plm_lookup_done() is due in both cases. Parts of the view may be NULL: they count as empty. */
int plm_lookup_init(struct plm_lookup *l, const struct plm_view *view);
void plm_lookup_done(struct plm_lookup *l);

/* All NULL when unknown. */
const struct plm_task_usage *plm_lookup_task_usage(const struct plm_lookup *l, const char *task);
const struct plm_service_usage *plm_lookup_service_usage(const struct plm_lookup *l, const char *service);
const struct plm_service *plm_lookup_service(const struct plm_lookup *l, const char *service);
const struct plm_target *plm_lookup_target(const struct plm_lookup *l, const char *service);
const struct plm_task *plm_lookup_cgroup_task(const struct plm_lookup *l, uint64_t cgroup_id);
/* The newest decision about a service, and in it what one policy asked for. */
const struct plm_decision *plm_lookup_decision(const struct plm_lookup *l, const char *service);
const struct plm_proposal *plm_lookup_proposal(const struct plm_lookup *l, const struct plm_policy *policy);

#endif
