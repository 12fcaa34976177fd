/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract of backends/backend.h: the same cases over every ops table that holds tasks on this host, with real processes,
 * cgroups and database. Needs root for cgroups.
 */
#include "subject.h"

#define FOREVER "exec sleep 1000"

/* --- desired counts --- */

static void converge__desired_two__two_tasks_run(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "\"cpu\": \"128\", \"memory\": 32,", "");
	subject_declare(&s, "web", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 2);
	const struct plm_service *v = subject_service(&s, "web");
	assert_int_equal(v->desired, 2);
	assert_int_equal(v->pending, 0);
	assert_string_equal(v->reason, "");
	assert_string_equal(v->cluster, SUBJECT_CLUSTER);
	assert_true(v->is_scalable);
	assert_false(v->is_deploying);
	assert_int_equal(v->cpu_units, 128);
	assert_int_equal(v->memory_bytes, 32 << 20);
	assert_int_equal(v->revision, 1);
	assert_true(s.cluster.asked_mono > 0);
	for (size_t i = 0; i < 2; i++) {
		const struct plm_task *t = subject_task(&s, "web", PLM_TASK_RUNNING, i);
		assert_int_equal(strlen(t->id), 32);
		assert_int_equal(kill(t->pid, 0), 0);
		assert_true(t->started_wall >= t->created_wall && t->started_mono > 0);
		assert_int_equal(t->cpu_units, 128);
	}
	subject_run(&s, 0.5);
	assert_int_equal(subject_processes(&s), 2);
	subject_done(&s);
}

static void set_desired__up_and_down__followed_newest_stopped_first(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 1);
	char first[PLM_TASK_ID_MAX];
	(void)strcpy(first, subject_task(&s, "web", PLM_TASK_RUNNING, 0)->id);
	assert_int_equal(subject_set(&s, "web", 4), 0);
	assert_int_equal(subject_set(&s, "web", 4), 0); /* idempotent */
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 4);
	assert_int_equal(subject_set(&s, "web", 1), 0);
	SUBJECT_WAIT(&s, 5, subject_count(&s, "web", PLM_TASK_STOPPED) == 3);
	assert_string_equal(subject_task(&s, "web", PLM_TASK_RUNNING, 0)->id, first);
	assert_string_equal(subject_task(&s, "web", PLM_TASK_STOPPED, 0)->reason,
			    "stopped: the desired count was lowered");
	assert_int_equal(subject_service(&s, "web")->restarts, 0);
	assert_int_equal(subject_set(&s, "web", 0), 0);
	SUBJECT_WAIT(&s, 5, subject_count(&s, "web", PLM_TASK_STOPPED) == 4);
	assert_int_equal(subject_service(&s, "web")->running, 0);
	assert_int_equal(subject_processes(&s), 0);
	assert_int_equal(subject_cgroup_exists(subject_task(&s, "web", PLM_TASK_STOPPED, 0)->cgroup), 0);
	subject_done(&s);
}

static void set_desired__bad_arguments__refused_and_nothing_changed(void **state)
{
	struct subject s = subject_new(state);
	struct plm_err err = PLM_ERR_INIT;
	struct plm_now now = plm_clock_now();
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 1);
	subject_write(&s, "services/agent.json",
		      "{\"serviceName\": \"agent\", \"taskDefinition\": \"web\", \"schedulingStrategy\": \"DAEMON\"}");
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 1 && subject_service(&s, "agent")->running == 1);
	assert_false(subject_service(&s, "agent")->is_scalable);
	assert_int_equal(s.ops->set_desired(s.ctx, "nothere", 1, &now, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "nothere"));
	assert_int_equal(s.ops->set_desired(s.ctx, "web", -1, &now, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "from 0 to"));
	assert_int_equal(s.ops->set_desired(s.ctx, "agent", 2, &now, &err), -EPERM);
	assert_int_equal(s.ops->set_desired(s.ctx, "agent", 2, &now, NULL), -EPERM);
	subject_tick(&s);
	assert_int_equal(subject_service(&s, "web")->desired, 1);
	assert_int_equal(subject_service(&s, "agent")->desired, 1);
	subject_done(&s);
}

static void set_desired__close_and_open__survives_until_the_file_says_otherwise(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	assert_int_equal(subject_set(&s, "web", 3), 0);
	subject_close(&s);
	subject_open(&s);
	subject_tick(&s);
	assert_int_equal(subject_service(&s, "web")->desired, 3);
	subject_reload(&s); /* the file is the same */
	subject_tick(&s);
	assert_int_equal(subject_service(&s, "web")->desired, 3);
	subject_declare(&s, "web", "web", 2);
	subject_reload(&s);
	subject_tick(&s);
	assert_int_equal(subject_service(&s, "web")->desired, 2);
	subject_done(&s);
}

/* --- failures --- */

static void converge__failing_command__backs_off_with_a_visible_reason(void **state)
{
	struct subject s = subject_new(state);
	char script[256];
	(void)snprintf(script, sizeof(script), "echo x >> %s/out/starts; exit 3", s.dir);
	subject_define(&s, "web", script, "", "");
	subject_declare(&s, "web", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_count(&s, "web", PLM_TASK_STOPPED) == 2);
	assert_non_null(strstr(subject_service(&s, "web")->reason, "exited with code 3 after"));
	assert_non_null(strstr(subject_service(&s, "web")->reason, "next start in 1 s, 1st failure"));
	assert_int_equal(subject_service(&s, "web")->pending, 2);
	assert_int_equal(subject_count(&s, "web", PLM_TASK_PENDING), 2);
	assert_true(subject_says(subject_task(&s, "web", PLM_TASK_PENDING, 0), "next start in"));
	const struct plm_task *t = subject_task(&s, "web", PLM_TASK_STOPPED, 0);
	assert_int_equal(t->exit_code, 3);
	SUBJECT_WAIT(&s, 3, strstr(subject_service(&s, "web")->reason, "next start in 2 s, 2nd failure"));
	subject_run(&s, 1.5);
	/* Two tasks, started at 0 s and 1 s; the next round is at 3 s. */
	assert_int_equal(subject_lines(&s, "out/starts"), 4);
	assert_int_equal(subject_service(&s, "web")->restarts, 2);
	subject_done(&s);
}

static void converge__program_that_cannot_begin__says_which_and_why(void **state)
{
	static const struct {
		const char *container, *expect;
	} cases[] = {
		{ "\"entryPoint\": [\"/nowhere/x\"],", "cannot execute '/nowhere/x': No such file or directory" },
		{ "\"entryPoint\": [\"no-such-program\"],",
		  "cannot execute 'no-such-program': No such file or directory" },
		{ "\"entryPoint\": [\"/etc/passwd\"],", "cannot execute '/etc/passwd': Permission denied" },
		{ "\"workingDirectory\": \"/nowhere\",",
		  "cannot change to folder '/nowhere': No such file or directory" },
	};
	struct subject s = subject_new(state);
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "web%zu", i);
		subject_define(&s, name, "exit 0", "", cases[i].container);
		subject_declare(&s, name, name, 1);
	}
	subject_open(&s);
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "web%zu", i);
		SUBJECT_WAIT(&s, 5, subject_count(&s, name, PLM_TASK_STOPPED) > 0);
		const struct plm_task *t = subject_task(&s, name, PLM_TASK_STOPPED, 0);
		assert_string_equal(t->reason, cases[i].expect);
		assert_int_equal(t->exit_code, -1);
		assert_int_equal(t->started_wall, 0);
		assert_int_equal(subject_service(&s, name)->running, 0);
		assert_non_null(strstr(subject_service(&s, name)->reason, cases[i].expect));
	}
	subject_done(&s);
}

static void converge__killed_or_ended_task__replaced(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", FOREVER, "", "");
	subject_define(&s, "brief", "exit 0", "", "");
	subject_declare(&s, "web", "web", 1);
	subject_declare(&s, "brief", "brief", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 1);
	struct plm_task victim = *subject_task(&s, "web", PLM_TASK_RUNNING, 0);
	assert_int_equal(kill(victim.pid, SIGKILL), 0);
	SUBJECT_WAIT(&s, 5,
		     subject_count(&s, "web", PLM_TASK_STOPPED) == 1 && subject_service(&s, "web")->running == 1);
	const struct plm_task *t = subject_task(&s, "web", PLM_TASK_STOPPED, 0);
	assert_string_equal(t->id, victim.id);
	assert_int_equal(t->exit_code, 128 + SIGKILL);
	assert_true(subject_says(t, "killed by signal 9"));
	assert_true(t->stopped_wall >= t->started_wall);
	assert_string_not_equal(subject_task(&s, "web", PLM_TASK_RUNNING, 0)->id, victim.id);
	assert_int_equal(subject_service(&s, "web")->restarts, 1);
	/* Exit code 0 is an end like any other, as in ECS. */
	SUBJECT_WAIT(&s, 3, subject_count(&s, "brief", PLM_TASK_STOPPED) >= 2);
	assert_int_equal(subject_task(&s, "brief", PLM_TASK_STOPPED, 0)->exit_code, 0);
	subject_done(&s);
}

static void stop__ignores_sigterm__killed_with_its_children_after_the_timeout(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", "trap '' TERM; sleep 1000 & setsid sleep 1000 & while :; do sleep 1; done", "",
		       "\"stopTimeout\": 1,");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_processes(&s) >= 4);
	plm_ns begin = plm_clock_mono();
	assert_int_equal(subject_set(&s, "web", 0), 0);
	SUBJECT_WAIT(&s, 1, subject_count(&s, "web", PLM_TASK_STOPPING) == 1);
	assert_true(subject_processes(&s) >= 4);
	/* The loop alone, without a tick, sees to it. */
	while (subject_processes(&s) && plm_clock_mono() - begin < 5 * PLM_NS_PER_S)
		(void)plm_loop_step(s.loop, 50);
	double took = (double)(plm_clock_mono() - begin) / (double)PLM_NS_PER_S;
	assert_true(took > 0.9 && took < 2.5);
	SUBJECT_WAIT(&s, 1, subject_count(&s, "web", PLM_TASK_STOPPED) == 1);
	assert_true(subject_says(subject_task(&s, "web", PLM_TASK_STOPPED, 0), "SIGTERM had not ended it within 1 s"));
	assert_int_equal(subject_task(&s, "web", PLM_TASK_STOPPED, 0)->exit_code, 128 + SIGKILL);
	subject_done(&s);
}

static void stop__orderly_end__exit_code_kept_and_children_killed(void **state)
{
	struct subject s = subject_new(state);
	char script[256];
	(void)snprintf(script, sizeof(script),
		       "trap 'echo bye > %s/out/bye; exit 7' TERM; setsid sleep 1000 & echo up > %s/out/up; wait",
		       s.dir, s.dir);
	subject_define(&s, "web", script, "", "");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_lines(&s, "out/up") == 1);
	assert_int_equal(subject_set(&s, "web", 0), 0);
	SUBJECT_WAIT(&s, 3, subject_count(&s, "web", PLM_TASK_STOPPED) == 1);
	assert_int_equal(subject_task(&s, "web", PLM_TASK_STOPPED, 0)->exit_code, 7);
	assert_string_equal(subject_read(&s, "out/bye"), "bye\n");
	assert_int_equal(subject_processes(&s), 0);
	subject_done(&s);
}

/* --- what a task is given --- */

static void limits__task_level__in_the_kernel(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "hard", FOREVER, "\"cpu\": \"256\", \"memory\": \"48\",", "");
	subject_define(&s, "soft", FOREVER, "", "\"cpu\": 512, \"memory\": 64, \"memoryReservation\": 32,");
	subject_declare(&s, "hard", "hard", 1);
	subject_declare(&s, "soft", "soft", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "hard")->running == 1 && subject_service(&s, "soft")->running == 1);
	const char *hard = subject_task(&s, "hard", PLM_TASK_RUNNING, 0)->cgroup;
	const char *soft = subject_task(&s, "soft", PLM_TASK_RUNNING, 0)->cgroup;
	bool is_v1_cpu = subject_cgroup_file(hard, "cpu.cfs_quota_us")[0];
	if (is_v1_cpu) {
		assert_string_equal(subject_cgroup_file(hard, "cpu.cfs_quota_us"), "25000");
		assert_string_equal(subject_cgroup_file(hard, "cpu.cfs_period_us"), "100000");
		assert_string_equal(subject_cgroup_file(soft, "cpu.cfs_quota_us"), "-1");
		assert_string_equal(subject_cgroup_file(soft, "cpu.shares"), "512");
	} else {
		assert_string_equal(subject_cgroup_file(hard, "cpu.max"), "25000 100000");
		assert_string_equal(subject_cgroup_file(soft, "cpu.max"), "max 100000");
		assert_string_equal(subject_cgroup_file(soft, "cpu.weight"), "50");
	}
	const char *file = subject_cgroup_file(hard, "memory.max")[0] ? "memory.max" : "memory.limit_in_bytes";
	assert_string_equal(subject_cgroup_file(hard, file), "50331648");
	assert_string_equal(subject_cgroup_file(soft, file), "67108864");
	assert_int_equal(subject_service(&s, "soft")->cpu_units, 512);
	assert_int_equal(subject_service(&s, "soft")->memory_bytes, 32 << 20);
	subject_done(&s);
}

static void limits__more_memory_than_allowed__killed_and_said_so(void **state)
{
	struct subject s = subject_new(state);
	subject_define(&s, "web", "exec tail /dev/zero", "\"memory\": 16,", "");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 10, subject_count(&s, "web", PLM_TASK_STOPPED) == 1);
	const struct plm_task *t = subject_task(&s, "web", PLM_TASK_STOPPED, 0);
	assert_true(subject_says(t, "out of memory (limit 16 MiB)"));
	assert_int_equal(t->exit_code, 128 + SIGKILL);
	subject_done(&s);
}

static void start__every_hierarchy__entered_before_the_program(void **state)
{
	struct subject s = subject_new(state);
	char script[256], line[PATH_MAX];
	(void)snprintf(script, sizeof(script), "cat /proc/self/cgroup > %s/out/cgroup; %s", s.dir, FOREVER);
	subject_define(&s, "web", script, "", "");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 1 && subject_lines(&s, "out/cgroup") > 0);
	const char *text = subject_read(&s, "out/cgroup");
	const char *path = subject_task(&s, "web", PLM_TASK_RUNNING, 0)->cgroup;
	size_t expected = subject_cgroup_exists(path), found = 0;
	assert_true(expected > 0);
	(void)snprintf(line, sizeof(line), ":%s\n", path);
	for (const char *p = text; (p = strstr(p, line)); p++)
		found++;
	assert_int_equal(found, expected);
	subject_done(&s);
}

static void port__dynamic__unique_free_and_in_the_environment(void **state)
{
	struct subject s = subject_new(state);
	char script[256];
	/* Two ports for three tasks. */
	int first = 20000 + (int)(getpid() % 5000) * 2;
	(void)snprintf(s.settings, sizeof(s.settings), ", \"port_range\": [%d, %d]", first, first + 1);
	(void)snprintf(script, sizeof(script), "echo $PORT > %s/out/$PLIMSOLL_TASK_ID; %s", s.dir, FOREVER);
	subject_define(&s, "web", script, "", "\"portMappings\": [{\"containerPort\": 80, \"hostPort\": 0}],");
	subject_declare(&s, "web", "web", 3);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 2);
	int ports[2];
	for (size_t i = 0; i < 2; i++) {
		const struct plm_task *t = subject_task(&s, "web", PLM_TASK_RUNNING, i);
		char name[64], expected[16];
		(void)snprintf(name, sizeof(name), "out/%s", t->id);
		SUBJECT_WAIT(&s, 2, subject_lines(&s, name) == 1);
		ports[i] = subject_task(&s, "web", PLM_TASK_RUNNING, i)->port;
		(void)snprintf(expected, sizeof(expected), "%d\n", ports[i]);
		assert_string_equal(subject_read(&s, name), expected);
		assert_in_range(ports[i], first, first + 1);
	}
	assert_int_not_equal(ports[0], ports[1]);
	assert_int_equal(subject_service(&s, "web")->pending, 1);
	assert_non_null(strstr(subject_service(&s, "web")->reason, "is free"));
	subject_done(&s);
}

static void port__fixed_and_taken__waits_and_names_the_holder(void **state)
{
	struct subject s = subject_new(state);
	char container[128], script[128];
	int port = 31000 + (int)(getpid() % 1000);
	(void)snprintf(container, sizeof(container), "\"portMappings\": [{\"containerPort\": %d, \"hostPort\": %d}],",
		       port, port);
	(void)snprintf(script, sizeof(script), "echo $PORT > %s/out/port; %s", s.dir, FOREVER);
	subject_define(&s, "web", script, "", container);
	subject_declare(&s, "web", "web", 2);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5,
		     subject_service(&s, "web")->running == 1 &&
			     strstr(subject_service(&s, "web")->reason, "is held by task"));
	assert_int_equal(subject_task(&s, "web", PLM_TASK_RUNNING, 0)->port, port);
	/* A new revision cannot start beside the old one: the old one goes first. */
	assert_int_equal(subject_set(&s, "web", 1), 0);
	subject_define(&s, "web", FOREVER, "\"cpu\": 100,", container);
	subject_reload(&s);
	SUBJECT_WAIT(&s, 8,
		     subject_service(&s, "web")->running == 1 &&
			     subject_task(&s, "web", PLM_TASK_RUNNING, 0)->revision == 2);
	subject_done(&s);
}

static void start__user_folder_environment__as_declared_and_nothing_else(void **state)
{
	struct subject s = subject_new(state);
	char script[512];
	assert_int_equal(setenv("SECRET_OF_THE_DAEMON", "1", 1), 0);
	(void)snprintf(script, sizeof(script),
		       "pwd > %s/out/d; cd %s/out; id -u > u; id -g > g; id -G > groups; env > e; umask > m; readlink "
		       "/proc/self/fd/0 > in; %s",
		       s.dir, s.dir, FOREVER);
	subject_define(&s, "web", script, "",
		       "\"user\": \"nobody\", \"workingDirectory\": \"/usr\", \"environment\": [{\"name\": \"COLOUR\", "
		       "\"value\": \"blue = 1\"},"
		       " {\"name\": \"HOME\", \"value\": \"/h\"}],");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_lines(&s, "out/in") == 1);
	assert_string_equal(subject_read(&s, "out/u"), "65534\n");
	assert_string_equal(subject_read(&s, "out/g"), "65534\n");
	assert_string_equal(subject_read(&s, "out/groups"), "65534\n");
	assert_string_equal(subject_read(&s, "out/d"), "/usr\n");
	assert_string_equal(subject_read(&s, "out/m"), "0022\n");
	assert_string_equal(subject_read(&s, "out/in"), "/dev/null\n");
	const char *env = subject_read(&s, "out/e");
	assert_non_null(strstr(env, "COLOUR=blue = 1\n"));
	assert_non_null(strstr(env, "HOME=/h\n"));
	assert_non_null(strstr(env, "USER=nobody\n"));
	assert_non_null(strstr(env, "PATH=/usr/local/sbin:"));
	assert_non_null(strstr(env, "PLIMSOLL_SERVICE=web\n"));
	assert_non_null(strstr(env, "PLIMSOLL_CLUSTER=test\n"));
	assert_non_null(strstr(env, subject_task(&s, "web", PLM_TASK_RUNNING, 0)->id));
	assert_null(strstr(env, "SECRET_OF_THE_DAEMON"));
	assert_null(strstr(env, "\nPORT="));
	subject_done(&s);
}

static int n_fds(pid_t pid)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	int n = 0;
	for (const struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return n;
}

static void start__descriptors_and_signals__none_of_the_daemon(void **state)
{
	struct subject s = subject_new(state);
	char script[512];
	int leak = fcntl(STDOUT_FILENO, F_DUPFD, 70); /* without CLOEXEC */
	assert_true(leak >= 70);
	sigset_t some, before;
	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &some, &before), 0);
	void (*old)(int) = signal(SIGUSR2, SIG_IGN);
	/* 32 belongs to the C library, which refuses to touch it; a supervisor may have ignored it all the same. */
	const struct { /* the kernel's, as far as the architectures agree */
		void (*handler)(int);
		unsigned long rest[7];
	} ignore = { SIG_IGN, { 0 } };
	unsigned long library_had[8];
	assert_int_equal(syscall(SYS_rt_sigaction, 32, &ignore, library_had, (size_t)8), 0);
	(void)snprintf(
		script, sizeof(script),
		"grep -E '^Sig(Blk|Ign)' /proc/$$/status | tr -s '\\t0\\n' ' ' > %s/out/sig; echo > %s/out/end; %s",
		s.dir, s.dir, FOREVER);
	subject_define(&s, "web", script, "",
		       "\"ulimits\": [{\"name\": \"nofile\", \"softLimit\": 77, \"hardLimit\": 99}],");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_lines(&s, "out/end") == 1);
	/* Not from within: a shell has descriptors of its own until it ends. */
	SUBJECT_WAIT(&s, 5, n_fds(subject_task(&s, "web", PLM_TASK_RUNNING, 0)->pid) == 3);
	assert_string_equal(subject_read(&s, "out/sig"), "SigBlk: SigIgn: ");
	char limits[64];
	(void)snprintf(limits, sizeof(limits), "/proc/%d/limits", subject_task(&s, "web", PLM_TASK_RUNNING, 0)->pid);
	struct plm_buf text = PLM_BUF_INIT(8192);
	assert_int_equal(plm_file_read(AT_FDCWD, limits, &text, NULL), 0);
	assert_non_null(strstr(plm_buf_text(&text), "Max open files            77                   99"));
	plm_buf_done(&text);
	(void)close(leak);
	(void)signal(SIGUSR2, old);
	(void)syscall(SYS_rt_sigaction, 32, library_had, NULL, (size_t)8);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	subject_done(&s);
}

/* Reading plain files takes many descriptors; the limit that the daemon gives itself for that is not the tasks'. */
static void start__raised_limit_of_the_daemon__not_inherited(void **state)
{
	struct subject s = subject_new(state);
	struct rlimit before, raised;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit low = { .rlim_cur = 300, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	subject_define(&s, "web", FOREVER, "", "");
	subject_declare(&s, "web", "web", 0);
	subject_open(&s);
	raised = (struct rlimit){ .rlim_cur = 500, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &raised), 0);
	assert_int_equal(subject_set(&s, "web", 1), 0);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 1);
	char limits[64];
	(void)snprintf(limits, sizeof(limits), "/proc/%d/limits", subject_task(&s, "web", PLM_TASK_RUNNING, 0)->pid);
	struct plm_buf text = PLM_BUF_INIT(8192);
	assert_int_equal(plm_file_read(AT_FDCWD, limits, &text, NULL), 0);
	assert_non_null(strstr(plm_buf_text(&text), "Max open files            300 "));
	plm_buf_done(&text);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	subject_done(&s);
}

static void start__output__appended_to_the_log(void **state)
{
	struct subject s = subject_new(state);
	char name[128];
	subject_define(&s, "web", "echo out; echo err >&2; echo again > /dev/stdout; exec sleep 1000", "",
		       "\"user\": \"nobody\",");
	subject_declare(&s, "web", "web", 1);
	subject_open(&s);
	SUBJECT_WAIT(&s, 5, subject_service(&s, "web")->running == 1);
	(void)snprintf(name, sizeof(name), "logs/web/%s.log", subject_task(&s, "web", PLM_TASK_RUNNING, 0)->id);
	SUBJECT_WAIT(&s, 2, subject_lines(&s, name) > 0 && strstr(subject_read(&s, name), "again"));
	subject_done(&s);
}

static void close__null__nothing_happens(void **state)
{
	const struct plm_backend_ops *ops = *state;
	ops->close(NULL);
	assert_ptr_equal(plm_backend_find(ops->name), ops);
	assert_null(plm_backend_find("nomad"));
}

static int apply_calls;
static int count_call(void *ctx, const char *service, int desired, const struct plm_now *now, struct plm_err *err)
{
	(void)ctx;
	(void)service;
	(void)now;
	(void)err;
	apply_calls++;
	return desired < 0 ? -EINVAL : 0;
}

static void apply_desired__dry_run__nothing_reaches_the_backend(void **state)
{
	const struct plm_backend_ops *real = *state;
	struct plm_backend_ops ops = *real;
	struct plm_now now = plm_clock_now();
	ops.set_desired = count_call;
	apply_calls = 0;
	assert_int_equal(plm_apply_desired(&ops, NULL, true, "web", 3, &now, NULL), 1);
	assert_int_equal(apply_calls, 0);
	assert_int_equal(plm_apply_desired(&ops, NULL, false, "web", 3, &now, NULL), 0);
	assert_int_equal(plm_apply_desired(&ops, NULL, false, "web", -3, &now, NULL), -EINVAL);
	assert_int_equal(apply_calls, 2);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(converge__desired_two__two_tasks_run),
		CASE(set_desired__up_and_down__followed_newest_stopped_first),
		CASE(set_desired__bad_arguments__refused_and_nothing_changed),
		CASE(set_desired__close_and_open__survives_until_the_file_says_otherwise),
		CASE(converge__failing_command__backs_off_with_a_visible_reason),
		CASE(converge__program_that_cannot_begin__says_which_and_why),
		CASE(converge__killed_or_ended_task__replaced),
		CASE(stop__ignores_sigterm__killed_with_its_children_after_the_timeout),
		CASE(stop__orderly_end__exit_code_kept_and_children_killed),
		CASE(limits__task_level__in_the_kernel),
		CASE(limits__more_memory_than_allowed__killed_and_said_so),
		CASE(start__every_hierarchy__entered_before_the_program),
		CASE(port__dynamic__unique_free_and_in_the_environment),
		CASE(port__fixed_and_taken__waits_and_names_the_holder),
		CASE(start__user_folder_environment__as_declared_and_nothing_else),
		CASE(start__descriptors_and_signals__none_of_the_daemon),
		CASE(start__raised_limit_of_the_daemon__not_inherited),
		CASE(start__output__appended_to_the_log),
		CASE(close__null__nothing_happens),
		CASE(apply_desired__dry_run__nothing_reaches_the_backend),
	};
	return subject_run_cases("backend", cases, PLM_ARRAY_SIZE(cases));
}
