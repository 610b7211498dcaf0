# Everything a person does with the project, by name. Each target only calls what can be typed by
# hand: movie-assets, dagster, pytest, ruff, mypy.
#
#   make demo PYTHON=python3.12     another Python for .venv
.DEFAULT_GOAL := help
.PHONY: help demo serve test test-long lint docs bench ui build lock clean setup setup-dev

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## build the graph on the bundled films and show recommendations
	@echo "Building the graph (on the bundled films, unless a TMDB key is set) ..."
	@$(BIN)/movie-assets build
	@$(BIN)/movie-assets recommend "Heat" "Spirited Away" "Alien" --number 5
	@echo
	@echo "Next:"
	@echo "  $(BIN)/movie-assets recommend \"The Godfather\"   any film by its title"
	@echo "  $(BIN)/movie-assets taste \"Heat\" \"Alien\"        films for who likes these"
	@echo "  make serve                                   the HTTP API and the web page"
	@echo "  make ui                                      the graph in Dagster's web UI"
	@echo "  $(BIN)/movie-assets status                    what is fresh, stale or failed"
	@echo "  TMDB_API_KEY=... $(BIN)/movie-assets build    the same graph on TMDB"

test: setup-dev ## run all tests; coverage must be at least 90 %
	$(BIN)/pytest --cov --cov-report=term --numprocesses=auto --dist=loadfile --no-loadscope-reorder

test-long: setup-dev ## run the blocks of the docs that take minutes to an hour
	$(BIN)/pytest -m long --durations=0 -o faulthandler_timeout=0

serve: setup ## the HTTP API and the web page; builds first if nothing is published yet
	@$(BIN)/movie-assets serve || { test $$? -eq 4 && $(BIN)/movie-assets build && $(BIN)/movie-assets serve; }

ui: setup ## Dagster's web UI on this graph, with its daemon
	@$(BIN)/movie-assets ui

build: setup ## bring the graph up to date
	@$(BIN)/movie-assets build

lint: setup-dev ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: setup-dev ## the docs as a site, in build/docs; a broken link is an error
	$(BIN)/python -m sphinx -W --keep-going --quiet docs build/docs
	@echo "The site: build/docs/index.html"

bench: setup-dev build ## measure what the docs quote; builds first what is not built yet
	@for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

lock: ## renew the two lock files from setup.cfg's bounds
	@test -x $(BIN)/uv || $(MAKE) --no-print-directory setup-dev
	$(BIN)/uv pip compile setup.cfg $(LOCK_OPTIONS) -o requirements.lock
	$(BIN)/uv pip compile setup.cfg --extra dev -c requirements.lock $(LOCK_OPTIONS) -o requirements-dev.lock

# Universal: one lock for all Pythons and systems. pip wants the hashes of extras too.
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command "make lock"

clean: ## remove .venv and caches; the films and the history in data/ stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage \
		.coverage.* *.egg-info build .tmp_dagster_home_*

setup: .venv/.installed
setup-dev: .venv/.installed-dev

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found." \
		"Install one, or name it: make demo PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON) ..."
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment." \
		"On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# Without dependencies and build isolation: the lock has them all, and nothing else is fetched.
.venv/.installed: requirements.lock setup.cfg pyproject.toml | .venv/bin/python
	@echo "Installing the locked packages (about a minute) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	@echo "Installing the locked packages for tests and linting ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
