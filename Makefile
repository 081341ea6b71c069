# The few things a developer does. Each target sets up .venv first; python3, make and a package registry are enough.
PYTHON ?= python3
BIN := .venv/bin
SLOW := -m "slow or not slow"

.PHONY: demo test test-all lint format bench clean

demo: .venv/installed
	$(BIN)/gammaml demo $(DEMO)

test: .venv/installed
	$(BIN)/pytest

test-all: .venv/installed
	$(BIN)/pytest $(SLOW)

bench: .venv/installed
	$(BIN)/pytest benchmarks/bench_*.py

lint: .venv/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv demo-output

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

.venv/lint: .venv/installed
	$(BIN)/pip install --quiet --editable ".[dev]"
	touch $@
