/* SPDX-License-Identifier: Apache-2.0
 *
 * The series of one scope, with their labels written once: twenty families share the labels of 1,000 cgroups, so the
 * text of the labels is kept and copied. Private to exports/.
 */
#ifndef PLM_EXPORTS_PROM_ROWS_H
#define PLM_EXPORTS_PROM_ROWS_H

#include "exports/families.h"
#include "model/lookup.h"

struct plm_rows {
	const struct plm_view *view;
	struct plm_lookup lookup;
	struct plm_process process;
	struct plm_row *rows;
	size_t n_rows, cap_rows;
	struct plm_buf labels; /* the rows' label texts, one after the other */
	bool failed;           /* out of memory */
};

/* 0 or -ENOMEM. plm_rows_done() is due in both cases. */
int plm_rows_init(struct plm_rows *r, const struct plm_view *view);
void plm_rows_done(struct plm_rows *r);
/* Replaces the rows by those of `scope`. 0 or -ENOMEM. */
int plm_rows_fill(struct plm_rows *r, enum plm_scope scope);

/* Appends `name="value"`, escaped; a comma first unless the text ends at `start`. An empty value adds nothing: for
 * Prometheus that is the same as a label that is not there. Control bytes and bytes that are not UTF-8 (cgroup
 * names may have both) are written as \xNN, so that different names stay different. */
void plm_label_add(struct plm_buf *out, size_t start, const char *name, const char *value);

#endif
