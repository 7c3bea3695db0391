# The habits of this project; `make help` lists them. CI calls these targets and nothing else.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
WORKERS ?= 2
NEWER ?= python3.13 python3.12

.DEFAULT_GOAL := help
.PHONY: help demo test test-hard test-stacks check format notebooks bench build clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(STAMP): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "oceandata needs Python 3.11 or newer: $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another with 'make PYTHON=python3.12 ...'." >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing. Install it with: sudo apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]' --group dev
	@touch $@

demo: $(STAMP) ## set up, then run the main job on real data (under two minutes after installation)
	@$(BIN)/oceandata demo

test: $(STAMP) ## set up, then run the tests (offline once packages are installed)
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not hard and not notebook" --doctest-modules

test-hard: $(STAMP) ## every seed, long runs and servers
	@$(BIN)/python -m pytest -n $(WORKERS) -m hard

test-stacks: ## the tests on this Python, then on a newer one (NEWER=path) with the libraries only it can have
	@$(MAKE) test
	@newer=; for one in $(NEWER); do $$one -c '' 2>/dev/null && { newer=$$one; break; }; done; \
	  if [ -z "$$newer" ]; then echo "no newer Python here: name one with 'make test-stacks NEWER=/path/to/python3.13'"; \
	  else $(MAKE) test PYTHON=$$newer VENV=.venv-newer; fi

check: $(STAMP) ## format, lint, layers, types and docstrings; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache --config pyproject.toml
	@$(BIN)/mypy
	@git ls-files 'oceandata/*.py' ':!oceandata/cli' | xargs $(BIN)/python -m numpydoc lint

format: $(STAMP) ## rewrite the code in the one format
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

notebooks: $(STAMP) ## run the notebooks from an empty state
	@$(BIN)/python -m pytest -m notebook

bench: $(STAMP) ## compare with named peers, in an environment of their own (.bench-venv)
	@$(BIN)/python -m benchmarks

build: $(STAMP) ## wheel and source distribution in dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-newer .bench-venv build dist *.egg-info oceandata-demo
