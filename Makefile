# What people type. Each recipe is one line; the work is in tools/ and in `vigil` itself.
# Works with GNU Make 3.81, which macOS still carries.

PY := .venv/bin/python
ISLANDS := $(shell find src/vigil/web/islands -type f 2>/dev/null)
DIST := src/vigil/web/static/dist/manifest.json
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup demo test bench bench-kinetics bench-custody mutation custody-model custody-kill attacks verify2 lint types contracts lock clean

help:           ## Show these targets.
	@sed -n 's/^\([a-z0-9-]*\): .*## /\1:	/p' Makefile | expand -t 18

setup: .venv/.installed $(DIST)  ## Make .venv, install what the locks name, build the page scripts.

demo: setup     ## Start everything with a simulated clinic; DATABASE_URL=... uses your own PostgreSQL.
	@exec .venv/bin/vigil demo

test: setup lint types contracts  ## Everything that must pass before a change is taken; brings a Chromium if there is none.
	@VIGIL_CHROMIUM="$$(sh tools/chromium.sh)" && export VIGIL_CHROMIUM && exec $(PY) -m pytest -q

bench: setup    ## Measure on this machine: reading device messages against peers, start, restart, answers.
	@$(PY) benchmarks/device_messages.py
	@$(PY) benchmarks/start_and_restart.py
	@$(PY) benchmarks/record.py

bench-kinetics: setup  ## Measure the kinetics: engine against its peers, forecast, individual fit, dose grid; some minutes, 6 GB.
	@$(PY) benchmarks/kinetics.py
	@$(PY) benchmarks/forecast.py
	@$(PY) benchmarks/individual.py
	@$(PY) benchmarks/dose_grid.py

bench-custody: setup  ## Measure the custody ledger: acts a second with the chain on, a long story folded.
	@$(PY) benchmarks/custody.py

mutation: setup  ## Change the engine and the dose arithmetic a little, many times, and see the tests notice; half an hour.
	@sh tests/mutation/rooms.sh

custody-model: setup  ## A million steps of the custody model against its reference ledger.
	@VIGIL_CUSTODY_STEPS=1000000 $(PY) -m pytest -q tests/generative/test_custody_model.py

custody-kill: setup  ## Two hundred kill -9 of writer and database under custody acts.
	@VIGIL_KILL_ROUNDS=200 $(PY) -m pytest -q tests/integration/test_custody_kill.py

attacks: setup  ## The record under attack: 10,500 attacks, 20,000 changed files, 1,000 honest clinics; VIGIL_SEED=... for others.
	@VIGIL_ATTACKS=700 VIGIL_MUTANTS=20000 VIGIL_HONEST=1000 $(PY) -m pytest -q -s tests/acceptance/test_record_attacks.py \
	  tests/acceptance/test_record_honest_runs.py tests/generative/test_verifier_agreement.py

verify2: setup  ## Check an exported record with the second verifier, in Node: make verify2 FILE=record.jsonl HEAD=...
	@PATH="$$PWD/.venv/bin:$$PATH" node verifier2/verify.mjs "$(FILE)" $(if $(HEAD),--head "$(HEAD)") $(if $(KEY),--key "$(KEY)")

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

.venv/.installed: requirements/dev.lock requirements/uv.lock pyproject.toml tools/python.sh tools/pango.sh
	@sh tools/python.sh
	@sh tools/pango.sh
	@touch $@

node_modules/.installed: package.json package-lock.json .venv/.installed
	@sh tools/node.sh npm ci
	@touch $@

$(DIST): node_modules/.installed package.json vite.config.ts tsconfig.json $(ISLANDS)
	@sh tools/node.sh npm run build
	@touch $@

package.json package-lock.json:
	@echo "$@ is missing: this is not a whole copy of Vigil. Clone it again." >&2; exit 1
