/* SPDX-License-Identifier: Apache-2.0 */
#include "model/attribution.h"

#include <stdlib.h>
#include <string.h>

void plm_attribution_done(struct plm_attribution *a)
{
	free(a->row_task);
	free(a->final_task);
	memset(a, 0, sizeof(*a));
}
