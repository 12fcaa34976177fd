/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets around plm_api_handle(): libmicrohttpd inside our event loop, once for TCP and once for the Unix socket,
 * so that a flood on one door leaves the other free. No threads; a client that is slow costs memory within the limits
 * below, never time.
 *
 * Typical load: a scrape each 15 s, a few CLI calls. Worst case held: 64 connections a door, each with a body of
 * 1 MiB; answers on their way 64 MiB.
 */
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "api/internal.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/num.h"

#define CONNECTION_MEMORY (32u << 10) /* request line and headers; more gives 431 or 414 */
#define MAX_DISCARD (8u << 20)        /* of a body that is too large, read and dropped to get the answer across */
#define MAX_IN_FLIGHT (64u << 20)     /* answers not yet taken by their clients; above, 503 for large ones */
#define SMALL_ANSWER (64u << 10)      /* always sent, so that health can be asked when slow clients hold the rest */
#define SWEEP_S 5
#define MAX_SWEEPS 6 /* a connection that ends no request for 30 s is closed, however busily it trickles */

struct door {
	struct plm_api *api;
	struct MHD_Daemon *mhd;
	struct plm_watch *watch, *timer;
	bool is_trusted;
	bool has_closed; /* a connection ended during this run */
	struct connection *connections;
};

struct plm_api {
	struct plm_loop *loop;
	const struct plm_control_ops *control;
	void *control_ctx;
	struct door tcp, unix_door;
	struct plm_listen_tcp bound;
	struct plm_listen_unix file;
	char socket[128];
	struct plm_watch *sweep;
	size_t in_flight;
};

struct connection { /* one per socket */
	struct connection *next, **link;
	int fd;
	unsigned sweeps; /* since it came or last ended a request */
};

struct request {            /* one per request */
	char *path, *query; /* path owns both */
	bool has_begun, is_too_large;
	size_t discarded;
	struct plm_buf body;
};

/* --- answers --- */

struct sent {
	struct plm_api *api;
	void *data;
	size_t len;
};

static void sent_free(void *ctx)
{
	struct sent *s = ctx;
	s->api->in_flight -= s->len;
	free(s->data);
	free(s);
}

static void add_headers(struct MHD_Response *response, const struct plm_api_response *r)
{
	(void)MHD_add_response_header(response, "Content-Type", r->content_type);
	(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (strncmp(r->content_type, "text/html", strlen("text/html")) == 0) {
		(void)MHD_add_response_header(response, "Content-Security-Policy",
					      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
		(void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	}
	if (r->allow)
		(void)MHD_add_response_header(response, "Allow", r->allow);
	if (r->status == 413)
		(void)MHD_add_response_header(response, "Connection", "close");
	if (r->status == 503)
		(void)MHD_add_response_header(response, "Retry-After", "1");
}

/* Hands the body over to MHD; *r is empty afterwards. */
static enum MHD_Result send_response(struct plm_api *api, struct MHD_Connection *c, struct plm_api_response *r)
{
	struct sent *s = malloc(sizeof(*s));
	if (!s || r->body.failed) {
		free(s);
		plm_buf_done(&r->body);
		return MHD_NO;
	}
	*s = (struct sent){ .api = api, .data = r->body.data, .len = r->body.len };
	struct MHD_Response *response =
		MHD_create_response_from_buffer_with_free_callback_cls(s->len, s->data, sent_free, s);
	if (!response) {
		free(s);
		plm_buf_done(&r->body);
		return MHD_NO;
	}
	r->body.data = NULL;
	api->in_flight += s->len;
	add_headers(response, r);
	enum MHD_Result queued = MHD_queue_response(c, (unsigned)r->status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result send_error(struct plm_api *api, struct MHD_Connection *c, int status, const char *code,
				  const char *message)
{
	struct plm_api_response r = { .body = PLM_BUF_INIT(4096) };
	plm_api_error(&r, status, code, "%s", message);
	return send_response(api, c, &r);
}

static enum MHD_Result send_too_large(struct plm_api *api, struct MHD_Connection *c)
{
	char message[64];
	(void)snprintf(message, sizeof(message), "a body has at most %u bytes", PLM_API_MAX_BODY);
	return send_error(api, c, 413, "body_too_large", message);
}

/* --- requests --- */

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* "uid 1000 (pid 4711)" of who is at the other end. */
static void name_actor(struct MHD_Connection *c, char *ret, size_t size)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (info && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		(void)snprintf(ret, size, "uid %u (pid %d)", peer.uid, peer.pid);
	else
		(void)plm_strcpy(ret, size, "unknown");
}

static enum MHD_Result answer(struct door *door, struct MHD_Connection *c, const char *method, struct request *r)
{
	struct plm_api *api = door->api;
	if (r->is_too_large)
		return send_too_large(api, c);
	char actor[64] = "TCP";
	if (door->is_trusted)
		name_actor(c, actor, sizeof(actor));
	struct plm_api_request request = {
		.method = method,
		.path = r->path,
		.query = r->query,
		.accept = header(c, "Accept"),
		.body = plm_buf_text(&r->body),
		.body_len = r->body.len,
		.is_trusted = door->is_trusted,
		.actor = actor,
	};
	struct plm_api_response response;
	plm_api_handle(api->control, api->control_ctx, &request, &response);
	if (response.body.len > SMALL_ANSWER && api->in_flight + response.body.len > MAX_IN_FLIGHT) {
		plm_buf_done(&response.body);
		plm_api_error(&response, 503, "busy", "clients that read slowly hold too many answers; try again");
	}
	return send_response(api, c, &response);
}

/* Refuses what can be refused by the headers alone; once an answer is queued MHD does not ask again. */
static enum MHD_Result begin(struct door *door, struct MHD_Connection *c, struct request *r)
{
	const char *host = header(c, "Host"), *length = header(c, "Content-Length");
	/* A page from elsewhere whose name was made to point to this host sends its own name: DNS rebinding. */
	if (!door->is_trusted && door->api->bound.is_loopback && host && !plm_host_is_loopback(host))
		return send_error(door->api, c, 403, "forbidden_host",
				  "this address answers to localhost, 127.0.0.1 and [::1] only");
	uint64_t n;
	r->is_too_large = length && plm_parse_u64(length, 0, PLM_API_MAX_BODY, &n) != 0;
	bool is_hopeless = r->is_too_large && (header(c, "Expect") || plm_parse_u64(length, 0, MAX_DISCARD, &n) != 0);
	return is_hopeless ? send_too_large(door->api, c) : MHD_YES;
}

/* Takes a piece of the body. A body that turns out too large is read on for a while: whoever still writes
 * does not see an answer. */
static enum MHD_Result take_body(struct request *r, const char *data, size_t len)
{
	if (!r->is_too_large) {
		plm_buf_add(&r->body, data, len);
		if (!r->body.failed)
			return MHD_YES;
		r->is_too_large = true;
		plm_buf_done(&r->body);
	}
	r->discarded += len;
	return r->discarded > MAX_DISCARD ? MHD_NO : MHD_YES;
}

/* MHD calls this when the headers are complete, for each piece of the body, and at the end. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
				  const char *version, const char *data, size_t *data_len, void **request_ctx)
{
	(void)url, (void)version;
	struct door *door = ctx;
	struct request *r = *request_ctx;
	if (!r)
		return MHD_NO;
	if (!r->has_begun) {
		r->has_begun = true;
		return begin(door, c, r);
	}
	if (*data_len) {
		size_t len = *data_len;
		*data_len = 0;
		return take_body(r, data, len);
	}
	return answer(door, c, method, r);
}

/* The request line as it came: path and query are decoded by us, once, where they are used. */
static void *on_request_line(void *ctx, const char *uri, struct MHD_Connection *c)
{
	(void)ctx, (void)c;
	struct request *r = calloc(1, sizeof(*r));
	char *text = strdup(uri);
	if (!r || !text) {
		free(r);
		free(text);
		return NULL;
	}
	plm_buf_init(&r->body, PLM_API_MAX_BODY);
	r->path = text;
	r->query = strchr(text, '?');
	if (r->query)
		*r->query++ = '\0';
	return r;
}

static void on_completed(void *ctx, struct MHD_Connection *c, void **request_ctx, enum MHD_RequestTerminationCode code)
{
	(void)ctx, (void)code;
	struct request *r = *request_ctx;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *connection = info ? info->socket_context : NULL;
	if (connection)
		connection->sweeps = 0;
	if (!r)
		return;
	plm_buf_done(&r->body);
	free(r->path);
	free(r);
	*request_ctx = NULL;
}

/* --- connections --- */

static void on_connection(void *ctx, struct MHD_Connection *c, void **socket_ctx,
			  enum MHD_ConnectionNotificationCode code)
{
	struct door *door = ctx;
	struct connection *connection = *socket_ctx;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
		connection = info ? calloc(1, sizeof(*connection)) : NULL;
		if (!connection)
			return; /* served all the same, without the deadline */
		*connection = (struct connection){ .next = door->connections,
						   .link = &door->connections,
						   .fd = info->connect_fd };
		if (door->connections)
			door->connections->link = &connection->next;
		door->connections = connection;
		*socket_ctx = connection;
		return;
	}
	door->has_closed = true;
	if (connection) {
		*connection->link = connection->next;
		if (connection->next)
			connection->next->link = connection->link;
		free(connection);
		*socket_ctx = NULL;
	}
}

static void sweep_door(struct door *door)
{
	for (struct connection *c = door->connections; c; c = c->next)
		if (++c->sweeps > MAX_SWEEPS)
			(void)shutdown(c->fd, SHUT_RDWR); /* MHD sees the end and closes */
}

static void on_sweep(void *ctx, uint32_t expirations)
{
	(void)expirations;
	struct plm_api *api = ctx;
	sweep_door(&api->tcp);
	sweep_door(&api->unix_door);
}

/* --- MHD in the loop --- */

static void run_door(void *ctx, uint32_t events)
{
	(void)events;
	struct door *door = ctx;
	door->has_closed = false;
	(void)MHD_run(door->mhd);
	MHD_UNSIGNED_LONG_LONG ms;
	plm_ns next = 0; /* no timer */
	if (MHD_get_timeout(door->mhd, &ms) == MHD_YES)
		next = ms ? (plm_ns)ms * PLM_NS_PER_MS : 1;
	/* MHD stops accepting at its limit of connections and starts again only at the run after one has ended. */
	if (door->has_closed)
		next = 1;
	(void)plm_loop_timer_set(door->timer, next, 0);
}

static void on_mhd_log(void *ctx, const char *fmt, va_list ap)
{
	(void)ctx;
	char text[256];
	/* The format is MHD's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int n = vsnprintf(text, sizeof(text), fmt, ap);
#pragma GCC diagnostic pop
	while (n > 0 && (size_t)n < sizeof(text) && text[n - 1] == '\n')
		text[--n] = '\0';
	plm_log_limited(PLM_LOG_DEBUG, "api", "mhd", "%s", text);
}

static void close_door(struct plm_loop *loop, struct door *door)
{
	plm_loop_remove(loop, door->watch);
	plm_loop_remove(loop, door->timer);
	if (door->mhd)
		MHD_stop_daemon(door->mhd); /* closes the listening socket as well */
	*door = (struct door){ .api = door->api };
}

/* `fd` is consumed in every case. */
static int open_door(struct plm_api *api, struct door *door, int fd, bool is_trusted, struct plm_err *err)
{
	*door = (struct door){ .api = api, .is_trusted = is_trusted };
	door->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, door, MHD_OPTION_EXTERNAL_LOGGER,
		on_mhd_log, NULL, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)PLM_API_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PLM_API_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK,
		on_request_line, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, door, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	const union MHD_DaemonInfo *info = door->mhd ? MHD_get_daemon_info(door->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		if (!door->mhd)
			(void)close(fd);
		return plm_err_set(err, EIO, NULL, "libmicrohttpd does not start");
	}
	int r = plm_loop_timer(api->loop, 0, 0, run_door, door, &door->timer);
	if (r == 0)
		r = plm_loop_add(api->loop, info->epoll_fd, EPOLLIN, run_door, door, &door->watch);
	return r < 0 ? plm_err_set(err, -r, NULL, "event loop: %s", strerror(-r)) : 0;
}

static int open_doors(struct plm_api *api, const struct plm_api_cfg *cfg, struct plm_err *err)
{
	int fd, r = 0;
	if (cfg->socket && cfg->socket[0]) {
		r = plm_listen_unix(cfg->socket, &fd, &api->file, err);
		if (r == 0) {
			(void)plm_strcpy(api->socket, sizeof(api->socket), cfg->socket);
			r = open_door(api, &api->unix_door, fd, true, err);
		}
	}
	if (r == 0 && cfg->listen_address && cfg->listen_address[0]) {
		r = plm_listen_tcp(cfg->listen_address, &fd, &api->bound, err);
		if (r == 0)
			r = open_door(api, &api->tcp, fd, false, err);
	}
	if (r == 0) {
		r = plm_loop_timer(api->loop, SWEEP_S * PLM_NS_PER_S, SWEEP_S * PLM_NS_PER_S, on_sweep, api,
				   &api->sweep);
		if (r < 0)
			return plm_err_set(err, -r, NULL, "event loop: %s", strerror(-r));
	}
	return r;
}

int plm_api_open(const struct plm_api_cfg *cfg, struct plm_api **ret, struct plm_err *err)
{
	struct plm_api *api = calloc(1, sizeof(*api));
	if (!api)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	api->loop = cfg->loop;
	api->control = cfg->control;
	api->control_ctx = cfg->control_ctx;
	int r = open_doors(api, cfg, err);
	if (r < 0) {
		plm_api_close(api);
		return r;
	}
	*ret = api;
	return 0;
}

int plm_api_port(const struct plm_api *a)
{
	return a->tcp.mhd ? a->bound.port : 0;
}

void plm_api_close(struct plm_api *a)
{
	if (!a)
		return;
	if (a->socket[0])
		plm_listen_unix_remove(a->socket, &a->file);
	plm_loop_remove(a->loop, a->sweep);
	close_door(a->loop, &a->tcp);
	close_door(a->loop, &a->unix_door);
	free(a);
}
