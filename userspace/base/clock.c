/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define YEAR_MAX 2261 /* nanoseconds since the epoch end in April 2262 */

static plm_ns read_clock(clockid_t id)
{
	struct timespec ts;
	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (plm_ns)ts.tv_sec * PLM_NS_PER_S + ts.tv_nsec;
}

struct plm_now plm_clock_now(void)
{
	return (struct plm_now){ .mono = read_clock(CLOCK_MONOTONIC), .wall = read_clock(CLOCK_REALTIME) };
}

plm_ns plm_clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

plm_ns plm_clock_self_cpu(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

const char *plm_time_format(plm_ns wall, char buf[PLM_RFC3339_LEN])
{
	time_t s = (time_t)(wall / PLM_NS_PER_S);
	long rest = (long)(wall % PLM_NS_PER_S);
	if (rest < 0) {
		rest += (long)PLM_NS_PER_S;
		s--;
	}
	struct tm tm;
	if (!gmtime_r(&s, &tm) || strftime(buf, PLM_RFC3339_LEN, "%Y-%m-%dT%H:%M:%S", &tm) != 19) {
		(void)snprintf(buf, PLM_RFC3339_LEN, "1970-01-01T00:00:00.000Z");
		return buf;
	}
	(void)snprintf(buf + 19, PLM_RFC3339_LEN - 19, ".%03ldZ", rest / 1000000);
	return buf;
}

/* Exactly `n` digits at *p; advances it. -1 when they are not there. */
static int digits(const char **p, int n)
{
	int v = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

/* "Z", "+hh:mm" or "-hh:mm" up to the end of the text. */
static int parse_offset(const char *p, int *ret_seconds)
{
	if ((*p == 'Z' || *p == 'z') && !p[1]) {
		*ret_seconds = 0;
		return 0;
	}
	if (*p != '+' && *p != '-')
		return -EINVAL;
	int sign = *p++ == '-' ? -1 : 1;
	int h = digits(&p, 2);
	if (h < 0 || h > 23 || *p++ != ':')
		return -EINVAL;
	int m = digits(&p, 2);
	if (m < 0 || m > 59 || *p)
		return -EINVAL;
	*ret_seconds = sign * (h * 3600 + m * 60);
	return 0;
}

static int parse_date_time(const char **p, struct tm *tm)
{
	int y = digits(p, 4);
	if (y < 1970 || y > YEAR_MAX || *(*p)++ != '-')
		return -EINVAL;
	int mo = digits(p, 2);
	if (mo < 1 || mo > 12 || *(*p)++ != '-')
		return -EINVAL;
	int d = digits(p, 2);
	if (d < 1 || d > days_in_month(y, mo) || (**p != 'T' && **p != 't' && **p != ' '))
		return -EINVAL;
	(*p)++;
	int h = digits(p, 2);
	if (h < 0 || h > 23 || *(*p)++ != ':')
		return -EINVAL;
	int mi = digits(p, 2);
	if (mi < 0 || mi > 59 || *(*p)++ != ':')
		return -EINVAL;
	int s = digits(p, 2);
	if (s < 0 || s > 60)
		return -EINVAL;
	*tm = (struct tm){
		.tm_year = y - 1900, .tm_mon = mo - 1, .tm_mday = d, .tm_hour = h, .tm_min = mi, .tm_sec = s
	};
	return 0;
}

int plm_time_parse(const char *text, plm_ns *ret_wall)
{
	if (!*text)
		return -EINVAL;
	if (strspn(text, "0123456789") == strlen(text)) {
		long long seconds = strlen(text) <= 10 ? strtoll(text, NULL, 10) : INT64_MAX;
		if (seconds > INT64_MAX / PLM_NS_PER_S)
			return -EINVAL;
		*ret_wall = seconds * PLM_NS_PER_S;
		return 0;
	}
	const char *p = text;
	struct tm tm;
	if (parse_date_time(&p, &tm) != 0)
		return -EINVAL;
	plm_ns frac = 0;
	if (*p == '.') {
		plm_ns unit = PLM_NS_PER_S / 10;
		if (!isdigit((unsigned char)p[1]))
			return -EINVAL;
		for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
			frac += (*p - '0') * unit;
	}
	int offset;
	if (parse_offset(p, &offset) != 0)
		return -EINVAL;
	*ret_wall = ((plm_ns)timegm(&tm) - offset) * PLM_NS_PER_S + frac;
	return 0;
}
