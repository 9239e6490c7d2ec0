# Everything a person or CI does with elman. `make demo` and `make test` need Python 3.11+, make and a C++20 compiler.
#
#   PYTHON=python3.12 make test     another interpreter for a new .venv
#   PYTEST="-k lstm -x" make test   arguments for pytest

PYTHON ?= python3
VENV ?= .venv
ORACLE_VENV ?= .venv-oracle
PYTEST ?=
JOBS ?= 2
SANITIZE ?=
ISA_TESTS ?= tests/oracle/test_executors.py tests/contracts/test_cells.py tests/contracts/test_determinism.py \
  tests/properties tests/unit/executors

# Tests are of no use where the extension silently stayed away, so a compiler that fails is an error here.
DEV_NATIVE ?= ON

bin := $(VENV)/bin
python_sources := $(shell find src -name '*.py')
native_sources := $(shell find native -type f 2>/dev/null) CMakeLists.txt
cxx_sources = $(shell git ls-files 'native/*.h' 'native/*.cpp' 'native/*.inl')
comma := ,
sanitizer_build = build/native-$(subst $(comma),-,$(SANITIZE))
install := -m pip install --quiet --quiet --disable-pip-version-check
# One build folder for the extension, the wheel and the C++ tests: what is compiled once is what is tested and shipped.
from_here := --no-build-isolation -C build-dir=build/release
# ThreadSanitizer cannot place its shadow where the kernel randomises addresses widely.
steady_addresses = $(if $(filter thread,$(SANITIZE)),$(shell setarch $$(uname -m) -R true 2>/dev/null && echo setarch $$(uname -m) -R))

.PHONY: help demo test test-fast test-isa coverage test-oracle native-tests lint format types bench bench-peers docs wheel clean

help:
	@echo "make demo           install elman into $(VENV) and run 'elman demo'"
	@echo "make test           install the dev extra; run the C++ and the Python tests"
	@echo "make test-fast      the Python tests that are not marked slow"
	@echo "make test-isa       tests of numbers on narrower instruction sets [ISA_TESTS=tests: all of them]"
	@echo "make coverage       which lines the Python tests enter"
	@echo "make test-oracle    compare live with PyTorch, in $(ORACLE_VENV)"
	@echo "make native-tests   the C++ tests [SANITIZE=address,undefined | SANITIZE=thread]"
	@echo "make lint types     ruff and clang-format; mypy --strict"
	@echo "make format         let ruff and clang-format settle the style"
	@echo "make bench          elman's own speed; make bench-peers: beside Keras, PyTorch and JAX"
	@echo "make docs           build the documentation, strictly, into site/"
	@echo "make wheel          build a wheel into dist/"
	@echo "make clean          remove what was built; the virtual environments stay"

# ---- environments: a stamp file says what is installed, so a second call does nothing -------------------------------

$(VENV)/.created $(ORACLE_VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "elman needs Python 3.11 or later, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	       "Name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(@D) || { \
	  echo "Python has no venv. Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

# The build's own requirements, so that --no-build-isolation finds cmake and ninja at one path and builds incrementally.
$(VENV)/.build-tools: $(VENV)/.created pyproject.toml
	$(bin)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], \
	  "cmake>=3.27", "ninja", sep="\n")' > $(VENV)/build-requirements.txt
	$(bin)/python $(install) -r $(VENV)/build-requirements.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.build-tools $(native_sources)
	$(bin)/python $(install) $(from_here) --editable .
	@touch $@

$(VENV)/.dependencies-dev: $(VENV)/.build-tools
	ELMAN_NATIVE=$(DEV_NATIVE) $(bin)/python $(install) $(from_here) -C cmake.define.ELMAN_NATIVE_TESTS=ON \
	  --editable '.[dev]'
	@touch $@ $(VENV)/.installed-dev $(VENV)/.installed

$(VENV)/.installed-dev: $(VENV)/.dependencies-dev $(native_sources)
	ELMAN_NATIVE=$(DEV_NATIVE) $(bin)/python $(install) $(from_here) -C cmake.define.ELMAN_NATIVE_TESTS=ON \
	  --no-deps --editable .
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(VENV)/.installed-dev
	$(bin)/python $(install) $(from_here) --editable '.[docs]'
	@touch $@

# The oracle's environment gets the wheel that the first environment builds: nothing is compiled for it a second time.
build/oracle/.built: $(VENV)/.build-tools $(native_sources) $(python_sources)
	rm -rf $(@D)
	ELMAN_NATIVE=$(DEV_NATIVE) $(bin)/python -m pip wheel --quiet --quiet --no-deps $(from_here) \
	  --wheel-dir $(@D) .
	@touch $@

$(ORACLE_VENV)/.dependencies: $(ORACLE_VENV)/.created pyproject.toml | build/oracle/.built
	$(ORACLE_VENV)/bin/python $(install) "$$(echo build/oracle/*.whl)[test,oracle]"
	@touch $@

$(ORACLE_VENV)/.installed: $(ORACLE_VENV)/.dependencies build/oracle/.built
	$(ORACLE_VENV)/bin/python $(install) --no-deps --force-reinstall build/oracle/*.whl
	@touch $@

# ---- what people run ------------------------------------------------------------------------------------------------

demo: $(VENV)/.installed
	$(bin)/elman demo

test: $(VENV)/.installed-dev native-tests
	$(bin)/python -m pytest -n $(JOBS) --dist loadgroup -m 'not oracle' $(PYTEST)

test-fast: $(VENV)/.installed-dev
	$(bin)/python -m pytest -n $(JOBS) --dist loadgroup -m 'not oracle and not slow' $(PYTEST)

# The tests in which kernels meet numbers, on what this CPU has below its best.
test-isa: $(VENV)/.installed-dev
	isas=$$($(bin)/python -c 'from elman.executors import native as n; print(*n.ISAS[:n.ISAS.index(n.chosen_isa())])') \
	&& for isa in $$isas; do \
	  ELMAN_ISA=$$isa $(bin)/python -m pytest -n $(JOBS) --dist loadgroup -m 'not oracle and not slow' $(ISA_TESTS) $(PYTEST) \
	  || exit 1; \
	done

# Which lines of Python the tests enter, without native tests and live oracles; takes as long as `make test` on one core.
coverage: $(VENV)/.installed-dev
	$(bin)/python -m coverage run --source=elman -m pytest -q -m 'not oracle' $(PYTEST)
	$(bin)/python -m coverage report --skip-covered --sort=cover

test-oracle: $(ORACLE_VENV)/.installed
	$(ORACLE_VENV)/bin/python -m pytest -n $(JOBS) --dist loadgroup -m oracle $(PYTEST)

# Without SANITIZE these are the tests of the very code that is shipped; with it, of a build with assertions.
ifeq ($(SANITIZE),)
native-tests: $(VENV)/.installed-dev
	$(bin)/ctest --test-dir build/release --output-on-failure
else
native-tests: $(VENV)/.build-tools
	$(bin)/cmake -S . -B $(sanitizer_build) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(bin)/ninja \
	  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DELMAN_NATIVE=ON -DELMAN_NATIVE_TESTS=ON -DELMAN_BINDINGS=OFF \
	  -DELMAN_SANITIZE='$(SANITIZE)' --log-level=WARNING
	$(bin)/cmake --build $(sanitizer_build) -- --quiet
	UBSAN_OPTIONS=print_stacktrace=1 $(steady_addresses) $(bin)/ctest --test-dir $(sanitizer_build) --output-on-failure
endif

lint: $(VENV)/.installed-dev
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(if $(cxx_sources),$(bin)/clang-format --dry-run -Werror $(cxx_sources))

format: $(VENV)/.installed-dev
	$(bin)/ruff check --fix .
	$(bin)/ruff format .
	$(if $(cxx_sources),$(bin)/clang-format -i $(cxx_sources))

types: $(VENV)/.installed-dev
	$(bin)/mypy

bench: $(VENV)/.installed-dev
	$(bin)/python -m benchmarks $(BENCH)

bench-peers: $(VENV)/.installed-dev
	$(bin)/python benchmarks/setup_peers.py
	$(bin)/python -m benchmarks --peers $(BENCH)

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(bin)/mkdocs build --strict --quiet

wheel: $(VENV)/.build-tools
	$(bin)/python -m pip wheel --quiet --no-deps $(from_here) --wheel-dir dist .

clean:
	rm -rf build dist site .pytest_cache .hypothesis .mypy_cache .ruff_cache
	rm -f $(VENV)/.installed* $(ORACLE_VENV)/.installed*
