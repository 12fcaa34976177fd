/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "scaling/scaling.h"

#define DEFAULT_POLICIES "/etc/plimsoll/policies.d"

static const char *const top_keys[] = { "cluster",  "state_dir",    "socket", "dry_run", "sample_interval_ms",
					"policies", "orchestrator", "web",    "scaling", "kernel",
					NULL };
static const char *const web_keys[] = { "listen_address", NULL };
static const char *const scaling_keys[] = { "evaluation", NULL };
static const char *const kernel_keys[] = { "root", "rung", "lifecycle_events", NULL };
static const char *const evaluations[] = { "fast", NULL };
static const char *const rungs[] = { "auto", "B", "C", "E", NULL };

static void set_defaults(struct plm_config *c)
{
	(void)plm_strcpy(c->cluster, sizeof(c->cluster), "default");
	(void)plm_strcpy(c->state_dir, sizeof(c->state_dir), "/var/lib/plimsoll");
	(void)plm_strcpy(c->socket, sizeof(c->socket), "/run/plimsoll/plimsoll.sock");
	(void)plm_strcpy(c->listen_address, sizeof(c->listen_address), "127.0.0.1:17546");
	(void)plm_strcpy(c->backend, sizeof(c->backend), "local");
	(void)plm_strcpy(c->kernel_root, sizeof(c->kernel_root), "/");
	c->sample_interval_ms = 1000;
	c->has_default_policies = true;
}

/* A string member into a fixed buffer; absent leaves it. */
static int take_str(const cJSON *obj, const struct plm_json_at *at, const char *key, size_t min_len, char *dst,
		    size_t size, struct plm_err *err)
{
	const char *text;
	int r = plm_json_str(obj, at, key, false, min_len, size - 1, &text, err);
	if (r == 1)
		(void)plm_strcpy(dst, size, text);
	return r < 0 ? r : 0;
}

/* `path` as seen from the folder of the configuration file that named it. */
static char *resolve(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	char *full;
	if (path[0] == '/' || !slash)
		return strdup(path);
	if (asprintf(&full, "%.*s/%s", (int)(slash - file), file, path) < 0)
		return NULL;
	return full;
}

static void drop_policies(struct plm_config *c)
{
	for (size_t i = 0; i < c->n_policies; i++)
		free(c->policies[i]);
	c->n_policies = 0;
}

static int take_policies(struct plm_config *c, const cJSON *doc, const struct plm_json_at *at, struct plm_err *err)
{
	const cJSON *list;
	int r = plm_json_arr(doc, at, "policies", false, &list, err);
	if (r <= 0)
		return r;
	if (cJSON_GetArraySize(list) > PLM_CONFIG_MAX_POLICIES)
		return plm_json_err(err, at, "policies", "has %d entries; at most %d are allowed",
				    cJSON_GetArraySize(list), PLM_CONFIG_MAX_POLICIES);
	drop_policies(c);
	c->has_default_policies = false;
	struct plm_json_at list_at = plm_json_member(at, "policies");
	const cJSON *item;
	cJSON_ArrayForEach(item, list)
	{
		struct plm_json_at item_at = plm_json_item(&list_at, (int)c->n_policies);
		if (!cJSON_IsString(item) || !item->valuestring[0])
			return plm_json_err(err, &item_at, NULL, "must be the path of a file or folder");
		char *path = resolve(at->file, item->valuestring);
		if (!path)
			return plm_err_set(err, ENOMEM, at->file, "out of memory");
		c->policies[c->n_policies++] = path;
	}
	return 0;
}

static int take_web(struct plm_config *c, const cJSON *doc, const struct plm_json_at *at, struct plm_err *err)
{
	const cJSON *web;
	int r = plm_json_obj(doc, at, "web", false, &web, err);
	if (r <= 0)
		return r;
	struct plm_json_at web_at = plm_json_member(at, "web");
	r = plm_json_only(web, &web_at, web_keys, err);
	return r ? r : take_str(web, &web_at, "listen_address", 0, c->listen_address, sizeof(c->listen_address), err);
}

static int take_scaling(const cJSON *doc, const struct plm_json_at *at, struct plm_err *err)
{
	const cJSON *scaling;
	int evaluation, r = plm_json_obj(doc, at, "scaling", false, &scaling, err);
	if (r <= 0)
		return r;
	struct plm_json_at scaling_at = plm_json_member(at, "scaling");
	r = plm_json_only(scaling, &scaling_at, scaling_keys, err);
	if (r == 0)
		r = plm_json_enum(scaling, &scaling_at, "evaluation", false, evaluations, &evaluation, err);
	return r < 0 ? r : 0;
}

static int take_kernel(struct plm_config *c, const cJSON *doc, const struct plm_json_at *at, struct plm_err *err)
{
	const cJSON *kernel;
	int r = plm_json_obj(doc, at, "kernel", false, &kernel, err);
	if (r <= 0)
		return r;
	struct plm_json_at kernel_at = plm_json_member(at, "kernel");
	int rung = 0;
	bool events = !c->without_events;
	r = plm_json_only(kernel, &kernel_at, kernel_keys, err);
	if (r == 0)
		r = take_str(kernel, &kernel_at, "root", 1, c->kernel_root, sizeof(c->kernel_root), err);
	if (r == 0)
		r = plm_json_enum(kernel, &kernel_at, "rung", false, rungs, &rung, err);
	if (r == 1)
		c->rung = rung ? rungs[rung][0] : 0;
	if (r >= 0)
		r = plm_json_bool(kernel, &kernel_at, "lifecycle_events", false, &events, err);
	if (r < 0)
		return r;
	c->without_events = !events;
	if (c->kernel_root[0] != '/')
		return plm_json_err(err, &kernel_at, "root",
				    "is \"%.80s\"; it must be a cgroup path that begins with /", c->kernel_root);
	return 0;
}

static int take_orchestrator(struct plm_config *c, const cJSON *doc, const struct plm_json_at *at, struct plm_err *err)
{
	int r = plm_json_obj(doc, at, "orchestrator", false, &c->orchestrator, err);
	if (r <= 0)
		return r;
	c->orchestrator_at = plm_json_member(at, "orchestrator");
	r = take_str(c->orchestrator, &c->orchestrator_at, "type", 1, c->backend, sizeof(c->backend), err);
	if (r == 0)
		r = plm_json_bool(c->orchestrator, &c->orchestrator_at, "stop_tasks_on_exit", false,
				  &c->stop_tasks_on_exit, err);
	return r < 0 ? r : 0;
}

/* One document on top of what the earlier ones said. */
static int take_doc(struct plm_config *c, const cJSON *doc, const char *file, struct plm_err *err)
{
	struct plm_json_at at = plm_json_root(file);
	int64_t interval;
	if (!cJSON_IsObject(doc))
		return plm_err_set(err, EINVAL, file, "the document must be an object");
	int r = plm_json_only(doc, &at, top_keys, err);
	if (r == 0)
		r = take_str(doc, &at, "cluster", 1, c->cluster, sizeof(c->cluster), err);
	if (r == 0)
		r = take_str(doc, &at, "state_dir", 1, c->state_dir, sizeof(c->state_dir), err);
	if (r == 0)
		r = take_str(doc, &at, "socket", 0, c->socket, sizeof(c->socket), err);
	if (r == 0)
		r = plm_json_bool(doc, &at, "dry_run", false, &c->is_dry_run, err);
	if (r >= 0)
		r = plm_json_int(doc, &at, "sample_interval_ms", false, 100, 60000, &interval, err);
	if (r == 1)
		c->sample_interval_ms = (int)interval;
	if (r >= 0)
		r = take_policies(c, doc, &at, err);
	if (r >= 0)
		r = take_web(c, doc, &at, err);
	if (r >= 0)
		r = take_scaling(doc, &at, err);
	if (r >= 0)
		r = take_kernel(c, doc, &at, err);
	if (r >= 0)
		r = take_orchestrator(c, doc, &at, err);
	return r < 0 ? r : 0;
}

static int add_file(struct plm_config *c, const char *file, struct plm_err *err)
{
	if (c->n_docs == PLM_CONFIG_MAX_FILES)
		return plm_err_set(err, E2BIG, file, "more than %d configuration files", PLM_CONFIG_MAX_FILES);
	cJSON *doc;
	int r = plm_json_load(file, PLM_JSON_COMMENTS, &doc, err);
	if (r != 0)
		return r;
	char *name = strdup(file);
	if (!name) {
		cJSON_Delete(doc);
		return plm_err_set(err, ENOMEM, file, "out of memory");
	}
	c->docs[c->n_docs] = doc;
	c->files[c->n_docs++] = name;
	return take_doc(c, doc, name, err);
}

static int is_json_file(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".json") == 0;
}

/* Calls fn for each *.json of a folder, in lexical order. A missing folder is -ENOENT. */
static int each_json(const char *folder, int (*fn)(void *ctx, const char *file, struct plm_err *err), void *ctx,
		     struct plm_err *err)
{
	struct dirent **list;
	int n = scandir(folder, &list, is_json_file, alphasort), r = 0;
	if (n < 0)
		return plm_err_set(err, errno, folder, "cannot read the folder: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];
		if (r == 0 && snprintf(file, sizeof(file), "%s/%s", folder, list[i]->d_name) >= (int)sizeof(file))
			r = plm_err_set(err, ENAMETOOLONG, folder, "path is too long");
		if (r == 0)
			r = fn(ctx, file, err);
		free(list[i]);
	}
	free(list);
	return r;
}

static int add_drop_in(void *ctx, const char *file, struct plm_err *err)
{
	return add_file(ctx, file, err);
}

static int load_into(struct plm_config *c, const char *file, struct plm_err *err)
{
	const char *main_file = file ? file : PLM_CONFIG_FILE;
	struct stat st;
	int r = 0;
	if (file || stat(main_file, &st) == 0)
		r = add_file(c, main_file, err);
	if (r != 0)
		return r;
	PLM_FREE char *drop_ins = resolve(main_file, "plimsoll.d");
	if (!drop_ins)
		return plm_err_set(err, ENOMEM, main_file, "out of memory");
	if (stat(drop_ins, &st) == 0 && S_ISDIR(st.st_mode))
		r = each_json(drop_ins, add_drop_in, c, err);
	if (r == 0 && c->has_default_policies) {
		c->policies[0] = strdup(DEFAULT_POLICIES);
		c->n_policies = c->policies[0] != NULL;
	}
	return r;
}

int plm_config_load(const char *file, struct plm_config **ret, struct plm_err *err)
{
	struct plm_config *c = calloc(1, sizeof(*c));
	if (!c)
		return plm_err_set(err, ENOMEM, file, "out of memory");
	set_defaults(c);
	int r = load_into(c, file, err);
	if (r != 0) {
		plm_config_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void plm_config_free(struct plm_config *c)
{
	if (!c)
		return;
	drop_policies(c);
	for (size_t i = 0; i < c->n_docs; i++) {
		cJSON_Delete(c->docs[i]);
		free(c->files[i]);
	}
	free(c);
}

int plm_config_same_base(const struct plm_config *old, const struct plm_config *fresh, struct plm_err *err)
{
	const char *key = NULL;
	if (strcmp(old->cluster, fresh->cluster) != 0)
		key = "cluster";
	else if (strcmp(old->state_dir, fresh->state_dir) != 0)
		key = "state_dir";
	else if (strcmp(old->socket, fresh->socket) != 0)
		key = "socket";
	else if (strcmp(old->listen_address, fresh->listen_address) != 0)
		key = "web.listen_address";
	else if (strcmp(old->backend, fresh->backend) != 0)
		key = "orchestrator.type";
	else if (strcmp(old->kernel_root, fresh->kernel_root) != 0 || old->rung != fresh->rung ||
		 old->without_events != fresh->without_events)
		key = "kernel";
	if (!key)
		return 0;
	return plm_err_set(err, EINVAL, fresh->n_docs ? fresh->files[0] : PLM_CONFIG_FILE,
			   "%s has changed: that takes a restart", key);
}

/* --- policies --- */

static int add_policy_file(void *ctx, const char *file, struct plm_err *err)
{
	cJSON *doc;
	int r = plm_json_load(file, PLM_JSON_COMMENTS, &doc, err);
	if (r != 0)
		return r;
	r = plm_policy_document_add(doc, file, ctx, err);
	cJSON_Delete(doc);
	return r;
}

/* Leaves out what belongs to other clusters. Returns how many targets and policies that were. */
static size_t drop_foreign(struct plm_policy_set *set, const char *cluster)
{
	size_t kept = 0, before = set->n_targets + set->n_policies;
	for (size_t i = 0; i < set->n_targets; i++)
		if (strcmp(set->targets[i].cluster, cluster) == 0)
			set->targets[kept++] = set->targets[i];
	set->n_targets = kept;
	kept = 0;
	for (size_t i = 0; i < set->n_policies; i++)
		if (strcmp(set->policies[i].cluster, cluster) == 0)
			set->policies[kept++] = set->policies[i];
	set->n_policies = kept;
	return before - set->n_targets - set->n_policies;
}

int plm_config_policies(const struct plm_config *c, struct plm_policy_set *ret, size_t *ret_foreign,
			struct plm_err *err)
{
	struct plm_policy_set set = { .n_targets = 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->n_policies; i++) {
		struct stat st;
		if (stat(c->policies[i], &st) != 0) {
			if (!(errno == ENOENT && c->has_default_policies))
				r = plm_err_set(err, errno, c->policies[i], "cannot read: %s", strerror(errno));
		} else if (S_ISDIR(st.st_mode)) {
			r = each_json(c->policies[i], add_policy_file, &set, err);
		} else {
			r = add_policy_file(&set, c->policies[i], err);
		}
	}
	if (r == 0)
		r = plm_policy_set_check(&set, err);
	if (r != 0) {
		plm_policy_set_done(&set);
		return r;
	}
	*ret_foreign = drop_foreign(&set, c->cluster);
	*ret = set;
	return 0;
}
