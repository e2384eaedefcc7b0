# Each target installs what it needs; none needs another to have run before.
#   PORT=8080    where `make run` listens (`make listen`: 9099)
#   HISTORY_PORT=8668  where `make run` answers with QuantumLeap's API at the root
#   OPEN=1       a city that asks for no tokens
#   GRANT_SECONDS=1  how long the local city goes on with rights it has read (0 to 30)
#   HOURS=500    how many hours of each city `make demo` sends
#   PAST=8759    how many hours of a year it fills the history with; CHARTS=build/demo where it draws them
#   CONFIG=dev   the environment of samconfig.toml that `make deploy` uses

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:

PYTHON ?= python3
CONFIG ?= dev
BIN := .venv/bin
TOOLS := .venv/.installed
SANDBOX := .venv-sandbox/.installed
COMMAND := $(BIN)/city
CHECKED := functions layers/core models cli sandbox tests
CLIENTS := .venv-clients/.installed $(addprefix tests/clients/,ngsijs/node_modules/.installed keyrock/node_modules/.installed)
DYNAMODB_LOCAL := build/dynamodb-local/DynamoDBLocal.jar

.PHONY: run test lint demo benchmark benchmark-history revocation listen token deploy test-dynamodb-local

run: $(COMMAND) $(SANDBOX)
	@exec .venv-sandbox/bin/python -m sandbox

test: $(COMMAND) $(SANDBOX) $(CLIENTS)
	@$(BIN)/python -m pytest

lint: $(TOOLS) $(SANDBOX)
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CHECKED)
	PYTHONPATH=functions:layers/core:. $(BIN)/lint-imports
	.venv-sandbox/bin/sam validate --lint
	$(BIN)/python -m pytest -q tests/template

demo: $(TOOLS)
	@$(BIN)/python -m sandbox.demo

benchmark: $(TOOLS)
	@$(BIN)/python -m sandbox.benchmark

benchmark-history: $(TOOLS) $(SANDBOX)
	@PYTHONPATH=functions:layers/core:. $(BIN)/python -m sandbox.history_benchmark

revocation: $(TOOLS)
	@$(BIN)/python -m sandbox.revocation

listen: $(TOOLS)
	@exec $(BIN)/python -m sandbox.listen

token: $(COMMAND)
	@$(COMMAND) token

deploy: $(COMMAND) $(SANDBOX)
	@.venv-sandbox/bin/sam validate --lint --config-env $(CONFIG)
	UV=$(CURDIR)/$(BIN)/uv .venv-sandbox/bin/sam build --config-env $(CONFIG)
	.venv-sandbox/bin/sam deploy --config-env $(CONFIG)

test-dynamodb-local: $(TOOLS) $(DYNAMODB_LOCAL)
	@$(BIN)/python -m pytest -m dynamodb_local

# uv alone comes with pip, checked against the lock's hashes; it installs the rest in seconds.
$(TOOLS): requirements-dev.txt
	@echo "Installing the tools into .venv" >&2
	$(PYTHON) -m venv .venv
	awk '/^uv==/ {found = 1} found; found && !/\\$$/ {exit}' $< > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $<
	touch $@

# The command finds its modules wherever it is called from.
$(COMMAND): Makefile | $(TOOLS)
	@printf '#!/bin/sh\nPYTHONPATH=%s exec %s/python -m cli "$$@"\n' \
		'$(CURDIR):$(CURDIR)/functions:$(CURDIR)/layers/core' '$(CURDIR)/$(BIN)' > $@
	chmod +x $@

$(SANDBOX): sandbox/requirements.txt | $(TOOLS)
	@echo "Installing the local AWS into .venv-sandbox" >&2
	$(PYTHON) -m venv .venv-sandbox
	$(BIN)/uv pip install --quiet --python .venv-sandbox/bin/python --require-hashes -r $<
	touch $@

# Clients that the tests drive the city with; their pins suit nobody else. Without node, two less.
.venv-clients/.installed: tests/clients/requirements.txt | $(TOOLS)
	@echo "Installing client libraries into .venv-clients" >&2
	$(PYTHON) -m venv .venv-clients
	$(BIN)/uv pip sync --quiet --python .venv-clients/bin/python --require-hashes $<
	touch $@

tests/clients/%/node_modules/.installed: tests/clients/%/package-lock.json
	@if command -v npm > /dev/null; then
		echo "Installing a client library into $(<D)" >&2
		npm ci --silent --ignore-scripts --no-audit --no-fund --prefix $(<D)
		touch $@
	fi

# AWS's own DynamoDB Local, which needs Java; npm carries its jar.
$(DYNAMODB_LOCAL):
	@mkdir -p build/dynamodb-local
	cd build
	archive=$$(npm pack --silent amplify-dynamodb-simulator@2.9.30)
	tar -xzf "$$archive" -C dynamodb-local --strip-components=2 package/emulator
