/* SPDX-License-Identifier: Apache-2.0
 * The two text formats: Prometheus 0.0.4 and OpenMetrics 1.0. Private to exports/ and its tests. */
#ifndef PLM_EXPORTS_PROM_TEXT_H
#define PLM_EXPORTS_PROM_TEXT_H

#include "exports/exports.h"
#include "exports/prom_rows.h"

#define PLM_PROM_NUMBER_MAX 40 /* bytes of the longest number, without NUL */

/* Write a value to `at` (room for PLM_PROM_NUMBER_MAX bytes); return the end. No locale, no printf for common values.
 */
char *plm_prom_write_u64(char *at, uint64_t v);
char *plm_prom_write_seconds(char *at, plm_ns ns); /* exact: "12.000000345", "7" */
/* Nine decimals below 10^9, else the shortest text that reads back the same: "0.125", "+Inf", "1.5e+12". */
char *plm_prom_write_double(char *at, double v);

/* Appends one family with those of `rows` that have a value; without any, nothing (not even its head). */
void plm_prom_family(struct plm_buf *out, enum plm_prom_format format, const struct plm_family *family,
		     const struct plm_rows *rows);

#endif
