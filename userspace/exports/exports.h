/* SPDX-License-Identifier: Apache-2.0
 * The tick told to the outside. Exporters format what the view already holds; they change nothing. */
#ifndef PLM_EXPORTS_EXPORTS_H
#define PLM_EXPORTS_EXPORTS_H

#include "base/buf.h"
#include "model/view.h"

enum plm_prom_format { PLM_PROM_TEXT, PLM_PROM_OPENMETRICS };

/* Chooses by the Accept header's q values; NULL or unknown gives PLM_PROM_TEXT. */
enum plm_prom_format plm_prom_negotiate(const char *accept);
const char *plm_prom_content_type(enum plm_prom_format format);
/* Appends the whole exposition. 0, or -ENOMEM/-EMSGSIZE when it does not fit `out`. */
int plm_prom_render(const struct plm_view *view, enum plm_prom_format format, struct plm_buf *out);

#endif
