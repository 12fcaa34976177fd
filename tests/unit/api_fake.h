/* SPDX-License-Identifier: Apache-2.0
 * A daemon made of a fixture view: says what it is told to say and remembers what it was asked. */
#ifndef PLM_TESTS_API_FAKE_H
#define PLM_TESTS_API_FAKE_H

#include <errno.h>

#include "api/api.h"
#include "exports/exports.h"
#include "view_fixture.h"

struct fake {
	struct fixture f;
	bool has_no_view;
	int scale_result, activities_result, explain_result;
	char scaled[PLM_NAME_MAX], actor[64], asked[PLM_NAME_MAX];
	int desired, max;
	bool with_not_scaled;
	plm_ns at;
};

static inline const struct plm_view *fake_view(void *ctx)
{
	struct fake *k = ctx;
	return k->has_no_view ? NULL : &k->f.view;
}

static inline int fake_scale(void *ctx, const char *service, int desired, const char *actor, struct plm_err *err)
{
	struct fake *k = ctx;
	(void)snprintf(k->scaled, sizeof(k->scaled), "%s", service);
	(void)snprintf(k->actor, sizeof(k->actor), "%s", actor);
	k->desired = desired;
	return k->scale_result < 0 ? plm_err_set(err, -k->scale_result, NULL, "made to fail") : k->scale_result;
}

static inline int fake_activities(void *ctx, const char *service, bool with_not_scaled, int max, struct plm_jw *w,
				  struct plm_err *err)
{
	struct fake *k = ctx;
	(void)snprintf(k->asked, sizeof(k->asked), "%s", service);
	k->with_not_scaled = with_not_scaled;
	k->max = max;
	plm_jw_obj(w, NULL);
	plm_jw_str(w, "id", "a-1");
	plm_jw_end_obj(w);
	return k->activities_result < 0 ? plm_err_set(err, EIO, "state.db", "disk I/O error") : 0;
}

static inline int fake_explain(void *ctx, const char *service, plm_ns at_wall, struct plm_jw *w, struct plm_err *err)
{
	struct fake *k = ctx;
	(void)err;
	(void)snprintf(k->asked, sizeof(k->asked), "%s", service);
	k->at = at_wall;
	plm_jw_str(w, "sentence", "because");
	return k->explain_result;
}

/* The real one: what the page and the server make of a real exposition is part of what is tested. */
static inline int fake_metrics(void *ctx, const struct plm_view *view, const char *accept,
			       const char **ret_content_type, struct plm_buf *out)
{
	(void)ctx;
	enum plm_prom_format format = plm_prom_negotiate(accept);
	*ret_content_type = plm_prom_content_type(format);
	return plm_prom_render(view, format, out);
}

static const struct plm_control_ops fake_ops = { fake_view, fake_scale, fake_activities, fake_explain, fake_metrics };

static inline int setup(void **state)
{
	struct fake *k = calloc(1, sizeof(*k));
	fixture_init(&k->f, 10);
	*state = k;
	return 0;
}

static inline int teardown(void **state)
{
	struct fake *k = *state;
	fixture_done(&k->f);
	free(k);
	return 0;
}

#endif
