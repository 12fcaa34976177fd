/* SPDX-License-Identifier: Apache-2.0
 *
 * Rungs B and C: samples from the cgroup iterator. B reads everything from v2. C reads CPU time and pressure from v2,
 * which keeps them for every cgroup even without controllers, and the rest by one walk per v1 hierarchy; rows are
 * joined by path. CPU time of paths that v2 does not have comes from cpuacct.
 *
 * Rules of the join. A path that v2 has, or had, takes CPU time and id from v2 only: when its v2 directory goes before
 * the v1 ones, the row ends at once, as cpuacct under another id would count its life a second time. A path that v2
 * does not have is reported from its second pass on (from the first pass of all at once), lest a cgroup that is just
 * being made in one hierarchy after the other be taken for one; its counters start at its birth, so nothing is lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/cgfiles.h"
#include "kernel/hierarchy.h"
#include "kernel/iter.h"
#include "kernel/join.h"
#include "kernel/source.h"

struct walk { /* one hierarchy */
	struct plm_hierarchy h;
	struct plm_join_tree tree;
	int link_fd; /* -1: the root does not exist there (yet) */
};

struct iter_source {
	struct plm_cgroup_layout layout;
	struct plm_iter *iter;
	struct walk walks[PLM_MAX_HIERARCHIES];
	size_t n_walks;
	struct plm_join join;
	bool has_v1_rows;   /* some path of the last pass was not in v2 */
	bool is_whole_host; /* the root is "/": its row is read from files */
	struct plm_cgfiles root_files;
};

/* Returns whether the hierarchy can be walked now. */
static int attach(struct iter_source *s, struct walk *w, struct plm_err *err)
{
	if (w->link_fd >= 0)
		return 1;
	PLM_CLOSE int dir = plm_hierarchy_open(&w->h, s->join.root);
	if (dir == -ENOENT)
		return 0; /* may appear later */
	if (dir < 0)
		return plm_err_set(err, -dir, s->join.root, "cannot open the cgroup below %s: %s", w->h.mount,
				   strerror(-dir));
	int fd = plm_iter_attach(s->iter, w->h.is_v2, dir, err);
	if (fd < 0)
		return fd;
	w->link_fd = fd;
	return 1;
}

static void detach(struct walk *w)
{
	if (w->link_fd >= 0)
		(void)close(w->link_fd);
	w->link_fd = -1;
}

static void names_done(struct plm_map *names)
{
	char *name;
	for (size_t i = 0; (name = plm_map_next(names, &i));)
		free(name);
	plm_map_done(names);
}

static int names_add(struct plm_map *names, const struct plm_iter_result *res)
{
	for (uint32_t i = 0; i < res->n_names; i++) {
		if (plm_map_get(names, res->names[i].id))
			continue;
		char *name = strndup(res->names[i].name, PLM_CGROUP_NAME_LEN);
		if (!name || plm_map_put(names, res->names[i].id, name) != 0) {
			free(name);
			return -ENOMEM;
		}
	}
	return 0;
}

/* Walks one hierarchy and fits the rows to paths. More than one walk only when more new cgroups appeared than names
 * fit into one. */
static int walk_tree(struct iter_source *s, struct walk *w, bool want_cpuacct, struct plm_iter_result *ret,
		     struct plm_err *err)
{
	struct plm_map names = { 0 };
	uint32_t first_name = 0;
	int r;
	do {
		r = plm_iter_run(s->iter, w->link_fd, want_cpuacct, w->tree.seen_id, first_name, ret, err);
		if (r == 0)
			r = names_add(&names, ret);
		first_name += ret->n_names;
	} while (r == 0 && ret->n_names > 0 && ret->n_new > ret->n_names);
	if (r == 0)
		r = plm_join_take(&s->join, &w->tree, ret->rows, ret->n_rows, &names);
	names_done(&names);
	if (r == -ENOMEM)
		return plm_err_set(err, ENOMEM, w->h.mount, "out of memory while naming cgroups");
	return r;
}

/* Copies what the record knows and the row does not. */
static void fill_row(struct plm_sample *row, const struct plm_cgroup_rec *rec, struct plm_join_path *p)
{
	if ((rec->valid & PLM_V_CPU) && !(row->has & PLM_HAS_CPU)) {
		plm_cputime_split(rec->cpu_usage_ns, rec->cpu_user_raw_ns, rec->cpu_system_raw_ns, &p->shown);
		row->cpu_usage_ns = rec->cpu_usage_ns;
		row->cpu_user_ns = p->shown.user_ns;
		row->cpu_system_ns = p->shown.system_ns;
		row->has |= PLM_HAS_CPU;
	}
	if (rec->valid & PLM_V_THROTTLE) {
		row->nr_periods = rec->nr_periods;
		row->nr_throttled = rec->nr_throttled;
		row->throttled_ns = rec->throttled_ns;
		row->has |= PLM_HAS_THROTTLE;
	}
	if (rec->valid & PLM_V_MEM) {
		row->mem_usage_bytes = rec->mem_usage_bytes;
		row->has |= PLM_HAS_MEM;
	}
	if ((rec->valid & PLM_V_MEM) && (rec->valid & PLM_V_MEMSTAT)) {
		row->mem_working_set_bytes = rec->mem_usage_bytes > rec->mem_inactive_file_bytes
						     ? rec->mem_usage_bytes - rec->mem_inactive_file_bytes
						     : 0;
		row->has |= PLM_HAS_WORKING_SET;
	}
	if (rec->valid & PLM_V_MEMLIMIT) {
		row->mem_limit_bytes = rec->mem_limit_bytes; /* PLM_NO_LIMIT == PLM_NO_MEM_LIMIT */
		row->has |= PLM_HAS_MEM_LIMIT;
	}
	if (rec->valid & PLM_V_OOM) {
		row->oom_kills = rec->oom_kills;
		row->has |= PLM_HAS_OOM;
	}
	if (rec->valid & PLM_V_PSI_CPU) {
		_Static_assert(sizeof(row->psi_ns) == sizeof(rec->psi_ns) && PLM_PSI_CPU_SOME == 0 &&
				       PLM_PSI_MEM_SOME == 2 && PLM_PSI_IO_SOME == 4,
			       "same order on both sides");
		memcpy(row->psi_ns, rec->psi_ns, sizeof(row->psi_ns));
		row->has |= PLM_HAS_PSI_CPU | PLM_HAS_PSI_MEM | PLM_HAS_PSI_IO;
	}
	if (rec->valid & PLM_V_PIDS) {
		row->pids = rec->nr_pids;
		row->has |= PLM_HAS_PROCS;
	}
}
_Static_assert(PLM_NO_LIMIT == PLM_NO_MEM_LIMIT, "one value for no limit on both sides");

/* The row of this path in this pass: found, made, or NULL with *ret_r = 0 when it is not to be reported (yet). */
static struct plm_sample *row_of(struct iter_source *s, struct plm_join_path *p, bool is_v2,
				 const struct plm_cgroup_rec *rec, struct plm_sample_set *out, int *ret_r)
{
	*ret_r = 0;
	if (p->row_pass == s->join.pass)
		return &out->rows[p->row];
	if (!is_v2) {
		if (p->had_v2 || (p->born_pass == s->join.pass && s->join.pass > 1))
			return NULL;
		s->has_v1_rows = true;
	}
	struct plm_sample *row = plm_sample_set_add(out);
	if (!row) {
		*ret_r = -ENOMEM;
		return NULL;
	}
	p->row_pass = s->join.pass;
	p->row = (uint32_t)(out->n_rows - 1);
	row->id = p->id;
	row->parent_id = p->parent ? p->parent->id : 0;
	row->path = p->path;
	row->time_ns = (plm_ns)rec->time_ns;
	return row;
}

static int take_rows(struct iter_source *s, const struct walk *w, const struct plm_iter_result *res,
		     struct plm_sample_set *out)
{
	for (uint32_t i = 0; i < res->n_rows; i++) {
		const struct plm_join_node *node = w->tree.order[i];
		if (!node)
			continue;
		int r;
		struct plm_sample *row = row_of(s, node->path, w->h.is_v2, &res->rows[i], out, &r);
		if (r != 0)
			return r;
		if (row && !(s->is_whole_host && i == 0))
			fill_row(row, &res->rows[i], node->path);
	}
	return 0;
}

/* cpuacct is walked only where something depends on it. */
static bool wants_cpuacct(const struct iter_source *s, const struct walk *w, bool had_v1_rows)
{
	return w->h.has_cpuacct &&
	       (s->layout.mode == PLM_CGROUP_V1 || s->has_v1_rows || had_v1_rows || s->join.pass == 1);
}

static int iter_read(void *ctx, struct plm_sample_set *out, struct plm_err *err)
{
	struct iter_source *s = ctx;
	bool had_v1_rows = s->has_v1_rows;
	size_t first_row = out->n_rows;
	uint32_t n_lost = 0;
	s->join.pass++;
	s->has_v1_rows = false;
	for (size_t i = 0; i < s->n_walks; i++) {
		struct walk *w = &s->walks[i];
		bool want_cpuacct = wants_cpuacct(s, w, had_v1_rows);
		bool has_only_cpuacct = w->h.has_cpuacct && strcmp(w->h.mount, s->layout.v1_cpu) != 0;
		struct plm_iter_result res = { 0 };
		int r = has_only_cpuacct && !want_cpuacct ? 0 : attach(s, w, err);
		if (r < 0)
			return r;
		if (r == 1)
			r = walk_tree(s, w, want_cpuacct, &res, err);
		else
			r = plm_join_take(&s->join, &w->tree, NULL, 0, NULL); /* forgets what was there */
		if (r == 0)
			r = take_rows(s, w, &res, out);
		if (r != 0)
			return r;
		if (res.n_rows == 0)
			detach(w); /* the root was removed; one of the same name may come back */
		if (res.n_lost > n_lost)
			n_lost = res.n_lost;
	}
	out->lost_cgroups += n_lost;
	if (s->is_whole_host && out->n_rows > first_row) {
		struct plm_sample *top = &out->rows[first_row];
		(void)plm_cgfiles_read(&s->root_files, top->time_ns, top);
	}
	return 0;
}

static void iter_close(void *ctx)
{
	struct iter_source *s = ctx;
	if (!s)
		return;
	for (size_t i = 0; i < s->n_walks; i++) {
		detach(&s->walks[i]);
		plm_join_tree_done(&s->join, &s->walks[i].tree);
	}
	plm_join_done(&s->join);
	plm_cgfiles_done(&s->root_files);
	plm_iter_close(s->iter);
	free(s);
}

static void open_root_files(struct iter_source *s)
{
	for (size_t i = 0; i < s->n_walks; i++) {
		PLM_CLOSE int dir = plm_hierarchy_open(&s->walks[i].h, "/");
		if (dir >= 0)
			(void)plm_cgfiles_open(&s->root_files, &s->walks[i].h, dir);
	}
}

static int iter_open(const struct plm_source_cfg *cfg, bool is_hybrid, const struct plm_cgroup_layout *layout,
		     void **ret_ctx, struct plm_err *err)
{
	struct iter_source *s = calloc(1, sizeof(*s));
	if (!s)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	plm_cgfiles_init(&s->root_files);
	s->layout = *layout;
	int r = plm_hierarchy_clean_root(cfg->root, s->join.root, sizeof(s->join.root));
	if (r != 0) {
		free(s);
		return plm_err_set(err, -r, cfg->root, "not an absolute cgroup path of at most 255 bytes");
	}
	struct plm_hierarchy list[PLM_MAX_HIERARCHIES];
	s->n_walks = plm_hierarchy_list(&s->layout, list);
	for (size_t i = 0; i < s->n_walks; i++) {
		s->walks[i] = (struct walk){ .h = list[i], .link_fd = -1 };
		s->walks[i].tree.tag = list[i].tag;
		s->walks[i].tree.is_v2 = list[i].is_v2;
	}
	s->is_whole_host = strcmp(s->join.root, "/") == 0;
	if (s->is_whole_host)
		open_root_files(s);
	uint32_t max = cfg->max_cgroups ? cfg->max_cgroups : PLM_SOURCE_MAX_CGROUPS;
	if (max > PLM_SOURCE_MAX_CGROUPS)
		max = PLM_SOURCE_MAX_CGROUPS;
	r = plm_iter_open(max, s->layout.v2[0] != '\0', is_hybrid, &s->iter, err);
	if (r != 0) {
		iter_close(s);
		return r;
	}
	*ret_ctx = s;
	return 0;
}

/* Loads, attaches and walks once, at "/", which always exists: whatever the kernel refuses shows here. */
static int try_out(int (*open_it)(const struct plm_source_cfg *, void **, struct plm_err *),
		   const struct plm_source_cfg *cfg, struct plm_err *err)
{
	void *ctx = NULL;
	struct plm_sample_set out = { 0 };
	struct plm_source_cfg everywhere = { .root = "/", .max_cgroups = cfg->max_cgroups };
	int r = open_it(&everywhere, &ctx, err);
	if (r == 0)
		r = iter_read(ctx, &out, err);
	plm_sample_set_done(&out);
	iter_close(ctx);
	return r;
}

static int open_v2(const struct plm_source_cfg *cfg, void **ret_ctx, struct plm_err *err)
{
	struct plm_cgroup_layout layout;
	int r = plm_cgroup_layout_detect(NULL, &layout, err);
	if (r != 0)
		return r;
	if (layout.mode != PLM_CGROUP_V2) {
		const char *where = layout.v1_memory[0] ? layout.v1_memory : layout.v1_cpu;
		return plm_err_set(err, ENOTSUP, where, "this host is %s: the %s controller is on cgroup v1, not on v2",
				   plm_cgroup_mode_name(layout.mode), layout.v1_memory[0] ? "memory" : "cpu");
	}
	return iter_open(cfg, false, &layout, ret_ctx, err);
}

static int open_hybrid(const struct plm_source_cfg *cfg, void **ret_ctx, struct plm_err *err)
{
	struct plm_cgroup_layout layout;
	int r = plm_cgroup_layout_detect(NULL, &layout, err);
	if (r != 0)
		return r;
	if (layout.mode == PLM_CGROUP_V2)
		return plm_err_set(err, ENOTSUP, layout.v2,
				   "this host is v2: no cgroup v1 controller is mounted, see rung B");
	return iter_open(cfg, true, &layout, ret_ctx, err);
}

static int probe_v2(const struct plm_source_cfg *cfg, struct plm_err *err)
{
	return try_out(open_v2, cfg, err);
}

static int probe_hybrid(const struct plm_source_cfg *cfg, struct plm_err *err)
{
	return try_out(open_hybrid, cfg, err);
}

const struct plm_source_ops plm_source_iter_v2 = {
	.rung = 'B',
	.name = "iterator-v2",
	.probe = probe_v2,
	.open = open_v2,
	.read = iter_read,
	.close = iter_close,
};

const struct plm_source_ops plm_source_iter_hybrid = {
	.rung = 'C',
	.name = "iterator-hybrid",
	.probe = probe_hybrid,
	.open = open_hybrid,
	.read = iter_read,
	.close = iter_close,
};
