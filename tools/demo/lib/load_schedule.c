/* SPDX-License-Identifier: Apache-2.0
 *
 * When requests are due. A profile of linear phases has a cumulated count C(t) that is quadratic in each phase; the
 * k-th request is due where C(t) reaches the k-th arrival of a process of rate one: k + ½ for even arrivals, a sum of
 * exponential variates for Poisson ones (inversion of the mean function, the textbook way to an inhomogeneous process).
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "load.h"

static int parse_phase(char *text, struct plm_load_phase *ret, struct plm_err *err)
{
	struct plm_load_phase p;
	char *rate = strchr(text, ':'), *to;

	if (!rate)
		return plm_err_set(err, EINVAL, "profile", "phase \"%s\" must be SECONDS:RATE or SECONDS:RATE-RATE",
				   text);
	*rate++ = '\0';
	to = strchr(rate, '-');
	if (to)
		*to++ = '\0';
	if (plm_parse_double(text, 0.001, PLM_LOAD_MAX_SECONDS, &p.seconds) < 0)
		return plm_err_set(err, EINVAL, "profile", "\"%s\" must be seconds from 0.001 to %g", text,
				   PLM_LOAD_MAX_SECONDS);
	if (plm_parse_double(rate, 0, PLM_LOAD_MAX_RATE, &p.rate_from) < 0)
		return plm_err_set(err, EINVAL, "profile", "\"%s\" must be requests a second from 0 to %g", rate,
				   PLM_LOAD_MAX_RATE);
	p.rate_to = p.rate_from;
	if (to && plm_parse_double(to, 0, PLM_LOAD_MAX_RATE, &p.rate_to) < 0)
		return plm_err_set(err, EINVAL, "profile", "\"%s\" must be requests a second from 0 to %g", to,
				   PLM_LOAD_MAX_RATE);
	*ret = p;
	return 0;
}

int plm_load_profile_parse(const char *text, struct plm_load_profile *ret, struct plm_err *err)
{
	struct plm_load_profile p = { .n = 0 };
	PLM_FREE char *copy = strdup(text);
	char *rest = copy, *item;
	int r;

	if (!copy)
		return plm_err_set(err, ENOMEM, "profile", "out of memory");
	while ((item = strsep(&rest, ","))) {
		if (p.n == PLM_LOAD_MAX_PHASES)
			return plm_err_set(err, EINVAL, "profile", "more than %d phases", PLM_LOAD_MAX_PHASES);
		r = parse_phase(item, &p.phases[p.n], err);
		if (r < 0)
			return r;
		p.n++;
	}
	*ret = p;
	return 0;
}

double plm_load_profile_seconds(const struct plm_load_profile *p)
{
	double sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->phases[i].seconds;
	return sum;
}

double plm_load_profile_rate(const struct plm_load_profile *p, double t_s)
{
	if (t_s < 0)
		return 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct plm_load_phase *ph = &p->phases[i];
		if (t_s < ph->seconds)
			return ph->rate_from + (ph->rate_to - ph->rate_from) * t_s / ph->seconds;
		t_s -= ph->seconds;
	}
	return 0;
}

static double phase_count(const struct plm_load_phase *ph)
{
	return (ph->rate_from + ph->rate_to) / 2 * ph->seconds;
}

/* Seconds into the phase at which `count` requests have come; 0 <= count <= phase_count(). The root of
 * rate_from·t + slope/2·t² = count, in the form that does not cancel when the slope is small. */
static double phase_invert(const struct plm_load_phase *ph, double count)
{
	const double slope = (ph->rate_to - ph->rate_from) / ph->seconds;
	const double root = sqrt(fmax(0, ph->rate_from * ph->rate_from + 2 * slope * count));

	return count <= 0 ? 0 : fmin(ph->seconds, 2 * count / (ph->rate_from + root));
}

/* splitmix64: small, seedable, the same everywhere. */
static double uniform_open(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return ((double)(z >> 11) + 0.5) / 9007199254740992.0; /* (0, 1) */
}

static double next_arrival(enum plm_load_arrivals arrivals, size_t k, double before, uint64_t *state)
{
	return arrivals == PLM_LOAD_EVEN ? (double)k + 0.5 : before - log(uniform_open(state));
}

int plm_load_schedule(const struct plm_load_profile *p, enum plm_load_arrivals arrivals, uint64_t seed, plm_ns **ret,
		      size_t *ret_n, struct plm_err *err)
{
	double total = 0, begin_s = 0, done = 0, at;
	PLM_FREE plm_ns *due = NULL;
	size_t n = 0, cap;

	for (size_t i = 0; i < p->n; i++)
		total += phase_count(&p->phases[i]);
	/* A Poisson count stays within ten standard deviations of its mean. */
	if (total + 10 * sqrt(total) + 16 > PLM_LOAD_MAX_REQUESTS)
		return plm_err_set(err, E2BIG, "profile", "about %.0f requests; at most %u fit", total,
				   PLM_LOAD_MAX_REQUESTS);
	cap = (size_t)(total + 10 * sqrt(total)) + 16;
	due = malloc(cap * sizeof(*due));
	if (!due)
		return plm_err_set(err, ENOMEM, "profile", "out of memory");
	at = next_arrival(arrivals, 0, 0, &seed);
	for (size_t i = 0; i < p->n; i++) {
		const struct plm_load_phase *ph = &p->phases[i];
		const double count = phase_count(ph);
		while (at < done + count && n < cap) {
			due[n++] = (plm_ns)((begin_s + phase_invert(ph, at - done)) * 1e9);
			at = next_arrival(arrivals, n, at, &seed);
		}
		done += count;
		begin_s += ph->seconds;
	}
	*ret = PLM_TAKE_PTR(due);
	*ret_n = n;
	return 0;
}
