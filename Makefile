# Two commands do all the set-up themselves: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --no-sync
DEMO_READY := .venv/.demo-ready
READY := .venv/.ready
DEMO_OUTPUT ?= demo_output
DEMO_ARGS ?=

export TF_CPP_MIN_LOG_LEVEL ?= 2
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test lint types unit bench docs frontend screenshots protos clean

help: ## Show the commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(DEMO_READY) ## Run the taxi pipeline three times; add DEMO_ARGS="--data-root DIR" for your own trips.
	$(RUN) evaluator demo --output $(DEMO_OUTPUT) $(DEMO_ARGS)

test: lint types unit ## Lint, check types and run every test.

lint: $(READY) ## Check style.
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: $(READY) ## Check types.
	$(RUN) mypy

unit: $(READY) ## Run the tests.
	$(RUN) pytest

bench: $(READY) ## Measure against TFMA and against the floor.
	$(RUN) python -m tests.benchmarks

docs: $(READY) ## Write the generated documents again.
	$(RUN) python tools/generate_config_schema.py
	$(RUN) python tools/generate_metrics_doc.py
	$(RUN) python -m tests.gate.side_by_side

frontend: $(READY) ## Bundle the report's front end again.
	cd evaluator_component/report/frontend && npm ci --no-fund --no-audit && npm run types && npm run build

screenshots: $(READY) ## Take the pictures of the documents again.
	$(RUN) python -m tests.browser.screenshots

protos: ## Write the generated protocol buffers again.
	tools/generate_protos.sh

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet uv

ifeq ($(UV),.uv/bin/uv)
$(DEMO_READY) $(READY): | .uv/bin/uv
endif

# One of TFX's dependencies is compiled; the tests need browsers, and Node.js to bundle the report's front end.
$(DEMO_READY): pyproject.toml uv.lock tools/system_packages.sh
	tools/system_packages.sh g++ python3-dev
	$(UV) sync --locked --inexact --no-default-groups --extra tfx
	@touch $@

$(READY): pyproject.toml uv.lock tools/system_packages.sh
	tools/system_packages.sh g++ python3-dev chromium firefox-esr
	tools/node.sh
	$(UV) sync --locked --extra tfx --extra pandas --group orchestrators
	@touch $@

clean: ## Remove the environment and all outputs.
	rm -rf .venv .uv demo_output dist
