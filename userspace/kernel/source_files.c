/* SPDX-License-Identifier: Apache-2.0
 *
 * Rung E: samples from the files of cgroupfs, for hosts where BPF is refused. Files are opened when a cgroup appears and
 * stay open; reopening them each time would cost three to four times as much. 20-30 us per cgroup and sample.
 * What lived and died between two samples is not seen.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "kernel/cgfiles.h"
#include "kernel/dirwatch.h"
#include "kernel/source.h"

struct cgroup {
	char *path;
	uint64_t id;
	struct cgroup *parent; /* NULL at the root */
	struct plm_cgfiles files;
	uint64_t born_read;
	bool had_v2, is_gone;
};

struct files_source {
	struct plm_cgroup_layout layout;
	struct plm_hierarchy hierarchies[PLM_MAX_HIERARCHIES];
	struct plm_dirwatch *watches[PLM_MAX_HIERARCHIES];
	size_t n_hierarchies;
	char root[256];
	struct cgroup **list; /* parents before children */
	size_t n, cap, max;
	struct plm_map by_path;
	uint64_t n_reads;
	uint64_t n_lost;      /* in this read */
	bool is_full;         /* cgroups were left out; they get another chance when others end */
	struct cgroup **dead; /* ended in the last read; their paths are valid until this one */
	size_t n_dead;
};

/* Files open per cgroup at most: on hybrid four of v2 and six of v1 (CPU time then comes from v2). */
#define FILES_PER_CGROUP 10
/* Left for the rest of the process. */
#define OTHER_FILES 256

/* Makes room for the files of `max` cgroups and returns for how many there is room; cgroups beyond that are counted as
 * lost instead of read by halves. Raising the hard limit takes CAP_SYS_RESOURCE. */
static size_t raise_fd_limit(size_t max)
{
	struct rlimit limit;
	rlim_t want = max * FILES_PER_CGROUP + OTHER_FILES;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return max;
	struct rlimit raised = { .rlim_cur = want, .rlim_max = limit.rlim_max > want ? limit.rlim_max : want };
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		return max;
	raised.rlim_cur = raised.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		limit = raised;
	size_t room = limit.rlim_cur > OTHER_FILES ? (limit.rlim_cur - OTHER_FILES) / FILES_PER_CGROUP : 1;
	return room < max ? room : max;
}

static void cgroup_free(struct cgroup *c)
{
	if (!c)
		return;
	plm_cgfiles_done(&c->files);
	free(c->path);
	free(c);
}

static struct cgroup *find_parent(const struct files_source *s, const char *path)
{
	char above[4096];
	if (strcmp(path, s->root) == 0 || strlen(path) >= sizeof(above))
		return NULL;
	memcpy(above, path, strlen(path) + 1);
	char *slash = strrchr(above, '/');
	if (!slash)
		return NULL;
	slash[slash == above] = '\0';
	return plm_smap_get(&s->by_path, above);
}

static struct cgroup *cgroup_add(struct files_source *s, const char *path)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct cgroup **list = realloc(s->list, cap * sizeof(struct cgroup *));
		if (!list)
			return NULL;
		s->list = list;
		s->cap = cap;
	}
	struct cgroup *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	plm_cgfiles_init(&c->files);
	c->path = strdup(path);
	c->born_read = s->n_reads;
	c->parent = find_parent(s, path);
	if (!c->path || plm_smap_put(&s->by_path, path, c) != 0) {
		cgroup_free(c);
		return NULL;
	}
	s->list[s->n++] = c;
	return c;
}

/* A directory appeared. Returns 0 also when it cannot be taken in: then it is counted as lost. */
static int on_directory(void *ctx, const struct plm_hierarchy *h, const char *path, int dir_fd)
{
	struct files_source *s = ctx;
	struct stat st;
	struct cgroup *c = plm_smap_get(&s->by_path, path);
	if (fstat(dir_fd, &st) != 0)
		return 0;
	if (!c && s->n >= s->max) {
		s->n_lost++;
		s->is_full = true;
		return 0;
	}
	if (!c)
		c = cgroup_add(s, path);
	if (!c)
		return -ENOMEM;
	uint64_t id = plm_hierarchy_id(h, st.st_ino);
	if (c->id && c->id >> 56 == h->tag && c->id != id) {
		/* The same name again: a new life, whose old files answer no more. */
		plm_cgfiles_done(&c->files);
		memset(&c->files.shown, 0, sizeof(c->files.shown));
		c->id = id;
	}
	if (h->is_v2 || !c->id)
		c->id = id;
	c->had_v2 |= h->is_v2;
	if (plm_cgfiles_open(&c->files, h, dir_fd) != 0)
		s->n_lost++;
	return 0;
}

static void free_dead(struct files_source *s)
{
	for (size_t i = 0; i < s->n_dead; i++)
		cgroup_free(s->dead[i]);
	free(s->dead);
	s->dead = NULL;
	s->n_dead = 0;
}

/* Takes the ended cgroups out of the list; keeps the order of the rest. */
static void drop_gone(struct files_source *s, size_t n_gone)
{
	struct cgroup **dead = calloc(n_gone, sizeof(struct cgroup *));
	if (!dead)
		return; /* they stay marked and go next time */
	size_t kept = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct cgroup *c = s->list[i];
		if (c->parent && c->parent->is_gone)
			c->parent = NULL; /* v1 directories may outlive their parent's v2 one */
		if (!c->is_gone) {
			s->list[kept++] = c;
			continue;
		}
		(void)plm_smap_del(&s->by_path, c->path);
		dead[s->n_dead++] = c;
	}
	s->dead = dead;
	s->n = kept;
}

static int read_one(struct files_source *s, struct cgroup *c, struct plm_sample_set *out)
{
	struct plm_sample row = { .id = c->id, .path = c->path };
	row.parent_id = c->parent ? c->parent->id : 0;
	if (plm_cgfiles_read(&c->files, plm_clock_mono(), &row) == 0) {
		c->is_gone = true;
		return 0;
	}
	/* As on the other rungs: not v2 (yet) means reported from the second read on. */
	if (!c->had_v2 && s->layout.mode == PLM_CGROUP_HYBRID && c->born_read == s->n_reads && s->n_reads > 1)
		return 0;
	struct plm_sample *slot = plm_sample_set_add(out);
	if (!slot)
		return -ENOMEM;
	*slot = row;
	return 0;
}

static int files_read(void *ctx, struct plm_sample_set *out, struct plm_err *err)
{
	struct files_source *s = ctx;
	s->n_reads++;
	s->n_lost = 0;
	free_dead(s);
	for (size_t i = 0; i < s->n_hierarchies; i++) {
		int r = plm_dirwatch_update(s->watches[i], on_directory, s);
		if (r != 0)
			return plm_err_set(err, -r, s->hierarchies[i].mount, "cannot follow the cgroups below '%s': %s",
					   s->root, strerror(-r));
	}
	size_t n_gone = 0;
	for (size_t i = 0; i < s->n; i++) {
		int r = s->list[i]->is_gone ? 0 : read_one(s, s->list[i], out);
		if (r != 0)
			return plm_err_set(err, -r, s->list[i]->path, "out of memory");
		n_gone += s->list[i]->is_gone;
	}
	if (n_gone)
		drop_gone(s, n_gone);
	for (size_t i = 0; n_gone && s->is_full && i < s->n_hierarchies; i++)
		plm_dirwatch_rescan(s->watches[i]);
	s->is_full &= n_gone == 0;
	out->lost_cgroups += s->n_lost;
	return 0;
}

static void files_close(void *ctx)
{
	struct files_source *s = ctx;
	if (!s)
		return;
	for (size_t i = 0; i < s->n_hierarchies; i++)
		plm_dirwatch_close(s->watches[i]);
	for (size_t i = 0; i < s->n; i++)
		cgroup_free(s->list[i]);
	free_dead(s);
	free(s->list);
	plm_map_done(&s->by_path);
	free(s);
}

static int files_open(const struct plm_source_cfg *cfg, void **ret_ctx, struct plm_err *err)
{
	struct files_source *s = calloc(1, sizeof(*s));
	if (!s)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	int r = plm_hierarchy_clean_root(cfg->root, s->root, sizeof(s->root));
	if (r != 0)
		(void)plm_err_set(err, -r, cfg->root, "not an absolute cgroup path of at most 255 bytes");
	if (r == 0)
		r = plm_cgroup_layout_detect(NULL, &s->layout, err);
	if (r == 0)
		s->n_hierarchies = plm_hierarchy_list(&s->layout, s->hierarchies);
	for (size_t i = 0; r == 0 && i < s->n_hierarchies; i++)
		r = plm_dirwatch_open(&s->hierarchies[i], s->root, &s->watches[i], err);
	if (r != 0) {
		files_close(s);
		return r;
	}
	s->max = cfg->max_cgroups && cfg->max_cgroups < PLM_SOURCE_MAX_CGROUPS ? cfg->max_cgroups
									       : PLM_SOURCE_MAX_CGROUPS;
	s->max = raise_fd_limit(s->max);
	*ret_ctx = s;
	return 0;
}

static int files_probe(const struct plm_source_cfg *cfg, struct plm_err *err)
{
	void *ctx = NULL;
	int r = files_open(cfg, &ctx, err);
	files_close(ctx);
	return r;
}

const struct plm_source_ops plm_source_files = {
	.rung = 'E',
	.name = "files",
	.probe = files_probe,
	.open = files_open,
	.read = files_read,
	.close = files_close,
};
