/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rates.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static double share(uint64_t fresh, uint64_t old, double per)
{
	return (double)plm_counter_delta(fresh, old) / per;
}

void plm_rates_between(const struct plm_sample *old, const struct plm_sample *fresh, struct plm_rates *ret)
{
	static const uint32_t psi_has[_PLM_PSI_MAX] = { PLM_HAS_PSI_CPU, PLM_HAS_PSI_CPU, PLM_HAS_PSI_MEM,
							PLM_HAS_PSI_MEM, PLM_HAS_PSI_IO,  PLM_HAS_PSI_IO };
	*ret = (struct plm_rates){ NAN, NAN, NAN, NAN, NAN, { NAN, NAN, NAN, NAN, NAN, NAN } };
	if (!old || fresh->time_ns <= old->time_ns)
		return;
	double ns = (double)(fresh->time_ns - old->time_ns);
	uint32_t has = old->has & fresh->has;
	ret->interval_s = ns / 1e9;
	if (has & PLM_HAS_CPU) {
		ret->cpu_cores = share(fresh->cpu_usage_ns, old->cpu_usage_ns, ns);
		ret->cpu_user_cores = share(fresh->cpu_user_ns, old->cpu_user_ns, ns);
		ret->cpu_system_cores = share(fresh->cpu_system_ns, old->cpu_system_ns, ns);
	}
	if (has & PLM_HAS_THROTTLE) {
		double periods = (double)plm_counter_delta(fresh->nr_periods, old->nr_periods);
		if (periods > 0)
			ret->throttled_share = share(fresh->nr_throttled, old->nr_throttled, periods);
	}
	for (int i = 0; i < _PLM_PSI_MAX; i++)
		if (has & psi_has[i])
			ret->psi_share[i] = fmin(share(fresh->psi_ns[i], old->psi_ns[i], ns), 1);
}

const struct plm_sample *plm_previous_get(const struct plm_previous *p, uint64_t id)
{
	return plm_map_get(&p->index, id);
}

int plm_previous_keep(struct plm_previous *p, const struct plm_sample_set *set)
{
	plm_map_done(&p->index);
	p->index = (struct plm_map){ .slots = NULL };
	p->n_rows = 0;
	if (set->n_rows > p->cap_rows) {
		struct plm_sample *rows = reallocarray(p->rows, set->n_rows, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		p->rows = rows;
		p->cap_rows = set->n_rows;
	}
	for (size_t i = 0; i < set->n_rows; i++) {
		p->rows[i] = set->rows[i];
		p->rows[i].path = NULL;
		if (plm_map_put(&p->index, p->rows[i].id, &p->rows[i]) < 0)
			return -ENOMEM;
		p->n_rows++;
	}
	return 0;
}

void plm_previous_done(struct plm_previous *p)
{
	plm_map_done(&p->index);
	free(p->rows);
	*p = (struct plm_previous){ .rows = NULL };
}
