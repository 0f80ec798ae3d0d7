# `make help` lists the commands. Each does its own set-up first, in .venv, from the lock files.

PYTHON ?= python3
BIN    := .venv/bin
CODE   := acoustics schemas prompts pipelines manifests trainer tests benchmarks tools
REPORT := data/report/index.html

# The demo, the tests and the benchmarks run without a key: they cannot spend money.
KEYLESS := env -u CHAT_API_KEY -u DEEPSEEK_API_KEY -u OPENAI_API_KEY

export DVC_NO_ANALYTICS := 1
# DVC's lock and index files; its default is a folder outside the repository.
export DVC_SITE_CACHE_DIR := $(CURDIR)/.dvc/tmp/site

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types bench docs lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## .venv with the locked packages (nothing to do when it is up to date)
	@$(PYTHON) tools/setup.py

demo: setup  ## corpora to shards with embedded models, tiny training, its evaluation, the report
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(KEYLESS) $(BIN)/dvc repro
	@$(BIN)/python -m trainer.evaluate report --short --folder data/evaluation
	@echo "report: $(REPORT)"

test: setup  ## the whole test suite
	@$(KEYLESS) $(BIN)/pytest -n auto --dist worksteal

check: setup lint types test  ## what CI runs: lint, types, tests

lint: setup
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

types: setup
	@$(BIN)/mypy $(CODE)

bench: setup  ## speed and memory, each figure against its target
	@$(KEYLESS) $(BIN)/python -m benchmarks

docs: setup  ## guides and API as HTML in build/docs; a warning is an error
	@$(BIN)/python -m tools.build_docs

lock:  ## resolve pyproject.toml anew into requirements.lock
	@PYTHON=$(PYTHON) tools/lock.sh

clean:  ## remove what can be made again, except .venv, paid replies and DVC's cache
	@rm -rf build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
