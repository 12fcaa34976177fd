/* SPDX-License-Identifier: Apache-2.0
 * Documents of the local backend, and where it finds cgroups. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/local/cgroup.h"
#include "backends/local/definition.h"
#include "base/cleanup.h"
#include "base/fs.h"

#define MIB (1024ULL * 1024)

static int add(struct plm_local_docs *docs, bool is_service, const char *text, struct plm_err *err)
{
	cJSON *doc = NULL;
	assert_int_equal(plm_json_parse(text, strlen(text), 0, "f.json", &doc, err), 0);
	int r = is_service ? plm_local_add_services(doc, "f.json", "prod", docs, err)
			   : plm_local_add_definitions(doc, "f.json", docs, err);
	cJSON_Delete(doc);
	return r;
}

static void add_definitions__every_member__taken(void **state)
{
	struct plm_local_docs docs = { .n_definitions = 0 };
	struct plm_err err = PLM_ERR_INIT;
	(void)state;
	int r = add(&docs, false,
		    "{\"family\":\"web\",\"cpu\":\"256\",\"memory\":512,\"requiresCompatibilities\":[\"EC2\"],"
		    "\"networkMode\":\"host\","
		    "\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"none\",\"entryPoint\":[\"/bin/"
		    "sh\",\"-c\"],\"command\":[\"x y\"],"
		    "\"environment\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\"}],\"workingDirectory\":\"/"
		    "tmp\",\"user\":\"12:34\","
		    "\"cpu\":10,\"memory\":256,\"memoryReservation\":128,\"portMappings\":[{\"containerPort\":80,"
		    "\"protocol\":\"udp\"}],"
		    "\"stopTimeout\":0,\"ulimits\":[{\"name\":\"nofile\",\"softLimit\":64,\"hardLimit\":128}],"
		    "\"essential\":true,"
		    "\"mountPoints\":[],\"readonlyRootFilesystem\":false}],\"volumes\":[]}",
		    &err);
	assert_string_equal(plm_err_text(&err), "");
	assert_int_equal(r, 0);
	const struct plm_local_definition *d = &docs.definitions[0];
	assert_string_equal(d->family, "web");
	assert_int_equal(d->cpu_units, 256);
	assert_true(d->has_cpu_quota);
	assert_int_equal(d->memory_bytes, 512 * MIB);
	assert_int_equal(d->memory_limit_bytes, 256 * MIB); /* the tighter one, as the container is the task */
	assert_string_equal(d->argv[0], "/bin/sh");
	assert_string_equal(d->argv[2], "x y");
	assert_null(d->argv[3]);
	assert_string_equal(d->env[0], "A=1");
	assert_string_equal(d->env[1], "B=");
	assert_string_equal(d->workdir, "/tmp");
	assert_int_equal(d->uid, 12);
	assert_int_equal(d->gid, 34);
	assert_int_equal(d->host_port, 0);
	assert_true(d->is_udp);
	assert_int_equal(d->stop_timeout_s, 0);
	assert_int_equal(d->nofile_soft, 64);
	assert_int_equal(d->nofile_hard, 128);
	plm_local_docs_done(&docs);
}

static void add_definitions__sizes_of_the_container__used_where_the_task_has_none(void **state)
{
	static const struct {
		const char *container;
		uint32_t cpu_units;
		uint64_t reserved_mib, limit_mib;
	} cases[] = {
		{ "\"cpu\":100", 100, 0, 0 },
		{ "\"memory\":64", 0, 64, 64 },
		{ "\"memory\":64,\"memoryReservation\":32", 0, 32, 64 },
		{ "\"memoryReservation\":32", 0, 32, 0 },
		{ "\"cpu\":0", 0, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_local_docs docs = { .n_definitions = 0 };
		char text[256];
		(void)snprintf(text, sizeof(text),
			       "{\"family\":\"w\",\"containerDefinitions\":[{\"name\":\"a\",\"command\":[\"x\"],%s}]}",
			       cases[i].container);
		assert_int_equal(add(&docs, false, text, NULL), 0);
		assert_int_equal(docs.definitions[0].cpu_units, cases[i].cpu_units);
		assert_false(docs.definitions[0].has_cpu_quota);
		assert_int_equal(docs.definitions[0].memory_bytes, cases[i].reserved_mib * MIB);
		assert_int_equal(docs.definitions[0].memory_limit_bytes, cases[i].limit_mib * MIB);
		assert_int_equal(docs.definitions[0].stop_timeout_s, 30);
		assert_int_equal(docs.definitions[0].host_port, PLM_LOCAL_NO_PORT);
		plm_local_docs_done(&docs);
	}
}

#define TASK(members) "{\"family\":\"w\"," members "\"containerDefinitions\":[{\"name\":\"a\",\"command\":[\"x\"]}]}"
#define CONTAINER(members) \
	"{\"family\":\"w\",\"containerDefinitions\":[{\"name\":\"a\",\"command\":[\"x\"]," members "}]}"
#define IN_CONTAINER "f.json: containerDefinitions[0]."

static void add_definitions__bad_documents__name_file_field_and_range(void **state)
{
	static const struct {
		const char *text, *expect;
	} cases[] = {
		{ "3", "f.json: must be an object or an array of objects" },
		{ "[3]", "f.json: [0]: must be an object" },
		{ "{}", "f.json: family: is required" },
		{ TASK("\"familly\":\"w\","), "f.json: familly: is not a known member; did you mean \"family\"?" },
		{ "{\"family\":\"a/b\",\"containerDefinitions\":[]}",
		  "f.json: family: is \"a/b\"; letters, digits, - and _ only" },
		{ TASK("\"cpu\":\"10\","), "f.json: cpu: is \"10\"; it must be a whole number from 11 to 196608" },
		{ TASK("\"cpu\":1.5,"), "f.json: cpu: is 1.5; it must be a whole number from 11 to 196608" },
		{ TASK("\"memory\":5,"), "f.json: memory: is 5; it must be from 6 to" },
		{ TASK("\"volumes\":[{\"name\":\"v\"}],"),
		  "f.json: volumes: is not supported for processes of the host" },
		{ "{\"family\":\"w\",\"containerDefinitions\":[]}", "f.json: containerDefinitions: has 0 entries" },
		{ "{\"family\":\"w\",\"containerDefinitions\":[{},{}]}",
		  "f.json: containerDefinitions: has 2 entries" },
		{ "{\"family\":\"w\",\"containerDefinitions\":[7]}",
		  "f.json: containerDefinitions[0]: must be an object" },
		{ "{\"family\":\"w\",\"containerDefinitions\":[{\"name\":\"a\"}]}",
		  IN_CONTAINER "command: is required" },
		{ CONTAINER("\"comand\":[]"), "did you mean \"command\"?" },
		{ CONTAINER("\"entryPoint\":[1]"), IN_CONTAINER "entryPoint: must be an array of strings" },
		{ CONTAINER("\"environment\":[{\"name\":\"A=B\"}]"),
		  IN_CONTAINER "environment[0].name: must not contain =" },
		{ CONTAINER("\"environment\":[{\"value\":\"x\"}]"), IN_CONTAINER "environment[0].name: is required" },
		{ CONTAINER("\"environment\":[[\"x\"]]"), IN_CONTAINER "environment[0]: must be an object" },
		{ CONTAINER("\"portMappings\":[[1]]"), IN_CONTAINER "portMappings[0]: must be an object" },
		{ CONTAINER("\"ulimits\":[[1]]"), IN_CONTAINER "ulimits[0]: must be an object" },
		{ CONTAINER("\"user\":\"no-such-user\""),
		  IN_CONTAINER "user: is \"no-such-user\"; there is no such user" },
		{ CONTAINER("\"user\":\"0:no-such-group\""), "there is no such group" },
		{ CONTAINER("\"workingDirectory\":\"tmp\""),
		  IN_CONTAINER "workingDirectory: is \"tmp\"; it must be an absolute path" },
		{ CONTAINER("\"portMappings\":[{\"hostPort\":70000}]"),
		  IN_CONTAINER "portMappings[0].hostPort: is 70000; it must be from 0 to 65535" },
		{ CONTAINER("\"portMappings\":[{},{}]"), IN_CONTAINER "portMappings: has 2 entries; one is supported" },
		{ CONTAINER("\"stopTimeout\":121"), IN_CONTAINER "stopTimeout: is 121; it must be from 0 to 120" },
		{ CONTAINER("\"ulimits\":[{\"name\":\"core\",\"softLimit\":9,\"hardLimit\":9}]"),
		  IN_CONTAINER "ulimits[0].name: is \"core\"; it must be nofile" },
		{ CONTAINER("\"ulimits\":[{\"name\":\"nofile\",\"softLimit\":9,\"hardLimit\":8}]"),
		  "hardLimit: is 8; it must be from 9 to" },
		{ CONTAINER("\"memory\":16,\"memoryReservation\":32"),
		  IN_CONTAINER "memoryReservation: is 32 MiB, more than memory 16 MiB" },
		{ CONTAINER("\"essential\":false"), IN_CONTAINER "essential: is false" },
		{ CONTAINER("\"readonlyRootFilesystem\":true"),
		  IN_CONTAINER "readonlyRootFilesystem: is not supported" },
		{ CONTAINER("\"secrets\":[{\"name\":\"A\"}]"), IN_CONTAINER "secrets: is not supported" },
		{ "{\"taskDefinition\":" TASK("\"cpu\":1,") "}",
		  "f.json: taskDefinition.cpu: is 1; it must be from 11 to" },
		{ "{\"taskDefinition\":" TASK("") ",\"x\":1}", "f.json: x: is not a known member" },
		{ "[" TASK("") "," TASK("") "]", "f.json: [1].family: \"w\" is defined twice" },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_local_docs docs = { .n_definitions = 0 };
		struct plm_err err = PLM_ERR_INIT;
		assert_int_equal(add(&docs, false, cases[i].text, &err), -EINVAL);
		if (!strstr(plm_err_text(&err), cases[i].expect))
			fail_msg("%s\n  gives:  %s\n  wanted: %s", cases[i].text, plm_err_text(&err), cases[i].expect);
		plm_local_docs_done(&docs);
	}
}

static void add_definitions__text__changes_only_with_what_matters(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} cases[] = {
		{ TASK("\"cpu\":64,"),
		  "{\"containerDefinitions\":[{\"command\":[\"x\"],\"name\":\"b\"}],\"cpu\":64,\"family\":\"w\"}",
		  true },
		{ TASK("\"tags\":[{\"key\":\"a\",\"value\":\"b\"}],"), TASK(""), true },
		{ TASK("\"cpu\":64,"), TASK("\"cpu\":65,"), false },
		{ TASK("\"memory\":64,"), CONTAINER("\"memory\":64"), false },
		{ CONTAINER("\"stopTimeout\":1"), CONTAINER("\"stopTimeout\":2"), false },
		{ CONTAINER("\"environment\":[{\"name\":\"A\"}]"), CONTAINER("\"environment\":[{\"name\":\"B\"}]"),
		  false },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_local_docs a = { .n_definitions = 0 }, b = a;
		assert_int_equal(add(&a, false, cases[i].a, NULL), 0);
		assert_int_equal(add(&b, false, cases[i].b, NULL), 0);
		assert_int_equal(strcmp(a.definitions[0].text, b.definitions[0].text) == 0, cases[i].is_same);
		plm_local_docs_done(&a);
		plm_local_docs_done(&b);
	}
}

#define SERVICE(members) "{\"serviceName\":\"s\",\"taskDefinition\":\"w\"," members "}"

static void add_services__forms_that_aws_prints__accepted(void **state)
{
	static const struct {
		const char *text;
		int n, desired, revision;
		bool is_daemon;
	} cases[] = {
		{ SERVICE("\"desiredCount\":3,\"launchType\":\"EC2\",\"cluster\":\"prod\""), 1, 3, 0, false },
		{ "{\"service\":" SERVICE("\"desiredCount\":0,\"loadBalancers\":[]") "}", 1, 0, 0, false },
		{ "{\"services\":[" SERVICE("\"desiredCount\":2") "],\"failures\":[]}", 1, 2, 0, false },
		{ "{\"serviceName\":\"s\",\"taskDefinition\":\"arn:aws:ecs:eu-west-1:1:task-definition/"
		  "w:7\",\"desiredCount\":1,"
		  "\"clusterArn\":\"arn:aws:ecs:eu-west-1:1:cluster/prod\"}",
		  1, 1, 7, false },
		{ SERVICE("\"schedulingStrategy\":\"DAEMON\",\"desiredCount\":5"), 1, 1, 0, true },
		{ "[]", 0, 0, 0, false },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_local_docs docs = { .n_services = 0 };
		struct plm_err err = PLM_ERR_INIT;
		if (add(&docs, true, cases[i].text, &err) != 0)
			fail_msg("%s: %s", cases[i].text, plm_err_text(&err));
		assert_int_equal(docs.n_services, cases[i].n);
		if (cases[i].n) {
			assert_string_equal(docs.services[0].family, "w");
			assert_int_equal(docs.services[0].desired, cases[i].desired);
			assert_int_equal(docs.services[0].revision, cases[i].revision);
			assert_int_equal(docs.services[0].is_daemon, cases[i].is_daemon);
		}
		plm_local_docs_done(&docs);
	}
}

static void add_services__bad_documents__name_file_field_and_range(void **state)
{
	static const struct {
		const char *text, *expect;
	} cases[] = {
		{ "{\"serviceName\":\"s\"}", "f.json: taskDefinition: is required" },
		{ SERVICE("\"desired\":1"), "f.json: desired: is not a known member" },
		{ SERVICE("\"launchType\":\"EC2\""), "f.json: desiredCount: is required" },
		{ SERVICE("\"desiredCount\":-1"), "f.json: desiredCount: is -1; it must be from 0 to 10000" },
		{ SERVICE("\"desiredCount\":1,\"cluster\":\"test\""),
		  "f.json: cluster: is \"test\"; this daemon serves cluster \"prod\"" },
		{ SERVICE("\"desiredCount\":1,\"schedulingStrategy\":\"ALL\""),
		  "f.json: schedulingStrategy: is \"ALL\"; it must be one of: REPLICA, DAEMON" },
		{ SERVICE("\"desiredCount\":1,\"loadBalancers\":[{}]"), "f.json: loadBalancers: is not supported" },
		{ "{\"serviceName\":\"a b\",\"taskDefinition\":\"w\",\"desiredCount\":1}",
		  "f.json: serviceName: is \"a b\"" },
		{ "{\"serviceName\":\"a\",\"taskDefinition\":\"w:x\",\"desiredCount\":1}",
		  "f.json: taskDefinition: is \"w:x\"" },
		{ "{\"services\":[" SERVICE("\"desiredCount\":1") ",{}]}",
		  "f.json: services[1].serviceName: is required" },
		{ "[" SERVICE("\"desiredCount\":1") "," SERVICE("\"desiredCount\":1") "]",
		  "f.json: [1].serviceName: \"s\" is defined twice" },
		{ "{\"services\":[],\"failures\":[{\"reason\":\"MISSING\"}]}", "f.json: failures: is not empty" },
	};
	(void)state;
	for (size_t i = 0; i < PLM_ARRAY_SIZE(cases); i++) {
		struct plm_local_docs docs = { .n_services = 0 };
		struct plm_err err = PLM_ERR_INIT;
		assert_int_equal(add(&docs, true, cases[i].text, &err), -EINVAL);
		if (!strstr(plm_err_text(&err), cases[i].expect))
			fail_msg("%s\n  gives:  %s\n  wanted: %s", cases[i].text, plm_err_text(&err), cases[i].expect);
		plm_local_docs_done(&docs);
	}
}

static void check_docs__service_without_its_definition__named(void **state)
{
	struct plm_local_docs docs = { .n_services = 0 };
	struct plm_err err = PLM_ERR_INIT;
	(void)state;
	assert_int_equal(
		add(&docs, true, "{\"serviceName\":\"s\",\"taskDefinition\":\"w:2\",\"desiredCount\":1}", NULL), 0);
	assert_int_equal(plm_local_check_docs(&docs, "plimsoll.json", &err), -EINVAL);
	assert_string_equal(plm_err_text(&err),
			    "plimsoll.json: service \"s\": no task definition of family \"w\" was given");
	assert_int_equal(add(&docs, false, TASK("\"revision\":3,"), NULL), 0);
	assert_int_equal(plm_local_check_docs(&docs, "plimsoll.json", &err), -EINVAL);
	assert_non_null(strstr(err.msg, "wants revision 2 of \"w\"; the task definition given is revision 3"));
	docs.definitions[0].revision = 2;
	assert_int_equal(plm_local_check_docs(&docs, "plimsoll.json", &err), 0);
	plm_local_docs_done(&docs);
}

static void example_files__of_the_tree__accepted(void **state)
{
	static const char *const files[] = { "policies/examples/local/task-definitions/web.json",
					     "policies/examples/local/task-definitions/worker.json",
					     "policies/examples/local/services/web.json",
					     "policies/examples/local/services/worker.json",
					     "policies/examples/local/services/agent.json" };
	struct plm_local_docs docs = { .n_services = 0 };
	(void)state;
	if (access(files[0], R_OK) != 0) {
		print_message("# not run from the top of the tree\n");
		skip();
	}
	for (size_t i = 0; i < PLM_ARRAY_SIZE(files); i++) {
		cJSON *doc = NULL;
		struct plm_err err = PLM_ERR_INIT;
		int r = plm_json_load(files[i], PLM_JSON_COMMENTS, &doc, &err);
		if (r == 0)
			r = i < 2 ? plm_local_add_definitions(doc, files[i], &docs, &err)
				  : plm_local_add_services(doc, files[i], "default", &docs, &err);
		cJSON_Delete(doc);
		if (r != 0)
			fail_msg("%s", plm_err_text(&err));
	}
	assert_int_equal(plm_local_check_docs(&docs, "examples", NULL), 0);
	assert_int_equal(docs.n_services, 3);
	plm_local_docs_done(&docs);
}

/* --- where cgroups are --- */

static struct plm_local_cgroups find(const char *mountinfo)
{
	struct plm_local_cgroups g;
	char path[] = "/tmp/plm-mountinfo-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, mountinfo, strlen(mountinfo)), (ssize_t)strlen(mountinfo));
	(void)close(fd);
	int r = plm_local_cgroups_find(path, &g, NULL);
	(void)unlink(path);
	if (r != 0)
		g.n = 0;
	return g;
}

static void cgroups_find__layouts__v2_last_and_nothing_twice(void **state)
{
	(void)state;
	struct plm_local_cgroups g = find("30 23 0:26 / /nowhere/v2 rw - cgroup2 cgroup2 rw,nsdelegate\n");
	assert_int_equal(g.n, 1);
	assert_true(g.h[0].is_v2);
	assert_string_equal(g.h[0].mount, "/nowhere/v2");
	g = find("24 23 0:20 / /c/unified rw shared:1 - cgroup2 cgroup2 rw\n"
		 "25 23 0:21 / /c/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		 "26 23 0:22 / /c/memory rw - cgroup cgroup rw,memory\n"
		 "27 23 0:23 / /c/freezer rw - cgroup cgroup rw,freezer\n"
		 "28 23 0:22 / /elsewhere/memory ro - cgroup cgroup ro,memory\n"
		 "29 23 0:24 / /c/systemd rw - cgroup systemd rw,xattr,name=systemd\n"
		 "31 23 0:25 / / rw - ext4 /dev/sda rw\n");
	assert_int_equal(g.n, 4);
	assert_string_equal(g.h[0].mount, "/c/cpu,cpuacct");
	assert_true(g.h[0].has_cpu && !g.h[0].has_memory);
	assert_true(g.h[1].has_memory);
	assert_string_equal(g.h[2].mount, "/c/systemd");
	assert_true(g.h[3].is_v2);
	assert_int_equal(find("31 23 0:25 / / rw - ext4 /dev/sda rw\n").n, 0);
}

/* Makes /p/web/id on a v2 hierarchy of plain files, since this host may have another layout, and reads what was written. */
struct written {
	const char *file, *expected;
};

static void check_v2(bool has_cpu, bool has_memory, const struct plm_local_limits *limits, const struct written *files,
		     size_t n)
{
	char dir[] = "/tmp/plm-v2-XXXXXX", path[256];
	struct plm_local_cgroups g = { .n = 1,
				       .h[0] = { .is_v2 = true, .has_cpu = has_cpu, .has_memory = has_memory } };
	struct plm_err err = PLM_ERR_INIT;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(g.h[0].mount, sizeof(g.h[0].mount), "%s", dir);
	(void)snprintf(path, sizeof(path), "%s/p/web/id", dir);
	assert_int_equal(plm_mkdirs(path, 0755), 0);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i].file);
		assert_int_equal(plm_file_replace(path, "", 0, 0644, NULL), 0);
	}
	if (plm_local_cgroup_make(&g, "/p/web/id", limits, &err) != 0)
		fail_msg("%s", plm_err_text(&err));
	plm_local_cgroup_weigh(&g, "/p/web", 4096);
	for (size_t i = 0; i < n; i++) {
		struct plm_buf text = PLM_BUF_INIT(4096);
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i].file);
		assert_int_equal(plm_file_read(AT_FDCWD, path, &text, NULL), 0);
		assert_string_equal(plm_buf_text(&text), files[i].expected);
		plm_buf_done(&text);
		(void)unlink(path);
	}
	for (const char *const *d = (const char *const[]){ "/p/web/id", "/p/web", "/p", "", NULL }; *d; d++) {
		(void)snprintf(path, sizeof(path), "%s%s", dir, *d);
		assert_int_equal(rmdir(path), 0);
	}
}

static void cgroup_make__v2__controllers_handed_down_and_limits_written(void **state)
{
	static const struct written hard[] = { { "cgroup.subtree_control", "+cpu" },
					       { "p/cgroup.subtree_control", "+cpu" },
					       { "p/web/cgroup.subtree_control", "+cpu" },
					       { "p/web/id/cgroup.subtree_control",
						 "" }, /* or it could hold no process */
					       { "p/web/cpu.weight", "400" },
					       { "p/web/id/cpu.max", "25000 100000" },
					       { "p/web/id/cpu.weight", "25" } };
	static const struct written soft[] = { { "p/web/cpu.weight", "400" },
					       { "p/web/id/cpu.max", "" },
					       { "p/web/id/cpu.weight", "1" } };
	static const struct written memory[] = { { "cgroup.subtree_control", "+memory" },
						 { "p/web/cgroup.subtree_control", "+memory" },
						 { "p/web/cpu.weight", "" },
						 { "p/web/id/memory.max", "67108864" } };
	const struct plm_local_limits limits = { .cpu_units = 256, .has_cpu_quota = true, .memory_bytes = 64 * MIB };
	const struct plm_local_limits weight = { .cpu_units = 2 };
	(void)state;
	check_v2(true, false, &limits, hard, PLM_ARRAY_SIZE(hard));
	check_v2(true, false, &weight, soft, PLM_ARRAY_SIZE(soft));
	check_v2(false, true, &limits, memory, PLM_ARRAY_SIZE(memory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_definitions__every_member__taken),
		cmocka_unit_test(add_definitions__sizes_of_the_container__used_where_the_task_has_none),
		cmocka_unit_test(add_definitions__bad_documents__name_file_field_and_range),
		cmocka_unit_test(add_definitions__text__changes_only_with_what_matters),
		cmocka_unit_test(add_services__forms_that_aws_prints__accepted),
		cmocka_unit_test(add_services__bad_documents__name_file_field_and_range),
		cmocka_unit_test(check_docs__service_without_its_definition__named),
		cmocka_unit_test(example_files__of_the_tree__accepted),
		cmocka_unit_test(cgroups_find__layouts__v2_last_and_nothing_twice),
		cmocka_unit_test(cgroup_make__v2__controllers_handed_down_and_limits_written),
	};
	return PLM_RUN_TESTS(tests);
}
