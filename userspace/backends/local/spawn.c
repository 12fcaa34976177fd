/* SPDX-License-Identifier: Apache-2.0
 *
 * Between fork and exec only async-signal-safe calls are made: another thread of the daemon may hold any lock at the fork.
 * Everything that needs memory (environment, candidates for the program's path, messages) is made before.
 */
#include "backends/local/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

#define ENV_MAX (PLM_LOCAL_MAX_ENV + 32)
#define CANDIDATES_MAX 64 /* folders of PATH that are looked at */
#define FD_MAX 65536      /* closed one by one on kernels before 5.11 */

static const char default_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* What the child sends when it cannot go on: a sentence, ready to be shown. */
struct report {
	int code;
	char text[240];
};

/* Everything the child needs. */
struct child {
	const struct plm_local_spawn *s;
	char *env[ENV_MAX + 1];
	char *candidates[CANDIDATES_MAX + 1]; /* paths to try, owned */
	char user[160], home[PLM_NAME_MAX + 8], logname[160];
	int gate, gate_in, report;
};

int plm_local_pidfd_open(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : (int)fd;
}

int plm_local_pidfd_signal(int pidfd, int signo)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) == 0 ? 0 : -errno;
}

/* --- before the fork --- */

static bool is_same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");
	return strncmp(a, b, len) == 0 && b[len] == '=';
}

/* A later entry replaces an earlier one of the same name. */
static void set_env(struct child *c, size_t *n, const char *entry)
{
	for (size_t i = 0; i < *n; i++) {
		if (is_same_name(entry, c->env[i])) {
			c->env[i] = (char *)entry;
			return;
		}
	}
	if (*n < ENV_MAX)
		c->env[(*n)++] = (char *)entry;
}

/* Nothing of the daemon's own: defaults, then the definition's, then what the task is given. */
static void build_env(struct child *c)
{
	const struct plm_local_definition *d = c->s->definition;
	size_t n = 0;
	(void)snprintf(c->home, sizeof(c->home), "HOME=%s", d->home ? d->home : "/");
	set_env(c, &n, default_path);
	set_env(c, &n, c->home);
	if (d->user_name) {
		(void)snprintf(c->user, sizeof(c->user), "USER=%s", d->user_name);
		(void)snprintf(c->logname, sizeof(c->logname), "LOGNAME=%s", d->user_name);
		set_env(c, &n, c->user);
		set_env(c, &n, c->logname);
	}
	for (size_t i = 0; d->env[i]; i++)
		set_env(c, &n, d->env[i]);
	for (size_t i = 0; c->s->extra_env[i]; i++)
		set_env(c, &n, c->s->extra_env[i]);
	c->env[n] = NULL;
}

/* The program as named, or in each folder of the task's own PATH. */
static int find_candidates(struct child *c)
{
	const char *program = c->s->definition->argv[0], *path = default_path + 5;
	size_t n = 0;
	for (size_t i = 0; c->env[i]; i++)
		if (strncmp(c->env[i], "PATH=", 5) == 0)
			path = c->env[i] + 5;
	if (strchr(program, '/') || !program[0])
		return (c->candidates[0] = strdup(program)) ? 0 : -ENOMEM;
	while (n < CANDIDATES_MAX) {
		size_t len = strcspn(path, ":");
		if (len && asprintf(&c->candidates[n], "%.*s/%s", (int)len, path, program) < 0) {
			c->candidates[n] = NULL;
			return -ENOMEM;
		}
		n += len > 0;
		if (!path[len])
			return 0;
		path += len + 1;
	}
	return 0;
}

static void free_candidates(struct child *c)
{
	for (size_t i = 0; c->candidates[i]; i++)
		free(c->candidates[i]);
}

/* --- in the child --- */

static void append(struct report *r, const char *text)
{
	size_t used = strlen(r->text);
	while (*text && used + 1 < sizeof(r->text))
		r->text[used++] = *text++;
	r->text[used] = '\0';
}

static __attribute__((noreturn)) void give_up(const struct child *c, int code, const char *what, const char *subject)
{
	struct report r = { .code = code };
	append(&r, what);
	if (subject) {
		append(&r, " '");
		append(&r, subject);
		append(&r, "'");
	}
	(void)!write(c->report, &r, sizeof(r));
	_exit(127);
}

/* By the system call: the C library keeps two of the real-time signals to itself, and whoever started the daemon may have
 * ignored these, too. A zeroed action is SIG_DFL with every architecture's layout. */
static void reset_signals(void)
{
	static const char normal[64];
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		(void)syscall(SYS_rt_sigaction, i, normal, NULL, (size_t)(NSIG - 1) / 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void wait_at_gate(const struct child *c)
{
	char open_sign;
	ssize_t n;
	do {
		n = read(c->gate, &open_sign, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127); /* the daemon is gone, or has changed its mind */
}

static void open_streams(const struct child *c)
{
	const struct plm_local_definition *d = c->s->definition;
	int in = open("/dev/null", O_RDONLY | O_NOCTTY);
	int out = open(c->s->log_file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NOFOLLOW, 0640);
	if (out >= 0 && d->has_user)
		(void)!fchown(out, d->uid, d->gid); /* so that the program may open /dev/stdout again */
	if (out < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EROFS))
		out = open("/dev/null", O_WRONLY | O_NOCTTY); /* a full disk costs the log, not the service */
	if (in < 0 || out < 0)
		give_up(c, errno, "cannot open its log file", c->s->log_file);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		give_up(c, errno, "cannot set up its streams", NULL);
}

/* What the daemon was given and a task must not inherit: protection from the OOM killer, ambient capabilities, the umask. */
static void drop_privileges_of_daemon(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "0", 1);
		(void)close(fd);
	}
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)umask(022);
}

static void become_user(const struct child *c)
{
	const struct plm_local_definition *d = c->s->definition;
	if (!d->has_user)
		return;
	if (setgroups((size_t)d->n_groups, d->groups) != 0)
		give_up(c, errno, "cannot set its groups", NULL);
	if (setresgid(d->gid, d->gid, d->gid) != 0)
		give_up(c, errno, "cannot change its group", NULL);
	if (setresuid(d->uid, d->uid, d->uid) != 0)
		give_up(c, errno, "cannot change its user", NULL);
}

/* Everything above standard error is closed by exec, whoever opened it; the report pipe among them. */
static void close_rest(void)
{
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	struct rlimit limit = { .rlim_cur = FD_MAX };
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = STDERR_FILENO + 1; (rlim_t)fd < limit.rlim_cur && fd < FD_MAX; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static __attribute__((noreturn)) void execute(const struct child *c)
{
	char **argv = c->s->definition->argv;
	int code = ENOENT;
	for (size_t i = 0; c->candidates[i]; i++) {
		(void)execve(c->candidates[i], argv, c->env);
		if (errno == EACCES)
			code = EACCES; /* told unless a later folder has it */
		else if (errno != ENOENT && errno != ENOTDIR)
			give_up(c, errno, "cannot execute", argv[0]);
	}
	give_up(c, code, "cannot execute", argv[0]);
}

static __attribute__((noreturn)) void child_main(struct child *c)
{
	const struct plm_local_definition *d = c->s->definition;
	(void)close(c->gate_in);
	reset_signals();
	(void)setsid();
	if (c->report <= STDERR_FILENO) { /* a daemon started with closed streams */
		int fd = fcntl(c->report, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		c->report = fd < 0 ? c->report : fd;
	}
	int r = plm_local_cgroup_enter(c->s->cgroups, c->s->cgroup);
	if (r != 0)
		give_up(c, -r, "cannot enter its cgroup", c->s->cgroup);
	wait_at_gate(c);
	open_streams(c);
	drop_privileges_of_daemon();
	struct rlimit nofile = { .rlim_cur = d->nofile_soft, .rlim_max = d->nofile_hard };
	if (setrlimit(RLIMIT_NOFILE, d->nofile_hard ? &nofile : &c->s->nofile) != 0 && d->nofile_hard)
		give_up(c, errno, "cannot set its nofile limit", NULL);
	become_user(c);
	if (chdir(d->workdir ? d->workdir : "/") != 0)
		give_up(c, errno, "cannot change to folder", d->workdir ? d->workdir : "/");
	close_rest();
	execute(c);
}

/* --- in the daemon --- */

/* Signals are held back over the fork: the child must not run the daemon's handlers. */
static pid_t fork_child(struct child *c)
{
	sigset_t all, before;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		child_main(c);
	int code = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	errno = code;
	return pid;
}

static int spawn_with(struct child *c, struct plm_local_spawned *ret, struct plm_err *err)
{
	int gate[2], report[2];
	/* A socket, because writing to one whose other end is gone need not raise SIGPIPE. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) != 0)
		return plm_err_set(err, errno, NULL, "cannot make a socket pair: %s", strerror(errno));
	PLM_CLOSE int gate_in = gate[1];
	PLM_CLOSE int gate_out = gate[0];
	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0)
		return plm_err_set(err, errno, NULL, "cannot make a pipe: %s", strerror(errno));
	PLM_CLOSE int report_out = report[0];
	PLM_CLOSE int report_in = report[1];
	/* The child must not hold the writing end of its own gate, or it would wait for itself. */
	c->gate = gate_out;
	c->report = report_in;
	c->gate_in = gate_in;
	pid_t pid = fork_child(c);
	if (pid < 0)
		return plm_err_set(err, errno, NULL, "cannot fork: %s", strerror(errno));
	int pidfd = plm_local_pidfd_open(pid);
	if (pidfd < 0)
		return plm_err_set(err, -pidfd, NULL, "cannot watch the new process: %s",
				   strerror(-pidfd)); /* the closed gate ends it */
	*ret = (struct plm_local_spawned){
		.pid = pid, .pidfd = pidfd, .gate = PLM_TAKE_FD(gate_in), .report = PLM_TAKE_FD(report_out)
	};
	return 0;
}

int plm_local_spawn(const struct plm_local_spawn *s, struct plm_local_spawned *ret, struct plm_err *err)
{
	PLM_FREE struct child *c = calloc(1, sizeof(*c));
	if (!c)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	c->s = s;
	build_env(c);
	int r = find_candidates(c);
	r = r ? plm_err_set(err, -r, NULL, "out of memory") : spawn_with(c, ret, err);
	free_candidates(c);
	return r;
}

void plm_local_spawn_release(int *gate)
{
	if (*gate < 0)
		return;
	(void)send(*gate, "1", 1, MSG_NOSIGNAL); /* fails only when the child is dead already; its exit tells */
	(void)close(*gate);
	*gate = -1;
}

int plm_local_spawn_result(int report, struct plm_err *err)
{
	struct report r;
	ssize_t n;
	do {
		n = read(report, &r, sizeof(r));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(r))
		return 0; /* closed by exec (or by a kill: then the exit tells) */
	r.text[sizeof(r.text) - 1] = '\0';
	return plm_err_set(err, r.code, NULL, "%s: %s", r.text, strerror(r.code));
}
