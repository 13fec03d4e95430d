"""How long one update of a person's pressure estimate takes, and what it recovers: six effects, 30 cuff readings.

Out: one JSON object a line: p50 and p95 in milliseconds (wall and CPU, one thread), steps and load; then for each effect the
correlation of true and estimated deviation and the shrinkage, over the same simulated patients. Nothing is asserted.
"""

import json
import os
import sys
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
for folder in ("src", "tests"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))

import numpy as np
from a_forecast_scene import ARTERIAL, OTTO, SIGNED, SIMONS, YOUNG
from a_pressure_clinic import Patient, a_patient, recovery

from vigil.kinetics.individual import Individual, update

PATIENTS = 400


def measure(what: str, model, prior) -> None:
    generator = np.random.default_rng(1)
    patients, wall, cpu = [], [], []
    for _ in range(PATIENTS):
        true, sessions = a_patient(model, prior, generator, 5)
        began, began_cpu = time.perf_counter(), time.process_time()
        answer = update(prior, model, YOUNG, sessions)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
        assert isinstance(answer, Individual), answer
        patients.append(Patient(true=true, answer=answer))
    (p50, p95), (cpu50, cpu95) = (1e3 * np.quantile(t, (0.5, 0.95)) for t in (wall, cpu))
    print(
        json.dumps(
            {
                "what": what,
                "p50_ms": round(float(p50), 2),
                "p95_ms": round(float(p95), 2),
                "cpu_p50_ms": round(float(cpu50), 2),
                "cpu_p95_ms": round(float(cpu95), 2),
                "steps_median": float(np.median([p.answer.steps for p in patients])),
                "patients": PATIENTS,
                "load": round(os.getloadavg()[0], 2),
            }
        )
    )
    for effect, (correlation, shrinkage, told) in recovery(patients).items():
        print(
            json.dumps(
                {
                    "effect": effect,
                    "correlation": round(correlation, 2),
                    "shrinkage": round(shrinkage, 2),
                    "shrinkage_told": round(told, 2),
                }
            )
        )


def main() -> int:
    measure("six effects (Simons), 5 sessions of 6 readings", SIMONS, ARTERIAL)
    measure("five effects (Otto, venous), 5 sessions of 6 readings", OTTO, SIGNED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
