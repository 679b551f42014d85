# mekiki: `make` lists what there is. The main flow: make scrape label train SET=<set>
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PEERS := .venv-peers
JAX := .venv-jax
MEKIKI := $(BIN)/mekiki
SEED ?= 1
export NO_ALBUMENTATIONS_UPDATE := 1
export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo scrape label train check-set test test-fast test-jax lint format coverage \
	install peers system benchmarks clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BIN)/installed ## everything on a made-up guitar shop, offline (SEED=1)
	@$(MEKIKI) demo --seed $(SEED)

scrape: check-set ## SET=<set>: collect photos and group their copies
	@$(MEKIKI) scrape $(SET)
	@$(MEKIKI) dedup $(SET)

label: check-set ## SET=<set>: correct labels in the browser until Done (LABEL=skip: don't)
	@$(MEKIKI) label $(SET)

train: check-set ## SET=<set>: split, train, measure robustness, write the report
	@$(MEKIKI) split $(SET)
	@$(MEKIKI) train $(SET)
	@$(MEKIKI) robustness $(SET)

check-set: $(BIN)/installed
	@if [ -z "$(SET)" ]; then \
		echo "SET is missing: make scrape label train SET=<set>; there are:" \
			$$($(MEKIKI) sets | tr '\n' ' ') >&2; exit 2; fi

test: $(BIN)/installed ## all tests (needs postgresql and chromium for some: make system)
	@$(BIN)/python -m pytest -n auto --dist loadgroup --ignore tests/browser
	@$(BIN)/python -m pytest -n auto --dist loadgroup tests/browser

test-fast: $(BIN)/installed ## the tests that load no TensorFlow and no browser
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m "not slow" --ignore tests/browser

# What trains or asks a network; the networks of others are Keras' own matter. JAX takes
# minutes to compile a backbone's training: noise is tried on the small network alone.
JAX_TESTS := tests/test_train.py tests/test_train_fit.py tests/test_train_consistency.py \
	tests/test_train_devices.py tests/test_train_muon.py tests/test_networks_precision.py \
	tests/test_networks_saved.py tests/test_networks_embeddings.py tests/test_cams.py \
	tests/test_backends.py

test-jax: $(BIN)/installed $(JAX)/installed ## the training tests on JAX, where no TensorFlow is, in .venv-jax
	@KERAS_BACKEND=jax MEKIKI_OTHER_PYTHON=$(CURDIR)/$(BIN)/python \
		$(JAX)/bin/python -m pytest -n auto --dist loadgroup $(JAX_TESTS) \
		-k "not finetune-shop and not finetune-augmix"

lint: $(BIN)/installed ## formatting, lint rules and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(BIN)/installed ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

coverage: $(BIN)/installed ## tests with branch coverage
	@$(BIN)/python -m pytest -n auto --dist loadgroup --cov --cov-report=term-missing:skip-covered

benchmarks: $(BIN)/installed ## what can be measured in minutes, beside its peers
	@$(BIN)/python -m benchmarks train --quick

install: $(BIN)/installed ## the virtual environment in .venv, from the lock file

$(BIN)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "mekiki needs Python 3.11 or newer as $(PYTHON); name one: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "setting up .venv (once; a few minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(JAX)/installed: requirements-jax.txt requirements.lock pyproject.toml
	@echo "setting up $(JAX) (once; a few minutes)"
	@$(PYTHON) -m venv $(JAX)
	@$(JAX)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

peers: $(PEERS)/installed ## the tools that benchmarks compare with, in .venv-peers

$(PEERS)/installed: benchmarks/peers/requirements.lock
	@echo "setting up $(PEERS) (once; a few minutes)"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

system: ## Debian packages of tests and benchmarks (as root): postgresql, nginx, chromium, fonts
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		python3-venv postgresql nginx-light chromium fonts-noto-cjk

clean: ## remove caches; datasets, models and virtual environments stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .coverage htmlcov build *.egg-info
	find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +
