/* SPDX-License-Identifier: Apache-2.0
 *
 * The one event loop: epoll, with timerfd and signalfd behind small calls. Callbacks run on the one thread
 * that owns all state and must not block. Order inside one wake-up is the order epoll gives.
 */
#ifndef PLM_BASE_LOOP_H
#define PLM_BASE_LOOP_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct plm_loop;
struct plm_watch; /* one registered fd; freed by plm_loop_remove or plm_loop_free */
typedef void (*plm_loop_fn)(void *ctx, uint32_t epoll_events);

int plm_loop_new(struct plm_loop **ret, struct plm_err *err);
void plm_loop_free(struct plm_loop *l); /* NULL-safe; closes fds the loop made itself */
/* Watches an fd that stays the caller's. */
int plm_loop_add(struct plm_loop *l, int fd, uint32_t epoll_events, plm_loop_fn fn, void *ctx, struct plm_watch **ret);
void plm_loop_remove(struct plm_loop *l, struct plm_watch *w); /* NULL-safe; safe inside callbacks */
/* Monotonic timer: first after `first` ns (0 = stopped), then each `period` ns (0 = once).
 * The callback's second argument is the number of expirations since the last call. */
int plm_loop_timer(struct plm_loop *l, plm_ns first, plm_ns period, plm_loop_fn fn, void *ctx, struct plm_watch **ret);
int plm_loop_timer_set(struct plm_watch *w, plm_ns first, plm_ns period);
/* Blocks `signo` and calls fn with the signal number as second argument. */
int plm_loop_signal(struct plm_loop *l, int signo, plm_loop_fn fn, void *ctx, struct plm_watch **ret);
/* Runs until plm_loop_stop(). 0 or -errno. */
int plm_loop_run(struct plm_loop *l);
/* Handles what is ready within `timeout_ms` once. */
int plm_loop_step(struct plm_loop *l, int timeout_ms);
void plm_loop_stop(struct plm_loop *l);

#endif
