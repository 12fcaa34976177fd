/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "sweep.h"

#define FILE_MAX 16384
#define CONFIG_FILE "plimsoll.json"
#define POLICY_FILE "policy.json"
#define TASK_DEFINITION_FILE "task-definition.json"
#define SERVICE_FILE "service.json"

static void plan(struct plm_demo_scenario *s)
{
	const double low = PLM_DEMO_LOW_RATE < s->peak ? PLM_DEMO_LOW_RATE : s->peak;
	const double per_task = PLM_DEMO_CPU_UNITS / 1024.0 * 1000 / PLM_DEMO_CPU_MS; /* requests a second at 100 % */

	s->step_s = round(s->seconds / 6);
	s->fall_s = s->step_s + round(s->seconds * 5 / 12);
	s->stabilize_in_s = s->seconds < 50 ? 4 : 8;
	s->needed = (int)ceil(s->peak / per_task / (PLM_DEMO_TARGET / 100));
	if (s->needed > PLM_DEMO_MAX)
		s->needed = PLM_DEMO_MAX;
	s->profile = (struct plm_load_profile){
		.phases = { { s->step_s, low, low },
			    { s->fall_s - s->step_s, s->peak, s->peak },
			    { s->seconds - s->fall_s, low, low } },
		.n = 3,
	};
}

/* A port that only sockets with SO_REUSEPORT of the same user can bind while this one, which never listens, is open. */
static int reserve_port(struct plm_demo_scenario *s, struct plm_err *err)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	PLM_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(sa);
	const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, len) < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return plm_err_set(err, errno, "127.0.0.1", "cannot reserve a port: %s", strerror(errno));
	s->port = ntohs(sa.sin_port);
	s->port_fd = PLM_TAKE_FD(fd);
	return 0;
}

static int find_programs(struct plm_demo_scenario *s, struct plm_err *err)
{
	char self[PATH_MAX - 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return plm_err_set(err, errno, "/proc/self/exe", "%s", strerror(errno));
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(s->daemon, sizeof(s->daemon), "%s/plimsolld", self);
	snprintf(s->worker, sizeof(s->worker), "%s/plm-demo-worker", self);
	if (access(s->daemon, X_OK) < 0)
		return plm_err_set(err, errno, s->daemon, "%s; build it with `make`", strerror(errno));
	if (access(s->worker, X_OK) < 0)
		return plm_err_set(err, errno, s->worker, "%s; build it with `make`", strerror(errno));
	return 0;
}

static void env(struct plm_jw *w, const char *name, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%g", value);
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "name", name);
	plm_jw_str(w, "value", text);
	plm_jw_end_obj(w);
}

/* The body of ECS's RegisterTaskDefinition. */
static void task_definition(const struct plm_demo_scenario *s, struct plm_jw *w)
{
	char number[16];

	plm_jw_obj(w, NULL);
	plm_jw_str(w, "family", "web");
	snprintf(number, sizeof(number), "%d", PLM_DEMO_CPU_UNITS);
	plm_jw_str(w, "cpu", number);
	snprintf(number, sizeof(number), "%d", PLM_DEMO_MEMORY_MIB);
	plm_jw_str(w, "memory", number);
	plm_jw_arr(w, "containerDefinitions");
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "name", "web");
	plm_jw_arr(w, "command");
	plm_jw_str(w, NULL, s->worker);
	plm_jw_end_arr(w);
	plm_jw_arr(w, "environment");
	env(w, "DEMO_PORT", s->port);
	env(w, "DEMO_CPU_MS", PLM_DEMO_CPU_MS);
	plm_jw_end_arr(w);
	plm_jw_i64(w, "stopTimeout", 10);
	plm_jw_end_obj(w);
	plm_jw_end_arr(w);
	plm_jw_end_obj(w);
}

/* The body of ECS's CreateService. */
static void service(const struct plm_demo_scenario *s, struct plm_jw *w)
{
	(void)s;
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "cluster", "demo");
	plm_jw_str(w, "serviceName", "web");
	plm_jw_str(w, "taskDefinition", "web");
	plm_jw_i64(w, "desiredCount", PLM_DEMO_MIN);
	plm_jw_end_obj(w);
}

static void one_path(struct plm_jw *w, const char *key, const char *path)
{
	plm_jw_arr(w, key);
	plm_jw_str(w, NULL, path);
	plm_jw_end_arr(w);
}

static void config(const struct plm_demo_scenario *s, struct plm_jw *w)
{
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "cluster", "demo");
	plm_jw_str(w, "state_dir", s->folder);
	plm_jw_str(w, "socket", s->socket);
	plm_jw_i64(w, "sample_interval_ms", PLM_DEMO_INTERVAL_MS);
	one_path(w, "policies", POLICY_FILE);
	plm_jw_obj(w, "web");
	plm_jw_str(w, "listen_address", "127.0.0.1:0");
	plm_jw_end_obj(w);
	plm_jw_obj(w, "orchestrator");
	plm_jw_str(w, "type", "local");
	plm_jw_str(w, "cgroup_parent", s->cgroup);
	plm_jw_bool(w, "stop_tasks_on_exit", true);
	one_path(w, "task_definitions", TASK_DEFINITION_FILE);
	one_path(w, "services", SERVICE_FILE);
	plm_jw_end_obj(w);
	plm_jw_end_obj(w);
}

/* The bodies of Application Auto Scaling's RegisterScalableTarget and PutScalingPolicy. */
static void resource(struct plm_jw *w)
{
	plm_jw_str(w, "ServiceNamespace", "ecs");
	plm_jw_str(w, "ResourceId", "service/demo/web");
	plm_jw_str(w, "ScalableDimension", "ecs:service:DesiredCount");
}

static void policy(const struct plm_demo_scenario *s, struct plm_jw *w)
{
	plm_jw_obj(w, NULL);
	plm_jw_arr(w, "ScalableTargets");
	plm_jw_obj(w, NULL);
	resource(w);
	plm_jw_i64(w, "MinCapacity", PLM_DEMO_MIN);
	plm_jw_i64(w, "MaxCapacity", PLM_DEMO_MAX);
	plm_jw_end_obj(w);
	plm_jw_end_arr(w);
	plm_jw_arr(w, "ScalingPolicies");
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "PolicyName", "cpu60");
	plm_jw_str(w, "PolicyType", "TargetTrackingScaling");
	resource(w);
	plm_jw_obj(w, "TargetTrackingScalingPolicyConfiguration");
	plm_jw_num(w, "TargetValue", PLM_DEMO_TARGET);
	plm_jw_obj(w, "PredefinedMetricSpecification");
	plm_jw_str(w, "PredefinedMetricType", "ECSServiceAverageCPUUtilization");
	plm_jw_end_obj(w);
	plm_jw_end_obj(w);
	plm_jw_obj(w, "Plimsoll"); /* a demo has no five minutes to wait before it scales in */
	plm_jw_obj(w, "ScaleIn");
	plm_jw_i64(w, "StabilizationSeconds", s->stabilize_in_s);
	plm_jw_end_obj(w);
	plm_jw_end_obj(w);
	plm_jw_end_obj(w);
	plm_jw_end_arr(w);
	plm_jw_end_obj(w);
}

typedef void fill_fn(const struct plm_demo_scenario *s, struct plm_jw *w);

static int write_document(const struct plm_demo_scenario *s, const char *name, fill_fn *fill, struct plm_err *err)
{
	struct plm_buf text = PLM_BUF_INIT(FILE_MAX);
	struct plm_jw w;
	char path[128];
	int r;

	snprintf(path, sizeof(path), "%s/%s", s->folder, name);
	plm_jw_init(&w, &text);
	fill(s, &w);
	plm_buf_adds(&text, "\n");
	r = text.failed ? plm_err_set(err, ENOMEM, path, "out of memory")
			: plm_file_replace(path, plm_buf_text(&text), text.len, 0600, err);
	plm_buf_done(&text);
	return r;
}

static int write_documents(const struct plm_demo_scenario *s, struct plm_err *err)
{
	static const struct {
		const char *name;
		fill_fn *fill;
	} documents[] = {
		{ CONFIG_FILE, config },
		{ POLICY_FILE, policy },
		{ TASK_DEFINITION_FILE, task_definition },
		{ SERVICE_FILE, service },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < PLM_ARRAY_SIZE(documents); i++)
		r = write_document(s, documents[i].name, documents[i].fill, err);
	return r;
}

static int make_folder(struct plm_demo_scenario *s, struct plm_err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || tmp[0] != '/')
		tmp = "/tmp";
	if (snprintf(s->folder, sizeof(s->folder), "%s/plimsoll-demo-XXXXXX", tmp) >= (int)sizeof(s->folder))
		return plm_err_set(err, ENAMETOOLONG, tmp,
				   "too long for the path of a socket; set TMPDIR to a shorter folder");
	if (!mkdtemp(s->folder))
		return plm_err_set(err, errno, tmp, "cannot make a folder: %s", strerror(errno));
	return 0;
}

int plm_demo_scenario_open(double seconds, double peak, struct plm_demo_scenario *ret, struct plm_err *err)
{
	struct plm_demo_scenario s = { .seconds = seconds, .peak = peak, .port_fd = -1 };
	int r = find_programs(&s, err);

	plan(&s);
	if (r == 0)
		r = reserve_port(&s, err);
	if (r < 0)
		return r;
	r = make_folder(&s, err);
	if (r < 0) {
		plm_demo_scenario_close(&s);
		return r;
	}
	snprintf(s.cgroup, sizeof(s.cgroup), PLM_DEMO_CGROUP_PREFIX "%d", (int)getpid());
	snprintf(s.config, sizeof(s.config), "%s/" CONFIG_FILE, s.folder);
	snprintf(s.log, sizeof(s.log), "%s/plimsolld.log", s.folder);
	snprintf(s.socket, sizeof(s.socket), "%s/plimsoll.sock", s.folder);
	r = write_documents(&s, err);
	if (r < 0) {
		plm_sweep_folder(s.folder);
		plm_demo_scenario_close(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void plm_demo_scenario_close(struct plm_demo_scenario *s)
{
	plm_cleanup_close(&s->port_fd);
	s->port_fd = -1;
}
