# Two commands for a newcomer: `make demo` and `make test`. Each sets up all it needs in .venv.
# VENV, PYTHON and KOUBAI_DATA may be set from outside.

VENV   ?= .venv
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
             $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN    := $(VENV)/bin
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test test-all check docs bench clean
.DEFAULT_GOAL := demo

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "koubai needs Python 3.11 or newer; none was found (set PYTHON=...)"; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv"; exit 1; }

$(VENV)/.demo: $(BIN)/python pyproject.toml
	@echo "Installing koubai ..."
	@$(PIP) -e '.[page]' && touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml
	@echo "Installing koubai with its test peers (PyTorch among them: a few minutes the first time) ..."
	@$(PIP) -e '.[test]' && touch $@ $(VENV)/.demo

$(VENV)/.dev: $(VENV)/.test
	@$(PIP) -e '.[dev]' && touch $@

$(VENV)/.bench: $(VENV)/.test
	@echo "Installing the benchmark's peers ..."
	@$(PIP) -e '.[bench]' && touch $@

demo: $(VENV)/.demo
	@$(BIN)/koubai demo

test: $(VENV)/.test
	@$(BIN)/python -m pytest -n auto -m "not slow and not long and not browser"

test-all: $(VENV)/.test
	@$(BIN)/python -m pytest -n auto

check: $(VENV)/.dev
	@scripts/check $(BIN)

docs: $(VENV)/.dev
	@$(BIN)/python docs/build.py site
	@echo "The pages are in site/index.html, in Japanese in site/ja/index.html"

bench: $(VENV)/.bench
	@$(BIN)/koubai bench

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache
