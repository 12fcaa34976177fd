/* SPDX-License-Identifier: Apache-2.0
 *
 * 1,000 tasks are about 40,000 lines and 6 MB, so a line is put together by hand in room that is asked for once:
 * name, labels kept ready, number. Printing each number with printf would take three times as long.
 */
#include "exports/prom_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const type_names[][2] = {
	/* by format: PLM_PROM_TEXT, PLM_PROM_OPENMETRICS */
	[PLM_FAMILY_COUNTER] = { "counter", "counter" },
	[PLM_FAMILY_GAUGE] = { "gauge", "gauge" },
	[PLM_FAMILY_INFO] = { "gauge", "info" },
	[PLM_FAMILY_HISTOGRAM] = { "histogram", "histogram" },
};
_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == _PLM_FAMILY_TYPE_MAX, "a name for each type");

/* --- numbers --- */

char *plm_prom_write_u64(char *at, uint64_t v)
{
	char text[20];
	size_t n = 0;
	do {
		text[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		*at++ = text[--n];
	return at;
}

/* Up to nine decimals without trailing zeros: ".5" of 500,000,000; nothing of 0. */
static char *write_fraction(char *at, uint32_t billionths)
{
	if (!billionths)
		return at;
	*at = '.';
	for (int i = 9; i > 0; i--) {
		at[i] = (char)('0' + billionths % 10);
		billionths /= 10;
	}
	int n = 9;
	while (at[n] == '0')
		n--;
	return at + n + 1;
}

static char *write_nano(char *at, uint64_t nano)
{
	at = plm_prom_write_u64(at, nano / 1000000000);
	return write_fraction(at, (uint32_t)(nano % 1000000000));
}

char *plm_prom_write_seconds(char *at, plm_ns ns)
{
	if (ns < 0)
		*at++ = '-';
	return write_nano(at, ns < 0 ? -(uint64_t)ns : (uint64_t)ns);
}

char *plm_prom_write_double(char *at, double v)
{
	if (isnan(v) || isinf(v)) {
		const char *text = isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
		size_t n = strlen(text);
		memcpy(at, text, n);
		return at + n;
	}
	double size = fabs(v);
	/* Between these bounds nine decimals are finer than what any measurement here tells. */
	if (size < 1e9 && (size >= 1e-3 || size == 0)) {
		uint64_t nano = (uint64_t)(size * 1e9 + 0.5);
		if (v < 0)
			*at++ = '-';
		return write_nano(at, nano);
	}
	char text[PLM_PROM_NUMBER_MAX];
	int n = snprintf(text, sizeof(text), "%.15g", v);
	memcpy(at, text, (size_t)n);
	return at + n;
}

static char *write_value(char *at, const struct plm_value *v)
{
	switch (v->kind) {
	case PLM_VALUE_U64:
		return plm_prom_write_u64(at, v->u64);
	case PLM_VALUE_NS:
		return plm_prom_write_seconds(at, v->ns);
	case PLM_VALUE_NUM:
		return plm_prom_write_double(at, v->num);
	case PLM_VALUE_NONE:
		break;
	}
	return at;
}

/* --- families --- */

/* What samples have after the family's name. */
static const char *sample_suffix(enum plm_family_type type)
{
	return type == PLM_FAMILY_COUNTER ? "_total" : type == PLM_FAMILY_INFO ? "_info" : "";
}

/* OpenMetrics names the family in its head and wants TYPE, UNIT, HELP; the older format names the samples, HELP first.
 */
static void add_head(struct plm_buf *out, enum plm_prom_format format, const struct plm_family *f)
{
	const char *type = type_names[f->type][format];
	if (format == PLM_PROM_OPENMETRICS) {
		plm_buf_addf(out, "# TYPE %s %s\n", f->name, type);
		if (*f->unit)
			plm_buf_addf(out, "# UNIT %s %s\n", f->name, f->unit);
		plm_buf_addf(out, "# HELP %s %s\n", f->name, f->help);
		return;
	}
	const char *suffix = sample_suffix(f->type);
	plm_buf_addf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", f->name, suffix, f->help, f->name, suffix, type);
}

static char *append(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

struct sample_name {
	char text[128];
	size_t len;
	const char *fixed; /* label text or "" */
	size_t fixed_len;
};

static void add_line(struct plm_buf *out, const struct sample_name *name, const char *labels, size_t labels_len,
		     const struct plm_value *value)
{
	size_t most = name->len + name->fixed_len + labels_len + PLM_PROM_NUMBER_MAX + sizeof("{,} \n");
	char *room = plm_buf_room(out, most), *at = room;
	if (!room)
		return;
	at = append(at, name->text, name->len);
	if (labels_len || name->fixed_len) {
		*at++ = '{';
		at = append(at, labels, labels_len);
		if (labels_len && name->fixed_len)
			*at++ = ',';
		at = append(at, name->fixed, name->fixed_len);
		*at++ = '}';
	}
	*at++ = ' ';
	at = write_value(at, value);
	*at++ = '\n';
	plm_buf_grown(out, (size_t)(at - room));
}

static void add_histogram(struct plm_buf *out, const struct plm_family *f, const struct plm_histogram *h)
{
	uint64_t count = 0;
	char number[PLM_PROM_NUMBER_MAX];
	for (size_t i = 0; i <= h->n; i++) {
		count += h->counts[i];
		char *end = plm_prom_write_double(number, i < h->n ? h->bounds[i] : INFINITY);
		plm_buf_addf(out, "%s_bucket{le=\"%.*s\"} %llu\n", f->name, (int)(end - number), number,
			     (unsigned long long)count);
	}
	char *end = plm_prom_write_double(number, h->sum);
	plm_buf_addf(out, "%s_sum %.*s\n%s_count %llu\n", f->name, (int)(end - number), number, f->name,
		     (unsigned long long)count);
}

void plm_prom_family(struct plm_buf *out, enum plm_prom_format format, const struct plm_family *f,
		     const struct plm_rows *rows)
{
	struct plm_histogram histogram;
	if (f->type == PLM_FAMILY_HISTOGRAM) {
		if (f->histogram(rows->view, &histogram)) {
			add_head(out, format, f);
			add_histogram(out, f, &histogram);
		}
		return;
	}
	struct sample_name name = { .fixed = f->fixed ? f->fixed : "" };
	name.fixed_len = strlen(name.fixed);
	name.len = (size_t)snprintf(name.text, sizeof(name.text), "%s%s", f->name, sample_suffix(f->type));
	const char *labels = plm_buf_text(&rows->labels);
	bool has_head = false;
	for (size_t i = 0; i < rows->n_rows; i++) {
		const struct plm_row *row = &rows->rows[i];
		struct plm_value value = f->value(row);
		if (value.kind == PLM_VALUE_NONE || (value.kind == PLM_VALUE_NUM && isnan(value.num)))
			continue;
		if (!has_head)
			add_head(out, format, f);
		has_head = true;
		add_line(out, &name, labels + row->label_at, row->label_len, &value);
	}
}
