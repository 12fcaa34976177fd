/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"

#define LINE_MAX_BYTES 4096
#define LIMIT_KEYS 64 /* keys remembered for plm_log_limited; the oldest is forgotten */
#define LIMIT_NS (30 * PLM_NS_PER_S)

static const char *const level_names[] = { "debug", "info", "warn", "error", NULL };
static const char *const format_names[] = { "logfmt", "json", NULL };
static const int level_priority[] = { 7, 6, 4, 3 }; /* syslog's numbers, as the journal reads them */

static enum plm_log_level min_level = PLM_LOG_INFO;
static enum plm_log_format format = PLM_LOG_LOGFMT;
static bool to_journal;

static struct limit {
	char key[64];
	plm_ns last;
	unsigned suppressed;
} limits[LIMIT_KEYS];

/* JOURNAL_STREAM holds "device:inode" of the journal's socket when systemd connected stderr to it. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;
	return stream && sscanf(stream, "%ju:%ju", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

void plm_log_setup(enum plm_log_level level, enum plm_log_format fmt)
{
	min_level = level;
	format = fmt;
	to_journal = stderr_is_journal();
}

static int parse_name(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	return -EINVAL;
}

int plm_log_level_parse(const char *text, enum plm_log_level *ret)
{
	int i = parse_name(text, level_names);
	if (i < 0)
		return i;
	*ret = (enum plm_log_level)i;
	return 0;
}

int plm_log_format_parse(const char *text, enum plm_log_format *ret)
{
	int i = parse_name(text, format_names);
	if (i < 0)
		return i;
	*ret = (enum plm_log_format)i;
	return 0;
}

static void add_quoted(struct plm_buf *b, const char *text)
{
	struct plm_jw w;
	plm_jw_init(&w, b);
	plm_jw_str(&w, NULL, text);
}

static void write_line(enum plm_log_level level, const char *area, const char *msg)
{
	struct plm_buf line = PLM_BUF_INIT(LINE_MAX_BYTES * 8);
	char when[PLM_RFC3339_LEN];
	plm_time_format(plm_clock_now().wall, when);
	if (to_journal)
		plm_buf_addf(&line, "<%d>", level_priority[level]);
	if (format == PLM_LOG_JSON) {
		plm_buf_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%s\",\"msg\":", when,
			     level_names[level], area);
		add_quoted(&line, msg);
		plm_buf_adds(&line, "}\n");
	} else {
		if (!to_journal)
			plm_buf_addf(&line, "time=%s ", when);
		plm_buf_addf(&line, "level=%s area=%s msg=", level_names[level], area);
		add_quoted(&line, msg);
		plm_buf_adds(&line, "\n");
	}
	if (!line.failed)
		(void)!write(STDERR_FILENO, line.data, line.len);
	plm_buf_done(&line);
}

void plm_log(enum plm_log_level level, const char *area, const char *fmt, ...)
{
	if (level < min_level)
		return;
	char msg[LINE_MAX_BYTES];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	write_line(level, area, msg);
}

static struct limit *find_limit(const char *key)
{
	struct limit *oldest = &limits[0];
	for (size_t i = 0; i < LIMIT_KEYS; i++) {
		if (strncmp(limits[i].key, key, sizeof(limits[i].key) - 1) == 0)
			return &limits[i];
		if (limits[i].last < oldest->last)
			oldest = &limits[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	(void)plm_strcpy(oldest->key, sizeof(oldest->key), key);
	return oldest;
}

void plm_log_limited(enum plm_log_level level, const char *area, const char *key, const char *fmt, ...)
{
	if (level < min_level)
		return;
	plm_ns now = plm_clock_mono();
	struct limit *limit = find_limit(key);
	if (limit->last && now - limit->last < LIMIT_NS) {
		limit->suppressed++;
		return;
	}
	char msg[LINE_MAX_BYTES];
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (limit->suppressed && len >= 0 && (size_t)len < sizeof(msg))
		(void)snprintf(msg + len, sizeof(msg) - (size_t)len, " (%u more like this)", limit->suppressed);
	limit->last = now;
	limit->suppressed = 0;
	write_line(level, area, msg);
}
