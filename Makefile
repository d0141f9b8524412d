# make demo: see a real model served.  make test: everything that CI runs.  make help: the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
BIN := build/bin
export CCACHE_DIR ?= $(CURDIR)/build/ccache

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.PHONY: setup
setup: ## Install what is missing (apt, .venv)
	@scripts/setup.sh

.PHONY: build
build: setup ## Build AIService, aiges-worker, xtest and libwrapper.so into build/bin
	@echo "build: configuring and compiling"
	@mkdir -p build && cmake -S . -B build -G Ninja > build/cmake.log || { cat build/cmake.log; exit 1; }
	@ninja -C build --quiet > build/ninja.log || { cat build/ninja.log; exit 1; }

.PHONY: wheel
wheel: build ## Make a wheel with everything in it for one Python (PYTHON_FOR=, the system's)
	@scripts/wheel.sh $(PYTHON_FOR)

.PHONY: demo
demo: build ## Serve an OCR model and a detector, send them real pictures, show the results
	@$(PYTHON) scripts/demo.py --bin $(BIN)

.PHONY: cluster-demo
cluster-demo: build tools ## Run Consul, 3 loaders, HAProxy and clients here; kill, configure, drain, and count calls
	@$(PYTHON) scripts/cluster_demo.py --bin $(BIN)

.PHONY: tools
tools: ## Build the Consul agent that tests and cluster-demo use (build/tools)
	@scripts/setup.sh test
	@scripts/tools.sh

.PHONY: test
test: build tools lint ## Run all tests
	@scripts/tools.sh test
	@ctest --test-dir build --output-on-failure -j2
	@AIGES_BIN=$(BIN) $(PYTHON) -m pytest -n 2 --dist loadfile

.PHONY: lint
lint: setup ## Check style, types, layers and Dockerfiles
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m mypy --no-error-summary
	@$(PYTHON) tests/check_layers.py
	@$(PYTHON) scripts/lint_docker.py

.PHONY: bench
bench: build ## Measure against a bare gRPC server in the same run; rows in build/bench
	@ninja -C build --quiet bench > build/bench.log || { cat build/bench.log; exit 1; }
	@$(PYTHON) bench/run.py --bin $(BIN) --bench-bin build/bench $(BENCH_ARGS)

.PHONY: check
check: ## C++ and end-to-end tests under ASan+UBSan and TSan, then the fuzzers for FUZZ_SECONDS each (60)
	@scripts/setup.sh check
	@scripts/sanitize.sh address
	@scripts/sanitize.sh thread
	@tests/fuzz/run.sh $(or $(FUZZ_SECONDS),60)

.PHONY: clean
clean: ## Remove build (but not .venv)
	rm -rf build
