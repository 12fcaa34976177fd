/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/local/definition.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"

#define MIB (1024ULL * 1024)
#define CPU_MIN 2 /* a quota of 1 ms in 100 ms and the least CPU weight: 10 units rounded; ECS's own least value is 2 */
#define CPU_MAX 196608 /* 192 vCPU, ECS's largest */
#define MEMORY_MIN_MIB 6 /* ECS's least container memory */
#define MEMORY_MAX_MIB (1 << 26)
#define DEFAULT_STOP_TIMEOUT_S 30
#define MAX_STOP_TIMEOUT_S 120 /* ECS's limit */

/* What has a meaning here, then what is accepted and has none for a host process. */
static const char *const definition_members[] = {
	"family", "cpu", "memory", "containerDefinitions",
	/* ignored: */ "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "requiresCompatibilities",
	"networkMode", "executionRoleArn", "taskRoleArn", "tags", "runtimePlatform", "registeredAt", "registeredBy", "ipcMode", "pidMode",
	"placementConstraints", "volumes", "ephemeralStorage", NULL
};
static const char *const container_members[] = {
	"name", "command", "entryPoint", "environment", "workingDirectory", "user", "cpu", "memory", "memoryReservation",
	"portMappings", "stopTimeout", "ulimits", "essential",
	/* ignored: */ "image", "logConfiguration", "hostname", "dockerLabels", "mountPoints", "volumesFrom", "interactive",
	"pseudoTerminal", "startTimeout", "disableNetworking", "privileged", "readonlyRootFilesystem", "systemControls", NULL
};
static const char *const service_members[] = {
	"serviceName", "taskDefinition", "desiredCount", "cluster", "schedulingStrategy",
	/* ignored: */ "launchType", "deploymentConfiguration", "deploymentController", "tags", "propagateTags",
	"enableECSManagedTags", "enableExecuteCommand", "platformVersion", "clientToken", "role",
	"capacityProviderStrategy", "networkConfiguration", "placementStrategy", "placementConstraints",
	"availabilityZoneRebalancing", "monitoring", "serviceArn", "clusterArn", "status", "runningCount", "pendingCount",
	"deployments", "events", "createdAt", "createdBy", "roleArn", "loadBalancers", "serviceRegistries",
	"healthCheckGracePeriodSeconds", NULL
};
static const char *const env_members[] = { "name", "value", NULL };
static const char *const port_members[] = { "containerPort", "hostPort", "protocol", "name", "appProtocol", NULL };
static const char *const ulimit_members[] = { "name", "softLimit", "hardLimit", NULL };
static const char *const strategies[] = { "REPLICA", "DAEMON", NULL };
static const char *const ulimit_names[] = { "nofile", NULL };
static const char *const protocols[] = { "tcp", "udp", NULL };

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void plm_local_definition_done(struct plm_local_definition *d)
{
	free_list(d->argv);
	free_list(d->env);
	free(d->workdir);
	free(d->user_name);
	free(d->text);
	memset(d, 0, sizeof(*d));
}

void plm_local_docs_done(struct plm_local_docs *docs)
{
	for (size_t i = 0; i < docs->n_definitions; i++)
		plm_local_definition_done(&docs->definitions[i]);
	free(docs->definitions);
	free(docs->services);
	memset(docs, 0, sizeof(*docs));
}

/* A number, or a string of digits as ECS writes task-level sizes. 1 present, 0 absent, negative on error. */
static int take_size(const cJSON *obj, const struct plm_json_at *at, const char *key, int64_t min, int64_t max, int64_t *ret,
		     struct plm_err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);
	uint64_t v;
	if (!cJSON_IsString(item))
		return plm_json_int(obj, at, key, false, min, max, ret, err);
	if (plm_parse_u64(item->valuestring, (uint64_t)min, (uint64_t)max, &v) != 0)
		return plm_json_err(err, at, key, "is \"%.40s\"; it must be a whole number from %lld to %lld", item->valuestring,
				    (long long)min, (long long)max);
	*ret = (int64_t)v;
	return 1;
}

/* Appends an array of strings to a NULL-terminated list of up to PLM_LOCAL_MAX_ARGS. */
static int take_strings(const cJSON *obj, const struct plm_json_at *at, const char *key, char **list, size_t *n,
			struct plm_err *err)
{
	const cJSON *array, *item;
	int r = plm_json_arr(obj, at, key, false, &array, err);
	if (r <= 0)
		return r;
	cJSON_ArrayForEach(item, array) {
		if (!cJSON_IsString(item))
			return plm_json_err(err, at, key, "must be an array of strings");
		if (*n == PLM_LOCAL_MAX_ARGS)
			return plm_json_err(err, at, key, "has more than %d entries", PLM_LOCAL_MAX_ARGS);
		list[*n] = strdup(item->valuestring);
		if (!list[*n])
			return plm_err_set(err, ENOMEM, at->file, "out of memory");
		++*n;
	}
	return 0;
}

static int take_argv(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d, struct plm_err *err)
{
	size_t n = 0;
	d->argv = calloc(PLM_LOCAL_MAX_ARGS + 1, sizeof(*d->argv));
	if (!d->argv)
		return plm_err_set(err, ENOMEM, at->file, "out of memory");
	int r = take_strings(obj, at, "entryPoint", d->argv, &n, err);
	if (r == 0)
		r = take_strings(obj, at, "command", d->argv, &n, err);
	if (r == 0 && n == 0)
		r = plm_json_err(err, at, "command", "is required: a task here is a process of the host, not an image");
	return r;
}

static int take_env(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d, struct plm_err *err)
{
	const cJSON *array = NULL, *item;
	size_t n = 0;
	d->env = calloc(PLM_LOCAL_MAX_ENV + 1, sizeof(*d->env));
	if (!d->env)
		return plm_err_set(err, ENOMEM, at->file, "out of memory");
	int r = plm_json_arr(obj, at, "environment", false, &array, err);
	if (r <= 0)
		return r;
	struct plm_json_at list_at = plm_json_member(at, "environment");
	cJSON_ArrayForEach(item, array) {
		struct plm_json_at item_at = plm_json_item(&list_at, (int)n);
		const char *name, *value = "";
		if (n == PLM_LOCAL_MAX_ENV)
			return plm_json_err(err, at, "environment", "has more than %d entries", PLM_LOCAL_MAX_ENV);
		r = plm_json_only(item, &item_at, env_members, err);
		if (r == 0)
			r = plm_json_str(item, &item_at, "name", true, 1, 255, &name, err);
		if (r == 1)
			r = plm_json_str(item, &item_at, "value", false, 0, 65536, &value, err);
		if (r < 0)
			return r;
		if (strchr(name, '='))
			return plm_json_err(err, &item_at, "name", "must not contain =");
		if (asprintf(&d->env[n], "%s=%s", name, value) < 0) {
			d->env[n] = NULL;
			return plm_err_set(err, ENOMEM, at->file, "out of memory");
		}
		n++;
	}
	return 0;
}

static bool find_group(const char *text, gid_t *ret)
{
	uint64_t id;
	if (plm_parse_u64(text, 0, UINT32_MAX - 1, &id) == 0) {
		*ret = (gid_t)id;
		return true;
	}
	const struct group *g = getgrnam(text);
	if (g)
		*ret = g->gr_gid;
	return g != NULL;
}

/* "name", "uid", "name:group", "uid:gid" */
static int take_user(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d, struct plm_err *err)
{
	const char *text;
	char user[128];
	uint64_t id;
	int r = plm_json_str(obj, at, "user", false, 1, sizeof(user) - 1, &text, err);
	if (r <= 0)
		return r;
	(void)plm_strcpy(user, sizeof(user), text);
	char *colon = strchr(user, ':');
	if (colon)
		*colon = '\0';
	bool is_number = plm_parse_u64(user, 0, UINT32_MAX - 1, &id) == 0;
	const struct passwd *pw = is_number ? getpwuid((uid_t)id) : getpwnam(user);
	if (!pw && !is_number)
		return plm_json_err(err, at, "user", "is \"%.80s\"; there is no such user on this host", text);
	d->uid = pw ? pw->pw_uid : (uid_t)id;
	d->gid = pw ? pw->pw_gid : (gid_t)id;
	d->user_name = pw ? strdup(pw->pw_name) : NULL;
	d->has_user = true;
	if (colon && !find_group(colon + 1, &d->gid))
		return plm_json_err(err, at, "user", "is \"%.80s\"; there is no such group on this host", text);
	return 0;
}

static int take_ports(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d, struct plm_err *err)
{
	const cJSON *array;
	int64_t container = 0, host = 0;
	int unused, r = plm_json_arr(obj, at, "portMappings", false, &array, err);
	d->host_port = PLM_LOCAL_NO_PORT;
	if (r <= 0 || cJSON_GetArraySize(array) == 0)
		return r < 0 ? r : 0;
	if (cJSON_GetArraySize(array) > 1)
		return plm_json_err(err, at, "portMappings", "has %d entries; one is supported, given to the task as PORT",
				    cJSON_GetArraySize(array));
	struct plm_json_at list_at = plm_json_member(at, "portMappings"), item_at = plm_json_item(&list_at, 0);
	const cJSON *item = cJSON_GetArrayItem(array, 0);
	r = plm_json_only(item, &item_at, port_members, err);
	if (r == 0)
		r = plm_json_int(item, &item_at, "containerPort", false, 0, 65535, &container, err);
	if (r >= 0)
		r = plm_json_int(item, &item_at, "hostPort", false, 0, 65535, &host, err);
	if (r >= 0)
		r = plm_json_enum(item, &item_at, "protocol", false, protocols, &unused, err);
	if (r < 0)
		return r;
	d->host_port = (int)host;
	return 0;
}

static int take_ulimits(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d, struct plm_err *err)
{
	const cJSON *array, *item;
	int i = 0, unused, r = plm_json_arr(obj, at, "ulimits", false, &array, err);
	if (r <= 0)
		return r;
	struct plm_json_at list_at = plm_json_member(at, "ulimits");
	cJSON_ArrayForEach(item, array) {
		struct plm_json_at item_at = plm_json_item(&list_at, i++);
		int64_t soft = 0, hard = 0;
		r = plm_json_only(item, &item_at, ulimit_members, err);
		if (r == 0)
			r = plm_json_enum(item, &item_at, "name", true, ulimit_names, &unused, err);
		if (r == 1)
			r = plm_json_int(item, &item_at, "softLimit", true, 3, 1048576, &soft, err);
		if (r == 1)
			r = plm_json_int(item, &item_at, "hardLimit", true, soft, 1048576, &hard, err);
		if (r < 0)
			return r;
		d->nofile = (uint64_t)soft;
	}
	return 0;
}

/* The container's own sizes, used where the task has none. */
static int take_container_sizes(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d, struct plm_err *err)
{
	int64_t cpu = 0, memory = 0, reservation = 0;
	int r = take_size(obj, at, "cpu", 0, CPU_MAX, &cpu, err);
	if (r >= 0)
		r = take_size(obj, at, "memory", MEMORY_MIN_MIB, MEMORY_MAX_MIB, &memory, err);
	if (r >= 0)
		r = take_size(obj, at, "memoryReservation", MEMORY_MIN_MIB, MEMORY_MAX_MIB, &reservation, err);
	if (r < 0)
		return r;
	if (memory && reservation > memory)
		return plm_json_err(err, at, "memoryReservation", "is %lld MiB, more than memory %lld MiB; it must be less or equal",
				    (long long)reservation, (long long)memory);
	if (!d->cpu_units)
		d->cpu_units = (uint32_t)cpu;
	if (!d->memory_bytes)
		d->memory_bytes = (uint64_t)(reservation ? reservation : memory) * MIB;
	if (memory)
		d->memory_limit_bytes = (uint64_t)memory * MIB;
	return 0;
}

static int take_container(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d, struct plm_err *err)
{
	const char *text = NULL;
	int64_t stop_timeout = DEFAULT_STOP_TIMEOUT_S;
	bool essential = true;
	int r = plm_json_only(obj, at, container_members, err);
	if (r == 0)
		r = plm_json_str(obj, at, "name", true, 1, 255, &text, err);
	if (r == 1)
		r = take_argv(obj, at, d, err);
	if (r == 0)
		r = take_env(obj, at, d, err);
	if (r == 0)
		r = take_user(obj, at, d, err);
	if (r == 0)
		r = take_ports(obj, at, d, err);
	if (r == 0)
		r = take_ulimits(obj, at, d, err);
	if (r == 0)
		r = take_container_sizes(obj, at, d, err);
	if (r == 0)
		r = plm_json_int(obj, at, "stopTimeout", false, 0, MAX_STOP_TIMEOUT_S, &stop_timeout, err);
	if (r >= 0)
		r = plm_json_bool(obj, at, "essential", false, &essential, err);
	if (r >= 0 && !essential)
		return plm_json_err(err, at, "essential", "is false; the only container of a task is always essential");
	d->stop_timeout_s = (int)stop_timeout;
	if (r >= 0)
		r = plm_json_str(obj, at, "workingDirectory", false, 1, PATH_MAX - 1, &text, err);
	if (r == 1)
		d->workdir = strdup(text);
	return r < 0 ? r : 0;
}

static int parse_definition(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d, struct plm_err *err)
{
	const char *family;
	const cJSON *containers;
	int64_t cpu = 0, memory = 0;
	int r = plm_json_only(obj, at, definition_members, err);
	if (r == 0)
		r = plm_json_str(obj, at, "family", true, 1, PLM_NAME_MAX - 1, &family, err);
	if (r == 1)
		r = take_size(obj, at, "cpu", CPU_MIN, CPU_MAX, &cpu, err);
	if (r >= 0)
		r = take_size(obj, at, "memory", MEMORY_MIN_MIB, MEMORY_MAX_MIB, &memory, err);
	if (r >= 0)
		r = plm_json_arr(obj, at, "containerDefinitions", true, &containers, err);
	if (r < 0)
		return r;
	if (cJSON_GetArraySize(containers) != 1)
		return plm_json_err(err, at, "containerDefinitions", "has %d entries; a task here is one process tree, so exactly 1",
				    cJSON_GetArraySize(containers));
	(void)plm_strcpy(d->family, sizeof(d->family), family);
	d->has_cpu_quota = cpu > 0;
	d->cpu_units = (uint32_t)cpu;
	d->memory_bytes = d->memory_limit_bytes = (uint64_t)memory * MIB;
	struct plm_json_at list_at = plm_json_member(at, "containerDefinitions"), item_at = plm_json_item(&list_at, 0);
	r = take_container(cJSON_GetArrayItem(containers, 0), &item_at, d, err);
	if (r != 0)
		return r;
	d->text = cJSON_PrintUnformatted(obj);
	return d->text ? 0 : plm_err_set(err, ENOMEM, at->file, "out of memory");
}

static int add_definition(const cJSON *obj, const struct plm_json_at *at, struct plm_local_docs *docs, struct plm_err *err)
{
	struct plm_local_definition d = { .revision = 0 };
	if (!cJSON_IsObject(obj))
		return plm_json_err(err, at, NULL, "must be an object");
	if (docs->n_definitions == PLM_LOCAL_MAX_DEFINITIONS)
		return plm_json_err(err, at, NULL, "more than %d task definitions", PLM_LOCAL_MAX_DEFINITIONS);
	struct plm_local_definition *bigger = realloc(docs->definitions, (docs->n_definitions + 1) * sizeof(*bigger));
	if (!bigger)
		return plm_err_set(err, ENOMEM, at->file, "out of memory");
	docs->definitions = bigger;
	int r = parse_definition(obj, at, &d, err);
	for (size_t i = 0; r == 0 && i < docs->n_definitions; i++)
		if (strcmp(docs->definitions[i].family, d.family) == 0)
			r = plm_json_err(err, at, "family", "\"%.80s\" is defined twice", d.family);
	if (r != 0) {
		plm_local_definition_done(&d);
		return r;
	}
	docs->definitions[docs->n_definitions++] = d;
	return 0;
}

/* Calls `add` for the body itself, the body under `one`, or each body of the array under `many` (or of a bare array). */
static int each_body(const cJSON *doc, const char *file, const char *one, const char *many,
		     int (*add)(const cJSON *, const struct plm_json_at *, void *, struct plm_err *), void *ctx,
		     struct plm_err *err)
{
	struct plm_json_at at = plm_json_root(file);
	const cJSON *inner = one ? cJSON_GetObjectItemCaseSensitive(doc, one) : NULL;
	if (cJSON_IsObject(inner)) {
		struct plm_json_at inner_at = plm_json_member(&at, one);
		return add(inner, &inner_at, ctx, err);
	}
	inner = many ? cJSON_GetObjectItemCaseSensitive(doc, many) : NULL;
	struct plm_json_at list_at = cJSON_IsArray(inner) ? plm_json_member(&at, many) : at;
	const cJSON *list = cJSON_IsArray(inner) ? inner : cJSON_IsArray(doc) ? doc : NULL, *item;
	if (!list)
		return add(doc, &at, ctx, err);
	int i = 0, r = 0;
	cJSON_ArrayForEach(item, list) {
		struct plm_json_at item_at = plm_json_item(&list_at, i++);
		if (r == 0)
			r = add(item, &item_at, ctx, err);
	}
	return r;
}

static int add_definition_body(const cJSON *obj, const struct plm_json_at *at, void *ctx, struct plm_err *err)
{
	return add_definition(obj, at, ctx, err);
}

int plm_local_add_definitions(const cJSON *doc, const char *file, struct plm_local_docs *docs, struct plm_err *err)
{
	return each_body(doc, file, "taskDefinition", "taskDefinitions", add_definition_body, docs, err);
}

/* --- services --- */

struct service_ctx {
	struct plm_local_docs *docs;
	const char *cluster;
};

/* Names become folders and cgroups. */
static bool is_good_name(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(name);
}

/* "family", "family:revision" or the tail of an ARN; the newest revision is always the one that runs. */
static int take_family(const cJSON *obj, const struct plm_json_at *at, char family[PLM_NAME_MAX], struct plm_err *err)
{
	const char *text;
	int r = plm_json_str(obj, at, "taskDefinition", true, 1, PLM_NAME_MAX - 1, &text, err);
	if (r < 0)
		return r;
	const char *slash = strrchr(text, '/');
	(void)plm_strcpy(family, PLM_NAME_MAX, slash ? slash + 1 : text);
	char *colon = strchr(family, ':');
	if (colon)
		*colon = '\0';
	return 0;
}

static int check_cluster(const cJSON *obj, const struct plm_json_at *at, const char *cluster, struct plm_err *err)
{
	const char *text;
	int r = plm_json_str(obj, at, "cluster", false, 1, 255, &text, err);
	if (r == 1 && strcmp(text, cluster) != 0)
		return plm_json_err(err, at, "cluster", "is \"%.80s\"; this daemon serves \"%.80s\"", text, cluster);
	return r < 0 ? r : 0;
}

static int add_service_body(const cJSON *obj, const struct plm_json_at *at, void *ctx, struct plm_err *err)
{
	const struct service_ctx *c = ctx;
	struct plm_local_service_doc s = { .desired = 0 };
	const char *name;
	int64_t desired = 0;
	int strategy = 0;
	if (!cJSON_IsObject(obj))
		return plm_json_err(err, at, NULL, "must be an object");
	int r = plm_json_only(obj, at, service_members, err);
	if (r == 0)
		r = plm_json_str(obj, at, "serviceName", true, 1, 255, &name, err);
	if (r == 1 && !is_good_name(name))
		r = plm_json_err(err, at, "serviceName", "is \"%.80s\"; letters, digits, - and _ only", name);
	if (r == 1)
		r = take_family(obj, at, s.family, err);
	if (r == 0)
		r = check_cluster(obj, at, c->cluster, err);
	if (r == 0)
		r = plm_json_enum(obj, at, "schedulingStrategy", false, strategies, &strategy, err);
	if (r >= 0)
		r = plm_json_int(obj, at, "desiredCount", false, 0, 10000, &desired, err);
	if (r < 0)
		return r;
	(void)plm_strcpy(s.name, sizeof(s.name), name);
	s.is_daemon = strategy == 1;
	s.desired = s.is_daemon ? 1 : (int)desired;
	for (size_t i = 0; i < c->docs->n_services; i++)
		if (strcmp(c->docs->services[i].name, s.name) == 0)
			return plm_json_err(err, at, "serviceName", "\"%.80s\" is defined twice", s.name);
	if (c->docs->n_services == PLM_LOCAL_MAX_SERVICES)
		return plm_json_err(err, at, NULL, "more than %d services", PLM_LOCAL_MAX_SERVICES);
	struct plm_local_service_doc *bigger = realloc(c->docs->services, (c->docs->n_services + 1) * sizeof(*bigger));
	if (!bigger)
		return plm_err_set(err, ENOMEM, at->file, "out of memory");
	c->docs->services = bigger;
	bigger[c->docs->n_services++] = s;
	return 0;
}

int plm_local_add_services(const cJSON *doc, const char *file, const char *cluster, struct plm_local_docs *docs,
			   struct plm_err *err)
{
	struct service_ctx c = { .docs = docs, .cluster = cluster };
	return each_body(doc, file, "service", "services", add_service_body, &c, err);
}

int plm_local_check_docs(const struct plm_local_docs *docs, const char *file, struct plm_err *err)
{
	for (size_t i = 0; i < docs->n_services; i++) {
		bool is_found = false;
		for (size_t d = 0; d < docs->n_definitions; d++)
			is_found |= strcmp(docs->definitions[d].family, docs->services[i].family) == 0;
		if (!is_found)
			return plm_err_set(err, EINVAL, file, "service \"%.80s\": no task definition of family \"%.80s\" was given",
					   docs->services[i].name, docs->services[i].family);
	}
	return 0;
}
