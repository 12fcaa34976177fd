/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration: one JSON file with comments, drop-ins beside it (plimsoll.d, lexical order, the later file wins per top-level
 * key), and flags above both. Every key has a default, so `{}` runs.
 */
#ifndef PLM_DAEMON_CONFIG_H
#define PLM_DAEMON_CONFIG_H

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "model/policy.h"

#define PLM_CONFIG_FILE "/etc/plimsoll/plimsoll.json"
#define PLM_CONFIG_MAX_FILES 64    /* main file and drop-ins */
#define PLM_CONFIG_MAX_POLICIES 64 /* entries of `policies` */

struct plm_config {
	char cluster[PLM_NAME_MAX]; /* "default" */
	char state_dir[PATH_MAX];   /* "/var/lib/plimsoll" */
	char socket[108];           /* "/run/plimsoll/plimsoll.sock"; "" = none */
	bool is_dry_run;
	int sample_interval_ms;         /* 100…60,000; 1,000 */
	char listen_address[128];       /* "127.0.0.1:17546"; "" = no TCP */
	char backend[32];               /* "local" */
	bool stop_tasks_on_exit;        /* orchestrator.stop_tasks_on_exit */
	char kernel_root[PLM_PATH_MAX]; /* sampled from here down: "/" */
	char rung;                      /* forced rung's letter; 0 = the best that works */
	bool without_events;            /* kernel.lifecycle_events: false */
	char *policies
		[PLM_CONFIG_MAX_POLICIES]; /* files and folders, absolute or as found from the working directory */
	size_t n_policies;
	bool has_default_policies; /* `policies` was not given: the default folder may be missing */

	cJSON *docs[PLM_CONFIG_MAX_FILES]; /* owned; orchestrator points into one of them */
	char *files[PLM_CONFIG_MAX_FILES]; /* owned; names of the docs */
	size_t n_docs;
	const cJSON *orchestrator; /* NULL = not given */
	struct plm_json_at orchestrator_at;
};

/* Reads `file` (NULL = PLM_CONFIG_FILE, where a missing file means `{}`) and its drop-ins. On failure *ret is untouched. */
int plm_config_load(const char *file, struct plm_config **ret, struct plm_err *err);
void plm_config_free(struct plm_config *c); /* NULL-safe */

/* A restart is needed when one of these differs: -EINVAL with the key's name. */
int plm_config_same_base(const struct plm_config *old, const struct plm_config *fresh, struct plm_err *err);

/* Reads and checks every policy document that the configuration names. On failure *ret is untouched. Policies for other clusters
 * are left out; *ret_foreign counts them. */
int plm_config_policies(const struct plm_config *c, struct plm_policy_set *ret, size_t *ret_foreign,
			struct plm_err *err);

#endif
