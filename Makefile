# What people type. Each recipe is one line; the work is in tools/ and in `vigil` itself.
# Works with GNU Make 3.81, which macOS still carries.

PY := .venv/bin/python
ISLANDS := $(shell find src/vigil/web/islands -type f 2>/dev/null)
DIST := src/vigil/web/static/dist/manifest.json
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup demo test bench lint types contracts lock clean

help:           ## Show these targets.
	@sed -n 's/^\([a-z]*\): .*## /\1:	/p' Makefile | expand -t 12

setup: .venv/.installed $(DIST)  ## Make .venv, install what the locks name, build the page scripts.

demo: setup     ## Start everything with a simulated clinic; DATABASE_URL=... uses your own PostgreSQL.
	@exec .venv/bin/vigil demo

test: setup lint types contracts  ## Everything that must pass before a change is taken; brings a Chromium if there is none.
	@VIGIL_CHROMIUM="$$(sh tools/chromium.sh)" && export VIGIL_CHROMIUM && exec $(PY) -m pytest -q

bench: setup    ## Measure on this machine: reading device messages against peers, start, restart, answers.
	@$(PY) benchmarks/device_messages.py
	@$(PY) benchmarks/start_and_restart.py

lint: setup     ## Style and formatting.
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: setup    ## Types of the pure rooms, strictly.
	@$(PY) -m mypy

contracts: setup  ## The direction in which rooms may import each other.
	@.venv/bin/lint-imports --no-cache

lock: .venv/.installed  ## Write the locks again from requirements/*.in.
	@sh tools/lock.sh

clean:          ## Remove what setup made; never the clinic's folder .vigil.
	rm -rf .venv node_modules src/vigil/web/static/dist

.venv/.installed: requirements/dev.lock requirements/uv.lock pyproject.toml tools/python.sh
	@sh tools/python.sh
	@touch $@

node_modules/.installed: package.json package-lock.json .venv/.installed
	@sh tools/node.sh npm ci
	@touch $@

$(DIST): node_modules/.installed package.json vite.config.ts tsconfig.json $(ISLANDS)
	@sh tools/node.sh npm run build
	@touch $@

package.json package-lock.json:
	@echo "$@ is missing: this is not a whole copy of Vigil. Clone it again." >&2; exit 1
