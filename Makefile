# The few things a developer does. Each target sets up .venv first; python3, make and a package registry are enough.
PYTHON ?= python3
BIN := .venv/bin
TEST := $(BIN)/pytest --numprocesses=auto --dist=loadfile

.PHONY: demo test test-slow docs baseline lint format bench bench-physics clean

demo: .venv/installed
	$(BIN)/gammaml demo $(DEMO)

test: .venv/installed
	$(TEST)

test-slow: .venv/installed
	$(TEST) -m slow

# docs/_build/html/index.html. Notebooks are executed, and what they gave is kept until they change: `make clean` forgets it.
docs: .venv/docs
	$(BIN)/sphinx-build -W --keep-going --quiet -j auto -c docs . docs/_build/html
	$(BIN)/python docs/check_pages.py docs/_build/html

# The pictures that tests compare figures with, drawn anew: look at those that changed before they are committed.
baseline: .venv/installed
	$(BIN)/pytest tests/test_plots_images.py --mpl-generate-path=tests/baseline

bench: .venv/installed
	$(BIN)/pytest benchmarks/bench_*.py

# Hours: simulates, trains each network of array events for three seeds, and compares.
bench-physics: .venv/installed
	$(BIN)/python benchmarks/array_physics.py $(PHYSICS)

lint: .venv/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv demo-output docs/_build docs/api

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

.venv/docs: .venv/installed
	$(BIN)/pip install --quiet --editable ".[docs]"
	touch $@

.venv/lint: .venv/installed
	$(BIN)/pip install --quiet --editable ".[dev]"
	touch $@
