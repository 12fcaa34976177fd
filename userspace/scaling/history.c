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

static const char *const seed_names[] = { "start", "gap", "changed", NULL };
_Static_assert(sizeof(seed_names) / sizeof(seed_names[0]) == _PLM_SEED_MAX + 1, "a name for each reason");

void plm_history_init(struct plm_history *h)
{
	*h = (struct plm_history){ .desired = -1 };
}

/* --- windows --- */

/* An entry stands for the time since the one before it. Two neighbours become one: the more extreme count, at the later time. It
 * holds a decision back a little longer than it would have, never shorter; taking the pair that stands for the shortest time keeps
 * that below window / 16. */
static void merge_shortest(struct plm_extremes *e)
{
	size_t best = 1;
	for (size_t i = 2; i + 1 < e->n; i++)
		if (e->points[i + 1].wall - e->points[i - 1].wall < e->points[best + 1].wall - e->points[best - 1].wall)
			best = i;
	e->points[best].wall = e->points[best + 1].wall;
	memmove(e->points + best + 1, e->points + best + 2, (e->n - best - 2) * sizeof(e->points[0]));
	e->n--;
}

static void drop_before(struct plm_extremes *e, plm_ns wall)
{
	size_t expired = 0;
	while (expired < e->n && e->points[expired].wall < wall)
		expired++;
	e->n -= expired;
	memmove(e->points, e->points + expired, e->n * sizeof(e->points[0]));
}

/* Drops what the new point outdoes, then appends it. */
static void extremes_add(struct plm_extremes *e, struct plm_point p, bool is_max)
{
	while (e->n && (is_max ? e->points[e->n - 1].count <= p.count : e->points[e->n - 1].count >= p.count))
		e->n--;
	if (e->n == PLM_EXTREMES_MAX)
		merge_shortest(e);
	e->points[e->n++] = p;
}

static struct plm_point extreme(const struct plm_extremes *e, plm_ns wall, int window_s)
{
	plm_ns from = wall - (plm_ns)window_s * PLM_NS_PER_S;
	for (size_t i = 0; i + 1 < e->n; i++)
		if (e->points[i].wall > from)
			return e->points[i];
	return e->n ? e->points[e->n - 1] : (struct plm_point){ .wall = wall, .count = 0 };
}

static void begin_anew(struct plm_history *h, plm_ns wall, int desired, enum plm_seed why)
{
	h->maxima.points[0] = h->minima.points[0] = (struct plm_point){ .wall = wall, .count = desired };
	h->maxima.n = h->minima.n = 1;
	h->seed_wall = wall;
	h->seed = why;
}

static bool is_gap(const struct plm_history *h, plm_ns step)
{
	plm_ns limit = 3 * h->step_ns;
	if (limit < PLM_HISTORY_GAP_MIN_NS)
		limit = PLM_HISTORY_GAP_MIN_NS;
	return step > (limit < PLM_HISTORY_GAP_MAX_NS ? limit : PLM_HISTORY_GAP_MAX_NS);
}

void plm_history_add(struct plm_history *h, plm_ns wall, int desired, int recommendation, int keep_s)
{
	struct plm_point p = { .wall = wall, .count = recommendation };
	plm_ns step = wall - h->last_wall;
	if (!h->last_wall || step < 0)
		begin_anew(h, wall, desired, PLM_SEED_START);
	else if (h->desired != desired)
		begin_anew(h, wall, desired, PLM_SEED_CHANGED);
	else if (is_gap(h, step))
		begin_anew(h, wall, desired, h->is_warm ? PLM_SEED_GAP : PLM_SEED_START);
	h->step_ns = h->last_wall && step > 0 ? step : 0;
	drop_before(&h->maxima, wall - (plm_ns)keep_s * PLM_NS_PER_S);
	drop_before(&h->minima, wall - (plm_ns)keep_s * PLM_NS_PER_S);
	extremes_add(&h->maxima, p, true);
	extremes_add(&h->minima, p, false);
	h->last_wall = wall;
	h->desired = desired;
	h->is_warm = true;
}

struct plm_point plm_history_max(const struct plm_history *h, plm_ns wall, int window_s)
{
	return extreme(&h->maxima, wall, window_s);
}

struct plm_point plm_history_min(const struct plm_history *h, plm_ns wall, int window_s)
{
	return extreme(&h->minima, wall, window_s);
}

/* --- the clock --- */

static void shift(struct plm_point *points, size_t n, plm_ns by)
{
	for (size_t i = 0; i < n; i++)
		points[i].wall = points[i].wall + by > 0 ? points[i].wall + by : 1;
}

static void shift_all(struct plm_history *h, plm_ns by)
{
	struct plm_point ends[2] = { { .wall = h->last_wall }, { .wall = h->seed_wall } };
	shift(h->maxima.points, h->maxima.n, by);
	shift(h->minima.points, h->minima.n, by);
	shift(h->changes, h->n_changes, by);
	shift(h->ready, h->n_ready, by);
	shift(ends, 2, by);
	h->last_wall = h->last_wall ? ends[0].wall : 0;
	h->seed_wall = h->seed_wall ? ends[1].wall : 0;
}

void plm_history_clock(struct plm_history *h, struct plm_now now)
{
	if (h->seen.mono && now.mono >= h->seen.mono) {
		plm_ns jump = (now.wall - h->seen.wall) - (now.mono - h->seen.mono);
		if (jump > PLM_CLOCK_JUMP_NS || jump < -PLM_CLOCK_JUMP_NS)
			shift_all(h, jump);
	}
	plm_ns newest = h->last_wall;
	if (h->n_changes && h->changes[h->n_changes - 1].wall > newest)
		newest = h->changes[h->n_changes - 1].wall;
	if (h->n_ready && h->ready[h->n_ready - 1].wall > newest)
		newest = h->ready[h->n_ready - 1].wall;
	if (newest > now.wall) {
		shift_all(h, now.wall - newest);
		h->last_wall = 0;
	}
	h->seen = now;
}

/* --- ready tasks --- */

void plm_history_ready(struct plm_history *h, plm_ns wall, int ready)
{
	struct plm_point *last = h->n_ready ? &h->ready[h->n_ready - 1] : NULL;
	if (last && (last->count == ready || wall <= last->wall)) {
		last->count = ready;
		last->wall = wall > last->wall ? wall : last->wall;
		return;
	}
	if (h->n_ready == PLM_RUNS_MAX)
		memmove(h->ready, h->ready + 1, --h->n_ready * sizeof(h->ready[0]));
	h->ready[h->n_ready++] = (struct plm_point){ .wall = wall, .count = ready };
}

double plm_history_ready_mean(const struct plm_history *h, plm_ns wall, double window_s)
{
	plm_ns from = wall - (plm_ns)(window_s * (double)PLM_NS_PER_S), end = wall;
	double sum = 0;
	if (!h->n_ready)
		return 0;
	if (from >= wall)
		return h->ready[h->n_ready - 1].count;
	for (size_t i = h->n_ready; i-- > 0 && end > from;) {
		plm_ns start = i && h->ready[i - 1].wall > from ? h->ready[i - 1].wall : from;
		sum += h->ready[i].count * (double)(end - start);
		end = start;
	}
	return sum / (double)(wall - from);
}

/* --- changes made --- */

/* Two oldest changes of one direction become one, at the later time: limits get no looser. */
static void merge_changes(struct plm_history *h)
{
	bool is_out = h->changes[0].count > 0;
	size_t first = 0, second = 1;
	while (second < h->n_changes && (h->changes[second].count > 0) != is_out)
		second++;
	if (second == h->n_changes) { /* all others go the other way */
		first = 1;
		second = 2;
	}
	h->changes[second].count += h->changes[first].count;
	memmove(h->changes + first, h->changes + first + 1, (--h->n_changes - first) * sizeof(h->changes[0]));
}

void plm_history_changed(struct plm_history *h, plm_ns wall, int from, int to)
{
	if (h->n_changes == PLM_CHANGES_MAX)
		merge_changes(h);
	if (to != from)
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
	if (start < 0) /* somebody took away more than what was left of the start */
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

static void save_wall(struct plm_jw *w, const char *key, plm_ns wall)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "%lld", (long long)wall);
	plm_jw_str(w, key, text);
}

static void save_points(struct plm_jw *w, const char *key, const struct plm_point *points, size_t n)
{
	plm_jw_arr(w, key);
	for (size_t i = 0; i < n; i++) {
		plm_jw_arr(w, NULL);
		save_wall(w, NULL, points[i].wall);
		plm_jw_i64(w, NULL, points[i].count);
		plm_jw_end_arr(w);
	}
	plm_jw_end_arr(w);
}

int plm_history_save(const struct plm_history *h, struct plm_buf *out)
{
	struct plm_jw w;
	plm_jw_init(&w, out);
	plm_jw_obj(&w, NULL);
	plm_jw_i64(&w, "version", STATE_VERSION);
	save_wall(&w, "last_wall", h->last_wall);
	save_wall(&w, "step_ns", h->step_ns);
	save_wall(&w, "seed_wall", h->seed_wall);
	plm_jw_str(&w, "seed", seed_names[h->seed]);
	plm_jw_i64(&w, "desired", h->desired);
	save_points(&w, "maxima", h->maxima.points, h->maxima.n);
	save_points(&w, "minima", h->minima.points, h->minima.n);
	save_points(&w, "changes", h->changes, h->n_changes);
	save_points(&w, "ready", h->ready, h->n_ready);
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

static int load_points(const cJSON *doc, const struct plm_json_at *at, const char *key, struct plm_point *points,
		       size_t max, size_t *ret_n, struct plm_err *err)
{
	const cJSON *list, *item;
	int r = plm_json_arr(doc, at, key, true, &list, err);
	if (r < 0)
		return r;
	size_t n = 0;
	plm_ns before = 0;
	cJSON_ArrayForEach(item, list)
	{
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

static bool is_ordered(const struct plm_extremes *e, bool is_max)
{
	for (size_t i = 1; i < e->n; i++)
		if (is_max ? e->points[i].count >= e->points[i - 1].count
			   : e->points[i].count <= e->points[i - 1].count)
			return false;
	return true;
}

static int load_time(const cJSON *doc, const struct plm_json_at *at, const char *key, plm_ns *ret, struct plm_err *err)
{
	const char *text;
	int r = plm_json_str(doc, at, key, true, 1, 20, &text, err);
	if (r == 1 && load_wall(text, ret) != 0)
		return plm_json_err(err, at, key, "is not a time");
	return r;
}

static int load_doc(const cJSON *doc, struct plm_history *h, struct plm_err *err)
{
	struct plm_json_at at = plm_json_root("saved scaling state");
	int64_t version, desired;
	int seed = 0, r = plm_json_int(doc, &at, "version", true, STATE_VERSION, STATE_VERSION, &version, err);
	if (r == 1)
		r = load_time(doc, &at, "last_wall", &h->last_wall, err);
	if (r == 1)
		r = load_time(doc, &at, "step_ns", &h->step_ns, err);
	if (r == 1)
		r = load_time(doc, &at, "seed_wall", &h->seed_wall, err);
	if (r == 1)
		r = plm_json_enum(doc, &at, "seed", true, seed_names, &seed, err);
	if (r == 1)
		r = plm_json_int(doc, &at, "desired", true, -1, COUNT_MAX, &desired, err);
	if (r == 1)
		r = load_points(doc, &at, "maxima", h->maxima.points, PLM_EXTREMES_MAX, &h->maxima.n, err);
	if (r == 0)
		r = load_points(doc, &at, "minima", h->minima.points, PLM_EXTREMES_MAX, &h->minima.n, err);
	if (r == 0)
		r = load_points(doc, &at, "changes", h->changes, PLM_CHANGES_MAX, &h->n_changes, err);
	if (r == 0)
		r = load_points(doc, &at, "ready", h->ready, PLM_RUNS_MAX, &h->n_ready, err);
	if (r < 0)
		return r;
	h->seed = (enum plm_seed)seed;
	h->desired = (int)desired;
	return is_ordered(&h->maxima, true) && is_ordered(&h->minima, false)
		       ? 0
		       : plm_json_err(err, &at, NULL, "maxima do not fall or minima do not rise");
}

int plm_history_load(const char *json, struct plm_history *ret, struct plm_err *err)
{
	cJSON *doc;
	struct plm_history *h = malloc(sizeof(*h));
	int r = h ? plm_json_parse(json, strlen(json), 0, "saved scaling state", &doc, err)
		  : plm_err_set(err, ENOMEM, NULL, "out of memory");
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
