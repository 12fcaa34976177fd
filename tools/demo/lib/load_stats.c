/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact percentiles of a window of requests. A window of one second at the demo's rates holds about a hundred of them;
 * a summary over a phase some thousands.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "load.h"

static int compare_double(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank: the smallest value that at least q of all are not above. */
static double percentile(const double *sorted, size_t n, double q)
{
	size_t rank = (size_t)ceil(q * (double)n);

	return sorted[rank > 0 ? rank - 1 : 0];
}

/* The first request due at or after `at`. */
static size_t first_due(const struct plm_load_request *requests, size_t n, plm_ns at)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (requests[mid].due < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_inside(plm_ns t, plm_ns from, plm_ns to)
{
	return t >= from && t < to;
}

int plm_load_stats_of(const struct plm_load_request *requests, size_t n, plm_ns timeout, enum plm_load_window by,
		      plm_ns from, plm_ns to, struct plm_load_stats *ret)
{
	struct plm_load_stats s = { .p50_ms = NAN, .p99_ms = NAN, .max_ms = NAN };
	/* One that ended in the window was due at most a time-out before it; the second is slack for a late sweep. */
	const size_t first = first_due(requests, n, by == PLM_LOAD_BY_END ? from - timeout - PLM_NS_PER_S : from);
	const size_t end = first_due(requests, n, to);
	const size_t most = end > first ? end - first : 1;
	PLM_FREE double *ms = malloc(most * sizeof(*ms));
	size_t n_ms = 0;

	if (!ms)
		return -ENOMEM;
	for (size_t i = first; i < end; i++) {
		const struct plm_load_request *q = &requests[i];
		plm_ns took = q->end - q->due;

		s.offered += is_inside(q->due, from, to);
		if (by == PLM_LOAD_BY_END && (q->outcome == PLM_LOAD_OPEN || !is_inside(q->end, from, to)))
			continue;
		s.by_outcome[q->outcome]++;
		if (q->outcome == PLM_LOAD_OPEN)
			continue;
		if (q->outcome == PLM_LOAD_OK)
			s.ok++;
		else
			s.failed++;
		if (q->outcome != PLM_LOAD_OK && took < timeout)
			took = timeout;
		ms[n_ms++] = (double)took / 1e6;
	}
	if (n_ms > 0) {
		qsort(ms, n_ms, sizeof(*ms), compare_double);
		s.p50_ms = percentile(ms, n_ms, 0.50);
		s.p99_ms = percentile(ms, n_ms, 0.99);
		s.max_ms = ms[n_ms - 1];
	}
	*ret = s;
	return 0;
}
