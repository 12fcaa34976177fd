/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"

/* --- parsing --- */

static void line_and_column(const char *text, size_t at, unsigned *ret_line, unsigned *ret_column)
{
	*ret_line = *ret_column = 1;
	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			++*ret_line;
			*ret_column = 1;
		} else {
			++*ret_column;
		}
	}
}

static int parse_error(struct plm_err *err, const char *where, const char *text, size_t at, const char *what)
{
	unsigned line, column;
	line_and_column(text, at, &line, &column);
	return plm_err_set(err, EINVAL, where, "line %u, column %u: %s", line, column, what);
}

/* One pass before cJSON sees the text: blanks out comments, finds the depth, so that the parser behind it never
 * recurses deeper than PLM_JSON_MAX_DEPTH. Strings are skipped. *ret_open_string: where a string begins that
 * does not end, else the text's length. */
static int scan(char *text, size_t len, unsigned flags, const char *where, size_t *ret_open_string, struct plm_err *err)
{
	unsigned depth = 0;
	*ret_open_string = len;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '\0')
			return parse_error(err, where, text, i, "a NUL byte is not JSON");
		if (c == '"') {
			size_t start = i;
			for (i++; i < len && text[i] != '"'; i++)
				i += text[i] == '\\';
			if (i >= len)
				*ret_open_string = start;
		} else if (c == '[' || c == '{') {
			if (++depth > PLM_JSON_MAX_DEPTH)
				return parse_error(err, where, text, i, "nested deeper than 32 levels");
		} else if (c == ']' || c == '}') {
			depth -= depth > 0;
		} else if (c == '/' && (flags & PLM_JSON_COMMENTS) && i + 1 < len && text[i + 1] == '/') {
			while (i < len && text[i] != '\n')
				text[i++] = ' ';
		} else if (c == '/' && (flags & PLM_JSON_COMMENTS) && i + 1 < len && text[i + 1] == '*') {
			size_t start = i;
			while (i + 1 < len && !(i > start + 1 && text[i] == '*' && text[i + 1] == '/')) {
				if (text[i] != '\n')
					text[i] = ' ';
				i++;
			}
			if (i + 1 >= len)
				return parse_error(err, where, text, start, "this comment does not end");
			text[i] = text[i + 1] = ' ';
			i++;
		}
	}
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#define MAX_MEMBERS 4096

/* Depth is already bounded by scan(). */
static int check_duplicates(const cJSON *item, const char *where, struct plm_err *err)
{
	if (cJSON_IsObject(item)) {
		int n = cJSON_GetArraySize(item);
		if (n > MAX_MEMBERS)
			return plm_err_set(err, EINVAL, where, "an object has %d members; at most %d are allowed", n,
					   MAX_MEMBERS);
		if (n > 1) {
			const char **names = malloc((size_t)n * sizeof(*names));
			if (!names)
				return plm_err_set(err, ENOMEM, where, "out of memory");
			int i = 0;
			for (const cJSON *m = item->child; m; m = m->next)
				names[i++] = m->string;
			qsort(names, (size_t)n, sizeof(*names), compare_names);
			const char *twice = NULL;
			for (i = 1; i < n && !twice; i++)
				twice = strcmp(names[i - 1], names[i]) == 0 ? names[i] : NULL;
			free(names);
			if (twice)
				return plm_err_set(err, EINVAL, where, "member \"%.60s\" stands twice in one object",
						   twice);
		}
	}
	for (const cJSON *m = item->child; m; m = m->next) {
		int r = check_duplicates(m, where, err);
		if (r != 0)
			return r;
	}
	return 0;
}

int plm_json_parse(const char *text, size_t len, unsigned flags, const char *where, cJSON **ret, struct plm_err *err)
{
	if (len > PLM_JSON_MAX_BYTES)
		return plm_err_set(err, EFBIG, where, "%zu bytes; at most %u are allowed", len, PLM_JSON_MAX_BYTES);
	char *copy = malloc(len + 1);
	if (!copy)
		return plm_err_set(err, ENOMEM, where, "out of memory");
	memcpy(copy, text, len);
	copy[len] = '\0';
	size_t open_string;
	int r = scan(copy, len, flags, where, &open_string, err);
	if (r != 0) {
		free(copy);
		return r;
	}
	const char *end = NULL;
	cJSON *doc = cJSON_ParseWithLengthOpts(copy, len + 1, &end, 1);
	if (!doc) {
		size_t at = end && end >= copy ? (size_t)(end - copy) : 0;
		bool is_cut = at >= len || (open_string < len && at + 1 >= open_string) ||
			      strspn(copy + at, " \t\r\n") == len - at;
		r = parse_error(err, where, copy, is_cut ? len : at,
				is_cut ? "the document ends too early" : "this is not valid JSON");
		free(copy);
		return r;
	}
	free(copy);
	r = check_duplicates(doc, where, err);
	if (r != 0) {
		cJSON_Delete(doc);
		return r;
	}
	*ret = doc;
	return 0;
}

int plm_json_load(const char *path, unsigned flags, cJSON **ret, struct plm_err *err)
{
	struct plm_buf text = PLM_BUF_INIT(PLM_JSON_MAX_BYTES);
	int r = plm_file_read(AT_FDCWD, path, &text, err);
	if (r == 0)
		r = plm_json_parse(plm_buf_text(&text), text.len, flags, path, ret, err);
	plm_buf_done(&text);
	return r;
}

/* --- places and typed getters --- */

struct plm_json_at plm_json_root(const char *file)
{
	return (struct plm_json_at){ .file = file, .path = "" };
}

struct plm_json_at plm_json_member(const struct plm_json_at *at, const char *key)
{
	struct plm_json_at inner = { .file = at->file };
	(void)plm_strcpy(inner.path, sizeof(inner.path), at->path);
	size_t used = strlen(inner.path);
	(void)snprintf(inner.path + used, sizeof(inner.path) - used, "%s%s", used ? "." : "", key);
	return inner;
}

struct plm_json_at plm_json_item(const struct plm_json_at *at, int index)
{
	struct plm_json_at inner = *at;
	size_t used = strlen(inner.path);
	(void)snprintf(inner.path + used, sizeof(inner.path) - used, "[%d]", index);
	return inner;
}

int plm_json_err(struct plm_err *err, const struct plm_json_at *at, const char *key, const char *fmt, ...)
{
	struct plm_json_at place = key ? plm_json_member(at, key) : *at;
	char where[256], msg[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	(void)plm_strcpy(where, sizeof(where), place.file ? place.file : "");
	size_t used = strlen(where);
	if (place.path[0])
		(void)snprintf(where + used, sizeof(where) - used, "%s%s", used ? ": " : "", place.path);
	return plm_err_set(err, EINVAL, where, "%s", msg);
}

static const char *type_name(const cJSON *item)
{
	if (cJSON_IsString(item))
		return "a string";
	if (cJSON_IsNumber(item))
		return "a number";
	if (cJSON_IsBool(item))
		return "true or false";
	if (cJSON_IsArray(item))
		return "an array";
	if (cJSON_IsObject(item))
		return "an object";
	return "null";
}

/* 1 = *ret is the member, 0 = absent and allowed to be, negative on error. */
static int get(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required,
	       cJSON_bool (*is)(const cJSON *), const char *wanted, const cJSON **ret, struct plm_err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);
	if (!item || cJSON_IsNull(item)) {
		if (!required)
			return 0;
		(void)plm_json_err(err, at, key, "is required: %s", wanted);
		return -EINVAL;
	}
	if (!is(item)) {
		(void)plm_json_err(err, at, key, "is %s; it must be %s", type_name(item), wanted);
		return -EINVAL;
	}
	*ret = item;
	return 1;
}

int plm_json_str(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, size_t min_len,
		 size_t max_len, const char **ret, struct plm_err *err)
{
	const cJSON *item = NULL;
	int r = get(obj, at, key, required, cJSON_IsString, "a string", &item, err);
	if (r <= 0)
		return r;
	size_t len = strlen(item->valuestring);
	if (len < min_len || len > max_len) {
		(void)plm_json_err(err, at, key, "has %zu characters; it must have %zu to %zu", len, min_len, max_len);
		return -EINVAL;
	}
	*ret = item->valuestring;
	return 1;
}

int plm_json_num(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, double min, double max,
		 double *ret, struct plm_err *err)
{
	const cJSON *item = NULL;
	int r = get(obj, at, key, required, cJSON_IsNumber, "a number", &item, err);
	if (r <= 0)
		return r;
	double v = item->valuedouble;
	if (!isfinite(v) || v < min || v > max)
		return plm_json_err(err, at, key, "is %g; it must be from %g to %g", v, min, max);
	*ret = v;
	return 1;
}

int plm_json_int(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, int64_t min,
		 int64_t max, int64_t *ret, struct plm_err *err)
{
	const cJSON *item = NULL;
	int r = get(obj, at, key, required, cJSON_IsNumber, "a whole number", &item, err);
	if (r <= 0)
		return r;
	double v = item->valuedouble;
	if (!isfinite(v) || v != trunc(v))
		return plm_json_err(err, at, key, "is %g; it must be a whole number from %lld to %lld", v,
				    (long long)min, (long long)max);
	if (v < (double)min || v > (double)max)
		return plm_json_err(err, at, key, "is %.0f; it must be from %lld to %lld", v, (long long)min,
				    (long long)max);
	*ret = (int64_t)v;
	return 1;
}

int plm_json_bool(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, bool *ret,
		  struct plm_err *err)
{
	const cJSON *item = NULL;
	int r = get(obj, at, key, required, cJSON_IsBool, "true or false", &item, err);
	if (r > 0)
		*ret = cJSON_IsTrue(item);
	return r;
}

int plm_json_obj(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, const cJSON **ret,
		 struct plm_err *err)
{
	return get(obj, at, key, required, cJSON_IsObject, "an object", ret, err);
}

int plm_json_arr(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required, const cJSON **ret,
		 struct plm_err *err)
{
	return get(obj, at, key, required, cJSON_IsArray, "an array", ret, err);
}

int plm_json_enum(const cJSON *obj, const struct plm_json_at *at, const char *key, bool required,
		  const char *const *names, int *ret, struct plm_err *err)
{
	const char *text;
	int r = plm_json_str(obj, at, key, required, 1, 256, &text, err);
	if (r <= 0)
		return r;
	char list[300] = "";
	for (int i = 0; names[i]; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = i;
			return 1;
		}
		size_t used = strlen(list);
		(void)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
	}
	return plm_json_err(err, at, key, "is \"%.80s\"; it must be %s%s", text, names[1] ? "one of: " : "", list);
}

int plm_json_only(const cJSON *obj, const struct plm_json_at *at, const char *const *known, struct plm_err *err)
{
	if (!cJSON_IsObject(obj))
		return plm_json_err(err, at, NULL, "is %s; it must be an object", type_name(obj));
	for (const cJSON *m = obj->child; m; m = m->next) {
		const char *nearest = NULL;
		unsigned best = 64;
		bool is_known = false;
		for (size_t i = 0; known[i] && !is_known; i++) {
			unsigned d = plm_edit_distance(m->string, known[i]);
			is_known = strcmp(m->string, known[i]) == 0;
			if (d < best) {
				best = d;
				nearest = known[i];
			}
		}
		if (is_known)
			continue;
		char key[64];
		(void)plm_strcpy(key, sizeof(key), m->string);
		if (nearest && best <= 1 + strlen(nearest) / 4)
			return plm_json_err(err, at, key, "is not a known member; did you mean \"%s\"?", nearest);
		return plm_json_err(err, at, key, "is not a known member");
	}
	return 0;
}

/* --- writing --- */

void plm_jw_init(struct plm_jw *w, struct plm_buf *out)
{
	*w = (struct plm_jw){ .out = out };
}

/* Length of the well-formed UTF-8 sequence at s, 0 when it is not one (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_len(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if ((s[0] & 0xf0) == 0xe0) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
			return 0;
		if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
			return 0;
		return 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 || (s[3] & 0xc0) != 0x80)
			return 0;
		if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

static void add_string(struct plm_buf *b, const char *s)
{
	plm_buf_add(b, "\"", 1);
	const unsigned char *p = (const unsigned char *)s;
	while (*p) {
		size_t n = utf8_len(p);
		if (n == 0) {
			plm_buf_adds(b, "\xef\xbf\xbd"); /* U+FFFD for a byte that is not UTF-8 */
			p++;
		} else if (*p == '"' || *p == '\\') {
			plm_buf_addf(b, "\\%c", *p++);
		} else if (*p == '\n') {
			plm_buf_add(b, "\\n", 2);
			p++;
		} else if (*p < 0x20 || *p == 0x7f) {
			plm_buf_addf(b, "\\u%04x", *p++);
		} else {
			plm_buf_add(b, p, n);
			p += n;
		}
	}
	plm_buf_add(b, "\"", 1);
}

static void begin(struct plm_jw *w, const char *key)
{
	if (w->need_comma)
		plm_buf_add(w->out, ",", 1);
	w->need_comma = true;
	if (key) {
		add_string(w->out, key);
		plm_buf_add(w->out, ":", 1);
	}
}

static void open_level(struct plm_jw *w, const char *key, const char *bracket)
{
	begin(w, key);
	plm_buf_add(w->out, bracket, 1);
	w->depth++;
	w->need_comma = false;
}

static void close_level(struct plm_jw *w, const char *bracket)
{
	plm_buf_add(w->out, bracket, 1);
	w->depth--;
	w->need_comma = true;
}

void plm_jw_obj(struct plm_jw *w, const char *key)
{
	open_level(w, key, "{");
}

void plm_jw_arr(struct plm_jw *w, const char *key)
{
	open_level(w, key, "[");
}

void plm_jw_end_obj(struct plm_jw *w)
{
	close_level(w, "}");
}

void plm_jw_end_arr(struct plm_jw *w)
{
	close_level(w, "]");
}

void plm_jw_str(struct plm_jw *w, const char *key, const char *value)
{
	if (!value) {
		plm_jw_null(w, key);
		return;
	}
	begin(w, key);
	add_string(w->out, value);
}

void plm_jw_u64(struct plm_jw *w, const char *key, uint64_t value)
{
	begin(w, key);
	plm_buf_addf(w->out, "%llu", (unsigned long long)value);
}

void plm_jw_i64(struct plm_jw *w, const char *key, int64_t value)
{
	begin(w, key);
	plm_buf_addf(w->out, "%lld", (long long)value);
}

/* Shortest of 15 and 17 digits that reads back as the same number. */
void plm_jw_num(struct plm_jw *w, const char *key, double value)
{
	if (!isfinite(value)) {
		plm_jw_null(w, key);
		return;
	}
	begin(w, key);
	char text[40];
	(void)snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		(void)snprintf(text, sizeof(text), "%.17g", value);
	plm_buf_adds(w->out, text);
}

void plm_jw_bool(struct plm_jw *w, const char *key, bool value)
{
	begin(w, key);
	plm_buf_adds(w->out, value ? "true" : "false");
}

void plm_jw_null(struct plm_jw *w, const char *key)
{
	begin(w, key);
	plm_buf_adds(w->out, "null");
}

void plm_jw_raw(struct plm_jw *w, const char *key, const char *json)
{
	begin(w, key);
	plm_buf_adds(w->out, json);
}

void plm_jw_members(struct plm_jw *w, const char *members)
{
	begin(w, NULL);
	plm_buf_adds(w->out, members);
}
