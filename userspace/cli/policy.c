/* SPDX-License-Identifier: Apache-2.0
 *
 * plimsoll policy check: reads documents with the code that the daemon reads them with. plimsoll policy list: what the daemon
 * decides by.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/num.h"
#include "cli/client.h"
#include "scaling/scaling.h"

#define MAX_FILES 1024 /* of one folder */
#define MAX_REPORT (4u << 20)

/* One file's outcome, as text or into the JSON report. */
struct checking {
	const struct plm_cli *cli;
	struct plm_policy_set set;
	struct plm_buf report;
	struct plm_jw w;
	bool has_failed;
};

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void say_bad(struct checking *c, const char *file, const struct plm_err *err)
{
	c->has_failed = true;
	if (c->cli->output == PLM_OUTPUT_TABLE) {
		fprintf(c->cli->err, "%s\n", plm_err_text(err));
		return;
	}
	plm_jw_obj(&c->w, NULL);
	plm_jw_str(&c->w, "file", file);
	plm_jw_bool(&c->w, "is_ok", false);
	plm_jw_str(&c->w, "where", err->where);
	plm_jw_str(&c->w, "message", err->msg);
	plm_jw_end_obj(&c->w);
}

static void say_good(struct checking *c, const char *file, size_t targets, size_t policies)
{
	if (c->cli->output == PLM_OUTPUT_TABLE) {
		fprintf(c->cli->out, "%s: ok: %zu target%s, %zu polic%s\n", file, targets, plural(targets), policies,
			policies == 1 ? "y" : "ies");
		return;
	}
	plm_jw_obj(&c->w, NULL);
	plm_jw_str(&c->w, "file", file);
	plm_jw_bool(&c->w, "is_ok", true);
	plm_jw_u64(&c->w, "targets", targets);
	plm_jw_u64(&c->w, "policies", policies);
	plm_jw_end_obj(&c->w);
}

static void check_file(struct checking *c, const char *file)
{
	struct plm_err err = PLM_ERR_INIT;
	size_t targets = c->set.n_targets, policies = c->set.n_policies;
	cJSON *doc = NULL;
	int r = plm_json_load(file, PLM_JSON_COMMENTS, &doc, &err);
	if (r == 0)
		r = plm_policy_document_add(doc, file, &c->set, &err);
	if (r < 0 && !err.code)
		(void)plm_err_set(&err, -r, file, "%s", strerror(-r));
	if (r < 0)
		say_bad(c, file, &err);
	else
		say_good(c, file, c->set.n_targets - targets, c->set.n_policies - policies);
	cJSON_Delete(doc);
}

static int is_document(const struct dirent *d)
{
	size_t len = strlen(d->d_name);
	return d->d_name[0] != '.' && len > 5 && strcmp(d->d_name + len - 5, ".json") == 0;
}

/* A folder's *.json in lexical order, as the daemon takes it. */
static void check_folder(struct checking *c, const char *folder)
{
	struct plm_err err = PLM_ERR_INIT;
	struct dirent **names = NULL;
	int n = scandir(folder, &names, is_document, alphasort);
	if (n < 0)
		(void)plm_err_set(&err, errno, folder, "%s", strerror(errno));
	else if (n == 0)
		(void)plm_err_set(&err, ENOENT, folder, "no *.json in this folder");
	else if (n > MAX_FILES)
		(void)plm_err_set(&err, E2BIG, folder, "%d files; at most %d", n, MAX_FILES);
	for (int i = 0; i < n; i++) {
		char path[4096];
		(void)snprintf(path, sizeof(path), "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/",
			       names[i]->d_name);
		if (!err.code)
			check_file(c, path);
		free(names[i]);
	}
	free(names);
	if (err.code)
		say_bad(c, folder, &err);
}

/* What describe-scaling-policies prints has policies without targets: a part of a set, whose targets come from another
 * document. Stands one in for each service, so that the rest can be checked. 0 or -ENOMEM. */
static int stand_in_targets(struct plm_policy_set *set)
{
	struct plm_target *targets = calloc(set->n_policies, sizeof(*targets));
	size_t n = 0;
	if (!targets)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_policies; i++) {
		const struct plm_policy *p = &set->policies[i];
		size_t known = 0;
		while (known < n && (strcmp(targets[known].service, p->service) != 0 ||
				     strcmp(targets[known].cluster, p->cluster) != 0))
			known++;
		if (known < n)
			continue;
		(void)plm_strcpy(targets[n].cluster, sizeof(targets[n].cluster), p->cluster);
		(void)plm_strcpy(targets[n++].service, sizeof(targets[0].service), p->service);
	}
	free(set->targets);
	set->targets = targets;
	set->n_targets = n;
	return 0;
}

static void check_together(struct checking *c)
{
	struct plm_err err = PLM_ERR_INIT;
	int r = 0;
	if (c->set.n_targets == 0 && c->set.n_policies > 0) {
		plm_cli_say(c->cli,
			    "no ScalableTargets in here: the daemon needs those of the services from another document");
		r = stand_in_targets(&c->set);
	}
	if (r == 0)
		r = plm_policy_set_check(&c->set, &err);
	if (r < 0 && !err.code)
		(void)plm_err_set(&err, -r, NULL, "%s", strerror(-r));
	if (r < 0)
		say_bad(c, NULL, &err);
}

static int check(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	struct checking c = { .cli = cli, .report = PLM_BUF_INIT(MAX_REPORT) };
	struct stat st;
	(void)args;
	plm_jw_init(&c.w, &c.report);
	plm_jw_obj(&c.w, NULL);
	plm_jw_i64(&c.w, "api_version", 1);
	plm_jw_arr(&c.w, "files");
	for (int i = 0; i < n_operands; i++) {
		if (stat(operands[i], &st) == 0 && S_ISDIR(st.st_mode))
			check_folder(&c, operands[i]);
		else
			check_file(&c, operands[i]);
	}
	/* Documents that could not be read leave gaps, which would only be reported again as missing targets. */
	if (!c.has_failed)
		check_together(&c);
	plm_jw_end_arr(&c.w);
	plm_jw_bool(&c.w, "is_ok", !c.has_failed);
	plm_jw_end_obj(&c.w);
	if (cli->output != PLM_OUTPUT_TABLE)
		fprintf(cli->out, "%s\n", plm_buf_text(&c.report));
	plm_policy_set_done(&c.set);
	plm_buf_done(&c.report);
	return c.has_failed ? PLM_EXIT_CONFIG : PLM_EXIT_OK;
}

const struct plm_command plm_command_policy_check = {
	.name = "policy check",
	.operands = "FILE...",
	.summary = "validate policy documents",
	.details = "Reads policy documents (files, or folders of *.json) as the daemon would, together, and says for "
		   "each what is in it, or "
		   "which field is wrong and what it may be. Documents with policies but no ScalableTargets at all are "
		   "taken as a part of a set. "
		   "Ends with 78 when something is wrong.",
	.min_operands = 1,
	.max_operands = 4096,
	.outputs = PLM_OUTPUTS_OBJECT,
	.run = check,
};

/* --- list --- */

struct list_args {
	bool targets;
};

static const struct plm_option list_options[] = {
	{ "targets", 't', PLM_OPTION_FLAG, NULL, "list the scalable targets instead of the policies",
	  offsetof(struct list_args, targets), 0, 0, NULL },
};

static const struct plm_column policy_columns[] = {
	{ "name", "POLICY", PLM_CELL_TEXT, NULL },
	{ "cluster", NULL, PLM_CELL_TEXT, NULL },
	{ "service", "SERVICE", PLM_CELL_TEXT, NULL },
	{ "type", NULL, PLM_CELL_TEXT, NULL },
	{ "evaluation", "EVALUATION", PLM_CELL_TEXT, NULL },
	{ "metric", "METRIC", PLM_CELL_TEXT, NULL },
	{ "metric_value", "VALUE", PLM_CELL_PERCENT, NULL },
	{ "target_value", "TARGET", PLM_CELL_COUNT, NULL },
	{ "recommended", "RECOMMENDS", PLM_CELL_COUNT, NULL },
	{ "tolerance", NULL, PLM_CELL_COUNT, NULL },
	{ "window_s", NULL, PLM_CELL_COUNT, NULL },
	{ "scale_in_disabled", NULL, PLM_CELL_BOOL, NULL },
	{ "in_stabilization_s", NULL, PLM_CELL_COUNT, NULL },
	{ "out_stabilization_s", NULL, PLM_CELL_COUNT, NULL },
	{ "file", "FILE", PLM_CELL_TEXT, NULL },
};

static void suspended(const cJSON *row, char *text, size_t size)
{
	bool in = cJSON_IsTrue(plm_cell_at(row, "in_suspended")), out = cJSON_IsTrue(plm_cell_at(row, "out_suspended"));
	(void)plm_strcpy(text, size, in && out ? "in, out" : in ? "in" : out ? "out" : "no");
}

static const struct plm_column target_columns[] = {
	{ "cluster", "CLUSTER", PLM_CELL_TEXT, NULL },   { "service", "SERVICE", PLM_CELL_TEXT, NULL },
	{ "min", "MIN", PLM_CELL_COUNT, NULL },          { "max", "MAX", PLM_CELL_COUNT, NULL },
	{ NULL, "SUSPENDED", PLM_CELL_TEXT, suspended }, { "in_suspended", NULL, PLM_CELL_BOOL, NULL },
	{ "out_suspended", NULL, PLM_CELL_BOOL, NULL },  { "file", "FILE", PLM_CELL_TEXT, NULL },
};

static int list(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	const struct list_args *a = args;
	struct plm_client_path path;
	(void)n_operands, (void)operands;
	plm_client_path_begin(&path, "policies");
	if (a->targets)
		return plm_client_list(cli, &path, "targets", target_columns, PLM_ARRAY_SIZE(target_columns));
	return plm_client_list(cli, &path, "policies", policy_columns, PLM_ARRAY_SIZE(policy_columns));
}

const struct plm_command plm_command_policy_list = {
	.name = "policy list",
	.operands = "",
	.summary = "policies in force, with their metric now",
	.details = "Lists the policies that the daemon decides by: the metric's value at the last evaluation, its "
		   "target, and the count that "
		   "the policy alone would choose. The JSON form holds the targets too.",
	.options = list_options,
	.n_options = PLM_ARRAY_SIZE(list_options),
	.args_size = sizeof(struct list_args),
	.outputs = PLM_OUTPUTS_LIST,
	.needs_daemon = true,
	.run = list,
};
