# VXE's build. Everything it makes goes below build/ (node_modules/ is npm's). `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
# $(call say,WORD,FILE): one line per step, unless V=1 prints the commands themselves.
say = $(if $(filter 1,$(V)),:,printf '  %-8s %s\n' '$(1)' '$(2)')

CC := gcc
CLANG ?= clang-19
AR := ar
NODE ?= node
B := build
BUILD := $(B)
N := runtime-native
VERSION := $(shell sed -n 's/^ *"version": "\(.*\)",$$/\1/p' package.json)

PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
SUBMAKE = $(MAKE) $(if $(filter 1,$(V)),,-s) --no-print-directory -j$(JOBS)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wformat=2 -Werror
DEFINES := -D_GNU_SOURCE -DVXE_VERSION='"$(VERSION)"'
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=3 -fstack-clash-protection
BRANCHES_x86_64 := -fcf-protection
BRANCHES_aarch64 := -mbranch-protection=standard
MACHINE := $(shell uname -m)
CFLAGS ?= -O2 -g
NATIVE_CFLAGS := -std=c17 $(CFLAGS) $(WARNINGS) $(DEFINES) $(HARDENING) $(BRANCHES_$(MACHINE)) -fPIE
NATIVE_LDFLAGS := -static-pie -Wl,-z,relro,-z,now,-z,noexecstack
NATIVE_LIBS := -lseccomp
CROSS_CC := aarch64-linux-gnu-gcc
CROSS_CFLAGS := -std=c17 $(CFLAGS) $(WARNINGS) $(DEFINES) $(HARDENING) $(BRANCHES_aarch64) -fPIE -isystem $(B)/cross/root/usr/include
CROSS_LIBS := -L$(B)/cross/root/usr/lib/aarch64-linux-gnu $(NATIVE_LIBS)
# The sanitizers cannot be linked statically, and FORTIFY hides from them what they are there to see.
ASAN_CFLAGS := -std=c17 -O1 -g $(WARNINGS) $(DEFINES) -DVXE_SANITIZED -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS := -std=c17 -O1 -g $(WARNINGS) $(DEFINES) -DVXE_SANITIZED -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

# What each native folder may include: a forbidden include does not compile. include/vxe is written <vxe/x.h>, the folders' own
# headers "x.h" or "folder/x.h"; build/view/FOLDER holds links to just the folders that FOLDER may see.
SEES_base := base
SEES_decode := base decode
SEES_runtime := base runtime
SEES_supervisor := base decode runtime supervisor
SEES_verbs := base decode runtime supervisor verbs
SEES_attack := base decode runtime supervisor verbs attack
SEES_bpf := bpf
SEES_recorder := base decode runtime supervisor verbs bpf recorder
SEES_test := base decode runtime supervisor verbs recorder test
SEES_fuzz := base decode runtime supervisor
SEES_musl := musl
FOLDERS := base decode runtime supervisor verbs attack bpf recorder test fuzz musl
VIEWS := $(foreach f,$(FOLDERS),$(foreach s,$(SEES_$(f)),$(B)/view/$(f)/$(s)))
includes = -I$(N)/include -I$(N)/uapi $(foreach s,$(SEES_$(1)),-I$(N)/$(s)) -I$(B)/view/$(1)

LIB_FOLDERS := base decode runtime supervisor verbs
LIB_SOURCES := $(filter-out $(N)/verbs/main.c,$(foreach f,$(LIB_FOLDERS),$(wildcard $(N)/$(f)/*.c)))
MAIN_SOURCE := $(N)/verbs/main.c
TEST_SOURCES := $(wildcard $(N)/test/test_*.c)
TEST_HELPERS := $(filter-out $(TEST_SOURCES),$(wildcard $(N)/test/*.c))
FUZZ_SOURCES := $(wildcard $(N)/fuzz/fuzz_*.c)

# $(call objects,TREE,SOURCES)
objects = $(patsubst $(N)/%.c,$(B)/$(1)/obj/%.o,$(2))
LIB := $(B)/native/libvxe.a
ASAN_LIB := $(B)/asan/libvxe.a
FUZZ_LIB := $(B)/fuzz/libvxe.a
CROSS_LIB := $(B)/cross/libvxe.a
CROSS_VXE := $(B)/cross/bin/vxe
VXE := $(B)/bin/vxe
NATIVE_TESTS := $(patsubst $(N)/test/%.c,$(B)/native-test/%,$(TEST_SOURCES))
# What user-mode emulation has: no filter can be loaded in it, addresses are not the kernel's, namespaces and mounts are the host's.
CROSS_TESTS := $(addprefix $(B)/cross/test/test_,bus config file json state)
REPLAYS := $(patsubst $(N)/fuzz/fuzz_%.c,$(B)/native-test/replay_%,$(FUZZ_SOURCES))
FUZZERS := $(patsubst $(N)/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SOURCES))

ADDON := $(B)/node-seccomp/node_seccomp.node
ATTACK := $(B)/bin/vxe-attack
RECORDER := $(B)/bin/vxe-recorder
TS_STAMP := $(B)/ts/.stamp
TS_SOURCES := $(shell find src test -name '*.ts' 2>/dev/null)

# What tests run besides VXE itself.
TEST_PROGRAMS := $(addprefix $(B)/,demo/inject conformance/probe holes/intruder modes/acts modes/refusals rings/acts rings/memory rings/without trace/storm kill/inject bench/nothing vm/ready)

##@ Everyday
.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*##" } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*##/ { printf "  %-14s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\nVariables: V=1 (show commands), PREFIX=%s, DESTDIR, JOBS=%s\n' '$(PREFIX)' '$(JOBS)'

.PHONY: demo
demo: ## set up, build, and show a mail server living in its own environment
	@scripts/setup.sh
	@$(SUBMAKE) all
	@test/demo/demo.sh

.PHONY: test
test: ## set up, build, and run every test
	@scripts/setup.sh vm || scripts/setup.sh
	@$(SUBMAKE) all native-tests fuzzers
	@$(NODE) scripts/test.mjs

.PHONY: test-long
DECISIONS ?= 1000000
SEED ?= $(shell date +%s)
test-long: ## a million decisions of random filters: evaluator, interpreter and running kernel (DECISIONS, SEED)
	@scripts/setup.sh
	@$(SUBMAKE) all
	@VXE_DECISIONS=$(DECISIONS) VXE_SEED=$(SEED) npx --no-install ava --timeout=60m build/ts/test/lowering/differential.test.js build/ts/test/lowering/length.test.js

.PHONY: vm-test
vm-test: ## the tests that need a kernel and a systemd of their own, in virtual machines (KERNEL=6.12, or another of test/vm/machines.json, for one of them)
	@scripts/setup.sh vm
	@$(SUBMAKE) all native-tests
	@$(NODE) scripts/test.mjs vm

.PHONY: vm-shell
KERNEL ?=
vm-shell: ## a prompt in such a machine (KERNEL=6.1, 6.12, newest or engines)
	@scripts/setup.sh vm
	@$(SUBMAKE) all native-tests
	@$(NODE) test/vm/run.mjs shell $(KERNEL)

.PHONY: kill-test
kill-test: ## kill -9 at each system call of each process of a launch, and each of them failing; 1000 launches leave the host as it was
	@scripts/setup.sh
	@$(SUBMAKE) all
	@KILL_EVERY=1 CYCLES=1000 $(NODE) scripts/test.mjs test/e2e/kill.test.sh

.PHONY: setup
setup: ## install what is missing from Debian and npm
	@scripts/setup.sh

.PHONY: bench
BENCH_RUNS ?= 300
BENCH_CONTAINERS ?= 1000
bench: ## measure launches, lives of containers and sizes; writes build/bench/results.md (BENCH_RUNS=300 BENCH_CONTAINERS=1000)
	@scripts/setup.sh bench
	@$(SUBMAKE) all $(B)/bench/floor $(B)/bench/cycle $(B)/bench/filter
	@$(NODE) test/bench/run.mjs $(BENCH_RUNS) $(BENCH_CONTAINERS)

.PHONY: conformance
conformance: $(VXE) $(B)/bin/vxe-runtime $(B)/conformance/probe ## the OCI runtime beside runc and crun, case by case; writes build/conformance/table.md (make measured records it)
	@$(NODE) test/conformance/run.mjs

.PHONY: holes
holes: $(VXE) $(B)/bin/vxe-runtime $(B)/conformance/probe $(B)/holes/intruder ## the known holes of OCI runtimes, tried on each; writes build/holes/table.md
	@$(NODE) test/holes/run.mjs

.PHONY: learn-table
learn-table: all ## six daemons led from no profile to production, and what they can do then; writes build/learn/table.md (DAEMONS='nginx redis' for some)
	@$(NODE) test/workloads/table.mjs $(DAEMONS)

.PHONY: novelty
novelty: all ## records forty runs of three daemons under random clients; writes test/learning/novelty.json, which the estimate is held against
	@$(NODE) test/workloads/novelty.mjs

.PHONY: measured
measured: ## copy the tables of the last conformance, holes, learn-table, vm-test and bench runs to docs/measured, which CI compares with
	@$(NODE) scripts/measured.mjs

##@ Building
.PHONY: all
all: product $(TEST_PROGRAMS) ## everything that the demo and the tests need

.PHONY: product
product: native addon attack recorder ts ## what is installed

.PHONY: native
native: $(VXE) $(B)/bin/vxe-runtime ## vxe and vxe-runtime, the launch side, in C

.PHONY: addon
addon: $(if $(wildcard $(N)/node-seccomp/build.mk),$(ADDON)) ## node-seccomp, the Node-API addon over libseccomp

.PHONY: attack
attack: $(if $(filter x86_64,$(MACHINE)),$(if $(wildcard $(N)/attack/build.mk),$(ATTACK))) ## vxe-attack, the intruder's battery (x86-64 only)

.PHONY: recorder
recorder: $(if $(wildcard $(N)/recorder/build.mk),$(RECORDER)) ## vxe-recorder, which watches programs for vxe trace

.PHONY: ts
ts: $(TS_STAMP) ## the authoring side, in TypeScript

.PHONY: native-tests
native-tests: $(NATIVE_TESTS) $(REPLAYS)

##@ Checking
.PHONY: check
check: ## the tests alone: no set-up, no build (SUITE=name for one of them)
	@$(NODE) scripts/test.mjs $(SUITE)

.PHONY: check-native
check-native: native-tests ## the native unit tests, under the address and undefined-behaviour sanitizers
	@$(NODE) scripts/test.mjs native

.PHONY: asan
asan: $(B)/asan/bin/vxe ## vxe itself with sanitizers: build/asan/bin/vxe

# In place of the program itself, in a mount namespace; leaks are the ends of short processes.
.PHONY: asan-e2e
asan-e2e: all $(B)/asan/bin/vxe ## the end-to-end tests with build/asan/bin/vxe
	$(Q)ASAN_OPTIONS=detect_leaks=0 unshare --mount --propagation private -- \
	  sh -c 'mount --bind $(B)/asan/bin/vxe $(VXE) && exec $(NODE) scripts/test.mjs e2e'

.PHONY: fuzz fuzzers
FUZZ_SECONDS ?= 60
fuzzers: $(FUZZERS)
fuzz: fuzzers ## run each fuzz target for FUZZ_SECONDS (60), from its corpus
	@bash scripts/fuzz.sh $(FUZZ_SECONDS)

.PHONY: cross cross-programs
cross: ts ## the launcher for aarch64, and what of its tests user-mode emulation can run (needs gcc-aarch64-linux-gnu)
	@scripts/cross.sh
cross-programs: $(CROSS_VXE) $(CROSS_TESTS)

.PHONY: lint
C_FILES = $(shell find $(N) test -name '*.[ch]' -not -path '*/uapi/*')
SHELL_FILES = $(shell grep -lE '^\#!.*(ba)?sh$$' -r scripts test .ci 2>/dev/null)
lint: ## Biome, clang-format, shell syntax, manual pages
	$(Q)npx --no-install biome check .
	$(Q)if command -v clang-format-14 >/dev/null; then clang-format-14 --dry-run --Werror $(C_FILES); \
	  else echo 'lint: clang-format-14 is missing, C layout was not checked (apt-get install clang-format-14)' >&2; exit 1; fi
	$(Q)for f in $(SHELL_FILES); do bash -n "$$f"; done
	$(Q)scripts/check-man.sh

.PHONY: format
format: ## lay out C and TypeScript in place
	$(Q)npx --no-install biome check --write .
	$(Q)clang-format-14 -i $(C_FILES)

##@ Shipping
.PHONY: man completions
man: ## the manual pages, from docs/reference, in build/man
	@scripts/check-man.sh
completions: product ## write the shells' completion files to build/completions
	@scripts/completions.sh $(B)/completions

.PHONY: install
install: product ## install below DESTDIR/PREFIX
	@scripts/install.sh '$(DESTDIR)' '$(PREFIX)'

.PHONY: uninstall
uninstall: ## remove what install put there
	@scripts/install.sh --uninstall '$(DESTDIR)' '$(PREFIX)'

.PHONY: dist
dist: ts man ## the npm package, in build/dist
	$(Q)mkdir -p $(B)/dist
	$(Q)npm pack --silent --ignore-scripts --pack-destination $(B)/dist

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf $(B)

# Rules.

$(VIEWS):
	$(Q)mkdir -p $(@D)
	$(Q)ln -sfn ../../../$(N)/$(@F) $@

# $(call compile,TREE,COMPILER,FLAGS): object rules for one tree, a folder at a time since include paths differ.
define compile_folder
$(B)/$(1)/obj/$(4)/%.o: $(N)/$(4)/%.c Makefile package.json | $(foreach s,$(SEES_$(4)),$(B)/view/$(4)/$(s))
	@$$(call say,$(5),$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(2) $(3) $$(call includes,$(4)) -MMD -MP -c -o $$@ $$<
endef
compile = $(foreach f,$(FOLDERS),$(eval $(call compile_folder,$(1),$(2),$(3),$(f),$(4))))
$(call compile,native,$(CC),$(NATIVE_CFLAGS),CC)
$(call compile,cross,$(CROSS_CC),$(CROSS_CFLAGS),CC cross)
$(call compile,asan,$(CC),$(ASAN_CFLAGS),CC asan)
$(call compile,fuzz,$(CLANG),$(FUZZ_CFLAGS),CC fuzz)

$(LIB): $(call objects,native,$(LIB_SOURCES))
$(CROSS_LIB): $(call objects,cross,$(LIB_SOURCES))
$(ASAN_LIB): $(call objects,asan,$(LIB_SOURCES))
$(FUZZ_LIB): $(call objects,fuzz,$(LIB_SOURCES))
$(LIB) $(CROSS_LIB) $(ASAN_LIB) $(FUZZ_LIB):
	@$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $^

include $(N)/musl/build.mk

$(CROSS_VXE): $(call objects,cross,$(MAIN_SOURCE)) $(CROSS_LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CROSS_CC) $(CROSS_CFLAGS) $(NATIVE_LDFLAGS) -o $@ $^ $(CROSS_LIBS)

$(B)/cross/test/test_%: $(B)/cross/obj/test/test_%.o $(call objects,cross,$(TEST_HELPERS)) $(CROSS_LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CROSS_CC) $(CROSS_CFLAGS) $(NATIVE_LDFLAGS) -o $@ $^ $(CROSS_LIBS)

$(B)/bin/vxe-runtime: $(VXE)
	$(Q)ln -sfn vxe $@

$(B)/asan/bin/vxe: $(call objects,asan,$(MAIN_SOURCE)) $(ASAN_LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ASAN_CFLAGS) -o $@ $^ $(NATIVE_LIBS)
	$(Q)ln -sfn vxe $(@D)/vxe-runtime

$(B)/native-test/test_%: $(B)/asan/obj/test/test_%.o $(call objects,asan,$(TEST_HELPERS)) $(ASAN_LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ASAN_CFLAGS) -o $@ $(filter %.o,$^) $(ASAN_LIB) $(NATIVE_LIBS)

$(B)/native-test/test_walk: $(call objects,asan,$(N)/recorder/walk.c $(N)/recorder/found.c)

# The fuzz targets without a fuzzer: each replays its corpus, so that what was found once stays found.
$(B)/native-test/replay_%: $(B)/asan/obj/fuzz/fuzz_%.o $(B)/asan/obj/fuzz/replay.o $(ASAN_LIB)
	@$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ASAN_CFLAGS) -o $@ $^ $(NATIVE_LIBS)

$(B)/fuzz/fuzz_%: $(B)/fuzz/obj/fuzz/fuzz_%.o $(FUZZ_LIB)
	@$(call say,LD,$@)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(NATIVE_LIBS)

$(B)/bench/%: test/bench/%.c Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -I$(N)/uapi -static-pie -o $@ $< -lseccomp

$(B)/vm/%: test/vm/%.c Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -static-pie -o $@ $<

$(B)/modes/%: test/modes/fixtures/%.c Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -static-pie -o $@ $<

$(B)/rings/%: test/rings/%.c $(N)/test/ring.c $(N)/test/ring.h Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -I$(N)/test -static-pie -o $@ $< $(N)/test/ring.c

$(B)/demo/%: test/demo/%.c Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -static-pie -o $@ $<

$(B)/trace/%: test/trace/%.c Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -static-pie -pthread -o $@ $<

$(B)/holes/%: test/holes/%.c Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -static-pie -o $@ $<

$(B)/kill/inject: test/kill/inject.c test/kill/fault.c test/kill/fault.h Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -static-pie -o $@ $(filter %.c,$^)

$(B)/conformance/probe: test/conformance/probe.c Makefile
	@$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_CFLAGS) -static-pie -o $@ $<

# An installed package carries the compiled files and no compiler; in a checkout there is always one after set-up.
$(TS_STAMP): $(TS_SOURCES) tsconfig.json package.json
	@$(call say,TSC,$(B)/ts)
	$(Q)npx --no-install tsc -p tsconfig.json
	$(Q)touch $@

-include $(N)/node-seccomp/build.mk
-include $(N)/attack/build.mk
-include $(N)/recorder/build.mk
-include $(shell find $(B) \( -path $(B)/cache -o -path $(B)/ts \) -prune -o -name '*.d' -type f -print 2>/dev/null)
.SECONDARY:
