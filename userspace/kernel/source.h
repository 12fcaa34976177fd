/* SPDX-License-Identifier: Apache-2.0
 *
 * Where samples come from: one ops table per rung of the fallback ladder, and the ladder that picks one by
 * probing. A rung reads cgroups; the lifecycle events (finals of short-lived cgroups) are the ladder's second,
 * independent part, so that one refusal does not take the other down.
 */
#ifndef PLM_KERNEL_SOURCE_H
#define PLM_KERNEL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/sample.h"

#define PLM_SOURCE_MAX_CGROUPS 16384

struct plm_source_cfg {
	const char *root;     /* sample this cgroup and what is below it: "/", "/plimsoll"; path from the
				 hierarchy's root, the same in every hierarchy */
	uint32_t max_cgroups; /* 0 = PLM_SOURCE_MAX_CGROUPS */
};

struct plm_source_ops {
	char rung;        /* 'B', 'C', 'E' */
	const char *name; /* "iterator-v2", "iterator-hybrid", "files" */
	/* Required. Tries it out (loads programs, opens files) and leaves nothing behind. 0, or -ENOTSUP, -EPERM,
	 * -ENOENT… with the reason in err. May block some ms. */
	int (*probe)(const struct plm_source_cfg *cfg, struct plm_err *err);
	/* Required. *ret_ctx is the implementation's, given back to the other slots. */
	int (*open)(const struct plm_source_cfg *cfg, void **ret_ctx, struct plm_err *err);
	/* Required. Appends one row per living cgroup (parents first). 0 or -errno; on failure `out` may hold some
	 * rows and the caller drops them. Never blocks on anything but the kernel. */
	int (*read)(void *ctx, struct plm_sample_set *out, struct plm_err *err);
	/* Required; accepts NULL. */
	void (*close)(void *ctx);
};

extern const struct plm_source_ops plm_source_iter_v2;     /* rung B */
extern const struct plm_source_ops plm_source_iter_hybrid; /* rung C */
extern const struct plm_source_ops plm_source_files;       /* rung E */

/* One line of the ladder's report. */
struct plm_rung_report {
	char rung; /* 'B'…'E'; 'L' = lifecycle events */
	const char *name;
	int status; /* 0 usable, else -errno */
	bool is_chosen;
	char reason[256]; /* why not; "" when usable */
};
#define PLM_LADDER_MAX_REPORTS 8

struct plm_ladder;

/* Opens the best rung, or the one forced by its letter (0 = free choice), and the lifecycle events unless
 * `without_events`. Fails only when no rung works (or the forced one does not). */
int plm_ladder_open(const struct plm_source_cfg *cfg, char forced, bool without_events, struct plm_ladder **ret,
		    struct plm_err *err);
/* One pass: resets `out`, fills rows, then finals (exact ones replace what samples knew: see sample.h). */
int plm_ladder_read(struct plm_ladder *l, struct plm_sample_set *out, struct plm_err *err);
/* What was tried and chosen; *ret points into the ladder. */
size_t plm_ladder_report(const struct plm_ladder *l, const struct plm_rung_report **ret);
const struct plm_source_ops *plm_ladder_source(const struct plm_ladder *l);
bool plm_ladder_has_events(const struct plm_ladder *l);
void plm_ladder_close(struct plm_ladder *l); /* NULL-safe */

/* Probes every rung without opening one, for `doctor`. Returns the number of reports. */
size_t plm_ladder_probe_all(const struct plm_source_cfg *cfg, struct plm_rung_report ret[PLM_LADDER_MAX_REPORTS]);

#endif
