/* SPDX-License-Identifier: Apache-2.0
 * The rules of kernel/finals.h, one by one, with made-up samples, events and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/finals.h"

#define MS PLM_NS_PER_MS

struct world {
	struct plm_finals *finals;
	struct plm_sample_set set;
};

static int setup(void **ctx)
{
	static struct world w;
	memset(&w, 0, sizeof(w));
	w.finals = plm_finals_new("/p");
	*ctx = &w;
	return w.finals ? 0 : -1;
}

static int teardown(void **ctx)
{
	struct world *w = *ctx;
	plm_finals_free(w->finals);
	plm_sample_set_done(&w->set);
	return 0;
}

static void add_row(struct world *w, uint64_t id, uint64_t parent_id, const char *path, uint64_t usage_ns)
{
	struct plm_sample *row = plm_sample_set_add(&w->set);
	assert_non_null(row);
	*row = (struct plm_sample){
		.id = id, .parent_id = parent_id, .path = path, .has = PLM_HAS_CPU, .cpu_usage_ns = usage_ns
	};
}

static void event(struct world *w, uint32_t type, uint64_t id, const char *path, uint64_t cpu_ns, plm_ns time_ns)
{
	struct plm_event e = {
		.id = id, .parent_id = 1, .time_ns = (uint64_t)time_ns, .final_cpu_ns = cpu_ns, .type = type
	};
	(void)snprintf(e.path, sizeof(e.path), "%s", path);
	plm_finals_event(w->finals, &e);
}

/* One pass with the rows and events given since the last; returns the number of finals. */
static size_t pass(struct world *w, plm_ns now)
{
	w->set.n_finals = 0;
	assert_int_equal(plm_finals_take(w->finals, &w->set, now), 0);
	w->set.n_rows = 0;
	return w->set.n_finals;
}

static void release__after_rmdir__exact_once(void **ctx)
{
	struct world *w = *ctx;
	event(w, PLM_EV_RMDIR, 7, "/p/a", 900, 10 * MS);
	assert_int_equal(pass(w, 20 * MS), 0);
	event(w, PLM_EV_RELEASE, 7, "/p/a", 1000, 30 * MS);
	assert_int_equal(pass(w, 40 * MS), 1);
	assert_int_equal(w->set.finals[0].cpu_usage_ns, 1000);
	assert_true(w->set.finals[0].is_exact);
	assert_int_equal(w->set.finals[0].time_ns, 10 * MS);
	assert_string_equal(w->set.finals[0].path, "/p/a");
	assert_int_equal(pass(w, 5000 * MS), 0);
}

static void release__too_late__ignored(void **ctx)
{
	struct world *w = *ctx;
	event(w, PLM_EV_RMDIR, 7, "/p/a", 900, 10 * MS);
	assert_int_equal(pass(w, 10 * MS + PLM_FINAL_WAIT_NS - 1), 0);
	assert_int_equal(pass(w, 10 * MS + PLM_FINAL_WAIT_NS), 1);
	assert_int_equal(w->set.finals[0].cpu_usage_ns, 900);
	assert_false(w->set.finals[0].is_exact);
	event(w, PLM_EV_RELEASE, 7, "/p/a", 1000, 3000 * MS);
	assert_int_equal(pass(w, 9000 * MS), 0);
}

static void timeout__sample_is_larger__sample_without_children(void **ctx)
{
	struct world *w = *ctx;
	add_row(w, 7, 1, "/p/a", 5000);
	add_row(w, 8, 7, "/p/a/c", 1500);
	assert_int_equal(pass(w, 1 * MS), 0);
	event(w, PLM_EV_RMDIR, 8, "/p/a/c", 1500, 2 * MS);
	event(w, PLM_EV_RELEASE, 8, "/p/a/c", 1500, 2 * MS);
	event(w, PLM_EV_RMDIR, 7, "/p/a", 3000, 2 * MS);
	assert_int_equal(pass(w, 3 * MS), 1);
	assert_int_equal(pass(w, 3 * MS + PLM_FINAL_WAIT_NS), 1);
	assert_int_equal(w->set.finals[0].cpu_usage_ns, 3500);
	assert_false(w->set.finals[0].is_exact);
}

static void value_not_known__last_sample(void **ctx)
{
	struct world *w = *ctx;
	add_row(w, 7, 1, "/p/a", 5000);
	assert_int_equal(pass(w, 1 * MS), 0);
	event(w, PLM_EV_RMDIR, 7, "/p/a", UINT64_MAX, 2 * MS);
	event(w, PLM_EV_RELEASE, 7, "/p/a", UINT64_MAX, 3 * MS);
	assert_int_equal(pass(w, 4 * MS), 1);
	assert_int_equal(w->set.finals[0].cpu_usage_ns, 5000);
	assert_false(w->set.finals[0].is_exact);
	/* Never sampled and not told by the kernel: nothing to say, and no zero either. */
	event(w, PLM_EV_RMDIR, 9, "/p/b", UINT64_MAX, 5 * MS);
	event(w, PLM_EV_RELEASE, 9, "/p/b", UINT64_MAX, 6 * MS);
	assert_int_equal(pass(w, 7 * MS), 0);
}

static void missing__no_event__last_sample_after_two_passes(void **ctx)
{
	struct world *w = *ctx;
	add_row(w, 1, 0, "/p", 6000);
	add_row(w, 7, 1, "/p/a", 5000);
	assert_int_equal(pass(w, 1 * MS), 0);
	add_row(w, 1, 0, "/p", 6000);
	assert_int_equal(pass(w, 2 * MS), 0);
	add_row(w, 1, 0, "/p", 6000);
	assert_int_equal(pass(w, 3 * MS), 0); /* two passes, but too short */
	add_row(w, 1, 0, "/p", 6000);
	assert_int_equal(pass(w, 2 * MS + PLM_FINAL_MISSING_NS), 1);
	assert_int_equal(w->set.finals[0].id, 7);
	assert_int_equal(w->set.finals[0].cpu_usage_ns, 5000);
	assert_false(w->set.finals[0].is_exact);
	/* The parent ends: the child's share is not counted again. */
	assert_int_equal(pass(w, 1000 * MS), 0);
	assert_int_equal(pass(w, 2000 * MS), 1);
	assert_int_equal(w->set.finals[0].cpu_usage_ns, 1000);
}

static void missing__one_pass_only__nothing(void **ctx)
{
	struct world *w = *ctx;
	add_row(w, 7, 1, "/p/a", 5000);
	assert_int_equal(pass(w, 1 * MS), 0);
	assert_int_equal(pass(w, 1000 * MS), 0);
	add_row(w, 7, 1, "/p/a", 5500);
	assert_int_equal(pass(w, 2000 * MS), 0);
}

static void whole_tree__vanishes_at_once__each_its_own(void **ctx)
{
	struct world *w = *ctx;
	add_row(w, 7, 1, "/p/a", 5000);
	add_row(w, 8, 7, "/p/a/b", 3000);
	add_row(w, 9, 8, "/p/a/b/c", 1000);
	assert_int_equal(pass(w, 1 * MS), 0);
	assert_int_equal(pass(w, 1000 * MS), 0);
	assert_int_equal(pass(w, 2000 * MS), 3);
	uint64_t sum = 0;
	for (int i = 0; i < 3; i++)
		sum += w->set.finals[i].cpu_usage_ns;
	assert_int_equal(sum, 5000);
}

static void event__outside_the_root__dropped(void **ctx)
{
	struct world *w = *ctx;
	static const char *const paths[] = { "/other", "/p2", "/p2/x", "/" };
	for (uint64_t i = 0; i < 4; i++) {
		event(w, PLM_EV_RMDIR, 20 + i, paths[i], 1, 1 * MS);
		event(w, PLM_EV_RELEASE, 20 + i, paths[i], 1, 1 * MS);
	}
	event(w, PLM_EV_RELEASE, 30, "/p/never-opened", 1, 1 * MS);
	assert_int_equal(pass(w, 9000 * MS), 0);
	assert_int_equal(plm_finals_lost(w->finals), 0);
}

int main(void)
{
	(void)cmocka_set_message_output(CM_OUTPUT_TAP);
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(release__after_rmdir__exact_once),
		CASE(release__too_late__ignored),
		CASE(timeout__sample_is_larger__sample_without_children),
		CASE(value_not_known__last_sample),
		CASE(missing__no_event__last_sample_after_two_passes),
		CASE(missing__one_pass_only__nothing),
		CASE(whole_tree__vanishes_at_once__each_its_own),
		CASE(event__outside_the_root__dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
