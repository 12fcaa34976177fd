/* SPDX-License-Identifier: Apache-2.0
 *
 * Formats: "Control Group v2" and "CPU Accounting Controller", "Memory Resource Controller" of the kernel's
 * documentation. cpu.stat of v2 counts in us, of v1 in ns; cpuacct.stat in USER_HZ ticks; pressure totals in us.
 */
#include "kernel/cgfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

/* memory.stat is the largest: 60 lines on 6.18. Longer texts are cut, and what is cut is absent. */
#define MAX_TEXT 8192

/* What one read carries from file to file. */
struct reading {
	struct plm_sample *row;
	uint64_t inactive_file_bytes, user_raw_ns, system_raw_ns;
	bool has_inactive_file, has_cpuacct_stat;
};

static void parse_v2_cpu_stat(const char *text, struct reading *r)
{
	uint64_t usage, user, system, periods, throttled, time;
	if (plm_text_u64(text, "usage_usec", &usage) && plm_text_u64(text, "user_usec", &user) &&
	    plm_text_u64(text, "system_usec", &system)) {
		r->row->cpu_usage_ns = usage * PLM_NS_PER_US;
		r->row->cpu_user_ns = user * PLM_NS_PER_US;
		r->row->cpu_system_ns = system * PLM_NS_PER_US;
		r->row->has |= PLM_HAS_CPU;
	}
	if (plm_text_u64(text, "nr_periods", &periods) && plm_text_u64(text, "nr_throttled", &throttled) &&
	    plm_text_u64(text, "throttled_usec", &time)) {
		r->row->nr_periods = periods;
		r->row->nr_throttled = throttled;
		r->row->throttled_ns = time * PLM_NS_PER_US;
		r->row->has |= PLM_HAS_THROTTLE;
	}
}

static void parse_v1_cpu_stat(const char *text, struct reading *r)
{
	uint64_t periods, throttled, time;
	if (!plm_text_u64(text, "nr_periods", &periods) || !plm_text_u64(text, "nr_throttled", &throttled) ||
	    !plm_text_u64(text, "throttled_time", &time))
		return;
	r->row->nr_periods = periods;
	r->row->nr_throttled = throttled;
	r->row->throttled_ns = time;
	r->row->has |= PLM_HAS_THROTTLE;
}

static void parse_cpuacct_usage(const char *text, struct reading *r)
{
	if (r->row->has & PLM_HAS_CPU)
		return;
	r->row->cpu_usage_ns = strtoull(text, NULL, 10);
	r->row->has |= PLM_HAS_CPU;
}

static void parse_cpuacct_stat(const char *text, struct reading *r)
{
	uint64_t user, system, tick_ns = (uint64_t)(PLM_NS_PER_S / sysconf(_SC_CLK_TCK));
	if (!plm_text_u64(text, "user", &user) || !plm_text_u64(text, "system", &system))
		return;
	r->user_raw_ns = user * tick_ns;
	r->system_raw_ns = system * tick_ns;
	r->has_cpuacct_stat = true;
}

static void parse_memory_usage(const char *text, struct reading *r)
{
	r->row->mem_usage_bytes = strtoull(text, NULL, 10);
	r->row->has |= PLM_HAS_MEM;
}

static void parse_memory_stat(const char *text, struct reading *r)
{
	/* v1 gives the cgroup alone as "inactive_file" and with its children as "total_inactive_file". */
	r->has_inactive_file = plm_text_u64(text, "total_inactive_file", &r->inactive_file_bytes) ||
			       plm_text_u64(text, "inactive_file", &r->inactive_file_bytes);
}

static void parse_memory_limit(const char *text, struct reading *r)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit = strncmp(text, "max", 3) == 0 ? PLM_NO_MEM_LIMIT : strtoull(text, NULL, 10);
	/* v1 prints the largest number of pages a counter takes. */
	r->row->mem_limit_bytes = limit / page >= LONG_MAX / page ? PLM_NO_MEM_LIMIT : limit;
	r->row->has |= PLM_HAS_MEM_LIMIT;
}

static void parse_memory_events(const char *text, struct reading *r)
{
	if (plm_text_u64(text, "oom_kill", &r->row->oom_kills))
		r->row->has |= PLM_HAS_OOM;
}

static void parse_pids(const char *text, struct reading *r)
{
	r->row->pids = strtoull(text, NULL, 10);
	r->row->has |= PLM_HAS_PROCS;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234" and the same with "full". */
static void parse_pressure(const char *text, struct reading *r, enum plm_psi some, uint32_t bit)
{
	const char *total = strstr(text, "total=");
	if (strncmp(text, "some ", 5) != 0 || !total)
		return;
	r->row->psi_ns[some] = strtoull(total + 6, NULL, 10) * PLM_NS_PER_US;
	r->row->has |= bit;
	const char *full = strstr(text, "\nfull ");
	total = full ? strstr(full, "total=") : NULL;
	if (total)
		r->row->psi_ns[some + 1] = strtoull(total + 6, NULL, 10) * PLM_NS_PER_US;
}

static void parse_cpu_pressure(const char *text, struct reading *r)
{
	parse_pressure(text, r, PLM_PSI_CPU_SOME, PLM_HAS_PSI_CPU);
}

static void parse_memory_pressure(const char *text, struct reading *r)
{
	parse_pressure(text, r, PLM_PSI_MEM_SOME, PLM_HAS_PSI_MEM);
}

static void parse_io_pressure(const char *text, struct reading *r)
{
	parse_pressure(text, r, PLM_PSI_IO_SOME, PLM_HAS_PSI_IO);
}

static const struct {
	const char *v2_name, *v1_name; /* NULL: not in that version */
	void (*parse)(const char *text, struct reading *r);
} files[] = {
	[PLM_CGFILE_V2_CPU_STAT] = { "cpu.stat", NULL, parse_v2_cpu_stat },
	[PLM_CGFILE_V2_CPU_PRESSURE] = { "cpu.pressure", NULL, parse_cpu_pressure },
	[PLM_CGFILE_V2_MEMORY_PRESSURE] = { "memory.pressure", NULL, parse_memory_pressure },
	[PLM_CGFILE_V2_IO_PRESSURE] = { "io.pressure", NULL, parse_io_pressure },
	[PLM_CGFILE_MEMORY_USAGE] = { "memory.current", "memory.usage_in_bytes", parse_memory_usage },
	[PLM_CGFILE_MEMORY_STAT] = { "memory.stat", "memory.stat", parse_memory_stat },
	[PLM_CGFILE_MEMORY_LIMIT] = { "memory.max", "memory.limit_in_bytes", parse_memory_limit },
	[PLM_CGFILE_MEMORY_EVENTS] = { "memory.events", "memory.oom_control", parse_memory_events },
	[PLM_CGFILE_PIDS] = { "pids.current", "pids.current", parse_pids },
	[PLM_CGFILE_V1_CPU_STAT] = { NULL, "cpu.stat", parse_v1_cpu_stat },
	[PLM_CGFILE_CPUACCT_USAGE] = { NULL, "cpuacct.usage", parse_cpuacct_usage },
	[PLM_CGFILE_CPUACCT_STAT] = { NULL, "cpuacct.stat", parse_cpuacct_stat },
};
_Static_assert(PLM_ARRAY_SIZE(files) == _PLM_CGFILE_MAX, "one row per file");

void plm_cgfiles_init(struct plm_cgfiles *f)
{
	memset(f, 0, sizeof(*f));
	for (int i = 0; i < _PLM_CGFILE_MAX; i++)
		f->fd[i] = -1;
}

static void close_file(struct plm_cgfiles *f, int i)
{
	if (f->fd[i] >= 0)
		(void)close(f->fd[i]);
	f->fd[i] = -1;
}

void plm_cgfiles_done(struct plm_cgfiles *f)
{
	for (int i = 0; i < _PLM_CGFILE_MAX; i++)
		close_file(f, i);
}

int plm_cgfiles_open(struct plm_cgfiles *f, const struct plm_hierarchy *h, int dir_fd)
{
	for (int i = 0; i < _PLM_CGFILE_MAX; i++) {
		const char *name = h->is_v2 ? files[i].v2_name : files[i].v1_name;
		if (!name || f->fd[i] >= 0)
			continue;
		/* v2 has the CPU time already. */
		if ((i == PLM_CGFILE_CPUACCT_USAGE || i == PLM_CGFILE_CPUACCT_STAT) &&
		    f->fd[PLM_CGFILE_V2_CPU_STAT] >= 0)
			continue;
		f->fd[i] = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
		if (f->fd[i] < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
			return -errno;
	}
	return 0;
}

int plm_cgfiles_read(struct plm_cgfiles *f, plm_ns now, struct plm_sample *row)
{
	struct reading r = { .row = row };
	char text[MAX_TEXT];
	int n_read = 0;
	row->time_ns = now;
	for (int i = 0; i < _PLM_CGFILE_MAX; i++) {
		if (f->fd[i] < 0)
			continue;
		ssize_t n = plm_file_pread(f->fd[i], text, sizeof(text));
		if (n == -ENODEV && i == PLM_CGFILE_V2_CPU_STAT) {
			/* Removed; directories of the same cgroup in v1 may stay a moment longer. */
			plm_cgfiles_done(f);
			return 0;
		}
		/* Pressure files say EOPNOTSUPP where pressure accounting is switched off: not to be tried again. */
		if (n == -ENODEV || n == -EOPNOTSUPP) {
			close_file(f, i);
			continue;
		}
		n_read++;
		if (n < 0)
			continue; /* absent this time */
		files[i].parse(text, &r);
	}
	if ((row->has & PLM_HAS_MEM) && r.has_inactive_file) {
		row->mem_working_set_bytes =
			row->mem_usage_bytes > r.inactive_file_bytes ? row->mem_usage_bytes - r.inactive_file_bytes : 0;
		row->has |= PLM_HAS_WORKING_SET;
	}
	if ((row->has & PLM_HAS_CPU) && r.has_cpuacct_stat) {
		plm_cputime_split(row->cpu_usage_ns, r.user_raw_ns, r.system_raw_ns, &f->shown);
		row->cpu_user_ns = f->shown.user_ns;
		row->cpu_system_ns = f->shown.system_ns;
	}
	return n_read;
}
