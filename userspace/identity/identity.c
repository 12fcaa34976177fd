/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/identity.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"

/* Index + 1 of the task whose cgroup is `path`, as a pointer-sized value; 0 = none. */
static uintptr_t exact(const struct plm_map *by_path, const char *path)
{
	return (uintptr_t)plm_smap_get(by_path, path);
}

/* The nearest task above `path` (or the one at it). */
static uintptr_t at_or_above(const struct plm_map *by_path, const char *path)
{
	char part[PLM_PATH_MAX];
	if (plm_strcpy(part, sizeof(part), path) != 0)
		return 0;
	for (;;) {
		uintptr_t found = exact(by_path, part);
		char *slash = strrchr(part, '/');
		if (found || !slash || slash == part)
			return found;
		*slash = '\0';
	}
}

static int index_tasks(const struct plm_cluster *cluster, struct plm_map *ret_by_path)
{
	for (size_t i = 0; i < cluster->n_tasks; i++) {
		const char *path = cluster->tasks[i].cgroup;
		if (path[0] && plm_smap_put(ret_by_path, path, (void *)(uintptr_t)(i + 1)) != 0)
			return -ENOMEM;
	}
	return 0;
}

static int make_room(int **array, size_t *cap, size_t n)
{
	if (n <= *cap)
		return 0;
	int *bigger = realloc(*array, n * sizeof(**array));
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*cap = n;
	return 0;
}

int plm_identity_attribute(const struct plm_sample_set *samples, const struct plm_cluster *cluster,
			   struct plm_attribution *ret)
{
	struct plm_map by_path = { .size = 0 };
	int r = make_room(&ret->row_task, &ret->cap_rows, samples->n_rows);
	if (r == 0)
		r = make_room(&ret->final_task, &ret->cap_finals, samples->n_finals);
	if (r == 0)
		r = index_tasks(cluster, &by_path);
	if (r != 0) {
		plm_map_done(&by_path);
		return r;
	}
	ret->n_unattributed = 0;
	for (size_t i = 0; i < samples->n_rows; i++) {
		uintptr_t task = exact(&by_path, samples->rows[i].path);
		ret->row_task[i] = (int)task - 1;
		if (!task && !at_or_above(&by_path, samples->rows[i].path))
			ret->n_unattributed++;
	}
	for (size_t i = 0; i < samples->n_finals; i++)
		ret->final_task[i] = (int)at_or_above(&by_path, samples->finals[i].path) - 1;
	plm_map_done(&by_path);
	return 0;
}
