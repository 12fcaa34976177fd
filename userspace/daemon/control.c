/* SPDX-License-Identifier: Apache-2.0
 * What the outside may ask of the daemon: the control ops table. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "daemon/daemon.h"
#include "exports/exports.h"

#define DESIRED_MAX 100000 /* far above any host; stops a slip of the hand */
#define RECORD_JSON_MAX (64u << 10)

static const struct plm_view *view(void *ctx)
{
	return &((struct plm_daemon *)ctx)->view;
}

static int scale(void *ctx, const char *service, int desired, const char *actor, struct plm_err *err)
{
	struct plm_daemon *d = ctx;
	const struct plm_service *s = plm_cluster_service(&d->tick.cluster, service);
	struct plm_now now = plm_clock_now();
	if (!s)
		return plm_err_set(err, ENOENT, NULL, "there is no service \"%.100s\"", service);
	if (desired < 0 || desired > DESIRED_MAX)
		return plm_err_set(err, EINVAL, NULL, "desired is %d; it must be from 0 to %d", desired, DESIRED_MAX);
	if (!s->is_scalable)
		return plm_err_set(err, EPERM, NULL, "service \"%.100s\" runs one task per host and is never scaled",
				   service);
	struct plm_activity a = { .from = s->desired, .to = desired };
	(void)plm_strcpy(a.cluster, sizeof(a.cluster), d->config->cluster);
	(void)plm_strcpy(a.service, sizeof(a.service), service);
	(void)snprintf(a.description, sizeof(a.description), "Setting desired count to %d.", desired);
	(void)snprintf(a.cause, sizeof(a.cause), "set by hand from %d to %d (%s)", s->desired, desired, actor);
	int r = plm_daemon_apply(d, &a, &now, err);
	if (r >= 0)
		plm_log(PLM_LOG_INFO, "scaling", "service \"%s\": %s%s", service, a.cause, r == 1 ? ", dry run" : "");
	if (r == 0) {
		/* Tell the truth until the next tick asks the backend. */
		for (size_t i = 0; i < d->tick.cluster.n_services; i++)
			if (&d->tick.cluster.services[i] == s)
				d->tick.cluster.services[i].desired = desired;
	}
	return r;
}

static int activities(void *ctx, const char *service, bool with_not_scaled, int max, struct plm_jw *w,
		      struct plm_err *err)
{
	struct plm_daemon *d = ctx;
	return plm_state_list_activities(d->state, service, with_not_scaled, max, w, err);
}

/* The stored record's members, without its outer braces. */
static int stored_record(struct plm_daemon *d, const char *service, plm_ns at_wall, struct plm_jw *w,
			 struct plm_err *err)
{
	struct plm_buf json = PLM_BUF_INIT(RECORD_JSON_MAX);
	int r = plm_state_get_decision(d->state, service, at_wall, &json, err);
	if (r == 0 && (json.failed || json.len < 2))
		r = plm_err_set(err, EIO, NULL, "the stored decision record cannot be read");
	if (r == 0) {
		json.data[json.len - 1] = '\0';
		plm_jw_members(w, json.data + 1);
	}
	plm_buf_done(&json);
	return r;
}

static int explain(void *ctx, const char *service, plm_ns at_wall, struct plm_jw *w, struct plm_err *err)
{
	struct plm_daemon *d = ctx;
	for (size_t i = 0; i < d->view.n_decisions; i++) {
		const struct plm_decision *dec = &d->view.decisions[i];
		if (strcmp(dec->service, service) == 0 && (!at_wall || dec->at.wall <= at_wall)) {
			plm_decision_json(dec, w);
			return 0;
		}
	}
	if (at_wall)
		return stored_record(d, service, at_wall, w, err);
	if (!plm_cluster_service(&d->tick.cluster, service))
		return plm_err_set(err, ENOENT, NULL, "there is no service \"%.100s\"", service);
	if (!plm_policy_set_target(&d->policies, service))
		return plm_err_set(err, ENOENT, NULL,
				   "service \"%.100s\" is not a scalable target: no policy decides for it", service);
	return plm_err_set(err, ENOENT, NULL, "service \"%.100s\" has not been evaluated yet", service);
}

static int metrics(void *ctx, const struct plm_view *view, const char *accept, const char **ret_content_type,
		   struct plm_buf *out)
{
	(void)ctx;
	enum plm_prom_format format = plm_prom_negotiate(accept);
	*ret_content_type = plm_prom_content_type(format);
	return plm_prom_render(view, format, out);
}

const struct plm_control_ops plm_daemon_control = {
	.view = view,
	.scale = scale,
	.activities = activities,
	.explain = explain,
	.metrics = metrics,
};
