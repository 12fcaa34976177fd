/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads /proc/self/mountinfo (proc_pid_mountinfo(5)): "id parent maj:min root mountpoint options [tags] - type source
 * super-options". A v1 mount names its controllers in the super options. Mounts that show only a part of a hierarchy
 * (root other than "/") count only when there is no full one. Read once at start.
 */
#include "kernel/cgroupfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/num.h"

#define MAX_MOUNTINFO (4u << 20)

/* One cgroup mount of a mountinfo line; points into the line, which is cut up. */
struct mount_line {
	char *root, *point, *type, *options;
};

/* "\040" and the like back to characters, in place. */
static void unescape(char *text)
{
	char *out = text;
	for (const char *in = text; *in; out++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' && in[3] >= '0' &&
		    in[3] <= '7') {
			*out = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

static bool cut_line(char *line, struct mount_line *ret)
{
	char *rest = strstr(line, " - ");
	if (!rest)
		return false;
	*rest = '\0';
	char *save = NULL, *field = strtok_r(line, " ", &save);
	struct mount_line m = { .root = NULL };
	for (int i = 0; field && i < 5; i++, field = strtok_r(NULL, " ", &save)) {
		if (i == 3)
			m.root = field;
		if (i == 4)
			m.point = field;
	}
	m.type = strtok_r(rest + 3, " ", &save);
	char *source = strtok_r(NULL, " ", &save);
	m.options = source ? strtok_r(NULL, " ", &save) : NULL;
	if (!m.point || !m.type || !m.options)
		return false;
	unescape(m.root);
	unescape(m.point);
	*ret = m;
	return true;
}

static bool has_word(const char *list, const char *word, char separator)
{
	size_t len = strlen(word);
	for (const char *p = list; p; p = strchr(p, separator)) {
		if (*p == separator)
			p++;
		if (strncmp(p, word, len) == 0 && (p[len] == separator || p[len] == '\0' || p[len] == '\n'))
			return true;
	}
	return false;
}

static void take(char *slot, size_t size, const struct mount_line *m, bool only_full)
{
	bool is_full = strcmp(m->root, "/") == 0;
	if (slot[0] || is_full != only_full)
		return;
	if (plm_strcpy(slot, size, m->point) != 0)
		slot[0] = '\0'; /* longer than any real mount point: as if not mounted */
}

static void take_line(struct plm_cgroup_layout *l, const struct mount_line *m, bool only_full)
{
	if (strcmp(m->type, "cgroup2") == 0)
		take(l->v2, sizeof(l->v2), m, only_full);
	if (strcmp(m->type, "cgroup") != 0)
		return;
	if (has_word(m->options, "cpu", ','))
		take(l->v1_cpu, sizeof(l->v1_cpu), m, only_full);
	if (has_word(m->options, "cpuacct", ','))
		take(l->v1_cpuacct, sizeof(l->v1_cpuacct), m, only_full);
	if (has_word(m->options, "memory", ','))
		take(l->v1_memory, sizeof(l->v1_memory), m, only_full);
	if (has_word(m->options, "pids", ','))
		take(l->v1_pids, sizeof(l->v1_pids), m, only_full);
}

static int scan(const struct plm_buf *text, bool only_full, struct plm_cgroup_layout *l)
{
	PLM_FREE char *copy = strdup(plm_buf_text(text));
	if (!copy)
		return -ENOMEM;
	char *save = NULL;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct mount_line m;
		if (cut_line(line, &m))
			take_line(l, &m, only_full);
	}
	return 0;
}

/* Which controllers v2 has; without the file (a fixture, or no v2) none. */
static void read_controllers(struct plm_cgroup_layout *l)
{
	char path[sizeof(l->v2) + 32], text[512];
	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", l->v2);
	PLM_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || plm_file_pread(fd, text, sizeof(text)) < 0)
		return;
	l->v2_has_cpu = has_word(text, "cpu", ' ');
	l->v2_has_memory = has_word(text, "memory", ' ');
	l->v2_has_pids = has_word(text, "pids", ' ');
}

int plm_cgroup_layout_detect(const char *mountinfo, struct plm_cgroup_layout *ret, struct plm_err *err)
{
	const char *path = mountinfo ? mountinfo : "/proc/self/mountinfo";
	struct plm_buf text = PLM_BUF_INIT(MAX_MOUNTINFO);
	struct plm_cgroup_layout l = { .mode = PLM_CGROUP_V2 };
	int r = plm_file_read(AT_FDCWD, path, &text, err);
	if (r == 0 && (scan(&text, true, &l) != 0 || scan(&text, false, &l) != 0))
		r = plm_err_set(err, ENOMEM, path, "out of memory");
	plm_buf_done(&text);
	if (r != 0)
		return r;
	bool has_v1 = l.v1_cpu[0] || l.v1_cpuacct[0] || l.v1_memory[0] || l.v1_pids[0];
	if (!l.v2[0] && !has_v1)
		return plm_err_set(err, ENOENT, path, "no cgroup filesystem is mounted");
	if (has_v1)
		l.mode = l.v2[0] ? PLM_CGROUP_HYBRID : PLM_CGROUP_V1;
	if (l.v2[0])
		read_controllers(&l);
	*ret = l;
	return 0;
}

const char *plm_cgroup_mode_name(enum plm_cgroup_mode mode)
{
	static const char *const names[] = { "v2", "hybrid", "v1" };
	_Static_assert(PLM_ARRAY_SIZE(names) == _PLM_CGROUP_MODE_MAX, "one name per mode");
	return mode < _PLM_CGROUP_MODE_MAX ? names[mode] : "?";
}
