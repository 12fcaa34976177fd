/* SPDX-License-Identifier: Apache-2.0
 * Host ports: free on this host (asked by binding) and not held by one of our tasks. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/local/internal.h"
#include "base/cleanup.h"

static const struct plm_local_task *holder_of(const struct plm_local *l, int port)
{
	for (size_t i = 0; i < l->n_services; i++)
		for (size_t j = 0; j < l->services[i]->n_tasks; j++) {
			const struct plm_local_task *t = l->services[i]->tasks[j];
			if (t->t.port == port && t->t.status != PLM_TASK_STOPPED)
				return t;
		}
	return NULL;
}

/* Binds the wildcard address of one family. 0, -EADDRINUSE, or another -errno where the family is not there.
 * With SO_REUSEADDR a port whose connections are in TIME_WAIT counts as free, as it does for servers, but so would one that a
 * process has bound with the same option and does not listen on yet: a chosen port is asked for without. */
static int try_bind(int family, int port, bool is_udp, bool with_reuse)
{
	PLM_CLOSE int fd = socket(family, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int on = 1;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	if (fd < 0)
		return -errno;
	if (with_reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -errno;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return -errno;
	int r = family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
				  : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	return r == 0 ? 0 : -errno;
}

static bool is_bindable(int port, bool is_udp, bool with_reuse)
{
	return try_bind(AF_INET, port, is_udp, with_reuse) == 0 &&
	       try_bind(AF_INET6, port, is_udp, with_reuse) !=
		       -EADDRINUSE; /* a host without IPv6 has no conflict there */
}

int plm_local_port_choose(struct plm_local *l, bool is_udp)
{
	/* Goes round the range, so that a port rests before it is used again. */
	for (int tries = l->set.port_max - l->set.port_min + 1; tries > 0; tries--) {
		int port = l->next_port;
		l->next_port = port >= l->set.port_max ? l->set.port_min : port + 1;
		if (!holder_of(l, port) && is_bindable(port, is_udp, false))
			return port;
	}
	return 0;
}

bool plm_local_port_is_free(const struct plm_local *l, int port, bool is_udp, char *why)
{
	const struct plm_local_task *t = holder_of(l, port);
	if (t)
		(void)snprintf(why, PLM_REASON_MAX, "host port %d is held by task %s of service \"%.80s\"", port,
			       t->t.id, t->t.service);
	else if (!is_bindable(port, is_udp, true))
		(void)snprintf(why, PLM_REASON_MAX, "host port %d is in use by another program", port);
	else
		return true;
	return false;
}
