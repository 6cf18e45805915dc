# What a developer and a continuous-integration job type. Only make and Python 3.11 or newer need to be there.

PYTHON ?= python3
UV ?= uv
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp

.PHONY: test demo bench setup lint pytest test-all format lock clean

# Linters and types first, so that the last line is pytest's own.
test: lint pytest

demo: setup
	@$(BIN)/stream-monitor demo

# Some 20 minutes on two cores; docs/performance.md says what came of it.
bench: setup
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.restore
	$(BIN)/python -m benchmarks.stages
	$(BIN)/python -m benchmarks.stages --models 1000
	$(BIN)/python -m benchmarks.many_streams

setup: $(STAMP)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

pytest: setup
	$(BIN)/pytest -n 2 --dist loadscope

# With pyenv: PYENV_VERSION=3.11.7:3.12.1:3.13.0 make test-all
test-all:
	@for version in 3.11 3.12 3.13; do \
		if python$$version -c "" 2>/dev/null; then \
			$(MAKE) --no-print-directory pytest PYTHON=python$$version VENV=.venv-$$version || exit 1; \
		else \
			echo "python$$version is not installed: left out" >&2; \
		fi; \
	done

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Keeps the versions that are locked; UPGRADE=--upgrade takes the newest ones.
lock:
	$(UV) pip compile pyproject.toml --output-file requirements.lock --quiet $(UPGRADE) \
		--universal --python-version 3.11 --all-extras --group dev --generate-hashes \
		--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

clean:
	rm -rf .venv .venv-* dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find consumers detectors stream_monitor tests -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "Stream Monitor needs Python 3.11 or newer, but $(PYTHON) is not. Name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
		exit 1; \
	}
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
