/* SPDX-License-Identifier: Apache-2.0 */
#include "term.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS 100

struct plm_term plm_term_detect(void)
{
	struct plm_term t = {
		.bold = "",
		.dim = "",
		.red = "",
		.green = "",
		.cyan = "",
		.yellow = "",
		.off = "",
		.full = "#",
		.empty = ".",
		.target = "|",
		.task = "#",
		.no_task = "-",
		.up = "^",
		.down = "v",
		.arrow = "->",
		.tick = "ok ",
		.cross = "NOT",
		.rule = "-",
		.dot = "*",
	};
	const char *no_colour = getenv("NO_COLOR"), *type = getenv("TERM");

	t.is_tty = isatty(STDOUT_FILENO);
	if (t.is_tty && !(no_colour && *no_colour) && !(type && strcmp(type, "dumb") == 0)) {
		t.bold = "\033[1m";
		t.dim = "\033[2m";
		t.red = "\033[31m";
		t.green = "\033[32m";
		t.cyan = "\033[36m";
		t.yellow = "\033[33m";
		t.off = "\033[0m";
	}
	(void)setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0) {
		t.full = "█";
		t.empty = "░";
		t.target = "│";
		t.task = "■";
		t.no_task = "□";
		t.up = "▲";
		t.down = "▼";
		t.arrow = "→";
		t.tick = "✓";
		t.cross = "✗";
		t.rule = "─";
		t.dot = "●";
	}
	return t;
}

void plm_term_wrap(const char *text, int column, int indent)
{
	for (bool is_first = true; *text; is_first = false) {
		const int word = (int)strcspn(text, " ");
		if (!is_first && column + 1 + word > COLUMNS) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (!is_first) {
			fputc(' ', stdout);
			column++;
		}
		printf("%.*s", word, text);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	puts("");
}

const char *plm_term_ms(double ms, char buf[16])
{
	if (!isfinite(ms))
		(void)snprintf(buf, 16, "-");
	else if (ms < 999.5)
		(void)snprintf(buf, 16, ms < 99.95 ? "%.1f ms" : "%.0f ms", ms);
	else
		(void)snprintf(buf, 16, "%.2f s", ms / 1000);
	return buf;
}
