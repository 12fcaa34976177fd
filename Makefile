# SPDX-License-Identifier: Apache-2.0
# Plimsoll. `make help` lists the targets; V=1 shows the commands.
#
# Targets without a leading "_" are for people. Those that install what is missing (demo, run, check, bench, lint) do so and
# then start make again, because the flags of a library can only be asked for once it is there.

CC ?= cc
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
VERSION := 0.1.0

# One folder of objects per variant: release, clang, asan, fuzz, lint-gcc, lint-clang.
VARIANT ?= $(if $(findstring clang,$(notdir $(CC))),clang,release)
B := build/$(VARIANT)

PREFIX ?= /usr
SYSCONFDIR ?= /etc
DESTDIR ?=
BINDIR := $(PREFIX)/bin
SBINDIR := $(PREFIX)/sbin
DATADIR := $(PREFIX)/share/plimsoll
UNITDIR := $(PREFIX)/lib/systemd/system

TEST_TIMEOUT ?= 300
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc 2>/dev/null || echo 1)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s%s\n'
endif

# --- flags ---

ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
PKGS := libbpf libcjson libcurl libmicrohttpd sqlite3 ncursesw libcap
WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wmissing-prototypes
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_release := -O2 -g -fstack-protector-strong
OPT_asan := -O1 -g $(SANITIZE)
OPT_fuzz := -O1 -g -fsanitize=fuzzer-no-link $(SANITIZE)
OPT := $(or $(OPT_$(VARIANT)),$(OPT_release))
CFLAGS ?=
PLM_CFLAGS := -std=gnu11 $(WARN) $(WERROR) $(OPT) -D_GNU_SOURCE -DPLM_VERSION='"$(VERSION)"' \
	-Iuserspace -Ibpf -Itools/demo -I$(B)/skel $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
PLM_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lelf -lz -lm -lpthread
PLM_LDFLAGS := $(OPT) -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)
BPF_CFLAGS := -target bpf -g -O2 -Wall -Wextra -Werror -D__bpf__ -D__TARGET_ARCH_$(ARCH) -Ibpf \
	$(addprefix -I,$(wildcard /usr/include/$(shell uname -m)-linux-gnu))

# --- what there is ---

BPF_SRC := $(wildcard bpf/*.bpf.c)
SKEL := $(BPF_SRC:bpf/%.bpf.c=$(B)/skel/%.skel.h)
MAIN_SRC := $(wildcard userspace/*/main.c)
SRC := $(filter-out $(MAIN_SRC),$(wildcard userspace/*/*.c userspace/*/*/*.c))
LIB := $(B)/libplimsoll.a
BIN := $(B)/plimsolld $(B)/plimsoll
# tools/demo: each .c is a program; what they share is in lib/.
TOOL_SRC := $(wildcard tools/demo/*.c)
TOOL := $(TOOL_SRC:tools/demo/%.c=$(B)/%)
TOOL_LIB_SRC := $(wildcard tools/demo/lib/*.c)
TOOL_LIB := $(if $(TOOL_LIB_SRC),$(B)/libplmdemo.a)
# tests: each .c of these names is a program.
UNIT_SRC := $(wildcard tests/unit/test_*.c tests/contract/test_*.c)
BPFTEST_SRC := $(wildcard tests/bpf/test_*.c)
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
UNIT := $(UNIT_SRC:%.c=$(B)/%)
BPFTEST := $(BPFTEST_SRC:%.c=$(B)/%)
BENCH := $(BENCH_SRC:%.c=$(B)/%)
FUZZ := $(FUZZ_SRC:%.c=$(B)/%)
SCRIPTS := $(sort $(shell find tests/e2e tests/check -maxdepth 1 -type f -perm -u+x -name '*.[sp][hy]' 2>/dev/null))
OBJ_ALL := $(patsubst %.c,$(B)/%.o,$(SRC) $(MAIN_SRC) $(TOOL_SRC) $(TOOL_LIB_SRC) $(UNIT_SRC) $(BPFTEST_SRC) $(BENCH_SRC) $(FUZZ_SRC))

# make again: quietly, on all processors unless -j says otherwise.
AGAIN = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))
# The group of packages that the goals need.
NEEDED := $(if $(filter unit bpf e2e _tests _asan% _fuzz% _check _vm,$(MAKECMDGOALS)),test,build)
SETUP = tools/setup.sh --check $(1) 2>/dev/null || tools/setup.sh $(1)
# What the test scripts are told (tests/README.md).
TEST_ENV = PLM_BUILD=$(abspath $(B)) PLM_FUZZ_BUILD=$(abspath build/fuzz)
RUN_TESTS = $(TEST_ENV) tests/run -t $(TEST_TIMEOUT)
LSAN = ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
PUBLIC := help all check unit bpf e2e bench demo run lint format asan fuzz vm install uninstall clean
PRIVATE := _check _unit _e2e _bench _demo _run _lint _asan _fuzz _vm _tests _asan_tests _fuzz_tests _objects _always
.PHONY: $(PUBLIC) $(PRIVATE)

# --- for people ---

help: ## this list
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s%s\n", $$1, $$2 }'
	@echo
	@echo "Variables: V=1 (show commands), CC=gcc|clang, CFLAGS, LDFLAGS, PREFIX=$(PREFIX), DESTDIR, TEST_TIMEOUT=$(TEST_TIMEOUT), FUZZ_SECONDS=$(FUZZ_SECONDS)"

all: $(BIN) $(TOOL) ## plimsolld, plimsoll and the demo programs into build/release/

demo: ## a service scales out and in under a real load, in about a minute; plot in build/demo/
	@$(call SETUP,build)
	+@$(AGAIN) _demo

run: ## builds and keeps a daemon running in the foreground with a small example (state in build/run/)
	@$(call SETUP,build)
	+@$(AGAIN) _run

check: ## every test: unit, contract, BPF, end to end, with sanitizers, short fuzzing (root for the kernel's part)
	@$(call SETUP,test)
	+@$(AGAIN) _tests
	+@$(AGAIN) VARIANT=asan _asan_tests
	+@$(AGAIN) VARIANT=fuzz CC=$(CLANG) _fuzz_tests
	+@$(AGAIN) _check

unit: $(UNIT) ## unit and contract tests only
	@$(RUN_TESTS) $^

bpf: $(BPFTEST) ## the BPF programs against this kernel (root)
	@$(RUN_TESTS) $^

e2e: all ## the programs as a user runs them, and the checks of the tree itself (root)
	@$(RUN_TESTS) $(SCRIPTS)

asan: ## unit and contract tests under AddressSanitizer and UndefinedBehaviorSanitizer
	+@$(AGAIN) VARIANT=asan _asan

fuzz: ## each fuzz target for FUZZ_SECONDS (a minute), with sanitizers
	+@$(AGAIN) VARIANT=fuzz CC=$(CLANG) _fuzz

vm: ## the same numbers on Debian's 5.10, 6.1 and 6.12, cgroup v2 and hybrid, in an emulated machine
	@$(call SETUP,vm)
	+@$(AGAIN) _vm

bench: ## measures, and prints the tables with the machine they were measured on
	@$(call SETUP,build)
	+@$(AGAIN) _bench

lint: ## both compilers with -Werror, clang-tidy, cppcheck, shellcheck, clang-format; a finding is a failure
	@$(call SETUP,lint)
	+@$(AGAIN) _lint

format: ## clang-format over every .c and .h
	@tools/lint.sh --format

install: $(BIN) ## to DESTDIR/PREFIX: programs, systemd unit, example configuration and policies
	$(Q)DESTDIR='$(DESTDIR)' BINDIR='$(BINDIR)' SBINDIR='$(SBINDIR)' DATADIR='$(DATADIR)' UNITDIR='$(UNITDIR)' \
		SYSCONFDIR='$(SYSCONFDIR)' tools/install.sh install $(B)

uninstall: ## removes what install put there; a changed configuration and the state stay
	$(Q)DESTDIR='$(DESTDIR)' BINDIR='$(BINDIR)' SBINDIR='$(SBINDIR)' DATADIR='$(DATADIR)' UNITDIR='$(UNITDIR)' \
		SYSCONFDIR='$(SYSCONFDIR)' tools/install.sh uninstall $(B)

clean: ## removes build/
	$(Q)rm -rf build

# --- their second halves, when everything needed is installed ---

_demo: all
	@mkdir -p build/demo
	@$(B)/plm-demo --svg build/demo/plimsoll-demo.svg

_run: all
	@tools/run.sh $(B)

_tests: all $(UNIT) $(BPFTEST) $(BENCH)
_asan_tests: $(UNIT)
_fuzz_tests: $(FUZZ)

_check:
	@$(LSAN) PLM_FUZZ_SECONDS=5 $(RUN_TESTS) $(UNIT) $(BPFTEST) $(UNIT:$(B)/%=build/asan/%) $(SCRIPTS) \
		$(if $(FUZZ_SRC),tests/fuzz/smoke.sh)

_asan: $(UNIT)
	@$(LSAN) $(RUN_TESTS) $^

_fuzz: $(FUZZ)
	@PLM_FUZZ_SECONDS=$(FUZZ_SECONDS) $(RUN_TESTS) -t 0 tests/fuzz/smoke.sh

_vm: all $(BPFTEST)
	@$(RUN_TESTS) -l build/vm/logs tests/vm/matrix.py

_bench: all $(BENCH)
	@$(TEST_ENV) tests/bench/run $(BENCH) $(sort $(wildcard tests/bench/*.sh))

_lint:
	@tests/run -t 1800 -l build/lint-logs tools/lint.sh

_objects: $(OBJ_ALL)

# --- rules ---

# Changes when the compiler or a flag does, so that objects made with others are made again. Also the place where a
# missing package is noticed first.
$(B)/flags: _always
	@tools/setup.sh --check $(NEEDED)
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(PLM_CFLAGS) | $(PLM_LDFLAGS) | $(PLM_LIBS))' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(B)/flags
	@mkdir -p $(@D)
	$(say) BPF $@
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/skel/%.skel.h: $(B)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(B)/%.o: %.c $(B)/flags | $(SKEL)
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(PLM_CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(SRC:%.c=$(B)/%.o)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/libplmdemo.a: $(TOOL_LIB_SRC:%.c=$(B)/%.o)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/plimsolld: $(B)/userspace/daemon/main.o $(LIB)
$(B)/plimsoll: $(B)/userspace/cli/main.o $(LIB)
$(TOOL): $(B)/%: $(B)/tools/demo/%.o $(TOOL_LIB) $(LIB)
$(UNIT) $(BPFTEST) $(BENCH) $(FUZZ): %: %.o $(TOOL_LIB) $(LIB)

$(UNIT) $(BPFTEST): private TEST_LIBS := -lcmocka
$(FUZZ): private TEST_LIBS := -fsanitize=fuzzer
$(BIN) $(TOOL) $(UNIT) $(BPFTEST) $(BENCH) $(FUZZ):
	$(say) LD $@
	$(Q)$(CC) $(PLM_LDFLAGS) $^ $(TEST_LIBS) $(PLM_LIBS) -o $@

-include $(shell test -d $(B) && find $(B) -name '*.d')
