/* SPDX-License-Identifier: Apache-2.0
 * plimsoll explain: one decision, from its inputs to its result, in numbers and words. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/num.h"
#include "cli/client.h"

struct args {
	const char *at;
};

static const struct plm_option options[] = {
	{ "at", 't', PLM_OPTION_TEXT, "TIME",
	  "the decision in force at this time, RFC 3339 (2026-03-01T12:00:00Z) or seconds since the "
	  "epoch (default: the newest)",
	  offsetof(struct args, at), 0, 0, NULL },
};

#define LABEL 11 /* columns of the words at the left */

static void label(FILE *out, const char *text)
{
	fprintf(out, "  %-*s", LABEL, text);
}

/* A number, or "-" when it is not known. */
struct number {
	char text[32];
};
static struct number number(const cJSON *row, const char *key, const char *format_unit, int decimals)
{
	struct number n;
	double v = plm_cell_number(row, key);
	if (isnan(v))
		(void)snprintf(n.text, sizeof(n.text), "-");
	else
		(void)snprintf(n.text, sizeof(n.text), "%.*f%s", decimals, v, format_unit);
	return n;
}

/* An age in the unit that people would use. */
static struct number age(double seconds)
{
	struct number n;
	double v = fmax(seconds, 0);
	if (v < 120)
		(void)snprintf(n.text, sizeof(n.text), "%.0f s", v);
	else if (v < 7200)
		(void)snprintf(n.text, sizeof(n.text), "%.0f min", v / 60);
	else if (v < 172800)
		(void)snprintf(n.text, sizeof(n.text), "%.0f h", v / 3600);
	else
		(void)snprintf(n.text, sizeof(n.text), "%.0f days", v / 86400);
	return n;
}
#define COUNT(row, key) number(row, key, "", 0).text

static void print_head(const struct plm_cli *cli, const cJSON *d)
{
	FILE *out = cli->out;
	const char *time = plm_cell_string(d, "time"), *cluster = plm_cell_string(d, "cluster"),
		   *service = plm_cell_string(d, "service");
	char local[32] = "-";
	plm_ns wall;
	if (time && plm_time_parse(time, &wall) == 0) {
		plm_local_time(wall, local, sizeof(local));
		fprintf(out, "%s in cluster %s, decided %s (%s ago)\n", service ? service : "-",
			cluster ? cluster : "-", local, age((double)(plm_clock_now().wall - wall) / 1e9).text);
	} else {
		fprintf(out, "%s in cluster %s\n", service ? service : "-", cluster ? cluster : "-");
	}
	label(out, "tasks");
	fprintf(out, "desired %s, running %s, pending %s; ready %s, too young %s, without data %s\n",
		COUNT(d, "desired"), COUNT(d, "running"), COUNT(d, "pending"), COUNT(d, "ready"), COUNT(d, "unready"),
		COUNT(d, "missing"));
	label(out, "bounds");
	fprintf(out, "%s to %s; model %s old\n", COUNT(d, "min"), COUNT(d, "max"),
		number(d, "model_age_s", " s", 1).text);
}

static void print_proposal(const struct plm_cli *cli, const cJSON *d, const cJSON *p)
{
	FILE *out = cli->out;
	const char *policy = plm_cell_string(p, "policy"), *metric = plm_cell_string(p, "metric"),
		   *reason = plm_cell_string(p, "reason");
	const char *deciding = plm_cell_string(d, "deciding");
	double value = plm_cell_number(p, "value"), raw = plm_cell_number(p, "raw"),
	       coverage = plm_cell_number(p, "coverage");
	label(out, "policy");
	fprintf(out, "%s%s\n", policy ? policy : "-",
		policy && deciding && strcmp(policy, deciding) == 0 ? "  (decides)" : "");
	label(out, "");
	if (isnan(value))
		fprintf(out, "%s: no data; target %s\n", metric ? metric : "-", number(p, "target", " %", 1).text);
	else
		fprintf(out, "%s: %.1f %% over %s, target %s\n", metric ? metric : "-", value,
			number(p, "window_s", " s", 1).text, number(p, "target", " %", 1).text);
	label(out, "");
	fprintf(out, "from %s tasks, %.0f %% covered, %s old\n", COUNT(p, "tasks"),
		isnan(coverage) ? 0 : coverage * 100, number(p, "age_s", " s", 1).text);
	label(out, "");
	if (isnan(raw))
		fprintf(out, "proposes nothing%s%s\n", reason ? ": " : "", reason ? reason : "");
	else
		fprintf(out, "%s ready × %.1f / %s = %.2f, proposes %s%s%s%s\n", COUNT(d, "ready"), value,
			number(p, "target", "", 1).text, raw, COUNT(p, "desired"), reason ? " (" : "",
			reason ? reason : "", reason ? ")" : "");
}

static void print_decision(const struct plm_cli *cli, const cJSON *d)
{
	FILE *out = cli->out;
	const cJSON *row;
	print_head(cli, d);
	cJSON_ArrayForEach(row, plm_cell_at(d, "proposals")) print_proposal(cli, d, row);
	const char *title = "stages";
	cJSON_ArrayForEach(row, plm_cell_at(d, "stages"))
	{
		const char *stage = plm_cell_string(row, "stage"), *text = plm_cell_string(row, "text");
		char step[80];
		(void)snprintf(step, sizeof(step), "%s → %s", COUNT(row, "before"), COUNT(row, "after"));
		label(out, title);
		fprintf(out, "%-11s %s%*s  %s\n", stage ? stage : "-", step, 9 - plm_text_width(step), "",
			text ? text : "");
		title = "";
	}
	double before = plm_cell_number(d, "desired"), after = plm_cell_number(d, "result");
	const char *reason = plm_cell_string(d, "reason"), *id = plm_cell_string(d, "activity_id");
	label(out, "result");
	if (before == after)
		fprintf(out, "stays at %s%s%s%s\n", COUNT(d, "result"), reason ? " (" : "", reason ? reason : "",
			reason ? ")" : "");
	else
		fprintf(out, "%s → %s%s%s%s\n", COUNT(d, "desired"), COUNT(d, "result"), reason ? " (" : "",
			reason ? reason : "", reason ? ")" : "");
	if (id) {
		label(out, "activity");
		fprintf(out, "%s\n", id);
	}
	const char *sentence = plm_cell_string(d, "sentence");
	if (sentence && sentence[0]) {
		fputs("\n", out);
		plm_text_wrap(out, sentence, 0, 0);
	}
}

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	const struct args *a = args;
	struct plm_client_path path;
	struct plm_buf body = PLM_BUF_INIT(PLM_CLIENT_MAX_BODY), line = PLM_BUF_INIT(1u << 20);
	cJSON *doc = NULL;
	plm_ns wall;
	(void)n_operands;
	if (a->at && plm_time_parse(a->at, &wall) != 0)
		return plm_cli_usage(cli,
				     "--at is \"%.60s\"; it must be RFC 3339 (2026-03-01T12:00:00Z) or whole seconds "
				     "since the epoch",
				     a->at);
	plm_client_path_begin(&path, "explain");
	plm_client_path_query(&path, "service", operands[0]);
	if (a->at)
		plm_client_path_query(&path, "at", a->at);
	int code = plm_client_get(cli, &path, &body, &doc);
	const cJSON *decision = code == PLM_EXIT_OK ? plm_cell_at(doc, "decision") : NULL;
	if (code == PLM_EXIT_OK && !cJSON_IsObject(decision)) {
		plm_cli_say(cli, "the daemon's answer holds no decision");
		code = PLM_EXIT_FAILED;
	} else if (code == PLM_EXIT_OK && cli->output == PLM_OUTPUT_TABLE) {
		print_decision(cli, decision);
	} else if (code == PLM_EXIT_OK && cli->output == PLM_OUTPUT_JSON) {
		plm_client_print(cli, &body);
	} else if (code == PLM_EXIT_OK) {
		plm_json_line(doc, &line);
		plm_client_print(cli, &line);
	}
	cJSON_Delete(doc);
	plm_buf_done(&body);
	plm_buf_done(&line);
	return code;
}

const struct plm_command plm_command_explain = {
	.name = "explain",
	.operands = "SERVICE",
	.summary = "why a service has the count that it has",
	.details = "Prints the chain of one scaling decision: the tasks and signals it saw, each policy's formula with "
		   "its numbers, every stage "
		   "that changed the result, the result, and the reason when nothing was done.",
	.options = options,
	.n_options = PLM_ARRAY_SIZE(options),
	.args_size = sizeof(struct args),
	.min_operands = 1,
	.max_operands = 1,
	.outputs = PLM_OUTPUTS_OBJECT,
	.needs_daemon = true,
	.run = run,
};
