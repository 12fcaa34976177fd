/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 5000L

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct plm_buf *body = ctx;
	plm_buf_add(body, data, size * n);
	return body->failed ? 0 : size * n;
}

static int to_errno(CURLcode rc, long os_errno, bool is_body_full)
{
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return os_errno == EACCES || os_errno == EPERM ? EACCES : ECONNREFUSED;
	case CURLE_WRITE_ERROR:
		return is_body_full ? EMSGSIZE : EIO;
	case CURLE_OUT_OF_MEMORY:
		return ENOMEM;
	default:
		return EIO;
	}
}

int plm_http(const struct plm_http_request *req, struct plm_buf *body, struct plm_err *err)
{
	const char *where = req->unix_socket ? req->unix_socket : req->url;
	CURL *curl = curl_easy_init();
	if (!curl)
		return plm_err_set(err, ENOMEM, where, "cannot set up an HTTP client");
	struct curl_slist *headers = NULL;
	char message[CURL_ERROR_SIZE] = "";
	curl_easy_setopt(curl, CURLOPT_URL, req->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, req->timeout_ms ? req->timeout_ms : DEFAULT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	if (req->unix_socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, req->unix_socket);
	if (req->body) {
		headers = curl_slist_append(headers, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, req->body);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, req->method);
	CURLcode rc = curl_easy_perform(curl);
	long status = 0, os_errno = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (rc != CURLE_OK)
		return plm_err_set(err, to_errno(rc, os_errno, body->failed), where, "%s %s: %s", req->method, req->url,
				   message[0] ? message : curl_easy_strerror(rc));
	return (int)status;
}
