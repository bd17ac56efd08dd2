# make demo   the main job on the texts of this machine, into out/
# make test   every test
# Both make .venv first, with the versions of constraints.txt. Other targets: lint types docs bench pins clean

# Wheels of a dependency (rs-bpe) end at 3.13, and .venv needs the venv module, which Debian packages apart.
USABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null && $$p -c '$(USABLE)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMPED := pyproject.toml constraints.txt

.PHONY: demo test lint types docs bench pins clean

demo: .venv/installed
	$(BIN)/corpusmill build recipe=demo store.root=out/

test: .venv/installed-dev
	PYTHONSAFEPATH=1 $(BIN)/python -m pytest $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff check .

types: .venv/installed-dev
	$(BIN)/mypy

docs: .venv/installed-dev
	$(BIN)/python docs/generate.py

bench: .venv/installed-dev
	for file in benchmarks/bench_*.py; do \
		$(BIN)/python $$file --json benchmarks/results/$$(basename $$file .py).json || exit 1; done

# What pip chooses today, in a fresh environment; passing tests are what makes it worth keeping.
pins:
	rm -rf build/pins && $(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet '.[dev,tokenizers]'
	head -2 constraints.txt >build/pins.txt
	build/pins/bin/python -m pip freeze --all --exclude pip --exclude corpusmill >>build/pins.txt
	mv build/pins.txt constraints.txt && rm -rf build/pins

clean:
	rm -rf out build

.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "corpusmill needs Python 3.11, 3.12 or 3.13 with its venv module; here is $$(python3 --version 2>&1 || :)."; \
		echo "Install one (Debian, Ubuntu: apt-get install python3.11 python3.11-venv), or name it: make PYTHON=/path/to/python"; \
		exit 1; fi >&2
	@$(PYTHON) -c '$(USABLE)' 2>/dev/null || { \
		echo "PYTHON=$(PYTHON) is not Python 3.11, 3.12 or 3.13 with its venv module" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: $(STAMPED) | .venv/bin/python
	$(PIP) install -c constraints.txt -e .
	@touch $@

.venv/installed-dev: $(STAMPED) | .venv/bin/python
	$(PIP) install -c constraints.txt -e '.[dev,tokenizers]'
	@touch .venv/installed $@
