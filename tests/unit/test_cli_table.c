/* SPDX-License-Identifier: Apache-2.0
 * Cells, widths, tables, CSV and JSON lines. */
#include "test.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/table.h"

static void doubled(const cJSON *row, char *text, size_t size)
{
	double v = plm_cell_number(row, "count");
	if (!isnan(v))
		(void)snprintf(text, size, "%.0f!", v * 2);
}

static const struct plm_column columns[] = {
	{ "name", "NAME", PLM_CELL_TEXT, NULL },   { "count", "COUNT", PLM_CELL_COUNT, NULL },
	{ NULL, "TWICE", PLM_CELL_TEXT, doubled }, { "why.0.code", NULL, PLM_CELL_TEXT, NULL },
	{ "size", "SIZE", PLM_CELL_BYTES, NULL },  { "flag", "FLAG", PLM_CELL_BOOL, NULL },
};

/* The rows of a JSON array in one form; the caller frees. */
static char *print(const char *json, enum plm_output output, bool no_headers)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct plm_cli cli = { .output = output, .no_headers = no_headers, .out = out };
	struct plm_table t;
	cJSON *rows = cJSON_Parse(json), *row;
	assert_non_null(rows);
	plm_table_begin(&t, &cli, columns, PLM_ARRAY_SIZE(columns));
	cJSON_ArrayForEach(row, rows) plm_table_add(&t, row);
	assert_int_equal(plm_table_end(&t), 0);
	cJSON_Delete(rows);
	fclose(out);
	return text;
}

#define ROWS                                                                                                       \
	"[{\"name\":\"a\",\"count\":5,\"why\":[{\"code\":\"Late\"}],\"size\":1536,\"flag\":true},"                 \
	"{\"name\":\"größer\",\"count\":null,\"why\":[],\"flag\":false},{\"name\":\"x\\u001b[1m\\n\",\"count\":" \
	"12345678901234}]"

static void expect(const char *json, enum plm_output output, bool no_headers, const char *expected)
{
	char *text = print(json, output, no_headers);
	assert_string_equal(text, expected);
	free(text);
}

static void table__rows__aligned_by_columns_of_the_terminal(void **state)
{
	(void)state;
	expect(ROWS, PLM_OUTPUT_TABLE, false,
	       "NAME             COUNT  TWICE               SIZE  FLAG\n"
	       "a                    5  10!              1.5 KiB  yes\n"
	       "größer               -  -                      -  no\n"
	       "x [1m   12345678901234  24691357802468!        -  -\n");
	expect("[]", PLM_OUTPUT_TABLE, false, "NAME  COUNT  TWICE  SIZE  FLAG\n");
	expect("[]", PLM_OUTPUT_TABLE, true, "");
	expect("[{\"name\":\"a\",\"count\":1},7,null]", PLM_OUTPUT_TABLE, true, "a  1  2!  -  -\n");
}

static void csv__rows__rfc_4180(void **state)
{
	(void)state;
	expect(ROWS, PLM_OUTPUT_CSV, false,
	       "name,count,why_0_code,size,flag\r\na,5,Late,1536,true\r\ngrößer,,,,false\r\n\"x\033[1m\n\","
	       "12345678901234,,,\r\n");
	expect("[{\"name\":\"a,b\"},{\"name\":\"say \\\"hi\\\"\"},{\"name\":\"\"},{\"size\":0.1}]", PLM_OUTPUT_CSV,
	       true, "\"a,b\",,,,\r\n\"say \"\"hi\"\"\",,,,\r\n,,,,\r\n,,,0.1,\r\n");
}

static void jsonl__rows__one_line_each_with_version(void **state)
{
	(void)state;
	expect("[{\"api_version\":1,\"b\":[1,{\"c\":null}],\"t\":\"\\u001b\\n\",\"n\":9007199254740991,\"f\":0.1,\"z\":"
	       "false}]",
	       PLM_OUTPUT_JSONL, false,
	       "{\"api_version\":1,\"b\":[1,{\"c\":null}],\"t\":\"\\u001b\\n\",\"n\":9007199254740991,\"f\":0.1,\"z\":"
	       "false}\n");
}

static void table__many_rows__kept(void **state)
{
	(void)state;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct plm_cli cli = { .output = PLM_OUTPUT_TABLE, .no_headers = true, .out = out };
	struct plm_table t;
	cJSON *row = cJSON_Parse("{\"name\":\"r\"}");
	plm_table_begin(&t, &cli, columns, 1);
	for (int i = 0; i < PLM_TABLE_MAX_ROWS + 5; i++)
		plm_table_add(&t, row);
	assert_int_equal(plm_table_end(&t), -E2BIG);
	fclose(out);
	assert_int_equal(len, 2 * PLM_TABLE_MAX_ROWS);
	cJSON_Delete(row);
	free(text);
}

static void cell_text__kinds__as_people_read_them(void **state)
{
	static const struct {
		enum plm_cell kind;
		const char *json, *text;
	} cases[] = {
		{ PLM_CELL_CORES, "0.12345", "0.123" },
		{ PLM_CELL_PERCENT, "87.26", "87.3" },
		{ PLM_CELL_SHARE, "0.257", "25.7" },
		{ PLM_CELL_US, "1234567", "1.235" },
		{ PLM_CELL_COUNT, "0", "0" },
		{ PLM_CELL_COUNT, "0.5", "0.5" },
		{ PLM_CELL_BYTES, "1023", "1023 B" },
		{ PLM_CELL_BYTES, "1048575", "1.0 MiB" },
		{ PLM_CELL_BYTES, "67108864", "64.0 MiB" },
		{ PLM_CELL_TIME, "\"2026-03-01T13:00:00+01:00\"", "2026-03-01 12:00:00" },
		{ PLM_CELL_TIME, "\"soon\"", "soon" },
		{ PLM_CELL_BOOL, "true", "yes" },
		{ PLM_CELL_TEXT, "null", "-" },
		{ PLM_CELL_BYTES, "[]", "-" },
		{ PLM_CELL_TEXT, "\"a\\tb\"", "a b" },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		char text[64];
		cJSON *v = cJSON_Parse(cases[i].json);
		plm_cell_text(cases[i].kind, v, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
		cJSON_Delete(v);
	}
}

static void cell_at__paths__members_and_items(void **state)
{
	(void)state;
	cJSON *row = cJSON_Parse("{\"a\":{\"b\":[{\"c\":3},null]},\"0\":1}");
	assert_true(plm_cell_number(row, "a.b.0.c") == 3);
	assert_null(plm_cell_at(row, "a.b.1"));
	assert_null(plm_cell_at(row, "a.b.2.c"));
	assert_null(plm_cell_at(row, "a.x.y"));
	assert_true(plm_cell_number(row, "0") == 1);
	assert_true(isnan(plm_cell_number(row, "a")));
	assert_null(plm_cell_string(row, "0"));
	cJSON_Delete(row);
}

static void text_fit__widths__exact(void **state)
{
	static const struct {
		const char *text;
		int width;
		bool keeps_end;
		const char *expected;
	} cases[] = {
		{ "abc", 5, false, "abc  " },
		{ "abcdef", 4, false, "abcd" },
		{ "abcdef", 4, true, "~def" },
		{ "größer", 4, false, "größ" },
		{ "größer", 4, true, "~ßer" },
		{ "漢字", 3, false, "漢 " },
		{ "a\033b", 3, false, "a?b" },
		{ "a\xff"
		  "b",
		  3, false, "a?b" },
		{ "", 2, false, "  " },
		{ "abc", 0, true, "" },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		char text[32];
		plm_text_fit(cases[i].text, cases[i].width, cases[i].keeps_end, text, sizeof(text));
		assert_string_equal(text, cases[i].expected);
	}
	char tiny[3];
	plm_text_fit("größer", 6, false, tiny, sizeof(tiny));
	assert_string_equal(tiny, "gr");
	assert_int_equal(plm_text_width("漢字a"), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table__rows__aligned_by_columns_of_the_terminal),
		cmocka_unit_test(csv__rows__rfc_4180),
		cmocka_unit_test(jsonl__rows__one_line_each_with_version),
		cmocka_unit_test(table__many_rows__kept),
		cmocka_unit_test(cell_text__kinds__as_people_read_them),
		cmocka_unit_test(cell_at__paths__members_and_items),
		cmocka_unit_test(text_fit__widths__exact),
	};
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return PLM_RUN_TESTS(tests);
}
