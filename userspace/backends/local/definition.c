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
#define CPU_MIN 11       /* task level: the kernel's least quota, 1 ms in 100 ms, is 10.24 units */
#define CPU_MAX 196608   /* 192 vCPU, ECS's largest */
#define MEMORY_MIN_MIB 6 /* ECS's least container memory */
#define MEMORY_MAX_MIB (1 << 26)
#define MAX_STOP_TIMEOUT_S 120 /* ECS's limit */

/* What has a meaning here; what is accepted and has none for a host process; what may stand there only empty or false, because
 * leaving it out would change what the task may do or sees. */
static const char *const definition_members[] = { "family",
						  "cpu",
						  "memory",
						  "containerDefinitions",
						  "revision",
						  /* ignored: */ "taskDefinitionArn",
						  "status",
						  "requiresAttributes",
						  "compatibilities",
						  "requiresCompatibilities",
						  "networkMode",
						  "executionRoleArn",
						  "taskRoleArn",
						  "tags",
						  "runtimePlatform",
						  "registeredAt",
						  "registeredBy",
						  "deregisteredAt",
						  "ipcMode",
						  "pidMode",
						  "placementConstraints",
						  "ephemeralStorage",
						  "enableFaultInjection",
						  /* only empty: */ "volumes",
						  "inferenceAccelerators",
						  "proxyConfiguration",
						  NULL };
static const char *const definition_only_empty[] = { "volumes", "inferenceAccelerators", "proxyConfiguration", NULL };
static const char *const container_members[] = { "name",
						 "command",
						 "entryPoint",
						 "environment",
						 "workingDirectory",
						 "user",
						 "cpu",
						 "memory",
						 "memoryReservation",
						 "portMappings",
						 "stopTimeout",
						 "ulimits",
						 "essential",
						 /* ignored: */ "image",
						 "versionConsistency",
						 "logConfiguration",
						 "hostname",
						 "dockerLabels",
						 "interactive",
						 "pseudoTerminal",
						 "startTimeout",
						 /* only empty: */ "mountPoints",
						 "volumesFrom",
						 "environmentFiles",
						 "secrets",
						 "dependsOn",
						 "systemControls",
						 "links",
						 "extraHosts",
						 "dnsServers",
						 "dnsSearchDomains",
						 "dockerSecurityOptions",
						 "disableNetworking",
						 "privileged",
						 "readonlyRootFilesystem",
						 NULL };
static const char *const container_only_empty[] = { "mountPoints",
						    "volumesFrom",
						    "environmentFiles",
						    "secrets",
						    "dependsOn",
						    "systemControls",
						    "links",
						    "extraHosts",
						    "dnsServers",
						    "dnsSearchDomains",
						    "dockerSecurityOptions",
						    "disableNetworking",
						    "privileged",
						    "readonlyRootFilesystem",
						    NULL };
static const char *const env_members[] = { "name", "value", NULL };
static const char *const port_members[] = { "containerPort", "hostPort", "protocol", "name", "appProtocol", NULL };
static const char *const ulimit_members[] = { "name", "softLimit", "hardLimit", NULL };
static const char *const ulimit_names[] = { "nofile", NULL };
static const char *const protocols[] = { "tcp", "udp", NULL };

bool plm_local_is_name(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == '\0';
}

static bool is_empty(const cJSON *item)
{
	return !item || cJSON_IsNull(item) || cJSON_IsFalse(item) ||
	       ((cJSON_IsArray(item) || cJSON_IsObject(item)) && !item->child);
}

int plm_local_only_empty(const cJSON *obj, const struct plm_json_at *at, const char *const *names, struct plm_err *err)
{
	for (size_t i = 0; names[i]; i++)
		if (!is_empty(cJSON_GetObjectItemCaseSensitive(obj, names[i])))
			return plm_json_err(
				err, at, names[i],
				"is not supported for processes of the host; it may only be empty, false or left out");
	return 0;
}

/* An element of a list: an object with no other members than `known`. */
static int only_object(const cJSON *item, const struct plm_json_at *at, const char *const *known, struct plm_err *err)
{
	return cJSON_IsObject(item) ? plm_json_only(item, at, known, err)
				    : plm_json_err(err, at, NULL, "must be an object");
}

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
	free(d->home);
	free(d->groups);
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
static int take_size(const cJSON *obj, const struct plm_json_at *at, const char *key, int64_t min, int64_t max,
		     int64_t *ret, struct plm_err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, key);
	uint64_t v;
	if (!cJSON_IsString(item))
		return plm_json_int(obj, at, key, false, min, max, ret, err);
	if (plm_parse_u64(item->valuestring, (uint64_t)min, (uint64_t)max, &v) != 0)
		return plm_json_err(err, at, key, "is \"%.40s\"; it must be a whole number from %lld to %lld",
				    item->valuestring, (long long)min, (long long)max);
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
	cJSON_ArrayForEach(item, array)
	{
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

static int take_argv(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d,
		     struct plm_err *err)
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
	cJSON_ArrayForEach(item, array)
	{
		struct plm_json_at item_at = plm_json_item(&list_at, (int)n);
		const char *name = "", *value = "";
		if (n == PLM_LOCAL_MAX_ENV)
			return plm_json_err(err, at, "environment", "has more than %d entries", PLM_LOCAL_MAX_ENV);
		r = only_object(item, &item_at, env_members, err);
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

/* The user's supplementary groups. Looked up here and not before the program starts: a directory service may take its time. */
static int take_groups(struct plm_local_definition *d, const struct plm_json_at *at, struct plm_err *err)
{
	int n = PLM_LOCAL_MAX_GROUPS;
	if (!d->user_name)
		return 0;
	d->groups = calloc(PLM_LOCAL_MAX_GROUPS, sizeof(*d->groups));
	if (!d->groups)
		return plm_err_set(err, ENOMEM, at->file, "out of memory");
	if (getgrouplist(d->user_name, d->gid, d->groups, &n) < 0)
		return plm_json_err(err, at, "user", "\"%.80s\" is in %d groups; at most %d are supported",
				    d->user_name, n, PLM_LOCAL_MAX_GROUPS);
	d->n_groups = n;
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
static int take_user(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d,
		     struct plm_err *err)
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
	d->home = pw && pw->pw_dir ? strdup(pw->pw_dir) : NULL;
	d->has_user = true;
	if (pw && (!d->user_name || (pw->pw_dir && !d->home)))
		return plm_err_set(err, ENOMEM, at->file, "out of memory");
	if (colon && !find_group(colon + 1, &d->gid))
		return plm_json_err(err, at, "user", "is \"%.80s\"; there is no such group on this host", text);
	return take_groups(d, at, err);
}

static int take_ports(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d,
		      struct plm_err *err)
{
	const cJSON *array;
	int64_t container = 0, host = 0;
	int protocol = 0, r = plm_json_arr(obj, at, "portMappings", false, &array, err);
	d->host_port = PLM_LOCAL_NO_PORT;
	if (r <= 0 || cJSON_GetArraySize(array) == 0)
		return r < 0 ? r : 0;
	if (cJSON_GetArraySize(array) > 1)
		return plm_json_err(err, at, "portMappings",
				    "has %d entries; one is supported, given to the task as PORT",
				    cJSON_GetArraySize(array));
	struct plm_json_at list_at = plm_json_member(at, "portMappings"), item_at = plm_json_item(&list_at, 0);
	const cJSON *item = cJSON_GetArrayItem(array, 0);
	r = only_object(item, &item_at, port_members, err);
	if (r == 0)
		r = plm_json_int(item, &item_at, "containerPort", false, 0, 65535, &container, err);
	if (r >= 0)
		r = plm_json_int(item, &item_at, "hostPort", false, 0, 65535, &host, err);
	if (r >= 0)
		r = plm_json_enum(item, &item_at, "protocol", false, protocols, &protocol, err);
	if (r < 0)
		return r;
	d->host_port = (int)host;
	d->is_udp = protocol == 1;
	return 0;
}

static int take_ulimits(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d,
			struct plm_err *err)
{
	const cJSON *array, *item;
	int i = 0, unused, r = plm_json_arr(obj, at, "ulimits", false, &array, err);
	if (r <= 0)
		return r;
	struct plm_json_at list_at = plm_json_member(at, "ulimits");
	cJSON_ArrayForEach(item, array)
	{
		struct plm_json_at item_at = plm_json_item(&list_at, i++);
		int64_t soft = 0, hard = 0;
		r = only_object(item, &item_at, ulimit_members, err);
		if (r == 0)
			r = plm_json_enum(item, &item_at, "name", true, ulimit_names, &unused, err);
		if (r == 1)
			r = plm_json_int(item, &item_at, "softLimit", true, 3, 1048576, &soft, err);
		if (r == 1)
			r = plm_json_int(item, &item_at, "hardLimit", true, soft, 1048576, &hard, err);
		if (r < 0)
			return r;
		d->nofile_soft = (uint64_t)soft;
		d->nofile_hard = (uint64_t)hard;
	}
	return 0;
}

/* The container's own sizes, used where the task has none. */
static int take_container_sizes(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d,
				struct plm_err *err)
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
		return plm_json_err(err, at, "memoryReservation",
				    "is %lld MiB, more than memory %lld MiB; it must be less or equal",
				    (long long)reservation, (long long)memory);
	if (!d->cpu_units)
		d->cpu_units = (uint32_t)cpu;
	if (!d->memory_bytes)
		d->memory_bytes = (uint64_t)(reservation ? reservation : memory) * MIB;
	if (memory)
		d->memory_limit_bytes = (uint64_t)memory * MIB;
	return 0;
}

static int take_container(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d,
			  struct plm_err *err)
{
	const char *text = NULL;
	int64_t stop_timeout = PLM_LOCAL_STOP_TIMEOUT_S;
	bool essential = true;
	int r = plm_json_only(obj, at, container_members, err);
	if (r == 0)
		r = plm_local_only_empty(obj, at, container_only_empty, err);
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
	if (r != 1)
		return r;
	if (text[0] != '/')
		return plm_json_err(err, at, "workingDirectory", "is \"%.80s\"; it must be an absolute path", text);
	d->workdir = strdup(text);
	return d->workdir ? 0 : plm_err_set(err, ENOMEM, at->file, "out of memory");
}

/* The members that mean something here, in a fixed order: a changed tag or another order of lines is not a new revision. */
static int take_text(const cJSON *obj, const cJSON *container, const struct plm_json_at *at,
		     struct plm_local_definition *d, struct plm_err *err)
{
	static const char *const of_task[] = { "cpu", "memory", NULL };
	static const char *const of_container[] = { "command",      "entryPoint",  "environment", "workingDirectory",
						    "user",         "cpu",         "memory",      "memoryReservation",
						    "portMappings", "stopTimeout", "ulimits",     NULL };
	const struct {
		const cJSON *obj;
		const char *const *names;
	} parts[] = { { obj, of_task }, { container, of_container } };
	struct plm_buf text = PLM_BUF_INIT(PLM_JSON_MAX_BYTES);
	for (size_t p = 0; p < PLM_ARRAY_SIZE(parts); p++) {
		for (size_t i = 0; parts[p].names[i]; i++) {
			const cJSON *item = cJSON_GetObjectItemCaseSensitive(parts[p].obj, parts[p].names[i]);
			PLM_FREE char *json = item ? cJSON_PrintUnformatted(item) : NULL;
			if (json)
				plm_buf_addf(&text, "%s%s: %s\n", p ? "container " : "", parts[p].names[i], json);
			text.failed |= item && !json;
		}
	}
	if (text.failed || !text.data) {
		plm_buf_done(&text);
		return plm_err_set(err, ENOMEM, at->file, "out of memory");
	}
	d->text = PLM_TAKE_PTR(text.data);
	return 0;
}

static int parse_definition(const cJSON *obj, const struct plm_json_at *at, struct plm_local_definition *d,
			    struct plm_err *err)
{
	const char *family = "";
	const cJSON *containers = NULL;
	int64_t cpu = 0, memory = 0, revision = 0;
	int r = plm_json_only(obj, at, definition_members, err);
	if (r == 0)
		r = plm_local_only_empty(obj, at, definition_only_empty, err);
	if (r == 0)
		r = plm_json_str(obj, at, "family", true, 1, PLM_NAME_MAX - 1, &family, err);
	if (r == 1 && !plm_local_is_name(family))
		r = plm_json_err(err, at, "family", "is \"%.80s\"; letters, digits, - and _ only", family);
	if (r == 1)
		r = plm_json_int(obj, at, "revision", false, 1, INT_MAX, &revision, err);
	if (r >= 0)
		r = take_size(obj, at, "cpu", CPU_MIN, CPU_MAX, &cpu, err);
	if (r >= 0)
		r = take_size(obj, at, "memory", MEMORY_MIN_MIB, MEMORY_MAX_MIB, &memory, err);
	if (r >= 0)
		r = plm_json_arr(obj, at, "containerDefinitions", true, &containers, err);
	if (r < 0)
		return r;
	if (cJSON_GetArraySize(containers) != 1)
		return plm_json_err(err, at, "containerDefinitions",
				    "has %d entries; a task here is one process tree, so exactly 1",
				    cJSON_GetArraySize(containers));
	(void)plm_strcpy(d->family, sizeof(d->family), family);
	d->revision = (int)revision;
	d->has_cpu_quota = cpu > 0;
	d->cpu_units = (uint32_t)cpu;
	d->memory_bytes = d->memory_limit_bytes = (uint64_t)memory * MIB;
	struct plm_json_at list_at = plm_json_member(at, "containerDefinitions"), item_at = plm_json_item(&list_at, 0);
	const cJSON *container = cJSON_GetArrayItem(containers, 0);
	if (!cJSON_IsObject(container))
		return plm_json_err(err, &item_at, NULL, "must be an object");
	r = take_container(container, &item_at, d, err);
	return r ? r : take_text(obj, container, at, d, err);
}

static int add_definition(const cJSON *obj, const struct plm_json_at *at, struct plm_local_docs *docs,
			  struct plm_err *err)
{
	struct plm_local_definition d = { .revision = 0 };
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

/* `doc` is an object with the member `key` of type object or array: what an `aws` command printed. Nothing else but what that command
 * prints beside it may be there. */
static int unwrap(const cJSON *doc, const char *file, const char *key, const cJSON **ret_inner, struct plm_err *err)
{
	const char *const beside[] = { key, "tags", "failures", NULL };
	const cJSON *inner = cJSON_IsObject(doc) ? cJSON_GetObjectItemCaseSensitive(doc, key) : NULL;
	struct plm_json_at at = plm_json_root(file);
	if (!cJSON_IsObject(inner) && !cJSON_IsArray(inner))
		return 0;
	int r = plm_json_only(doc, &at, beside, err);
	if (r != 0)
		return r;
	if (!is_empty(cJSON_GetObjectItemCaseSensitive(doc, "failures")))
		return plm_json_err(err, &at, "failures",
				    "is not empty: the command that printed this file did not find everything");
	*ret_inner = inner;
	return 1;
}

int plm_local_each_body(const cJSON *doc, const char *file, const char *const *wrappers, plm_local_body_fn *fn,
			void *ctx, struct plm_err *err)
{
	struct plm_json_at at = plm_json_root(file);
	int r = 0, i = 0;
	for (size_t w = 0; wrappers[w] && r == 0; w++) {
		const cJSON *inner = NULL;
		r = unwrap(doc, file, wrappers[w], &inner, err);
		if (r == 1) {
			at = plm_json_member(&at, wrappers[w]);
			doc = inner;
		}
	}
	if (r < 0)
		return r;
	if (!cJSON_IsArray(doc))
		return cJSON_IsObject(doc) ? fn(doc, &at, ctx, err)
					   : plm_json_err(err, &at, NULL, "must be an object or an array of objects");
	const cJSON *item;
	r = 0;
	cJSON_ArrayForEach(item, doc)
	{
		struct plm_json_at item_at = plm_json_item(&at, i++);
		if (r == 0)
			r = cJSON_IsObject(item) ? fn(item, &item_at, ctx, err)
						 : plm_json_err(err, &item_at, NULL, "must be an object");
	}
	return r;
}

static int add_definition_body(const cJSON *obj, const struct plm_json_at *at, void *ctx, struct plm_err *err)
{
	return add_definition(obj, at, ctx, err);
}

int plm_local_add_definitions(const cJSON *doc, const char *file, struct plm_local_docs *docs, struct plm_err *err)
{
	static const char *const wrappers[] = { "taskDefinition", NULL };
	return plm_local_each_body(doc, file, wrappers, add_definition_body, docs, err);
}
