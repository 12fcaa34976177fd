/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends the scheduled requests: one thread, epoll, one connection per request, a timerfd for the next due time.
 *
 * The list of requests is shared with readers under one mutex; the thread holds it only to mark an outcome.
 * Connections end by reset once the answer is whole, so neither side is left with sockets in TIME_WAIT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "load.h"

#define SWEEP_NS (20 * PLM_NS_PER_MS) /* how late a time-out may be noticed */
#define ANSWER_MAX 1024
#define EVENTS 64
#define START_DELAY (20 * PLM_NS_PER_MS)

struct flight {
	int fd; /* -1 = free */
	bool is_sent;
	size_t request, len;
	char answer[ANSWER_MAX];
};

struct plm_load {
	struct plm_load_cfg cfg;
	struct plm_load_request *requests;
	size_t n, next;
	plm_ns start;
	struct flight *flights; /* cfg.max_in_flight of them */
	unsigned n_flights;
	int epoll_fd, timer_fd, stop_fd;
	atomic_bool is_done;
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t lock; /* guards outcome and end of `requests` */
};

/* epoll tags above any flight. */
enum { TAG_TIMER = PLM_LOAD_MAX_IN_FLIGHT, TAG_STOP };

static const char request_text[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

static void mark(struct plm_load *l, size_t request, enum plm_load_outcome outcome)
{
	pthread_mutex_lock(&l->lock);
	l->requests[request].outcome = outcome;
	l->requests[request].end = plm_clock_mono() - l->start;
	pthread_mutex_unlock(&l->lock);
}

static void flight_end(struct plm_load *l, struct flight *f, enum plm_load_outcome outcome)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	mark(l, f->request, outcome);
	(void)setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)close(f->fd);
	f->fd = -1;
	l->n_flights--;
}

static void flight_send(struct plm_load *l, struct flight *f, uint32_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = tag };
	const ssize_t n = send(f->fd, request_text, sizeof(request_text) - 1, MSG_NOSIGNAL);

	/* An empty send buffer takes a request of this size whole. */
	if (n != (ssize_t)sizeof(request_text) - 1 || epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, f->fd, &ev) < 0)
		flight_end(l, f, PLM_LOAD_RESET);
	else
		f->is_sent = true;
}

/* Whether the body is as long as Content-Length says. */
static bool is_whole(const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\nContent-Length:");

	return body && length && length < body && strlen(body + 4) >= strtoul(length + 17, NULL, 10);
}

static void flight_read(struct plm_load *l, struct flight *f)
{
	const ssize_t n = recv(f->fd, f->answer + f->len, sizeof(f->answer) - 1 - f->len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		f->len += (size_t)n;
		f->answer[f->len] = '\0';
		if (f->len < sizeof(f->answer) - 1 && !is_whole(f->answer))
			return;
	}
	if (!is_whole(f->answer))
		flight_end(l, f, PLM_LOAD_RESET);
	else
		flight_end(l, f, strncmp(f->answer, "HTTP/1.1 200", 12) == 0 ? PLM_LOAD_OK : PLM_LOAD_BAD);
}

static struct flight *free_flight(struct plm_load *l)
{
	for (unsigned i = 0; i < l->cfg.max_in_flight; i++)
		if (l->flights[i].fd < 0)
			return &l->flights[i];
	return NULL;
}

static void launch(struct plm_load *l, size_t request)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)l->cfg.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct flight *f = free_flight(l);
	struct epoll_event ev = { .events = EPOLLOUT };
	int fd = f ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;

	if (fd < 0) {
		mark(l, request, PLM_LOAD_NOT_SENT);
		return;
	}
	*f = (struct flight){ .fd = fd, .request = request };
	l->n_flights++;
	ev.data.u32 = (uint32_t)(f - l->flights);
	if ((connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS) ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		flight_end(l, f, PLM_LOAD_RESET);
}

static void sweep(struct plm_load *l, plm_ns now)
{
	for (unsigned i = 0; i < l->cfg.max_in_flight && l->n_flights > 0; i++) {
		struct flight *f = &l->flights[i];
		if (f->fd >= 0 && now - l->requests[f->request].due >= l->cfg.timeout)
			flight_end(l, f, PLM_LOAD_TIMED_OUT);
	}
}

static void arm(struct plm_load *l, plm_ns now)
{
	plm_ns at = l->next < l->n ? l->requests[l->next].due : now + SWEEP_NS;
	struct itimerspec its = { .it_value = { 0 } };

	if (l->n_flights > 0 && at > now + SWEEP_NS)
		at = now + SWEEP_NS;
	at += l->start;
	its.it_value.tv_sec = at / PLM_NS_PER_S;
	its.it_value.tv_nsec = at % PLM_NS_PER_S;
	(void)timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

static void *run(void *ctx)
{
	struct plm_load *l = ctx;
	bool is_stopped = false;
	plm_ns swept = 0;

	while (!is_stopped && (l->next < l->n || l->n_flights > 0)) {
		struct epoll_event evs[EVENTS];
		plm_ns now = plm_clock_mono() - l->start;
		int n;

		while (l->next < l->n && l->requests[l->next].due <= now)
			launch(l, l->next++);
		if (now - swept >= SWEEP_NS) {
			sweep(l, now);
			swept = now;
		}
		arm(l, now);
		n = epoll_wait(l->epoll_fd, evs, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			const uint32_t tag = evs[i].data.u32;
			uint64_t ticks;
			if (tag == TAG_STOP)
				is_stopped = true;
			else if (tag == TAG_TIMER)
				(void)!read(l->timer_fd, &ticks, sizeof(ticks));
			else if (l->flights[tag].fd >= 0 && !l->flights[tag].is_sent)
				flight_send(l, &l->flights[tag], tag);
			else if (l->flights[tag].fd >= 0)
				flight_read(l, &l->flights[tag]);
		}
	}
	atomic_store(&l->is_done, true);
	return NULL;
}

/* Room for a socket per flight; best effort, a socket that is refused counts as not sent. */
static void raise_fd_limit(unsigned want)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < want + 64) {
		lim.rlim_cur = lim.rlim_max < want + 64 ? lim.rlim_max : want + 64;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int watch(struct plm_load *l, int fd, uint32_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = tag };

	return fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int prepare(struct plm_load *l, struct plm_err *err)
{
	PLM_FREE plm_ns *due = NULL;
	int r = plm_load_schedule(&l->cfg.profile, l->cfg.arrivals, l->cfg.seed, &due, &l->n, err);

	if (r < 0)
		return r;
	l->requests = calloc(l->n + 1, sizeof(*l->requests));
	l->flights = calloc(l->cfg.max_in_flight, sizeof(*l->flights));
	if (!l->requests || !l->flights)
		return plm_err_set(err, ENOMEM, "load", "out of memory");
	for (size_t i = 0; i < l->n; i++)
		l->requests[i].due = due[i];
	for (unsigned i = 0; i < l->cfg.max_in_flight; i++)
		l->flights[i].fd = -1;
	raise_fd_limit(l->cfg.max_in_flight);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (watch(l, l->timer_fd, TAG_TIMER) < 0 || watch(l, l->stop_fd, TAG_STOP) < 0)
		return plm_err_set(err, errno, "load", "%s", strerror(errno));
	return 0;
}

int plm_load_start(const struct plm_load_cfg *cfg, struct plm_load **ret, struct plm_err *err)
{
	struct plm_load *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return plm_err_set(err, ENOMEM, "load", "out of memory");
	l->cfg = *cfg;
	l->epoll_fd = l->timer_fd = l->stop_fd = -1;
	pthread_mutex_init(&l->lock, NULL);
	r = prepare(l, err);
	if (r == 0) {
		l->start = plm_clock_mono() + START_DELAY;
		r = -pthread_create(&l->thread, NULL, run, l);
		l->has_thread = r == 0;
		if (r < 0)
			(void)plm_err_set(err, -r, "load", "%s", strerror(-r));
	}
	if (r < 0)
		plm_load_free(l);
	else
		*ret = l;
	return r;
}

plm_ns plm_load_started(const struct plm_load *l)
{
	return l->start;
}

bool plm_load_is_done(struct plm_load *l)
{
	return atomic_load(&l->is_done);
}

void plm_load_free(struct plm_load *l)
{
	const uint64_t one = 1;

	if (!l)
		return;
	if (l->has_thread) {
		(void)!write(l->stop_fd, &one, sizeof(one));
		(void)pthread_join(l->thread, NULL);
	}
	for (unsigned i = 0; l->flights && i < l->cfg.max_in_flight; i++)
		if (l->flights[i].fd >= 0)
			(void)close(l->flights[i].fd);
	plm_cleanup_close(&l->epoll_fd);
	plm_cleanup_close(&l->timer_fd);
	plm_cleanup_close(&l->stop_fd);
	pthread_mutex_destroy(&l->lock);
	free(l->flights);
	free(l->requests);
	free(l);
}

int plm_load_read(struct plm_load *l, enum plm_load_window by, plm_ns from, plm_ns to, struct plm_load_stats *ret)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = plm_load_stats_of(l->requests, l->n, l->cfg.timeout, by, from, to, ret);
	pthread_mutex_unlock(&l->lock);
	return r;
}
