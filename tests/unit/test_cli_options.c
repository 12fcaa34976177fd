/* SPDX-License-Identifier: Apache-2.0
 * Option tables and the dispatch to a command. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"

struct args {
	bool is_all;
	const char *name;
	uint64_t count;
	double seconds;
	int color;
};

static const char *const colors[] = { "red", "green", NULL };
static const struct plm_option options[] = {
	{ "all", 'a', PLM_OPTION_FLAG, NULL, "everything", offsetof(struct args, is_all), 0, 0, NULL },
	{ "name", 'n', PLM_OPTION_TEXT, "NAME", "a name", offsetof(struct args, name), 0, 0, NULL },
	{ "count", 0, PLM_OPTION_COUNT, "N", "how many", offsetof(struct args, count), 1, 10, NULL },
	{ "seconds", 's', PLM_OPTION_NUMBER, "S",
	  "how long, told in a text that is so long that it needs more than one line of help",
	  offsetof(struct args, seconds), 0.5, 60, NULL },
	{ "color", 0, PLM_OPTION_CHOICE, "COLOR", "which", offsetof(struct args, color), 0, 0, colors },
};

static struct args seen;
static int seen_operands, result;
static char seen_first[64], seen_socket[64];
static enum plm_output seen_output;

static int record(const struct plm_cli *cli, const void *args, int n, char **operands)
{
	seen = *(const struct args *)args;
	seen_operands = n;
	(void)snprintf(seen_first, sizeof(seen_first), "%s", n ? operands[0] : "");
	(void)snprintf(seen_socket, sizeof(seen_socket), "%s", cli->socket);
	seen_output = cli->output;
	fputs("ran\n", cli->out);
	return result;
}

static const struct plm_command plain = { .name = "plain",
					  .operands = "[A] [B]",
					  .summary = "one",
					  .details = "Does it.\nTwice.",
					  .options = options,
					  .n_options = PLM_ARRAY_SIZE(options),
					  .args_size = sizeof(struct args),
					  .max_operands = 2,
					  .outputs = PLM_OUTPUTS_LIST,
					  .run = record };
static const struct plm_command pair = { .name = "pair check",
					 .operands = "FILE",
					 .summary = "two words",
					 .details = "Checks.",
					 .min_operands = 1,
					 .max_operands = 1,
					 .outputs = PLM_OUTPUTS_OBJECT,
					 .run = record };
static const struct plm_command *const commands[] = { &plain, &pair };

static char *out_text, *err_text;

static int run(int argc, char **argv)
{
	size_t n;
	free(out_text);
	free(err_text);
	FILE *out = open_memstream(&out_text, &n), *err = open_memstream(&err_text, &n);
	seen_operands = -1;
	int code = plm_cli_run(commands, PLM_ARRAY_SIZE(commands), argc, argv, out, err);
	fclose(out);
	fclose(err);
	return code;
}
#define RUN(...) \
	run((int)PLM_ARRAY_SIZE(((char *[]){ "plimsoll", __VA_ARGS__ })), (char *[]){ "plimsoll", __VA_ARGS__, NULL })

static void cli_run__all_kinds_of_options__values_in_the_struct(void **state)
{
	(void)state;
	result = 42;
	assert_int_equal(
		RUN("plain", "first", "-a", "--name", "x y", "--count=7", "-s0.5", "second", "--color", "green"), 42);
	assert_true(seen.is_all);
	assert_string_equal(seen.name, "x y");
	assert_int_equal(seen.count, 7);
	assert_true(seen.seconds == 0.5);
	assert_int_equal(seen.color, 1);
	assert_int_equal(seen_operands, 2);
	assert_string_equal(seen_first, "first");
	assert_string_equal(out_text, "ran\n");
	result = 0;
}

static void cli_run__no_options__zeroes_and_defaults(void **state)
{
	(void)state;
	unsetenv("PLIMSOLL_SOCKET");
	assert_int_equal(RUN("plain"), 0);
	assert_false(seen.is_all);
	assert_null(seen.name);
	assert_int_equal(seen.count, 0);
	assert_string_equal(seen_socket, PLM_CLI_SOCKET);
	assert_int_equal(seen_output, PLM_OUTPUT_TABLE);
}

static void cli_run__socket__option_before_environment_before_default(void **state)
{
	(void)state;
	setenv("PLIMSOLL_SOCKET", "/from/env", 1);
	assert_int_equal(RUN("plain"), 0);
	assert_string_equal(seen_socket, "/from/env");
	assert_int_equal(RUN("--socket", "/before", "plain"), 0);
	assert_string_equal(seen_socket, "/before");
	assert_int_equal(RUN("plain", "--socket=/after", "-o", "csv"), 0);
	assert_string_equal(seen_socket, "/after");
	assert_int_equal(seen_output, PLM_OUTPUT_CSV);
	unsetenv("PLIMSOLL_SOCKET");
}

static void cli_run__two_words__found(void **state)
{
	(void)state;
	assert_int_equal(RUN("pair", "check", "f.json"), 0);
	assert_int_equal(seen_operands, 1);
	assert_string_equal(seen_first, "f.json");
	assert_int_equal(RUN("pair", "check", "--", "-f"), 0);
	assert_string_equal(seen_first, "-f");
}

static void cli_run__wrong_usage__code_2_and_a_reason(void **state)
{
	static char *const cases[][4] = {
		{ "plane", NULL, NULL, "did you mean \"plain\"?" },
		{ "pear", NULL, NULL, "did you mean \"pair check\"?" },
		{ "pair", "chek", NULL, "did you mean \"pair check\"?" },
		{ "pair", NULL, NULL, "Usage: plimsoll pair COMMAND" },
		{ "zzzzzz", NULL, NULL, "\"plimsoll help\" lists them" },
		{ "plain", "--cuont=1", NULL, "did you mean \"--count\"?" },
		{ "plain", "--count=0", NULL, "--count is \"0\"; it must be a whole number from 1 to 10" },
		{ "plain", "--count=1x", NULL, "--count is \"1x\"" },
		{ "plain", "--seconds=61", NULL, "--seconds is \"61\"; it must be a number from 0.5 to 60" },
		{ "plain", "--seconds=nan", NULL, "--seconds is \"nan\"" },
		{ "plain", "--color=blue", NULL, "--color is \"blue\"; it must be one of red, green" },
		{ "plain", "--name=", NULL, "--name is \"\"; it must be some text" },
		{ "plain", "-n", NULL, "--name needs a value: NAME" },
		{ "plain", "--all=yes", NULL, "--all takes no value" },
		{ "plain", "-z", NULL, "there is no option \"-z\"" },
		{ "--sokcet=x", "plain", NULL, "did you mean \"--socket\"?" },
		{ "pair", "check", NULL, "FILE is missing" },
		{ "pair", "check", "-ocsv", "FILE is missing" },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		char *argv[5] = { "plimsoll" };
		int argc = 1;
		for (int j = 0; j < 3 && cases[i][j]; j++)
			argv[argc++] = cases[i][j];
		assert_int_equal(run(argc, argv), PLM_EXIT_USAGE);
		if (!strstr(err_text, cases[i][3]))
			fail_msg("\"%s\" is not in \"%s\"", cases[i][3], err_text);
		assert_string_equal(out_text, "");
		assert_int_equal(seen_operands, -1);
	}
}

static void cli_run__operands__counted(void **state)
{
	(void)state;
	assert_int_equal(RUN("plain", "a", "b", "c"), PLM_EXIT_USAGE);
	assert_non_null(strstr(err_text, "\"c\" is too many"));
	assert_int_equal(RUN("pair", "check", "f", "-o", "csv"), PLM_EXIT_USAGE);
	assert_non_null(strstr(err_text, "has no csv form"));
}

static void cli_run__help__on_standard_output(void **state)
{
	(void)state;
	assert_int_equal(RUN("plain", "--help"), 0);
	assert_int_equal(seen_operands, -1);
	assert_non_null(strstr(out_text, "Usage: plimsoll plain [OPTION]... [A] [B]"));
	assert_non_null(strstr(out_text, "Does it.\nTwice.\n"));
	assert_non_null(strstr(out_text, "  -n, --name=NAME         a name\n"));
	assert_string_equal(err_text, "");
	char *plain_help = strdup(out_text);
	for (const char *line = plain_help; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80);
	assert_int_equal(RUN("help", "plain"), 0);
	assert_string_equal(out_text, plain_help);
	free(plain_help);
	assert_int_equal(RUN("help"), 0);
	assert_non_null(strstr(out_text, "pair check"));
	assert_int_equal(RUN("pair", "--help"), 0);
	assert_int_equal(RUN("help", "nothing"), PLM_EXIT_USAGE);
}

static void nearest__distance__only_typing_errors(void **state)
{
	static const char *const names[] = { "services", "sample", "top" };
	(void)state;
	assert_string_equal(plm_cli_nearest("sampel", names, 3), "sample");
	assert_string_equal(plm_cli_nearest("tob", names, 3), "top");
	assert_null(plm_cli_nearest("abc", names, 3));
	assert_null(plm_cli_nearest("", names, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cli_run__all_kinds_of_options__values_in_the_struct),
		cmocka_unit_test(cli_run__no_options__zeroes_and_defaults),
		cmocka_unit_test(cli_run__socket__option_before_environment_before_default),
		cmocka_unit_test(cli_run__two_words__found),
		cmocka_unit_test(cli_run__wrong_usage__code_2_and_a_reason),
		cmocka_unit_test(cli_run__operands__counted),
		cmocka_unit_test(cli_run__help__on_standard_output),
		cmocka_unit_test(nearest__distance__only_typing_errors),
	};
	int r = PLM_RUN_TESTS(tests);
	free(out_text);
	free(err_text);
	return r;
}
