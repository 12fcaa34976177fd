/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines on stderr, logfmt or JSON, one per event. When stderr is the journal, priorities go in front
 * and our own time stamp is left out. base/ and the pure core never log: they return errors.
 */
#ifndef PLM_BASE_LOG_H
#define PLM_BASE_LOG_H

enum plm_log_level { PLM_LOG_DEBUG, PLM_LOG_INFO, PLM_LOG_WARN, PLM_LOG_ERROR };
enum plm_log_format { PLM_LOG_LOGFMT, PLM_LOG_JSON };

void plm_log_setup(enum plm_log_level level, enum plm_log_format fmt);
int plm_log_level_parse(const char *text, enum plm_log_level *ret);   /* 0 or -EINVAL */
int plm_log_format_parse(const char *text, enum plm_log_format *ret); /* 0 or -EINVAL */

/* `area` is the module ("kernel", "local", "scaling"); the sentence is escaped as needed. */
void plm_log(enum plm_log_level level, const char *area, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As plm_log, but at most one line per `key` in 30 s; says how many were suppressed. */
void plm_log_limited(enum plm_log_level level, const char *area, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
