/* SPDX-License-Identifier: Apache-2.0
 * Clock text, numbers, maps, files, the event loop and the database. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/fs.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/num.h"

static char folder[] = "/tmp/plm-test-base-XXXXXX";

static void time_parse__good_and_bad_texts__as_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *utc;
	} cases[] = {
		{ "2026-03-01T12:00:00Z", 0, "2026-03-01T12:00:00.000Z" },
		{ "2026-03-01T12:00:00.25+01:30", 0, "2026-03-01T10:30:00.250Z" },
		{ "2024-02-29T00:00:00-00:30", 0, "2024-02-29T00:30:00.000Z" },
		{ "1772366400", 0, "2026-03-01T12:00:00.000Z" },
		{ "2026-02-29T00:00:00Z", -EINVAL, NULL },
		{ "2262-01-01T00:00:00Z", -EINVAL, NULL }, /* beyond 63 bits of nanoseconds */
		{ "9999999999", -EINVAL, NULL },
		{ "2026-13-01T00:00:00Z", -EINVAL, NULL },
		{ "2026-03-01T24:00:00Z", -EINVAL, NULL },
		{ "2026-03-01T12:00:00", -EINVAL, NULL },
		{ "2026-03-01T12:00:00Zx", -EINVAL, NULL },
		{ "yesterday", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		plm_ns wall = -1;
		char text[PLM_RFC3339_LEN];
		assert_int_equal(plm_time_parse(cases[i].text, &wall), cases[i].result);
		if (cases[i].result == 0)
			assert_string_equal(plm_time_format(wall, text), cases[i].utc);
		else
			assert_int_equal(wall, -1);
	}
}

static void parse_u64__edges__strict(void **state)
{
	(void)state;
	uint64_t v = 1;
	assert_int_equal(plm_parse_u64("18446744073709551615", 0, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(plm_parse_u64("18446744073709551616", 0, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(plm_parse_u64("-1", 0, 10, &v), -EINVAL);
	assert_int_equal(plm_parse_u64(" 1", 0, 10, &v), -EINVAL);
	assert_int_equal(plm_parse_u64("1x", 0, 10, &v), -EINVAL);
	assert_int_equal(plm_parse_u64("", 0, 10, &v), -EINVAL);
	assert_int_equal(plm_parse_u64("11", 0, 10, &v), -ERANGE);
	double d = 1;
	assert_int_equal(plm_parse_double("1e3", 0, 1e9, &d), 0);
	assert_int_equal(plm_parse_double("nan", 0, 1e9, &d), -EINVAL);
	assert_int_equal(plm_parse_double("1e999", 0, 1e9, &d), -ERANGE);
	assert_true(d == 1000);
}

static void arithmetic__overflow_and_reset__saturates(void **state)
{
	(void)state;
	assert_true(plm_muldiv_u64(UINT64_MAX, 3, 3) == UINT64_MAX);
	assert_true(plm_muldiv_u64(UINT64_MAX, 2, 1) == UINT64_MAX);
	assert_true(plm_muldiv_u64(7, 10, 4) == 17);
	assert_true(plm_muldiv_u64(1, 1, 0) == UINT64_MAX);
	assert_true(plm_counter_delta(10, 4) == 6);
	assert_true(plm_counter_delta(4, 10) == 4); /* reset: counts from zero */
	char small[4];
	assert_int_equal(plm_strcpy(small, sizeof(small), "abcdef"), -ENAMETOOLONG);
	assert_string_equal(small, "abc");
	assert_true(plm_glob("service/*/web-?", "service/prod/web-1"));
	assert_false(plm_glob("service/*/web-?", "service/prod/web-10"));
	assert_int_equal(plm_edit_distance("kitten", "sitting"), 3);
}

static void map__many_puts_and_dels__like_a_plain_array(void **state)
{
	(void)state;
	enum { N = 3000 };
	static int values[N];
	struct plm_map m = { .size = 0 };
	char key[24];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			(void)snprintf(key, sizeof(key), "key-%d", i);
			assert_int_equal(plm_smap_put(&m, key, &values[i]), 0);
		}
		assert_int_equal(m.used, N);
		for (int i = 0; i < N; i += 2) {
			(void)snprintf(key, sizeof(key), "key-%d", i);
			assert_ptr_equal(plm_smap_del(&m, key), &values[i]);
			assert_null(plm_smap_del(&m, key));
		}
		for (int i = 0; i < N; i++) {
			(void)snprintf(key, sizeof(key), "key-%d", i);
			assert_ptr_equal(plm_smap_get(&m, key), i % 2 ? &values[i] : NULL);
		}
		size_t seen = 0;
		for (size_t i = 0; plm_map_next(&m, &i);)
			seen++;
		assert_int_equal(seen, N / 2);
	}
	assert_true(m.size <= 16384); /* removed entries are reused, the table does not grow for ever */
	plm_map_done(&m);
}

static void files__replace_and_read__whole_or_error(void **state)
{
	(void)state;
	char path[128], deep[160];
	struct plm_err err = PLM_ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	assert_int_equal(plm_file_replace(path, "hello", 5, 0600, &err), 0);
	struct plm_buf text = PLM_BUF_INIT(5), tight = PLM_BUF_INIT(4);
	assert_int_equal(plm_file_read(AT_FDCWD, path, &text, &err), 0);
	assert_string_equal(plm_buf_text(&text), "hello");
	assert_int_equal(plm_file_read(AT_FDCWD, path, &tight, &err), -EFBIG);
	assert_int_equal(plm_file_read(AT_FDCWD, "/nonexistent/x", &tight, &err), -ENOENT);
	plm_buf_done(&text);
	plm_buf_done(&tight);
	(void)snprintf(deep, sizeof(deep), "%s/a/b/c", folder);
	assert_int_equal(plm_mkdirs(deep, 0700), 0);
	assert_int_equal(plm_mkdirs(deep, 0700), 0);
	assert_int_equal(plm_mkdirs(path, 0700), -ENOTDIR);
	uint64_t v = 0;
	assert_true(plm_text_u64("user_usec 1\nusage_usec 42\n", "usage_usec", &v));
	assert_int_equal(v, 42);
	assert_false(plm_text_u64("usage_usec_x 42\n", "usage_usec", &v));
}

struct loop_case {
	struct plm_loop *loop;
	struct plm_watch *timer, *pipe;
	int ticks, signals, reads, pipe_fd[2];
};

static void on_tick(void *ctx, uint32_t expirations)
{
	struct loop_case *c = ctx;
	c->ticks += (int)expirations;
	if (c->ticks >= 3)
		plm_loop_remove(c->loop, c->timer); /* from inside its own callback */
}

static void on_signal(void *ctx, uint32_t signo)
{
	struct loop_case *c = ctx;
	c->signals += signo == SIGUSR1;
	plm_loop_stop(c->loop);
}

static void on_pipe(void *ctx, uint32_t events)
{
	struct loop_case *c = ctx;
	char byte;
	(void)events;
	c->reads += (int)read(c->pipe_fd[0], &byte, 1);
	(void)kill(getpid(), SIGUSR1);
}

static void loop__timer_fd_and_signal__each_called(void **state)
{
	(void)state;
	struct loop_case c = { .ticks = 0 };
	assert_int_equal(plm_loop_new(&c.loop, NULL), 0);
	assert_int_equal(pipe2(c.pipe_fd, O_CLOEXEC), 0);
	assert_int_equal(plm_loop_timer(c.loop, 1000000, 1000000, on_tick, &c, &c.timer), 0);
	while (c.ticks < 3)
		assert_int_equal(plm_loop_step(c.loop, 1000), 0);
	assert_int_equal(plm_loop_add(c.loop, c.pipe_fd[0], 1 /* EPOLLIN */, on_pipe, &c, &c.pipe), 0);
	assert_int_equal(plm_loop_signal(c.loop, SIGUSR1, on_signal, &c, NULL), 0);
	assert_int_equal(write(c.pipe_fd[1], "x", 1), 1);
	assert_int_equal(plm_loop_run(c.loop), 0);
	assert_int_equal(c.reads, 1);
	assert_int_equal(c.signals, 1);
	plm_loop_free(c.loop);
	(void)close(c.pipe_fd[0]);
	(void)close(c.pipe_fd[1]);
}

static void db__damaged_file__moved_aside_and_started_anew(void **state)
{
	(void)state;
	char path[128];
	struct plm_db db = { .handle = NULL };
	struct plm_err err = PLM_ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/damaged.db", folder);
	char garbage[4096];
	memset(garbage, 'x', sizeof(garbage));
	assert_int_equal(plm_file_replace(path, garbage, sizeof(garbage), 0600, &err), 0);
	assert_int_equal(plm_db_open(path, &db, &err), 0);
	assert_true(db.was_damaged);
	struct stat st;
	assert_int_equal(stat(db.moved_to, &st), 0);
	assert_int_equal(st.st_size, sizeof(garbage)); /* nothing of it was deleted */
	assert_int_equal(plm_db_exec(&db, "CREATE TABLE t(a, b, c)", &err), 0);
	assert_int_equal(plm_db_run(&db, &err, "INSERT INTO t VALUES(?,?,?)", "isd", INT64_C(7), "x'y", 0.5), 0);
	sqlite3_stmt *stmt = NULL;
	assert_int_equal(plm_db_query(&db, &stmt, &err, "SELECT a, b, c, NULL FROM t", ""), 0);
	assert_int_equal(plm_db_step(&db, stmt, &err), 1);
	assert_int_equal(sqlite3_column_int64(stmt, 0), 7);
	assert_string_equal(plm_db_text(stmt, 1), "x'y");
	assert_string_equal(plm_db_text(stmt, 3), "");
	assert_int_equal(plm_db_step(&db, stmt, &err), 0);
	(void)sqlite3_finalize(stmt);
	assert_true(plm_db_exec(&db, "SELECT nonsense FROM t", &err) < 0);
	assert_non_null(strstr(plm_err_text(&err), "nonsense"));
	plm_db_close(&db);
}

static void db__locked_by_another__busy_error_not_a_hang(void **state)
{
	(void)state;
	char path[128];
	struct plm_db a = { .handle = NULL }, b = { .handle = NULL };
	struct plm_err err = PLM_ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/locked.db", folder);
	assert_int_equal(plm_db_open(path, &a, &err), 0);
	assert_int_equal(plm_db_exec(&a, "CREATE TABLE t(a)", &err), 0);
	assert_int_equal(plm_db_open(path, &b, &err), 0);
	assert_int_equal(plm_db_exec(&b, "BEGIN IMMEDIATE", &err), 0);
	assert_int_equal(plm_db_exec(&a, "INSERT INTO t VALUES(1)", &err), -EBUSY);
	assert_int_equal(plm_db_exec(&b, "ROLLBACK", &err), 0);
	assert_int_equal(plm_db_exec(&a, "INSERT INTO t VALUES(1)", &err), 0);
	plm_db_close(&a);
	plm_db_close(&b);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	(void)state;
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_parse__good_and_bad_texts__as_rfc_3339),
		cmocka_unit_test(parse_u64__edges__strict),
		cmocka_unit_test(arithmetic__overflow_and_reset__saturates),
		cmocka_unit_test(map__many_puts_and_dels__like_a_plain_array),
		cmocka_unit_test(files__replace_and_read__whole_or_error),
		cmocka_unit_test(loop__timer_fd_and_signal__each_called),
		cmocka_unit_test(db__damaged_file__moved_aside_and_started_anew),
		cmocka_unit_test(db__locked_by_another__busy_error_not_a_hang),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
