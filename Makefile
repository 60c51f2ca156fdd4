# SPDX-License-Identifier: MIT
# The list of things one can do here; `make help` prints it.

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
STRESS_MINUTES ?= 10
STRESS_RUNS ?= 10
ONLY ?= unit,e2e
KERNELS ?= 5.10 6.1 6.12 new
.DEFAULT_GOAL := build
.PHONY: build run check test kernels asan tsan valgrind fuzz stress stress-get clang musl minimal bench fmt lint install \
	clean deps test-deps help

C_FILES = $(shell find include src cmd tools tests bench examples -name '*.[ch]' 2>/dev/null)
SCRIPTS = .ci/run scripts/check-minimal scripts/check-musl scripts/install-dependencies scripts/demo

build: build/build.ninja ## the command build/sluice and the library
	@ninja -C build

run: build ## a demonstration: one file moved the plain way and by sluice's choice, and both bills
	@scripts/demo

check: build ## unit tests, and a smoke test of serve and get: what to run after every change
	@python3 tests/run.py --only unit,smoke

test: build test-deps ## unit and end-to-end tests, and a short fuzz run; ends in one line of figures
	@python3 tests/run.py

kernels: build test-deps ## tests under other kernels, through power failures and over a slow link
	@scripts/install-dependencies kernels
	@SLUICE_KERNELS='$(KERNELS)' python3 tests/run.py --only kernels

asan: build-asan/build.ninja test-deps ## unit and end-to-end tests under the address and undefined-behaviour sanitizers
	@ninja -C build-asan
	@python3 tests/run.py --build build-asan --only $(ONLY)

tsan: build-tsan/build.ninja test-deps ## the same under the thread sanitizer
	@ninja -C build-tsan
	@python3 tests/run.py --build build-tsan --only $(ONLY)

valgrind: build test-deps ## unit tests under valgrind
	@python3 tests/run.py --only unit --wrap 'valgrind -q --error-exitcode=99 --leak-check=full'

fuzz: test-deps ## each fuzz target for FUZZ_SECONDS (60)
	@python3 tests/run.py --only fuzz --fuzz-seconds $(FUZZ_SECONDS)

stress: build test-deps ## a server under many clients of many kinds for STRESS_MINUTES (10), every byte compared
	@tests/stress/serve --minutes $(STRESS_MINUTES) $(if $(STRESS_SEED),--seed $(STRESS_SEED))

stress-get: build test-deps ## STRESS_RUNS (10) downloads whose ends are killed, and as many whose connections are cut
	@tests/stress/get --runs $(STRESS_RUNS) $(if $(STRESS_SEED),--seed $(STRESS_SEED))

clang: build-clang/build.ninja ## a build by clang, warnings being errors
	@ninja -C build-clang

musl: test-deps ## whether the sources compile with musl's headers, for x86-64 and arm64
	@scripts/check-musl

minimal: deps ## whether library and command build without tools, tests and examples, and what these need
	@scripts/check-minimal

bench: build ## every bench: sluice beside its peers and beside itself, and the floors
	@scripts/install-dependencies bench
	@bench/all

fmt: test-deps ## formats the C files
	clang-format -i $(C_FILES)

lint: test-deps ## checks format, scripts and manual pages
	clang-format --dry-run -Werror $(C_FILES)
	shellcheck $(SCRIPTS)
	mandoc -T lint -W warning man/*.[0-9]

install: build ## into PREFIX (/usr/local), under DESTDIR
	meson configure build -Dprefix=$(abspath $(PREFIX))
	DESTDIR=$(DESTDIR) meson install -C build

clean: ## removes every build directory
	rm -rf build build-asan build-tsan build-fuzz build-clang

deps: ## installs what the build needs
	@scripts/install-dependencies build

test-deps: deps
	@scripts/install-dependencies test

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

build/build.ninja: | deps
	CC=gcc meson setup build
build-asan/build.ninja: | deps
	CC=gcc meson setup build-asan -Doptimization=1 -Db_sanitize=address,undefined
build-tsan/build.ninja: | deps
	CC=gcc meson setup build-tsan -Dbuildtype=debugoptimized -Db_sanitize=thread
build-clang/build.ninja: | test-deps
	CC=clang meson setup build-clang -Dwerror=true -Doptimization=0
