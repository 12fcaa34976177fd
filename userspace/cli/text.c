/* SPDX-License-Identifier: Apache-2.0
 * Values as people read them: bytes, times, and text measured in terminal columns. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#include "base/num.h"
#include "cli/table.h"

void plm_bytes_text(double bytes, char *text, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t u = 0;
	if (bytes < 1024) {
		(void)snprintf(text, size, "%.0f B", bytes);
		return;
	}
	/* 1023.96 KiB would print as 1024.0 KiB */
	while (bytes >= 1023.95 && u + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		u++;
	}
	(void)snprintf(text, size, "%.1f %s", bytes, units[u]);
}

void plm_local_time(plm_ns wall, char *text, size_t size)
{
	time_t seconds = (time_t)(wall / PLM_NS_PER_S);
	struct tm tm;
	if (!localtime_r(&seconds, &tm) || strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)plm_strcpy(text, size, "-");
}

/* The next character: its bytes and its columns. Bytes that are no text count as one '?' each. */
static size_t next_char(const char *text, mbstate_t *state, int *ret_width, bool *ret_is_shown)
{
	wchar_t wide;
	size_t len = mbrtowc(&wide, text, strlen(text), state);
	if (len == 0 || len == (size_t)-1 || len == (size_t)-2) {
		memset(state, 0, sizeof(*state));
		*ret_width = 1;
		*ret_is_shown = false;
		return 1;
	}
	int width = wcwidth(wide);
	*ret_is_shown = width >= 0 && iswprint((wint_t)wide);
	*ret_width = *ret_is_shown ? width : 1;
	return len;
}

int plm_text_width(const char *text)
{
	mbstate_t state = { 0 };
	int total = 0, width;
	bool is_shown;
	while (*text) {
		text += next_char(text, &state, &width, &is_shown);
		total += width;
	}
	return total;
}

void plm_text_fit(const char *text, int width, bool keeps_end, char *ret, size_t size)
{
	mbstate_t state = { 0 };
	int have = plm_text_width(text), used = 0, w;
	size_t n = 0;
	bool is_shown;
	if (keeps_end && have > width && width > 0) { /* "~" stands for what is cut off */
		for (int skip = have - width + 1; *text && skip > 0; skip -= w)
			text += next_char(text, &state, &w, &is_shown);
		if (size > 1) {
			ret[n++] = '~';
			used = 1;
		}
	}
	while (*text) {
		size_t len = next_char(text, &state, &w, &is_shown);
		if (used + w > width || n + len + 1 > size)
			break;
		if (is_shown) {
			memcpy(ret + n, text, len);
			n += len;
		} else {
			ret[n++] = '?';
		}
		used += w;
		text += len;
	}
	while (used < width && n + 1 < size) {
		ret[n++] = ' ';
		used++;
	}
	if (size)
		ret[n] = '\0';
}
