# The bridge's commands. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help install install-dev install-clients run test check demo bench bench-trail bench-prune bench-admin recordings fuzz docs screenshots lock format clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt | $(BIN)/python
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.installed

tests/clients/node/node_modules/.installed: tests/clients/node/package-lock.json
	@if command -v npm >/dev/null; then cd tests/clients/node && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.installed; \
	else echo "npm is not installed: the tests with Claude Code and the TypeScript SDK will be skipped"; fi

install: $(VENV)/.installed ## make the virtual environment and install what the bridge runs on

install-dev: $(VENV)/.installed-dev

install-clients: tests/clients/node/node_modules/.installed ## install Claude Code and the TypeScript SDK for the tests

run: $(VENV)/.installed ## migrate the database and serve on HOST:PORT
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/gunicorn -c config/gunicorn.conf.py

demo: $(VENV)/.installed-dev ## play a sample conversation on the scripted upstream, without a key
	@$(BIN)/python manage.py demo

test: $(VENV)/.installed-dev install-clients ## run the test suite
	$(BIN)/python -m pytest -q

check: $(VENV)/.installed-dev ## lint, types, import rules, migrations, deployment checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/.installed-dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

recordings: $(VENV)/.installed-dev ## translate recorded streams: make recordings RECORDINGS_DIR=...
	@$(BIN)/python -m tests.recordings "$(RECORDINGS_DIR)"

bench: $(VENV)/.installed-dev ## measure CPU against a raw pass-through
	@$(BIN)/python -m tests.bench $(ARGS)

bench-trail: $(VENV)/.installed-dev ## measure what the audit trail adds to a request's time
	@$(BIN)/python -m tests.bench.trail $(ARGS)

bench-prune: $(VENV)/.installed-dev ## measure requests while the trail that DATABASE_URL names loses half its rows
	@$(BIN)/python -m tests.bench.prune $(ARGS)

bench-admin: $(VENV)/.installed-dev ## measure the admin's pages over the trail that DATABASE_URL names
	@$(BIN)/python -m tests.bench.admin

fuzz: $(VENV)/.installed-dev ## the property tests with many more examples
	FUZZ_EXAMPLES=10000 $(BIN)/python -m pytest -q tests/bridge_api

docs: $(VENV)/.installed-dev ## write the documents that are made from code
	$(BIN)/python manage.py document_settings

screenshots: $(VENV)/.installed-dev ## take the pictures in docs/images (needs Chromium)
	@$(BIN)/python -m tests.browser.shots

lock: $(VENV)/.installed-dev ## make the requirements files from their .in files
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.txt requirements.in
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-dev.txt requirements-dev.in
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-otel.txt requirements-otel.in

clean: ## remove what was installed and made
	rm -rf $(VENV) tests/clients/node/node_modules .pytest_cache .mypy_cache .ruff_cache
