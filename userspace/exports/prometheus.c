/* SPDX-License-Identifier: Apache-2.0 */
#include "exports/exports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exports/prom_text.h"

/* --- the exposition --- */

int plm_prom_render(const struct plm_view *view, enum plm_prom_format format, struct plm_buf *out)
{
	struct plm_rows rows;
	int r = plm_rows_init(&rows, view);
	enum plm_scope scope = _PLM_SCOPE_MAX;
	for (size_t t = 0; r == 0 && plm_family_tables[t]; t++) {
		for (const struct plm_family *f = plm_family_tables[t]; r == 0 && f->name; f++) {
			if (f->scope != scope)
				r = plm_rows_fill(&rows, f->scope);
			scope = f->scope;
			if (r == 0)
				plm_prom_family(out, format, f, &rows);
		}
	}
	if (format == PLM_PROM_OPENMETRICS)
		plm_buf_adds(out, "# EOF\n");
	plm_rows_done(&rows);
	if (r == 0 && out->failed)
		r = out->cap >= out->max / 2 ? -EMSGSIZE : -ENOMEM;
	return r;
}

const char *plm_prom_content_type(enum plm_prom_format format)
{
	return format == PLM_PROM_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
					      : "text/plain; version=0.0.4; charset=utf-8";
}

/* --- negotiation (RFC 9110, Accept) --- */

/* A stretch of the header's text. */
struct span {
	const char *at;
	size_t len;
};

static struct span trim(struct span s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t'))
		s.at++, s.len--;
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Cuts what comes before `mark` (outside quotes) off the front of *rest. false at the end. */
static bool next_part(struct span *rest, char mark, struct span *ret)
{
	if (!rest->at)
		return false;
	bool is_quoted = false;
	size_t n = 0;
	for (; n < rest->len && (is_quoted || rest->at[n] != mark); n++)
		is_quoted ^= rest->at[n] == '"';
	*ret = trim((struct span){ rest->at, n });
	*rest = n < rest->len ? (struct span){ rest->at + n + 1, rest->len - n - 1 } : (struct span){ NULL, 0 };
	return true;
}

static bool is_word(struct span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

/* "0.75" → 750; what is no qvalue counts as 0: we cannot tell that it is wanted. */
static int parse_q(struct span s)
{
	if (!s.len || s.len > 5 || (s.at[0] != '0' && s.at[0] != '1') || (s.len > 1 && s.at[1] != '.'))
		return 0;
	int q = (s.at[0] - '0') * 1000, unit = 100;
	for (size_t i = 2; i < s.len; i++, unit /= 10) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return 0;
		q += (s.at[i] - '0') * unit;
	}
	return q > 1000 ? 0 : q;
}

struct media_range {
	struct span type, version;
	int q; /* thousandths */
};

static struct media_range parse_range(struct span text)
{
	struct media_range m = { .q = 1000 };
	struct span param;
	(void)next_part(&text, ';', &m.type);
	while (next_part(&text, ';', &param)) {
		struct span name, value = { NULL, 0 };
		(void)next_part(&param, '=', &name);
		value = trim(param);
		if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
			value = (struct span){ value.at + 1, value.len - 2 };
		if (is_word(name, "q"))
			m.q = parse_q(value);
		else if (is_word(name, "version"))
			m.version = value;
	}
	return m;
}

/* OpenMetrics only for who names it in a version we speak; ties go to it. Wildcards mean the older format: a client
 * that takes anything is seldom one that knows OpenMetrics. */
enum plm_prom_format plm_prom_negotiate(const char *accept)
{
	if (!accept)
		return PLM_PROM_TEXT;
	int openmetrics = 0, text = -1, wildcard = 0;
	struct span rest = { accept, strlen(accept) }, part;
	while (next_part(&rest, ',', &part)) {
		struct media_range m = parse_range(part);
		bool is_ours = !m.version.len || is_word(m.version, "1.0.0");
		if (is_word(m.type, "application/openmetrics-text") && is_ours && m.q > openmetrics)
			openmetrics = m.q;
		else if (is_word(m.type, "text/plain") && m.q > text)
			text = m.q;
		else if ((is_word(m.type, "*/*") || is_word(m.type, "text/*")) && m.q > wildcard)
			wildcard = m.q;
	}
	return openmetrics > 0 && openmetrics >= (text >= 0 ? text : wildcard) ? PLM_PROM_OPENMETRICS : PLM_PROM_TEXT;
}
