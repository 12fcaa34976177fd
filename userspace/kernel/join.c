/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/join.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/hierarchy.h"

static void path_unref(struct plm_join *j, struct plm_join_path *p)
{
	if (--p->refs > 0)
		return;
	(void)plm_smap_del(&j->by_path, p->path);
	free(p->path);
	free(p);
}

static void node_free(struct plm_join *j, struct plm_join_node *n)
{
	path_unref(j, n->path);
	free(n);
}

void plm_join_tree_done(struct plm_join *j, struct plm_join_tree *t)
{
	struct plm_join_node *n;
	for (size_t i = 0; (n = plm_map_next(&t->by_id, &i));)
		node_free(j, n);
	plm_map_done(&t->by_id);
	free(t->order);
	memset(t, 0, sizeof(*t));
}

void plm_join_done(struct plm_join *j)
{
	plm_map_done(&j->by_path);
}

static struct plm_join_path *path_get(struct plm_join *j, const char *text, struct plm_join_path *parent)
{
	struct plm_join_path *p = plm_smap_get(&j->by_path, text);
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->path = strdup(text);
	p->parent = parent;
	p->born_pass = j->pass;
	if (!p->path || plm_smap_put(&j->by_path, text, p) != 0) {
		free(p->path);
		free(p);
		return NULL;
	}
	return p;
}

/* The path of a new cgroup. NULL with *ret_r = 0 when it cannot be told yet. */
static struct plm_join_path *new_path(struct plm_join *j, const struct plm_join_tree *t,
				      const struct plm_cgroup_rec *rec, bool is_top, const struct plm_map *names,
				      int *ret_r)
{
	char text[PATH_MAX];
	*ret_r = 0;
	struct plm_join_node *above = is_top ? NULL : plm_map_get(&t->by_id, rec->parent_id);
	const char *name = is_top ? j->root : plm_map_get(names, rec->id);
	if (!name || (!is_top && !above))
		return NULL;
	const char *base = is_top || strcmp(above->path->path, "/") == 0 ? "" : above->path->path;
	if (snprintf(text, sizeof(text), "%s%s%s", base, is_top ? "" : "/", name) >= (int)sizeof(text))
		return NULL;
	struct plm_join_path *p = path_get(j, text, above ? above->path : NULL);
	if (!p)
		*ret_r = -ENOMEM;
	return p;
}

static int new_node(struct plm_join *j, struct plm_join_tree *t, const struct plm_cgroup_rec *rec, bool is_top,
		    const struct plm_map *names, struct plm_join_node **ret)
{
	int r;
	struct plm_join_path *p = new_path(j, t, rec, is_top, names, &r);
	*ret = NULL;
	if (!p)
		return r;
	struct plm_join_node *n = calloc(1, sizeof(*n));
	if (!n || plm_map_put(&t->by_id, rec->id, n) != 0) {
		free(n);
		p->refs++;
		path_unref(j, p);
		return -ENOMEM;
	}
	n->id = rec->id;
	n->path = p;
	p->refs++;
	if (t->is_v2 || !p->id || (!p->had_v2 && p->id >> 56 == t->tag)) {
		p->id = (uint64_t)t->tag << 56 | rec->id;
		/* A new cgroup under an old name counts from zero. */
		memset(&p->shown, 0, sizeof(p->shown));
	}
	p->had_v2 |= t->is_v2;
	*ret = n;
	return 0;
}

static int make_order(struct plm_join_tree *t, uint32_t n_rows)
{
	if (n_rows <= t->cap_order)
		return 0;
	uint32_t cap = n_rows + n_rows / 2 + 64;
	struct plm_join_node **order = realloc(t->order, cap * sizeof(struct plm_join_node *));
	if (!order)
		return -ENOMEM;
	memset(order + t->cap_order, 0, (cap - t->cap_order) * sizeof(struct plm_join_node *));
	t->order = order;
	t->cap_order = cap;
	return 0;
}

static void forget_unseen(struct plm_join *j, struct plm_join_tree *t)
{
	struct plm_join_node *n;
	for (size_t i = 0; (n = plm_map_next(&t->by_id, &i));) {
		if (n->pass == j->pass)
			continue;
		(void)plm_map_del(&t->by_id, n->id);
		node_free(j, n);
	}
}

int plm_join_take(struct plm_join *j, struct plm_join_tree *t, const struct plm_cgroup_rec *rows, uint32_t n_rows,
		  const struct plm_map *names)
{
	uint32_t n_known = 0;
	uint64_t max_id = 0;
	if (make_order(t, n_rows) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_rows; i++) {
		const struct plm_cgroup_rec *rec = &rows[i];
		struct plm_join_node *n = i < t->n_order ? t->order[i] : NULL;
		if (!n || n->id != rec->id)
			n = plm_map_get(&t->by_id, rec->id);
		if (!n && new_node(j, t, rec, i == 0, names, &n) != 0)
			return -ENOMEM;
		t->order[i] = n;
		if (!n)
			continue;
		n->pass = j->pass;
		n_known++;
		if (rec->id > max_id)
			max_id = rec->id;
	}
	/* Entries behind n_rows may point to nodes that are freed below. */
	for (uint32_t i = n_rows; i < t->n_order; i++)
		t->order[i] = NULL;
	t->n_order = n_rows;
	t->seen_id = n_known == n_rows ? max_id : 0;
	if (t->by_id.used != n_known)
		forget_unseen(j, t);
	return 0;
}
