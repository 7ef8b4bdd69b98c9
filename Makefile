# The verbs of this project. Each sets up what it needs: Python 3.11+ and make are enough.
.PHONY: help run demo dev test soak lint unit ui node bench pins setup system clean
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: setup ui ## Set everything up and start the demo (Ctrl-C ends it)
	@$(BIN)/dragonctl demo $(ARGS)

demo: run

dev: setup ## The demo, and the UI by Vite's server, which shows each change at once
	@ui/dev $(BIN)

test: system setup node ui ## Set everything up; run the checks and every test
	@tests/run $(ARGS)

soak: setup system ## What `make test` leaves out: tests that take minutes, or a quiet machine
	@$(BIN)/pytest -m soak $(ARGS)

lint: setup ## Style, types and the house's import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: setup ## Only the fast tests
	@$(BIN)/pytest -q tests/unit tests/house tests/conformance

ui: ## The web UI, into daemon/_ui; without Node 20 it says so, and all else works
	@ui/make

node: setup ## Node for the web UI, as a wheel in .venv, where the machine has none that is new enough
	@ui/make node || $(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements/node.txt

bench: setup ## This daemon beside its peers, one table; figures by name: ARGS=--help
	@$(BIN)/python -m tests.bench $(ARGS)

setup: $(STAMP) ## The virtual environment with pinned dependencies

$(STAMP): pyproject.toml requirements/run.txt requirements/dev.txt hatch_build.py daemon/rtc/burst.c daemon/rtc/burst.h
	@tests/setup $(PYTHON) $(VENV)
	@touch $@

system: ## FFmpeg and Chromium by apt, where they are missing and this user may
	@tests/system

pins: setup ## Write requirements/*.txt anew from what is installed
	@$(BIN)/python -m tests.pins

clean: ## Remove what was made here
	rm -rf $(VENV) build dist daemon/_ui ui/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
