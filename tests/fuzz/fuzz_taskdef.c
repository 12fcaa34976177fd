/* SPDX-License-Identifier: Apache-2.0
 *
 * Task definitions and services of the local backend from any JSON. Whatever comes: an error that names the file, or definitions that
 * can be run (a program, a name fit for a folder, limits in range).
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/local/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(condition)         \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_docs(const struct plm_local_docs *docs)
{
	EXPECT(docs->n_definitions <= PLM_LOCAL_MAX_DEFINITIONS && docs->n_services <= PLM_LOCAL_MAX_SERVICES);
	for (size_t i = 0; i < docs->n_definitions; i++) {
		const struct plm_local_definition *d = &docs->definitions[i];
		EXPECT(d->family[0] && plm_local_is_name(d->family));
		EXPECT(d->argv && d->argv[0] && d->env && d->text);
		EXPECT(d->stop_timeout_s >= 0 && d->stop_timeout_s <= 120);
		EXPECT(d->host_port >= PLM_LOCAL_NO_PORT && d->host_port <= 65535);
		EXPECT(!d->has_cpu_quota || d->cpu_units > 10);
		EXPECT(d->nofile_soft <= d->nofile_hard);
		EXPECT(!d->workdir || d->workdir[0] == '/');
	}
	for (size_t i = 0; i < docs->n_services; i++) {
		const struct plm_local_service_doc *s = &docs->services[i];
		EXPECT(s->name[0] && plm_local_is_name(s->name));
		EXPECT(s->desired >= 0 && s->desired <= PLM_LOCAL_MAX_DESIRED);
		EXPECT(!s->is_daemon || s->desired == 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *doc = NULL;
	if (plm_json_parse((const char *)data, size, PLM_JSON_COMMENTS, "fuzz.json", &doc, NULL) != 0)
		return 0;
	struct plm_local_docs docs = { .n_services = 0 };
	for (int i = 0; i < 2; i++) {
		struct plm_err err = PLM_ERR_INIT;
		int r = i == 0 ? plm_local_add_definitions(doc, "fuzz.json", &docs, &err)
			       : plm_local_add_services(doc, "fuzz.json", "default", &docs, &err);
		EXPECT(r <= 0);
		EXPECT(r == 0 || (err.code == -r && err.msg[0] && strncmp(err.where, "fuzz.json", 9) == 0));
	}
	check_docs(&docs);
	(void)plm_local_check_docs(&docs, "fuzz.json", NULL);
	plm_local_docs_done(&docs);
	cJSON_Delete(doc);
	return 0;
}
