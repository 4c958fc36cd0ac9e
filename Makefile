# Everything from a bare Debian or Ubuntu: `make demo`, `make test`. Nothing is installed outside .venv except the
# Debian packages whose commands are missing, and those only as root or through sudo.

PYTHON ?= python3
PYTEST_ARGS ?= -q -n 2 --dist loadgroup
BIN := .venv/bin

# command:package[,package...]; a package is installed only when its command is missing.
TOOLS := \
	gcc:gcc,libc6-dev \
	arm-none-eabi-gcc:gcc-arm-none-eabi,libnewlib-arm-none-eabi \
	qemu-system-arm:qemu-system-arm \
	aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu,libc6-dev-arm64-cross \
	qemu-aarch64:qemu-user

# What only the tests need, to emulate a Raspberry Pi Pico.
test: TOOLS += node:nodejs npm:npm

.PHONY: help demo test lint wheel clean toolchains
.DELETE_ON_ERROR:

help:
	@echo "make demo    the whole road on a real network and a real recording"
	@echo "make test    lint, then every test"
	@echo "make lint    ruff and mypy"
	@echo "make wheel   dist/*.whl and dist/*.tar.gz"
	@echo "make clean   remove everything that make made, .venv too"

demo: .venv/installed toolchains
	@$(BIN)/python examples/demo.py

test: .venv/installed toolchains .venv/node/installed
	$(BIN)/ruff check .
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: .venv/installed
	$(BIN)/python -m build --no-isolation --outdir dist .

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call install,packages): as root or through sudo, or say what to install and stop.
define install
	if ! command -v apt-get >/dev/null; then \
		echo "error: please install the counterparts of these Debian packages: $(1)" >&2; exit 1; \
	elif [ "$$(id -u)" = 0 ]; then root=; \
	elif command -v sudo >/dev/null; then root=sudo; \
	else echo "error: not root and no sudo; please run as root: apt-get install $(1)" >&2; exit 1; \
	fi; \
	echo "installing $(1)"; \
	$$root apt-get -qq update \
	&& $$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(1) >/dev/null \
	|| { echo "error: apt-get could not install $(1)" >&2; exit 1; }
endef

toolchains:
	@packages=; for tool in $(TOOLS); do \
		command -v "$${tool%%:*}" >/dev/null || packages="$${packages:+$$packages }$$(echo "$${tool#*:}" | tr , ' ')"; \
	done; \
	[ -z "$$packages" ] || { $(call install,$$packages); }

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	|| { echo "error: Python 3.10 or newer is needed; make PYTHON=python3.11 picks another" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call install,python3-venv); }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# The npm packages that emulate, in the versions that edgeshift.device.emulator names.
.venv/node/installed: edgeshift/device/emulator.py | .venv/installed toolchains
	npm install --silent --no-audit --no-fund --prefix .venv/node \
		$$($(BIN)/python -c 'from edgeshift.device.emulator import NODE_PACKAGES as p; print(*map("@".join, p.items()))')
	@touch $@
