/* SPDX-License-Identifier: Apache-2.0
 *
 * The demo: starts plimsolld on a service of its own, plays a load that steps up and down, shows what the daemon does
 * about it and why, and says at the end whether it was quick and right. Exit status 0 only if it was.
 *
 * Whatever ends this program, nothing stays but the plot: see lib/keeper.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/http.h"
#include "base/num.h"
#include "lib/keeper.h"
#include "lib/live.h"
#include "lib/record.h"

#define DEFAULT_SVG "build/demo/plimsoll-demo.svg"
#define READY_S 20.0 /* for the daemon, and again for its first task */
#define LOOK_MS 250
#define SILENCE_S 5.0 /* of the daemon, during the run */
#define LOAD_TIMEOUT_S 5
#define LOAD_IN_FLIGHT 900
#define LOG_LINES 15
#define EXIT_PRIVILEGE 77

struct demo {
	double seconds, peak;
	const char *svg;
	bool keep;
	int signal_fd, signo; /* signo: what interrupted it; 0 = nothing */
	struct plm_term term;
	struct plm_demo_scenario scenario;
	struct plm_keeper keeper;
	struct plm_load *load;
	struct plm_live live;
	struct plm_record record;
	plm_ns ready_mono, load_wall;
	double cpu_at_ready_s;
};

static struct demo demo = {
	.seconds = PLM_DEMO_SECONDS, .peak = PLM_DEMO_PEAK_RATE, .svg = DEFAULT_SVG, .signal_fd = -1
};

static void help(void)
{
	printf("Usage: plm-demo [options]\n"
	       "Shows plimsolld scaling a service under a load that rises and falls. Needs root (cgroups and eBPF); "
	       "leaves\n"
	       "nothing behind but the plot.\n"
	       "\n"
	       "  --seconds N   length of the load, 24 to 600 (default %g); it rises at 1/6 and falls at 7/12\n"
	       "  --peak N      requests a second at the top, 80 to 180 (default %g)\n"
	       "  --quick       the same as --seconds %g\n"
	       "  --svg FILE    where the plot goes (default " DEFAULT_SVG ")\n"
	       "  --keep        keep the configuration, state and log of the daemon, and say where they are\n"
	       "  --help\n"
	       "\n"
	       "Exit status: 0 it scaled out and in, quickly, and latency recovered; 1 it did not, or something "
	       "failed;\n"
	       "2 usage; 77 not root; 130 and 143 interrupted.\n",
	       PLM_DEMO_SECONDS, PLM_DEMO_PEAK_RATE, PLM_DEMO_QUICK_SECONDS);
}

/* --- waiting --- */

/* Waits; false when a signal asks the demo to end. */
static bool pause_ms(struct demo *d, int ms)
{
	struct pollfd p = { .fd = d->signal_fd, .events = POLLIN };
	struct signalfd_siginfo si;

	if (d->signo == 0 && poll(&p, 1, ms) > 0 && read(d->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		d->signo = (int)si.ssi_signo;
	return d->signo == 0;
}

static void print_log_tail(const struct demo *d)
{
	struct plm_buf text = PLM_BUF_INIT(4u << 20);
	const char *from;
	int lines = 0;

	if (plm_file_read(AT_FDCWD, d->scenario.log, &text, NULL) == 0 && text.len > 0) {
		for (from = text.data + text.len - 1; from > text.data; from--)
			if (from[-1] == '\n' && ++lines == LOG_LINES)
				break;
		fprintf(stderr, "\nThe last lines of plimsolld's log:\n%s\n", from);
	}
	plm_buf_done(&text);
}

static int fail(const struct demo *d, const char *what, const struct plm_err *err)
{
	(void)fflush(stdout);
	fprintf(stderr, "plm-demo: %s%s%s\n", what, err ? ": " : "", err ? plm_err_text(err) : "");
	if (d->keeper.pid > 0)
		print_log_tail(d);
	return 1;
}

static int check_alive(struct demo *d)
{
	char what[96];

	if (plm_keeper_is_alive(&d->keeper))
		return 0;
	snprintf(what, sizeof(what),
		 WIFSIGNALED(d->keeper.status) ? "plimsolld was ended by signal %d" : "plimsolld ended with status %d",
		 WIFSIGNALED(d->keeper.status) ? WTERMSIG(d->keeper.status) : WEXITSTATUS(d->keeper.status));
	return fail(d, what, NULL);
}

/* Calls `is_there` until it returns 0. Returns 0, 1 (failed, said so) or -EINTR. */
static int wait_for(struct demo *d, int (*is_there)(struct demo *d, struct plm_err *err), const char *what)
{
	const plm_ns until = plm_clock_mono() + (plm_ns)(READY_S * 1e9);
	struct plm_err err = PLM_ERR_INIT;
	char late[128];

	while (is_there(d, &err) != 0) {
		if (check_alive(d) != 0)
			return 1;
		if (plm_clock_mono() > until) {
			snprintf(late, sizeof(late), "%s within %.0f s", what, READY_S);
			return fail(d, late, err.code ? &err : NULL);
		}
		if (!pause_ms(d, 50))
			return -EINTR;
	}
	return 0;
}

static int daemon_is_ready(struct demo *d, struct plm_err *err)
{
	return plm_watch_ready(d->scenario.socket, err);
}

static int service_answers(struct demo *d, struct plm_err *err)
{
	struct plm_buf body = PLM_BUF_INIT(4096);
	char url[64];
	const struct plm_http_request req = { .method = "GET", .url = url, .timeout_ms = 500 };
	int r;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/healthz", d->scenario.port);
	r = plm_http(&req, &body, err);
	plm_buf_done(&body);
	return r == 200 ? 0 : -EAGAIN;
}

/* The daemon has seen the task run and has a first value of what the policy tracks. */
static int service_is_measured(struct demo *d, struct plm_err *err)
{
	struct plm_watch_service s;
	int r = plm_watch_read_service(d->scenario.socket, "web", &s, err);

	return r < 0 ? r : s.running >= PLM_DEMO_MIN && isfinite(s.cpu_percent) ? 0 : -EAGAIN;
}

/* --- the run --- */

static int start(struct demo *d)
{
	struct plm_demo_scenario *s = &d->scenario;
	char *const argv[] = { s->daemon, (char *)"--config.file", s->config, NULL };
	const struct plm_keeper_cfg cfg = {
		.argv = argv,
		.log = s->log,
		.folder = s->folder,
		.keep_folder = d->keep,
		.cgroup = s->cgroup,
	};
	struct plm_err err = PLM_ERR_INIT;
	int r;

	if (plm_keeper_start(&cfg, &d->keeper, &err) < 0) {
		if (!d->keep)
			plm_sweep_folder(s->folder);
		return fail(d, "cannot start plimsolld", &err);
	}
	d->keeper.cfg.argv = NULL; /* was on this stack */
	r = wait_for(d, daemon_is_ready, "plimsolld was not ready");
	if (r == 0)
		r = wait_for(d, service_answers, "the service did not answer");
	if (r == 0)
		r = wait_for(d, service_is_measured, "plimsolld did not measure the service");
	if (r == 0 && plm_watch_read_host(s->socket, &d->record.host, &err) < 0)
		r = fail(d, "plimsolld does not tell about the host", &err);
	d->ready_mono = plm_clock_mono();
	d->cpu_at_ready_s = d->record.host.cpu_seconds;
	return r;
}

static int start_load(struct demo *d)
{
	const struct plm_load_cfg cfg = {
		.port = d->scenario.port,
		.profile = d->scenario.profile,
		.arrivals = PLM_LOAD_POISSON,
		.seed = 1,
		.timeout = LOAD_TIMEOUT_S * PLM_NS_PER_S,
		.max_in_flight = LOAD_IN_FLIGHT,
	};
	struct plm_err err = PLM_ERR_INIT;
	struct plm_now now;

	if (plm_load_start(&cfg, &d->load, &err) < 0)
		return fail(d, "cannot start the load", &err);
	now = plm_clock_now();
	d->load_wall = now.wall - (now.mono - plm_load_started(d->load));
	d->record.load = d->load;
	return 0;
}

static bool is_known(const struct plm_record *r, const char *id)
{
	for (size_t i = 0; i < r->n_decisions; i++)
		if (strcmp(r->decisions[i].id, id) == 0)
			return true;
	return false;
}

static int look_at_decisions(struct demo *d, struct plm_err *err)
{
	static struct plm_watch_activity list[PLM_WATCH_MAX_ACTIVITIES];
	size_t n = 0;
	int r = plm_watch_read_activities(d->scenario.socket, "web", list, &n, err);

	for (size_t i = 0; r == 0 && i < n && d->record.n_decisions < PLM_WATCH_MAX_ACTIVITIES; i++) {
		struct plm_record_decision *new = &d->record.decisions[d->record.n_decisions];
		if (is_known(&d->record, list[i].id))
			continue;
		*new = (struct plm_record_decision){ .from = list[i].from, .to = list[i].to };
		new->t_s = (double)(list[i].wall - d->load_wall) / 1e9;
		(void)plm_strcpy(new->id, sizeof(new->id), list[i].id);
		(void)plm_strcpy(new->cause, sizeof(new->cause), list[i].cause);
		d->record.n_decisions++;
		plm_live_decision(&d->live, new);
	}
	return r;
}

/* One look at the daemon; a failure is the caller's to judge. */
static int look(struct demo *d, struct plm_err *err)
{
	struct plm_watch_service s;
	struct plm_record_point *p = &d->record.points[d->record.n_points];
	int r = plm_watch_read_service(d->scenario.socket, "web", &s, err);

	if (r < 0)
		return r;
	*p = (struct plm_record_point){
		.t_s = (double)(plm_clock_mono() - plm_load_started(d->load)) / 1e9,
		.desired = s.desired,
		.running = s.running,
		.cpu_percent = s.cpu_percent,
	};
	if (d->record.n_points + 1 < PLM_RECORD_MAX_POINTS)
		d->record.n_points++;
	r = look_at_decisions(d, err);
	plm_live_status(&d->live, d->load, p);
	return r;
}

static int play(struct demo *d)
{
	struct plm_err err = PLM_ERR_INIT;
	plm_ns answered;

	if (start_load(d) != 0)
		return 1;
	answered = plm_clock_mono();
	for (;;) {
		const double t = (double)(plm_clock_mono() - plm_load_started(d->load)) / 1e9;
		if (look(d, &err) == 0)
			answered = plm_clock_mono();
		else if (check_alive(d) != 0)
			return 1;
		else if ((double)(plm_clock_mono() - answered) / 1e9 > SILENCE_S)
			return fail(d, "plimsolld no longer answers", &err);
		if (t >= d->scenario.seconds && plm_load_is_done(d->load))
			return 0;
		if (!pause_ms(d, LOOK_MS))
			return -EINTR;
	}
}

static int finish_plot(struct demo *d, const struct plm_record_facts *facts)
{
	PLM_FREE char *copy = strdup(d->svg);
	struct plm_err err = PLM_ERR_INIT;
	int r;

	if (!copy)
		return 1;
	r = plm_mkdirs(dirname(copy), 0755);
	if (r < 0)
		(void)plm_err_set(&err, -r, d->svg, "%s", strerror(-r));
	else
		r = plm_record_plot(&d->record, facts, d->svg, &err);
	return r < 0 ? fail(d, "cannot write the plot", &err) : 0;
}

/* The table, the plot and the verdict. */
static int conclude(struct demo *d)
{
	struct plm_record *r = &d->record;
	struct plm_record_facts facts;
	int wrong;

	if (plm_watch_read_host(d->scenario.socket, &r->host, NULL) == 0) {
		r->daemon_cpu_s = r->host.cpu_seconds - d->cpu_at_ready_s;
		r->wall_s = (double)(plm_clock_mono() - d->ready_mono) / 1e9;
	}
	plm_record_facts(r, &facts);
	plm_record_print(r, &facts, &d->term);
	wrong = finish_plot(d, &facts);
	wrong += plm_record_check(r, &facts, &d->term);
	return wrong > 0;
}

static int run(struct demo *d)
{
	int r = start(d);

	if (r == 0) {
		plm_live_intro(&d->live, &d->record.host);
		r = play(d);
	}
	return r == 0 ? conclude(d) : r;
}

/* Stops everything; tells when the daemon did not leave a clean house by itself. */
static int tidy_up(struct demo *d, int result)
{
	struct plm_keeper_report report = { 0 };
	const char *why = NULL;

	plm_load_free(d->load);
	d->load = NULL;
	plm_keeper_finish(&d->keeper, &report);
	plm_demo_scenario_close(&d->scenario);
	if (report.was_killed)
		why = "plimsolld did not stop in time and was killed";
	else if (report.sweep.killed > 0)
		why = "plimsolld left tasks running, which were killed";
	else if (report.sweep.left > 0)
		why = "cgroups could not be removed";
	if (result == 0 || result == 1)
		printf("  %s%s%s %s\n", why ? d->term.red : d->term.green, why ? d->term.cross : d->term.tick,
		       d->term.off,
		       why       ? why
		       : d->keep ? "everything stopped; no process or cgroup stays"
				 : "everything stopped; no process, cgroup or file stays");
	else if (why)
		fprintf(stderr, "plm-demo: %s\n", why);
	if (d->keep)
		printf("\nKept: %s\n", d->scenario.folder);
	return result == 0 && why ? 1 : result;
}

/* --- options --- */

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "plm-demo: %s%s\nTry: plm-demo --help\n", what, value);
	return 2;
}

/* 0 = go on, 1 = help was printed, 2 = usage. */
static int parse(struct demo *d, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "peak", required_argument, NULL, 'p' },
		{ "quick", no_argument, NULL, 'q' },
		{ "svg", required_argument, NULL, 'o' },
		{ "keep", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 's' && plm_parse_double(optarg, 24, 600, &d->seconds) < 0)
			return usage("--seconds must be a number from 24 to 600, not ", optarg);
		if (c == 'p' && plm_parse_double(optarg, 80, 180, &d->peak) < 0)
			return usage("--peak must be a number from 80 to 180, not ", optarg);
		if (c == 'q')
			d->seconds = PLM_DEMO_QUICK_SECONDS;
		if (c == 'o')
			d->svg = optarg;
		if (c == 'k')
			d->keep = true;
		if (c == 'h') {
			help();
			return 1;
		}
		if (c == '?')
			return 2; /* getopt_long has said why */
	}
	return optind < argc ? usage("unexpected argument ", argv[optind]) : 0;
}

int main(int argc, char **argv)
{
	struct demo *d = &demo;
	struct plm_err err = PLM_ERR_INIT;
	sigset_t set;
	int r = parse(d, argc, argv);

	if (r != 0)
		return r == 1 ? 0 : r;
	if (geteuid() != 0) {
		fputs("plm-demo: needs root, for cgroups and eBPF; try: sudo make demo\n", stderr);
		return EXIT_PRIVILEGE;
	}
	d->term = plm_term_detect();
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (d->signal_fd < 0 || plm_demo_scenario_open(d->seconds, d->peak, &d->scenario, &err) < 0)
		return fail(d, "cannot begin", err.code ? &err : NULL);
	d->live = (struct plm_live){ .term = &d->term, .scenario = &d->scenario };
	d->record.scenario = &d->scenario;
	d->record.daemon_cpu_s = NAN;
	r = run(d);
	if (d->signo)
		fputs("\nInterrupted; stopping.\n", stderr);
	r = tidy_up(d, r);
	if (r == 0)
		printf("\nPlot: %s\n", d->svg);
	return d->signo ? 128 + d->signo : r;
}
