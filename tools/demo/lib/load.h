/* SPDX-License-Identifier: Apache-2.0
 *
 * An open-loop HTTP load: every request has a time at which it is due, fixed before the load starts and independent of
 * how the server fares, and its latency counts from then. So a slow server cannot slow the load down, and a request
 * that had to wait for its turn is not measured as if it had been sent late (no coordinated omission).
 *
 * The schedule is pure: the same profile and seed give the same times. One thread sends; every figure is computed
 * from the full list of requests, so percentiles are exact.
 */
#ifndef PLM_DEMO_LOAD_H
#define PLM_DEMO_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define PLM_LOAD_MAX_PHASES 16
#define PLM_LOAD_MAX_REQUESTS (1u << 20)
#define PLM_LOAD_MAX_IN_FLIGHT 4000
#define PLM_LOAD_MAX_RATE 100000.0   /* requests a second */
#define PLM_LOAD_MAX_SECONDS 86400.0 /* of one phase */

/* --- when (load_schedule.c) --- */

struct plm_load_phase {
	double seconds;            /* > 0 */
	double rate_from, rate_to; /* requests a second, linear in between */
};
struct plm_load_profile {
	struct plm_load_phase phases[PLM_LOAD_MAX_PHASES];
	size_t n;
};
enum plm_load_arrivals {
	PLM_LOAD_POISSON, /* as from many independent clients */
	PLM_LOAD_EVEN,
	_PLM_LOAD_ARRIVALS_MAX,
};

/* "SECONDS:RATE[-RATE],…", for example "12:12,1:12-110,30:110,30:12". 0 or -EINVAL. */
int plm_load_profile_parse(const char *text, struct plm_load_profile *ret, struct plm_err *err);
double plm_load_profile_seconds(const struct plm_load_profile *p);
/* Requests a second at `t_s` seconds after the start; 0 outside the profile. At a jump, the rate after it. */
double plm_load_profile_rate(const struct plm_load_profile *p, double t_s);
/* The due times in ns after the start, ascending; the caller frees *ret. 0, -E2BIG (over PLM_LOAD_MAX_REQUESTS) or
 * -ENOMEM. */
int plm_load_schedule(const struct plm_load_profile *p, enum plm_load_arrivals arrivals, uint64_t seed, plm_ns **ret,
		      size_t *ret_n, struct plm_err *err);

/* --- what came of it (load_stats.c) --- */

enum plm_load_outcome {
	PLM_LOAD_OPEN, /* not due yet, or in flight */
	PLM_LOAD_OK,   /* status 200 and the whole body */
	PLM_LOAD_TIMED_OUT,
	PLM_LOAD_RESET,    /* refused, or closed before the answer was whole */
	PLM_LOAD_BAD,      /* another status */
	PLM_LOAD_NOT_SENT, /* over the limit of requests in flight, or no socket */
	_PLM_LOAD_OUTCOME_MAX,
};
struct plm_load_request {
	plm_ns due; /* ns after the start */
	plm_ns end; /* likewise; 0 while open */
	enum plm_load_outcome outcome;
};
struct plm_load_stats {
	size_t offered;                           /* due in the window */
	size_t by_outcome[_PLM_LOAD_OUTCOME_MAX]; /* of those the window counts */
	size_t ok, failed;                        /* failed: every outcome that is neither open nor ok */
	double p50_ms, p99_ms, max_ms; /* of those ended; one that failed counts as at least the time-out; NAN = none */
};
enum plm_load_window { PLM_LOAD_BY_DUE, PLM_LOAD_BY_END }; /* which time must be inside [from, to) */

/* `requests` ascending by due; `timeout` is the one they ran with. */
int plm_load_stats_of(const struct plm_load_request *requests, size_t n, plm_ns timeout, enum plm_load_window by,
		      plm_ns from, plm_ns to, struct plm_load_stats *ret);

/* --- doing it (load.c) --- */

struct plm_load_cfg {
	int port; /* on 127.0.0.1 */
	struct plm_load_profile profile;
	enum plm_load_arrivals arrivals;
	uint64_t seed;
	plm_ns timeout;         /* from due; then the request has failed */
	unsigned max_in_flight; /* 1…PLM_LOAD_MAX_IN_FLIGHT */
};
struct plm_load;

/* Starts the thread; the first phase begins now. */
int plm_load_start(const struct plm_load_cfg *cfg, struct plm_load **ret, struct plm_err *err);
plm_ns plm_load_started(const struct plm_load *l); /* monotonic time of the start */
bool plm_load_is_done(struct plm_load *l);         /* every request has ended */
void plm_load_free(struct plm_load *l);            /* stops what still runs; NULL-safe */
int plm_load_read(struct plm_load *l, enum plm_load_window by, plm_ns from, plm_ns to, struct plm_load_stats *ret);

#endif
