/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_PER_STEP 64

enum kind { KIND_FD, KIND_TIMER, KIND_SIGNAL };

/* Removed watches stay in the list until the step ends: an event already fetched may still point to them. */
struct plm_watch {
	struct plm_watch *next;
	int fd;
	enum kind kind;
	bool is_removed;
	plm_loop_fn fn;
	void *ctx;
};

struct plm_loop {
	int epoll_fd;
	bool is_stopped;
	struct plm_watch *watches;
};

int plm_loop_new(struct plm_loop **ret, struct plm_err *err)
{
	struct plm_loop *l = calloc(1, sizeof(*l));
	if (!l)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		int code = errno;
		free(l);
		return plm_err_set(err, code, NULL, "epoll_create1: %s", strerror(code));
	}
	*ret = l;
	return 0;
}

/* Frees removed watches, or all of them. */
static void sweep(struct plm_loop *l, bool all)
{
	struct plm_watch **at = &l->watches;
	while (*at) {
		struct plm_watch *w = *at;
		if (!all && !w->is_removed) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		if (w->kind != KIND_FD && w->fd >= 0)
			(void)close(w->fd);
		free(w);
	}
}

void plm_loop_free(struct plm_loop *l)
{
	if (!l)
		return;
	sweep(l, true);
	(void)close(l->epoll_fd);
	free(l);
}

static int add(struct plm_loop *l, int fd, enum kind kind, uint32_t events, plm_loop_fn fn, void *ctx,
	       struct plm_watch **ret)
{
	struct plm_watch *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct plm_watch){ .next = l->watches, .fd = fd, .kind = kind, .fn = fn, .ctx = ctx };
	struct epoll_event ev = { .events = events, .data.ptr = w };
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		int code = errno;
		free(w);
		return -code;
	}
	l->watches = w;
	if (ret)
		*ret = w;
	return 0;
}

int plm_loop_add(struct plm_loop *l, int fd, uint32_t epoll_events, plm_loop_fn fn, void *ctx, struct plm_watch **ret)
{
	return add(l, fd, KIND_FD, epoll_events, fn, ctx, ret);
}

void plm_loop_remove(struct plm_loop *l, struct plm_watch *w)
{
	if (!w || w->is_removed)
		return;
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->is_removed = true;
}

static struct timespec to_timespec(plm_ns ns)
{
	return (struct timespec){ .tv_sec = ns / PLM_NS_PER_S, .tv_nsec = ns % PLM_NS_PER_S };
}

int plm_loop_timer_set(struct plm_watch *w, plm_ns first, plm_ns period)
{
	struct itimerspec its = { .it_value = to_timespec(first), .it_interval = to_timespec(period) };
	return timerfd_settime(w->fd, 0, &its, NULL) == 0 ? 0 : -errno;
}

int plm_loop_timer(struct plm_loop *l, plm_ns first, plm_ns period, plm_loop_fn fn, void *ctx, struct plm_watch **ret)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct plm_watch *w;
	int r = add(l, fd, KIND_TIMER, EPOLLIN, fn, ctx, &w);
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	r = plm_loop_timer_set(w, first, period); // NOLINT(clang-analyzer-core.CallAndMessage): add() has set w
	if (r != 0) {
		plm_loop_remove(l, w);
		return r;
	}
	if (ret)
		*ret = w;
	return 0;
}

int plm_loop_signal(struct plm_loop *l, int signo, plm_loop_fn fn, void *ctx, struct plm_watch **ret)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signo);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	int r = add(l, fd, KIND_SIGNAL, EPOLLIN, fn, ctx, ret);
	if (r != 0)
		(void)close(fd);
	return r;
}

static void dispatch(struct plm_watch *w, uint32_t events)
{
	if (w->is_removed)
		return;
	if (w->kind == KIND_TIMER) {
		uint64_t expirations;
		if (read(w->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
			return;
		events = expirations > UINT32_MAX ? UINT32_MAX : (uint32_t)expirations;
	} else if (w->kind == KIND_SIGNAL) {
		struct signalfd_siginfo info;
		if (read(w->fd, &info, sizeof(info)) != sizeof(info))
			return;
		events = info.ssi_signo;
	}
	w->fn(w->ctx, events);
}

int plm_loop_step(struct plm_loop *l, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_STEP];
	int n = epoll_wait(l->epoll_fd, events, EVENTS_PER_STEP, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		dispatch(events[i].data.ptr, events[i].events);
	sweep(l, false);
	return 0;
}

int plm_loop_run(struct plm_loop *l)
{
	l->is_stopped = false;
	while (!l->is_stopped) {
		int r = plm_loop_step(l, -1);
		if (r != 0)
			return r;
	}
	return 0;
}

void plm_loop_stop(struct plm_loop *l)
{
	l->is_stopped = true;
}
