# The few words people type; CMake does the work. `make help` lists them.
# SPDX-License-Identifier: Apache-2.0
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
# More for CMake, as in: make CMAKE_FLAGS=-DCMAKE_C_COMPILER=clang
CMAKE_FLAGS ?=
MAKEFLAGS += --no-print-directory

# One folder for each set of options, so that going from one word to another compiles nothing twice.
RELEASE = build/release
CHECK = build/check
BENCH = build/bench
CONFIGURE = cmake --log-level=WARNING -S . -DCMAKE_BUILD_TYPE=Release $(CMAKE_FLAGS)
BUILD = cmake --build

build: setup ## build the library and the command: build/release/allot
	@$(CONFIGURE) -B $(RELEASE) -DALLOT_TESTS=OFF -DCMAKE_INSTALL_PREFIX="$(PREFIX)"
	@$(BUILD) $(RELEASE) -j $(JOBS)

demo: build setup-demo ## install what is missing, build, map and farm real data, simulate a protein
	@tools/demo $(RELEASE)/allot

check: setup-check ## install what is missing, build with -Werror, run every test
	@$(CONFIGURE) -B $(CHECK) -DALLOT_TESTS=ON -DALLOT_WERROR=ON
	@$(BUILD) $(CHECK) -j $(JOBS)
	@ctest --test-dir $(CHECK) -j $(JOBS) --output-on-failure

check-vm: setup-check setup-vm ## boot a kernel of our own in qemu: memory kept by control groups
	@$(CONFIGURE) -B $(CHECK) -DALLOT_TESTS=ON -DALLOT_WERROR=ON
	@$(BUILD) $(CHECK) -j $(JOBS) --target allot_command
	@tests/vm/run $(CHECK)

check-interrupts: setup-check ## two hundred Ctrl-C's at random instants of the Python module's work
	@$(CONFIGURE) -B $(CHECK) -DALLOT_TESTS=ON -DALLOT_WERROR=ON
	@$(BUILD) $(CHECK) -j $(JOBS) --target allot_python
	@tests/python/interrupts $(CHECK) 200

nightly: check setup-fuzz setup-vm ## what takes hours: a million random runs, 500 kills, power cuts, fuzzing
	@tools/nightly $(CHECK)

bench: setup-bench ## measure against the peers: minutes, on a quiet machine
	@$(CONFIGURE) -B $(BENCH) -DALLOT_TESTS=OFF -DALLOT_BENCH=ON
	@$(BUILD) $(BENCH) -j $(JOBS)
	@bench/run $(BENCH)
	@bench/farm $(BENCH)
	@bench/engines $(BENCH)
	@bench/md $(BENCH)

fuzz: setup-fuzz ## fuzz every parser, each for FUZZ_SECONDS=60
	@tools/fuzz build/fuzz $(FUZZ_SECONDS)

fmt: setup-format ## lay the sources out as .clang-format says
	@git ls-files -z '*.c' '*.h' '*.cc' '*.cpp' | xargs -0 clang-format-14 -i

docs: build ## make manual pages and completions anew from the tables of options
	@tools/docs $(RELEASE)/allot

deb: setup-package ## build the Debian package of the module for Python: build/deb/python3-allot_*.deb
	@packaging/python3-allot/build build/deb

install: build ## install into PREFIX=/usr/local, below DESTDIR
	@DESTDIR="$(DESTDIR)" cmake --install $(RELEASE) --prefix "$(PREFIX)"

clean: ## remove build/
	@cmake -E rm -rf build

help: ## say this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup:
	@tools/setup build
setup-demo:
	@tools/setup demo
setup-check:
	@tools/setup build test
setup-vm:
	@tools/setup vm
setup-bench:
	@tools/setup build bench
setup-fuzz:
	@tools/setup build fuzz
setup-package:
	@tools/setup package
setup-format:
	@tools/setup format

.PHONY: build demo check check-vm check-interrupts nightly bench fuzz fmt docs deb install clean help
.PHONY: setup setup-demo setup-check setup-vm setup-bench setup-fuzz setup-package setup-format
