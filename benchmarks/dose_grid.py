"""How long every case of the dose grid takes: 30-200 kg by 0.1, 0.05-32.7 mg/kg by 0.05, 10/50/100 mg/mL, 0.01/0.1/1 mL.

Out: one JSON object a line with cases, errors, seconds of wall and CPU time on one core, and the load. Each case is one
call of the shipped `vigil.kinetics.preparation.prepare`, compared with a counting scale that neither multiplies nor
divides (tests/a_dose_grid.py). Exit code 1 when a case is wrong.
"""

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from a_dose_grid import CLINICAL, FULL, check_grid


def measure(what: str, dose_steps: range, *, is_capped: bool) -> int:
    began, began_cpu = time.perf_counter(), time.process_time()
    tally = check_grid(dose_steps, is_capped=is_capped)
    print(
        json.dumps(
            {
                "what": what,
                "cases": tally.cases,
                "errors": tally.errors,
                "seconds": round(time.perf_counter() - began, 1),
                "cpu_seconds": round(time.process_time() - began_cpu, 1),
                "load": round(os.getloadavg()[0], 2),
                "cores": os.cpu_count(),
                "examples": tally.examples,
            }
        ),
        flush=True,
    )
    return tally.errors


def main() -> int:
    errors = measure("0.05-2 mg/kg under the signed caps", CLINICAL, is_capped=True)
    errors += measure("0.05-32.7 mg/kg, no cap reached", FULL, is_capped=False)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
