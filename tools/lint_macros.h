/* SPDX-License-Identifier: Apache-2.0
 *
 * What cppcheck must know of the libraries' macros, as it does not read their headers (tools/lint.sh). No part of any program.
 */
#ifndef PLM_LINT_MACROS_H
#define PLM_LINT_MACROS_H

#define LIBBPF_OPTS(type, name, ...) struct type name = { __VA_ARGS__ }
#define cJSON_ArrayForEach(item, array) for (item = (array) ? (array)->child : 0; item; item = item->next)

#endif
