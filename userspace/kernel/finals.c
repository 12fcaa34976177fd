/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/finals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"

#define NOT_KNOWN UINT64_MAX

struct tracked {
	uint64_t id, parent_id;
	char path[256];
	uint64_t pass;     /* the last pass that showed it; 0 = never */
	uint64_t usage_ns; /* of that sample, children included */
	bool has_cpu;
	uint64_t dead_ns;     /* finals of ended children with all below them */
	plm_ns missing_since; /* 0 = not missing */
	uint32_t n_missing;   /* passes */
	bool has_rmdir, has_release;
	uint64_t rmdir_ns, release_ns; /* NOT_KNOWN = the kernel could not tell */
	plm_ns end_ns;                 /* when it was removed */
};

struct plm_finals {
	char root[256];
	struct plm_map by_id;   /* -> tracked */
	struct tracked **order; /* rows of the last pass, by position */
	size_t n_order, cap_order;
	uint64_t pass;
	uint64_t n_lost;
	size_t n_ending;      /* entries with an event */
	bool has_stale_order; /* `order` points to freed entries */
};

struct plm_finals *plm_finals_new(const char *root)
{
	struct plm_finals *f = calloc(1, sizeof(*f));
	if (f)
		(void)plm_strcpy(f->root, sizeof(f->root), root);
	return f;
}

void plm_finals_free(struct plm_finals *f)
{
	if (!f)
		return;
	struct tracked *t;
	for (size_t i = 0; (t = plm_map_next(&f->by_id, &i));)
		free(t);
	plm_map_done(&f->by_id);
	free(f->order);
	free(f);
}

uint64_t plm_finals_lost(const struct plm_finals *f)
{
	return f->n_lost;
}

static struct tracked *track(struct plm_finals *f, uint64_t id, uint64_t parent_id, const char *path)
{
	if (f->by_id.used >= PLM_FINAL_MAX_TRACKED)
		return NULL;
	struct tracked *t = calloc(1, sizeof(*t));
	if (!t || plm_map_put(&f->by_id, id, t) != 0) {
		free(t);
		return NULL;
	}
	t->id = id;
	t->parent_id = parent_id;
	t->rmdir_ns = t->release_ns = NOT_KNOWN;
	(void)plm_strcpy(t->path, sizeof(t->path), path);
	return t;
}

static bool is_below_root(const struct plm_finals *f, const char *path)
{
	size_t len = strlen(f->root);
	if (strcmp(f->root, "/") == 0)
		return true;
	return strncmp(path, f->root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

void plm_finals_event(struct plm_finals *f, const struct plm_event *event)
{
	struct tracked *t = plm_map_get(&f->by_id, event->id);
	/* A release without a case: published already, or its rmdir was lost and counted. */
	if (!t && (event->type != PLM_EV_RMDIR || !is_below_root(f, event->path)))
		return;
	if (!t)
		t = track(f, event->id, event->parent_id, event->path);
	if (!t) {
		f->n_lost++;
		return;
	}
	f->n_ending += !t->has_rmdir && !t->has_release;
	if (!t->end_ns)
		t->end_ns = (plm_ns)event->time_ns;
	if (event->type == PLM_EV_RMDIR) {
		t->has_rmdir = true;
		t->rmdir_ns = event->final_cpu_ns;
	} else if (event->type == PLM_EV_RELEASE) {
		t->has_release = true;
		t->release_ns = event->final_cpu_ns;
	}
}

/* Own CPU time by the last sample: the total less what its children, living and dead, had used by then. */
static uint64_t own_by_sample(const struct plm_finals *f, const struct tracked *t)
{
	uint64_t children_ns = t->dead_ns;
	const struct tracked *c;
	for (size_t i = 0; (c = plm_map_next(&f->by_id, &i));) {
		if (c->parent_id != t->id)
			continue;
		if (c->pass == t->pass && c->has_cpu)
			children_ns += c->usage_ns;
		else
			children_ns += (c->rmdir_ns == NOT_KNOWN ? 0 : c->rmdir_ns) + c->dead_ns;
	}
	return t->usage_ns > children_ns ? t->usage_ns - children_ns : 0;
}

/* Whether the final is due, and with which value. NOT_KNOWN: due, but there is nothing to tell. */
static bool is_due(const struct plm_finals *f, const struct tracked *t, plm_ns now, uint64_t *ret_ns, bool *ret_exact)
{
	*ret_exact = false;
	if (t->has_release && t->release_ns != NOT_KNOWN) {
		*ret_ns = t->release_ns;
		*ret_exact = true;
		return true;
	}
	bool is_late = t->has_rmdir && now - t->end_ns >= PLM_FINAL_WAIT_NS;
	bool is_missing = !t->has_rmdir && t->n_missing >= 2 && now - t->missing_since >= PLM_FINAL_MISSING_NS;
	if (!t->has_release && !is_late && !is_missing)
		return false;
	*ret_ns = t->rmdir_ns;
	if (t->has_cpu) {
		uint64_t sampled_ns = own_by_sample(f, t);
		if (*ret_ns == NOT_KNOWN || sampled_ns > *ret_ns)
			*ret_ns = sampled_ns;
	}
	return true;
}

static int publish(struct plm_finals *f, struct tracked *t, uint64_t cpu_ns, bool is_exact, struct plm_sample_set *set,
		   plm_ns now)
{
	if (cpu_ns != NOT_KNOWN) {
		struct plm_final *final = plm_sample_set_add_final(set);
		if (!final)
			return -ENOMEM;
		final->id = t->id;
		final->parent_id = t->parent_id;
		memcpy(final->path, t->path, sizeof(final->path));
		final->time_ns = t->end_ns ? t->end_ns : (t->missing_since ? t->missing_since : now);
		final->cpu_usage_ns = cpu_ns;
		final->is_exact = is_exact;
		struct tracked *parent = plm_map_get(&f->by_id, t->parent_id);
		if (parent)
			parent->dead_ns += cpu_ns + t->dead_ns;
	}
	f->n_ending -= t->has_rmdir || t->has_release;
	(void)plm_map_del(&f->by_id, t->id);
	free(t);
	f->has_stale_order = true;
	return 0;
}

static int grow_order(struct plm_finals *f, size_t n)
{
	if (n <= f->cap_order)
		return 0;
	size_t cap = n + n / 2 + 64;
	struct tracked **order = realloc(f->order, cap * sizeof(struct tracked *));
	if (!order)
		return -ENOMEM;
	f->order = order;
	f->cap_order = cap;
	return 0;
}

static int remember_rows(struct plm_finals *f, const struct plm_sample_set *set)
{
	if (grow_order(f, set->n_rows) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_rows; i++) {
		const struct plm_sample *row = &set->rows[i];
		struct tracked *t = i < f->n_order && !f->has_stale_order ? f->order[i] : NULL;
		if (!t || t->id != row->id)
			t = plm_map_get(&f->by_id, row->id);
		if (!t)
			t = track(f, row->id, row->parent_id, row->path);
		f->order[i] = t;
		if (!t) {
			f->n_lost++;
			continue;
		}
		t->pass = f->pass;
		t->n_missing = 0;
		t->missing_since = 0;
		t->has_cpu = row->has & PLM_HAS_CPU;
		t->usage_ns = row->cpu_usage_ns;
	}
	f->n_order = set->n_rows;
	f->has_stale_order = false;
	return 0;
}

int plm_finals_take(struct plm_finals *f, struct plm_sample_set *set, plm_ns now)
{
	f->pass++;
	int r = remember_rows(f, set);
	/* The usual pass: every tracked cgroup was seen and none is ending. */
	if (r != 0 || (f->by_id.used == set->n_rows && f->n_ending == 0))
		return r;
	struct tracked *t;
	for (size_t i = 0; (t = plm_map_next(&f->by_id, &i));) {
		if (t->pass == f->pass || t->has_rmdir || t->has_release)
			continue;
		t->n_missing++;
		if (!t->missing_since)
			t->missing_since = now;
	}
	for (size_t i = 0; r == 0 && (t = plm_map_next(&f->by_id, &i));) {
		uint64_t cpu_ns;
		bool is_exact;
		if (t->pass != f->pass && t->n_missing == 0 && !t->has_rmdir && !t->has_release)
			continue;
		if (is_due(f, t, now, &cpu_ns, &is_exact))
			r = publish(f, t, cpu_ns, is_exact, set, now);
	}
	return r;
}
