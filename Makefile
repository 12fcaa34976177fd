# SPDX-License-Identifier: Apache-2.0
# Plimsoll. `make help` lists the targets; V=1 shows the commands.

CC ?= cc
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
VARIANT ?= release
B := build/$(VARIANT)
PREFIX ?= /usr
DESTDIR ?=
VERSION := 0.1.0

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s%s\n'
endif

ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
PKGS := libbpf libcjson libcurl libmicrohttpd sqlite3 ncursesw libcap
WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wmissing-prototypes
OPT_release := -O2 -g
OPT_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS ?=
PLM_CFLAGS := -std=gnu11 $(WARN) $(WERROR) $(OPT_$(VARIANT)) -D_GNU_SOURCE -DPLM_VERSION='"$(VERSION)"' \
	-Iuserspace -Ibpf -I$(B)/skel $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
PLM_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lelf -lz -lm
PLM_LDFLAGS := $(OPT_$(VARIANT)) $(LDFLAGS)

BPF_SRC := $(wildcard bpf/*.bpf.c)
BPF_OBJ := $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.bpf.o)
SKEL := $(BPF_SRC:bpf/%.bpf.c=$(B)/skel/%.skel.h)
SRC := $(filter-out %/main.c,$(wildcard userspace/*/*.c userspace/*/*/*.c))
OBJ := $(SRC:%.c=$(B)/%.o)
LIB := $(B)/libplimsoll.a
BIN := $(B)/plimsolld $(B)/plimsoll
TOOL_SRC := $(wildcard tools/demo/*.c)
TOOL := $(TOOL_SRC:tools/demo/%.c=$(B)/%)
TOOL_LIB_SRC := $(wildcard tools/demo/lib/*.c)
TOOL_LIB := $(B)/libplmdemo.a
UNIT_SRC := $(wildcard tests/unit/test_*.c tests/contract/test_*.c)
UNIT := $(UNIT_SRC:tests/%.c=$(B)/tests/%)
BPFTEST_SRC := $(wildcard tests/bpf/test_*.c)
BPFTEST := $(BPFTEST_SRC:tests/%.c=$(B)/tests/%)
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH := $(BENCH_SRC:tests/%.c=$(B)/tests/%)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: $(BIN) $(TOOL)

$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(say) BPF $@
	$(Q)$(CLANG) -target bpf -g -O2 -Wall -Wextra -Werror -D__bpf__ -D__TARGET_ARCH_$(ARCH) -Ibpf \
		-I/usr/include/$(shell $(CC) -print-multiarch 2>/dev/null) -MMD -MP -MT $@ -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/skel/%.skel.h: $(B)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(B)/userspace/kernel/%.o: | $(SKEL)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(PLM_CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/plimsolld: $(B)/userspace/daemon/main.o $(LIB)
	$(say) LD $@
	$(Q)$(CC) $(PLM_LDFLAGS) $^ $(PLM_LIBS) -o $@

$(B)/plimsoll: $(B)/userspace/cli/main.o $(LIB)
	$(say) LD $@
	$(Q)$(CC) $(PLM_LDFLAGS) $^ $(PLM_LIBS) -o $@

$(TOOL_LIB): $(TOOL_LIB_SRC:%.c=$(B)/%.o)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(TOOL): $(B)/%: $(B)/tools/demo/%.o $(TOOL_LIB) $(LIB)
	$(say) LD $@
	$(Q)$(CC) $(PLM_LDFLAGS) $^ -Wl,--as-needed $(PLM_LIBS) -lpthread -o $@

$(filter $(B)/tests/unit/test_demo_%,$(UNIT)): $(TOOL_LIB)
$(filter $(B)/tests/unit/test_demo_%,$(UNIT)): PLM_LIBS := $(TOOL_LIB) $(LIB) $(PLM_LIBS) -lpthread

$(UNIT) $(BPFTEST) $(BENCH): $(B)/tests/%: $(B)/tests/%.o $(LIB)
	$(say) LD $@
	$(Q)$(CC) $(PLM_LDFLAGS) $^ -lcmocka $(PLM_LIBS) -o $@

-include $(shell test -d $(B) && find $(B) -name '*.d')
