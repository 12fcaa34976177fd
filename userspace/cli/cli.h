/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands of `plimsoll` share: exit codes, the option tables that also print help, and the dispatch from words to
 * a command. A command is one file with one exported `struct plm_command`; main.c lists them.
 */
#ifndef PLM_CLI_CLI_H
#define PLM_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PLM_CLI_SOCKET "/run/plimsoll/plimsoll.sock"

enum plm_exit {
	PLM_EXIT_OK = 0,
	PLM_EXIT_FAILED = 1,
	PLM_EXIT_USAGE = 2,
	PLM_EXIT_NO_DAEMON = 3,
	PLM_EXIT_PRIVILEGE = 77,
	PLM_EXIT_CONFIG = 78,
};

enum plm_output { PLM_OUTPUT_TABLE, PLM_OUTPUT_JSON, PLM_OUTPUT_JSONL, PLM_OUTPUT_CSV, _PLM_OUTPUT_MAX };
extern const char *const plm_output_names[]; /* NULL-terminated */
/* Masks of the forms a command can print. */
#define PLM_OUTPUTS_TEXT (1u << PLM_OUTPUT_TABLE)
#define PLM_OUTPUTS_OBJECT (PLM_OUTPUTS_TEXT | 1u << PLM_OUTPUT_JSON | 1u << PLM_OUTPUT_JSONL)
#define PLM_OUTPUTS_LIST (PLM_OUTPUTS_OBJECT | 1u << PLM_OUTPUT_CSV)

/* --- option tables (cli/options.c) --- */

enum plm_option_kind {
	PLM_OPTION_FLAG,   /* bool */
	PLM_OPTION_TEXT,   /* const char *, points into argv */
	PLM_OPTION_COUNT,  /* uint64_t from min to max */
	PLM_OPTION_NUMBER, /* double from min to max */
	PLM_OPTION_CHOICE, /* int, index into choices */
};

struct plm_option {
	const char *name; /* long name without the dashes */
	char letter;      /* short name; 0 = none */
	enum plm_option_kind kind;
	const char *arg; /* how help calls the value; NULL for flags */
	const char *help;
	size_t offset; /* of the field in the options' target */
	double min, max;
	const char *const *choices; /* NULL-terminated */
};

/* One table and the struct that its values go into. */
struct plm_option_set {
	const char *title; /* heading in help */
	const struct plm_option *options;
	size_t n_options;
	void *target;
};
#define PLM_OPTIONS_MAX 32 /* over all sets of one command */

/* Parses argv[1…]. `program` starts the messages ("plimsoll sample"). With `stops_early` the first word that is no option ends
 * it. Returns the index of the first operand (argv is permuted so that operands come last), or -PLM_EXIT_USAGE after a message
 * on `messages`. */
int plm_options_parse(const struct plm_option_set *sets, size_t n_sets, const char *program, bool stops_early, int argc,
		      char **argv, FILE *messages);
void plm_options_help(const struct plm_option_set *sets, size_t n_sets, FILE *out);
/* Prints `text` wrapped to 80 columns, each line after the first indented by `indent`; `column` is where the first begins. */
void plm_text_wrap(FILE *out, const char *text, int column, int indent);
/* The nearest of n names within a distance that a typing error explains, or NULL. */
const char *plm_cli_nearest(const char *word, const char *const *names, size_t n);

/* --- commands --- */

/* What a command is given. */
struct plm_cli {
	const struct plm_command *command;
	const char *socket;
	enum plm_output output;
	bool no_headers;
	bool has_color; /* `out` is a terminal and NO_COLOR is not set */
	FILE *out, *err;
};

#define PLM_CLI_ARGS_MAX 128 /* bytes of a command's option struct */

struct plm_command {
	const char *name;     /* "sample", "policy check" */
	const char *operands; /* "SERVICE N"; "" = none */
	const char *summary;  /* one line for the list of commands */
	const char *details;  /* paragraphs for --help, each one line; "\n" between them */
	const struct plm_option *options;
	size_t n_options;
	size_t args_size; /* of the struct that `options` fill; at most PLM_CLI_ARGS_MAX; zeroed before parsing */
	int min_operands, max_operands;
	unsigned outputs; /* PLM_OUTPUTS_… */
	bool needs_daemon;
	bool uses_socket; /* --socket means something although no daemon is needed */
	int (*run)(const struct plm_cli *cli, const void *args, int n_operands, char **operands); /* a plm_exit */
};

/* "plimsoll NAME: …\n" on cli->err. */
void plm_cli_say(const struct plm_cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says what is wrong with the usage and where help is; returns PLM_EXIT_USAGE. */
int plm_cli_usage(const struct plm_cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Finds the command, parses its options, runs it; returns the exit code. */
int plm_cli_run(const struct plm_command *const *commands, size_t n_commands, int argc, char **argv, FILE *out,
		FILE *err);

extern const struct plm_command plm_command_activities, plm_command_doctor, plm_command_explain,
	plm_command_policy_check, plm_command_policy_list, plm_command_sample, plm_command_scale, plm_command_services,
	plm_command_tasks, plm_command_top, plm_command_version;

#endif
