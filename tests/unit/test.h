/* SPDX-License-Identifier: Apache-2.0
 * What every cmocka program here begins with. */
#ifndef PLM_TESTS_TEST_H
#define PLM_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* TAP on standard output, one line per case. */
#define PLM_RUN_TESTS(tests) (cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))

#endif
