/* SPDX-License-Identifier: Apache-2.0
 *
 * What the analyzer of clang-tidy cannot see, because it looks at one file at a time: what these functions promise in their headers.
 * Put in front of each file by tools/lint.sh; no part of any program.
 */
#ifndef PLM_LINT_MODEL_H
#define PLM_LINT_MODEL_H

#include <errno.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

/* A call that failed has set errno, to a positive number. */
static inline int *plm_lint_errno(void)
{
	int *e = __errno_location();
	if (*e <= 0)
		__builtin_unreachable();
	return e;
}
#undef errno
#define errno (*plm_lint_errno())

/* Those that report an error return a negative number. */
static inline int plm_lint_negative(int r)
{
	if (r >= 0)
		__builtin_unreachable();
	return r;
}

/* Checks: 0 or negative. */
static inline int plm_lint_not_positive(int r)
{
	if (r > 0)
		__builtin_unreachable();
	return r;
}

/* Getters: 1, negative, or 0 = absent where that is allowed. */
static inline int plm_lint_get(bool required, int r)
{
	if (r > 1 || (required && r == 0))
		__builtin_unreachable();
	return r;
}

#ifndef PLM_LINT_ERR_ITSELF
#define plm_err_set(...) plm_lint_negative(plm_err_set(__VA_ARGS__))
#define plm_err_wrap(...) plm_lint_negative(plm_err_wrap(__VA_ARGS__))
#endif
#ifndef PLM_LINT_JSON_ITSELF
#define plm_json_err(...) plm_lint_negative(plm_json_err(__VA_ARGS__))
#define plm_json_only(...) plm_lint_not_positive(plm_json_only(__VA_ARGS__))
#define plm_json_str(o, a, k, required, ...) plm_lint_get(required, plm_json_str(o, a, k, required, __VA_ARGS__))
#define plm_json_num(o, a, k, required, ...) plm_lint_get(required, plm_json_num(o, a, k, required, __VA_ARGS__))
#define plm_json_int(o, a, k, required, ...) plm_lint_get(required, plm_json_int(o, a, k, required, __VA_ARGS__))
#define plm_json_bool(o, a, k, required, ...) plm_lint_get(required, plm_json_bool(o, a, k, required, __VA_ARGS__))
#define plm_json_obj(o, a, k, required, ...) plm_lint_get(required, plm_json_obj(o, a, k, required, __VA_ARGS__))
#define plm_json_arr(o, a, k, required, ...) plm_lint_get(required, plm_json_arr(o, a, k, required, __VA_ARGS__))
#define plm_json_enum(o, a, k, required, ...) plm_lint_get(required, plm_json_enum(o, a, k, required, __VA_ARGS__))
#endif

#endif
