/* SPDX-License-Identifier: Apache-2.0
 * What doctor makes of what it finds: the ladder's line, the exit code; paths that people type. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/checks.h"
#include "cli/cli.h"
#include "cli/kernel.h"
#include "kernel/cgroupfs.h"

static const struct plm_check *line(const struct plm_checks *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->rows[i].name, name) == 0)
			return &c->rows[i];
	fail_msg("no line \"%s\"", name);
	return NULL;
}

static void rungs__status_of_each__sampling_and_exit_code(void **state)
{
	static const struct {
		int b, c, e;
		enum plm_check_status sampling;
		int code;
		const char *found;
	} cases[] = {
		{ 0, -ENOTSUP, 0, PLM_CHECK_OK, PLM_EXIT_OK, "rung B" },
		{ -ENOTSUP, 0, 0, PLM_CHECK_OK, PLM_EXIT_OK, "rung C" },
		{ -EPERM, -EPERM, 0, PLM_CHECK_DEGRADED, PLM_EXIT_OK, "rung E" },
		{ -ENOTSUP, -EPERM, -EACCES, PLM_CHECK_MISSING, PLM_EXIT_PRIVILEGE, "no rung works" },
		{ -ENOTSUP, -EPERM, -ENOENT, PLM_CHECK_MISSING, PLM_EXIT_FAILED, "no rung works" },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_rung_report reports[] = {
			{ .rung = 'B', .name = "iterator-v2", .status = cases[i].b, .reason = "why: libbpf: noise" },
			{ .rung = 'C', .name = "iterator-hybrid", .status = cases[i].c },
			{ .rung = 'E', .name = "files", .status = cases[i].e },
			{ .rung = 'L', .name = "lifecycle", .status = -EPERM },
		};
		struct plm_checks c = { .n = 0 };
		plm_check_rungs(&c, reports, 4);
		const struct plm_check *s = line(&c, "sampling");
		assert_int_equal(s->status, cases[i].sampling);
		assert_non_null(strstr(s->found, cases[i].found));
		assert_int_equal(plm_checks_exit(&c), cases[i].code);
		assert_int_equal(line(&c, "events")->status, PLM_CHECK_DEGRADED);
		const struct plm_check *b = line(&c, "rung B");
		assert_int_equal(b->status == PLM_CHECK_OK, cases[i].b == 0);
		assert_int_equal(b->mend[0] == '\0', cases[i].b == 0);
		assert_int_equal(strstr(b->found, "libbpf") != NULL, cases[i].b == -ENOTSUP);
	}
}

static void rungs__no_report__missing(void **state)
{
	(void)state;
	struct plm_checks c = { .n = 0 };
	plm_check_rungs(&c, NULL, 0);
	assert_int_equal(plm_checks_exit(&c), PLM_EXIT_FAILED);
}

static void checks_exit__needed_and_privilege__worst_rules(void **state)
{
	(void)state;
	struct plm_checks c = { .n = 0 };
	plm_checks_add(&c, "optional")->status = PLM_CHECK_MISSING;
	assert_int_equal(plm_checks_exit(&c), PLM_EXIT_OK);
	struct plm_check *a = plm_checks_add(&c, "a");
	a->is_needed = true;
	a->status = PLM_CHECK_DEGRADED;
	assert_int_equal(plm_checks_exit(&c), PLM_EXIT_OK);
	a->status = PLM_CHECK_MISSING;
	a->is_privilege = true;
	assert_int_equal(plm_checks_exit(&c), PLM_EXIT_PRIVILEGE);
	struct plm_check *b = plm_checks_add(&c, "b");
	b->is_needed = true;
	b->status = PLM_CHECK_MISSING;
	assert_int_equal(plm_checks_exit(&c), PLM_EXIT_FAILED);
	for (int i = 0; i < PLM_DOCTOR_MAX_CHECKS; i++)
		(void)plm_checks_add(&c, "more");
	assert_int_equal(c.n, PLM_DOCTOR_MAX_CHECKS);
}

static void state_dir__kinds__found_out_without_making_it(void **state)
{
	(void)state;
	char dir[] = "/tmp/plm-test-doctor-XXXXXX", path[128];
	struct stat st;
	assert_non_null(mkdtemp(dir));
	struct plm_checks c = { .n = 0 };
	plm_check_state_dir(&c, dir);
	assert_int_equal(c.rows[0].status, PLM_CHECK_OK);
	assert_non_null(strstr(c.rows[0].found, "is writable"));
	(void)snprintf(path, sizeof(path), "%s/a/b", dir);
	plm_check_state_dir(&c, path);
	assert_non_null(strstr(c.rows[1].found, "can be made"));
	assert_int_not_equal(stat(path, &st), 0);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	fclose(fopen(path, "w"));
	(void)snprintf(path, sizeof(path), "%s/file/below", dir);
	plm_check_state_dir(&c, path);
	assert_int_equal(c.rows[2].status, PLM_CHECK_MISSING);
	assert_int_equal(plm_checks_exit(&c), PLM_EXIT_FAILED);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	unlink(path);
	rmdir(dir);
}

static void daemon__nobody_listens__missing_with_the_cure(void **state)
{
	(void)state;
	struct plm_checks c = { .n = 0 };
	plm_check_daemon(&c, "/tmp/plm-test-doctor-no-such-socket");
	assert_int_equal(c.rows[0].status, PLM_CHECK_MISSING);
	assert_non_null(strstr(c.rows[0].mend, "plimsolld"));
	assert_int_equal(plm_checks_exit(&c), PLM_EXIT_OK);
}

static void cgroup_path__what_people_type__from_the_root(void **state)
{
	static const struct {
		const char *typed, *path;
	} cases[] = { { "/", "/" }, { "/a", "/a" }, { "a/b/", "/a/b" }, { "//a///b", "/a/b" }, { "/a..b", "/a..b" } };
	char path[64];
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		assert_int_equal(plm_cli_cgroup_path(cases[i].typed, path, sizeof(path)), 0);
		assert_string_equal(path, cases[i].path);
	}
	(void)snprintf(path, sizeof(path), "before");
	assert_int_equal(plm_cli_cgroup_path("/a/../b", path, sizeof(path)), -EINVAL);
	assert_int_equal(plm_cli_cgroup_path("..", path, sizeof(path)), -EINVAL);
	assert_string_equal(path, "before");
	struct plm_cgroup_layout l;
	if (plm_cgroup_layout_detect(NULL, &l, NULL) == 0 && l.v2[0]) {
		char typed[200];
		(void)snprintf(typed, sizeof(typed), "%s/plimsoll/web", l.v2);
		assert_int_equal(plm_cli_cgroup_path(typed, path, sizeof(path)), 0);
		assert_string_equal(path, "/plimsoll/web");
		assert_int_equal(plm_cli_cgroup_path(l.v2, path, sizeof(path)), 0);
		assert_string_equal(path, "/");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rungs__status_of_each__sampling_and_exit_code),
		cmocka_unit_test(rungs__no_report__missing),
		cmocka_unit_test(checks_exit__needed_and_privilege__worst_rules),
		cmocka_unit_test(state_dir__kinds__found_out_without_making_it),
		cmocka_unit_test(daemon__nobody_listens__missing_with_the_cure),
		cmocka_unit_test(cgroup_path__what_people_type__from_the_root),
	};
	return PLM_RUN_TESTS(tests);
}
