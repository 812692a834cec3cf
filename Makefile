# A fresh clone needs Python 3.11 or later, a C++20 compiler and make. Everything else is installed into .venv, and
# each target does only what is not done yet.
#
#   make demo     search real images under five distances and show what was found
#   make test     the whole test suite, or some of it: make test ARGS=tests/formula
#   make peers    the tests that other libraries have of themselves, against the classes that stand in for theirs
#   make lint     every static check
#   make build    the extension, into .venv, as an editable install
#   make bench    the benchmarks (installs the libraries they compare with); a look: make bench ARGS=--quick
#   make asan     the test suite on a core built with the address and undefined-behaviour sanitizers
#   make tsan     the tests of threads on a core built with the thread sanitizer
#   make format   rewrite the sources the way `make lint` wants them
#   make clean    remove what was built (keeps .venv); `make distclean` removes .venv too

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# Processes that share the tests: most of a test's time is compiling kernels, in one thread.
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMPS := $(VENV)/stamps

CORE := CMakeLists.txt $(wildcard CMakePresets.json) $(shell find core -name '*.cpp' -o -name '*.h')
CPP := $(shell find core -name '*.cpp' -o -name '*.h')
PY := src tests benchmarks examples .ci

.DELETE_ON_ERROR:
.PHONY: build demo test peers lint bench asan tsan format clean distclean

build: $(STAMPS)/build

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "anear needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS)
	$(PIP) install --upgrade 'pip>=25'
	@touch $@

# What a build needs stands once, in pyproject.toml. CMake and ninja come from PyPI as well, so that no system package
# is asked for.
#
# Libraries come before the build and apart from it, so that a change in core/ never asks the package index anything.
$(STAMPS)/libraries: $(STAMPS)/venv pyproject.toml .ci/requirements.py
	$(BIN)/python .ci/requirements.py build cli data demo sklearn test lint > $@.txt
	$(PIP) install -r $@.txt
	@touch $@

$(STAMPS)/build: $(STAMPS)/libraries $(CORE)
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(STAMPS)/bench: $(STAMPS)/build
	$(BIN)/python .ci/requirements.py bench > $@.txt
	$(PIP) install -r $@.txt
	@touch $@

demo: $(STAMPS)/build
	$(BIN)/anear demo --out demo-output

test: $(STAMPS)/build
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

peers: $(STAMPS)/build
	$(BIN)/python -m tests.peers $(ARGS)

lint: $(STAMPS)/build
	$(BIN)/ruff check $(PY)
	$(BIN)/ruff format --check $(PY)
	$(BIN)/python .ci/sizes.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run -Werror $(CPP)

bench: $(STAMPS)/bench
	for name in exact distances latency compile trees; do $(BIN)/python benchmarks/$$name.py $(ARGS) || exit 1; done

# A sanitized core lives in an environment of its own that borrows the libraries of .venv, so that neither disturbs the
# other. Leaks are not reported: the interpreter itself never frees everything. Threads of other libraries are none of
# our business either: only what the core does is looked at for races.
asan: SANITIZE := address,undefined
asan: TESTS := tests
tsan: SANITIZE := thread
tsan: TESTS := tests/core tests/index/test_threads.py tests/index/test_counts.py tests/index/test_undefined.py tests/index/test_living_threads.py
asan tsan: $(STAMPS)/build
	@test -x build/$@/venv/bin/python || $(BIN)/python -m venv build/$@/venv
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	  $$(build/$@/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/borrowed.pth
	$(PIP) --python build/$@/venv/bin/python install --no-build-isolation --no-deps --force-reinstall \
	  --config-settings=build-dir=build/$@/cmake --config-settings=cmake.define.ANEAR_SANITIZE=$(SANITIZE) .
	LD_PRELOAD="$$($(CXX) -print-file-name=lib$@.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:ignore_noninstrumented_modules=1 \
	  build/$@/venv/bin/python -m pytest -p no:cacheprovider $(or $(ARGS),$(TESTS))

format: $(STAMPS)/build
	$(BIN)/ruff check --fix $(PY)
	$(BIN)/ruff format $(PY)
	$(BIN)/clang-format -i $(CPP)

clean:
	rm -rf build dist demo-output bench-results $(STAMPS)/build

distclean: clean
	rm -rf $(VENV)
