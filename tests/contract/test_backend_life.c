/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract of backends/backend.h, second part: restarts of the daemon, orderly or not, changed configuration, a database that
 * refuses writes, the end. Needs root for cgroups.
 */
#include "subject.h"

#define FOREVER "exec sleep 1000"

/* --- the life of the backend --- */

static void open__after_close__takes_over_the_same_processes(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "\"memory\": 32,", "\"portMappings\": [{\"containerPort\": 80}],");
	subject_declare(&s, "web", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 2);
	struct plm_task before[2] = { *subject_task(&s, "web", PLM_TASK_RUNNING, 0),
				      *subject_task(&s, "web", PLM_TASK_RUNNING, 1) };
	subject_close(&s);
	assert_int_equal(subject_processes(&s), 2);
	subject_open(&s);
	subject_run(&s, 0.3);
	assert_int_equal(subject_service(&s, "web")->running, 2);
	assert_int_equal(subject_processes(&s), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct plm_task *t = subject_task(&s, "web", PLM_TASK_RUNNING, i);
		assert_string_equal(t->id, before[i].id);
		assert_int_equal(t->pid, before[i].pid);
		assert_int_equal(t->port, before[i].port);
		assert_int_equal(t->started_wall, before[i].started_wall);
		assert_int_equal(t->started_mono, before[i].started_mono);
		assert_string_equal(t->cgroup, before[i].cgroup);
	}
	/* Stops and ends of adopted tasks are noticed like any other's; here they are our children, so the code is known or not. */
	assert_int_equal(kill(before[1].pid, SIGKILL), 0);
	SUBJECT_WAIT(&s, 5,
		     subject_count(&s, "web", PLM_TASK_STOPPED) == 1 && subject_service(&s, "web")->running == 2);
	assert_true(subject_says(subject_task(&s, "web", PLM_TASK_STOPPED, 0), "an earlier daemon had started it"));
	assert_int_equal(subject_set(&s, "web", 0), 0);
	SUBJECT_WAIT(&s, 5, subject_count(&s, "web", PLM_TASK_STOPPED) == 3);
	subject_done(&s);
}

/* A daemon in a process of its own, killed while it starts and replaces tasks. */
static void be_a_daemon(struct subject *s)
{
	struct plm_err err = PLM_ERR_INIT;
	plm_db_close(&s->db); /* not to be used over a fork */
	subject_open_db(s);
	if (subject_call(s, SUBJECT_OPEN, &err) != 0)
		_exit(3);
	for (int desired = 3;; desired = desired == 3 ? 5 : 3) {
		(void)subject_set(s, "web", desired);
		for (int i = 0; i < 5; i++) {
			struct plm_now now = plm_clock_now();
			(void)s->ops->converge(s->ctx, &now, NULL);
			(void)plm_loop_step(s->loop, 7);
		}
	}
}

static void open__after_kill_9_at_any_moment__no_doubles_and_no_strays(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "\"memory\": 32,", "");
	subject_declare(&s, "web", "web", 3);
	for (int round = 0; round < 10; round++) {
		plm_db_close(&s.db);
		pid_t daemon = fork();
		assert_true(daemon >= 0);
		if (daemon == 0)
			be_a_daemon(&s);
		(void)usleep((useconds_t)(15000 + round * 17000));
		assert_int_equal(waitpid(daemon, NULL, WNOHANG), 0); /* it was alive and well */
		assert_int_equal(kill(daemon, SIGKILL), 0);
		assert_int_equal(waitpid(daemon, NULL, 0), daemon);
		plm_loop_free(s.loop);
		subject_open_db(&s);
		subject_open(&s);
		subject_tick(&s);
		int desired = subject_service(&s, "web")->desired;
		assert_true(desired == 3 || desired == 5);
		SUBJECT_WAIT(&s, 5,
			     subject_service(&s, "web")->running == desired &&
				     subject_count(&s, "web", PLM_TASK_STOPPING) == 0);
		assert_int_equal(subject_processes(&s), desired);
		for (int i = 0; i < desired; i++) {
			const struct plm_task *t = subject_task(&s, "web", PLM_TASK_RUNNING, (size_t)i);
			bool is_there = false;
			for (size_t p = 0; p < subject_n_found; p++)
				is_there |= subject_found[p] == t->pid;
			assert_true(is_there);
		}
		subject_close(&s);
	}
	subject_open(&s);
	subject_done(&s);
}

static void open__rows_without_processes__cleaned_and_replaced(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 2);
	struct plm_task before = *subject_task(&s, "web", PLM_TASK_RUNNING, 0);
	subject_close(&s);
	size_t n = subject_processes(&s);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(kill(subject_found[i], SIGKILL), 0);
	while (subject_processes(&s)) /* until they have left their cgroups */
		(void)usleep(1000);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5,
		     subject_service(&s, "web")->running == 2 && subject_count(&s, "web", PLM_TASK_STOPPED) == 2);
	const struct plm_task *t = NULL;
	for (size_t i = 0; i < 2; i++) {
		t = subject_task(&s, "web", PLM_TASK_STOPPED, i);
		assert_int_equal(t->exit_code, -1);
		assert_true(subject_says(t, "while no daemon was running"));
	}
	assert_int_equal(subject_cgroup_exists(before.cgroup), 0);
	subject_done(&s);
}

static void open__unknown_cgroup_of_ours__emptied_and_removed(void **state)
{
	struct subject s = subject_new(state);
	char mounts[32][128], path[128], full[PATH_MAX];
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 0);
	subject_open(&s);
	subject_close(&s);
	(void)snprintf(path, sizeof(path), "%s/web/0123456789abcdef0123456789abcdef", s.parent);
	pid_t stray = fork();
	assert_true(stray >= 0);
	if (stray == 0)
		for (;;)
			(void)pause();
	size_t n = subject_mounts(mounts);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(full, sizeof(full), "%.127s%s", mounts[i], s.parent);
		if (access(full, F_OK) != 0)
			continue;
		char text[16];
		(void)snprintf(full, sizeof(full), "%.127s%s", mounts[i], path);
		assert_int_equal(plm_mkdirs(full, 0755), 0);
		(void)snprintf(full, sizeof(full), "%.127s%.127s/cgroup.procs", mounts[i], path);
		(void)snprintf(text, sizeof(text), "%d", (int)stray);
		assert_int_equal(plm_file_write(AT_FDCWD, full, text), 0);
	}
	assert_true(subject_cgroup_exists(path) > 0);
	subject_open(&s);
	int status;
	assert_int_equal(waitpid(stray, &status, 0), stray);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(subject_cgroup_exists(path), 0);
	subject_done(&s);
}

static void open__second_daemon__refused_by_name_of_what_is_shared(void **state)
{
	struct subject s = subject_new(state), other = subject_new(state);
	struct plm_err err = PLM_ERR_INIT;
	subject_open(&s);
	(void)strcpy(other.parent, s.parent);
	assert_int_equal(subject_call(&other, SUBJECT_OPEN, &err), -EBUSY);
	assert_non_null(strstr(plm_err_text(&err), "another daemon uses this cgroup_parent"));
	assert_non_null(strstr(plm_err_text(&err), s.parent));
	assert_true(subject_cgroup_exists(s.parent) > 0);
	char own[64];
	(void)strcpy(own, other.dir);
	(void)strcpy(other.dir, s.dir);
	assert_int_equal(subject_call(&other, SUBJECT_OPEN, &err), -EBUSY);
	assert_non_null(strstr(plm_err_text(&err), "uses this state_dir"));
	(void)strcpy(other.dir, own);
	subject_done(&s);
	subject_done(&other);
}

static void reload__new_revision__replaced_one_by_one_never_fewer(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "\"memory\": 32,", "");
	subject_declare(&s, "web", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 2);
	subject_define(&s, "web", FOREVER, "\"memory\": 32, \"tags\": [],", ""); /* nothing that matters here */
	subject_reload(&s);
	subject_tick(&s);
	assert_int_equal(subject_service(&s, "web")->revision, 1);
	subject_define(&s, "web", FOREVER, "\"memory\": 48,", "");
	subject_reload(&s);
	subject_tick(&s);
	assert_int_equal(subject_service(&s, "web")->revision, 2);
	assert_true(subject_service(&s, "web")->is_deploying);
	plm_ns end = plm_clock_mono() + 12 * PLM_NS_PER_S;
	while (subject_service(&s, "web")->is_deploying && plm_clock_mono() < end) {
		(void)plm_loop_step(s.loop, 20);
		subject_tick(&s);
		assert_in_range(subject_service(&s, "web")->running, 2, 3);
	}
	assert_false(subject_service(&s, "web")->is_deploying);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(subject_task(&s, "web", PLM_TASK_RUNNING, i)->revision, 2);
	assert_string_equal(subject_task(&s, "web", PLM_TASK_STOPPED, 0)->reason,
			    "stopped: replaced by a newer revision");
	subject_done(&s);
}

static void reload__new_revision_that_fails__old_tasks_stay(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 2);
	subject_define(&s, "web", "exit 9", "", "");
	subject_reload(&s);
	subject_run(&s, 2.5);
	size_t old = 0;
	for (size_t i = 0; i < 3 && subject_task(&s, "web", PLM_TASK_RUNNING, i); i++)
		old += subject_task(&s, "web", PLM_TASK_RUNNING, i)->revision == 1;
	assert_int_equal(old, 2);
	assert_true(subject_service(&s, "web")->is_deploying);
	assert_non_null(strstr(subject_service(&s, "web")->reason, "exited with code 9"));
	subject_done(&s);
}

static void reload__bad_document__refused_and_the_old_one_stays(void **state)
{
	struct subject s = subject_new(state);
	struct plm_err err = PLM_ERR_INIT;
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 1);
	subject_define(&s, "web", FOREVER, "", "\"stopTimeout\": 121,");
	assert_int_equal(subject_call(&s, SUBJECT_CHECK, NULL), -EINVAL);
	assert_int_equal(subject_call(&s, SUBJECT_RELOAD, &err), -EINVAL);
	assert_non_null(
		strstr(plm_err_text(&err),
		       "definitions/web.json: containerDefinitions[0].stopTimeout: is 121; it must be from 0 to 120"));
	subject_declare(&s, "new", "nothere", 1);
	subject_define(&s, "web", FOREVER, "", "");
	assert_int_equal(subject_call(&s, SUBJECT_RELOAD, &err), -EINVAL);
	assert_non_null(strstr(plm_err_text(&err), "nothere"));
	subject_run(&s, 0.2);
	assert_int_equal(s.cluster.n_services, 1);
	assert_int_equal(subject_service(&s, "web")->running, 1);
	assert_int_equal(subject_service(&s, "web")->revision, 1);
	subject_undeclare(&s, "new");
	subject_done(&s);
}

static void reload__service_removed__stopped_and_dropped(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 1);
	subject_declare(&s, "old", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "old")->running == 2 && subject_service(&s, "web")->running == 1);
	subject_undeclare(&s, "old");
	subject_reload(&s);
	assert_int_equal(subject_set(&s, "old", 1), -ENOENT);
	SUBJECT_WAIT(&s, 5, s.cluster.n_services == 1);
	assert_int_equal(subject_processes(&s), 1);
	/* The same while no daemon is running. */
	subject_close(&s);
	subject_undeclare(&s, "web");
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, s.cluster.n_services == 0);
	assert_int_equal(subject_processes(&s), 0);
	subject_done(&s);
}

static void converge__database_locked__tasks_go_on_and_rows_follow(void **state)
{
	struct subject s = subject_new(state);
	struct plm_db other;
	char path[PATH_MAX];
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 2);
	assert_int_equal(plm_db_open(subject_path(&s, "state.db", path), &other, NULL), 0);
	assert_int_equal(plm_db_exec(&other, "BEGIN IMMEDIATE", NULL), 0);
	assert_int_equal(subject_set(&s, "web", 5), -EBUSY);
	subject_tick(&s);
	assert_int_equal(subject_service(&s, "web")->desired, 2);
	assert_int_equal(kill(subject_task(&s, "web", PLM_TASK_RUNNING, 0)->pid, SIGKILL), 0);
	SUBJECT_WAIT(&s, 5,
		     subject_count(&s, "web", PLM_TASK_STOPPED) == 1 && subject_service(&s, "web")->running == 2);
	assert_int_equal(plm_db_exec(&other, "ROLLBACK", NULL), 0);
	plm_db_close(&other);
	subject_run(&s, 1.3);
	assert_int_equal(subject_set(&s, "web", 3), 0);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 3);
	/* Every row is there: the next daemon knows all three. */
	subject_close(&s);
	size_t before = subject_processes(&s);
	assert_int_equal(before, 3);
	subject_open(&s);
	subject_run(&s, 0.2);
	assert_int_equal(subject_service(&s, "web")->running, 3);
	assert_int_equal(subject_processes(&s), 3);
	subject_done(&s);
}

static void list__many_stopped_tasks__the_newest_twenty_with_their_logs(void **state)
{
	struct subject s = subject_new(state);
	char path[PATH_MAX];
	subject_define(&s, "web", FOREVER, "", "\"stopTimeout\": 0,");
	subject_declare(&s, "web", "web", 24);
	subject_open(&s);
	SUBJECT_WAIT(&s, 10, subject_service(&s, "web")->running == 24);
	assert_int_equal(subject_set(&s, "web", 0), 0);
	SUBJECT_WAIT(&s, 10, s.cluster.n_tasks == subject_count(&s, "web", PLM_TASK_STOPPED));
	assert_int_equal(s.cluster.n_tasks, 20);
	size_t logs = 0;
	DIR *dir = opendir(subject_path(&s, "logs/web", path));
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		logs += e->d_name[0] != '.';
	(void)closedir(dir);
	assert_int_equal(logs, 20);
	subject_done(&s);
}

static void stop_all__running_and_waiting_tasks__nothing_left_and_started_again_later(void **state)
{
	struct subject s = subject_new(state);
	struct plm_err err = PLM_ERR_INIT;
	subject_define(&s, "web", FOREVER, "", "");
	subject_define(&s, "bad", "exit 1", "", "");
	subject_declare(&s, "web", "web", 3);
	subject_declare(&s, "bad", "bad", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 3 && subject_service(&s, "bad")->reason[0]);
	assert_int_equal(s.ops->stop_all(s.ctx, &err), 0);
	assert_int_equal(subject_processes(&s), 0);
	assert_int_equal(subject_cgroup_exists(s.parent), 0);
	subject_tick(&s); /* a late tick starts nothing */
	assert_int_equal(subject_processes(&s), 0);
	assert_int_equal(subject_count(&s, "web", PLM_TASK_STOPPED), 3);
	subject_close(&s);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 3);
	subject_done(&s);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(open__after_close__takes_over_the_same_processes),
		CASE(open__after_kill_9_at_any_moment__no_doubles_and_no_strays),
		CASE(open__rows_without_processes__cleaned_and_replaced),
		CASE(open__unknown_cgroup_of_ours__emptied_and_removed),
		CASE(open__second_daemon__refused_by_name_of_what_is_shared),
		CASE(reload__new_revision__replaced_one_by_one_never_fewer),
		CASE(reload__new_revision_that_fails__old_tasks_stay),
		CASE(reload__bad_document__refused_and_the_old_one_stays),
		CASE(reload__service_removed__stopped_and_dropped),
		CASE(converge__database_locked__tasks_go_on_and_rows_follow),
		CASE(list__many_stopped_tasks__the_newest_twenty_with_their_logs),
		CASE(stop_all__running_and_waiting_tasks__nothing_left_and_started_again_later),
	};
	return subject_run_cases("backend life", cases, PLM_ARRAY_SIZE(cases));
}
