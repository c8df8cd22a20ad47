# Every target sets up what it needs from nothing. CI runs the same `make test` as you do.
SHELL := /bin/bash
# A system interpreter first: one inside a private home cannot be executed by an unprivileged service user.
PYTHON ?= $(shell for p in /usr/bin/python3 python3 python3.11 python3.12 python3.13; do \
	"$$p" -c 'import sys, venv, ensurepip; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.setup-done

.PHONY: setup system demo test measured beside quick units check bench soak study reference lock clean

setup: $(SETUP)

$(SETUP): requirements-test.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Tidegate needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Debian packages that some tests need; elsewhere those tests skip and print the install line (in CI nothing skips).
system:
	@.ci/system

demo: setup
	$(BIN)/python -m tests.demo

# Two processes, one for each core. Where the product runs in the test process itself, coverage is measured; elsewhere it would only cost time.
MEASURED := tests/policies tests/sandbox tests/central tests/remote
PYTEST := pytest -q -m "not soak and not reference"

test: setup system check
	@$(MAKE) --no-print-directory --jobs=2 --keep-going measured beside

# Its lines come when it is done: those of the other half are what moves meanwhile.
measured:
	@log=$(VENV)/measured.log; status=0; \
	$(BIN)/coverage run -m $(PYTEST) $(MEASURED) >$$log 2>&1 && .ci/floors >>$$log 2>&1 || status=1; \
	echo; echo "$(MEASURED), measured:"; cat $$log; exit $$status

beside:
	$(BIN)/python -m $(PYTEST) $(MEASURED:%=--ignore=%)

# Under a minute: lint, types, and the tests without servers, locked processes and benchmarks of rules.
QUICK := tests/architecture tests/policies tests/sandbox/estimation tests/sandbox/gate tests/sandbox/host tests/sandbox/pages tests/sandbox/wire \
	$(wildcard $(patsubst %,tests/sandbox/test_%.py,contract declared errors job ledger manifest pooling)) \
	$(wildcard $(patsubst %,tests/remote/test_%.py,keys offer settings))

quick: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check units

units: setup
	$(BIN)/python -m pytest -q -m "not e2e and not soak" $(QUICK) \
		--ignore tests/sandbox/gate/verification --ignore tests/sandbox/gate/test_gate_of_rows_pairs.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# MIDN=folder with multi_missing_*.csv, binary_*.csv and continuous_*.csv
reference: setup
	@test -n "$(MIDN)" || { echo "usage: make reference MIDN=folder"; exit 2; }
	MIDN=$(MIDN) $(BIN)/python -m pytest -q -m reference

# scikit-learn is something to compare with, nothing that Tidegate needs.
bench: setup
	$(BIN)/pip install --quiet --disable-pip-version-check "scikit-learn>=1.7" || echo "without scikit-learn"
	$(BIN)/python -W ignore -m tests.benchmarks

soak: setup system
	$(BIN)/python -m pytest -q -m soak

# A table says what misses its goal; the next one is made all the same. Those of cards take about two hours.
study: setup
	$(BIN)/python -m tests.statistics
	$(BIN)/python -m tests.statistics.jobs
	-$(BIN)/python -m tests.statistics.cards
	-$(BIN)/python -m tests.statistics.own_rows
	$(BIN)/python -m tests.statistics.linear
	$(BIN)/python -m tests.statistics.growth
	$(BIN)/python -m tests.disclosure.reviewers_study
	$(BIN)/python -m tests.disclosure.one_cell_study

# Names versions and hashes, never a host. The first lock is what runs, the second one also what tests: everywhere the same versions.
LOCK = $(VENV)/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --build-deps-for wheel \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header

lock:
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet pip-tools
	$(LOCK) --upgrade --extra postgresql --extra test -o requirements-test.lock pyproject.toml
	cp requirements-test.lock requirements.lock
	$(LOCK) -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis
