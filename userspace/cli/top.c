/* SPDX-License-Identifier: Apache-2.0
 * plimsoll top: a live view of services, tasks and cgroups; with --batch the same lines as plain text. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/top_screen.h"

#define DEFAULT_DELAY_S 1.0
#define BATCH_WIDTH 120

struct args {
	bool is_batch, is_reversed;
	int view, sort; /* view: 0 = by what there is */
	uint64_t updates, width;
	double delay_s;
	const char *filter;
};

static const char *const views[] = { "auto", "services", "tasks", "cgroups", NULL };

static const struct plm_option options[] = {
	{ "batch", 'b', PLM_OPTION_FLAG, NULL, "print snapshots as plain text, for pipes and files",
	  offsetof(struct args, is_batch), 0, 0, NULL },
	{ "iterations", 'n', PLM_OPTION_COUNT, "N", "end after N updates (default: one with --batch, else until q)",
	  offsetof(struct args, updates), 1, 1e9, NULL },
	{ "delay", 'd', PLM_OPTION_NUMBER, "S", "seconds between updates (default 1)", offsetof(struct args, delay_s),
	  0.1, 3600, NULL },
	{ "view", 'v', PLM_OPTION_CHOICE, "VIEW",
	  "services, tasks or cgroups (default: services with a daemon, else cgroups)", offsetof(struct args, view), 0,
	  0, views },
	{ "sort", 's', PLM_OPTION_CHOICE, "BY",
	  "cpu, cpu%, mem, mem%, throttled, cpu-wait, mem-wait or name (default cpu)", offsetof(struct args, sort), 0,
	  0, plm_top_sort_names },
	{ "reverse", 'r', PLM_OPTION_FLAG, NULL, "smallest first", offsetof(struct args, is_reversed), 0, 0, NULL },
	{ "filter", 'f', PLM_OPTION_TEXT, "TEXT", "only rows whose name contains TEXT", offsetof(struct args, filter),
	  0, 0, NULL },
	{ "width", 'w', PLM_OPTION_COUNT, "N", "columns of a line with --batch (default 120)",
	  offsetof(struct args, width), PLM_TOP_MIN_WIDTH, 500, NULL },
};

static void put(FILE *out, const char *text)
{
	size_t len = strlen(text);
	while (len && text[len - 1] == ' ')
		len--;
	fprintf(out, "%.*s\n", (int)len, text);
}

static void wait_s(double seconds)
{
	struct timespec ts = { .tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - floor(seconds)) * 1e9) };
	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

/* What stands in the way of the view, as an exit code. */
static int trouble_code(const struct plm_top_reader *r, const struct plm_top_model *m)
{
	if (m->view != PLM_TOP_CGROUPS && !r->has_daemon)
		return PLM_EXIT_NO_DAEMON;
	return PLM_EXIT_FAILED;
}

static int batch(const struct plm_cli *cli, struct plm_top_reader *reader, const struct plm_top_settings *s, int width)
{
	struct plm_top_model m = { .view = s->view };
	char text[PLM_TOP_LINE_MAX];
	int code = PLM_EXIT_OK;
	if (plm_top_reader_is_first(reader, s->view)) {
		plm_top_read(reader, &m);
		wait_s(s->delay_s);
	}
	for (uint64_t i = 0; i < s->max_updates && code == PLM_EXIT_OK; i++) {
		if (i) {
			wait_s(s->delay_s);
			fputc('\n', cli->out);
		}
		plm_top_read(reader, &m);
		if (m.trouble[0]) {
			plm_cli_say(cli, "%s", m.trouble);
			code = trouble_code(reader, &m);
			break;
		}
		plm_top_arrange(&m, s->filter, s->sort, s->is_reversed);
		for (int line = 0; line < 2; line++) {
			plm_top_head(&m, line, width, text);
			put(cli->out, text);
		}
		if (!cli->no_headers) {
			plm_top_titles(&m, width, text);
			put(cli->out, text);
		}
		for (size_t r = 0; r < m.n_rows; r++) {
			plm_top_line(&m, &m.rows[r], width, text);
			put(cli->out, text);
		}
		if (fflush(cli->out) != 0)
			code = PLM_EXIT_FAILED;
	}
	plm_top_model_done(&m);
	return code;
}

static int run(const struct plm_cli *cli, const void *args, int n_operands, char **operands)
{
	const struct args *a = args;
	struct plm_top_settings s = { .sort = (enum plm_top_sort)a->sort,
				      .is_reversed = a->is_reversed,
				      .has_color = cli->has_color,
				      .delay_s = a->delay_s > 0 ? a->delay_s : DEFAULT_DELAY_S,
				      .max_updates = a->updates };
	struct plm_top_reader reader;
	(void)n_operands, (void)operands;
	if (a->filter && plm_strcpy(s.filter, sizeof(s.filter), a->filter) < 0)
		return plm_cli_usage(cli, "--filter is longer than %zu bytes", sizeof(s.filter) - 1);
	if (a->width && !a->is_batch)
		return plm_cli_usage(cli, "--width goes with --batch");
	if (!a->is_batch && !(isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))) {
		plm_cli_say(cli, "standard input and output are no terminal; use --batch");
		return PLM_EXIT_USAGE;
	}
	plm_top_reader_open(&reader, cli->socket);
	s.view = a->view ? (enum plm_top_view)(a->view - 1) : reader.has_daemon ? PLM_TOP_SERVICES : PLM_TOP_CGROUPS;
	if (a->is_batch && s.max_updates == 0)
		s.max_updates = 1;
	int code = a->is_batch ? batch(cli, &reader, &s, a->width ? (int)a->width : BATCH_WIDTH)
			       : plm_top_screen(cli, &reader, &s);
	plm_top_reader_close(&reader);
	return code;
}

const struct plm_command plm_command_top = {
	.name = "top",
	.operands = "",
	.summary = "live view of services, tasks and cgroups",
	.details = "Shows who uses the CPU and memory of this host. With a daemon: its services and tasks, against "
		   "what they reserve. Without "
		   "one: cgroups, read from the kernel directly. Press ? for the keys.",
	.options = options,
	.n_options = PLM_ARRAY_SIZE(options),
	.args_size = sizeof(struct args),
	.outputs = PLM_OUTPUTS_TEXT,
	.uses_socket = true,
	.run = run,
};
