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
#define PLM_LOCAL_NO_PORT (-1)

struct plm_local_definition {
	char family[PLM_NAME_MAX];
	int revision;             /* 0 until the store has numbered it */
	uint32_t cpu_units;       /* reserved: task level, else the container's; 0 = none */
	uint64_t memory_bytes;    /* reserved: task level, else memoryReservation, else memory; 0 = none */
	bool has_cpu_quota;       /* task-level cpu is a hard limit; a container's cpu is a weight */
	uint64_t memory_limit_bytes; /* task level or the container's memory; 0 = none */
	char **argv;              /* entryPoint followed by command, NULL-terminated, owned */
	char **env;               /* "NAME=value", NULL-terminated, owned */
	char *workdir;            /* NULL = "/" */
	bool has_user;
	uid_t uid;
	gid_t gid;
	char *user_name;          /* for initgroups; NULL = numeric */
	int host_port;            /* PLM_LOCAL_NO_PORT, 0 = choose one, else fixed */
	int stop_timeout_s;
	uint64_t nofile;          /* RLIMIT_NOFILE; 0 = inherited */
	char *text;               /* canonical JSON, for telling whether it has changed; owned */
};

struct plm_local_service_doc {
	char name[PLM_NAME_MAX];
	char family[PLM_NAME_MAX];
	int desired;
	bool is_daemon; /* schedulingStrategy DAEMON: one task per host, never scaled */
};

struct plm_local_docs {
	struct plm_local_definition *definitions;
	size_t n_definitions;
	struct plm_local_service_doc *services;
	size_t n_services;
};

/* Adds the definitions of one document (one body, {"taskDefinition": body}, or an array of bodies). */
int plm_local_add_definitions(const cJSON *doc, const char *file, struct plm_local_docs *docs, struct plm_err *err);
/* Likewise for services (one body, or {"services": […]}). `cluster` must match where a body names one. */
int plm_local_add_services(const cJSON *doc, const char *file, const char *cluster, struct plm_local_docs *docs,
			   struct plm_err *err);
/* Every service has a definition. `file` is for the error. */
int plm_local_check_docs(const struct plm_local_docs *docs, const char *file, struct plm_err *err);
void plm_local_docs_done(struct plm_local_docs *docs);
void plm_local_definition_done(struct plm_local_definition *d);

#endif
