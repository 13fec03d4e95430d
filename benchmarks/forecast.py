"""How long one refresh of a session's forecast takes: 2,000 draws x 120 points x 2 models, both scenarios, quantiles,
peak and one level.

Out: one JSON object a line: milliseconds (p50, p95) of wall and CPU time on one thread, the share of one core that 20
chairs refreshed each second would take, the time to prepare a session, and the load. Nothing is asserted. Run with
`--without-numba` to see the NumPy fallback.
"""

import json
import os
import sys
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import numpy as np

from vigil.evidence.models import default_effect_site, load_model
from vigil.kinetics import courses
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.forecast import Forecast, Prepared, prepare, refresh

CHAIRS = 20
POINTS = 120
SUBJECT = Subject(age_years=40, weight_kg=70)
LEVEL = 121.0
"""Any level: its value does not change the time."""


def infusion(now: float, *, pieces: int) -> tuple[tuple[Dose, ...], tuple[Dose, ...]]:
    """35 mg over 40 minutes, so far in so many pieces of uneven rate."""
    edges = np.linspace(0.0, now, pieces + 1)
    so_far = round(35_000 * now / 40)
    given = tuple(
        Dose(
            amount_ug=so_far // pieces + (k % 2) - (k % 2 == 0) * (k + 1 < pieces),
            route="iv",
            start_minutes=float(edges[k]),
            duration_minutes=float(edges[k + 1] - edges[k]),
        )
        for k in range(pieces)
    )
    left = Dose(amount_ug=35_000 - so_far, route="iv", start_minutes=now, duration_minutes=40 - now)
    return given, (left,)


def nasal(now: float) -> tuple[tuple[Dose, ...], tuple[Dose, ...]]:
    given = tuple(Dose(amount_ug=28_000, route="nasal", start_minutes=float(m)) for m in (0.0, now))
    return given, (Dose(amount_ug=28_000, route="nasal", start_minutes=now + 5.0),)


def measure(what: str, models: tuple[str, ...], doses, *, rounds: int) -> None:
    now, (given, rest) = doses
    began = time.perf_counter()
    prepared = prepare(
        tuple(map(load_model, models)),
        SUBJECT,
        effect_site=default_effect_site(),
        routes=(given[0].route,),
        seed=1,
    )
    prepare_ms = 1e3 * (time.perf_counter() - began)
    assert isinstance(prepared, Prepared), prepared
    wall, cpu = [], []
    for turn in range(rounds + 3):
        began, began_cpu = time.perf_counter(), time.process_time()
        answer = refresh(
            prepared,
            given=given,
            rest=rest,
            now_minutes=now,
            until_minutes=now + POINTS - 1,
            levels_ng_per_ml=(LEVEL,),
            last_rate_record_minutes_ago=0.0,
        )
        if turn >= 3:
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - began_cpu)
        assert isinstance(answer, Forecast), answer
    wall_ms, cpu_ms = (1e3 * np.quantile(times, (0.5, 0.95)) for times in (wall, cpu))
    print(
        json.dumps(
            {
                "what": what,
                "models": models,
                "is_compiled": courses.recurrence() is not None,
                "p50_ms": round(float(wall_ms[0]), 2),
                "p95_ms": round(float(wall_ms[1]), 2),
                "cpu_p50_ms": round(float(cpu_ms[0]), 2),
                "cpu_p95_ms": round(float(cpu_ms[1]), 2),
                "share_of_a_core_for_20_chairs": round(float(np.mean(cpu)) * CHAIRS, 3),
                "prepare_ms": round(prepare_ms, 1),
                "rounds": rounds,
                "load": round(os.getloadavg()[0], 2),
            }
        ),
        flush=True,
    )


def main() -> int:
    began = time.perf_counter()
    rounds = 300
    if "--without-numba" in sys.argv:
        courses.recurrence = lambda: None  # type: ignore[assignment]
        rounds = 20
    courses.recurrence()
    print(json.dumps({"import_compiler_seconds": round(time.perf_counter() - began, 2)}))
    iv = ("kamp_2020", "domino_1982")
    measure("infusion, 1 piece so far", iv, (20.0, infusion(20.0, pieces=1)), rounds=rounds)
    measure("infusion, 20 pieces so far", iv, (20.0, infusion(20.0, pieces=20)), rounds=rounds)
    measure(
        "S infusion, 3 pieces so far",
        ("simons_2022", "otto_2021"),
        (20.0, infusion(20.0, pieces=3)),
        rounds=rounds,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
