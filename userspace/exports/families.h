/* SPDX-License-Identifier: Apache-2.0
 *
 * The one list of exported metric families: a row each, with name, type, unit, help, the thing it is told of (its
 * scope, which fixes the labels) and where its value comes from. Text formats are generated from it; there is no second
 * list.
 *
 * About 80 families. Twenty of them have one series per cgroup (up to 16,384), ten one per task, the rest one per
 * service, policy or daemon. Private to exports/ and its tests.
 */
#ifndef PLM_EXPORTS_FAMILIES_H
#define PLM_EXPORTS_FAMILIES_H

#include "base/process.h"
#include "model/view.h"

enum plm_family_type {
	PLM_FAMILY_COUNTER, /* samples get "_total" */
	PLM_FAMILY_GAUGE,
	PLM_FAMILY_INFO, /* samples get "_info" and the value 1; type gauge where the format knows no info */
	PLM_FAMILY_HISTOGRAM,
	_PLM_FAMILY_TYPE_MAX,
};

/* What a family has one series of. */
enum plm_scope {
	PLM_SCOPE_DAEMON,    /* one, without labels */
	PLM_SCOPE_BUILD,     /* one */
	PLM_SCOPE_HOST,      /* one */
	PLM_SCOPE_RUNG,      /* each rung of the kernel ladder */
	PLM_SCOPE_CGROUP,    /* each cgroup of the last sample */
	PLM_SCOPE_TASK,      /* each task that is not STOPPED */
	PLM_SCOPE_TASK_INFO, /* likewise, with what does not change about it */
	PLM_SCOPE_SERVICE,   /* each service of the backend */
	PLM_SCOPE_POLICY,    /* each policy */
	PLM_SCOPE_POLICY_INFO,
	PLM_SCOPE_SCALING,    /* each service, policy, direction and status seen so far */
	PLM_SCOPE_NOT_SCALED, /* each service, policy and reason seen so far */
	_PLM_SCOPE_MAX,
};
/* The labels of a scope's series, for people: "cluster, service, task". */
const char *plm_scope_labels(enum plm_scope scope);

enum plm_value_kind { PLM_VALUE_NONE, PLM_VALUE_U64, PLM_VALUE_NS, PLM_VALUE_NUM };
/* One sample's value. NONE leaves the line out: absent is never zero. NS is printed in seconds, exact to the ns. */
struct plm_value {
	enum plm_value_kind kind;
	union {
		uint64_t u64;
		plm_ns ns;
		double num; /* NAN counts as none */
	};
};

/* What one series is about. The scope says which members are set; the others are NULL. */
struct plm_row {
	const struct plm_view *view;       /* always */
	const struct plm_process *process; /* DAEMON */
	const struct plm_rung_view *rung;
	const struct plm_sample *sample;               /* CGROUP; TASK: NULL = never measured */
	const struct plm_task *task;                   /* TASK, TASK_INFO; CGROUP: NULL = no task of ours */
	const struct plm_task_usage *task_usage;       /* TASK: NULL = not known */
	const struct plm_service *service;             /* SERVICE */
	const struct plm_service_usage *service_usage; /* SERVICE: NULL = not known */
	const struct plm_target *target;               /* SERVICE: NULL = not a scalable target */
	const struct plm_policy *policy;               /* POLICY, POLICY_INFO */
	const struct plm_proposal *proposal;           /* POLICY: NULL = not evaluated yet */
	uint64_t count;                                /* SCALING, NOT_SCALED */
	uint32_t label_at, label_len;                  /* its labels without braces, in the rows' label text */
};

struct plm_histogram {
	const double *bounds;   /* n upper bounds, growing */
	const uint64_t *counts; /* n + 1, not cumulative; the last is +Inf */
	size_t n;
	double sum;
};

struct plm_family {
	const char *name; /* without "_total" and "_info" */
	enum plm_family_type type;
	enum plm_scope scope;
	const char *unit;  /* "" = none; else the name's last word */
	const char *fixed; /* a label that each series has besides its scope's: `cpu="total"`; NULL = none */
	struct plm_value (*value)(const struct plm_row *row);                      /* all but histograms */
	bool (*histogram)(const struct plm_view *view, struct plm_histogram *ret); /* histograms only; false = none */
	const char *help; /* one sentence, no quotes, backslashes or line ends */
};

/* Tables, each ended by a row without a name. */
extern const struct plm_family plm_families_container[];   /* cAdvisor's names */
extern const struct plm_family plm_families_service[];     /* tasks, services, policies, scaling */
extern const struct plm_family plm_families_self[];        /* this daemon and host */
extern const struct plm_family *const plm_family_tables[]; /* all of them, NULL-ended */

/* Makers of values. */
static inline struct plm_value plm_value_none(void)
{
	return (struct plm_value){ .kind = PLM_VALUE_NONE };
}
static inline struct plm_value plm_value_u64(uint64_t v)
{
	return (struct plm_value){ .kind = PLM_VALUE_U64, .u64 = v };
}
static inline struct plm_value plm_value_ns(plm_ns v)
{
	return (struct plm_value){ .kind = PLM_VALUE_NS, .ns = v };
}
static inline struct plm_value plm_value_num(double v)
{
	return (struct plm_value){ .kind = PLM_VALUE_NUM, .num = v };
}
static inline struct plm_value plm_value_count(int v) /* negative = not known */
{
	return v < 0 ? plm_value_none() : plm_value_u64((uint64_t)v);
}

#endif
