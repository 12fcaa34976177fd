/* SPDX-License-Identifier: Apache-2.0
 * What doctor asks the kernel: version, types, privilege, the ladder rung by rung, cgroups, pressure. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/num.h"
#include "cli/checks.h"
#include "kernel/cgroupfs.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"
#define UNPRIVILEGED_FILE "/proc/sys/kernel/unprivileged_bpf_disabled"

void plm_check_kernel(struct plm_checks *c)
{
	struct utsname u;
	struct stat st;
	struct plm_check *k = plm_checks_add(c, "kernel");
	if (uname(&u) == 0)
		(void)snprintf(k->found, sizeof(k->found), "%s %s %s", u.sysname, u.release, u.machine);
	struct plm_check *b = plm_checks_add(c, "btf");
	if (stat(BTF_FILE, &st) == 0) {
		(void)snprintf(b->found, sizeof(b->found), BTF_FILE ", %lld KiB", (long long)st.st_size / 1024);
		return;
	}
	b->status = PLM_CHECK_MISSING;
	(void)snprintf(b->found, sizeof(b->found), BTF_FILE ": %s", strerror(errno));
	(void)plm_strcpy(b->mend, sizeof(b->mend),
			 "use a kernel with CONFIG_DEBUG_INFO_BTF=y; without it only rung E (files) works");
}

static bool has_cap(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;
	return caps && cap_get_flag(caps, cap, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

void plm_check_privilege(struct plm_checks *c)
{
	struct plm_check *p = plm_checks_add(c, "privilege");
	cap_t caps = cap_get_proc();
	bool admin = has_cap(caps, CAP_SYS_ADMIN), bpf = has_cap(caps, CAP_BPF), perfmon = has_cap(caps, CAP_PERFMON);
	char unprivileged[16] = "not readable";
	uint64_t value;
	if (caps)
		cap_free(caps);
	if (plm_file_u64(AT_FDCWD, UNPRIVILEGED_FILE, &value) == 0)
		(void)snprintf(unprivileged, sizeof(unprivileged), "%u", (unsigned)value);
	const char *held = admin            ? "CAP_SYS_ADMIN"
			   : bpf && perfmon ? "CAP_BPF and CAP_PERFMON"
			   : bpf            ? "CAP_BPF without CAP_PERFMON"
			   : perfmon        ? "CAP_PERFMON without CAP_BPF"
					    : "no capability for eBPF";
	(void)snprintf(p->found, sizeof(p->found), "uid %u, %s, unprivileged_bpf_disabled %s", (unsigned)geteuid(),
		       held, unprivileged);
	if (admin || (bpf && perfmon))
		return;
	p->status = PLM_CHECK_MISSING;
	p->is_privilege = true;
	(void)plm_strcpy(p->mend, sizeof(p->mend), "run as root, or give CAP_BPF and CAP_PERFMON");
}

/* --- the ladder --- */

static bool is_permission(int r)
{
	return r == -EPERM || r == -EACCES;
}

static void rung_mend(struct plm_check *k, const struct plm_rung_report *r, char best)
{
	const char *to = r->rung == 'L' ? "finals of tasks shorter than a sample interval" : NULL;
	if (is_permission(r->status))
		(void)plm_strcpy(k->mend, sizeof(k->mend),
				 geteuid() == 0 ? "allow bpf(2): CAP_BPF and CAP_PERFMON, no seccomp or lockdown"
						: "run as root, or give CAP_BPF and CAP_PERFMON");
	else if (to)
		(void)snprintf(k->mend, sizeof(k->mend), "nothing needed; without it the %s are estimates", to);
	else if (best && best != 'E')
		(void)snprintf(k->mend, sizeof(k->mend), "nothing needed: rung %c is used", best);
	else
		(void)plm_strcpy(k->mend, sizeof(k->mend),
				 "one rung is enough; B needs cgroup v2, C needs v1 or both, B and C need BTF");
}

void plm_check_rungs(struct plm_checks *c, const struct plm_rung_report *reports, size_t n)
{
	char best = 0;
	const char *best_name = "";
	bool is_all_privilege = n > 0;
	for (size_t i = 0; i < n; i++) {
		if (reports[i].rung == 'L')
			continue;
		if (reports[i].status == 0 && (!best || reports[i].rung < best)) {
			best = reports[i].rung;
			best_name = reports[i].name;
		}
		if (reports[i].status != 0 && !is_permission(reports[i].status) && reports[i].status != -ENOTSUP)
			is_all_privilege = false;
	}
	for (size_t i = 0; i < n; i++) {
		const struct plm_rung_report *r = &reports[i];
		char name[32];
		(void)snprintf(name, sizeof(name), r->rung == 'L' ? "events" : "rung %c", r->rung);
		struct plm_check *k = plm_checks_add(c, name);
		(void)snprintf(k->found, sizeof(k->found), "%s%s%s", r->name, r->status ? ": " : "",
			       r->status ? (r->reason[0] ? r->reason : strerror(-r->status)) : "");
		char *noise = is_permission(r->status) ? strstr(k->found, ": libbpf:") : NULL;
		if (noise) /* the library's guesses at what EPERM means */
			*noise = '\0';
		if (r->status == 0)
			continue;
		k->status = r->rung == 'L' ? PLM_CHECK_DEGRADED : PLM_CHECK_MISSING;
		k->is_privilege = is_permission(r->status);
		rung_mend(k, r, best);
	}
	struct plm_check *s = plm_checks_add(c, "sampling");
	s->is_needed = true;
	if (best) {
		(void)snprintf(s->found, sizeof(s->found), "rung %c (%s) is used", best, best_name);
		if (best != 'E')
			return;
		s->status = PLM_CHECK_DEGRADED;
		(void)plm_strcpy(s->mend, sizeof(s->mend), "works, but costs more CPU a sample; see the rungs above");
		return;
	}
	s->status = PLM_CHECK_MISSING;
	s->is_privilege = is_all_privilege;
	(void)plm_strcpy(s->found, sizeof(s->found), "no rung works: tasks cannot be measured");
	(void)plm_strcpy(s->mend, sizeof(s->mend), "mend one of the rungs above");
}

void plm_check_ladder(struct plm_checks *c)
{
	struct plm_rung_report reports[PLM_LADDER_MAX_REPORTS];
	struct plm_source_cfg cfg = { .root = "/" };
	plm_check_rungs(c, reports, plm_ladder_probe_all(&cfg, reports));
}

/* --- cgroups --- */

void plm_check_cgroups(struct plm_checks *c)
{
	struct plm_check *k = plm_checks_add(c, "cgroups");
	struct plm_cgroup_layout l;
	struct plm_err err = PLM_ERR_INIT;
	if (plm_cgroup_layout_detect(NULL, &l, &err) < 0) {
		k->status = PLM_CHECK_MISSING;
		k->is_needed = true;
		(void)plm_strcpy(k->found, sizeof(k->found), plm_err_text(&err));
		(void)plm_strcpy(k->mend, sizeof(k->mend), "mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
	const struct {
		const char *name, *v1;
		bool in_v2;
	} controllers[] = { { "cpu", l.v1_cpu, l.v2_has_cpu },
			    { "memory", l.v1_memory, l.v2_has_memory },
			    { "pids", l.v1_pids, l.v2_has_pids } };
	int len = snprintf(k->found, sizeof(k->found), "%s", plm_cgroup_mode_name(l.mode));
	char missing[64] = "";
	for (size_t i = 0; i < PLM_ARRAY_SIZE(controllers); i++) {
		const char *where = controllers[i].in_v2 ? l.v2 : controllers[i].v1;
		len += snprintf(k->found + len, sizeof(k->found) - (size_t)len, "; %s %.60s", controllers[i].name,
				where[0] ? where : "absent");
		if (!where[0])
			(void)snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), "%s%s",
				       missing[0] ? ", " : "", controllers[i].name);
	}
	if (!missing[0])
		return;
	k->status = PLM_CHECK_DEGRADED;
	(void)snprintf(k->mend, sizeof(k->mend),
		       "enable %s: kernel option, cgroup_disable= on the command line, or the parent's "
		       "cgroup.subtree_control",
		       missing);
}

void plm_check_pressure(struct plm_checks *c)
{
	static const char *const names[] = { "cpu", "memory", "io" };
	struct plm_check *k = plm_checks_add(c, "pressure");
	char have[40] = "";
	int error = 0;
	size_t n = 0;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(names); i++) {
		char path[40], text[256];
		(void)snprintf(path, sizeof(path), "/proc/pressure/%s", names[i]);
		PLM_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
		/* With psi=0 the file opens and the read is refused. */
		if (fd < 0 || plm_file_pread(fd, text, sizeof(text)) < 0) {
			error = errno;
			continue;
		}
		n++;
		(void)snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%s", have[0] ? ", " : "", names[i]);
	}
	if (n == PLM_ARRAY_SIZE(names)) {
		(void)snprintf(k->found, sizeof(k->found), "PSI for %s", have);
		return;
	}
	k->status = n ? PLM_CHECK_DEGRADED : PLM_CHECK_MISSING;
	(void)snprintf(k->found, sizeof(k->found), "PSI for %s; /proc/pressure: %s", n ? have : "nothing",
		       strerror(error));
	(void)plm_strcpy(k->mend, sizeof(k->mend),
			 "boot with psi=1 (CONFIG_PSI); without it throttling cannot be told from contention");
}
