/* SPDX-License-Identifier: Apache-2.0
 *
 * From the words on the command line to a command: common options may stand before or after its name; names may have two
 * words ("policy check"); wrong ones get the nearest right one.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"

#define MAX_COMMANDS 64
#define NAME_COLUMN 16

struct common {
	const char *socket;
	int output;
	bool no_headers, help, version;
};

static const struct plm_option common_options[] = {
	{ "socket", 0, PLM_OPTION_TEXT, "PATH", "the daemon's socket (default $PLIMSOLL_SOCKET or " PLM_CLI_SOCKET ")",
	  offsetof(struct common, socket), 0, 0, NULL },
	{ "output", 'o', PLM_OPTION_CHOICE, "FORM", "table, json, jsonl or csv (default table)",
	  offsetof(struct common, output), 0, 0, plm_output_names },
	{ "no-headers", 0, PLM_OPTION_FLAG, NULL, "no header line in table and csv",
	  offsetof(struct common, no_headers), 0, 0, NULL },
	{ "help", 'h', PLM_OPTION_FLAG, NULL, "print this", offsetof(struct common, help), 0, 0, NULL },
	{ "version", 0, PLM_OPTION_FLAG, NULL, "print the version", offsetof(struct common, version), 0, 0, NULL },
};
/* The last one makes no sense after a command. */
#define N_COMMAND_OPTIONS (PLM_ARRAY_SIZE(common_options) - 1)

void plm_cli_say(const struct plm_cli *cli, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(cli->err, "plimsoll %s: ", cli->command->name);
	vfprintf(cli->err, fmt, ap);
	fputc('\n', cli->err);
	va_end(ap);
}

int plm_cli_usage(const struct plm_cli *cli, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(cli->err, "plimsoll %s: ", cli->command->name);
	vfprintf(cli->err, fmt, ap);
	fprintf(cli->err, "; try \"plimsoll %s --help\"\n", cli->command->name);
	va_end(ap);
	return PLM_EXIT_USAGE;
}

/* --- help --- */

static void help_all(const struct plm_command *const *commands, size_t n, FILE *out)
{
	fputs("Usage: plimsoll [OPTION]... COMMAND [OPTION]... [OPERAND]...\n\n"
	      "Measures tasks in the kernel and scales services: the command line.\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "  %-*s", NAME_COLUMN, commands[i]->name);
		plm_text_wrap(out, commands[i]->summary, NAME_COLUMN + 2, NAME_COLUMN + 2);
	}
	fprintf(out, "  %-*s%s\n", NAME_COLUMN, "help", "this, or what one command does: help COMMAND");
	struct plm_option_set set = { "Common options", common_options, PLM_ARRAY_SIZE(common_options), NULL };
	plm_options_help(&set, 1, out);
	fputs("\nExit codes: 0 ok, 1 failed, 2 usage, 3 no daemon, 77 missing privilege, 78 bad\n"
	      "configuration or policy. Data goes to standard output, messages to standard\n"
	      "error; NO_COLOR turns colours off.\n",
	      out);
}

static void help_command(const struct plm_command *c, FILE *out)
{
	fprintf(out, "Usage: plimsoll %s [OPTION]...%s%s\n\n", c->name, c->operands[0] ? " " : "", c->operands);
	for (const char *p = c->details; *p;) {
		char line[800];
		int len = (int)strcspn(p, "\n");
		(void)snprintf(line, sizeof(line), "%.*s", len, p);
		plm_text_wrap(out, line, 0, 0);
		p += len;
		p += *p == '\n';
	}
	if (c->needs_daemon)
		fputs("Needs a running daemon.\n", out);
	struct plm_option shown[PLM_ARRAY_SIZE(common_options)];
	size_t n_shown = 0;
	for (size_t i = 0; i < N_COMMAND_OPTIONS; i++) {
		size_t offset = common_options[i].offset;
		bool is_form = offset == offsetof(struct common, output);
		if ((is_form && c->outputs == PLM_OUTPUTS_TEXT) ||
		    (offset == offsetof(struct common, no_headers) && c->outputs == PLM_OUTPUTS_OBJECT) ||
		    (offset == offsetof(struct common, socket) && !c->needs_daemon && !c->uses_socket))
			continue;
		shown[n_shown] = common_options[i];
		if (is_form && c->outputs == PLM_OUTPUTS_OBJECT)
			shown[n_shown].help = "table, json or jsonl (default table)";
		n_shown++;
	}
	struct plm_option_set sets[] = { { "Options", c->options, c->n_options, NULL },
					 { "Common options", shown, n_shown, NULL } };
	plm_options_help(sets, PLM_ARRAY_SIZE(sets), out);
}

/* --- finding the command --- */

static bool is_group(const struct plm_command *c, const char *word)
{
	size_t len = strlen(word);
	return strncmp(c->name, word, len) == 0 && c->name[len] == ' ';
}

static int unknown_command(const struct plm_command *const *commands, size_t n, const char *group, const char *word,
			   FILE *err)
{
	const char *names[MAX_COMMANDS];
	size_t n_names = 0;
	char full[128];
	(void)snprintf(full, sizeof(full), "%.40s%s%.60s", group ? group : "", group ? " " : "", word);
	assert(n + 1 < MAX_COMMANDS);
	for (size_t i = 0; i < n; i++)
		if (!group || is_group(commands[i], group))
			names[n_names++] = commands[i]->name;
	if (!group)
		names[n_names++] = "help";
	const char *near = plm_cli_nearest(full, names, n_names);
	for (size_t i = 0; i < n && !near && !group; i++) { /* "polcy" for a command of two words */
		char first[32];
		(void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(names[i], " "), names[i]);
		if (strchr(names[i], ' ') && plm_cli_nearest(word, (const char *const[]){ first }, 1))
			near = names[i];
	}
	fprintf(err, "plimsoll: there is no command \"%s\"; ", full);
	if (near)
		fprintf(err, "did you mean \"%s\"?\n", near);
	else
		fputs("\"plimsoll help\" lists them\n", err);
	return PLM_EXIT_USAGE;
}

/* Finds the command that the words begin with. NULL after a message; *ret_code is then the exit code. *ret_words = words used. */
static const struct plm_command *find_command(const struct plm_command *const *commands, size_t n, int n_words,
					      char **words, int *ret_words, FILE *out, FILE *err, int *ret_code)
{
	bool has_group = false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(commands[i]->name, words[0]) == 0) {
			*ret_words = 1;
			return commands[i];
		}
		if (!is_group(commands[i], words[0]))
			continue;
		has_group = true;
		if (n_words > 1 && strcmp(commands[i]->name + strlen(words[0]) + 1, words[1]) == 0) {
			*ret_words = 2;
			return commands[i];
		}
	}
	bool wants_help = n_words > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0);
	if (!has_group) {
		*ret_code = unknown_command(commands, n, NULL, words[0], err);
	} else if (n_words > 1 && words[1][0] != '-') {
		*ret_code = unknown_command(commands, n, words[0], words[1], err);
	} else {
		FILE *f = wants_help ? out : err;
		fprintf(f, "Usage: plimsoll %s COMMAND\n\nCommands:\n", words[0]);
		for (size_t i = 0; i < n; i++)
			if (is_group(commands[i], words[0]))
				fprintf(f, "  %-*s%s\n", NAME_COLUMN, commands[i]->name, commands[i]->summary);
		*ret_code = wants_help ? PLM_EXIT_OK : PLM_EXIT_USAGE;
	}
	return NULL;
}

static int help_words(const struct plm_command *const *commands, size_t n, int n_words, char **words, FILE *out,
		      FILE *err)
{
	int used, code;
	if (n_words == 0) {
		help_all(commands, n, out);
		return PLM_EXIT_OK;
	}
	const struct plm_command *c = find_command(commands, n, n_words, words, &used, out, err, &code);
	if (!c)
		return code;
	help_command(c, out);
	return PLM_EXIT_OK;
}

/* --- running it --- */

static int check_operands(const struct plm_cli *cli, int n, char **operands)
{
	const struct plm_command *c = cli->command;
	if (n < c->min_operands)
		return plm_cli_usage(cli, n == 0 ? "%s is missing" : "operands are missing: %s", c->operands);
	if (n > c->max_operands && c->max_operands == 0)
		return plm_cli_usage(cli, "takes no operand, got \"%.100s\"", operands[0]);
	if (n > c->max_operands)
		return plm_cli_usage(cli, "takes %s, \"%.100s\" is too many", c->operands, operands[c->max_operands]);
	if (!(c->outputs & 1u << cli->output))
		return plm_cli_usage(cli, "has no %s form", plm_output_names[cli->output]);
	return PLM_EXIT_OK;
}

static bool wants_color(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	int fd = fileno(out);
	return fd >= 0 && isatty(fd) && !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
}

static int run_command(const struct plm_command *c, struct common *common, int argc, char **argv, FILE *out, FILE *err)
{
	_Alignas(max_align_t) char args[PLM_CLI_ARGS_MAX] = { 0 };
	char program[64];
	assert(c->args_size <= sizeof(args));
	(void)snprintf(program, sizeof(program), "plimsoll %s", c->name);
	struct plm_option_set sets[] = { { "Options", c->options, c->n_options, args },
					 { "Common options", common_options, N_COMMAND_OPTIONS, common } };
	int first = plm_options_parse(sets, PLM_ARRAY_SIZE(sets), program, false, argc, argv, err);
	if (first < 0)
		return -first;
	if (common->help) {
		help_command(c, out);
		return PLM_EXIT_OK;
	}
	struct plm_cli cli = { .command = c,
			       .socket = common->socket,
			       .output = (enum plm_output)common->output,
			       .no_headers = common->no_headers,
			       .has_color = wants_color(out),
			       .out = out,
			       .err = err };
	if (!cli.socket)
		cli.socket = getenv("PLIMSOLL_SOCKET");
	if (!cli.socket || !cli.socket[0])
		cli.socket = PLM_CLI_SOCKET;
	int r = check_operands(&cli, argc - first, argv + first);
	if (r != PLM_EXIT_OK)
		return r;
	return c->run(&cli, args, argc - first, argv + first);
}

static int run_words(const struct plm_command *const *commands, size_t n, int argc, char **argv, FILE *out, FILE *err)
{
	struct common common = { .socket = NULL };
	struct plm_option_set set = { "Common options", common_options, PLM_ARRAY_SIZE(common_options), &common };
	int first = plm_options_parse(&set, 1, "plimsoll", true, argc, argv, err);
	if (first < 0)
		return -first;
	int n_words = argc - first;
	char **words = argv + first;
	if (common.version)
		return run_command(&plm_command_version, &common, 1, argv, out, err);
	if (n_words > 0 && strcmp(words[0], "help") == 0) {
		bool is_plain = n_words > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0);
		return help_words(commands, n, is_plain ? 0 : n_words - 1, words + 1, out, err);
	}
	if (common.help)
		return help_words(commands, n, n_words, words, out, err);
	if (n_words == 0) {
		help_all(commands, n, err);
		return PLM_EXIT_USAGE;
	}
	int used, code;
	const struct plm_command *c = find_command(commands, n, n_words, words, &used, out, err, &code);
	if (!c)
		return code;
	/* The command's last word stands where getopt expects the program's name. */
	return run_command(c, &common, n_words - used + 1, words + used - 1, out, err);
}

int plm_cli_run(const struct plm_command *const *commands, size_t n_commands, int argc, char **argv, FILE *out,
		FILE *err)
{
	int code = run_words(commands, n_commands, argc, argv, out, err);
	errno = 0;
	if (fflush(out) != 0 || ferror(out)) {
		fprintf(err, "plimsoll: cannot write the output: %s\n", errno ? strerror(errno) : "a write failed");
		return code == PLM_EXIT_OK ? PLM_EXIT_FAILED : code;
	}
	return code;
}
