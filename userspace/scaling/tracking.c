/* SPDX-License-Identifier: Apache-2.0 */
#include "scaling/tracking.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "scaling/scaling.h"

#define SNAP 1e-9 /* relative: differences that come from binary fractions */

int plm_tracking_round_up(double raw)
{
	double nearest = round(raw);
	if (fabs(raw - nearest) <= SNAP * fmax(1.0, raw))
		raw = nearest;
	raw = ceil(raw);
	return raw > PLM_COUNT_MAX ? PLM_COUNT_MAX : (int)raw;
}

bool plm_tracking_is_above(double value, double target, double tolerance)
{
	return value > target * (1.0 + tolerance) * (1.0 + SNAP);
}

static bool is_below(double value, double target, double tolerance)
{
	return value < target * (1.0 - tolerance) * (1.0 - SNAP);
}

static const struct plm_signal *signal_of(const struct plm_policy *p, const struct plm_service_usage *u)
{
	return p->metric == PLM_METRIC_CPU ? &u->cpu : &u->memory;
}

bool plm_tracking_has_data(const struct plm_policy *p, const struct plm_service_usage *u, int desired)
{
	const struct plm_signal *in = signal_of(p, u);
	return desired > 0 && u->ready > 0 && isfinite(in->value) && in->value >= 0 &&
	       in->age_s <= PLM_SIGNAL_MAX_AGE_S && in->coverage >= PLM_MIN_COVERAGE_OUT;
}

void plm_tracking_propose(const struct plm_policy *p, const struct plm_service_usage *u, int desired, double ready_mean,
			  struct plm_proposal *ret)
{
	*ret = (struct plm_proposal){
		.metric = p->metric, .target = p->target, .raw = NAN, .desired = -1, .input = *signal_of(p, u)
	};
	(void)plm_strcpy(ret->policy, sizeof(ret->policy), p->name);
	const struct plm_signal *in = &ret->input;
	if (!plm_tracking_has_data(p, u, desired)) {
		ret->not_scaled = PLM_NS_INSUFFICIENT_DATA;
		return;
	}
	bool is_high = plm_tracking_is_above(in->value, p->target, p->tolerance);
	bool is_low = is_below(in->value, p->target, p->tolerance);
	double ready = is_high ? fmin(u->ready, ready_mean) : is_low ? fmax(u->ready, ready_mean) : u->ready;
	ret->raw = ready * in->value / p->target;
	int count = plm_tracking_round_up(ret->raw);
	if (count < 1)
		count = 1;
	bool is_out = is_high && count > desired && plm_tracking_is_above(ret->raw, desired, p->tolerance);
	ret->desired = is_out || (is_low && count < desired) ? count : desired;
	if (ret->desired < desired && in->coverage < PLM_MIN_COVERAGE_IN) {
		ret->desired = desired;
		ret->not_scaled = PLM_NS_INSUFFICIENT_DATA;
	} else if (ret->desired < desired && p->is_scale_in_disabled) {
		ret->not_scaled = PLM_NS_SCALE_IN_DISABLED;
	} else if (ret->desired == desired) {
		ret->not_scaled = is_low && count == desired ? PLM_NS_ANTICIPATED_FLAPPING : PLM_NS_ALREADY_AT_DESIRED;
	}
}

/* Of two that only hold, the one with data tells more. */
static int better_witness(const struct plm_proposal *proposals, int a, int b)
{
	if (a < 0)
		return b;
	return proposals[a].desired < 0 && proposals[b].desired >= 0 ? b : a;
}

int plm_tracking_choose(const struct plm_proposal *proposals, const struct plm_policy *const policies[], size_t n,
			int desired)
{
	int out = -1, in = -1, lacking = -1, unasked = -1;
	for (size_t i = 0; i < n; i++) {
		const struct plm_proposal *p = &proposals[i];
		if (p->desired > desired && (out < 0 || p->desired > proposals[out].desired))
			out = (int)i;
		if (policies[i]->is_scale_in_disabled)
			unasked = better_witness(proposals, unasked, (int)i);
		else if (p->desired < 0)
			lacking = lacking < 0 ? (int)i : lacking;
		else if (in < 0 || p->desired > proposals[in].desired)
			in = (int)i;
	}
	if (out >= 0)
		return out;
	if (lacking >= 0) /* absence is a veto, not a zero */
		return lacking;
	return in >= 0 ? in : unasked;
}

int plm_tracking_calm_count(const struct plm_proposal *proposals, const struct plm_policy *const policies[], size_t n,
			    int want, int desired, int *ret_by)
{
	*ret_by = -1;
	for (size_t i = 0; i < n; i++) {
		const struct plm_proposal *p = &proposals[i];
		if (p->desired < 0)
			continue;
		while (want < desired && want > 0 &&
		       plm_tracking_is_above(p->raw * p->target / want, p->target, policies[i]->tolerance)) {
			int least = plm_tracking_round_up(p->raw / (1.0 + policies[i]->tolerance));
			want = least > want ? least : want + 1;
			*ret_by = (int)i;
		}
		if (want > desired)
			want = desired;
	}
	return want;
}
