/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/local/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* What the child was doing when it failed; sent over the pipe. */
enum step { STEP_CGROUP, STEP_LOG, STEP_LIMIT, STEP_USER, STEP_FOLDER, STEP_EXEC, _STEP_MAX };
struct failure {
	int step, code;
};

static const char default_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

int plm_local_pidfd_open(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : (int)fd;
}

int plm_local_pidfd_signal(int pidfd, int signo)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) == 0 ? 0 : -errno;
}

static bool is_same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");
	return strncmp(a, b, len) == 0 && b[len] == '=';
}

/* The environment: defaults, then the definition's, then ours; a later one replaces an earlier one of the same name. */
static void set_env(char **env, size_t *n, size_t max, const char *entry)
{
	for (size_t i = 0; i < *n; i++) {
		if (is_same_name(entry, env[i])) {
			env[i] = (char *)entry;
			return;
		}
	}
	if (*n < max)
		env[(*n)++] = (char *)entry;
}

#define ENV_MAX (PLM_LOCAL_MAX_ENV + 32)

static void build_env(const struct plm_local_spawn *s, char *env[ENV_MAX + 1])
{
	size_t n = 0;
	set_env(env, &n, ENV_MAX, default_path);
	set_env(env, &n, ENV_MAX, "HOME=/");
	for (size_t i = 0; s->definition->env[i]; i++)
		set_env(env, &n, ENV_MAX, s->definition->env[i]);
	for (size_t i = 0; s->extra_env[i]; i++)
		set_env(env, &n, ENV_MAX, s->extra_env[i]);
	env[n] = NULL;
}

static __attribute__((noreturn)) void give_up(int pipe_fd, enum step step)
{
	struct failure f = { .step = step, .code = errno };
	(void)!write(pipe_fd, &f, sizeof(f));
	_exit(127);
}

static void open_streams(const char *log_file, int pipe_fd)
{
	int in = open("/dev/null", O_RDONLY);
	int out = open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0640);
	if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		give_up(pipe_fd, STEP_LOG);
	if (in > STDERR_FILENO)
		(void)close(in);
	if (out > STDERR_FILENO)
		(void)close(out);
}

static void reset_signals(void)
{
	struct sigaction normal = { .sa_handler = SIG_DFL };
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &normal, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become_user(const struct plm_local_definition *d, int pipe_fd)
{
	if (!d->has_user)
		return;
	int r = d->user_name ? initgroups(d->user_name, d->gid) : setgroups(0, NULL);
	if (r != 0 || setresgid(d->gid, d->gid, d->gid) != 0 || setresuid(d->uid, d->uid, d->uid) != 0)
		give_up(pipe_fd, STEP_USER);
}

static __attribute__((noreturn)) void child(const struct plm_local_spawn *s, char **env, int pipe_fd)
{
	const struct plm_local_definition *d = s->definition;
	int r = plm_local_cgroup_enter(s->cgroups, s->cgroup);
	if (r != 0) {
		errno = -r;
		give_up(pipe_fd, STEP_CGROUP);
	}
	reset_signals();
	(void)setsid();
	open_streams(s->log_file, pipe_fd);
	if (d->nofile) {
		struct rlimit limit = { .rlim_cur = d->nofile, .rlim_max = d->nofile };
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			give_up(pipe_fd, STEP_LIMIT);
	}
	become_user(d, pipe_fd);
	if (chdir(d->workdir ? d->workdir : "/") != 0)
		give_up(pipe_fd, STEP_FOLDER);
	/* Everything above standard error is closed by exec, whoever opened it; the pipe among them. */
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
	execvpe(d->argv[0], d->argv, env);
	give_up(pipe_fd, STEP_EXEC);
}

int plm_local_spawn(const struct plm_local_spawn *s, pid_t *ret_pid, int *ret_pidfd, int *ret_pipe, struct plm_err *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return plm_err_set(err, errno, NULL, "cannot make a pipe: %s", strerror(errno));
	PLM_CLOSE int reading = ends[0];
	PLM_CLOSE int writing = ends[1];
	char *env[ENV_MAX + 1];
	build_env(s, env);
	pid_t pid = fork();
	if (pid < 0)
		return plm_err_set(err, errno, NULL, "cannot fork: %s", strerror(errno));
	if (pid == 0)
		child(s, env, writing);
	int pidfd = plm_local_pidfd_open(pid);
	if (pidfd < 0) {
		(void)kill(pid, SIGKILL);
		return plm_err_set(err, -pidfd, NULL, "cannot watch the new process: %s", strerror(-pidfd));
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	*ret_pipe = PLM_TAKE_FD(reading);
	return 0;
}

int plm_local_spawn_result(int pipe_fd, const struct plm_local_definition *d, struct plm_err *err)
{
	struct failure f;
	ssize_t n;
	do {
		n = read(pipe_fd, &f, sizeof(f));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(f) || f.step < 0 || f.step >= _STEP_MAX)
		return 0;
	const char *why = strerror(f.code);
	switch ((enum step)f.step) {
	case STEP_CGROUP:
		return plm_err_set(err, f.code, NULL, "cannot enter its cgroup: %s", why);
	case STEP_LOG:
		return plm_err_set(err, f.code, NULL, "cannot open its log file: %s", why);
	case STEP_LIMIT:
		return plm_err_set(err, f.code, NULL, "cannot set nofile to %llu: %s", (unsigned long long)d->nofile, why);
	case STEP_USER:
		return plm_err_set(err, f.code, NULL, "cannot become user %u: %s", (unsigned)d->uid, why);
	case STEP_FOLDER:
		return plm_err_set(err, f.code, NULL, "cannot change to folder \"%.200s\": %s", d->workdir ? d->workdir : "/", why);
	default:
		return plm_err_set(err, f.code, NULL, "cannot execute \"%.200s\": %s", d->argv[0], why);
	}
}
