/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading: cJSON behind limits on size and depth, with typed getters that name file, field path and legal
 * range in their errors. Writing: a streaming writer that keeps commas and nesting right.
 */
#ifndef PLM_BASE_JSON_H
#define PLM_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define PLM_JSON_MAX_BYTES (4u << 20)
#define PLM_JSON_MAX_DEPTH 32

enum { PLM_JSON_COMMENTS = 1 }; /* allow line and block comments (configuration files) */

/* Parses one document. Rejects input over PLM_JSON_MAX_BYTES or PLM_JSON_MAX_DEPTH (before recursing), NUL
 * bytes, trailing text and duplicate member names. `where` names the file in errors; the position is given
 * as line and column. The caller frees *ret with cJSON_Delete(). 0, -EINVAL, -EFBIG or -ENOMEM. */
int plm_json_parse(const char *text, size_t len, unsigned flags, const char *where, cJSON **ret, struct plm_err *err);
int plm_json_load(const char *path, unsigned flags, cJSON **ret, struct plm_err *err);

/* A place in a document: the file and the path of an object, "ScalingPolicies[2].TargetTracking…". */
struct plm_json_at {
	const char *file;
	char path[200];
};
struct plm_json_at plm_json_root(const char *file);
struct plm_json_at plm_json_member(const struct plm_json_at *at, const char *key);
struct plm_json_at plm_json_item(const struct plm_json_at *at, int index);
/* Error at a place: where = "file: path". Returns -EINVAL. key may be NULL. */
int plm_json_err(struct plm_err *err, const struct plm_json_at *at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Getters: 1 when present and good, 0 when absent (or null) and not required, negative on error.
 * *ret is untouched unless 1 is returned. Lookup is case-sensitive. */
int plm_json_str(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, size_t min_len,
		 size_t max_len, const char **ret, struct plm_err *err);
int plm_json_int(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, int64_t min,
		 int64_t max, int64_t *ret, struct plm_err *err);
int plm_json_num(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, double min, double max,
		 double *ret, struct plm_err *err);
int plm_json_bool(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, bool *ret,
		  struct plm_err *err);
int plm_json_obj(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, const cJSON **ret,
		 struct plm_err *err);
int plm_json_arr(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, const cJSON **ret,
		 struct plm_err *err);
/* Index into the NULL-terminated `names`; the error lists them. */
int plm_json_enum(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required,
		  const char *const *names, int *ret, struct plm_err *err);
/* obj must be an object, and every member of it in the NULL-terminated `known`; the error gives the nearest name. */
int plm_json_only(const cJSON *obj, const struct plm_json_at *at, const char *const *known, struct plm_err *err);

/* Writer. Key NULL inside arrays and at the top. Failures are sticky in the buffer. */
struct plm_jw {
	struct plm_buf *out;
	unsigned depth;
	bool need_comma;
};
void plm_jw_init(struct plm_jw *w, struct plm_buf *out);
void plm_jw_obj(struct plm_jw *w, const char *key);
void plm_jw_arr(struct plm_jw *w, const char *key);
void plm_jw_end_obj(struct plm_jw *w);
void plm_jw_end_arr(struct plm_jw *w);
void plm_jw_str(struct plm_jw *w, const char *key, const char *value); /* NULL value writes null */
void plm_jw_u64(struct plm_jw *w, const char *key, uint64_t value);
void plm_jw_i64(struct plm_jw *w, const char *key, int64_t value);
void plm_jw_num(struct plm_jw *w, const char *key, double value); /* not finite writes null */
void plm_jw_bool(struct plm_jw *w, const char *key, bool value);
void plm_jw_null(struct plm_jw *w, const char *key);
void plm_jw_members(struct plm_jw *w,
		    const char *members); /* valid "\"a\":1,\"b\":2" into the open object; not empty */
void plm_jw_raw(struct plm_jw *w, const char *key, const char *json); /* already valid JSON */

#endif
