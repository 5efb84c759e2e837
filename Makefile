# Every target does its own set-up. Python 3.11, git and make are all that must be there.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/installed  ## run the main job on the embedded default
	$(BIN)/rsft run

test: .venv/installed  ## run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/installed  ## formatting, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:  ## remove the environment and all that runs made: data, cache, registry
	rm -rf .venv .rsft .dvc/cache .dvc/tmp dvc.lock mlflow/artifacts mlflow/mlflow.db*
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	rm -rf data/prompts data/base data/rounds data/controls data/run.json

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "error: $(PYTHON) is not Python 3.11; say which one is: make PYTHON=python3.11 …" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
