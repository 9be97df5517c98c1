# make help tells the targets. Objects, binaries and reports go to build/, run-time state to .run/.
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
CC ?= cc
comma := ,
BUILD := build
OPT ?= -O2 -g
ifdef SAN
BUILD := build/san-$(subst $(comma),-,$(SAN))
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
endif

PKGS := rdkafka jansson libcurl libpq libmicrohttpd libpcre2-8 uuid libcrypto
CPPFLAGS += -I. -D_GNU_SOURCE -MMD -MP
WARN := -std=c17 -Wall -Wextra -Wformat=2 -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wwrite-strings -Wpointer-arith
ifdef WERROR
WARN += -Werror
endif
CFLAGS := $(WARN) $(OPT) -fno-plt $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CFLAGS)
LDFLAGS += -Wl,--as-needed
LDLIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -lpthread

# what a migration means by "oldest program": raised with the first change that programs of before cannot live with
RELEASE ?= 0.1
# the newest migration that was known when the programs were built: they wait until the database has it
MIGRATION := $(shell ls schemas/sql | sed -n 's/^0*\([0-9]*\)_.*\.sql$$/\1/p' | sort -n | tail -n1)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# ---- what is built: a folder of sources makes a library or a program ------------------------------------------------
common_src := $(wildcard common/*/*.c)
sop_src := $(wildcard workers/sop/*.c workers/sop/*/*.c)
programs := $(addprefix bedelau-,validator deadline integrator projector gateway standin jsonschema) bedelauctl
# reads other people's PDFs in a process of its own; only it links qpdf. WITHOUT_QPDF=1 builds without it
ifeq ($(WITHOUT_QPDF)$(shell pkg-config --exists libqpdf 2>/dev/null || echo absent),)
programs += bedelau-pdfcheck
endif
dir_bedelau-pdfcheck := workers/validator/pdf
libs_bedelau-pdfcheck = $(shell pkg-config --libs libqpdf)
dir_bedelau-gateway := producers/gateway
dir_bedelauctl := producers/ctl
dir_bedelau-standin := tests/standin
dir_bedelau-jsonschema := common/json/cli
prog_dir = $(or $(dir_$(1)),workers/$(patsubst bedelau-%,%,$(1)))
have := $(foreach p,$(programs),$(if $(wildcard $(call prog_dir,$(p))/*.c),$(p)))
bins := $(addprefix $(BUILD)/bin/,$(have))
unit_src := $(wildcard tests/unit/test_*.c)
bench_src := $(wildcard tests/bench/*.c)
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
libs_fuzz_pdf = $(libs_bedelau-pdfcheck)
ifeq ($(filter bedelau-pdfcheck,$(programs)),)
fuzzers := $(filter-out fuzz_pdf,$(fuzzers))
endif
units := $(patsubst tests/unit/%.c,$(BUILD)/test/%,$(unit_src))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

.PHONY: all deps up down clean-state run test test-unit test-integration lint bench clean help check
.DEFAULT_GOAL := all

all: deps ## build every program into build/bin/
	@$(MAKE) --no-print-directory -j$$(nproc) build-all
.PHONY: build-all
build-all: $(bins) $(extra_bins)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/libcommon.a: $(call obj,$(common_src))
$(BUILD)/libsop.a: $(call obj,$(sop_src))
$(BUILD)/%.a:
	@mkdir -p $(@D) && rm -f $@
	ar rcs $@ $^

version_lines = '\#define APP_VERSION "$(VERSION)"' '\#define APP_RELEASE "$(RELEASE)"' '\#define APP_MIGRATION $(MIGRATION)'
# the version is written only when it changes, so that an unchanged tree relinks nothing
$(BUILD)/version.h: FORCE
	@mkdir -p $(@D); printf '%s\n' $(version_lines) | cmp -s - $@ || printf '%s\n' $(version_lines) > $@
FORCE:
# only what prints the version is built again when it changes
versioned := $(call obj,$(shell grep -lwE 'APP_(VERSION|RELEASE|MIGRATION)' -r --include='*.c' common workers producers tests))
$(versioned): CPPFLAGS += -include $(BUILD)/version.h
$(versioned): $(BUILD)/version.h

define program
$(BUILD)/bin/$(1): $(call obj,$(wildcard $(call prog_dir,$(1))/*.c)) $(BUILD)/libsop.a $(BUILD)/libcommon.a
	@mkdir -p $$(@D)
	$$(CC) $$(OPT) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) $$(libs_$(1))
endef
$(foreach p,$(have),$(eval $(call program,$(p))))

$(BUILD)/test/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libsop.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# libFuzzer's own main; `make fuzz` sets BUILD, CC and OPT
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/libsop.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(OPT) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LDLIBS) $(libs_$*)

$(BUILD)/test/suite $(BUILD)/test/lines: $(BUILD)/test/%: $(BUILD)/obj/tests/suite/%_main.o $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/test/clocks: $(call obj,tests/suite/clocks_main.c workers/deadline/change.c workers/deadline/told.c) $(BUILD)/libsop.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(OPT) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# ---- set-up, run, test: the scripts do the work and can be read -------------------------------------------------------
deps: ## install what this machine lacks (asks nothing, prints what it installs)
	@deploy/dev/deps
up: all ## start Kafka, Postgres, the stand-in and every program; writes .run/env
	@deploy/dev/up
down: ## stop what `up` started
	@deploy/dev/down
clean-state: ## stop it and remove all run-time state
	@deploy/dev/clean-state
run: all ## up, publish the example requests, show their timelines
	@deploy/dev/run
test: all ## every test: unit, then integration on the real broker and database
	@tests/run
test-unit: $(units) ## unit tests only (SAN=address,undefined for a sanitised run)
	@tests/run-unit $(units)
test-suite: $(BUILD)/test/suite ## the official JSON Schema test suite against common/json
	@$< tests/suite/jsonschema tests/suite/expected-failures.txt
test-clocks: $(BUILD)/test/clocks ## the deadline worker's arithmetic against an independent reading, thousands of stories over 2024-2027
	@$(or $(PYTHON),/usr/bin/python3) tests/suite/clocks.py $<
test-differential: $(BUILD)/test/lines ## common/json against Python's jsonschema on 20,000 generated documents
	@tests/suite/differential.py $<
fuzz: ## each target of tests/fuzz for FUZZ_SECONDS (600), with clang's libFuzzer; no part of test
	@deploy/dev/deps fuzz
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC="$$(command -v clang-14 || echo clang)" \
	    OPT="-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
	    $(fuzzers:%=build/fuzz/fuzz/%) >/dev/null
	@tests/fuzz/run $(fuzzers:%=build/fuzz/fuzz/%)
.PHONY: test-suite test-clocks test-differential fuzz
contract: ## what the endpoint at URL= does and does not do of the contract (tests/contract/README.md)
	@$(or $(PYTHON),/usr/bin/python3) tests/contract/endpoint.py $(if $(URL),"$(URL)")
.PHONY: contract
check: test-unit
lint: ## format, warnings as errors, clang-tidy, cppcheck, every schema and example
	@tests/lint
$(BUILD)/bench/bench: $(call obj,$(bench_src)) $(BUILD)/libsop.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(OPT) -o $@ $^ $(LDLIBS)
bench: all $(BUILD)/bench/bench ## print and store the figures in build/bench/
	@tests/bench/run
clean: ## remove build/
	rm -rf build
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
