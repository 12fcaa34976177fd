/* SPDX-License-Identifier: Apache-2.0
 *
 * What the analyzer of clang-tidy cannot see, because it looks at one file at a time: what these functions promise in their headers.
 * Put in front of each file by tools/lint.sh; no part of any program. Statement expressions, because the analyzer does not follow
 * calls more than a few deep.
 */
#ifndef PLM_LINT_MODEL_H
#define PLM_LINT_MODEL_H

#include <errno.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

#define PLM_LINT_NEVER(call, condition)          \
	({                                       \
		__typeof__(call) r_ = call;      \
		if (condition)                   \
			__builtin_unreachable(); \
		r_;                              \
	})
#define PLM_LINT_GET(required, call) PLM_LINT_NEVER(call, r_ > 1 || ((required) && r_ == 0))

/* A call that failed has set errno, to a positive number. */
#undef errno
#define errno (*PLM_LINT_NEVER(__errno_location(), *r_ <= 0))

/* Those that report an error return a negative number. */
#ifndef PLM_LINT_ERR_ITSELF
#define plm_err_set(...) PLM_LINT_NEVER(plm_err_set(__VA_ARGS__), r_ >= 0)
#define plm_err_wrap(...) PLM_LINT_NEVER(plm_err_wrap(__VA_ARGS__), r_ >= 0)
#endif

/* Getters: 1, negative, or 0 = absent where that is allowed. */
#ifndef PLM_LINT_JSON_ITSELF
#define plm_json_err(...) PLM_LINT_NEVER(plm_json_err(__VA_ARGS__), r_ >= 0)
#define plm_json_only(...) PLM_LINT_NEVER(plm_json_only(__VA_ARGS__), r_ > 0)
#define plm_json_str(o, a, k, required, ...) PLM_LINT_GET(required, plm_json_str(o, a, k, required, __VA_ARGS__))
#define plm_json_num(o, a, k, required, ...) PLM_LINT_GET(required, plm_json_num(o, a, k, required, __VA_ARGS__))
#define plm_json_int(o, a, k, required, ...) PLM_LINT_GET(required, plm_json_int(o, a, k, required, __VA_ARGS__))
#define plm_json_bool(o, a, k, required, ...) PLM_LINT_GET(required, plm_json_bool(o, a, k, required, __VA_ARGS__))
#define plm_json_obj(o, a, k, required, ...) PLM_LINT_GET(required, plm_json_obj(o, a, k, required, __VA_ARGS__))
#define plm_json_arr(o, a, k, required, ...) PLM_LINT_GET(required, plm_json_arr(o, a, k, required, __VA_ARGS__))
#define plm_json_enum(o, a, k, required, ...) PLM_LINT_GET(required, plm_json_enum(o, a, k, required, __VA_ARGS__))
#endif

#endif
