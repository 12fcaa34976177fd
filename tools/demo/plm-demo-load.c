/* SPDX-License-Identifier: Apache-2.0
 *
 * The demo's load generator on its own: an open-loop HTTP load with a rate profile; one CSV row per second on stdout,
 * a summary on stderr. Needs nothing else of Plimsoll.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "lib/load.h"

static volatile sig_atomic_t is_interrupted;

static void on_signal(int signo)
{
	(void)signo;
	is_interrupted = 1;
}

static void help(FILE *out)
{
	fputs("Usage: plm-demo-load --port N [options]\n"
	      "Sends GET / to 127.0.0.1:N at times fixed beforehand and prints one CSV row per second.\n"
	      "\n"
	      "  -p, --port N            port on 127.0.0.1\n"
	      "  -P, --profile P         phases SECONDS:RATE or SECONDS:RATE-RATE, separated by commas\n"
	      "                          (default 12:12,30:110,30:12)\n"
	      "  -a, --arrivals A        poisson (default) or even\n"
	      "  -s, --seed N            of the arrival times (default 1); the same seed gives the same times\n"
	      "  -t, --timeout-ms N      a request not answered N ms after it was due has failed (default 5000)\n"
	      "  -m, --max-in-flight N   more at once are not sent and have failed (default 800)\n"
	      "  -h, --help\n"
	      "\n"
	      "Columns: second; offered = due in that second; ok, failed = ended in it; p50_ms, p99_ms = latency of "
	      "those from\n"
	      "the time each was due (empty when none ended; a failed one counts as at least the time-out).\n"
	      "Exit status: 0 all answered, 1 some failed or interrupted, 2 usage.\n",
	      out);
}

static int usage(const char *what, const struct plm_err *err)
{
	fprintf(stderr, "plm-demo-load: %s%s\nTry: plm-demo-load --help\n", what, err ? plm_err_text(err) : "");
	return 2;
}

static void cell(double v)
{
	if (isfinite(v))
		printf(",%.1f", v);
	else
		fputc(',', stdout);
}

static void row(struct plm_load *l, unsigned second)
{
	const plm_ns from = second * PLM_NS_PER_S;
	struct plm_load_stats s;

	if (plm_load_read(l, PLM_LOAD_BY_END, from, from + PLM_NS_PER_S, &s) < 0)
		return;
	printf("%u,%zu,%zu,%zu", second, s.offered, s.ok, s.failed);
	cell(s.p50_ms);
	cell(s.p99_ms);
	puts("");
	(void)fflush(stdout);
}

static int run(const struct plm_load_cfg *cfg)
{
	struct plm_load *l = NULL;
	struct plm_err err = PLM_ERR_INIT;
	struct plm_load_stats s;
	unsigned second = 0;
	size_t open;

	if (plm_load_start(cfg, &l, &err) < 0)
		return usage("", &err);
	puts("second,offered,ok,failed,p50_ms,p99_ms");
	while (!is_interrupted) {
		const bool is_done = plm_load_is_done(l);
		const plm_ns now = plm_clock_mono() - plm_load_started(l);

		for (; (plm_ns)(second + 1) * PLM_NS_PER_S <= now; second++)
			row(l, second);
		if (is_done)
			break;
		(void)nanosleep(&(struct timespec){ .tv_nsec = 50 * PLM_NS_PER_MS }, NULL);
	}
	row(l, second);
	if (plm_load_read(l, PLM_LOAD_BY_DUE, 0, INT64_MAX, &s) < 0) {
		plm_load_free(l);
		return 1;
	}
	open = s.by_outcome[PLM_LOAD_OPEN];
	fprintf(stderr,
		"offered %zu: ok %zu, timed out %zu, reset %zu, bad status %zu, not sent %zu, unfinished %zu; "
		"p50 %.1f ms, p99 %.1f ms, max %.1f ms\n",
		s.offered, s.ok, s.by_outcome[PLM_LOAD_TIMED_OUT], s.by_outcome[PLM_LOAD_RESET],
		s.by_outcome[PLM_LOAD_BAD], s.by_outcome[PLM_LOAD_NOT_SENT], open, s.p50_ms, s.p99_ms, s.max_ms);
	plm_load_free(l);
	return s.failed > 0 || open > 0;
}

static bool option_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	return plm_parse_u64(text, min, max, ret) == 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "profile", required_argument, NULL, 'P' },
		{ "arrivals", required_argument, NULL, 'a' },
		{ "seed", required_argument, NULL, 's' },
		{ "timeout-ms", required_argument, NULL, 't' },
		{ "max-in-flight", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct plm_load_cfg cfg = { .seed = 1, .timeout = 5 * PLM_NS_PER_S, .max_in_flight = 800 };
	const char *profile = "12:12,30:110,30:12";
	struct plm_err err = PLM_ERR_INIT;
	uint64_t v;
	int c;

	while ((c = getopt_long(argc, argv, "p:P:a:s:t:m:h", options, NULL)) != -1) {
		if (c == 'p' && option_u64(optarg, 1, 65535, &v))
			cfg.port = (int)v;
		else if (c == 'P')
			profile = optarg;
		else if (c == 'a' && strcmp(optarg, "poisson") == 0)
			cfg.arrivals = PLM_LOAD_POISSON;
		else if (c == 'a' && strcmp(optarg, "even") == 0)
			cfg.arrivals = PLM_LOAD_EVEN;
		else if (c == 's' && option_u64(optarg, 0, UINT64_MAX, &v))
			cfg.seed = v;
		else if (c == 't' && option_u64(optarg, 1, 600000, &v))
			cfg.timeout = (plm_ns)v * PLM_NS_PER_MS;
		else if (c == 'm' && option_u64(optarg, 1, PLM_LOAD_MAX_IN_FLIGHT, &v))
			cfg.max_in_flight = (unsigned)v;
		else if (c == 'h') {
			help(stdout);
			return 0;
		} else if (c == '?') {
			return 2; /* getopt_long has said why */
		} else {
			(void)plm_err_set(&err, EINVAL, "", "\"%s\" is not a legal value of -%c", optarg, c);
			return usage("", &err);
		}
	}
	if (optind < argc || cfg.port == 0)
		return usage(cfg.port == 0 ? "--port is required" : "unexpected argument", NULL);
	if (plm_load_profile_parse(profile, &cfg.profile, &err) < 0)
		return usage("", &err);
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	return run(&cfg);
}
