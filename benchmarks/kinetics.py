"""How fast the kinetic engine is, against the memory, SciPy's LSODA, PyTCI and opentiva, in one run.

Out: one JSON object a line, with minimum and median over repetitions, the ratio that matters and the load of the machine.
Nothing is asserted. Absolute times depend on who else is on the machine; ratios of one run are what to keep.

The peers live in an environment of their own (`build/bench-peers`, made when missing from `requirements/bench.in`); one that
cannot be had is said to be missing and why.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import numba
from scipy.integrate import solve_ivp

from vigil.evidence.models import default_effect_site, load_model
from vigil.kinetics import engine, population
from vigil.kinetics.cohort import Cohort, build_cohort
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.filling import fill, in_slabs
from vigil.kinetics.pieces import piecewise
from vigil.kinetics.population import draw_etas, measure
from vigil.kinetics.system import build_schedule, build_system, values_for

SUBJECT = Subject(age_years=40.0, weight_kg=70.0)
DAYS_28 = 28 * 24 * 60
PEOPLE = 10_000
FEWER = 1_000
"""People of the tasks whose answers would not fit in memory beside others: every ratio is made with as many on both sides."""
REPEATS = 5
PEERS = ROOT / "build/bench-peers"
OPENTIVA = "opentiva==1.1.2"
INFUSIONS = tuple(
    Dose(amount_ug=35_000, route="iv", start_minutes=5040.0 * k, duration_minutes=40.0)
    for k in range(8)
)
MINUTES = np.arange(DAYS_28 + 1.0)


def say(what: str, **found: object) -> None:
    load = round(os.getloadavg()[0], 2)
    print(json.dumps({"what": what, **found, "load": load, "cores": os.cpu_count()}), flush=True)


def times_of(work: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Minimum and median seconds."""
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found), float(np.median(found))


def rounded(*seconds: float) -> list[float]:
    return [float(f"{s:.3g}") for s in seconds]


@numba.njit(nogil=True)
def write(out: np.ndarray, value: float) -> None:
    """Nothing but stores, in the order in which the engine makes them."""
    for p in range(out.shape[0]):
        for o in range(out.shape[1]):
            for g in range(out.shape[2]):
                out[p, o, g] = value


def write_all(out: np.ndarray) -> None:
    """The time merely to write: with as many threads, in the same slabs."""
    for _ in in_slabs(lambda part: write(out[part], 1.5), len(out)):
        pass


COMPILE = """
import time
began = time.perf_counter()
import numba
loaded = time.perf_counter()
from vigil.evidence.models import load_model
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.population import exposures, simulate_population
import numpy as np
people = [Subject(age_years=40.0, weight_kg=70.0)]
doses = (Dose(amount_ug=35_000, route="iv", duration_minutes=40.0),)
simulate_population(load_model("kamp_2020"), people, doses, np.arange(10.0))
first = time.perf_counter()
exposures(load_model("kamp_2020"), people, doses, end_minutes=60.0)
print(loaded - began, first - loaded, time.perf_counter() - first)
"""


def compile_times() -> None:
    """From nothing, and from the code kept on disk; each in a process of its own."""
    folder = tempfile.mkdtemp(prefix="bench-numba-")
    where = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "NUMBA_CACHE_DIR": folder}
    for state in ("compiled from nothing", "kept on disk"):
        run = subprocess.run(
            [sys.executable, "-c", COMPILE], env=where, capture_output=True, text=True, check=True
        )
        loading, courses, exposures = map(float, run.stdout.split())
        say(
            f"first answer, code {state}",
            seconds_to_import_numba=round(loading, 2),
            seconds_to_first_courses=round(courses, 2),
            seconds_to_first_exposures=round(exposures, 2),
        )
    shutil.rmtree(folder)


def one_patient() -> float:
    """One patient, 24 h at 1 s, Cp and Ce; the whole public call, eigen-modes included. Returns median seconds."""
    model = load_model("kamp_2020")
    values = values_for(model, SUBJECT)
    system = build_system(model, values, effect_site=default_effect_site())
    schedule = build_schedule(model, values, INFUSIONS[:1], states=system.states)
    seconds = np.arange(86_401) / 60
    engine.concentrations(system, schedule, seconds)
    least, median = times_of(lambda: engine.concentrations(system, schedule, seconds), 50)
    say(
        "one patient, 24 h at 1 s, Cp and Ce, engine.concentrations",
        milliseconds_min_median=rounded(least * 1e3, median * 1e3),
        goal_milliseconds=0.5,
    )
    least, numpy_median = times_of(lambda: piecewise(system, schedule, seconds), 10)
    say(
        "the same by NumPy alone",
        milliseconds_min_median=rounded(least * 1e3, numpy_median * 1e3),
        times_the_compiled=round(numpy_median / median, 1),
    )
    return median


def cohort_of(name: str, people: int, route: str = "iv") -> Cohort:
    model = load_model(name)
    device = next(r.device_ug for r in model.routes if r.route == route)
    doses = INFUSIONS
    if route != "iv":
        doses = tuple(
            Dose(amount_ug=device or 50_000, route=route, start_minutes=d.start_minutes)
            for d in INFUSIONS
        )
    return build_cohort(model, [SUBJECT] * people, doses, etas=draw_etas(model, people, seed=1))


def materialised() -> float:
    """10,000 people x 8 infusions x 28 days at 1 min, float64. Returns median seconds."""
    cohort = cohort_of("kamp_2020", PEOPLE)
    out = np.zeros((PEOPLE, 1, len(MINUTES)))
    fill(cohort, MINUTES, out)
    write_all(out)
    # In turn, so that whoever else is on the machine slows both alike.
    pairs = []
    for _ in range(REPEATS):
        pairs.append(
            (
                times_of(lambda: write_all(out), 1)[0],
                times_of(lambda: fill(cohort, MINUTES, out), 1)[0],
            )
        )
    written, filled = np.array(pairs).T
    say(
        f"{PEOPLE} people x 8 infusions x 28 days at 1 min, float64 kept ({out.nbytes / 1e9:.1f} GB)",
        seconds_min_median=rounded(filled.min(), np.median(filled)),
        seconds_only_to_write_min_median=rounded(written.min(), np.median(written)),
        times_the_write_min_median=rounded(
            filled.min() / written.min(), np.median(filled / written)
        ),
        goal_times_the_write=1.25,
    )
    return float(np.median(filled))


def with_metabolites() -> None:
    """Every analyte written, against the first analyte's own states alone, both of as many people."""
    for name, route in (
        ("otto_2021", "iv"),
        ("simons_2022", "sublingual"),
        ("perez_ruixo_2021", "nasal"),
    ):
        whole, alone = cohort_of(name, FEWER, route), parent_of(cohort_of(name, FEWER, route))
        out, less = (np.zeros((FEWER, len(c.analytes), len(MINUTES))) for c in (whole, alone))
        fill(whole, MINUTES, out)
        fill(alone, MINUTES, less)
        pairs = []
        for _ in range(REPEATS):
            seconds = [
                times_of(partial(fill, c, MINUTES, o), 1)[0]
                for c, o in ((whole, out), (alone, less))
            ]
            pairs.append(seconds)
        pairs = np.array(pairs)
        say(
            f"{name} {route}: {len(whole.states)} states, {len(whole.analytes)} analytes all written, {FEWER} people",
            seconds_min_median=rounded(pairs[:, 0].min(), np.median(pairs[:, 0])),
            parent_alone_states=len(alone.states),
            parent_alone_seconds_min_median=rounded(pairs[:, 1].min(), np.median(pairs[:, 1])),
            times_the_parent_alone=rounded(float(np.median(pairs[:, 0] / pairs[:, 1])))[0],
            goal_times=4,
        )


def parent_of(cohort: Cohort) -> Cohort:
    """The first analyte alone: only states from which drug reaches it."""
    from vigil.kinetics.modes import reach_of

    size = len(cohort.states)
    leads = np.isfinite(cohort.reach[:, 0, :size]).all(axis=0) & (
        cohort.reach[:, 0, :size] > 0
    ).any(axis=0)
    kept = np.flatnonzero(leads)
    inputs = [c for c, state in enumerate(cohort.into) if leads[state]]
    places = np.concatenate([kept, size + np.array(inputs, dtype=int)]).astype(int)
    states = tuple(cohort.states[s] for s in kept)
    rates = np.ascontiguousarray(cohort.rates[:, places][:, :, places])
    outputs = np.ascontiguousarray(cohort.outputs[:, :1, places])
    return Cohort(
        states=states,
        analytes=cohort.analytes[:1],
        rates=rates,
        outputs=outputs,
        reach=reach_of(states, rates, outputs),
        minutes=cohort.minutes,
        boluses=np.ascontiguousarray(cohort.boluses[:, :, kept]),
        inputs=np.ascontiguousarray(cohort.inputs[:, :, inputs]),
        into=tuple(int(np.flatnonzero(kept == cohort.into[c])[0]) for c in inputs),
    )


def exposures() -> None:
    cohort = cohort_of("kamp_2020", PEOPLE)
    for what, level in (
        ("peak, its time and area", None),
        ("the same and time above 100 ng/mL", 100.0),
    ):
        measure(cohort, end_minutes=DAYS_28, level_ng_per_ml=level)
        least, median = times_of(
            lambda level=level: measure(cohort, end_minutes=DAYS_28, level_ng_per_ml=level)
        )
        say(
            f"exposure only of {PEOPLE} people x 8 infusions x 28 days: {what}",
            milliseconds_min_median=rounded(least * 1e3, median * 1e3),
            goal_milliseconds=5,
        )


def streamed() -> None:
    """Quantiles with nothing kept, against keeping the courses alone, both of as many people and times."""
    model, times = load_model("kamp_2020"), np.arange(0.0, DAYS_28 + 1.0, 10.0)
    people, chances = [SUBJECT] * PEOPLE, (0.05, 0.25, 0.5, 0.75, 0.95)
    cohort = cohort_of("kamp_2020", PEOPLE)
    out = np.zeros((PEOPLE, 1, len(times)))
    fill(cohort, times, out)
    kept = times_of(lambda: fill(cohort, times, out), 3)
    streaming = times_of(
        lambda: population.quantiles(
            model, people, INFUSIONS, times, probabilities=chances, seed=1
        ),
        1,
    )
    say(
        f"five exact quantiles of {PEOPLE} people at {len(times)} times (28 days at 10 min), nothing kept",
        seconds_min_median=rounded(*streaming),
        courses_kept_seconds_min_median=rounded(*kept),
        times_the_kept=rounded(streaming[1] / kept[1])[0],
        goal_times=0.5,
    )


def lsoda(one: float, all_of_them: float) -> None:
    """SciPy's LSODA, one patient of each task; the second is multiplied by the number of people."""
    model = load_model("kamp_2020")
    values = values_for(model, SUBJECT)
    for what, effect, doses, times, ours, count in (
        ("one patient, 24 h at 1 s, Cp and Ce", default_effect_site(), INFUSIONS[:1], np.arange(86_401) / 60, one, 1),
        (f"{PEOPLE} people x 28 days at 1 min", None, INFUSIONS, MINUTES, all_of_them, PEOPLE),
    ):  # fmt: skip
        system = build_system(model, values, effect_site=effect)
        schedule = build_schedule(model, values, doses, states=system.states)
        began = time.perf_counter()
        found = np.zeros((len(system.analytes), len(times)))
        state, edges = np.zeros(len(system.states)), [*schedule.minutes, times[-1]]
        for k, rate in enumerate(schedule.rates):
            inside = (times >= edges[k]) & (times <= edges[k + 1])
            solved = solve_ivp(
                lambda _, x, rate=rate, system=system: system.rates @ x + rate,
                (edges[k], edges[k + 1]), state, method="LSODA", rtol=1e-6, atol=1e-9,
                t_eval=np.union1d(times[inside], edges[k + 1]),
            )  # fmt: skip
            found[:, inside] = (system.outputs @ solved.y)[:, : inside.sum()]
            state = solved.y[:, -1]
        seconds = (time.perf_counter() - began) * count
        exact = piecewise(system, schedule, times)
        seen = exact > 1e-6 * exact.max()
        say(
            f"SciPy LSODA, rtol 1e-6: {what}",
            seconds=rounded(seconds)[0],
            how="run in full" if count == 1 else f"1 person x {count}",
            times_ours=round(seconds / ours),
            worst_relative_error=float(f"{np.max(np.abs(found - exact)[seen] / exact[seen]):.2g}"),
        )


def peers_python() -> tuple[Path, dict[str, str]]:
    """The peers' Python, and why a peer is missing."""
    python, missing = PEERS / "bin/python", {}
    uv = str(Path(sys.executable).parent / "uv")
    if not python.exists():
        made = [
            [uv, "venv", "-q", str(PEERS), "--python", sys.executable],
            [uv, "pip", "install", "-q", "--python", str(python), "-r", str(ROOT / "requirements/bench.in")],
        ]  # fmt: skip
        for command in made:
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode:
                return python, dict.fromkeys(("pytci", "opentiva"), run.stderr[-300:])
    if subprocess.run(
        [python, "-c", "import opentiva.pkpd"], capture_output=True, check=False
    ).returncode:
        why = build_opentiva(python)
        if why:
            missing["opentiva"] = why
    if subprocess.run([python, "-c", "import PyTCI"], capture_output=True, check=False).returncode:
        missing["pytci"] = "import PyTCI fails"
    return python, missing


def build_opentiva(python: Path) -> str:
    """Build opentiva with its C file made anew by Cython; says why when it cannot be."""
    folder = Path(tempfile.mkdtemp(prefix="bench-opentiva-"))
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", str(python), "pip"],
        capture_output=True,
        check=False,
    )
    fetched = subprocess.run(
        [str(python), "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps",
         "--no-build-isolation", OPENTIVA, "-d", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    archive = next(folder.glob("*.tar.gz"), None)
    if archive is None:
        return f"not fetched: {fetched.stderr[-300:]}"
    shutil.unpack_archive(archive, folder)
    source = next(p for p in folder.iterdir() if p.is_dir())
    (source / "opentiva/pkpd.c").unlink(missing_ok=True)
    built = subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", str(source)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    shutil.rmtree(folder)
    return built.stderr[-300:] if built.returncode else ""


def peers(one: float, all_of_them: float) -> None:
    """PyTCI and opentiva with our rate constants: the same model, Cp only for opentiva's first task."""
    python, missing = peers_python()
    model = load_model("kamp_2020")
    values = values_for(model, SUBJECT)
    matrix = build_system(model, values).rates
    rates = {
        "k10": -matrix[:, 0].sum(), "k12": matrix[1, 0], "k13": matrix[2, 0],
        "k21": matrix[0, 1], "k31": matrix[0, 2],
    }  # fmt: skip
    common = {
        "rates": rates, "v1": values["v1"], "ke0": np.log(2) / default_effect_site().half_life_minutes,
        "infusion_seconds": 2400, "mg_per_second": 35 / 2400,
    }  # fmt: skip
    tasks = (
        ("one patient, 24 h at 1 s", {"step_seconds": 1, "steps": 86_400, "starts_seconds": [0]}, one, 1),
        (
            f"{PEOPLE} people x 28 days at 1 min",
            {"step_seconds": 60, "steps": DAYS_28, "starts_seconds": [int(d.start_minutes * 60) for d in INFUSIONS]},
            all_of_them,
            PEOPLE,
        ),
    )  # fmt: skip
    for peer in ("pytci", "opentiva"):
        if peer in missing:
            say(f"{peer}: not installed", why=missing[peer])
            continue
        for what, task, ours, count in tasks:
            whole = json.dumps({**common, **task})
            run = subprocess.run(
                [str(python), str(ROOT / "benchmarks/kinetics_peers.py"), peer, whole],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if run.returncode:
                say(f"{peer}: {what}: failed", why=run.stderr[-300:])
                continue
            answer = json.loads(run.stdout)
            seconds = answer["seconds"] * count
            say(
                f"{peer}: {what}",
                seconds=rounded(seconds)[0],
                how="run in full" if count == 1 else f"1 person x {count}",
                times_ours=round(seconds / ours),
                worst_relative_error=worst_error(answer["values"], task, count),
            )


def worst_error(values: list[float], task: dict, count: int) -> float:
    """Of the peer's values that it sent, where ours is above a millionth of the peak."""
    model = load_model("kamp_2020")
    own = values_for(model, SUBJECT)
    system = build_system(model, own)
    doses = INFUSIONS[:1] if count == 1 else INFUSIONS
    schedule = build_schedule(model, own, doses, states=system.states)
    stride = max(1, (task["steps"] + 1) // 50)
    times = np.arange(len(values)) * stride * task["step_seconds"] / 60
    exact = piecewise(system, schedule, times)[0]
    seen = exact > 1e-6 * exact.max()
    return float(f"{np.max(np.abs(np.array(values) - exact)[seen] / exact[seen]):.2g}")


def main() -> int:
    compile_times()
    one = one_patient()
    all_of_them = materialised()
    with_metabolites()
    exposures()
    streamed()
    lsoda(one, all_of_them)
    peers(one, all_of_them)
    return 0


if __name__ == "__main__":
    sys.exit(main())
