# Two commands do everything: `make demo` and `make test`. Both set up a virtual environment in .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test explore soak mutation fuzz reports bench budget test-matrix package lint docs clean

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/demo  ## Run the embedded pipeline without and with otel-handoff, and compare
	$(BIN)/otel-handoff demo

# Half of the tests wait for processes: one worker more than there are cores. WORKERS=0 runs them one after the other.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count() + 1)')
OPTIONS ?=
# They start some thousand processes: each would compile the package again.
unexport PYTHONDONTWRITEBYTECODE
test: $(VENV)/test  ## Run all tests, and say which were skipped and why
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -rs $(OPTIONS)

N ?= 20000
explore: $(VENV)/test  ## Run N random schedules for each mode, judged by an oracle, and a million clean rows
	$(BIN)/python -m tests.schedules --n $(N) --clean 1000000

MINUTES ?= 20
soak: $(VENV)/test  ## Load real threads for MINUTES, judged by the same oracle; fails if anything disagrees or grows
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

mutation: $(VENV)/test  ## Break the detector on purpose, in many ways, and show that the tests notice each
	$(BIN)/python -m tests.mutation --table docs/mutations.md

MINUTES ?= 5
fuzz: $(VENV)/test  ## Try inputs of every kind on check and report for MINUTES; then by coverage, where atheris is there
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --seed $$(date +%s)
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	if $(BIN)/python -c 'import atheris' 2>/dev/null; then $(BIN)/python -m tests.fuzz.guided --minutes $(MINUTES); fi

reports: .venv-reports/done  ## Rebuild public reports on the real libraries, with Python 3.11, and write docs/reports.md
	.venv-reports/bin/python -m tests.reports.table --write

.venv-reports/done: pyproject.toml tests/reports/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "the libraries of the reports are old, and need Python 3.11: make reports PYTHON=python3.11")'
	@test -x .venv-reports/bin/python || $(PYTHON) -m venv .venv-reports
	@echo "Installing the libraries of the reports into .venv-reports ..."
	@.venv-reports/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[sdk]' pytest pytest-timeout \
	  -r tests/reports/requirements.txt
	@touch $@

BENCH ?=
bench:  ## Measure what it costs beside everything else one would pick, and write docs/performance.md
	@$(MAKE) --no-print-directory VENV=.venv-bench .venv-bench/bench
	.venv-bench/bin/python -m tests.benchmarks $(BENCH)

budget: $(VENV)/test  ## Accept what a row costs now, on each Python that test-matrix has set up
	for python in $(BIN)/python .venv-3.*/bin/python; do \
	  if [ -x $$python ]; then $$python -m tests.benchmarks.budget --update || exit 1; fi; done

test-matrix:  ## Run the tests on each Python from 3.10 to 3.14, on the oldest dependencies, and without the SDK; ALL=1: all
	.ci/matrix

package: $(VENV)/test  ## Build wheel and sdist into dist/, twice, and try them in empty environments
	$(BIN)/python -m tests.release

lint: $(VENV)/lint  ## Run the linter and the type checker
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "make lint needs Python 3.11 or later, for the SDK that makes the dashboards: make clean lint PYTHON=python3.11")'
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(VENV)/docs  ## Build the documentation as a site, in build/site
	$(BIN)/python -m tests.docs.site

clean:  ## Remove what the other targets made
	rm -rf $(VENV) .venv-bench .venv-oldest .venv-no-sdk .venv-ray .venv-reports .matrix handoff-demo build dist

$(VENV)/%: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed; set PYTHON=python3.x")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing otel-handoff[$*] into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@
