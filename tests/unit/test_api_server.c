/* SPDX-License-Identifier: Apache-2.0
 *
 * The server over real sockets with libcurl. Its loop runs in a thread of its own here, because libcurl's easy
 * interface blocks; the server itself has none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "api_fake.h"

struct server {
	struct fake *k;
	char dir[64], socket[96];
	struct plm_loop *loop;
	struct plm_api *api;
	int stop_fd;
	pthread_t thread;
};

static void on_stop(void *ctx, uint32_t events)
{
	(void)events;
	plm_loop_stop(((struct server *)ctx)->loop);
}

static void *run_loop(void *ctx)
{
	(void)plm_loop_run(((struct server *)ctx)->loop);
	return NULL;
}

static void server_start(struct server *s, struct fake *k)
{
	struct plm_err err = PLM_ERR_INIT;
	*s = (struct server){ .k = k, .dir = "/tmp/plimsoll-api-XXXXXX" };
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->socket, sizeof(s->socket), "%s/plimsoll.sock", s->dir);
	assert_int_equal(plm_loop_new(&s->loop, &err), 0);
	struct plm_api_cfg cfg = { .listen_address = "127.0.0.1:0",
				   .socket = s->socket,
				   .loop = s->loop,
				   .control = &fake_ops,
				   .control_ctx = k };
	if (plm_api_open(&cfg, &s->api, &err) != 0)
		fail_msg("%s", plm_err_text(&err));
	assert_true(plm_api_port(s->api) > 0);
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(plm_loop_add(s->loop, s->stop_fd, EPOLLIN, on_stop, s, NULL), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, run_loop, s), 0);
}

static void server_halt(struct server *s) /* the loop only */
{
	assert_int_equal(eventfd_write(s->stop_fd, 1), 0);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
}

static void server_stop(struct server *s)
{
	server_halt(s);
	plm_api_close(s->api);
	assert_int_equal(access(s->socket, F_OK), -1);
	plm_loop_free(s->loop);
	(void)close(s->stop_fd);
	assert_int_equal(rmdir(s->dir), 0);
}

struct answer {
	long status;
	double seconds;
	struct plm_buf body, headers;
};

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	plm_buf_add(ctx, data, size * n);
	return size * n;
}

struct wish {
	bool over_tcp, is_head, is_chunked;
	const char *method, *path, *header;
	const char *body;
	size_t body_len;
};

struct upload {
	const char *data;
	size_t left;
};

static size_t on_upload(char *to, size_t size, size_t n, void *ctx)
{
	struct upload *u = ctx;
	size_t len = size * n < u->left ? size * n : u->left;
	memcpy(to, u->data, len);
	u->data += len;
	u->left -= len;
	return len;
}

static struct answer get(struct server *s, const struct wish *wish)
{
	struct answer a = { .body = PLM_BUF_INIT(64 << 20), .headers = PLM_BUF_INIT(1 << 16) };
	char url[256];
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", plm_api_port(s->api), wish->path);
	CURL *c = curl_easy_init();
	bool is_asking = wish->header && strncmp(wish->header, "Expect:", 7) == 0;
	struct curl_slist *headers = is_asking ? NULL : curl_slist_append(NULL, "Expect:");
	if (wish->header)
		headers = curl_slist_append(headers, wish->header);
	struct upload upload = { wish->body, wish->body_len };
	if (!wish->over_tcp)
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, s->socket);
	if (wish->body && !wish->is_chunked) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, wish->body);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)wish->body_len);
	} else if (wish->body) {
		headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(c, CURLOPT_READDATA, &upload);
	}
	if (wish->method)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, wish->method);
	curl_easy_setopt(c, CURLOPT_NOBODY, (long)wish->is_head);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &a.body);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &a.headers);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 5000L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	CURLcode code = curl_easy_perform(c);
	if (code != CURLE_OK)
		print_message("# %s: %s\n", wish->path, curl_easy_strerror(code));
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a.status);
	curl_easy_getinfo(c, CURLINFO_TOTAL_TIME, &a.seconds);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	return a;
}

static void answer_done(struct answer *a)
{
	plm_buf_done(&a->body);
	plm_buf_done(&a->headers);
}

/* Status only. */
static long status_of(struct server *s, const struct wish *wish)
{
	struct answer a = get(s, wish);
	answer_done(&a);
	return a.status;
}

static int connect_raw(struct server *s)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)plm_api_port(s->api)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void server__both_doors__answer_with_headers(void **state)
{
	struct server s;
	server_start(&s, *state);
	for (int tcp = 0; tcp < 2; tcp++) {
		struct answer a = get(&s, &(struct wish){ .over_tcp = tcp,
							  .path = "/metrics",
							  .header = "Accept: application/openmetrics-text" });
		assert_int_equal(a.status, 200);
		assert_non_null(strstr(a.headers.data, "application/openmetrics-text; version=1.0.0"));
		assert_string_equal(a.body.data + a.body.len - 6, "# EOF\n");
		answer_done(&a);
	}
	struct answer a = get(&s, &(struct wish){ .over_tcp = true, .path = "/", .is_head = true });
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 0);
	assert_non_null(strstr(a.headers.data, "Content-Security-Policy: default-src 'none'"));
	answer_done(&a);
	a = get(&s, &(struct wish){ .path = "/metrics", .method = "DELETE" });
	assert_int_equal(a.status, 405);
	assert_non_null(strstr(a.headers.data, "Allow: GET, HEAD"));
	answer_done(&a);
	a = get(&s, &(struct wish){ .path = "/api/v1/tasks?service=web" });
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body.data, "\"service\":\"web\""));
	answer_done(&a);
	server_stop(&s);
}

static void server__set_desired__unix_only_and_names_the_peer(void **state)
{
	struct fake *k = *state;
	struct server s;
	server_start(&s, k);
	struct wish wish = {
		.over_tcp = true, .path = "/api/v1/services/web/desired", .body = "{\"desired\":4}", .body_len = 13
	};
	assert_int_equal(status_of(&s, &wish), 403);
	assert_string_equal(k->scaled, "");
	wish.over_tcp = false;
	assert_int_equal(status_of(&s, &wish), 200);
	char expected[64];
	(void)snprintf(expected, sizeof(expected), "uid %u (pid %d)", getuid(), getpid());
	assert_string_equal(k->actor, expected);
	assert_int_equal(k->desired, 4);
	server_stop(&s);
}

static void server__foreign_host_header__refused_on_tcp(void **state)
{
	struct server s;
	server_start(&s, *state);
	assert_int_equal(
		status_of(&s, &(struct wish){ .over_tcp = true, .path = "/metrics", .header = "Host: evil.example" }),
		403);
	assert_int_equal(
		status_of(&s, &(struct wish){ .over_tcp = true, .path = "/metrics", .header = "Host: localhost:9" }),
		200);
	assert_int_equal(status_of(&s, &(struct wish){ .path = "/metrics", .header = "Host: plimsoll" }), 200);
	server_stop(&s);
}

static void server__large_input__4xx_and_goes_on(void **state)
{
	struct server s;
	server_start(&s, *state);
	size_t len = 9 << 20;
	PLM_FREE char *body = malloc(len);
	memset(body, ' ', len);
	memcpy(body, "{\"desired\":5}", 13);
	struct wish wish = { .path = "/api/v1/services/web/desired", .body = body, .body_len = PLM_API_MAX_BODY };
	assert_int_equal(status_of(&s, &wish), 200); /* exactly the limit */
	wish.is_chunked = true;
	assert_int_equal(status_of(&s, &wish), 200);
	wish.body_len++;
	assert_int_equal(status_of(&s, &wish), 413);
	wish.is_chunked = false;
	assert_int_equal(status_of(&s, &wish), 413);
	wish.body_len = 4 << 20;
	assert_int_equal(status_of(&s, &wish), 413);
	wish.body_len = len;
	wish.header = "Expect: 100-continue";
	assert_int_equal(status_of(&s, &wish), 413);
	wish.header = NULL; /* pushed without asking: cut off, perhaps before the answer can be read */
	long pushed = status_of(&s, &wish);
	assert_true(pushed == 413 || pushed == 0);

	char header[40000] = "X-Long: ";
	memset(header + 8, 'x', sizeof(header) - 9);
	header[sizeof(header) - 1] = '\0';
	long status = status_of(&s, &(struct wish){ .path = "/healthz", .header = header });
	assert_in_range(status, 400, 499);
	assert_int_equal(status_of(&s, &(struct wish){ .path = "/healthz" }), 200);
	server_stop(&s);
}

static void server__slow_clients__do_not_hold_up_others(void **state)
{
	struct fake *k = *state;
	fixture_done(&k->f);
	fixture_init(&k->f, 1000); /* some MB of metrics: more than the sockets take */
	struct server s;
	server_start(&s, k);
	static const char half[] = "POST /api/v1/services/web/desired HTTP/1.1\r\nHost: localhost\r\nContent-Le";
	static const char whole[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int writer = connect_raw(&s), reader = connect_raw(&s);
	assert_int_equal(write(writer, half, sizeof(half) - 1), sizeof(half) - 1);
	assert_int_equal(write(reader, whole, sizeof(whole) - 1), sizeof(whole) - 1);
	for (int i = 0; i < 5; i++) {
		struct answer a = get(&s, &(struct wish){ .over_tcp = true, .path = "/healthz" });
		assert_int_equal(a.status, 200);
		assert_true(a.seconds < 1);
		answer_done(&a);
	}
	/* the slow reader gets all of it in the end */
	char chunk[65536];
	size_t total = 0;
	for (ssize_t n; total < 4000000 && (n = read(reader, chunk, sizeof(chunk))) > 0;)
		total += (size_t)n;
	assert_true(total >= 4000000);
	/* and one that leaves in the middle of an answer harms nobody */
	int leaver = connect_raw(&s);
	assert_int_equal(write(leaver, whole, sizeof(whole) - 1), sizeof(whole) - 1);
	assert_true(read(leaver, chunk, sizeof(chunk)) > 0);
	(void)close(leaver);
	assert_int_equal(status_of(&s, &(struct wish){ .over_tcp = true, .path = "/metrics" }), 200);
	(void)close(writer);
	(void)close(reader);
	server_stop(&s);
}

static void server__slow_readers_hold_much__large_answers_refused_small_ones_sent(void **state)
{
	struct fake *k = *state;
	fixture_done(&k->f);
	fixture_init(&k->f, 1000);
	struct server s;
	server_start(&s, k);
	static const char whole[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fds[20]; /* of 4 MB each: more than the 64 MiB that may be on their way */
	for (size_t i = 0; i < PLM_ARRAY_SIZE(fds); i++) {
		char first;
		fds[i] = connect_raw(&s);
		assert_int_equal(write(fds[i], whole, sizeof(whole) - 1), sizeof(whole) - 1);
		assert_int_equal(read(fds[i], &first, 1), 1); /* its answer is under way */
	}
	struct answer a = get(&s, &(struct wish){ .path = "/metrics" });
	assert_int_equal(a.status, 503);
	assert_non_null(strstr(a.body.data, "\"busy\""));
	assert_non_null(strstr(a.headers.data, "Retry-After: 1"));
	answer_done(&a);
	assert_int_equal(status_of(&s, &(struct wish){ .path = "/healthz" }), 200);
	for (size_t i = 0; i < PLM_ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
	assert_int_equal(status_of(&s, &(struct wish){ .over_tcp = true, .path = "/healthz" }), 200);
	assert_int_equal(status_of(&s, &(struct wish){ .path = "/metrics" }), 200);
	server_stop(&s);
}

static void server__tcp_flooded_with_connections__unix_door_answers(void **state)
{
	struct server s;
	server_start(&s, *state);
	int fds[PLM_API_MAX_CONNECTIONS + 10];
	for (size_t i = 0; i < PLM_ARRAY_SIZE(fds); i++)
		fds[i] = connect_raw(&s);
	assert_int_equal(status_of(&s, &(struct wish){ .path = "/healthz" }), 200);
	for (size_t i = 0; i < PLM_ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
	assert_int_equal(status_of(&s, &(struct wish){ .over_tcp = true, .path = "/healthz" }), 200);
	server_stop(&s);
}

static void server__socket_file__mode_live_stale_and_foreign(void **state)
{
	struct server s;
	server_start(&s, *state);
	struct stat st;
	assert_int_equal(stat(s.socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);

	/* live: refused, and the first one stays */
	struct plm_api_cfg cfg = { .socket = s.socket, .loop = s.loop, .control = &fake_ops, .control_ctx = s.k };
	struct plm_api *second = NULL;
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(plm_api_open(&cfg, &second, &err), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(plm_err_text(&err), "another plimsolld listens"));
	assert_int_equal(status_of(&s, &(struct wish){ .path = "/healthz" }), 200);
	server_halt(&s);

	/* stale: a socket file whose owner is gone */
	char path[96];
	(void)snprintf(path, sizeof(path), "%s/stale.sock", s.dir);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	memcpy(addr.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	(void)close(fd);
	cfg.socket = path;
	assert_int_equal(plm_api_open(&cfg, &second, &err), 0);
	assert_int_equal(plm_api_port(second), 0);
	/* and if another takes our place, closing leaves it alone */
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	(void)close(fd);
	plm_api_close(second);
	assert_int_equal(access(path, F_OK), 0);

	/* something else in the way: an error, not a deletion */
	assert_int_equal(plm_api_open(&cfg, &second, &err), -ENOTSOCK);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(pthread_create(&s.thread, NULL, run_loop, &s), 0);
	server_stop(&s);
}

static void api_open__bad_addresses__say_what_is_right(void **state)
{
	static const struct {
		const char *address, *in_message;
	} cases[] = {
		{ "127.0.0.1", "ADDRESS:PORT" },
		{ "127.0.0.1:65536", "0 to 65535" },
		{ "127.0.0.1:http", "0 to 65535" },
		{ "::1:80", "ADDRESS:PORT" },
		{ "example.org:80", "neither an IP address nor localhost" },
		{ "", NULL },
	};
	struct plm_loop *loop;
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(plm_loop_new(&loop, &err), 0);
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_api_cfg cfg = {
			.listen_address = cases[i].address, .loop = loop, .control = &fake_ops, .control_ctx = *state
		};
		struct plm_api *api = NULL;
		int r = plm_api_open(&cfg, &api, &err);
		if (!cases[i].in_message) {
			assert_int_equal(r, 0); /* no TCP wanted */
			assert_int_equal(plm_api_port(api), 0);
			plm_api_close(api);
			continue;
		}
		assert_int_equal(r, -EINVAL);
		assert_null(api);
		assert_non_null(strstr(plm_err_text(&err), cases[i].in_message));
	}
	struct plm_api_cfg cfg = {
		.listen_address = "[::1]:0", .loop = loop, .control = &fake_ops, .control_ctx = *state
	};
	struct plm_api *api = NULL;
	if (plm_api_open(&cfg, &api, &err) == 0) { /* hosts without IPv6 have no ::1 */
		assert_true(plm_api_port(api) > 0);
		plm_api_close(api);
	} else {
		assert_non_null(strstr(plm_err_text(&err), "[::1]:0"));
	}
	plm_loop_free(loop);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(server__both_doors__answer_with_headers),
		CASE(server__set_desired__unix_only_and_names_the_peer),
		CASE(server__foreign_host_header__refused_on_tcp),
		CASE(server__large_input__4xx_and_goes_on),
		CASE(server__slow_clients__do_not_hold_up_others),
		CASE(server__slow_readers_hold_much__large_answers_refused_small_ones_sent),
		CASE(server__tcp_flooded_with_connections__unix_door_answers),
		CASE(server__socket_file__mode_live_stale_and_foreign),
		CASE(api_open__bad_addresses__say_what_is_right),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	plm_log_setup(PLM_LOG_ERROR, PLM_LOG_LOGFMT);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
