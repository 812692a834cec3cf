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
.PHONY: build demo test peers lint bench asan format clean distclean

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

# The sanitized core lives in an environment of its own that borrows the libraries of .venv, so that neither disturbs
# the other. Leaks are not reported: the interpreter itself never frees everything.
ASAN := build/asan
asan: $(STAMPS)/build
	@test -x $(ASAN)/venv/bin/python || $(BIN)/python -m venv $(ASAN)/venv
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	  $$($(ASAN)/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/borrowed.pth
	$(PIP) --python $(ASAN)/venv/bin/python install --no-build-isolation --no-deps --force-reinstall \
	  --config-settings=build-dir=$(ASAN)/cmake --config-settings=cmake.define.ANEAR_SANITIZE=address,undefined .
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  $(ASAN)/venv/bin/python -m pytest -p no:cacheprovider $(or $(ARGS),tests)

format: $(STAMPS)/build
	$(BIN)/ruff check --fix $(PY)
	$(BIN)/ruff format $(PY)
	$(BIN)/clang-format -i $(CPP)

clean:
	rm -rf build dist demo-output bench-results $(STAMPS)/build

distclean: clean
	rm -rf $(VENV)
