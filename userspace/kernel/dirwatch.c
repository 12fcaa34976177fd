/* SPDX-License-Identifier: Apache-2.0
 *
 * One watch per directory; a watch is set before the directory is listed, so nothing falls between. cgroup files never
 * raise IN_CREATE, only directories do. cgroupfs tells of a removal in the parent's watch only, never in the removed
 * directory's own (no IN_DELETE_SELF, no IN_IGNORED), so watches are taken back by hand, and the root, whose parent is
 * not watched, is looked up on each update.
 */
#include "kernel/dirwatch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/num.h"

#define MAX_DEPTH 32 /* below the root; deeper cgroups are not seen */

struct watch {
	int wd;
	char *path;
};

struct plm_dirwatch {
	struct plm_hierarchy h;
	char root[256];
	int fd;
	struct plm_map by_wd;   /* -> watch */
	struct plm_map by_path; /* -> watch */
	ino_t root_ino;         /* of the root that is watched; 0 = none */
	bool must_walk;         /* not every directory could be watched, or events were lost */
	bool has_no_watches;    /* must_walk for good */
};

int plm_dirwatch_open(const struct plm_hierarchy *h, const char *root, struct plm_dirwatch **ret, struct plm_err *err)
{
	struct plm_dirwatch *w = calloc(1, sizeof(*w));
	if (!w)
		return plm_err_set(err, ENOMEM, NULL, "out of memory");
	w->h = *h;
	w->must_walk = true;
	(void)plm_strcpy(w->root, sizeof(w->root), root);
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->has_no_watches = w->fd < 0;
	*ret = w;
	return 0;
}

static void watch_free(struct watch *w)
{
	if (w)
		free(w->path);
	free(w);
}

/* Takes a watch back; its descriptor is not used again by the kernel. */
static void unwatch(struct plm_dirwatch *w, const char *path)
{
	struct watch *old = plm_smap_del(&w->by_path, path);
	if (!old)
		return;
	(void)plm_map_del(&w->by_wd, (uint64_t)old->wd);
	(void)inotify_rm_watch(w->fd, old->wd);
	watch_free(old);
}

static void unwatch_all(struct plm_dirwatch *w)
{
	struct watch *old;
	for (size_t i = 0; (old = plm_map_next(&w->by_wd, &i));) {
		(void)inotify_rm_watch(w->fd, old->wd);
		watch_free(old);
	}
	plm_map_done(&w->by_wd);
	plm_map_done(&w->by_path);
}

void plm_dirwatch_close(struct plm_dirwatch *w)
{
	if (!w)
		return;
	unwatch_all(w);
	if (w->fd >= 0)
		(void)close(w->fd);
	free(w);
}

static void watch(struct plm_dirwatch *w, const char *path)
{
	char full[PATH_MAX];
	if (w->has_no_watches || snprintf(full, sizeof(full), "%s%s", w->h.mount, path) >= (int)sizeof(full))
		return;
	int wd = inotify_add_watch(w->fd, full, IN_CREATE | IN_DELETE | IN_ONLYDIR);
	if (wd < 0) {
		w->has_no_watches |= errno != ENOENT;
		return;
	}
	struct watch *known = plm_map_get(&w->by_wd, (uint64_t)wd);
	if (known)
		return;
	unwatch(w, path); /* of an earlier directory of that name */
	struct watch *new = calloc(1, sizeof(*new));
	if (new) {
		new->wd = wd;
		new->path = strdup(path);
	}
	if (!new || !new->path || plm_map_put(&w->by_wd, (uint64_t)wd, new) != 0) {
		watch_free(new);
		w->has_no_watches = true;
		return;
	}
	if (plm_smap_put(&w->by_path, path, new) != 0)
		w->has_no_watches = true;
}

/* Reports `path` and everything below it. */
static int scan(struct plm_dirwatch *w, const char *path, int depth, plm_dirwatch_fn fn, void *ctx)
{
	watch(w, path);
	int fd = plm_hierarchy_open(&w->h, path);
	if (fd == -EMFILE || fd == -ENFILE)
		w->must_walk = true; /* try again next time */
	if (fd < 0)
		return 0; /* gone again, or no descriptor left */
	DIR *dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	int r = fn(ctx, &w->h, path, fd);
	struct dirent *e;
	while (r == 0 && depth < MAX_DEPTH && (e = readdir(dir))) {
		char below[PATH_MAX];
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", strcmp(path, "/") == 0 ? "" : path, e->d_name) >=
		    (int)sizeof(below))
			continue;
		r = scan(w, below, depth + 1, fn, ctx);
	}
	(void)closedir(dir);
	return r;
}

static int take_event(struct plm_dirwatch *w, const struct inotify_event *e, plm_dirwatch_fn fn, void *ctx)
{
	if (e->mask & IN_Q_OVERFLOW) {
		w->must_walk = true;
		return 0;
	}
	const struct watch *above = plm_map_get(&w->by_wd, (uint64_t)e->wd);
	char path[PATH_MAX];
	if (!(e->mask & IN_ISDIR) || !e->len || !above)
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", strcmp(above->path, "/") == 0 ? "" : above->path, e->name) >=
	    (int)sizeof(path))
		return 0;
	if (e->mask & IN_CREATE)
		return scan(w, path, 1, fn, ctx);
	if (e->mask & IN_DELETE)
		unwatch(w, path);
	return 0;
}

/* Whether the root is still the directory that was scanned. */
static bool has_same_root(struct plm_dirwatch *w)
{
	char full[PATH_MAX];
	struct stat st;
	if (snprintf(full, sizeof(full), "%s%s", w->h.mount, w->root) >= (int)sizeof(full) || stat(full, &st) != 0)
		st.st_ino = 0;
	bool is_same = st.st_ino == w->root_ino;
	w->root_ino = st.st_ino;
	return is_same;
}

void plm_dirwatch_rescan(struct plm_dirwatch *w)
{
	w->must_walk = true;
}

int plm_dirwatch_update(struct plm_dirwatch *w, plm_dirwatch_fn fn, void *ctx)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;
	int r = 0;
	while (r == 0 && w->fd >= 0 && (n = read(w->fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; r == 0 && p < buf + n;) {
			const struct inotify_event *e = (const struct inotify_event *)p;
			p += sizeof(*e) + e->len;
			r = take_event(w, e, fn, ctx);
		}
	}
	bool is_same = has_same_root(w);
	if (!is_same)
		unwatch_all(w);
	if (r != 0 || (is_same && !w->must_walk && !w->has_no_watches))
		return r;
	w->must_walk = false;
	return w->root_ino ? scan(w, w->root, 0, fn, ctx) : 0;
}
