# SPDX-License-Identifier: Apache-2.0
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
build: ## Build AIService, aiges-worker, xtest, libwrapper.so and the C++ tests (build/bin, build/tests)
	@scripts/build.sh

.PHONY: wheel
wheel: build ## Make a wheel with everything in it for one Python (PYTHON_FOR=, the system's)
	@scripts/setup.sh release
	@scripts/wheel.sh $(PYTHON_FOR)

.PHONY: release
release: build ## Make a release in build/release: wheels, archive, checksums, licences, bill of materials
	@scripts/setup.sh release
	@scripts/release.sh

.PHONY: pack
pack: wheel ## Make the archive laid out as /home/aiges of the images, for one Python (PYTHON_FOR=)
	@scripts/pack.sh "$$(ls -t build/wheels/aiges_host-*.whl | head -1)"

.PHONY: bench-install
bench-install: release ## Time from pip install to the first answer, on Debian 12, 13 and each CPython here
	@scripts/setup.sh test
	@$(PYTHON) bench/install.py $(BENCH_ARGS)

.PHONY: demo
demo: ## Serve an OCR model and a detector, send them real pictures, show the results
	@scripts/build.sh AIService aiges-worker wrapper
	@$(PYTHON) scripts/demo.py --bin $(BIN)

.PHONY: demo-llm
demo-llm: ## Serve a language model, and chat with it as OpenAI's clients do (130 MB the first time)
	@scripts/build.sh AIService aiges-worker wrapper
	@scripts/setup.sh models llm
	@$(PYTHON) scripts/demo_llm.py --bin $(BIN)

.PHONY: demo-asr
demo-asr: ## Serve Whisper, and have it write down what is said (210 MB the first time)
	@scripts/build.sh AIService aiges-worker wrapper
	@scripts/setup.sh models asr
	@$(PYTHON) scripts/demo_asr.py --bin $(BIN)

.PHONY: cluster-demo
cluster-demo: build tools ## Run Consul, 3 loaders, HAProxy and clients here; kill, configure, drain, and count calls
	@$(PYTHON) scripts/cluster_demo.py --bin $(BIN)

.PHONY: tools
tools: ## Build the Consul agent that tests and cluster-demo use (build/tools)
	@scripts/setup.sh test
	@scripts/tools.sh

.PHONY: test
test: ## Run everything that CI runs; ends with its ten longest parts
	@scripts/test.sh

.PHONY: test-models
test-models: build ## Test the plugins llm and asr with their real models (300 MB the first time)
	@scripts/setup.sh test
	@scripts/setup.sh models llm asr
	@$(PYTHON) -m pytest tests/plugins/test_llm.py tests/plugins/test_asr.py

.PHONY: test-gpu
test-gpu: build ## Test placement and sandbox with the GPUs of this machine
	@scripts/setup.sh test
	@$(PYTHON) -m pytest -rs tests/gpu

.PHONY: lint
lint: build ## Check format, style, types, layers, locks, texts and Dockerfiles
	@scripts/setup.sh lint
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m mypy --no-error-summary
	@.venv/bin/basedpyright > build/pyright.log || { cat build/pyright.log; exit 1; }
	@$(PYTHON) tests/check_layers.py
	@$(PYTHON) tests/check_texts.py
	@$(PYTHON) scripts/lint_cpp.py format
	@$(PYTHON) scripts/lint_cpp.py threads
	@$(PYTHON) scripts/lint_cpp.py tidy
	@# Those of Seldon's users are theirs.
	@.venv/bin/hadolint $$(git ls-files '*Dockerfile' ':!docs/examples/seldon')

.PHONY: tidy
tidy: build ## Run clang-tidy on all sources, which takes minutes (lint: on what has changed)
	@scripts/setup.sh lint
	@$(PYTHON) scripts/lint_cpp.py tidy --all

.PHONY: images
images: build ## Build the images of docker and of two plugins with buildah, and try them with podman
	@scripts/setup.sh images
	@scripts/images.sh
	@AIGES_IMAGES=there $(PYTHON) -m pytest tests/docker/test_images.py tests/docker/test_cpu_images.py

.PHONY: site
site: ## Make one searchable site of README and docs, in build/site
	@scripts/setup.sh docs
	@$(PYTHON) -m properdocs build
	@echo "build/site/index.html; with search: $(PYTHON) -m http.server -d build/site"

.PHONY: gif
gif: ## Record the first screen of README anew, as docs/pictures/demo.gif
	@scripts/build.sh AIService aiges-worker wrapper
	@scripts/setup.sh docs
	@$(PYTHON) scripts/record_demo.py --bin $(BIN) docs/pictures/demo.gif

.PHONY: peers
peers: ## Ask the originals of tests/peers anew, each in its environment in build/peers (PEERS="aipod ..")
	@scripts/setup.sh test
	@$(PYTHON) tests/peers/environments.py $(PEERS)

.PHONY: bench
bench: build ## Measure against a bare gRPC server in the same run; rows in build/bench
	@ninja -C build --quiet bench > build/bench.log || { cat build/bench.log; exit 1; }
	@$(PYTHON) bench/run.py --bin $(BIN) --bench-bin build/bench $(BENCH_ARGS)

.PHONY: hostile
hostile: build ## Put hostile peers beside a steady load, one after the other; a table (HOSTILE_ARGS=--short)
	@$(PYTHON) bench/hostile/run.py --bin $(BIN) $(HOSTILE_ARGS)

.PHONY: check
check: ## C++ and end-to-end tests under ASan+UBSan and TSan, then the fuzzers for FUZZ_SECONDS each (60)
	@scripts/setup.sh check
	@scripts/build.sh
	@AIGES_LONG=1 AIGES_BIN=$(BIN) $(PYTHON) -m pytest tests/java
	@scripts/sanitize.sh address
	@scripts/sanitize.sh thread
	@tests/fuzz/run.sh $(or $(FUZZ_SECONDS),60)

.PHONY: clean
clean: ## Remove build (but not .venv)
	rm -rf build
