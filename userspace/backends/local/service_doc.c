/* SPDX-License-Identifier: Apache-2.0
 * Services of the local backend: ECS create-service bodies. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backends/local/definition.h"
#include "base/cleanup.h"
#include "base/num.h"

/* What has a meaning here; what is accepted and has none on one host; what may stand there only empty, since nobody would register
 * the tasks. */
static const char *const service_members[] = { "serviceName",
					       "taskDefinition",
					       "desiredCount",
					       "cluster",
					       "clusterArn",
					       "schedulingStrategy",
					       /* ignored: */ "launchType",
					       "deploymentConfiguration",
					       "deploymentController",
					       "tags",
					       "propagateTags",
					       "enableECSManagedTags",
					       "enableExecuteCommand",
					       "platformVersion",
					       "platformFamily",
					       "clientToken",
					       "role",
					       "capacityProviderStrategy",
					       "networkConfiguration",
					       "placementStrategy",
					       "placementConstraints",
					       "availabilityZoneRebalancing",
					       "monitoring",
					       "serviceArn",
					       "status",
					       "runningCount",
					       "pendingCount",
					       "deployments",
					       "events",
					       "createdAt",
					       "createdBy",
					       "roleArn",
					       "healthCheckGracePeriodSeconds",
					       /* only empty: */ "loadBalancers",
					       "serviceRegistries",
					       "serviceConnectConfiguration",
					       "volumeConfigurations",
					       "vpcLatticeConfigurations",
					       "taskSets",
					       NULL };
static const char *const service_only_empty[] = { "loadBalancers",
						  "serviceRegistries",
						  "serviceConnectConfiguration",
						  "volumeConfigurations",
						  "vpcLatticeConfigurations",
						  "taskSets",
						  NULL };
static const char *const strategies[] = { "REPLICA", "DAEMON", NULL };

struct service_ctx {
	struct plm_local_docs *docs;
	const char *cluster;
};

/* "family", "family:revision", or an ARN that ends in one of them. */
static int take_family(const cJSON *obj, const struct plm_json_at *at, struct plm_local_service_doc *s,
		       struct plm_err *err)
{
	const char *text;
	uint64_t revision = 0;
	int r = plm_json_str(obj, at, "taskDefinition", true, 1, PLM_NAME_MAX - 1, &text, err);
	if (r < 0)
		return r;
	const char *slash = strrchr(text, '/');
	(void)plm_strcpy(s->family, sizeof(s->family), slash ? slash + 1 : text);
	char *colon = strchr(s->family, ':');
	if (colon) {
		*colon = '\0';
		if (plm_parse_u64(colon + 1, 1, INT_MAX, &revision) != 0)
			return plm_json_err(err, at, "taskDefinition",
					    "is \"%.80s\"; it must be family or family:revision, revision from 1",
					    text);
	}
	s->revision = (int)revision;
	return 0;
}

static int check_cluster(const cJSON *obj, const struct plm_json_at *at, const char *key, const char *cluster,
			 struct plm_err *err)
{
	const char *text;
	int r = plm_json_str(obj, at, key, false, 1, 512, &text, err);
	if (r != 1)
		return r;
	const char *slash = strrchr(text, '/');
	if (strcmp(slash ? slash + 1 : text, cluster) != 0)
		return plm_json_err(err, at, key, "is \"%.80s\"; this daemon serves cluster \"%.80s\"", text, cluster);
	return 0;
}

static int parse_service(const cJSON *obj, const struct plm_json_at *at, const char *cluster,
			 struct plm_local_service_doc *s, struct plm_err *err)
{
	const char *name;
	int64_t desired = 1;
	int strategy = 0;
	int r = plm_json_only(obj, at, service_members, err);
	if (r == 0)
		r = plm_local_only_empty(obj, at, service_only_empty, err);
	if (r != 0)
		return r;
	r = plm_json_str(obj, at, "serviceName", true, 1, 255, &name, err);
	if (r == 1 && !plm_local_is_name(name))
		r = plm_json_err(err, at, "serviceName", "is \"%.80s\"; letters, digits, - and _ only", name);
	if (r == 1)
		r = take_family(obj, at, s, err);
	if (r == 0)
		r = check_cluster(obj, at, "cluster", cluster, err);
	if (r == 0)
		r = check_cluster(obj, at, "clusterArn", cluster, err);
	if (r == 0)
		r = plm_json_enum(obj, at, "schedulingStrategy", false, strategies, &strategy, err);
	s->is_daemon = strategy == 1;
	/* ECS: required for REPLICA; for DAEMON it is the number of hosts, and this is one. */
	if (r >= 0)
		r = plm_json_int(obj, at, "desiredCount", !s->is_daemon, 0, PLM_LOCAL_MAX_DESIRED, &desired, err);
	if (r < 0)
		return r;
	(void)plm_strcpy(s->name, sizeof(s->name), name);
	s->desired = s->is_daemon ? 1 : (int)desired;
	return 0;
}

static int add_service(const cJSON *obj, const struct plm_json_at *at, void *ctx, struct plm_err *err)
{
	const struct service_ctx *c = ctx;
	struct plm_local_service_doc s = { .desired = 0 };
	int r = parse_service(obj, at, c->cluster, &s, err);
	if (r != 0)
		return r;
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
	static const char *const wrappers[] = { "service", "services", NULL };
	struct service_ctx c = { .docs = docs, .cluster = cluster };
	return plm_local_each_body(doc, file, wrappers, add_service, &c, err);
}

int plm_local_check_docs(const struct plm_local_docs *docs, const char *file, struct plm_err *err)
{
	for (size_t i = 0; i < docs->n_services; i++) {
		const struct plm_local_service_doc *s = &docs->services[i];
		const struct plm_local_definition *found = NULL;
		for (size_t d = 0; d < docs->n_definitions; d++)
			if (strcmp(docs->definitions[d].family, s->family) == 0)
				found = &docs->definitions[d];
		if (!found)
			return plm_err_set(err, EINVAL, file,
					   "service \"%.80s\": no task definition of family \"%.80s\" was given",
					   s->name, s->family);
		if (s->revision && found->revision && s->revision != found->revision)
			return plm_err_set(err, EINVAL, file,
					   "service \"%.80s\" wants revision %d of \"%.80s\"; the task definition "
					   "given is revision %d",
					   s->name, s->revision, s->family, found->revision);
	}
	return 0;
}
