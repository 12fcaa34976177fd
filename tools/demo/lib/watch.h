/* SPDX-License-Identifier: Apache-2.0
 * What the daemon says about itself and the service, read from its Unix socket. */
#ifndef PLM_DEMO_WATCH_H
#define PLM_DEMO_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define PLM_WATCH_MAX_ACTIVITIES 64

struct plm_watch_service {
	int desired, running;
	double cpu_percent; /* NAN = not known */
	char reason[200];
};
struct plm_watch_activity {
	char id[40];
	int from, to;
	char cause[320];
	plm_ns wall; /* when it was decided */
};
struct plm_watch_host {
	char rung[8], rung_name[64], kernel[128], cgroup_mode[16];
	double cpu_seconds;      /* of the daemon; NAN = not known */
	uint64_t resident_bytes; /* likewise; 0 = not known */
};

/* 0 when the daemon is ready, -EAGAIN when not yet, another error when it answers nonsense. */
int plm_watch_ready(const char *socket, struct plm_err *err);
int plm_watch_read_service(const char *socket, const char *service, struct plm_watch_service *ret, struct plm_err *err);
int plm_watch_read_host(const char *socket, struct plm_watch_host *ret, struct plm_err *err);
/* What was done, oldest first; *ret_n of at most PLM_WATCH_MAX_ACTIVITIES. */
int plm_watch_read_activities(const char *socket, const char *service, struct plm_watch_activity *ret, size_t *ret_n,
			      struct plm_err *err);

#endif
