# `make demo` and `make test` each work as the first command on a machine with Python 3.11 to 3.13, make and git.
# Another Python than the first one found: make PYTHON=python3.12 …
USABLE := 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'
CANDIDATES := python3 python3.13 python3.12 python3.11
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p -c $(USABLE) 2>/dev/null && echo $$p && break; done)
VENV := .venv
READY := $(VENV)/.ready
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-header --no-annotate --no-config $(UPGRADE)

.PHONY: install demo test lint lock clean

install: $(READY)

$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and none was found: make PYTHON=/path/to/python3.12 …" >&2; exit 2; }
	@echo "Installing into $(VENV) with $(PYTHON) (a minute or two, once)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY)
	$(VENV)/bin/forecaster demo

test: lint
	$(VENV)/bin/pytest

lint: $(READY)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

# Keeps the versions that stand; `make lock UPGRADE=--upgrade` takes the newest. One version of a package for every Python,
# so that all work out the same figures. The container installs requirements.lock and, to build, requirements-build.lock;
# everything else requirements-dev.lock; the three agree.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/lock/bin/$(COMPILE) --extra postgres --extra web --group dev -o requirements-dev.lock pyproject.toml
	build/lock/bin/$(COMPILE) --extra postgres --extra web -c requirements-dev.lock -o requirements.lock pyproject.toml
	build/lock/bin/$(COMPILE) --group build -c requirements-dev.lock -o requirements-build.lock
	rm -rf build/lock

clean:
	rm -rf $(VENV) build dist *.egg-info
