/* SPDX-License-Identifier: Apache-2.0
 * Strict number parsing and arithmetic that saturates instead of wrapping. */
#ifndef PLM_BASE_NUM_H
#define PLM_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

/* Whole decimal number, no sign, no spaces, whole string used. 0, -EINVAL or -ERANGE; *ret untouched on failure. */
int plm_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
/* Decimal number with optional sign, fraction and exponent; finite. Same errors. */
int plm_parse_double(const char *text, double min, double max, double *ret);
/* a*b/c rounded down, computed in 128 bits; UINT64_MAX when it does not fit or c is 0. */
uint64_t plm_muldiv_u64(uint64_t a, uint64_t b, uint64_t c);
/* new - old of a growing counter; a counter that went backwards is a reset and counts from zero. */
uint64_t plm_counter_delta(uint64_t new_value, uint64_t old_value);
/* Copies with truncation; always terminates; returns 0 or -ENAMETOOLONG when cut. */
int plm_strcpy(char *dst, size_t size, const char *src);
/* Shell-style match with `*` and `?` only. */
_Bool plm_glob(const char *pattern, const char *text);
/* Levenshtein distance, for "did you mean". Strings up to 63 bytes; longer gives 64. */
unsigned plm_edit_distance(const char *a, const char *b);

#endif
