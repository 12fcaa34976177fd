/* SPDX-License-Identifier: Apache-2.0
 *
 * One watch per directory; a watch is set before the directory is listed, so nothing falls between. cgroup files never
 * raise IN_CREATE, only directories do. Removal needs no handling: a removed directory's watch ends by itself
 * (IN_IGNORED), and its files answer ENODEV.
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
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/num.h"

#define MAX_DEPTH 32 /* below the root; deeper cgroups are not seen */

struct plm_dirwatch {
	struct plm_hierarchy h;
	char root[256];
	int fd;
	struct plm_map paths; /* watch descriptor -> path (char *) */
	bool has_root;        /* the root was found and is watched */
	bool must_walk;       /* not every directory could be watched, or events were lost */
	bool has_no_watches;  /* must_walk for good */
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

void plm_dirwatch_close(struct plm_dirwatch *w)
{
	if (!w)
		return;
	char *path;
	for (size_t i = 0; (path = plm_map_next(&w->paths, &i));)
		free(path);
	plm_map_done(&w->paths);
	if (w->fd >= 0)
		(void)close(w->fd);
	free(w);
}

static void forget_watch(struct plm_dirwatch *w, int wd)
{
	char *path = plm_map_del(&w->paths, (uint64_t)wd);
	if (path && strcmp(path, w->root) == 0)
		w->has_root = false;
	free(path);
}

static void watch(struct plm_dirwatch *w, const char *path)
{
	char full[PATH_MAX];
	if (w->has_no_watches || snprintf(full, sizeof(full), "%s%s", w->h.mount, path) >= (int)sizeof(full))
		return;
	int wd = inotify_add_watch(w->fd, full, IN_CREATE | IN_ONLYDIR);
	if (wd < 0) {
		w->has_no_watches = errno != ENOENT;
		return;
	}
	char *copy = strdup(path);
	char *old = plm_map_del(&w->paths, (uint64_t)wd);
	free(old);
	if (!copy || plm_map_put(&w->paths, (uint64_t)wd, copy) != 0) {
		free(copy);
		w->has_no_watches = true;
	}
}

/* Reports `path` and everything below it. */
static int scan(struct plm_dirwatch *w, const char *path, int depth, plm_dirwatch_fn fn, void *ctx)
{
	watch(w, path);
	int fd = plm_hierarchy_open(&w->h, path);
	if (fd == -EMFILE || fd == -ENFILE)
		return fd;
	if (fd < 0)
		return 0; /* gone again */
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
		if (snprintf(below, sizeof(below), "%s/%s", strcmp(path, "/") == 0 ? "" : path, e->d_name) >= (int)sizeof(below))
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
	if (e->mask & IN_IGNORED) {
		forget_watch(w, e->wd);
		return 0;
	}
	const char *above = plm_map_get(&w->paths, (uint64_t)e->wd);
	char path[PATH_MAX];
	if (!(e->mask & IN_CREATE) || !(e->mask & IN_ISDIR) || !above)
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", strcmp(above, "/") == 0 ? "" : above, e->name) >= (int)sizeof(path))
		return 0;
	return scan(w, path, 1, fn, ctx);
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
	if (r != 0 || (w->has_root && !w->must_walk && !w->has_no_watches))
		return r;
	PLM_CLOSE int root = plm_hierarchy_open(&w->h, w->root);
	w->has_root = root >= 0;
	w->must_walk = false;
	return w->has_root ? scan(w, w->root, 0, fn, ctx) : 0;
}
