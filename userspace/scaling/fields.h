/* SPDX-License-Identifier: Apache-2.0
 *
 * The members of policy documents in one table: names, types, ranges, legal words. The parser takes its checks from here, and
 * tests hold policies/schema/policy.schema.json and policies/README.md against it. Pure.
 */
#ifndef PLM_SCALING_FIELDS_H
#define PLM_SCALING_FIELDS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

enum plm_field_type {
	PLM_FIELD_STRING,  /* min, max: length in bytes; with `values`: one of these */
	PLM_FIELD_INTEGER, /* min, max inclusive */
	PLM_FIELD_NUMBER,  /* likewise; min exclusive when is_above_min */
	PLM_FIELD_BOOLEAN,
	PLM_FIELD_OBJECT,     /* `inner` names its members; NULL = AWS's own output, kept unread */
	PLM_FIELD_ARRAY,      /* of objects, `inner` likewise */
	PLM_FIELD_TIME,       /* a string or a number, as AWS's tools print times; unread */
	PLM_FIELD_LATER,      /* AWS knows it, this version refuses it; `later` says what is taken instead */
	PLM_FIELD_LATER_LIST, /* likewise, but an empty array is nothing and therefore allowed */
};

struct plm_field {
	const char
		*object; /* whose member: "document", "target", "suspended", "policy", "tracking", "metric", "plimsoll",
			       "direction" */
	const char *key;
	enum plm_field_type type;
	bool is_required, is_above_min;
	double min, max;
	const char *const *values; /* NULL-terminated: the words AWS knows, those taken by this version first */
	int n_taken;               /* how many of `values` this version takes */
	const char *inner;
	const char *later;
};
extern const struct plm_field plm_fields[];
extern const size_t plm_n_fields;

#define PLM_TARGET_VALUE_MAX 2.348542582773833e108 /* 2^360 (Application Auto Scaling API reference, TargetValue) */

/* Checks every member of `obj`, itself only, against the rows of `object`, in the table's order; unknown ones first. null counts
 * as absent. 0 or negative with the error set. */
int plm_fields_check(const cJSON *obj, const struct plm_json_at *at, const char *object, struct plm_err *err);

/* The member, NULL when absent or null. */
const cJSON *plm_fields_get(const cJSON *obj, const char *key);

#endif
