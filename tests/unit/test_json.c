/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

static int parse(const char *text, unsigned flags, cJSON **ret, struct plm_err *err)
{
	return plm_json_parse(text, strlen(text), flags, "f.json", ret, err);
}

static void parse__broken_documents__error_with_line_and_column(void **state)
{
	static const struct {
		const char *text, *expect;
	} cases[] = {
		{ "{\"a\":1", "f.json: line 1, column 7: the document ends too early" },
		{ "", "the document ends too early" },
		{ "[1,", "the document ends too early" },
		{ "{\"a\":\"cut in a stri", "line 1, column 20: the document ends too early" },
		{ "{\"a\":\"cut after a backslash\\", "the document ends too early" },
		{ "{\"a\":1} x", "not valid JSON" },
		{ "{\n  \"a\" 1}", "line 2" },
		{ "nul", "not valid JSON" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", "member \"a\" stands twice" },
		{ "{\"x\":{\"a\":1,\"a\":2}}", "member \"a\" stands twice" },
		{ "/* never ends", "not valid JSON" },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		cJSON *doc = (cJSON *)0x1;
		struct plm_err err = PLM_ERR_INIT;
		assert_int_equal(parse(cases[i].text, 0, &doc, &err), -EINVAL);
		assert_ptr_equal(doc, (cJSON *)0x1); /* untouched */
		if (!strstr(plm_err_text(&err), cases[i].expect))
			fail_msg("%s -> %s", cases[i].text, plm_err_text(&err));
	}
}

static void parse__a_megabyte_of_brackets__refused_before_recursing(void **state)
{
	(void)state;
	size_t len = 1 << 20;
	PLM_FREE char *text = malloc(len);
	assert_non_null(text);
	memset(text, '[', len);
	cJSON *doc;
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(plm_json_parse(text, len, 0, "f.json", &doc, &err), -EINVAL);
	assert_string_equal(plm_err_text(&err), "f.json: line 1, column 33: nested deeper than 32 levels");
}

static void parse__nul_byte_inside__refused(void **state)
{
	(void)state;
	cJSON *doc;
	assert_int_equal(plm_json_parse("{\"a\":1}\0{}", 10, 0, "f", &doc, NULL), -EINVAL);
}

static void parse__comments__only_with_the_flag_and_not_in_strings(void **state)
{
	(void)state;
	const char *text = "{ // one\n \"a\": \"//no /*no*/\", /* two\n lines */ \"b\": [1] }";
	cJSON *doc = NULL;
	assert_int_equal(parse(text, 0, &doc, NULL), -EINVAL);
	assert_int_equal(parse(text, PLM_JSON_COMMENTS, &doc, NULL), 0);
	assert_string_equal(cJSON_GetObjectItem(doc, "a")->valuestring, "//no /*no*/");
	cJSON_Delete(doc);
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(parse("{}\n/* x", PLM_JSON_COMMENTS, &doc, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "line 2, column 1: this comment does not end"));
}

static void getters__wrong_values__name_field_and_range(void **state)
{
	(void)state;
	cJSON *doc = NULL;
	assert_int_equal(parse("{\"p\":{\"n\":-3,\"s\":\"\",\"f\":1.5,\"b\":1,\"e\":\"q\",\"z\":null}}", 0, &doc, NULL),
			 0);
	struct plm_json_at root = plm_json_root("f.json"), at = plm_json_member(&root, "p");
	const cJSON *p = cJSON_GetObjectItem(doc, "p");
	struct plm_err err = PLM_ERR_INIT;
	static const char *const names[] = { "in", "out", NULL };
	int64_t i = 7;
	const char *s = "kept";
	bool b = true;
	int e = 5;
	assert_int_equal(plm_json_int(p, &at, "n", true, 0, 10, &i, &err), -EINVAL);
	assert_string_equal(plm_err_text(&err), "f.json: p.n: is -3; it must be from 0 to 10");
	assert_int_equal(i, 7);
	assert_int_equal(plm_json_int(p, &at, "f", true, 0, 10, &i, &err), -EINVAL);
	assert_string_equal(plm_err_text(&err), "f.json: p.f: is 1.5; it must be a whole number from 0 to 10");
	assert_int_equal(plm_json_str(p, &at, "s", true, 1, 20, &s, &err), -EINVAL);
	assert_string_equal(plm_err_text(&err), "f.json: p.s: has 0 characters; it must have 1 to 20");
	assert_int_equal(plm_json_str(p, &at, "n", true, 1, 20, &s, &err), -EINVAL);
	assert_string_equal(plm_err_text(&err), "f.json: p.n: is a number; it must be a string");
	assert_string_equal(s, "kept");
	assert_int_equal(plm_json_bool(p, &at, "b", true, &b, &err), -EINVAL);
	assert_int_equal(plm_json_enum(p, &at, "e", true, names, &e, &err), -EINVAL);
	assert_string_equal(plm_err_text(&err), "f.json: p.e: is \"q\"; it must be one of: in, out");
	assert_int_equal(plm_json_str(p, &at, "absent", true, 1, 20, &s, &err), -EINVAL);
	assert_string_equal(plm_err_text(&err), "f.json: p.absent: is required: a string");
	assert_int_equal(plm_json_str(p, &at, "z", false, 1, 20, &s, &err), 0); /* null is absent */
	cJSON_Delete(doc);
}

static void only__array_or_scalar__refused(void **state)
{
	static const char *const known[] = { "Min", NULL };
	static const char *const texts[] = { "[1, 2]", "7", "\"Min\"", "null" };
	struct plm_err err = PLM_ERR_INIT;
	struct plm_json_at at = plm_json_root("f.json");
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(texts); i++) {
		cJSON *doc = NULL;
		assert_int_equal(parse(texts[i], 0, &doc, &err), 0);
		assert_int_equal(plm_json_only(doc, &at, known, &err), -EINVAL);
		assert_non_null(strstr(plm_err_text(&err), "it must be an object"));
		cJSON_Delete(doc);
	}
}

static void only__misspelt_member__did_you_mean(void **state)
{
	(void)state;
	static const char *const known[] = { "TargetValue", "DisableScaleIn", NULL };
	cJSON *doc = NULL;
	assert_int_equal(parse("{\"TargetValeu\":1}", 0, &doc, NULL), 0);
	struct plm_json_at at = plm_json_root("f.json");
	struct plm_err err = PLM_ERR_INIT;
	assert_int_equal(plm_json_only(doc, &at, known, &err), -EINVAL);
	assert_string_equal(plm_err_text(&err),
			    "f.json: TargetValeu: is not a known member; did you mean \"TargetValue\"?");
	cJSON_Delete(doc);
}

static void writer__every_kind__reads_back(void **state)
{
	(void)state;
	struct plm_buf out = PLM_BUF_INIT(4096);
	struct plm_jw w;
	plm_jw_init(&w, &out);
	plm_jw_obj(&w, NULL);
	plm_jw_str(&w, "s", "a\"b\\c\n\x01\xff\xc3\xa9");
	plm_jw_u64(&w, "u", UINT64_MAX);
	plm_jw_i64(&w, "i", -5);
	plm_jw_num(&w, "d", 0.1);
	plm_jw_num(&w, "nan", NAN);
	plm_jw_bool(&w, "t", true);
	plm_jw_arr(&w, "a");
	plm_jw_i64(&w, NULL, 1);
	plm_jw_obj(&w, NULL);
	plm_jw_end_obj(&w);
	plm_jw_end_arr(&w);
	plm_jw_str(&w, "n", NULL);
	plm_jw_members(&w, "\"m\":1,\"o\":2");
	plm_jw_end_obj(&w);
	assert_string_equal(
		plm_buf_text(&out),
		"{\"s\":\"a\\\"b\\\\c\\n\\u0001\xef\xbf\xbd\xc3\xa9\",\"u\":18446744073709551615,\"i\":-5,\"d\":0.1,"
		"\"nan\":null,\"t\":true,\"a\":[1,{}],\"n\":null,\"m\":1,\"o\":2}");
	cJSON *doc = NULL;
	assert_int_equal(parse(plm_buf_text(&out), 0, &doc, NULL), 0);
	cJSON_Delete(doc);
	plm_buf_done(&out);
}

static void buffer__maximum_reached__sticky_failure_and_old_content(void **state)
{
	(void)state;
	struct plm_buf b = PLM_BUF_INIT(8);
	plm_buf_adds(&b, "12345");
	plm_buf_addf(&b, "%s", "6789");
	assert_true(b.failed);
	plm_buf_adds(&b, "x");
	assert_string_equal(plm_buf_text(&b), "12345");
	plm_buf_reset(&b);
	plm_buf_adds(&b, "12345678");
	assert_false(b.failed);
	plm_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__broken_documents__error_with_line_and_column),
		cmocka_unit_test(parse__a_megabyte_of_brackets__refused_before_recursing),
		cmocka_unit_test(parse__nul_byte_inside__refused),
		cmocka_unit_test(parse__comments__only_with_the_flag_and_not_in_strings),
		cmocka_unit_test(getters__wrong_values__name_field_and_range),
		cmocka_unit_test(only__array_or_scalar__refused),
		cmocka_unit_test(only__misspelt_member__did_you_mean),
		cmocka_unit_test(writer__every_kind__reads_back),
		cmocka_unit_test(buffer__maximum_reached__sticky_failure_and_old_content),
	};
	return PLM_RUN_TESTS(tests);
}
