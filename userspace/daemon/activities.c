/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/activities.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/num.h"

#define MAX_LEFT_OPEN 1024 /* open activities taken up after a restart */
#define RETRY_MAX_NS (60 * PLM_NS_PER_S)
#define REPEATS_EVERY_NS (60 * PLM_NS_PER_S) /* how often a growing repeat count is written */

/* One service's present story. */
struct story {
	struct plm_activity open; /* the change under way; id "" = none */
	plm_ns opened_mono;
	struct plm_activity quiet; /* the newest not-scaled outcome; id "" = none since the last change */
	plm_ns quiet_written_mono;
	unsigned failures; /* failed changes in a row */
	plm_ns retry_mono; /* no change is tried before this */
	int desired;       /* as last seen or set by us; -1 = never seen */
};

struct plm_activities {
	struct plm_state *state;
	struct plm_map stories; /* by service */
};

/* A random UUID, version 4 (RFC 9562). */
static void make_id(char id[40])
{
	unsigned char b[16];
	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		memset(b, 0, sizeof(b)); /* cannot happen for 16 bytes once the pool is ready; ids then clash visibly */
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(id, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
		       b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static struct story *story_of(struct plm_activities *s, const char *service)
{
	struct story *t = plm_smap_get(&s->stories, service);
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || plm_smap_put(&s->stories, service, t) != 0) {
		free(t);
		return NULL;
	}
	t->desired = -1;
	return t;
}

static void finish(struct plm_activities *s, struct plm_activity *a, enum plm_activity_status status, plm_ns wall,
		   const char *message)
{
	a->status = status;
	a->end_wall = wall;
	(void)plm_strcpy(a->status_message, sizeof(a->status_message), message);
	plm_state_put_activity(s->state, a);
}

static void close_open(struct plm_activities *s, struct story *t, enum plm_activity_status status, plm_ns wall,
		       const char *message)
{
	if (!t->open.id[0])
		return;
	finish(s, &t->open, status, wall, message);
	t->open.id[0] = '\0';
}

/* What an earlier daemon left open, newest first. */
static void take_up(struct plm_activities *s, struct plm_activity *a, const struct plm_cluster *cluster,
		    const struct plm_now *now)
{
	const struct plm_service *service = plm_cluster_service(cluster, a->service);
	struct story *t = story_of(s, a->service);
	if (!t)
		return;
	if (t->open.id[0]) {
		finish(s, a, PLM_ACT_OVERRIDDEN, now->wall, "A newer change took its place.");
	} else if (!service) {
		finish(s, a, PLM_ACT_FAILED, now->wall, "The service is gone.");
	} else if (service->desired == a->to) {
		a->status = PLM_ACT_IN_PROGRESS;
		t->open = *a;
		t->opened_mono = now->mono;
	} else {
		finish(s, a, PLM_ACT_FAILED, now->wall, "The daemon ended before the change was made.");
	}
}

int plm_activities_new(struct plm_state *state, const struct plm_cluster *cluster, const struct plm_now *now,
		       struct plm_activities **ret, struct plm_err *err)
{
	struct plm_activities *s = calloc(1, sizeof(*s));
	struct plm_activity *left = calloc(MAX_LEFT_OPEN, sizeof(*left));
	int n = s && left ? plm_state_open_activities(state, left, MAX_LEFT_OPEN, err)
			  : plm_err_set(err, ENOMEM, NULL, "out of memory");
	if (n < 0) {
		free(left);
		free(s);
		return n;
	}
	s->state = state;
	for (int i = 0; i < n; i++)
		take_up(s, &left[i], cluster, now);
	free(left);
	*ret = s;
	return 0;
}

/* Writes how often the newest outcome was repeated. */
static void write_repeats(struct plm_activities *s, struct story *t)
{
	if (t->quiet.id[0] && t->quiet.repeats)
		plm_state_put_activity(s->state, &t->quiet);
}

void plm_activities_free(struct plm_activities *s)
{
	if (!s)
		return;
	struct story *t;
	for (size_t i = 0; (t = plm_map_next(&s->stories, &i));) {
		write_repeats(s, t);
		free(t);
	}
	plm_map_done(&s->stories);
	free(s);
}

void plm_activities_begin(struct plm_activities *s, struct plm_activity *a, const struct plm_now *now)
{
	make_id(a->id);
	a->start_wall = now->wall;
	a->status = PLM_ACT_PENDING;
	plm_state_put_activity(s->state, a);
}

/* After a failed change: 1 s, doubling up to a minute. */
static void put_off(struct story *t, const struct plm_now *now)
{
	unsigned doublings = t->failures < 6 ? t->failures : 6;
	plm_ns wait = PLM_NS_PER_S << doublings;
	t->failures++;
	t->retry_mono = now->mono + (wait < RETRY_MAX_NS ? wait : RETRY_MAX_NS);
}

bool plm_activities_may_try(struct plm_activities *s, const char *service, const struct plm_now *now)
{
	const struct story *t = story_of(s, service);
	return t && now->mono >= t->retry_mono;
}

void plm_activities_sent(struct plm_activities *s, struct plm_activity *a, int result, const struct plm_err *err,
			 const struct plm_now *now)
{
	struct story *t = story_of(s, a->service);
	if (result < 0) {
		finish(s, a, PLM_ACT_FAILED, now->wall, plm_err_text(err));
		if (t)
			put_off(t, now);
	} else if (t) {
		t->failures = 0;
		t->retry_mono = 0;
		write_repeats(s, t);
		t->quiet.id[0] = '\0';
		close_open(s, t, PLM_ACT_OVERRIDDEN, now->wall, "A newer change took its place.");
		a->status = PLM_ACT_IN_PROGRESS;
		(void)snprintf(a->status_message, sizeof(a->status_message),
			       "Successfully set desired count to %d. Waiting for change to be fulfilled.", a->to);
		plm_state_put_activity(s->state, a);
		t->open = *a;
		t->opened_mono = now->mono;
		t->desired = a->to;
	}
}

bool plm_activities_not_scaled(struct plm_activities *s, struct plm_activity *a, const struct plm_now *now)
{
	struct story *t = story_of(s, a->service);
	if (!t)
		return false;
	if (t->quiet.id[0] && t->quiet.not_scaled == a->not_scaled && strcmp(t->quiet.policy, a->policy) == 0) {
		t->quiet.repeats++;
		if (now->mono - t->quiet_written_mono >= REPEATS_EVERY_NS) {
			write_repeats(s, t);
			t->quiet_written_mono = now->mono;
		}
		return false;
	}
	write_repeats(s, t);
	make_id(a->id);
	a->start_wall = now->wall;
	plm_state_put_activity(s->state, a);
	t->quiet = *a;
	t->quiet_written_mono = now->mono;
	return true;
}

/* Running tasks have reached the count that the activity asked for, seen from the direction it came from. */
static bool has_arrived(const struct plm_activity *a, const struct plm_service *service)
{
	return a->to >= a->from ? service->running >= a->to : service->running <= a->to;
}

/* A desired count that neither a policy nor our own command set. */
static void record_outside_change(struct plm_activities *s, struct story *t, const struct plm_service *service,
				  const struct plm_now *now)
{
	struct plm_activity a = { .from = t->desired, .to = service->desired };
	(void)plm_strcpy(a.cluster, sizeof(a.cluster), service->cluster);
	(void)plm_strcpy(a.service, sizeof(a.service), service->name);
	(void)snprintf(a.description, sizeof(a.description), "Desired count found at %d.", service->desired);
	(void)snprintf(a.cause, sizeof(a.cause),
		       "the desired count was changed from %d to %d outside of the scaling policies", t->desired,
		       service->desired);
	close_open(s, t, PLM_ACT_OVERRIDDEN, now->wall, "The desired count was changed by somebody else.");
	make_id(a.id);
	a.start_wall = now->wall;
	finish(s, &a, PLM_ACT_SUCCESSFUL, now->wall, "");
	plm_log(PLM_LOG_INFO, "scaling", "service \"%s\": %s", service->name, a.cause);
}

void plm_activities_tick(struct plm_activities *s, const struct plm_cluster *cluster, const struct plm_now *now)
{
	for (size_t i = 0; i < cluster->n_services; i++) {
		const struct plm_service *service = &cluster->services[i];
		struct story *t = story_of(s, service->name);
		if (!t)
			continue;
		if (t->desired >= 0 && t->desired != service->desired)
			record_outside_change(s, t, service, now);
		t->desired = service->desired;
		if (t->open.id[0] && has_arrived(&t->open, service)) {
			char text[160];
			(void)snprintf(text, sizeof(text),
				       "Successfully set desired count to %d. Change successfully fulfilled.",
				       t->open.to);
			close_open(s, t, PLM_ACT_SUCCESSFUL, now->wall, text);
		} else if (t->open.id[0] && now->mono - t->opened_mono > PLM_FULFIL_NS) {
			close_open(s, t, PLM_ACT_UNFULFILLED, now->wall, service->reason);
		}
	}
}
