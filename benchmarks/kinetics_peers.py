"""One peer's time for the tasks of `benchmarks/kinetics.py`, run by the peers' own Python.

In: the peer's name, rate constants and the task as JSON on the command line. Out: one JSON object: seconds and some values.
"""

import json
import sys
import time
from types import SimpleNamespace

import numpy as np


def pytci(task: dict) -> list[float]:
    """Central concentration at every step; amounts in mg, volumes in L, so that it is in mg/L."""
    from PyTCI.models.base import Three

    model = Three()
    for name, value in task["rates"].items():
        setattr(model, name, value)
    model.v1, model.keo = task["v1"], task["ke0"]
    model.setup()
    model.set_integrator("exact")
    step, found = task["step_seconds"], []
    edges = [(s, s + task["infusion_seconds"]) for s in task["starts_seconds"]]
    for k in range(task["steps"] + 1):
        found.append(model.x1 * 1000)
        now = k * step
        is_running = any(start <= now < end for start, end in edges)
        model.giveoverseconds(task["mg_per_second"] if is_running else 0.0, step)
    return found


def opentiva(task: dict) -> list[float]:
    """Plasma concentration by superposition, at each point."""
    from opentiva.pkpd import PkPdModel

    model = PkPdModel(
        SimpleNamespace(compartments=3, v1=task["v1"], ke0=task["ke0"], **task["rates"])
    )
    lasting = task["infusion_seconds"]
    given = np.array(
        [[s, task["mg_per_second"], lasting, s + lasting] for s in task["starts_seconds"]],
        dtype=float,
    )
    step = task["step_seconds"]
    if step == 1:
        return list(model.cp_over_time(given, 0, task["steps"] + 1)[:, 1] * 1000)
    return [model.calculate_cp(given, k * step) * 1000 for k in range(task["steps"] + 1)]


def main() -> None:
    peer, task = {"pytci": pytci, "opentiva": opentiva}[sys.argv[1]], json.loads(sys.argv[2])
    peer({**task, "steps": 10})
    began = time.perf_counter()
    found = peer(task)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "values": found[:: max(1, len(found) // 50)]}))


if __name__ == "__main__":
    main()
