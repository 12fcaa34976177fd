/* SPDX-License-Identifier: Apache-2.0
 *
 * What one sample costs: CPU time per cgroup of the iterator rung that works here and of the files rung, side by side in
 * one run on the same cgroups, so that the ratio holds on a noisy machine, too. Needs root.
 *
 *   bench_sample [--quick]     10, 100, 1,000 and 5,000 cgroups; --quick stops at 1,000 with fewer passes
 *
 * Medians of many passes; idle = nothing ran in the cgroups between the passes. The time includes everything a sample
 * takes: the walks, the join over hierarchies, naming, finals.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/hierarchy.h"
#include "kernel/source.h"

#define MAX_PASSES 200

struct bench {
	struct plm_cgroup_layout layout;
	struct plm_hierarchy hierarchies[PLM_MAX_HIERARCHIES];
	size_t n_hierarchies;
	char root[64];
	int n_made;
};

static int make_dir(const struct bench *b, const char *name, bool is_removal)
{
	for (size_t i = 0; i < b->n_hierarchies; i++) {
		char path[PATH_MAX];
		(void)snprintf(path, sizeof(path), "%s%s%s", b->hierarchies[i].mount, b->root, name);
		int r = is_removal ? rmdir(path) : mkdir(path, 0755);
		if (r != 0 && errno != EEXIST && !is_removal) {
			perror(path);
			return -1;
		}
		if (b->hierarchies[i].is_v2 && b->layout.mode == PLM_CGROUP_V2 && !name[0] && !is_removal) {
			(void)strcat(path, "/cgroup.subtree_control");
			FILE *f = fopen(path, "we");
			if (f) {
				(void)fputs("+cpu +memory +pids", f);
				(void)fclose(f);
			}
		}
	}
	return 0;
}

static int make_cgroups(struct bench *b, int n)
{
	for (; b->n_made < n - 1; b->n_made++) { /* the root is one, too */
		char name[32];
		(void)snprintf(name, sizeof(name), "/task-%d", b->n_made);
		if (make_dir(b, name, false) != 0)
			return -1;
	}
	return 0;
}

static void remove_cgroups(struct bench *b)
{
	for (int i = 0; i < b->n_made; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "/task-%d", i);
		(void)make_dir(b, name, true);
	}
	(void)make_dir(b, "", true);
}

static int compare(const void *a, const void *b)
{
	plm_ns x = *(const plm_ns *)a, y = *(const plm_ns *)b;
	return (x > y) - (x < y);
}

#define NO_ROOM (-2)

/* Median CPU time of a pass in ns; -1 on failure, NO_ROOM when the rung has no descriptors for that many cgroups. */
static plm_ns measure(const struct bench *b, char rung, int passes, int want_rows, const char **ret_name)
{
	struct plm_source_cfg cfg = { .root = b->root };
	struct plm_err err = PLM_ERR_INIT;
	struct plm_ladder *l = NULL;
	struct plm_sample_set set = { 0 };
	plm_ns cost[MAX_PASSES], ret = -1;
	if (plm_ladder_open(&cfg, rung, false, &l, &err) != 0) {
		fprintf(stderr, "bench_sample: %s\n", plm_err_text(&err));
		return -1;
	}
	*ret_name = plm_ladder_source(l)->name;
	int r = plm_ladder_read(l, &set, &err); /* names, opens files: once per cgroup, not per sample */
	for (int i = 0; r == 0 && i < passes; i++) {
		r = plm_ladder_read(l, &set, &err);
		cost[i] = set.cost_cpu_ns;
	}
	if (r != 0) {
		fprintf(stderr, "bench_sample: %s\n", plm_err_text(&err));
	} else if (rung == 'E' && set.lost_cgroups > 0) {
		ret = NO_ROOM;
	} else if (set.n_rows != (size_t)want_rows) {
		fprintf(stderr, "bench_sample: %s: %zu rows instead of %d\n", *ret_name, set.n_rows, want_rows);
	} else {
		qsort(cost, (size_t)passes, sizeof(cost[0]), compare);
		ret = cost[passes / 2];
	}
	plm_ladder_close(l);
	plm_sample_set_done(&set);
	return ret;
}

static int run(struct bench *b, bool is_quick)
{
	static const int sizes[] = { 10, 100, 1000, 5000 };
	size_t n_sizes = is_quick ? 3 : 4;
	for (size_t i = 0; i < n_sizes; i++) {
		int n = sizes[i];
		const char *iter_name, *files_name;
		int passes = is_quick ? 30 : MAX_PASSES;
		int files_passes = n >= 1000 ? 5 : 20;
		if (make_cgroups(b, n) != 0)
			return 1;
		plm_ns iter_ns = measure(b, 0, passes, n, &iter_name);
		plm_ns files_ns = measure(b, 'E', files_passes, n, &files_name);
		if (iter_ns < 0 || files_ns == -1)
			return 1;
		if (i == 0)
			printf("%8s  %24s  %24s  %6s\n%8s  %12s %11s  %12s %11s\n", "cgroups", iter_name, files_name,
			       "ratio", "", "us/cgroup", "us/sample", "us/cgroup", "us/sample");
		if (files_ns == NO_ROOM) {
			printf("%8d  %12.2f %11.0f  not measured: RLIMIT_NOFILE is too low for that many kept-open "
			       "files\n",
			       n, (double)iter_ns / n / 1e3, (double)iter_ns / 1e3);
			continue;
		}
		printf("%8d  %12.2f %11.0f  %12.2f %11.0f  %5.1fx\n", n, (double)iter_ns / n / 1e3,
		       (double)iter_ns / 1e3, (double)files_ns / n / 1e3, (double)files_ns / 1e3,
		       (double)files_ns / (double)iter_ns);
		(void)fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "quick", no_argument, NULL, 'q' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	bool is_quick = false;
	struct bench b = { .n_made = 0 };
	struct plm_err err = PLM_ERR_INIT;
	for (int c; (c = getopt_long(argc, argv, "qh", options, NULL)) != -1;) {
		is_quick |= c == 'q';
		if (c != 'q') {
			printf("usage: bench_sample [--quick]\n");
			return c == 'h' ? 0 : 2;
		}
	}
	if (geteuid() != 0) {
		printf("SKIP needs root\n");
		return 77;
	}
	if (plm_cgroup_layout_detect(NULL, &b.layout, &err) != 0) {
		fprintf(stderr, "bench_sample: %s\n", plm_err_text(&err));
		return 1;
	}
	b.n_hierarchies = plm_hierarchy_list(&b.layout, b.hierarchies);
	(void)snprintf(b.root, sizeof(b.root), "/plmbench-%d", (int)getpid());
	printf("CPU time of one sample, medians, idle cgroups, %s layout, %zu hierarchies, %ld CPUs\n",
	       plm_cgroup_mode_name(b.layout.mode), b.n_hierarchies, sysconf(_SC_NPROCESSORS_ONLN));
	int r = make_dir(&b, "", false) == 0 ? run(&b, is_quick) : 1;
	remove_cgroups(&b);
	return r;
}
