# Two commands matter: `make demo` and `make test`. Each does all its own set-up on a fresh Debian machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=

.PHONY: help setup demo test lint bench soak clean

help: ## Show these lines
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.ready ## Make .venv with every command in it

.venv/.ready: pyproject.toml packaging/setup.sh
	@bash packaging/setup.sh python

demo: setup ## A whole fleet on this machine; ARGS=--for=120s ends by itself
	@$(BIN)/emberwatt demo $(ARGS)

test: setup lint ## Everything that must hold: types, style, tests with a real broker and browser
	@bash packaging/setup.sh tests
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(ARGS)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: setup ## The figures of the README, each beside its baseline
	@$(BIN)/python -m bench $(ARGS)

soak: setup ## Break every promise on purpose, about an hour; ARGS=--short takes some minutes
	@bash packaging/setup.sh tests
	@$(BIN)/python -m bench.soak $(ARGS)

clean: ## Remove what the commands above made
	rm -rf .venv .demo .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis
