/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"

enum kind { STARTED, ENDED, TIDIED };
struct message {
	enum kind kind;
	pid_t pid;
	int status;
	struct plm_keeper_report report;
};

static void pause_ms(long ms)
{
	(void)nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* --- in the keeper --- */

static void run_daemon(const struct plm_keeper_cfg *cfg, pid_t parent)
{
	sigset_t none;
	int in = open("/dev/null", O_RDONLY), out = open(cfg->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* died before the line above */
		_exit(1);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(1);
	(void)closefrom(3);
	(void)execv(cfg->argv[0], cfg->argv);
	dprintf(2, "%s: %s\n", cfg->argv[0], strerror(errno));
	_exit(127);
}

/* Waits up to `ms` for the daemon to end. */
static bool wait_daemon(pid_t pid, long ms, int *ret_status)
{
	for (long waited = 0;; waited += 20) {
		if (waitpid(pid, ret_status, WNOHANG) == pid)
			return true;
		if (waited >= ms)
			return false;
		pause_ms(20);
	}
}

static struct plm_keeper_report tidy(const struct plm_keeper_cfg *cfg, pid_t daemon_pid, bool has_ended, int status)
{
	struct plm_keeper_report r = { .status = status };

	if (!has_ended) {
		(void)kill(daemon_pid, SIGTERM);
		if (!wait_daemon(daemon_pid, PLM_KEEPER_STOP_S * 1000L, &r.status)) {
			r.was_killed = true;
			(void)kill(daemon_pid, SIGKILL);
			(void)wait_daemon(daemon_pid, 5000, &r.status);
		}
	}
	r.sweep = plm_sweep_cgroup(cfg->cgroup);
	if (!cfg->keep_folder)
		plm_sweep_folder(cfg->folder);
	return r;
}

static void keep(const struct plm_keeper_cfg *cfg, int fd)
{
	struct message m = { .kind = STARTED };
	const pid_t self = getpid();
	bool has_ended = false;
	int status = 0;
	char byte;

	m.pid = fork();
	if (m.pid == 0)
		run_daemon(cfg, self);
	if (m.pid < 0)
		has_ended = true;
	(void)send(fd, &m, sizeof(m), MSG_NOSIGNAL);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, 100) > 0 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0)
			break; /* the demo is done, or gone */
		if (!has_ended && waitpid(m.pid, &status, WNOHANG) == m.pid) {
			struct message ended = { .kind = ENDED, .pid = m.pid, .status = status };
			has_ended = true;
			(void)send(fd, &ended, sizeof(ended), MSG_NOSIGNAL);
		}
	}
	m.kind = TIDIED;
	m.report = tidy(cfg, m.pid, has_ended, status);
	(void)send(fd, &m, sizeof(m), MSG_NOSIGNAL);
	_exit(0);
}

/* --- in the demo --- */

int plm_keeper_start(const struct plm_keeper_cfg *cfg, struct plm_keeper *ret, struct plm_err *err)
{
	struct plm_keeper k = { .cfg = *cfg, .fd = -1 };
	struct message m;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return plm_err_set(err, errno, "keeper", "%s", strerror(errno));
	k.fd = fds[0];
	k.pid = fork();
	if (k.pid == 0) {
		(void)close(fds[0]);
		(void)setsid();
		(void)signal(SIGINT, SIG_IGN);
		(void)signal(SIGTERM, SIG_IGN);
		(void)signal(SIGHUP, SIG_IGN);
		(void)signal(SIGPIPE, SIG_IGN);
		keep(cfg, fds[1]);
	}
	(void)close(fds[1]);
	if (k.pid < 0 || recv(k.fd, &m, sizeof(m), 0) != (ssize_t)sizeof(m) || m.pid < 0) {
		(void)close(k.fd);
		return plm_err_set(err, EAGAIN, "keeper", "cannot start a process");
	}
	k.daemon_pid = m.pid;
	*ret = k;
	return 0;
}

bool plm_keeper_is_alive(struct plm_keeper *k)
{
	struct message m;

	if (!k->has_ended && recv(k->fd, &m, sizeof(m), MSG_DONTWAIT) == (ssize_t)sizeof(m) && m.kind == ENDED) {
		k->has_ended = true;
		k->status = m.status;
	}
	return !k->has_ended;
}

void plm_keeper_finish(struct plm_keeper *k, struct plm_keeper_report *ret)
{
	struct plm_keeper_report report = { 0 };
	bool is_tidied = false;
	struct message m;

	if (k->pid <= 0)
		return;
	(void)shutdown(k->fd, SHUT_WR);
	while (recv(k->fd, &m, sizeof(m), 0) == (ssize_t)sizeof(m)) {
		if (m.kind != TIDIED)
			continue;
		report = m.report;
		is_tidied = true;
	}
	(void)waitpid(k->pid, NULL, 0);
	if (!is_tidied) { /* the keeper was killed; the daemon, its orphan, was told to stop by the kernel */
		for (int i = 0; i < PLM_KEEPER_STOP_S * 10 && kill(k->daemon_pid, 0) == 0; i++)
			pause_ms(100);
		report.was_killed = kill(k->daemon_pid, SIGKILL) == 0;
		report.sweep = plm_sweep_cgroup(k->cfg.cgroup);
		if (!k->cfg.keep_folder)
			plm_sweep_folder(k->cfg.folder);
	}
	(void)close(k->fd);
	*k = (struct plm_keeper){ .fd = -1 };
	*ret = report;
}
