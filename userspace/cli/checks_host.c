/* SPDX-License-Identifier: Apache-2.0
 * What doctor asks the rest of the host: clock, limits, where tasks and state go, the daemon. Nothing is changed. */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "cli/checks.h"
#include "cli/client.h"
#include "kernel/cgroupfs.h"

#define CLOCKSOURCE_FILE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define FILES_ENOUGH 1024 /* HTTP connections, eBPF, database; tasks of the local backend take one each */
#define STATE_FREE_ENOUGH (64u << 20)
#define DAEMON_TIMEOUT_MS 2000

void plm_check_clock(struct plm_checks *c)
{
	struct plm_check *k = plm_checks_add(c, "clock");
	struct timex tx = { .modes = 0 };
	struct timespec resolution;
	char source[32] = "clock source unknown";
	PLM_CLOSE int fd = open(CLOCKSOURCE_FILE, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && plm_file_pread(fd, source, sizeof(source)) > 0)
		source[strcspn(source, "\n")] = '\0';
	if (clock_getres(CLOCK_MONOTONIC, &resolution) != 0)
		resolution = (struct timespec){ .tv_sec = 1 };
	int state = adjtimex(&tx);
	bool is_synchronised = state >= 0 && state != TIME_ERROR && !(tx.status & STA_UNSYNC);
	(void)snprintf(k->found, sizeof(k->found), "monotonic by %s, %lld ns; wall time %s", source,
		       (long long)resolution.tv_sec * PLM_NS_PER_S + resolution.tv_nsec,
		       is_synchronised ? "synchronised"
		       : state < 0     ? "unknown"
				       : "not synchronised");
	if (is_synchronised)
		return;
	k->status = PLM_CHECK_DEGRADED;
	(void)plm_strcpy(k->mend, sizeof(k->mend),
			 "run chrony or systemd-timesyncd; only the times in records depend on it");
}

void plm_check_files(struct plm_checks *c)
{
	struct plm_check *k = plm_checks_add(c, "open files");
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	(void)snprintf(k->found, sizeof(k->found), "%llu now, %llu at most", (unsigned long long)limit.rlim_cur,
		       (unsigned long long)limit.rlim_max);
	if (limit.rlim_cur >= FILES_ENOUGH)
		return;
	k->status = PLM_CHECK_DEGRADED;
	(void)snprintf(k->mend, sizeof(k->mend), "ulimit -n %d, or LimitNOFILE= in the unit", FILES_ENOUGH);
}

/* --- where the local backend makes cgroups --- */

/* 0 or -errno of making a cgroup at the hierarchy's root, as far as can be told without making one. */
static int can_make(const char *mount)
{
	struct statvfs st;
	if (statvfs(mount, &st) == 0 && (st.f_flag & ST_RDONLY))
		return -EROFS;
	return access(mount, W_OK | X_OK) == 0 ? 0 : -errno;
}

void plm_check_backend(struct plm_checks *c)
{
	struct plm_check *k = plm_checks_add(c, "local backend");
	struct plm_cgroup_layout l;
	int worst = 0;
	size_t n = 0;
	k->is_needed = true;
	if (plm_cgroup_layout_detect(NULL, &l, NULL) < 0) {
		k->status = PLM_CHECK_MISSING;
		(void)plm_strcpy(k->found, sizeof(k->found), "no cgroup hierarchy");
		(void)plm_strcpy(k->mend, sizeof(k->mend), "see cgroups above");
		return;
	}
	const char *mounts[] = { l.v2, l.v1_cpu, l.v1_cpuacct, l.v1_memory, l.v1_pids };
	for (size_t i = 0; i < PLM_ARRAY_SIZE(mounts); i++) {
		int r = mounts[i][0] ? can_make(mounts[i]) : 0;
		n += mounts[i][0] != '\0';
		if (r < 0 && worst != -EROFS) {
			worst = r;
			(void)snprintf(k->found, sizeof(k->found), "cannot make cgroups in %.100s: %s", mounts[i],
				       strerror(-r));
		}
	}
	if (worst == 0) {
		(void)snprintf(k->found, sizeof(k->found), "can make cgroups in %s",
			       n == 1 ? "the hierarchy" : "every hierarchy it uses");
		return;
	}
	k->status = PLM_CHECK_MISSING;
	k->is_privilege = worst == -EACCES || worst == -EPERM;
	(void)plm_strcpy(k->mend, sizeof(k->mend),
			 worst == -EROFS  ? "mount the cgroup filesystem read-write"
			 : geteuid() == 0 ? "delegate a writable cgroup subtree"
					  : "run as root, or delegate a subtree (systemd: Delegate=yes)");
}

/* --- state, daemon --- */

/* The folder itself or the nearest parent that exists. */
static void existing_parent(const char *dir, char *ret, size_t size)
{
	struct stat st;
	(void)plm_strcpy(ret, size, dir);
	while (stat(ret, &st) != 0 && errno == ENOENT) {
		char *slash = strrchr(ret, '/');
		if (!slash || slash == ret) {
			(void)plm_strcpy(ret, size, slash ? "/" : ".");
			return;
		}
		*slash = '\0';
	}
}

void plm_check_state_dir(struct plm_checks *c, const char *dir)
{
	struct plm_check *k = plm_checks_add(c, "state");
	struct statvfs fs;
	char nearest[PATH_MAX], room[32] = "";
	existing_parent(dir, nearest, sizeof(nearest));
	bool exists = strcmp(nearest, dir) == 0;
	k->is_needed = true;
	if (access(nearest, W_OK | X_OK) != 0) {
		int error = errno;
		k->status = PLM_CHECK_MISSING;
		k->is_privilege = error == EACCES || error == EPERM;
		(void)snprintf(k->found, sizeof(k->found), "%.120s: %s", nearest, strerror(error));
		(void)snprintf(k->mend, sizeof(k->mend), "make %.120s writable for the daemon's user, or set state_dir",
			       dir);
		return;
	}
	bool is_full = false;
	if (statvfs(nearest, &fs) == 0) {
		plm_bytes_text((double)fs.f_bavail * (double)fs.f_frsize, room, sizeof(room));
		is_full = (double)fs.f_bavail * (double)fs.f_frsize < STATE_FREE_ENOUGH;
	}
	(void)snprintf(k->found, sizeof(k->found), "%.120s %s, %s free", dir, exists ? "is writable" : "can be made",
		       room);
	if (!is_full)
		return;
	k->status = PLM_CHECK_DEGRADED;
	(void)plm_strcpy(k->mend, sizeof(k->mend), "free some space: activities cannot be recorded on a full disk");
}

void plm_check_daemon(struct plm_checks *c, const char *socket)
{
	struct plm_check *k = plm_checks_add(c, "daemon");
	cJSON *doc = NULL;
	int r = plm_client_try(socket, "host", DAEMON_TIMEOUT_MS, &doc);
	if (r == 0) {
		const char *version = plm_cell_string(doc, "version"), *rung = plm_cell_string(doc, "host.rung");
		bool is_ready = cJSON_IsTrue(plm_cell_at(doc, "is_ready"));
		(void)snprintf(k->found, sizeof(k->found), "version %.32s on %.108s, rung %.8s, %s",
			       version ? version : "unknown", socket, rung ? rung : "unknown",
			       is_ready ? "ready" : "not ready");
		if (!is_ready) {
			k->status = PLM_CHECK_DEGRADED;
			(void)plm_strcpy(k->mend, sizeof(k->mend),
					 "GET /readyz on its socket or port tells what it waits for");
		}
		cJSON_Delete(doc);
		return;
	}
	k->status = r == -ECONNREFUSED ? PLM_CHECK_MISSING : PLM_CHECK_DEGRADED;
	if (r == -ECONNREFUSED) {
		(void)snprintf(k->found, sizeof(k->found), "none on %.108s", socket);
		(void)plm_strcpy(k->mend, sizeof(k->mend), "start plimsolld, or name its socket with --socket");
	} else if (r == -EACCES) {
		(void)snprintf(k->found, sizeof(k->found), "%.108s may not be opened by this user", socket);
		(void)plm_strcpy(k->mend, sizeof(k->mend), "join the socket's group, or become root");
	} else {
		(void)snprintf(k->found, sizeof(k->found), "%.108s: %s", socket, strerror(-r));
		(void)plm_strcpy(k->mend, sizeof(k->mend), "look at the daemon's log");
	}
}
