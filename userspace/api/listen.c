/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/cleanup.h"
#include "base/num.h"

#define BACKLOG 128

/* --- TCP --- */

static bool is_loopback_v4(const struct in_addr *a)
{
	return ntohl(a->s_addr) >> 24 == 127;
}

static bool is_loopback_addr(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return is_loopback_v4(&((const struct sockaddr_in *)a)->sin_addr);
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* "host:port" into its parts; brackets of an IPv6 address are taken off. */
static int split_address(const char *address, char *host, size_t host_size, uint64_t *port, struct plm_err *err)
{
	static const char usage[] =
		"must be ADDRESS:PORT, such as 127.0.0.1:17546, [::1]:17546 or :17546 for every address";
	const char *colon = strrchr(address, ':');
	if (!colon || plm_parse_u64(colon + 1, 0, 65535, port) != 0)
		return plm_err_set(err, EINVAL, address, "%s; the port is 0 to 65535", usage);
	size_t len = (size_t)(colon - address);
	bool has_brackets = len >= 2 && address[0] == '[' && address[len - 1] == ']';
	if (!has_brackets && memchr(address, ':', len))
		return plm_err_set(err, EINVAL, address, "%s", usage);
	const char *start = has_brackets ? address + 1 : address;
	len -= has_brackets ? 2 : 0;
	if (len >= host_size)
		return plm_err_set(err, EINVAL, address, "%s", usage);
	memcpy(host, start, len);
	host[len] = '\0';
	return 0;
}

/* Numbers only, and "localhost": a name server must not be able to hold up the start. */
static int resolve(const char *host, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	memset(ret, 0, sizeof(*ret));
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	if (strcasecmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*ret_len = sizeof(*v4);
		return 0;
	}
	memset(ret, 0, sizeof(*ret));
	if (!host[0] || inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) { /* "" = [::], IPv4 included */
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*ret_len = sizeof(*v6);
		return 0;
	}
	return -EINVAL;
}

/* A socket of the address's family; a host without IPv6 gets IPv4 for "every address". */
static int open_socket(struct sockaddr_storage *addr, socklen_t *len, bool is_any)
{
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 || errno != EAFNOSUPPORT || !is_any)
		return fd;
	uint16_t port = ((struct sockaddr_in6 *)addr)->sin6_port;
	memset(addr, 0, sizeof(*addr));
	*(struct sockaddr_in *)addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
	*len = sizeof(struct sockaddr_in);
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int plm_listen_tcp(const char *address, int *ret_fd, struct plm_listen_tcp *ret, struct plm_err *err)
{
	char host[64];
	uint64_t port;
	struct sockaddr_storage addr;
	socklen_t len;
	int r = split_address(address, host, sizeof(host), &port, err);
	if (r < 0)
		return r;
	if (resolve(host, (uint16_t)port, &addr, &len) != 0)
		return plm_err_set(err, EINVAL, address, "\"%s\" is neither an IP address nor localhost", host);
	PLM_CLOSE int fd = open_socket(&addr, &len, host[0] == '\0');
	if (fd < 0)
		return plm_err_set(err, errno, address, "socket: %s", strerror(errno));
	const int on = 1, off = 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (addr.ss_family == AF_INET6 && !host[0])
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, BACKLOG) != 0) {
		int code = errno;
		return plm_err_set(err, code, address, "cannot listen: %s%s", strerror(code),
				   code == EADDRINUSE ? "; is another plimsolld running?" : "");
	}
	len = sizeof(addr);
	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		return plm_err_set(err, errno, address, "getsockname: %s", strerror(errno));
	ret->port = ntohs(addr.ss_family == AF_INET ? ((struct sockaddr_in *)&addr)->sin_port
						    : ((struct sockaddr_in6 *)&addr)->sin6_port);
	ret->is_loopback = is_loopback_addr(&addr);
	*ret_fd = PLM_TAKE_FD(fd);
	return 0;
}

bool plm_host_is_loopback(const char *host)
{
	char name[64];
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	if (len > strlen(host) || len >= sizeof(name) || (host[len] && host[len] != ':'))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	struct in_addr v4;
	return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
	       (inet_pton(AF_INET, name, &v4) == 1 && is_loopback_v4(&v4));
}

/* --- Unix --- */

static int unix_address(const char *path, struct sockaddr_un *ret, struct plm_err *err)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	size_t len = strlen(path);
	if (!len || len >= sizeof(ret->sun_path))
		return plm_err_set(err, ENAMETOOLONG, path, "the path of a socket has 1 to %zu bytes",
				   sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

/* Makes way: 0 when nothing is there any more, or -errno. */
static int clear_path(const char *path, const struct sockaddr_un *addr, struct plm_err *err)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : plm_err_set(err, errno, path, "%s", strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return plm_err_set(err, ENOTSOCK, path,
				   "something that is no socket is in the way; remove it or set another path");
	PLM_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return plm_err_set(err, errno, path, "socket: %s", strerror(errno));
	/* EAGAIN: somebody listens whose queue is full. */
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN)
		return plm_err_set(err, EADDRINUSE, path,
				   "another plimsolld listens here; stop it or set another path");
	if (errno != ECONNREFUSED)
		return plm_err_set(err, errno, path, "cannot tell whether somebody listens here: %s", strerror(errno));
	if (unlink(path) != 0 && errno != ENOENT)
		return plm_err_set(err, errno, path, "cannot remove the socket of an earlier run: %s", strerror(errno));
	return 0;
}

int plm_listen_unix(const char *path, int *ret_fd, struct plm_listen_unix *ret, struct plm_err *err)
{
	struct sockaddr_un addr;
	int r = unix_address(path, &addr, err);
	if (r == 0)
		r = clear_path(path, &addr, err);
	if (r < 0)
		return r;
	PLM_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode before bind: at no moment may others connect. The umask can only take away from it. */
	if (fd < 0 || fchmod(fd, 0660) != 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		return plm_err_set(err, errno, path, "cannot bind: %s", strerror(errno));
	struct stat st;
	if (chmod(path, 0660) != 0 || lstat(path, &st) != 0 || listen(fd, BACKLOG) != 0) {
		int code = errno;
		(void)unlink(path);
		return plm_err_set(err, code, path, "cannot listen: %s", strerror(code));
	}
	*ret = (struct plm_listen_unix){ .dev = st.st_dev, .ino = st.st_ino };
	*ret_fd = PLM_TAKE_FD(fd);
	return 0;
}

void plm_listen_unix_remove(const char *path, const struct plm_listen_unix *ours)
{
	struct stat st;
	if (lstat(path, &st) == 0 && st.st_dev == ours->dev && st.st_ino == ours->ino)
		(void)unlink(path);
}
