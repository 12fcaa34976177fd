/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backends/backend.h"

static const struct plm_backend_ops *const backends[] = { &plm_backend_local, NULL };

const struct plm_backend_ops *plm_backend_find(const char *name)
{
	for (size_t i = 0; backends[i]; i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

int plm_apply_desired(const struct plm_backend_ops *ops, void *ctx, bool is_dry_run, const char *service, int desired,
		      const struct plm_now *now, struct plm_err *err)
{
	if (is_dry_run)
		return 1;
	return ops->set_desired(ctx, service, desired, now, err);
}
