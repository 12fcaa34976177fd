/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/fs.h"

static ssize_t read_proc(const char *path, char *text, size_t size)
{
	PLM_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : plm_file_pread(fd, text, size);
}

static uint64_t limit_of(rlim_t limit)
{
	return limit == RLIM_INFINITY ? PLM_PROCESS_NO_LIMIT : (uint64_t)limit;
}

static bool count_fds(uint64_t *ret)
{
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return false;
	uint64_t n = 0;
	for (const struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	*ret = n ? n - 1 : 0;
	return true;
}

void plm_process_read(struct plm_process *ret)
{
	char text[4096];
	*ret = (struct plm_process){ .cpu_ns = plm_clock_self_cpu() };

	if (read_proc("/proc/self/statm", text, sizeof(text)) > 0) {
		char *end;
		uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
		ret->virtual_bytes = strtoull(text, &end, 10) * page;
		ret->resident_bytes = strtoull(end, NULL, 10) * page;
		ret->has_memory = true;
	}
	if (read_proc("/proc/self/status", text, sizeof(text)) > 0) {
		const char *line = strstr(text, "\nThreads:");
		if (line) {
			ret->threads = strtoull(line + strlen("\nThreads:"), NULL, 10);
			ret->has_threads = ret->threads > 0;
		}
	}
	struct rlimit as, nofile;
	if (getrlimit(RLIMIT_AS, &as) == 0 && getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
		ret->max_virtual_bytes = limit_of(as.rlim_cur);
		ret->max_fds = limit_of(nofile.rlim_cur);
		ret->has_limits = true;
	}
	ret->has_fds = count_fds(&ret->open_fds);
}
