/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/counters.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

void plm_counters_done(struct plm_counters *c)
{
	free(c->scalings);
	free(c->not_scaled);
	memset(c, 0, sizeof(*c));
}

/* Room for one more row; the zeroed row, or NULL at the maximum or without memory. */
static void *add_row(void **rows, size_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t want = *cap ? *cap * 2 : 16;
		void *bigger = want <= PLM_COUNTERS_MAX ? realloc(*rows, want * size) : NULL;
		if (!bigger)
			return NULL;
		*rows = bigger;
		*cap = want;
	}
	void *row = (char *)*rows + (*n)++ * size;
	memset(row, 0, size);
	return row;
}

void plm_counters_scaled(struct plm_counters *c, const struct plm_activity *a, bool is_dry_run)
{
	bool is_out = a->to > a->from;
	for (size_t i = 0; i < c->n_scalings; i++) {
		struct plm_scaling_count *row = &c->scalings[i];
		if (row->is_out == is_out && row->status == a->status && row->is_dry_run == is_dry_run &&
		    strcmp(row->service, a->service) == 0 && strcmp(row->policy, a->policy) == 0) {
			row->count++;
			return;
		}
	}
	struct plm_scaling_count *row = add_row((void **)&c->scalings, &c->n_scalings, &c->cap_scalings, sizeof(*row));
	if (!row)
		return;
	(void)plm_strcpy(row->service, sizeof(row->service), a->service);
	(void)plm_strcpy(row->policy, sizeof(row->policy), a->policy);
	row->is_out = is_out;
	row->status = a->status;
	row->is_dry_run = is_dry_run;
	row->count = 1;
}

void plm_counters_not_scaled(struct plm_counters *c, const char *service, const char *policy,
			     enum plm_not_scaled reason)
{
	for (size_t i = 0; i < c->n_not_scaled; i++) {
		struct plm_not_scaled_count *row = &c->not_scaled[i];
		if (row->reason == reason && strcmp(row->service, service) == 0 && strcmp(row->policy, policy) == 0) {
			row->count++;
			return;
		}
	}
	struct plm_not_scaled_count *row =
		add_row((void **)&c->not_scaled, &c->n_not_scaled, &c->cap_not_scaled, sizeof(*row));
	if (!row)
		return;
	(void)plm_strcpy(row->service, sizeof(row->service), service);
	(void)plm_strcpy(row->policy, sizeof(row->policy), policy);
	row->reason = reason;
	row->count = 1;
}
