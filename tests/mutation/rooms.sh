#!/bin/sh
# Runs the mutation runner over the engine, the dose arithmetic and what stands on them; prints a score for each.
# A survivor that README.md of the room does not explain is a missing test.
set -eu
cd "$(dirname "$0")/../.."
export NUMBA_DISABLE_JIT=1
run() {
  module=$1; every=$2; shift 2
  .venv/bin/python tests/mutation/run.py "vigil.kinetics.$module" "$@" --every "$every" --seconds-max 600 || true
}
unit() { for name in "$@"; do echo "tests/unit/test_kinetics_$name.py"; done; }
run preparation 1 $(unit preparation) tests/generative/test_kinetics_preparation.py
run pump 1 $(unit preparation_pump) tests/generative/test_kinetics_preparation_pump.py
run devices 1 $(unit preparation_devices)
run system 1 $(unit system)
run modes 4 $(unit modes_closed_forms modes)
run pieces 2 $(unit pieces_closed_forms engine_closed_forms)
run slow 1 $(unit engine_closed_forms)
run exposure 4 $(unit exposure)
run crossings 2 $(unit crossings_closed_forms)
run population 4 $(unit population)
run draws 3 $(unit draws)
run courses 3 $(unit courses)
run bands 3 $(unit bands)
run forecast 3 $(unit forecast forecast_words)
run readiness 3 $(unit readiness readiness_bounds)
run individual 3 $(unit individual individual_values)
