/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a policy document: parsed, added to a set that already holds one, cross-checked. A refused document leaves the set as it
 * was and says why; a taken one keeps every documented range, and the engine can run on it.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "scaling/scaling.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(condition)         \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_direction(const struct plm_direction *d)
{
	EXPECT(d->max_tasks >= 0 && d->max_tasks <= 100000 && d->max_percent >= 0 && d->max_percent <= 10000);
	EXPECT(d->max_tasks || d->max_percent);
	EXPECT(d->period_s >= 1 && d->period_s <= 3600 && d->stabilization_s >= 0 && d->stabilization_s <= 86400);
}

static void check_ranges(const struct plm_policy_set *set)
{
	for (size_t i = 0; i < set->n_targets; i++) {
		const struct plm_target *t = &set->targets[i];
		EXPECT(t->min >= 0 && t->min <= t->max && t->max <= 100000 && t->cluster[0] && t->service[0]);
		EXPECT(!strchr(t->cluster, '/') && !strchr(t->service, '/'));
	}
	for (size_t i = 0; i < set->n_policies; i++) {
		const struct plm_policy *p = &set->policies[i];
		EXPECT(p->name[0] && p->target > 0 && isfinite(p->target) && p->tolerance >= 0 && p->tolerance <= 0.5);
		EXPECT(p->window_s >= 1 && p->window_s <= 60);
		check_direction(&p->out);
		check_direction(&p->in);
	}
}

/* One evaluation of the first target under full load. */
static void run_engine(const struct plm_policy_set *set)
{
	struct plm_service service = { .desired = 3, .running = 3, .is_scalable = true };
	struct plm_service_usage use = {
		.cpu = { 250, 0, 5, 1, 3 }, .memory = { 1, 0, 0, 1, 3 }, .running = 3, .ready = 3
	};
	struct plm_cluster cluster = { .services = &service, .n_services = 1, .asked_mono = PLM_NS_PER_S };
	struct plm_usage usage = { .services = &use, .n_services = 1 };
	struct plm_engine_input in = {
		.policies = set, .cluster = &cluster, .usage = &usage, .now = { PLM_NS_PER_S, PLM_NS_PER_S }
	};
	if (!set->n_targets)
		return;
	(void)plm_strcpy(service.name, sizeof(service.name), set->targets[0].service);
	(void)plm_strcpy(use.service, sizeof(use.service), set->targets[0].service);
	struct plm_engine_state *engine = plm_engine_state_new();
	struct plm_decision *d = malloc(sizeof(*d));
	EXPECT(engine && d && plm_engine_evaluate(engine, &in, d, 1) == 1);
	EXPECT(d->result == d->desired || (d->result >= d->min && d->result <= d->max));
	free(d);
	plm_engine_state_free(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char first[] = "{\"ServiceNamespace\":\"ecs\",\"ScalableDimension\":\"ecs:service:DesiredCount\","
				    "\"ResourceId\":\"service/fuzz/first\",\"MinCapacity\":1,\"MaxCapacity\":2}";
	struct plm_policy_set set = { .n_targets = 0 };
	struct plm_err err = PLM_ERR_INIT;
	cJSON *doc;
	EXPECT(plm_json_parse(first, sizeof(first) - 1, 0, "first", &doc, &err) == 0);
	EXPECT(plm_policy_document_add(doc, "first", &set, &err) == 0);
	cJSON_Delete(doc);
	struct plm_target before = set.targets[0];
	if (plm_json_parse((const char *)data, size, PLM_JSON_COMMENTS, "fuzz", &doc, &err) == 0) {
		int r = plm_policy_document_add(doc, "fuzz", &set, &err);
		EXPECT(r == 0 || (err.code == -r && err.msg[0]));
		EXPECT(r == 0 || (set.n_targets == 1 && set.n_policies == 0));
		cJSON_Delete(doc);
		if (r == 0 && plm_policy_set_check(&set, &err) == 0)
			run_engine(&set);
		check_ranges(&set);
	} else {
		EXPECT(err.code && err.msg[0]);
	}
	EXPECT(memcmp(&set.targets[0], &before, sizeof(before)) == 0);
	plm_policy_set_done(&set);
	return 0;
}
