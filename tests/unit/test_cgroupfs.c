/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/cgroupfs.h"
#include "kernel/hierarchy.h"

static int detect(const char *mountinfo, struct plm_cgroup_layout *ret, struct plm_err *err)
{
	char path[] = "/tmp/plm-mountinfo-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, mountinfo, strlen(mountinfo)), strlen(mountinfo));
	(void)close(fd);
	int r = plm_cgroup_layout_detect(path, ret, err);
	(void)unlink(path);
	return r;
}

#define OTHER "22 1 0:20 / /proc rw,nosuid - proc proc rw\n23 1 254:0 / / rw - ext4 /dev/vda rw\n"
#define V2 "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_COMMON                                                                             \
	"31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"                          \
	"33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"         \
	"34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"                   \
	"35 31 0:32 / /sys/fs/cgroup/memory rw shared:3 master:1 - cgroup cgroup rw,memory\n" \
	"36 31 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"                       \
	"37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
#define UNIFIED "38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static void detect__only_v2__v2(void **state)
{
	(void)state;
	struct plm_cgroup_layout l;
	assert_int_equal(detect(OTHER V2, &l, NULL), 0);
	assert_int_equal(l.mode, PLM_CGROUP_V2);
	assert_string_equal(l.v2, "/sys/fs/cgroup");
	assert_string_equal(l.v1_memory, "");
	assert_string_equal(plm_cgroup_mode_name(l.mode), "v2");
}

static void detect__v1_and_unified__hybrid(void **state)
{
	(void)state;
	struct plm_cgroup_layout l;
	assert_int_equal(detect(OTHER V1_COMMON UNIFIED, &l, NULL), 0);
	assert_int_equal(l.mode, PLM_CGROUP_HYBRID);
	assert_string_equal(l.v1_cpu, "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(l.v1_cpuacct, l.v1_cpu);
	assert_string_equal(l.v1_memory, "/sys/fs/cgroup/memory");
	assert_string_equal(l.v2, "/sys/fs/cgroup/unified");
}

static void detect__no_v2__v1(void **state)
{
	(void)state;
	struct plm_cgroup_layout l;
	assert_int_equal(detect(OTHER V1_COMMON, &l, NULL), 0);
	assert_int_equal(l.mode, PLM_CGROUP_V1);
	assert_string_equal(l.v2, "");
}

static void detect__only_named_v1_beside_v2__v2(void **state)
{
	(void)state;
	struct plm_cgroup_layout l;
	assert_int_equal(
		detect(V2 "37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n", &l, NULL), 0);
	assert_int_equal(l.mode, PLM_CGROUP_V2);
}

static void detect__blank_in_mount_point__unescaped(void **state)
{
	(void)state;
	struct plm_cgroup_layout l;
	assert_int_equal(detect("30 23 0:26 / /mnt/c\\040g\\134x rw - cgroup2 none rw\n", &l, NULL), 0);
	assert_string_equal(l.v2, "/mnt/c g\\x");
}

static void detect__part_of_a_hierarchy__only_without_the_whole(void **state)
{
	(void)state;
	struct plm_cgroup_layout l;
	assert_int_equal(detect("30 23 0:26 /user.slice /mnt/part rw - cgroup2 none rw\n" V2, &l, NULL), 0);
	assert_string_equal(l.v2, "/sys/fs/cgroup");
	assert_int_equal(detect("30 23 0:26 /user.slice /mnt/part rw - cgroup2 none rw\n", &l, NULL), 0);
	assert_string_equal(l.v2, "/mnt/part");
}

static void detect__no_cgroups__enoent_and_untouched(void **state)
{
	(void)state;
	struct plm_cgroup_layout l, before;
	struct plm_err err = PLM_ERR_INIT;
	memset(&l, 0x5a, sizeof(l));
	before = l;
	assert_int_equal(detect(OTHER, &l, &err), -ENOENT);
	assert_memory_equal(&l, &before, sizeof(l));
	assert_string_equal(err.msg, "no cgroup filesystem is mounted");
	assert_int_equal(plm_cgroup_layout_detect("/nonexistent/mountinfo", &l, &err), -ENOENT);
	assert_string_equal(err.where, "/nonexistent/mountinfo");
}

static void detect__broken_lines__skipped(void **state)
{
	(void)state;
	struct plm_cgroup_layout l;
	assert_int_equal(
		detect("\n - \nx - cgroup2\n1 2 3 4 - cgroup2 a b\n30 23 0:26 / /a rw - cgroup2\n" V2, &l, NULL), 0);
	assert_string_equal(l.v2, "/sys/fs/cgroup");
}

static void hierarchy_list__joint_cpu_and_cpuacct__once(void **state)
{
	(void)state;
	struct plm_cgroup_layout l;
	struct plm_hierarchy h[PLM_MAX_HIERARCHIES];
	assert_int_equal(detect(V1_COMMON UNIFIED, &l, NULL), 0);
	assert_int_equal(plm_hierarchy_list(&l, h), 4);
	assert_true(h[0].is_v2);
	assert_int_equal(plm_hierarchy_id(&h[0], 42), 42); /* v2 ids are the kernel's */
	assert_true(h[3].has_cpuacct);
	for (int i = 1; i < 4; i++)
		assert_true(plm_hierarchy_id(&h[i], 42) != plm_hierarchy_id(&h[i - 1], 42));
	assert_int_equal(detect(V2, &l, NULL), 0);
	assert_int_equal(plm_hierarchy_list(&l, h), 1);
}

static void clean_root__table__expected(void **state)
{
	(void)state;
	char root[16];
	assert_int_equal(plm_hierarchy_clean_root(NULL, root, sizeof(root)), 0);
	assert_string_equal(root, "/");
	assert_int_equal(plm_hierarchy_clean_root("/a/b/", root, sizeof(root)), 0);
	assert_string_equal(root, "/a/b");
	assert_int_equal(plm_hierarchy_clean_root("a", root, sizeof(root)), -EINVAL);
	assert_int_equal(plm_hierarchy_clean_root("/a/../b", root, sizeof(root)), -EINVAL);
	assert_int_equal(plm_hierarchy_clean_root("/a/..", root, sizeof(root)), -EINVAL);
	assert_int_equal(plm_hierarchy_clean_root("/0123456789abcdef", root, sizeof(root)), -ENAMETOOLONG);
}

int main(void)
{
	(void)cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(detect__only_v2__v2),
		cmocka_unit_test(detect__v1_and_unified__hybrid),
		cmocka_unit_test(detect__no_v2__v1),
		cmocka_unit_test(detect__only_named_v1_beside_v2__v2),
		cmocka_unit_test(detect__blank_in_mount_point__unescaped),
		cmocka_unit_test(detect__part_of_a_hierarchy__only_without_the_whole),
		cmocka_unit_test(detect__no_cgroups__enoent_and_untouched),
		cmocka_unit_test(detect__broken_lines__skipped),
		cmocka_unit_test(hierarchy_list__joint_cpu_and_cpuacct__once),
		cmocka_unit_test(clean_root__table__expected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
