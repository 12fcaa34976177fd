/* SPDX-License-Identifier: Apache-2.0
 *
 * Time. Only the daemon's tick, the programs' entry points and tests read a clock; everything else is
 * handed `now`. Monotonic time is for intervals, wall time for schedules and records.
 */
#ifndef PLM_BASE_CLOCK_H
#define PLM_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t plm_ns; /* nanoseconds */

#define PLM_NS_PER_US 1000LL
#define PLM_NS_PER_MS 1000000LL
#define PLM_NS_PER_S 1000000000LL

struct plm_now {
	plm_ns mono; /* CLOCK_MONOTONIC, as bpf_ktime_get_ns() reads it */
	plm_ns wall; /* CLOCK_REALTIME, since the epoch */
};

struct plm_now plm_clock_now(void);
plm_ns plm_clock_mono(void);

/* CPU time used by this process so far, in ns. */
plm_ns plm_clock_self_cpu(void);

#define PLM_RFC3339_LEN 32
/* Writes "2026-03-01T12:00:00.123Z" (UTC, milliseconds) and returns buf. */
const char *plm_time_format(plm_ns wall, char buf[PLM_RFC3339_LEN]);

/* Parses RFC 3339 ("2026-03-01T12:00:00[.fff](Z|+hh:mm)") or whole epoch seconds. 0 or -EINVAL. */
int plm_time_parse(const char *text, plm_ns *ret_wall);

#endif
