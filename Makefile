# Everything from a bare Debian or Ubuntu: `make demo`, `make test`, `make bench`. Nothing is installed outside .venv except the
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

# What only the tests and the benchmark need, to emulate a Raspberry Pi Pico.
test bench: TOOLS += node:nodejs npm:npm

# What only the tests need: to build for a Raspberry Pi Zero, exported packages, to list
# deviations from MISRA C, and what OpenOCD has scripts for.
test: TOOLS += arm-linux-gnueabi-gcc:gcc-arm-linux-gnueabi,libc6-dev-armel-cross
test: TOOLS += cmake:cmake g++:g++ arm-none-eabi-g++:gcc-arm-none-eabi cppcheck:cppcheck openocd:openocd

# What opens the report. Ubuntu has it only as a snap: there the tests that need it are skipped.
test screenshots: TOOLS += $(if $(shell grep -sx ID=ubuntu /etc/os-release),,chromium:chromium)
screenshots: TOOLS += pngquant:pngquant

.PHONY: help demo test fuzz bench scaling screenshots docs lint wheel clean toolchains
.DELETE_ON_ERROR:

help:
	@echo "make demo    the whole road on a real network and a real recording; or on yours:"
	@echo "             make demo MODEL=kws.tflite INPUT=recording.npy [LABELS=labels.npy] [HOP=2] [BOARD=mps2-an386]"
	@echo "make test    lint, then every test"
	@echo "make fuzz    random networks up the whole ladder: make fuzz [COUNT=2000] [SEED=0]; failures go to found/"
	@echo "make bench   instructions, cycles and bytes against the recorded peers; needs the networks in ../shared/models"
	@echo "make scaling work per hop over growing windows and depths, as a table and a plot"
	@echo "make screenshots  the pictures of README.md and docs/, from the report on the activity example"
	@echo "make docs    what is generated in README.md and docs/"
	@echo "make lint    ruff and mypy"
	@echo "make wheel   dist/*.whl and dist/*.tar.gz"
	@echo "make clean   remove everything that make made, .venv too"

demo: .venv/installed toolchains
	@$(BIN)/python examples/demo.py $(MODEL) $(if $(INPUT),--input $(INPUT)) $(if $(LABELS),--labels $(LABELS)) \
		$(if $(HOP),--hop $(HOP)) $(if $(BOARD),--board $(BOARD))

test: .venv/installed toolchains .venv/node/installed
	$(BIN)/ruff check .
	$(BIN)/python -m pytest $(PYTEST_ARGS)

COUNT ?= 2000
SEED ?= 0
fuzz: .venv/installed toolchains
	$(BIN)/python -m tests.fuzz --count $(COUNT) --seed $(SEED) --jobs $$(nproc) --save found

bench: .venv/installed toolchains .venv/node/installed
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.documents

scaling: .venv/installed toolchains
	@$(BIN)/python -c 'import matplotlib' 2>/dev/null \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m benchmarks.scaling

screenshots: .venv/installed toolchains
	$(BIN)/python -m benchmarks.screenshots

docs: .venv/installed
	$(BIN)/python -m benchmarks.documents

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
