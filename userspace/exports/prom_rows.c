/* SPDX-License-Identifier: Apache-2.0 */
#include "exports/prom_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define MAX_LABEL_BYTES (32u << 20) /* of one scope: 16,384 cgroups with paths of 512 bytes, fourfold */

static const char *const scope_labels[] = {
	[PLM_SCOPE_DAEMON] = "",
	[PLM_SCOPE_BUILD] = "version",
	[PLM_SCOPE_HOST] = "host, kernel, cgroup_mode",
	[PLM_SCOPE_RUNG] = "rung, name, reason",
	[PLM_SCOPE_CGROUP] = "id, name, image",
	[PLM_SCOPE_TASK] = "cluster, service, task",
	[PLM_SCOPE_TASK_INFO] = "cluster, service, task, family, revision, host",
	[PLM_SCOPE_SERVICE] = "cluster, service",
	[PLM_SCOPE_POLICY] = "cluster, service, policy",
	[PLM_SCOPE_POLICY_INFO] = "cluster, service, policy, metric, evaluation",
	[PLM_SCOPE_SCALING] = "service, policy, direction, status",
	[PLM_SCOPE_NOT_SCALED] = "service, policy, reason",
};
_Static_assert(PLM_ARRAY_SIZE(scope_labels) == _PLM_SCOPE_MAX, "labels for each scope");

const char *plm_scope_labels(enum plm_scope scope)
{
	return scope_labels[scope];
}

/* --- labels --- */

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 when it is none. */
static size_t utf8_len(const unsigned char *s)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max, len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	if (s[0] < 0x80)
		return 1;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(forms); i++) {
		if (s[0] < forms[i].first_min || s[0] > forms[i].first_max)
			continue;
		if (s[1] < forms[i].second_min || s[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

static void add_escaped(struct plm_buf *out, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	while (*s) {
		const unsigned char *plain = s;
		while (*s >= 0x20 && *s < 0x7f && *s != '"' && *s != '\\')
			s++;
		if (s > plain)
			plm_buf_add(out, plain, (size_t)(s - plain));
		if (!*s)
			break;
		size_t n = utf8_len(s);
		if (*s == '"' || *s == '\\') {
			plm_buf_addf(out, "\\%c", *s++);
		} else if (*s == '\n') {
			plm_buf_adds(out, "\\n");
			s++;
		} else if (n > 1) {
			plm_buf_add(out, s, n);
			s += n;
		} else {
			plm_buf_addf(out, "\\\\x%02x", *s++);
		}
	}
}

void plm_label_add(struct plm_buf *out, size_t start, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	if (out->len > start)
		plm_buf_add(out, ",", 1);
	plm_buf_adds(out, name);
	plm_buf_add(out, "=\"", 2);
	add_escaped(out, value);
	plm_buf_add(out, "\"", 1);
}

/* --- rows --- */

static struct plm_row *add_row(struct plm_rows *r)
{
	if (r->n_rows == r->cap_rows) {
		size_t cap = r->cap_rows ? r->cap_rows * 2 : 64;
		struct plm_row *bigger = realloc(r->rows, cap * sizeof(*bigger));
		if (!bigger) {
			r->failed = true;
			return NULL;
		}
		r->rows = bigger;
		r->cap_rows = cap;
	}
	struct plm_row *row = &r->rows[r->n_rows++];
	*row = (struct plm_row){ .view = r->view, .label_at = (uint32_t)r->labels.len };
	return row;
}

static void label(struct plm_rows *r, const struct plm_row *row, const char *name, const char *value)
{
	plm_label_add(&r->labels, row->label_at, name, value);
}

static void end_row(struct plm_rows *r, struct plm_row *row)
{
	row->label_len = (uint32_t)(r->labels.len - row->label_at);
}

static void fill_one(struct plm_rows *r, enum plm_scope scope)
{
	const struct plm_host *host = r->view->host;
	if (scope == PLM_SCOPE_HOST && !host)
		return;
	struct plm_row *row = add_row(r);
	if (!row)
		return;
	row->process = &r->process;
	if (scope == PLM_SCOPE_BUILD) {
		label(r, row, "version", r->view->version);
	} else if (scope == PLM_SCOPE_HOST) {
		label(r, row, "host", host->name);
		label(r, row, "kernel", host->kernel);
		label(r, row, "cgroup_mode", host->cgroup_mode);
	}
	end_row(r, row);
}

static void fill_rungs(struct plm_rows *r)
{
	struct plm_row *row;
	for (size_t i = 0; r->view->rungs && i < r->view->n_rungs && (row = add_row(r)); i++) {
		row->rung = &r->view->rungs[i];
		label(r, row, "rung", (const char[]){ row->rung->rung, '\0' });
		label(r, row, "name", row->rung->name);
		label(r, row, "reason", row->rung->reason);
		end_row(r, row);
	}
}

static void fill_cgroups(struct plm_rows *r)
{
	const struct plm_sample_set *set = r->view->samples;
	struct plm_row *row;
	for (size_t i = 0; set && i < set->n_rows && (row = add_row(r)); i++) {
		row->sample = &set->rows[i];
		row->task = plm_lookup_cgroup_task(&r->lookup, row->sample->id);
		label(r, row, "id", row->sample->path);
		if (row->task) {
			char image[PLM_NAME_MAX + 16];
			(void)snprintf(image, sizeof(image), "%s:%d", row->task->family, row->task->revision);
			label(r, row, "name", row->task->id);
			label(r, row, "image", image);
		}
		end_row(r, row);
	}
}

static void label_task(struct plm_rows *r, struct plm_row *row, bool with_info)
{
	const struct plm_service *service = plm_lookup_service(&r->lookup, row->task->service);
	label(r, row, "cluster", service ? service->cluster : NULL);
	label(r, row, "service", row->task->service);
	label(r, row, "task", row->task->id);
	if (!with_info)
		return;
	char revision[16];
	(void)snprintf(revision, sizeof(revision), "%d", row->task->revision);
	label(r, row, "family", row->task->family);
	label(r, row, "revision", revision);
	label(r, row, "host", r->view->host ? r->view->host->name : NULL);
}

static void fill_tasks(struct plm_rows *r, bool with_info)
{
	const struct plm_cluster *cluster = r->view->cluster;
	for (size_t i = 0; cluster && i < cluster->n_tasks; i++) {
		if (cluster->tasks[i].status == PLM_TASK_STOPPED)
			continue;
		struct plm_row *row = add_row(r);
		if (!row)
			return;
		row->task = &cluster->tasks[i];
		row->task_usage = plm_lookup_task_usage(&r->lookup, row->task->id);
		row->sample = row->task_usage && row->task_usage->last.has ? &row->task_usage->last : NULL;
		label_task(r, row, with_info);
		end_row(r, row);
	}
}

static void fill_services(struct plm_rows *r)
{
	const struct plm_cluster *cluster = r->view->cluster;
	struct plm_row *row;
	for (size_t i = 0; cluster && i < cluster->n_services && (row = add_row(r)); i++) {
		row->service = &cluster->services[i];
		row->service_usage = plm_lookup_service_usage(&r->lookup, row->service->name);
		row->target = plm_lookup_target(&r->lookup, row->service->name);
		label(r, row, "cluster", row->service->cluster);
		label(r, row, "service", row->service->name);
		end_row(r, row);
	}
}

static void fill_policies(struct plm_rows *r, bool with_info)
{
	const struct plm_policy_set *set = r->view->policies;
	struct plm_row *row;
	for (size_t i = 0; set && i < set->n_policies && (row = add_row(r)); i++) {
		row->policy = &set->policies[i];
		row->proposal = plm_lookup_proposal(&r->lookup, row->policy);
		label(r, row, "cluster", row->policy->cluster);
		label(r, row, "service", row->policy->service);
		label(r, row, "policy", row->policy->name);
		if (with_info) {
			label(r, row, "metric", plm_metric_name(row->policy->metric));
			label(r, row, "evaluation", plm_evaluation_name(row->policy->evaluation));
		}
		end_row(r, row);
	}
}

static bool is_same_scaling(const struct plm_scaling_count *a, const struct plm_scaling_count *b)
{
	bool is_same_status = a->is_dry_run == b->is_dry_run && (a->is_dry_run || a->status == b->status);
	return is_same_status && a->is_out == b->is_out && strcmp(a->service, b->service) == 0 &&
	       strcmp(a->policy, b->policy) == 0;
}

/* Dry runs are one status, DryRun, whatever status the activity has; their counts are added up. */
static void fill_scalings(struct plm_rows *r)
{
	const struct plm_scaling_count *all = r->view->scalings;
	for (size_t i = 0; all && i < r->view->n_scalings; i++) {
		bool is_first = true;
		uint64_t count = all[i].count;
		for (size_t k = 0; all[i].is_dry_run && k < r->view->n_scalings; k++) {
			if (k == i || !is_same_scaling(&all[i], &all[k]))
				continue;
			is_first = is_first && k > i;
			count += all[k].count;
		}
		struct plm_row *row = is_first ? add_row(r) : NULL;
		if (!row)
			continue;
		row->count = count;
		label(r, row, "service", all[i].service);
		label(r, row, "policy", all[i].policy);
		label(r, row, "direction", all[i].is_out ? "out" : "in");
		label(r, row, "status", all[i].is_dry_run ? "DryRun" : plm_activity_status_name(all[i].status));
		end_row(r, row);
	}
}

static void fill_not_scaled(struct plm_rows *r)
{
	const struct plm_not_scaled_count *all = r->view->not_scaled;
	struct plm_row *row;
	for (size_t i = 0; all && i < r->view->n_not_scaled && (row = add_row(r)); i++) {
		row->count = all[i].count;
		label(r, row, "service", all[i].service);
		label(r, row, "policy", all[i].policy);
		label(r, row, "reason", plm_not_scaled_name(all[i].reason));
		end_row(r, row);
	}
}

int plm_rows_fill(struct plm_rows *r, enum plm_scope scope)
{
	r->n_rows = 0;
	plm_buf_reset(&r->labels);
	switch (scope) {
	case PLM_SCOPE_DAEMON:
	case PLM_SCOPE_BUILD:
	case PLM_SCOPE_HOST:
		fill_one(r, scope);
		break;
	case PLM_SCOPE_RUNG:
		fill_rungs(r);
		break;
	case PLM_SCOPE_CGROUP:
		fill_cgroups(r);
		break;
	case PLM_SCOPE_TASK:
	case PLM_SCOPE_TASK_INFO:
		fill_tasks(r, scope == PLM_SCOPE_TASK_INFO);
		break;
	case PLM_SCOPE_SERVICE:
		fill_services(r);
		break;
	case PLM_SCOPE_POLICY:
	case PLM_SCOPE_POLICY_INFO:
		fill_policies(r, scope == PLM_SCOPE_POLICY_INFO);
		break;
	case PLM_SCOPE_SCALING:
		fill_scalings(r);
		break;
	case PLM_SCOPE_NOT_SCALED:
		fill_not_scaled(r);
		break;
	case _PLM_SCOPE_MAX:
		break;
	}
	return r->failed || r->labels.failed ? -ENOMEM : 0;
}

int plm_rows_init(struct plm_rows *r, const struct plm_view *view)
{
	*r = (struct plm_rows){ .view = view, .labels = PLM_BUF_INIT(MAX_LABEL_BYTES) };
	plm_process_read(&r->process);
	return plm_lookup_init(&r->lookup, view);
}

void plm_rows_done(struct plm_rows *r)
{
	plm_lookup_done(&r->lookup);
	free(r->rows);
	plm_buf_done(&r->labels);
}
