/* SPDX-License-Identifier: Apache-2.0 */
#include "model/lookup.h"

#include <errno.h>
#include <string.h>

/* The maps hold `void *`; what comes out is const again. */
static int put(struct plm_map *m, const char *key, const void *value)
{
	return plm_smap_put(m, key, (void *)value);
}

static int join_tasks(struct plm_lookup *l, const struct plm_view *view)
{
	int r = 0;
	for (size_t i = 0; view->usage && i < view->usage->n_tasks; i++)
		r |= put(&l->usage_by_task, view->usage->tasks[i].task, &view->usage->tasks[i]);
	for (size_t i = 0; view->cluster && i < view->cluster->n_tasks; i++) {
		const struct plm_task *task = &view->cluster->tasks[i];
		const struct plm_task_usage *usage = plm_smap_get(&l->usage_by_task, task->id);
		if (usage && usage->last.has)
			r |= plm_map_put(&l->task_by_cgroup, usage->last.id, (void *)task);
	}
	return r;
}

static int join_services(struct plm_lookup *l, const struct plm_view *view)
{
	int r = 0;
	for (size_t i = 0; view->cluster && i < view->cluster->n_services; i++)
		r |= put(&l->service_by_name, view->cluster->services[i].name, &view->cluster->services[i]);
	for (size_t i = 0; view->usage && i < view->usage->n_services; i++)
		r |= put(&l->usage_by_service, view->usage->services[i].service, &view->usage->services[i]);
	for (size_t i = 0; view->policies && i < view->policies->n_targets; i++)
		r |= put(&l->target_by_service, view->policies->targets[i].service, &view->policies->targets[i]);
	for (size_t i = 0; view->decisions && i < view->n_decisions; i++)
		r |= put(&l->decision_by_service, view->decisions[i].service, &view->decisions[i]);
	return r;
}

int plm_lookup_init(struct plm_lookup *l, const struct plm_view *view)
{
	memset(l, 0, sizeof(*l));
	return join_tasks(l, view) || join_services(l, view) ? -ENOMEM : 0;
}

void plm_lookup_done(struct plm_lookup *l)
{
	plm_map_done(&l->usage_by_task);
	plm_map_done(&l->usage_by_service);
	plm_map_done(&l->service_by_name);
	plm_map_done(&l->target_by_service);
	plm_map_done(&l->decision_by_service);
	plm_map_done(&l->task_by_cgroup);
}

const struct plm_task_usage *plm_lookup_task_usage(const struct plm_lookup *l, const char *task)
{
	return plm_smap_get(&l->usage_by_task, task);
}

const struct plm_service_usage *plm_lookup_service_usage(const struct plm_lookup *l, const char *service)
{
	return plm_smap_get(&l->usage_by_service, service);
}

const struct plm_service *plm_lookup_service(const struct plm_lookup *l, const char *service)
{
	return plm_smap_get(&l->service_by_name, service);
}

const struct plm_target *plm_lookup_target(const struct plm_lookup *l, const char *service)
{
	return plm_smap_get(&l->target_by_service, service);
}

const struct plm_task *plm_lookup_cgroup_task(const struct plm_lookup *l, uint64_t cgroup_id)
{
	return plm_map_get(&l->task_by_cgroup, cgroup_id);
}

const struct plm_decision *plm_lookup_decision(const struct plm_lookup *l, const char *service)
{
	return plm_smap_get(&l->decision_by_service, service);
}

const struct plm_proposal *plm_lookup_proposal(const struct plm_lookup *l, const struct plm_policy *policy)
{
	const struct plm_decision *d = plm_lookup_decision(l, policy->service);
	if (!d || strcmp(d->cluster, policy->cluster) != 0)
		return NULL;
	for (size_t i = 0; i < d->n_proposals; i++)
		if (strcmp(d->proposals[i].policy, policy->name) == 0)
			return &d->proposals[i];
	return NULL;
}
