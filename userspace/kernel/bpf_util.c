/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/bpf_util.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last line that says something, per thread: libbpf prints a verifier log as one long message. */
static __thread char last_message[200];

static void keep_last_line(char *text)
{
	char *save = NULL, *best = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "processed ", 10) == 0 || strstr(line, "PROG LOAD LOG"))
			continue;
		best = line;
	}
	if (best)
		(void)snprintf(last_message, sizeof(last_message), "%s", best);
}

__attribute__((format(printf, 2, 0))) static int on_message(enum libbpf_print_level level, const char *format,
							    va_list args)
{
	static const char *const chatter[] = { "failed to load object", "failed to load BPF skeleton",
					       "failed to load:" };
	char *text = NULL;
	if (level != LIBBPF_WARN || vasprintf(&text, format, args) < 0)
		return 0;
	bool is_chatter = false;
	for (size_t i = 0; i < sizeof(chatter) / sizeof(chatter[0]); i++) {
		if (strstr(text, chatter[i]))
			is_chatter = true;
	}
	if (!is_chatter)
		keep_last_line(text);
	free(text);
	return 0;
}

void plm_bpf_catch_messages(void)
{
	(void)libbpf_set_print(on_message);
}

int plm_bpf_failed(struct plm_err *err, int code, const char *what)
{
	const char *hint = code == EPERM || code == EACCES ? " (needs root, or CAP_BPF and CAP_PERFMON)" : "";
	if (last_message[0])
		plm_err_set(err, code, "bpf", "cannot %s: %s%s: %s", what, strerror(code), hint, last_message);
	else
		plm_err_set(err, code, "bpf", "cannot %s: %s%s", what, strerror(code), hint);
	last_message[0] = '\0';
	return -code;
}

int plm_bpf_kernel_btf(struct btf **ret, struct plm_err *err)
{
	plm_bpf_catch_messages();
	struct btf *btf = btf__load_vmlinux_btf();
	if (!btf) {
		last_message[0] = '\0';
		return plm_err_set(err, ENOTSUP, "/sys/kernel/btf/vmlinux",
				   "the kernel has no type data; it needs CONFIG_DEBUG_INFO_BTF=y");
	}
	*ret = btf;
	return 0;
}

bool plm_bpf_has_func(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}
