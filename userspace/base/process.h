/* SPDX-License-Identifier: Apache-2.0
 * This process as /proc tells it, for the standard process_* families and the host page of the API. */
#ifndef PLM_BASE_PROCESS_H
#define PLM_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define PLM_PROCESS_NO_LIMIT UINT64_MAX

struct plm_process {
	plm_ns cpu_ns;
	bool has_memory; /* virtual_bytes, resident_bytes */
	uint64_t virtual_bytes, resident_bytes;
	bool has_limits; /* max_virtual_bytes, max_fds; PLM_PROCESS_NO_LIMIT = none */
	uint64_t max_virtual_bytes, max_fds;
	bool has_threads;
	uint64_t threads;
	bool has_fds; /* the one that reads the list is not counted */
	uint64_t open_fds;
};

/* Reads what can be read; the rest stays unknown. About 50 us. */
void plm_process_read(struct plm_process *ret);

#endif
