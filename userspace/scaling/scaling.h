/* SPDX-License-Identifier: Apache-2.0
 *
 * The scaling engine: pure. Documents in, a policy set out; usage + policies + state + now in, decisions out.
 * No clock, file, socket or log in here; the same input gives the same bytes.
 */
#ifndef PLM_SCALING_SCALING_H
#define PLM_SCALING_SCALING_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "model/decision.h"
#include "model/policy.h"
#include "model/usage.h"

/* --- documents (scaling/document.c) --- */

/* Adds what one parsed document holds (`ScalableTargets`, `ScalingPolicies`; or one bare request body) to `set`. AWS's own
 * output members (ARNs, Alarms, CreationTime, …) are accepted. On failure `set` is unchanged. */
int plm_policy_document_add(const cJSON *doc, const char *file, struct plm_policy_set *set, struct plm_err *err);
/* Cross-checks after the last document: every policy has a target, names are unique per target, two target-tracking policies
 * of one target use different metrics. */
int plm_policy_set_check(const struct plm_policy_set *set, struct plm_err *err);

/* --- the engine (scaling/engine.c) --- */

/* What one target remembers between evaluations. Owned by the engine's caller; survives restarts as JSON. */
struct plm_target_state;
struct plm_engine_state; /* all targets */

struct plm_engine_state *plm_engine_state_new(void); /* NULL = out of memory */
void plm_engine_state_free(struct plm_engine_state *s);
/* Times inside are wall time, so that they mean the same after a restart. A wall clock that is set while the daemon runs changes
 * nothing; one that is behind the saved times after a restart empties the windows towards caution (no scale-in until they
 * are full again) and keeps the rate limits. */
int plm_engine_state_save(const struct plm_engine_state *s, const char *service,
			  struct plm_buf *out); /* one target, JSON */
int plm_engine_state_load(struct plm_engine_state *s, const char *service, const char *json, struct plm_err *err);

struct plm_engine_input {
	const struct plm_policy_set *policies;
	const struct plm_cluster *cluster;
	const struct plm_usage *usage;
	struct plm_now now;
};
#define PLM_MODEL_FRESH_S 10.0    /* older than that the model decides nothing */
#define PLM_MIN_COVERAGE_IN 0.999 /* share of running tasks that must have reported for scale-in */
#define PLM_MIN_COVERAGE_OUT 0.5  /* likewise for scale-out */

/* Evaluates every target whose service exists. Writes up to `max` records, in the order of the targets; returns how many.
 * Remembers recommendations in `s`; what was really done is told by plm_engine_applied(). */
size_t plm_engine_evaluate(struct plm_engine_state *s, const struct plm_engine_input *in, struct plm_decision *ret,
			   size_t max);
/* The decision was carried out (counts towards rate limits). */
void plm_engine_applied(struct plm_engine_state *s, const struct plm_decision *d);

/* --- explanation (scaling/explain.c) --- */

/* The record as JSON members of an object already opened in `w`; stable snake_case keys. */
void plm_decision_json(const struct plm_decision *d, struct plm_jw *w);
/* The activity that a decision leads to: description, cause, from, to, times; id is the caller's. */
void plm_activity_from_decision(const struct plm_decision *d, struct plm_activity *ret);
void plm_activity_json(const struct plm_activity *a, struct plm_jw *w);

#endif
