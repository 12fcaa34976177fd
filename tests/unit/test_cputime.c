/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/cputime.h"

static void split__first_reading__expected(void **state)
{
	(void)state;
	static const struct {
		uint64_t usage, user, system, want_user, want_system;
	} cases[] = {
		{ 0, 0, 0, 0, 0 },
		{ 900, 0, 0, 900, 0 },          /* never hit by a tick: user */
		{ 900, 4000000, 0, 900, 0 },    /* one tick in user mode */
		{ 900, 0, 4000000, 0, 900 },    /* one tick in the kernel */
		{ 1000, 300, 100, 750, 250 },   /* scaled up */
		{ 1000, 9000, 3000, 750, 250 }, /* scaled down */
		{ 10, 1, 2, 4, 6 },             /* rounding goes to user: the sum stays exact */
		{ 1ULL << 62, 1ULL << 61, 1ULL << 61, 1ULL << 61, 1ULL << 61 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plm_cputime shown = { 0 };
		plm_cputime_split(cases[i].usage, cases[i].user, cases[i].system, &shown);
		assert_int_equal(shown.user_ns, cases[i].want_user);
		assert_int_equal(shown.system_ns, cases[i].want_system);
	}
}

static void split__proportion_turns__neither_falls(void **state)
{
	(void)state;
	struct plm_cputime shown = { 0 };
	plm_cputime_split(1000, 500, 500, &shown);
	/* All new ticks in user mode: system would fall to 1010 * 500 / 2000 = 252. */
	plm_cputime_split(1010, 1500, 500, &shown);
	assert_int_equal(shown.system_ns, 500);
	assert_int_equal(shown.user_ns, 510);
	/* All new ticks in the kernel: user would fall. */
	plm_cputime_split(1020, 1500, 9500, &shown);
	assert_int_equal(shown.user_ns, 510);
	assert_int_equal(shown.system_ns, 510);
}

static void split__usage_stands_still_or_falls__unchanged(void **state)
{
	(void)state;
	struct plm_cputime shown = { .user_ns = 700, .system_ns = 300 };
	plm_cputime_split(1000, 1, 1, &shown);
	plm_cputime_split(999, 1, 1, &shown);
	assert_int_equal(shown.user_ns, 700);
	assert_int_equal(shown.system_ns, 300);
}

static void split__random_walk__sum_exact_and_monotonic(void **state)
{
	(void)state;
	struct plm_cputime shown = { 0 };
	uint64_t usage = 0, user = 0, system = 0;
	srand(20260301);
	for (int i = 0; i < 100000; i++) {
		struct plm_cputime before = shown;
		usage += 1 + (uint64_t)rand() % 5000000;
		*(rand() % 3 ? &user : &system) += (uint64_t)(rand() % 2) * 4000000;
		plm_cputime_split(usage, user, system, &shown);
		assert_int_equal(shown.user_ns + shown.system_ns, usage);
		assert_true(shown.user_ns >= before.user_ns && shown.system_ns >= before.system_ns);
	}
}

int main(void)
{
	(void)cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split__first_reading__expected),
		cmocka_unit_test(split__proportion_turns__neither_falls),
		cmocka_unit_test(split__usage_stands_still_or_falls__unchanged),
		cmocka_unit_test(split__random_walk__sum_exact_and_monotonic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
