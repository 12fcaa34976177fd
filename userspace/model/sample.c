/* SPDX-License-Identifier: Apache-2.0 */
#include "model/sample.h"

#include <stdlib.h>
#include <string.h>

static void *grow(void *rows, size_t n, size_t *cap, size_t row_size)
{
	if (n < *cap)
		return rows;
	size_t want = *cap ? *cap * 2 : 64;
	void *bigger = realloc(rows, want * row_size);
	if (bigger)
		*cap = want;
	return bigger;
}

void plm_sample_set_done(struct plm_sample_set *set)
{
	free(set->rows);
	free(set->finals);
	memset(set, 0, sizeof(*set));
}

void plm_sample_set_reset(struct plm_sample_set *set)
{
	set->n_rows = set->n_finals = 0;
}

struct plm_sample *plm_sample_set_add(struct plm_sample_set *set)
{
	struct plm_sample *rows = grow(set->rows, set->n_rows, &set->cap_rows, sizeof(*rows));
	if (!rows)
		return NULL;
	set->rows = rows;
	struct plm_sample *row = &rows[set->n_rows++];
	memset(row, 0, sizeof(*row));
	return row;
}

struct plm_final *plm_sample_set_add_final(struct plm_sample_set *set)
{
	struct plm_final *finals = grow(set->finals, set->n_finals, &set->cap_finals, sizeof(*finals));
	if (!finals)
		return NULL;
	set->finals = finals;
	struct plm_final *final = &finals[set->n_finals++];
	memset(final, 0, sizeof(*final));
	return final;
}
