/* SPDX-License-Identifier: Apache-2.0
 * What a person sees first: the landing page and the readiness text. Self-contained, no script. */
#include <math.h>
#include <string.h>

#include "api/internal.h"
#include "model/lookup.h"

#define REFRESH_S 5

static const char page_head[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Plimsoll</title>\n"
	"<style>\n"
	":root { color-scheme: light dark; }\n"
	"body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; }\n"
	"h1 { margin-bottom: 0; } p.host { margin-top: 0; opacity: .7; }\n"
	"nav a { margin-right: 1.2em; }\n"
	"table { border-collapse: collapse; width: 100%; margin: 1.5em 0; }\n"
	"th, td { text-align: left; padding: .35em .8em .35em 0; border-bottom: 1px solid #8885; "
	"vertical-align: top; }\n"
	"td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }\n"
	".warn { border-left: 4px solid #d80; padding-left: .8em; white-space: pre-line; } .why { opacity: .75; }\n"
	"</style>\n";

static void add_escaped(struct plm_buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			plm_buf_adds(out, "&amp;");
			break;
		case '<':
			plm_buf_adds(out, "&lt;");
			break;
		case '>':
			plm_buf_adds(out, "&gt;");
			break;
		case '"':
			plm_buf_adds(out, "&quot;");
			break;
		default:
			plm_buf_add(out, text, 1);
		}
	}
}

static void add_cell(struct plm_buf *out, const char *text)
{
	plm_buf_adds(out, "<td>");
	add_escaped(out, text);
	plm_buf_adds(out, "</td>");
}

static void add_percent(struct plm_buf *out, double percent)
{
	if (isfinite(percent))
		plm_buf_addf(out, "<td class=\"n\">%.1f&nbsp;%%</td>", percent);
	else
		plm_buf_adds(out, "<td class=\"n\">&ndash;</td>");
}

static void add_service(struct plm_buf *out, const struct plm_lookup *l, const struct plm_service *s)
{
	const struct plm_service_usage *u = plm_lookup_service_usage(l, s->name);
	const struct plm_target *t = plm_lookup_target(l, s->name);
	const struct plm_decision *d = plm_lookup_decision(l, s->name);
	plm_buf_adds(out, "<tr>");
	add_cell(out, s->name);
	plm_buf_addf(out, "<td class=\"n\">%d</td><td class=\"n\">%d</td>", s->desired, s->running);
	if (t)
		plm_buf_addf(out, "<td class=\"n\">%d&ndash;%d</td>", t->min, t->max);
	else
		plm_buf_adds(out, "<td class=\"n\">&ndash;</td>");
	add_percent(out, u ? u->cpu.value : NAN);
	add_percent(out, u ? u->memory.value : NAN);
	plm_buf_adds(out, "<td>");
	add_escaped(out, d ? d->sentence : "");
	if (s->reason[0]) {
		plm_buf_adds(out, d && d->sentence[0] ? "<br><span class=\"why\">" : "<span class=\"why\">");
		add_escaped(out, s->reason);
		plm_buf_adds(out, "</span>");
	}
	plm_buf_adds(out, "</td></tr>\n");
}

static void add_services(struct plm_buf *out, const struct plm_view *view)
{
	if (!view->cluster || !view->cluster->n_services) {
		plm_buf_adds(out, "<p>No services yet.</p>\n");
		return;
	}
	struct plm_lookup l;
	if (plm_lookup_init(&l, view) != 0)
		out->failed = true;
	plm_buf_adds(out, "<table>\n<thead><tr><th>Service</th><th class=\"n\">Desired</th><th class=\"n\">Running</th>"
			  "<th class=\"n\">Bounds</th><th class=\"n\">CPU</th><th class=\"n\">Memory</th>"
			  "<th>Last decision</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < view->cluster->n_services; i++)
		add_service(out, &l, &view->cluster->services[i]);
	plm_buf_adds(out, "</tbody>\n</table>\n");
	plm_lookup_done(&l);
}

static void add_host_line(struct plm_buf *out, const struct plm_view *view)
{
	char time[PLM_RFC3339_LEN];
	plm_buf_adds(out, "<p class=\"host\">plimsolld ");
	add_escaped(out, view->version ? view->version : "");
	if (view->host) {
		plm_buf_adds(out, " on ");
		add_escaped(out, view->host->name);
		plm_buf_addf(out, ", %u CPUs, Linux ", view->host->cpus);
		add_escaped(out, view->host->kernel);
	}
	if (view->now.wall)
		plm_buf_addf(out, ", at %s", plm_time_format(view->now.wall, time));
	plm_buf_adds(out, "</p>\n");
}

void plm_api_page(const struct plm_view *view, struct plm_buf *out)
{
	plm_buf_adds(out, page_head);
	plm_buf_addf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n</head>\n<body>\n<h1>Plimsoll</h1>\n",
		     REFRESH_S);
	add_host_line(out, view);
	plm_buf_adds(out, "<nav><a href=\"/metrics\">Metrics</a> <a href=\"/healthz\">Health</a> "
			  "<a href=\"/readyz\">Readiness</a> "
			  "<a href=\"/api/v1/services\">Services</a> <a href=\"/api/v1/tasks\">Tasks</a> "
			  "<a href=\"/api/v1/policies\">Policies</a> <a href=\"/api/v1/activities\">Activities</a> "
			  "<a href=\"/api/v1/host\">Host</a></nav>\n");
	struct plm_buf why = PLM_BUF_INIT(8192);
	if (!plm_api_readiness(view, &why)) {
		plm_buf_adds(out, "<p class=\"warn\">");
		add_escaped(out, plm_buf_text(&why));
		plm_buf_adds(out, "</p>\n");
	} else if (view->self && view->self->is_dry_run) {
		plm_buf_adds(out, "<p class=\"warn\">Dry run: decisions are recorded, not carried out.</p>\n");
	}
	plm_buf_done(&why);
	add_services(out, view);
	plm_buf_adds(out, "</body>\n</html>\n");
}

static void add_trouble(struct plm_buf *out, const char *area, const char *error, bool *any)
{
	if (!error[0])
		return;
	plm_buf_addf(out, "%s: %s\n", area, error);
	*any = true;
}

bool plm_api_readiness(const struct plm_view *view, struct plm_buf *out)
{
	const struct plm_self *s = view->self;
	struct plm_buf reasons = PLM_BUF_INIT(4096);
	bool has_reason = false;
	if (s) {
		add_trouble(&reasons, "sample", s->sample_error, &has_reason);
		add_trouble(&reasons, "backend", s->backend_error, &has_reason);
		if (!s->is_config_good)
			add_trouble(&reasons, "configuration", s->config_error[0] ? s->config_error : "not loaded",
				    &has_reason);
	}
	if (!view->is_ready && !has_reason)
		add_trouble(&reasons, "start", "no full sample yet, or the backend has not answered yet", &has_reason);
	bool is_ready = view->is_ready && !has_reason;
	plm_buf_adds(out, is_ready ? "ok\n" : "not ready\n");
	plm_buf_adds(out, plm_buf_text(&reasons));
	plm_buf_done(&reasons);

	/* What goes on without: told, but no reason to take the daemon out of service. */
	if (s && s->state_error[0])
		plm_buf_addf(out, "warning: state: %s\n", s->state_error);
	if (view->host && view->host->rung)
		plm_buf_addf(out, "kernel: rung %c (%s), events of ending cgroups %s\n", view->host->rung,
			     view->host->rung_name ? view->host->rung_name : "?",
			     view->host->has_events ? "on" : "off");
	for (size_t i = 0; view->rungs && i < view->n_rungs; i++)
		if (!view->rungs[i].is_usable)
			plm_buf_addf(out, "kernel: rung %c (%s) not usable: %s\n", view->rungs[i].rung,
				     view->rungs[i].name, view->rungs[i].reason);
	return is_ready;
}
