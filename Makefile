# `make help` lists the targets. Every target may be repeated; as root, or as a user who may use sudo.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-user kernel kernel-or-why demo test lint style types unit compiled lab bench accuracy clean

PY := .venv/bin/python
JOBS ?= $(shell nproc)
KERNEL ?= 7.2
SEED ?= 1
RUNS ?= 500

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup:  ## install what is missing: Debian's packages (as root or through sudo), then .venv
	@tools/setup

setup-user:  ## without root: .venv only; analysis and figures work, the lab does not
	@tools/setup --no-root

kernel:  ## build the kernel that tests boot, unless it is there (KERNEL=7.2); no root
	@tools/guest-kernel "$(KERNEL)"

kernel-or-why:
	@tools/guest-kernel --or-why "$(KERNEL)"

demo: setup  ## set up, then watch a real Linux host discover a path MTU
	@tools/as-root .venv/bin/netemu run experiments/path_mtu.py

# The lab mostly waits for its traffic: what needs the processor alone runs in that time, and gives way to it (nice).
test: setup style kernel-or-why  ## set up, build a kernel once, then every check and test
	@echo "types, unit and lab tests run side by side; each prints all it has to say once it is done (minutes)"
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target lab unit types

lint: style types  ## form and types (after a set-up)

style:
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types:
	nice -n 19 .venv/bin/mypy

unit:  ## the tests that need no root, in parallel (after a set-up)
	nice -n 19 $(PY) -m pytest -n $(JOBS) --dist worksteal -m "not lab"

compiled:  ## the models' own tests on their compiled form, which is built first where it is missing (minutes)
	.venv/bin/netemu kernels build model
	NETEMU_MODEL_FORM=compiled $(PY) -m pytest -n $(JOBS) --dist worksteal tests/stack tests/sim tests/kernels/test_model.py

lab:  ## the tests on real Linux hosts (after a set-up)
	tools/as-root $(PY) -m pytest -m lab

bench: setup  ## set up, then every benchmark: asked, measured and target figures
	@status=0; \
	for file in tests/bench/bench_*.py; do \
		echo "== $$file"; tools/as-root $(PY) -m "$$(tr / . <<<"$${file%.py}")" || status=$$?; \
	done; \
	exit $$status

accuracy: setup  ## precision and recall of every verdict against kernels and wires (SEED=1, RUNS=500)
	tools/as-root $(PY) -m tests.accuracy --seed $(SEED) --runs $(RUNS)

clean:  ## remove caches here, and what dead runs left in the system; results and .venv stay
	@if [ -x .venv/bin/netemu ]; then tools/as-root .venv/bin/netemu clean; fi
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
