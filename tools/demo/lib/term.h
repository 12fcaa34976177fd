/* SPDX-License-Identifier: Apache-2.0
 * How to write for this terminal: colour only on one that wants it, other than ASCII only where the locale has it. */
#ifndef PLM_DEMO_TERM_H
#define PLM_DEMO_TERM_H

#include <stdbool.h>

struct plm_term {
	const char *bold, *dim, *red, *green, *cyan, *yellow, *off; /* "" without colour */
	const char *full, *empty, *target, *task, *no_task, *up, *down, *arrow, *tick, *cross, *rule, *dot;
	bool is_tty;
};

struct plm_term plm_term_detect(void);
/* Prints text wrapped at 100 columns; the lines after the first begin with `indent` blanks. `column` is where it
 * begins. */
void plm_term_wrap(const char *text, int column, int indent);
/* "5.4 ms", "1.23 s"; "-" when not finite. */
const char *plm_term_ms(double ms, char buf[16]);

#endif
