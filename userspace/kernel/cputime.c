/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/cputime.h"

#include "base/num.h"

void plm_cputime_split(uint64_t usage_ns, uint64_t user_raw_ns, uint64_t system_raw_ns, struct plm_cputime *shown)
{
	if (shown->user_ns + shown->system_ns >= usage_ns)
		return;
	uint64_t system_ns = 0;
	if (user_raw_ns == 0 && system_raw_ns != 0)
		system_ns = usage_ns;
	else if (system_raw_ns != 0)
		system_ns = plm_muldiv_u64(system_raw_ns, usage_ns, user_raw_ns + system_raw_ns);
	if (system_ns < shown->system_ns)
		system_ns = shown->system_ns;
	if (usage_ns - system_ns < shown->user_ns)
		system_ns = usage_ns - shown->user_ns;
	shown->system_ns = system_ns;
	shown->user_ns = usage_ns - system_ns;
}
