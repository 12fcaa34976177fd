/* SPDX-License-Identifier: Apache-2.0
 *
 * plm_api_handle() on any request. Input: one letter (U = Unix socket, T = TCP), the method, a space, path and query,
 * a line end, the Accept header, a line end, the body. Whatever comes, the answer has a known status, JSON
 * that parses where it says JSON, and nothing is changed over TCP.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/api_fake.h"
#include "base/json.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(condition)         \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* Cuts the text up to `end` off the front; the rest stays when there is no `end`. */
static char *cut(char **rest, char end)
{
	char *start = *rest, *at = strchr(start, end);
	if (at)
		*at = '\0';
	*rest = at ? at + 1 : start + strlen(start);
	return start;
}

static void check(const struct plm_api_request *req, const struct fake *k, struct plm_api_response *r)
{
	static const int known[] = { 200, 400, 403, 404, 405, 409, 500, 502, 503 };
	bool is_known = false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_known = is_known || r->status == known[i];
	EXPECT(is_known);
	EXPECT(r->content_type && r->body.len && !r->body.failed);
	EXPECT((r->allow != NULL) == (r->status == 405));
	EXPECT(req->is_trusted || !k->scaled[0]);
	if (strcmp(r->content_type, "application/json") != 0)
		return;
	cJSON *doc = NULL;
	EXPECT(plm_json_parse(r->body.data, r->body.len, 0, "answer", &doc, NULL) == 0);
	EXPECT(cJSON_GetObjectItem(doc, "api_version"));
	EXPECT((cJSON_GetObjectItem(doc, "error") != NULL) == (r->status != 200));
	cJSON_Delete(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake k;
	if (!k.f.view.self) {
		fixture_init(&k.f, 3);
		plm_log_setup(PLM_LOG_ERROR, PLM_LOG_LOGFMT);
	}
	if (size < 1)
		return 0;
	char *text = malloc(size + 1), *rest = text + 1;
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	struct plm_api_request req = { .is_trusted = text[0] == 'U', .actor = "fuzzer" };
	req.method = cut(&rest, ' ');
	char *target = cut(&rest, '\n');
	req.accept = cut(&rest, '\n');
	req.body = rest;
	req.body_len = (size_t)(text + size - rest);
	req.path = cut(&target, '?');
	req.query = *target ? target : NULL;

	static const int results[] = { 0, 1, -ENOENT, -EPERM, -EINVAL, -EIO };
	k.scale_result = results[size % (sizeof(results) / sizeof(results[0]))];
	k.explain_result = size % 3 ? 0 : -ENOENT;
	k.scaled[0] = '\0';
	struct plm_api_response r;
	plm_api_handle(&fake_ops, &k, &req, &r);
	check(&req, &k, &r);
	plm_buf_done(&r.body);
	free(text);
	return 0;
}
