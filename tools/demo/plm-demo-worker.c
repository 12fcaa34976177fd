/* SPDX-License-Identifier: Apache-2.0
 *
 * The demo's service: an HTTP/1.1 server in which each request costs a fixed amount of CPU time.
 *
 * One thread, one epoll loop; requests are served one at a time in the order in which they were complete. One
 * request per connection, so that the kernel's balancing over SO_REUSEPORT listeners is a balancing of requests.
 * The cost is CPU time of this thread, not wall time: a throttled worker takes longer, it does not work less.
 *
 * SIGTERM must not lose a request. Closing a SO_REUSEPORT listener resets what waits in its queue, so the worker
 * first puts a socket filter on the listener that drops new SYNs (a client's kernel sends such a SYN again, to a
 * listener that is left), lets the handshakes under way end, accepts all that waits, and only then closes.
 *
 * Environment: PORT (a port of its own) or DEMO_PORT (one shared with other workers; wins), DEMO_CPU_MS.
 * Sizes: at most CONNS_NORMAL connections are held here, BACKLOG more wait in the kernel; both fit in CONNS_MAX
 * when the worker drains. Nothing is allocated after start; resident memory stays near 1.5 MiB.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"

#define CONNS_NORMAL 64
#define BACKLOG 256
#define CONNS_MAX 384
#define REQUEST_MAX 512 /* bytes of a request's head */
#define HEAD_WAIT_S 5   /* for a client that connects and stays silent */
#define DRAIN_PAUSE_NS 300000L
#define CPU_MS_MAX 1000.0

struct conn {
	int fd; /* -1 = free */
	bool is_queued;
	uint64_t order; /* of completion, while queued */
	int64_t since_ns;
	size_t len;
	char head[REQUEST_MAX];
};

static struct worker {
	int epoll_fd, listen_fd, signal_fd;
	int64_t cost_ns;
	bool is_draining;
	uint64_t served, skipped, next_order;
	unsigned n_conns, n_queued;
	struct conn conns[CONNS_MAX];
} worker = { .epoll_fd = -1, .listen_fd = -1, .signal_fd = -1 };

/* epoll tags: an index of `conns`, or one of these. */
enum { TAG_LISTEN = CONNS_MAX, TAG_SIGNAL };

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Uses `cost_ns` of this thread's CPU time. Reading that clock is a system call, so some arithmetic goes between. */
static void spin(int64_t cost_ns)
{
	const int64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + cost_ns;
	uint64_t x = 88172645463325252u;

	do {
		for (int i = 0; i < 5000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			__asm__ volatile("" : "+r"(x));
		}
	} while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
}

static void conn_close(struct worker *w, struct conn *c)
{
	if (c->is_queued)
		w->n_queued--;
	(void)close(c->fd); /* leaves the epoll set with it */
	*c = (struct conn){ .fd = -1 };
	w->n_conns--;
}

static void conn_answer(struct worker *w, struct conn *c, const char *status, const char *text)
{
	char out[256];
	int n;

	n = snprintf(out, sizeof(out),
		     "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		     status, strlen(text), text);
	(void)send(c->fd, out, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	conn_close(w, c);
}

/* Reads what came; queues the connection once the head is complete. */
static void conn_read(struct worker *w, struct conn *c)
{
	ssize_t n = recv(c->fd, c->head + c->len, sizeof(c->head) - 1 - c->len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(w, c);
		return;
	}
	c->len += (size_t)n;
	c->head[c->len] = '\0';
	if (!strstr(c->head, "\r\n\r\n")) {
		if (c->len == sizeof(c->head) - 1)
			conn_answer(w, c, "431 Request Header Fields Too Large", "the request's head is too large\n");
		return;
	}
	if (strncmp(c->head, "GET /", 5) != 0) {
		conn_answer(w, c, "405 Method Not Allowed", "only GET\n");
		return;
	}
	if (strncmp(c->head, "GET /healthz ", 13) == 0) { /* costs nothing */
		conn_answer(w, c, "200 OK", "ok\n");
		return;
	}
	c->is_queued = true;
	c->order = w->next_order++;
	w->n_queued++;
	(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
}

/* Takes the connections that wait, as far as there is room; when draining there is room for all. */
static void accept_all(struct worker *w)
{
	const unsigned limit = w->is_draining ? CONNS_MAX : CONNS_NORMAL;
	unsigned slot = 0;

	while (w->n_conns < limit) {
		struct epoll_event ev = { .events = EPOLLIN };
		int fd = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return;
		}
		while (w->conns[slot].fd >= 0)
			slot++;
		w->conns[slot].fd = fd;
		w->conns[slot].since_ns = clock_ns(CLOCK_MONOTONIC);
		w->n_conns++;
		ev.data.u32 = slot;
		if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
			conn_close(w, &w->conns[slot]);
		else
			conn_read(w, &w->conns[slot]); /* the request is mostly there already */
	}
}

/* Serves the request that has waited longest. One whose client has gone costs nothing: nobody would see the answer. */
static void serve_one(struct worker *w)
{
	struct conn *oldest = NULL;
	char byte, text[96];
	ssize_t n;

	for (unsigned i = 0; i < CONNS_MAX; i++) {
		struct conn *c = &w->conns[i];
		if (c->fd >= 0 && c->is_queued && (!oldest || c->order < oldest->order))
			oldest = c;
	}
	if (!oldest)
		return;
	n = recv(oldest->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		w->skipped++;
		conn_close(w, oldest);
		return;
	}
	spin(w->cost_ns);
	w->served++;
	snprintf(text, sizeof(text), "worker %d, request %llu\n", (int)getpid(), (unsigned long long)w->served);
	conn_answer(w, oldest, "200 OK", text);
}

static void close_silent(struct worker *w)
{
	const int64_t before = clock_ns(CLOCK_MONOTONIC) - HEAD_WAIT_S * 1000000000LL;

	for (unsigned i = 0; i < CONNS_MAX; i++) {
		struct conn *c = &w->conns[i];
		if (c->fd >= 0 && !c->is_queued && c->since_ns < before)
			conn_answer(w, c, "408 Request Timeout", "no request came\n");
	}
}

/* Leaves the group of listeners. SYNs vanish from here on (offset 13 of a TCP header holds the flags), handshakes under
 * way end; then all that waits is taken and the listener closed. A SYN that vanished costs its client a second, so the
 * pause is short: over loopback a handshake takes some microseconds. */
static void drain(struct worker *w)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12), /* SYN, ACK */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog prog = { .len = PLM_ARRAY_SIZE(code), .filter = code };

	if (w->is_draining)
		return;
	w->is_draining = true;
	if (setsockopt(w->listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		fprintf(stderr, "plm-demo-worker: SO_ATTACH_FILTER: %s; a request may be lost\n", strerror(errno));
	(void)nanosleep(&(struct timespec){ .tv_nsec = DRAIN_PAUSE_NS }, NULL);
	accept_all(w);
	(void)close(w->listen_fd);
	w->listen_fd = -1;
}

static void handle_event(struct worker *w, uint32_t tag)
{
	struct signalfd_siginfo si;

	if (tag == TAG_SIGNAL) {
		while (read(w->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
			;
		drain(w);
	} else if (tag == TAG_LISTEN) {
		if (w->listen_fd >= 0)
			accept_all(w);
	} else if (w->conns[tag].fd >= 0 && !w->conns[tag].is_queued) {
		conn_read(w, &w->conns[tag]);
	}
}

/* With CONNS_NORMAL held, the listener stays readable; then it is left out of the wait until a place is free. */
static void listen_arm(struct worker *w, bool want)
{
	static bool is_armed;
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = TAG_LISTEN };

	if (w->listen_fd < 0 || want == is_armed)
		return;
	if (epoll_ctl(w->epoll_fd, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, w->listen_fd, &ev) == 0)
		is_armed = want;
}

static void run(struct worker *w)
{
	while (!w->is_draining || w->n_conns > 0) {
		struct epoll_event evs[32];
		int timeout_ms = w->n_queued ? 0 : w->n_conns ? 1000 : -1;
		int n;

		listen_arm(w, w->n_conns < CONNS_NORMAL);
		n = epoll_wait(w->epoll_fd, evs, PLM_ARRAY_SIZE(evs), timeout_ms);
		for (int i = 0; i < n; i++)
			handle_event(w, evs[i].data.u32);
		serve_one(w);
		if (w->n_conns > w->n_queued)
			close_silent(w);
	}
}

static int env_number(const char *name, double min, double max, double fallback, double *ret)
{
	const char *text = getenv(name);
	char *end;
	double v;

	if (!text) {
		*ret = fallback;
		return 0;
	}
	v = strtod(text, &end);
	if (end == text || *end || !(v >= min && v <= max)) {
		fprintf(stderr, "plm-demo-worker: %s is \"%s\"; it must be a number from %g to %g\n", name, text, min,
			max);
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

static int open_listener(int port, bool is_shared)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	PLM_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, BACKLOG) < 0) {
		fprintf(stderr, "plm-demo-worker: 127.0.0.1:%d: %s\n", port, strerror(errno));
		return -1;
	}
	return PLM_TAKE_FD(fd);
}

int main(void)
{
	struct worker *w = &worker;
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = TAG_SIGNAL };
	double port = 0, shared = 0, cpu_ms = 0;
	sigset_t set;

	if (env_number("PORT", 1, 65535, 0, &port) < 0 || env_number("DEMO_PORT", 1, 65535, 0, &shared) < 0 ||
	    env_number("DEMO_CPU_MS", 0, CPU_MS_MAX, 5, &cpu_ms) < 0)
		return 2;
	if (port == 0 && shared == 0) {
		fputs("plm-demo-worker: set PORT, or DEMO_PORT for a port shared with other workers\n", stderr);
		return 2;
	}
	for (unsigned i = 0; i < CONNS_MAX; i++)
		w->conns[i].fd = -1;
	w->cost_ns = (int64_t)(cpu_ms * 1e6);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->signal_fd < 0 || w->epoll_fd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->signal_fd, &ev) < 0) {
		perror("plm-demo-worker");
		return 1;
	}
	w->listen_fd = open_listener((int)(shared > 0 ? shared : port), shared > 0);
	if (w->listen_fd < 0)
		return 1;
	run(w);
	fprintf(stderr, "plm-demo-worker: served %llu, skipped %llu whose client had gone\n",
		(unsigned long long)w->served, (unsigned long long)w->skipped);
	return 0;
}
