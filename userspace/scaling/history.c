/* SPDX-License-Identifier: Apache-2.0 */
#include "scaling/history.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define STATE_VERSION 1
#define COUNT_MAX 1000000

void plm_history_init(struct plm_history *h)
{
	memset(h, 0, sizeof(*h));
	h->desired = -1;
}

/* Drops what the new point outdoes, then appends it. A full queue keeps its front, which is what holds a decision back. */
static void extremes_add(struct plm_extremes *e, struct plm_point p, bool is_max)
{
	while (e->n && (is_max ? e->points[e->n - 1].count <= p.count : e->points[e->n - 1].count >= p.count))
		e->n--;
	if (e->n == PLM_EXTREMES_MAX)
		e->n--;
	e->points[e->n++] = p;
}

static struct plm_point extreme(const struct plm_extremes *e, plm_ns wall, int window_s)
{
	plm_ns from = wall - (plm_ns)window_s * PLM_NS_PER_S;
	for (size_t i = 0; i + 1 < e->n; i++)
		if (e->points[i].wall >= from)
			return e->points[i];
	return e->n ? e->points[e->n - 1] : (struct plm_point){ .wall = wall, .count = 0 };
}

static void reseed(struct plm_history *h, plm_ns wall, int desired)
{
	struct plm_point found = { .wall = wall, .count = desired };
	h->maxima.n = h->minima.n = 0;
	extremes_add(&h->maxima, found, true);
	extremes_add(&h->minima, found, false);
}

void plm_history_add(struct plm_history *h, plm_ns wall, int desired, int recommendation)
{
	struct plm_point p = { .wall = wall, .count = recommendation };
	bool is_gap = !h->last_wall || wall < h->last_wall || wall - h->last_wall > PLM_HISTORY_GAP_NS;
	if (is_gap || h->desired != desired)
		reseed(h, wall, desired);
	if (is_gap && wall < h->last_wall)
		h->n_changes = 0; /* they lie in the future now */
	extremes_add(&h->maxima, p, true);
	extremes_add(&h->minima, p, false);
	h->last_wall = wall;
	h->desired = desired;
}

struct plm_point plm_history_max(const struct plm_history *h, plm_ns wall, int window_s)
{
	return extreme(&h->maxima, wall, window_s);
}

struct plm_point plm_history_min(const struct plm_history *h, plm_ns wall, int window_s)
{
	return extreme(&h->minima, wall, window_s);
}

void plm_history_changed(struct plm_history *h, plm_ns wall, int from, int to)
{
	if (h->n_changes == PLM_CHANGES_MAX) { /* the two oldest become one, at the later time: limits get no looser */
		h->changes[1].count += h->changes[0].count;
		memmove(h->changes, h->changes + 1, --h->n_changes * sizeof(h->changes[0]));
	}
	h->changes[h->n_changes++] = (struct plm_point){ .wall = wall, .count = to - from };
	h->desired = to;
}

/* Sum of the changes of one sign within the period. */
static int changed_within(const struct plm_history *h, plm_ns wall, int period_s, bool is_out)
{
	int sum = 0;
	for (size_t i = 0; i < h->n_changes; i++) {
		const struct plm_point *c = &h->changes[i];
		if (wall - c->wall < (plm_ns)period_s * PLM_NS_PER_S && (c->count > 0) == is_out)
			sum += c->count;
	}
	return sum;
}

int plm_history_limit_out(const struct plm_history *h, plm_ns wall, int desired, const struct plm_direction *d)
{
	int start = desired - changed_within(h, wall, d->period_s, true);
	if (start < 0)
		start = 0;
	if (!d->max_tasks && !d->max_percent)
		return INT_MAX;
	long long by_tasks = d->max_tasks ? (long long)start + d->max_tasks : 0;
	long long by_percent = d->max_percent ? start + ((long long)start * d->max_percent + 99) / 100 : 0;
	long long limit = by_tasks > by_percent ? by_tasks : by_percent;
	return limit > INT_MAX ? INT_MAX : (int)limit;
}

int plm_history_limit_in(const struct plm_history *h, plm_ns wall, int desired, const struct plm_direction *d)
{
	int start = desired - changed_within(h, wall, d->period_s, false); /* minus a negative sum */
	if (!d->max_tasks && !d->max_percent)
		return 0;
	long long by_tasks = d->max_tasks ? d->max_tasks : 0;
	long long by_percent = d->max_percent ? (long long)start * d->max_percent / 100 : 0;
	long long limit = start - (by_tasks > by_percent ? by_tasks : by_percent);
	return limit < 0 ? 0 : (int)limit;
}

/* --- as JSON; 64-bit times as strings, because JSON numbers are doubles --- */

static void save_points(struct plm_jw *w, const char *key, const struct plm_point *points, size_t n)
{
	plm_jw_arr(w, key);
	for (size_t i = 0; i < n; i++) {
		char wall[24];
		(void)snprintf(wall, sizeof(wall), "%lld", (long long)points[i].wall);
		plm_jw_arr(w, NULL);
		plm_jw_str(w, NULL, wall);
		plm_jw_i64(w, NULL, points[i].count);
		plm_jw_end_arr(w);
	}
	plm_jw_end_arr(w);
}

int plm_history_save(const struct plm_history *h, struct plm_buf *out)
{
	struct plm_jw w;
	char wall[24];
	(void)snprintf(wall, sizeof(wall), "%lld", (long long)h->last_wall);
	plm_jw_init(&w, out);
	plm_jw_obj(&w, NULL);
	plm_jw_i64(&w, "version", STATE_VERSION);
	plm_jw_str(&w, "last_wall", wall);
	plm_jw_i64(&w, "desired", h->desired);
	save_points(&w, "maxima", h->maxima.points, h->maxima.n);
	save_points(&w, "minima", h->minima.points, h->minima.n);
	save_points(&w, "changes", h->changes, h->n_changes);
	plm_jw_end_obj(&w);
	return out->failed ? -ENOMEM : 0;
}

static int load_wall(const char *text, plm_ns *ret)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno || end == text || *end || v < 0)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int load_points(const cJSON *doc, const struct plm_json_at *at, const char *key, struct plm_point *points, size_t max,
		       size_t *ret_n, struct plm_err *err)
{
	const cJSON *list, *item;
	int r = plm_json_arr(doc, at, key, true, &list, err);
	if (r < 0)
		return r;
	size_t n = 0;
	plm_ns before = 0;
	cJSON_ArrayForEach(item, list) {
		const cJSON *wall = cJSON_GetArrayItem(item, 0), *count = cJSON_GetArrayItem(item, 1);
		if (n == max || !cJSON_IsString(wall) || !cJSON_IsNumber(count) ||
		    load_wall(wall->valuestring, &points[n].wall) != 0 || points[n].wall < before ||
		    !(count->valuedouble >= -COUNT_MAX && count->valuedouble <= COUNT_MAX))
			return plm_json_err(err, at, key, "entry %zu is not [\"time\", count] in order", n);
		points[n].count = (int)count->valuedouble;
		before = points[n++].wall;
	}
	*ret_n = n;
	return 0;
}

static int load_doc(const cJSON *doc, struct plm_history *h, struct plm_err *err)
{
	struct plm_json_at at = plm_json_root("saved scaling state");
	const char *wall;
	int64_t version, desired;
	int r = plm_json_int(doc, &at, "version", true, STATE_VERSION, STATE_VERSION, &version, err);
	if (r == 1)
		r = plm_json_str(doc, &at, "last_wall", true, 1, 20, &wall, err);
	if (r == 1 && load_wall(wall, &h->last_wall) != 0)
		r = plm_json_err(err, &at, "last_wall", "is not a time");
	if (r == 1)
		r = plm_json_int(doc, &at, "desired", true, -1, COUNT_MAX, &desired, err);
	if (r == 1)
		r = load_points(doc, &at, "maxima", h->maxima.points, PLM_EXTREMES_MAX, &h->maxima.n, err);
	if (r == 0)
		r = load_points(doc, &at, "minima", h->minima.points, PLM_EXTREMES_MAX, &h->minima.n, err);
	if (r == 0)
		r = load_points(doc, &at, "changes", h->changes, PLM_CHANGES_MAX, &h->n_changes, err);
	if (r < 0)
		return r;
	h->desired = (int)desired;
	return 0;
}

int plm_history_load(const char *json, struct plm_history *ret, struct plm_err *err)
{
	cJSON *doc;
	struct plm_history *h = malloc(sizeof(*h));
	int r = h ? plm_json_parse(json, strlen(json), 0, "saved scaling state", &doc, err) :
		    plm_err_set(err, ENOMEM, NULL, "out of memory");
	if (r == 0) {
		plm_history_init(h);
		r = load_doc(doc, h, err);
		cJSON_Delete(doc);
	}
	if (r == 0)
		*ret = *h;
	free(h);
	return r;
}
