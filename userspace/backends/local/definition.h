/* SPDX-License-Identifier: Apache-2.0
 *
 * Task definitions and services of the local backend: the subset of ECS's register-task-definition and create-service bodies that
 * means something for a host process. Members that a host process has no use for (image, networkMode, …) are on a documented
 * ignore list; any other unknown member is an error.
 */
#ifndef PLM_BACKENDS_LOCAL_DEFINITION_H
#define PLM_BACKENDS_LOCAL_DEFINITION_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "model/service.h"

#define PLM_LOCAL_MAX_DEFINITIONS 256
#define PLM_LOCAL_MAX_SERVICES 256
#define PLM_LOCAL_MAX_ARGS 256
#define PLM_LOCAL_MAX_ENV 512
#define PLM_LOCAL_MAX_GROUPS 256
#define PLM_LOCAL_MAX_DESIRED 10000
#define PLM_LOCAL_NO_PORT (-1)
#define PLM_LOCAL_STOP_TIMEOUT_S 30 /* ECS's default stopTimeout */

struct plm_local_definition {
	char family[PLM_NAME_MAX];
	int revision;                /* as the document says, 0 = it does not; later what the store has made of it */
	uint32_t cpu_units;          /* reserved: task level, else the container's; 0 = none */
	uint64_t memory_bytes;       /* reserved: task level, else memoryReservation, else memory; 0 = none */
	bool has_cpu_quota;          /* task-level cpu is a hard limit; a container's cpu is a weight */
	uint64_t memory_limit_bytes; /* task level or the container's memory; 0 = none */
	char **argv;                 /* entryPoint followed by command, NULL-terminated, owned */
	char **env;                  /* "NAME=value", NULL-terminated, owned */
	char *workdir;               /* NULL = "/" */
	bool has_user;
	uid_t uid;
	gid_t gid;
	char *user_name; /* sets USER; NULL = a number without a name */
	char *home;      /* the user's folder; NULL = not known */
	gid_t *groups;   /* supplementary groups, looked up when the document was read */
	int n_groups;
	int host_port; /* PLM_LOCAL_NO_PORT, 0 = choose one, else fixed */
	bool is_udp;
	int stop_timeout_s;
	uint64_t nofile_soft, nofile_hard; /* RLIMIT_NOFILE; 0 = as the daemon was started with */
	char *text; /* the members that mean something here, for telling whether it has changed; owned */
};

struct plm_local_service_doc {
	char name[PLM_NAME_MAX];
	char family[PLM_NAME_MAX];
	int revision; /* "family:revision"; 0 = none was named */
	int desired;
	bool is_daemon; /* schedulingStrategy DAEMON: one task per host, never scaled */
};

struct plm_local_docs {
	struct plm_local_definition *definitions;
	size_t n_definitions;
	struct plm_local_service_doc *services;
	size_t n_services;
};

/* Adds the definitions of one document: one body, an array of bodies, or what `aws ecs describe-task-definition` prints,
 * {"taskDefinition": body}. -EINVAL with file, field and legal range. On failure `docs` may have grown. */
int plm_local_add_definitions(const cJSON *doc, const char *file, struct plm_local_docs *docs, struct plm_err *err);
/* Likewise for services: one body, an array, or what `aws ecs create-service` and `describe-services` print, {"service": body}
 * and {"services": […]}. `cluster` must match where a body names one, by name or by ARN. */
int plm_local_add_services(const cJSON *doc, const char *file, const char *cluster, struct plm_local_docs *docs,
			   struct plm_err *err);
/* Every service has a definition, of the revision it names where both say one. `file` is for the error. */
int plm_local_check_docs(const struct plm_local_docs *docs, const char *file, struct plm_err *err);
/* For both kinds of documents: calls fn for each body of a document; `wrappers` (NULL-terminated) are members of `aws` output that
 * hold a body or an array of them. Stops at the first error. */
typedef int plm_local_body_fn(const cJSON *obj, const struct plm_json_at *at, void *ctx, struct plm_err *err);
int plm_local_each_body(const cJSON *doc, const char *file, const char *const *wrappers, plm_local_body_fn *fn,
			void *ctx, struct plm_err *err);
/* -EINVAL when one of the named members holds more than nothing, null, false, [] or {}. */
int plm_local_only_empty(const cJSON *obj, const struct plm_json_at *at, const char *const *names, struct plm_err *err);
bool plm_local_is_name(const char *name); /* fit for a folder and a cgroup: letters, digits, - and _ */
void plm_local_docs_done(struct plm_local_docs *docs);
void plm_local_definition_done(struct plm_local_definition *d);

#endif
