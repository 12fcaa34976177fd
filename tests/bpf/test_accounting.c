/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's totals as sampled, held against the kernel's own files, on real cgroups with real load. Needs root.
 */
#include "cgroup_fixture.h"

#include <sched.h>
#include <sys/mman.h>

#include "kernel/source.h"

#define MIB (1024 * 1024)

struct state {
	struct fx fx;
	struct plm_ladder *ladder;
	struct plm_sample_set set;
};

static struct plm_ladder *open_ladder(const struct fx *fx, char rung)
{
	struct plm_source_cfg cfg = { .root = fx->root };
	struct plm_err err = PLM_ERR_INIT;
	struct plm_ladder *l = NULL;
	if (plm_ladder_open(&cfg, rung, false, &l, &err) != 0)
		fail_msg("rung '%c': %s", rung ? rung : '-', plm_err_text(&err));
	return l;
}

static void sample(struct state *s)
{
	struct plm_err err = PLM_ERR_INIT;
	if (plm_ladder_read(s->ladder, &s->set, &err) != 0)
		fail_msg("read: %s", plm_err_text(&err));
}

static const struct plm_sample *sample_row(struct state *s, const char *sub)
{
	sample(s);
	const struct plm_sample *row = fx_row(&s->fx, &s->set, sub);
	if (!row)
		fail_msg("no row for '%s'", sub);
	return row;
}

static int setup(void **ctx)
{
	struct state *s = calloc(1, sizeof(*s));
	fx_init(&s->fx);
	fx_make(&s->fx, "");
	s->ladder = open_ladder(&s->fx, 0);
	*ctx = s;
	return 0;
}

static int teardown(void **ctx)
{
	struct state *s = *ctx;
	plm_ladder_close(s->ladder);
	plm_sample_set_done(&s->set);
	fx_done(&s->fx);
	free(s);
	return 0;
}

/* A busy loop and `n` short-lived children, one after another. */
static int burn_with_children(int n, int ready_fd)
{
	(void)fx_burn(100 * 1000, ready_fd);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(fx_burn(500, -1));
		(void)waitpid(pid, NULL, 0);
	}
	return 0;
}

static void cpu__forked_children__equals_cpu_stat(void **ctx)
{
	struct state *s = *ctx;
	fx_make(&s->fx, "cpu");
	fx_run(&s->fx, "cpu", burn_with_children, 100);
	const struct plm_sample *row = sample_row(s, "cpu");
	uint64_t file_us = fx_number(&s->fx, FX_V2, "cpu", "cpu.stat", "usage_usec");
	print_message("sampled %llu us, cpu.stat %llu us\n", (unsigned long long)row->cpu_usage_ns / 1000,
		      (unsigned long long)file_us);
	assert_true(row->has & PLM_HAS_CPU);
	assert_int_equal(row->cpu_usage_ns / 1000, file_us);
	assert_true(file_us >= 150 * 1000);
	assert_int_equal(row->cpu_user_ns + row->cpu_system_ns, row->cpu_usage_ns);
	fx_remove(&s->fx, "cpu");
}

static void cpu__path_only_in_v1__equals_cpuacct_usage(void **ctx)
{
	struct state *s = *ctx;
	if (!fx_is_v1(&s->fx, FX_CPUACCT)) {
		print_message("no cgroup v1 on this host\n");
		skip();
	}
	sample(s); /* not the first pass of all */
	for (int w = FX_MEMORY; w <= FX_CPUACCT; w++)
		fx_make_at(&s->fx, w, "old");
	fx_run(&s->fx, "old", burn_with_children, 50);
	sample(s);
	assert_null(fx_row(&s->fx, &s->set, "old")); /* could be just in the making */
	const struct plm_sample *row = sample_row(s, "old");
	assert_true(row->has & PLM_HAS_CPU);
	assert_int_equal(row->cpu_usage_ns, fx_number(&s->fx, FX_CPUACCT, "old", "cpuacct.usage", NULL));
	assert_int_equal(row->cpu_user_ns + row->cpu_system_ns, row->cpu_usage_ns);
	assert_true(row->id >> 56 != 0); /* cannot be taken for a v2 id */
	fx_remove(&s->fx, "old");
}

static void cpu__children__add_up_to_the_parent(void **ctx)
{
	struct state *s = *ctx;
	const char *const names[] = { "sum", "sum/a", "sum/b", "sum/c" };
	for (int i = 0; i < 4; i++)
		fx_make(&s->fx, names[i]);
	for (int i = 1; i < 4; i++)
		fx_run(&s->fx, names[i], fx_burn, i * 20000);
	sample(s);
	const struct plm_sample *parent = fx_row(&s->fx, &s->set, "sum");
	assert_non_null(parent);
	uint64_t sum_ns = 0;
	for (int i = 1; i < 4; i++) {
		const struct plm_sample *child = fx_row(&s->fx, &s->set, names[i]);
		assert_non_null(child);
		assert_true(child > parent); /* parents come first */
		assert_int_equal(child->parent_id, parent->id);
		assert_true(child->cpu_usage_ns >= (uint64_t)i * 20000000);
		sum_ns += child->cpu_usage_ns;
	}
	assert_int_equal(sum_ns, parent->cpu_usage_ns);
	for (int i = 3; i >= 0; i--)
		fx_remove(&s->fx, names[i]);
}

static void throttle__quota_of_a_fifth__equals_cpu_stat(void **ctx)
{
	struct state *s = *ctx;
	bool is_v1 = fx_is_v1(&s->fx, FX_CPU);
	fx_make(&s->fx, "quota");
	if (is_v1) {
		fx_write(&s->fx, FX_CPU, "quota", "cpu.cfs_period_us", "20000");
		fx_write(&s->fx, FX_CPU, "quota", "cpu.cfs_quota_us", "4000");
	} else {
		fx_write(&s->fx, FX_CPU, "quota", "cpu.max", "4000 20000");
	}
	fx_run(&s->fx, "quota", fx_burn, 60000);
	/* The period timer runs on for a while after the last process; how long is the machine's affair. */
	const char *const name = is_v1 ? "throttled_time" : "throttled_usec";
	const struct plm_sample *row;
	uint64_t periods, throttled, time;
	int tries = 0;
	do {
		usleep(50000);
		periods = fx_number(&s->fx, FX_CPU, "quota", "cpu.stat", "nr_periods");
		throttled = fx_number(&s->fx, FX_CPU, "quota", "cpu.stat", "nr_throttled");
		time = fx_number(&s->fx, FX_CPU, "quota", "cpu.stat", name);
		row = sample_row(s, "quota");
	} while (fx_number(&s->fx, FX_CPU, "quota", "cpu.stat", "nr_periods") != periods && ++tries < 100);
	assert_true(row->has & PLM_HAS_THROTTLE);
	print_message("%llu of %llu periods throttled, %llu us\n", (unsigned long long)row->nr_throttled,
		      (unsigned long long)row->nr_periods, (unsigned long long)row->throttled_ns / 1000);
	assert_true(row->nr_throttled >= 5);
	assert_int_equal(row->nr_periods, periods);
	assert_int_equal(row->nr_throttled, throttled);
	assert_int_equal(is_v1 ? row->throttled_ns : row->throttled_ns / 1000, time);
	fx_remove(&s->fx, "quota");
}

/* Holds `mib` of anonymous memory and as much page cache of a file, then waits to be killed. */
static int hold_memory(int mib, int ready_fd)
{
	char name[] = "/var/tmp/plmtest-XXXXXX";
	int fd = mkstemp(name);
	size_t size = (size_t)mib * MIB;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || p == MAP_FAILED)
		return 1;
	(void)unlink(name);
	memset(p, 1, size);
	if (write(fd, p, size) != (ssize_t)size || fdatasync(fd) != 0 || write(ready_fd, "r", 1) != 1)
		return 1;
	for (;;)
		(void)pause();
}

static void memory__anonymous_and_file_cache__equals_files(void **ctx)
{
	struct state *s = *ctx;
	bool is_v1 = fx_is_v1(&s->fx, FX_MEMORY);
	const char *usage_file = is_v1 ? "memory.usage_in_bytes" : "memory.current";
	fx_make(&s->fx, "mem");
	assert_true(sample_row(s, "mem")->mem_limit_bytes == PLM_NO_MEM_LIMIT);
	fx_write(&s->fx, FX_MEMORY, "mem", is_v1 ? "memory.limit_in_bytes" : "memory.max", "67108864");
	struct fx_worker w = fx_start(&s->fx, "mem", hold_memory, 12);
	fx_wait_ready(&w);
	const struct plm_sample *row = NULL;
	uint64_t before, after;
	for (int i = 0; i < 20; i++) { /* until nothing changed around the sample */
		before = fx_number(&s->fx, FX_MEMORY, "mem", usage_file, NULL);
		/* Reading memory.stat brings the kernel's statistics up to date, which else lag by 2 s. */
		uint64_t inactive = fx_number(&s->fx, FX_MEMORY, "mem", "memory.stat",
					      is_v1 ? "total_inactive_file" : "inactive_file");
		row = sample_row(s, "mem");
		after = fx_number(&s->fx, FX_MEMORY, "mem", usage_file, NULL);
		if (before != after || row->mem_usage_bytes - row->mem_working_set_bytes != inactive)
			continue;
		print_message("usage %llu, working set %llu, inactive file cache %llu bytes\n",
			      (unsigned long long)row->mem_usage_bytes, (unsigned long long)row->mem_working_set_bytes,
			      (unsigned long long)inactive);
		assert_true(inactive >= 8 * MIB);
		break;
	}
	assert_int_equal(before, after);
	assert_int_equal(row->mem_usage_bytes, after);
	assert_int_equal(row->mem_limit_bytes, 64 * MIB);
	assert_true(row->mem_working_set_bytes >= 12 * MIB && row->mem_working_set_bytes <= 16 * MIB);
	assert_int_equal(row->pids, 1);
	assert_int_equal(row->oom_kills, 0);
	(void)fx_kill(&w);
	fx_remove(&s->fx, "mem");
}

static int eat_memory(int mib, int ready_fd)
{
	(void)ready_fd;
	char *p = mmap(NULL, (size_t)mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 1;
	memset(p, 1, (size_t)mib * MIB);
	return 0;
}

static void memory__oom_kill__is_counted(void **ctx)
{
	struct state *s = *ctx;
	bool is_v1 = fx_is_v1(&s->fx, FX_MEMORY);
	fx_make(&s->fx, "oom");
	fx_write(&s->fx, FX_MEMORY, "oom", is_v1 ? "memory.limit_in_bytes" : "memory.max", "8388608");
	struct fx_worker w = fx_start(&s->fx, "oom", eat_memory, 64);
	int status = fx_wait(&w);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	const struct plm_sample *row = sample_row(s, "oom");
	assert_true(row->has & PLM_HAS_OOM);
	assert_int_equal(row->oom_kills, 1);
	assert_int_equal(row->oom_kills, fx_number(&s->fx, FX_MEMORY, "oom",
						   is_v1 ? "memory.oom_control" : "memory.events", "oom_kill"));
	fx_remove(&s->fx, "oom");
}

static int burn_on_cpu_0(int us, int ready_fd)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
	return fx_burn(us, ready_fd);
}

static void pressure__two_tasks_on_one_cpu__equals_file(void **ctx)
{
	struct state *s = *ctx;
	char text[512], path[512];
	fx_path(&s->fx, FX_V2, "", "cpu.pressure", path);
	PLM_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || plm_file_pread(fd, text, sizeof(text)) < 0) {
		print_message("pressure accounting is off (psi=0)\n");
		skip();
	}
	fx_make(&s->fx, "psi");
	struct fx_worker a = fx_start(&s->fx, "psi", burn_on_cpu_0, 100000);
	struct fx_worker b = fx_start(&s->fx, "psi", burn_on_cpu_0, 100000);
	(void)fx_wait(&a);
	(void)fx_wait(&b);
	fx_read(&s->fx, FX_V2, "psi", "cpu.pressure", text, sizeof(text)); /* brings the totals up to date */
	uint64_t file_us = strtoull(strstr(text, "total=") + 6, NULL, 10);
	const struct plm_sample *row = sample_row(s, "psi");
	print_message("CPU pressure %llu us, file %llu us\n", (unsigned long long)row->psi_ns[PLM_PSI_CPU_SOME] / 1000,
		      (unsigned long long)file_us);
	assert_true(row->has & PLM_HAS_PSI_CPU);
	assert_true(file_us > 20000);
	assert_int_equal(row->psi_ns[PLM_PSI_CPU_SOME] / 1000, file_us);
	fx_remove(&s->fx, "psi");
}

static void finals__200_short_lives__all_recovered(void **ctx)
{
	enum { LIVES = 200 };
	struct state *s = *ctx;
	if (!plm_ladder_has_events(s->ladder))
		fail_msg("no lifecycle events");
	fx_make(&s->fx, "short");
	sample(s);
	uint64_t sum_ns = 0, seen[LIVES] = { 0 };
	size_t n = 0, n_exact = 0;
	for (int i = 0; i < LIVES + 300 && n < LIVES; i++) {
		if (i < LIVES) {
			char name[64];
			(void)snprintf(name, sizeof(name), "short/%d", i);
			fx_make_at(&s->fx, FX_V2, name);
			fx_run(&s->fx, name, fx_burn, 1000 + i % 5 * 1000);
			fx_remove_at(&s->fx, FX_V2, name);
		} else {
			usleep(10000);
		}
		if (i < LIVES && i % 50 != 49)
			continue;
		sample(s);
		for (size_t k = 0; k < s->set.n_finals; k++) {
			const struct plm_final *final = &s->set.finals[k];
			if (!strstr(final->path, "/short/"))
				continue;
			for (size_t m = 0; m < n; m++)
				assert_true(seen[m] != final->id);
			assert_true(n < LIVES);
			seen[n++] = final->id;
			n_exact += final->is_exact;
			sum_ns += final->cpu_usage_ns;
		}
	}
	uint64_t total_ns = fx_number(&s->fx, FX_V2, "short", "cpu.stat", "usage_usec") * 1000;
	print_message("%zu of %d finals, %zu exact: %llu of %llu us = %.3f %%, %llu events lost\n", n, LIVES, n_exact,
		      (unsigned long long)sum_ns / 1000, (unsigned long long)total_ns / 1000,
		      100.0 * (double)sum_ns / (double)total_ns, (unsigned long long)s->set.lost_events);
	assert_int_equal(n, LIVES);
	assert_int_equal(s->set.lost_events, 0);
	assert_true(sum_ns >= total_ns / 100 * 98);
	assert_true(sum_ns <= total_ns + 1000); /* cpu.stat rounds down */
	fx_remove(&s->fx, "short");
}

static void finals__sampled_parent_and_child__own_time_each_once(void **ctx)
{
	struct state *s = *ctx;
	fx_make(&s->fx, "p");
	fx_make(&s->fx, "p/c");
	fx_run(&s->fx, "p", fx_burn, 20000);
	fx_run(&s->fx, "p/c", fx_burn, 30000);
	uint64_t total_ns = sample_row(s, "p")->cpu_usage_ns;
	fx_remove(&s->fx, "p/c");
	fx_remove(&s->fx, "p");
	uint64_t sum_ns = 0;
	int n = 0;
	for (int i = 0; i < 60; i++) { /* past the wait for a release: nothing may come twice */
		sample(s);
		for (size_t k = 0; k < s->set.n_finals; k++) {
			const char *name = s->set.finals[k].path + strlen(s->fx.root);
			if (strcmp(name, "/p") != 0 && strcmp(name, "/p/c") != 0)
				continue;
			sum_ns += s->set.finals[k].cpu_usage_ns;
			n++;
		}
		usleep(50000);
	}
	assert_int_equal(n, 2);
	assert_int_equal(sum_ns, total_ns);
}

static void root__made_later_and_again__is_picked_up(void **ctx)
{
	struct state *s = *ctx;
	char root[128];
	(void)snprintf(root, sizeof(root), "%s/later", s->fx.root);
	const char rungs[] = { plm_ladder_source(s->ladder)->rung, 'E' };
	for (size_t i = 0; i < sizeof(rungs); i++) {
		struct plm_source_cfg cfg = { .root = root };
		struct plm_err err = PLM_ERR_INIT;
		struct plm_ladder *l = NULL;
		struct plm_sample_set set = { 0 };
		assert_int_equal(plm_ladder_open(&cfg, rungs[i], true, &l, &err), 0);
		uint64_t last_id = 0;
		for (int life = 0; life < 2; life++) {
			assert_int_equal(plm_ladder_read(l, &set, &err), 0);
			assert_int_equal(set.n_rows, 0);
			fx_make(&s->fx, "later");
			fx_make(&s->fx, "later/in");
			fx_run(&s->fx, "later/in", fx_burn, 5000);
			assert_int_equal(plm_ladder_read(l, &set, &err), 0);
			if (set.n_rows != 2)
				fail_msg("rung %c, life %d: %zu rows", rungs[i], life, set.n_rows);
			assert_string_equal(set.rows[0].path, root);
			assert_true(set.rows[0].cpu_usage_ns >= 5000000);
			assert_true(set.rows[1].id != last_id);
			last_id = set.rows[1].id;
			fx_remove(&s->fx, "later/in");
			assert_int_equal(plm_ladder_read(l, &set, &err), 0);
			assert_int_equal(set.n_rows, 1);
			fx_remove(&s->fx, "later");
		}
		plm_sample_set_done(&set);
		plm_ladder_close(l);
	}
}

static void row__removed_cgroup__vanishes(void **ctx)
{
	struct state *s = *ctx;
	fx_make(&s->fx, "gone");
	(void)sample_row(s, "gone");
	fx_remove(&s->fx, "gone");
	sample(s);
	assert_null(fx_row(&s->fx, &s->set, "gone"));
}

static void row__v2_directory_goes_first__no_second_life_in_v1(void **ctx)
{
	struct state *s = *ctx;
	fx_make(&s->fx, "half");
	(void)sample_row(s, "half");
	fx_remove_at(&s->fx, FX_V2, "half");
	for (int i = 0; i < 3; i++) {
		sample(s);
		assert_null(fx_row(&s->fx, &s->set, "half"));
	}
	fx_remove(&s->fx, "half");
}

static void assert_same(const struct plm_sample *a, const struct plm_sample *b)
{
	assert_string_equal(a->path, b->path);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->parent_id ? a->parent_id : b->parent_id, b->parent_id);
	assert_int_equal(a->has, b->has);
	assert_int_equal(a->cpu_usage_ns / 1000, b->cpu_usage_ns / 1000); /* files count in us */
	assert_int_equal(a->nr_periods, b->nr_periods);
	assert_int_equal(a->nr_throttled, b->nr_throttled);
	assert_int_equal(a->throttled_ns / 1000, b->throttled_ns / 1000);
	assert_int_equal(a->mem_usage_bytes, b->mem_usage_bytes);
	assert_int_equal(a->mem_limit_bytes, b->mem_limit_bytes);
	assert_int_equal(a->oom_kills, b->oom_kills);
	assert_int_equal(a->pids, b->pids);
}

static void rungs__iterator_and_files__same_rows(void **ctx)
{
	struct state *s = *ctx;
	struct plm_ladder *files = open_ladder(&s->fx, 'E');
	struct plm_sample_set set = { 0 };
	struct plm_err err = PLM_ERR_INIT;
	fx_make(&s->fx, "same");
	fx_make(&s->fx, "same/one");
	fx_make(&s->fx, "same/two");
	fx_run(&s->fx, "same/one", burn_with_children, 20);
	struct fx_worker w = fx_start(&s->fx, "same/two", hold_memory, 4);
	fx_wait_ready(&w);
	usleep(20000);
	sample(s);
	assert_int_equal(plm_ladder_read(files, &set, &err), 0);
	static const char *const subs[] = { "same", "same/one", "same/two" };
	for (int i = 0; i < 3; i++) {
		const struct plm_sample *a = fx_row(&s->fx, &s->set, subs[i]), *b = fx_row(&s->fx, &set, subs[i]);
		assert_non_null(a);
		assert_non_null(b);
		assert_same(a, b);
	}
	assert_int_equal(s->set.n_rows, set.n_rows);
	(void)fx_kill(&w);
	fx_remove(&s->fx, "same/one");
	fx_remove(&s->fx, "same/two");
	fx_remove(&s->fx, "same");
	plm_sample_set_done(&set);
	plm_ladder_close(files);
}

static void limit__more_cgroups_than_room__counted_as_lost(void **ctx)
{
	struct state *s = *ctx;
	fx_make(&s->fx, "many");
	for (int i = 0; i < 12; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "many/%d", i);
		fx_make_at(&s->fx, FX_V2, name);
	}
	const char rungs[] = { plm_ladder_source(s->ladder)->rung, 'E' };
	for (size_t i = 0; i < sizeof(rungs); i++) {
		struct plm_source_cfg cfg = { .root = s->fx.root, .max_cgroups = 8 };
		struct plm_err err = PLM_ERR_INIT;
		struct plm_ladder *l = NULL;
		struct plm_sample_set set = { 0 };
		assert_int_equal(plm_ladder_open(&cfg, rungs[i], true, &l, &err), 0);
		assert_int_equal(plm_ladder_read(l, &set, &err), 0);
		assert_int_equal(set.n_rows, 8);
		assert_int_equal(set.lost_cgroups, 14 - 8);
		plm_sample_set_done(&set);
		plm_ladder_close(l);
	}
	fx_done(&s->fx);
	fx_make(&s->fx, "");
}

static void ladder__rung_that_cannot_work__says_why(void **ctx)
{
	struct state *s = *ctx;
	struct plm_source_cfg cfg = { .root = s->fx.root };
	struct plm_err err = PLM_ERR_INIT;
	struct plm_ladder *l = NULL;
	assert_int_equal(plm_ladder_open(&cfg, 'Z', true, &l, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no rung 'Z'"));
	char wrong = plm_ladder_source(s->ladder)->rung == 'B' ? 'C' : 'B';
	assert_int_equal(plm_ladder_open(&cfg, wrong, true, &l, &err), -ENOTSUP);
	print_message("%s\n", plm_err_text(&err));
	assert_non_null(strstr(err.msg, "was asked for"));
	assert_non_null(strstr(err.msg, "this host is"));
	assert_null(l);
	cfg.root = "relative";
	assert_int_equal(plm_ladder_open(&cfg, 0, true, &l, &err), -EINVAL);
}

static void ladder__probe_all__one_rung_chosen_and_events(void **ctx)
{
	struct state *s = *ctx;
	struct plm_source_cfg cfg = { .root = s->fx.root };
	struct plm_rung_report reports[PLM_LADDER_MAX_REPORTS];
	size_t n = plm_ladder_probe_all(&cfg, reports);
	int n_chosen = 0;
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++) {
		print_message("%c %s: %s\n", reports[i].rung, reports[i].name,
			      reports[i].status ? reports[i].reason : "ok");
		n_chosen += reports[i].is_chosen && reports[i].rung != 'L';
		assert_true(reports[i].status == 0 || reports[i].reason[0]);
	}
	assert_int_equal(n_chosen, 1);
	assert_int_equal(reports[3].status, 0);
}

int main(void)
{
	(void)cmocka_set_message_output(CM_OUTPUT_TAP);
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu__forked_children__equals_cpu_stat),
		cmocka_unit_test(cpu__path_only_in_v1__equals_cpuacct_usage),
		cmocka_unit_test(cpu__children__add_up_to_the_parent),
		cmocka_unit_test(throttle__quota_of_a_fifth__equals_cpu_stat),
		cmocka_unit_test(memory__anonymous_and_file_cache__equals_files),
		cmocka_unit_test(memory__oom_kill__is_counted),
		cmocka_unit_test(pressure__two_tasks_on_one_cpu__equals_file),
		cmocka_unit_test(finals__200_short_lives__all_recovered),
		cmocka_unit_test(finals__sampled_parent_and_child__own_time_each_once),
		cmocka_unit_test(root__made_later_and_again__is_picked_up),
		cmocka_unit_test(row__removed_cgroup__vanishes),
		cmocka_unit_test(row__v2_directory_goes_first__no_second_life_in_v1),
		cmocka_unit_test(rungs__iterator_and_files__same_rows),
		cmocka_unit_test(limit__more_cgroups_than_room__counted_as_lost),
		cmocka_unit_test(ladder__rung_that_cannot_work__says_why),
		cmocka_unit_test(ladder__probe_all__one_rung_chosen_and_events),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
