/* SPDX-License-Identifier: Apache-2.0
 * plimsolld: flags, then the daemon. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/daemon.h"

enum { EXIT_USAGE = 2, EXIT_PRIVILEGE = 77, EXIT_CONFIG = 78 };

enum { OPT_CONFIG = 256, OPT_CHECK, OPT_DRY_RUN, OPT_LISTEN, OPT_LOG_LEVEL, OPT_LOG_FORMAT, OPT_VERSION };

static const struct {
	struct option option;
	const char *arg, *help;
} options[] = {
	{ { "config.file", required_argument, NULL, OPT_CONFIG },
	  "FILE",
	  "configuration (default " PLM_CONFIG_FILE ")" },
	{ { "config.check", no_argument, NULL, OPT_CHECK }, "", "load and check everything, then end: 0 or 78" },
	{ { "dry-run", no_argument, NULL, OPT_DRY_RUN }, "", "decide and record, but change nothing" },
	{ { "web.listen-address", required_argument, NULL, OPT_LISTEN },
	  "ADDRESS",
	  "host:port for HTTP; \"\" for none" },
	{ { "log.level", required_argument, NULL, OPT_LOG_LEVEL },
	  "LEVEL",
	  "debug, info, warn or error (default info)" },
	{ { "log.format", required_argument, NULL, OPT_LOG_FORMAT }, "FORMAT", "logfmt or json (default logfmt)" },
	{ { "version", no_argument, NULL, OPT_VERSION }, "", "print the version" },
	{ { "help", no_argument, NULL, 'h' }, "", "print this" },
};

struct arguments {
	struct plm_daemon_flags flags;
	bool is_check;
	enum plm_log_level level;
	enum plm_log_format format;
};

static void print_help(FILE *out)
{
	fputs("Usage: plimsolld [OPTION]...\nMeasures the tasks of this host in the kernel and scales their "
	      "services.\n\n",
	      out);
	for (size_t i = 0; i < PLM_ARRAY_SIZE(options); i++) {
		char left[64];
		(void)snprintf(left, sizeof(left), "--%s%s%s", options[i].option.name, options[i].arg[0] ? "=" : "",
			       options[i].arg);
		fprintf(out, "  %-30s %s\n", left, options[i].help);
	}
	fputs("\nSignals: HUP reads configuration and policies again, TERM and INT end the daemon (tasks go on unless\n"
	      "orchestrator.stop_tasks_on_exit is true).\n"
	      "Exit codes: 0 ok, 1 failed, 2 usage, 77 missing privilege, 78 bad configuration.\n",
	      out);
}

/* -1 = go on, else the exit code. */
static int parse(int argc, char **argv, struct arguments *a)
{
	struct option longs[PLM_ARRAY_SIZE(options) + 1] = { 0 };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(options); i++)
		longs[i] = options[i].option;
	int c;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			a->flags.config_file = optarg;
			break;
		case OPT_CHECK:
			a->is_check = true;
			break;
		case OPT_DRY_RUN:
			a->flags.is_dry_run = true;
			break;
		case OPT_LISTEN:
			a->flags.listen_address = optarg;
			break;
		case OPT_LOG_LEVEL:
			if (plm_log_level_parse(optarg, &a->level) == 0)
				break;
			fprintf(stderr, "plimsolld: --log.level is \"%s\"; it must be debug, info, warn or error\n",
				optarg);
			return EXIT_USAGE;
		case OPT_LOG_FORMAT:
			if (plm_log_format_parse(optarg, &a->format) == 0)
				break;
			fprintf(stderr, "plimsolld: --log.format is \"%s\"; it must be logfmt or json\n", optarg);
			return EXIT_USAGE;
		case OPT_VERSION:
			puts("plimsolld " PLM_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			print_help(stdout);
			return EXIT_SUCCESS;
		default:
			fputs("Try 'plimsolld --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "plimsolld: unexpected argument \"%s\"\n", argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

static int exit_code(int r)
{
	switch (r) {
	case 0:
		return EXIT_SUCCESS;
	case -EPERM:
	case -EACCES:
		return EXIT_PRIVILEGE;
	default:
		return EXIT_FAILURE;
	}
}

int main(int argc, char **argv)
{
	static struct plm_daemon daemon;
	struct plm_err err = PLM_ERR_INIT;
	struct arguments a = { .level = PLM_LOG_INFO, .format = PLM_LOG_LOGFMT };
	int code = parse(argc, argv, &a);
	if (code >= 0)
		return code;
	plm_log_setup(a.level, a.format);
	(void)signal(SIGPIPE, SIG_IGN);
	char summary[128];
	int r = plm_daemon_check(&a.flags, summary, sizeof(summary), &err);
	if (r != 0) {
		fprintf(stderr, "plimsolld: %s\n", plm_err_text(&err));
		return EXIT_CONFIG;
	}
	if (a.is_check) {
		puts(summary);
		return EXIT_SUCCESS;
	}
	r = plm_daemon_open(&daemon, &a.flags, &err);
	if (r != 0)
		plm_log(PLM_LOG_ERROR, "daemon", "cannot start: %s", plm_err_text(&err));
	else
		r = plm_daemon_run(&daemon);
	plm_daemon_close(&daemon);
	return exit_code(r);
}
