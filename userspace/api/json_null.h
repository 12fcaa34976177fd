/* SPDX-License-Identifier: Apache-2.0
 * Members that are null when not known. Private to api/. */
#ifndef PLM_API_JSON_NULL_H
#define PLM_API_JSON_NULL_H

#include "base/clock.h"
#include "base/json.h"

static inline void text_or_null(struct plm_jw *w, const char *key, const char *value) /* NULL and "" are null */
{
	plm_jw_str(w, key, value && *value ? value : NULL);
}

static inline void u64_or_null(struct plm_jw *w, const char *key, bool is_known, uint64_t value)
{
	if (is_known)
		plm_jw_u64(w, key, value);
	else
		plm_jw_null(w, key);
}

static inline void int_or_null(struct plm_jw *w, const char *key, bool is_known, int value)
{
	if (is_known)
		plm_jw_i64(w, key, value);
	else
		plm_jw_null(w, key);
}

static inline void time_or_null(struct plm_jw *w, const char *key, plm_ns wall) /* 0 is null */
{
	char text[PLM_RFC3339_LEN];
	plm_jw_str(w, key, wall ? plm_time_format(wall, text) : NULL);
}

#endif
