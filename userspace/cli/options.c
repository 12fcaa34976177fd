/* SPDX-License-Identifier: Apache-2.0
 *
 * Option tables: one row gives the getopt_long entry, the check of the value and the line of --help.
 * At most PLM_OPTIONS_MAX options a command, a dozen in practice.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/cli.h"

#define FIRST_VALUE 256 /* getopt values of long options: above every letter */
#define HELP_COLUMN 26
#define HELP_WIDTH 80

const char *const plm_output_names[] = { "table", "json", "jsonl", "csv", NULL };
_Static_assert(PLM_ARRAY_SIZE(plm_output_names) == _PLM_OUTPUT_MAX + 1, "a name for each form");

const char *plm_cli_nearest(const char *word, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned best_distance = strlen(word) < 4 ? 2 : 3; /* two slips in a short word make another word */
	for (size_t i = 0; i < n; i++) {
		unsigned d = plm_edit_distance(word, names[i]);
		if (d < best_distance) {
			best_distance = d;
			best = names[i];
		}
	}
	return best;
}

/* --- parsing --- */

/* All sets of a command in one row. */
struct flat {
	const struct plm_option *options[PLM_OPTIONS_MAX];
	void *targets[PLM_OPTIONS_MAX];
	size_t n;
	struct option longs[PLM_OPTIONS_MAX + 1];
	char letters[2 * PLM_OPTIONS_MAX + 3];
};

static void flatten(const struct plm_option_set *sets, size_t n_sets, bool stops_early, struct flat *f)
{
	char *letter = f->letters;
	if (stops_early)
		*letter++ = '+';
	*letter++ = ':'; /* tells a missing value from an unknown option */
	for (size_t i = 0; i < n_sets; i++) {
		for (size_t j = 0; j < sets[i].n_options; j++) {
			const struct plm_option *o = &sets[i].options[j];
			bool has_arg = o->kind != PLM_OPTION_FLAG;
			assert(f->n < PLM_OPTIONS_MAX);
			f->longs[f->n] = (struct option){ o->name, has_arg ? required_argument : no_argument, NULL,
							  FIRST_VALUE + (int)f->n };
			f->options[f->n] = o;
			f->targets[f->n++] = sets[i].target;
			if (o->letter) {
				*letter++ = o->letter;
				if (has_arg)
					*letter++ = ':';
			}
		}
	}
	*letter = '\0';
}

/* Index of the option that getopt means, by its value or its letter; -1 = none. */
static int find(const struct flat *f, int c)
{
	if (c >= FIRST_VALUE && c < FIRST_VALUE + (int)f->n)
		return c - FIRST_VALUE;
	for (size_t i = 0; i < f->n; i++)
		if (c && f->options[i]->letter == c)
			return (int)i;
	return -1;
}

static int wrong(FILE *messages, const char *program, const struct plm_option *o, const char *value, const char *range)
{
	fprintf(messages, "%s: --%s is \"%.100s\"; it must be %s\n", program, o->name, value, range);
	return -PLM_EXIT_USAGE;
}

static int set_choice(const struct plm_option *o, int *field, const char *value, const char *program, FILE *messages)
{
	char list[160] = "one of";
	size_t len = strlen(list);
	for (int i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], value) == 0) {
			*field = i;
			return 0;
		}
		int added = snprintf(list + len, sizeof(list) - len, "%s %s", i ? "," : "", o->choices[i]);
		if (added > 0 && len + (size_t)added < sizeof(list))
			len += (size_t)added;
	}
	return wrong(messages, program, o, value, list);
}

static int set_value(const struct plm_option *o, void *target, const char *value, const char *program, FILE *messages)
{
	char *field = (char *)target + o->offset;
	char range[80];
	switch (o->kind) {
	case PLM_OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case PLM_OPTION_TEXT:
		if (!value[0])
			return wrong(messages, program, o, value, "some text");
		*(const char **)field = value;
		return 0;
	case PLM_OPTION_COUNT:
		if (plm_parse_u64(value, (uint64_t)o->min, (uint64_t)o->max, (uint64_t *)field) == 0)
			return 0;
		(void)snprintf(range, sizeof(range), "a whole number from %.0f to %.0f", o->min, o->max);
		return wrong(messages, program, o, value, range);
	case PLM_OPTION_NUMBER:
		if (plm_parse_double(value, o->min, o->max, (double *)field) == 0)
			return 0;
		(void)snprintf(range, sizeof(range), "a number from %g to %g", o->min, o->max);
		return wrong(messages, program, o, value, range);
	case PLM_OPTION_CHOICE:
		return set_choice(o, (int *)field, value, program, messages);
	}
	return -PLM_EXIT_USAGE;
}

static int unknown(const struct flat *f, const char *program, const char *text, int letter, FILE *messages)
{
	const char *names[PLM_OPTIONS_MAX];
	char name[64];
	int known = find(f, letter);
	if (letter && known >= 0) { /* only a value given to a flag comes here with a known option */
		fprintf(messages, "%s: --%s takes no value\n", program, f->options[known]->name);
		return -PLM_EXIT_USAGE;
	}
	if (letter) {
		fprintf(messages, "%s: there is no option \"-%c\"; try \"%s --help\"\n", program, letter, program);
		return -PLM_EXIT_USAGE;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(text + 2, "="), text + 2);
	const char *first = NULL, *second = NULL;
	for (size_t i = 0; i < f->n; i++) {
		names[i] = f->options[i]->name;
		if (strncmp(names[i], name, strlen(name)) == 0) {
			second = first;
			first = names[i];
		}
	}
	if (second) {
		fprintf(messages, "%s: \"--%s\" may be --%s or --%s\n", program, name, second, first);
		return -PLM_EXIT_USAGE;
	}
	const char *near = plm_cli_nearest(name, names, f->n);
	if (near)
		fprintf(messages, "%s: there is no option \"--%s\"; did you mean \"--%s\"?\n", program, name, near);
	else
		fprintf(messages, "%s: there is no option \"--%s\"; try \"%s --help\"\n", program, name, program);
	return -PLM_EXIT_USAGE;
}

int plm_options_parse(const struct plm_option_set *sets, size_t n_sets, const char *program, bool stops_early, int argc,
		      char **argv, FILE *messages)
{
	struct flat f = { .n = 0 };
	flatten(sets, n_sets, stops_early, &f);
	optind = 0; /* glibc: start afresh */
	opterr = 0;
	int c;
	while ((c = getopt_long(argc, argv, f.letters, f.longs, NULL)) != -1) {
		int i;
		if (c == '?')
			return unknown(&f, program, argv[optind - 1], optopt, messages);
		if (c == ':') {
			i = find(&f, optopt);
			if (i >= 0)
				fprintf(messages, "%s: --%s needs a value: %s\n", program, f.options[i]->name,
					f.options[i]->arg);
			return -PLM_EXIT_USAGE;
		}
		i = find(&f, c);
		if (i < 0)
			return -PLM_EXIT_USAGE;
		int r = set_value(f.options[i], f.targets[i], optarg, program, messages);
		if (r < 0)
			return r;
	}
	return optind;
}

/* --- help --- */

void plm_text_wrap(FILE *out, const char *text, int column, int indent)
{
	bool is_first = true;
	while (*text) {
		int len = (int)strcspn(text, " ");
		if (!is_first && column + 1 + len > HELP_WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (!is_first) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", len, text);
		column += len;
		is_first = false;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void plm_options_help(const struct plm_option_set *sets, size_t n_sets, FILE *out)
{
	for (size_t i = 0; i < n_sets; i++) {
		if (sets[i].n_options == 0)
			continue;
		fprintf(out, "\n%s:\n", sets[i].title);
		for (size_t j = 0; j < sets[i].n_options; j++) {
			const struct plm_option *o = &sets[i].options[j];
			char letter[8] = "    ";
			if (o->letter)
				(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
			int column =
				fprintf(out, "  %s--%s%s%s", letter, o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
			if (column > HELP_COLUMN - 2) {
				fputc('\n', out);
				column = 0;
			}
			fprintf(out, "%*s", HELP_COLUMN - column, "");
			plm_text_wrap(out, o->help, HELP_COLUMN, HELP_COLUMN);
		}
	}
}
