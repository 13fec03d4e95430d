"""Random people and doses for every shipped model, and a second derivation of who is inside its box.

The product asks one person at a time, with branches, and stops at the first reason. Here all draws are judged at once, as
columns, from the TOML files themselves, and every reason is found. Neither the loader nor the facts are used.
"""

import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources

import numpy as np

from vigil.evidence.models import load_model
from vigil.kinetics.box import refusal
from vigil.kinetics.facts import Dose, Subject

SLOTS = 4
"""Most doses of one draw: enough for two days of two."""

ROUTES = ("iv", "im", "nasal", "oral", "sublingual", "rectal")
DRUGS = (None, "ketamine", "esketamine")
ADULT_YEARS = 18
DAY = 1440.0
YEAR = 366 * 1440.0

FOLDER = resources.files("vigil.evidence") / "data" / "kinetics"
NAMES = sorted(f.name.removesuffix(".toml") for f in FOLDER.iterdir() if f.name.endswith(".toml"))
FILES = [tomllib.loads((FOLDER / f"{name}.toml").read_text()) for name in NAMES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """`n` people with up to SLOTS doses each, as columns; a NaN in `known_*` columns is a NaN that was said."""

    model: np.ndarray
    is_research: np.ndarray
    age: np.ndarray
    is_age_known: np.ndarray
    weight: np.ndarray
    is_weight_known: np.ndarray
    pregnant: np.ndarray
    liver: np.ndarray
    interacting: np.ndarray
    count: np.ndarray
    route: np.ndarray
    drug: np.ndarray
    amount: np.ndarray
    is_float: np.ndarray
    start: np.ndarray
    duration: np.ndarray
    has_duration: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a sweep found. `codes` counts the product's answers, `inside` the accepted ones of each model."""

    cases: int
    unrefused: int
    wrongly_refused: int
    other_reason: int
    examples: tuple[str, ...]
    codes: Counter[str]
    inside: Counter[str]


def column(field: str) -> np.ndarray:
    """One number of every model's box."""
    return np.array([file["box"][field] for file in FILES], dtype=float)


def limits(field: str, *, absent: float) -> np.ndarray:
    """One number of every model's dose limits, shape (models, routes)."""
    table = np.full((len(FILES), len(ROUTES)), absent)
    for row, file in enumerate(FILES):
        for limit in file["box"]["doses"]:
            table[row, ROUTES.index(limit["route"])] = limit.get(field, absent)
    return table


HAS_ROUTE = limits("dose_ug_min", absent=-1) >= 0
DOSE_MIN = limits("dose_ug_min", absent=1)
DOSE_MAX = limits("dose_ug_max", absent=1e5)
PER_KG_MAX = limits("dose_ug_per_kg_max", absent=np.inf)
DAY_MAX = limits("day_ug_max", absent=np.inf)
MINUTES_MAX = limits("duration_minutes_max", absent=np.inf)
DEVICE = np.ones((len(FILES), len(ROUTES)))
for _row, _file in enumerate(FILES):
    for _route in _file["routes"]:
        DEVICE[_row, ROUTES.index(_route["route"])] = _route.get("device_ug", 1)


def draw(n: int, *, seed: int) -> Draws:
    """`n` draws, a good part of them wholly inside a box and the rest outside it in one way or several."""
    rng = np.random.default_rng(seed)
    model = rng.integers(len(FILES), size=n)
    shape = (n, SLOTS)
    route = np.where(
        rng.random(shape) < 0.96,
        rng.permuted(np.where(HAS_ROUTE, np.arange(len(ROUTES)), -1)[model], axis=1)[:, :SLOTS],
        rng.integers(len(ROUTES), size=shape),
    )
    first = np.argmax(HAS_ROUTE, axis=1)[model]
    route = np.where(route < 0, first[:, None], route)
    age = near(rng, column("age_years_min")[model], column("age_years_max")[model], odd=0.06)
    weight = near(rng, column("weight_kg_min")[model], column("weight_kg_max")[model], odd=0.06)
    has_duration = (ROUTES.index("iv") == route) & (rng.random(shape) < 0.7)
    return Draws(
        model=model,
        is_research=rng.random(n) < 0.6,
        age=age,
        is_age_known=rng.random(n) > 0.02,
        weight=weight,
        is_weight_known=rng.random(n) > 0.02,
        pregnant=rng.choice([None, False, True], size=n, p=[0.5, 0.48, 0.02]),
        liver=rng.choice([None, False, True], size=n, p=[0.5, 0.48, 0.02]),
        interacting=rng.random(n) < 0.05,
        count=rng.choice(SLOTS + 1, size=n, p=[0.02, 0.5, 0.2, 0.18, 0.1]),
        route=route,
        drug=rng.choice(len(DRUGS), size=shape, p=[0.8, 0.1, 0.1]),
        amount=amounts(rng, model, weight, route),
        is_float=rng.random(shape) < 0.004,
        start=starts(rng, shape),
        duration=near(rng, np.full(shape, 0.0), np.minimum(MINUTES_MAX[model[:, None], route], 1e4), odd=0.03),
        has_duration=has_duration ^ (rng.random(shape) < 0.004),
    )  # fmt: skip


def near(rng: np.random.Generator, low: np.ndarray, high: np.ndarray, *, odd: float) -> np.ndarray:
    """Numbers in [low, high] with two decimals, on its edges, a hair beyond them, or far away and impossible."""
    inside = np.round(low + (high - low) * rng.random(low.shape), 2)
    edge = np.where(rng.random(low.shape) < 0.5, low, high)
    beyond = np.where(edge == low, np.nextafter(low, -np.inf), np.nextafter(high, np.inf))
    within = np.where(edge == low, np.nextafter(low, np.inf), np.nextafter(high, -np.inf))
    far = rng.choice(
        [np.nan, np.inf, -np.inf, -1.0, 0.0, -0.0, 5e-324, 1e308, 17.99, 18.0, 70.0, 150.0, 700.0],
        size=low.shape,
    )
    kind = rng.random(low.shape)
    return np.select(
        [kind < odd / 2, kind < odd, kind < odd + 0.02, kind < odd + 0.06],
        [far, beyond, within, edge],
        default=np.clip(inside, low, high),
    )


def amounts(
    rng: np.random.Generator, model: np.ndarray, weight: np.ndarray, route: np.ndarray
) -> np.ndarray:
    """Whole micrograms, shape (n, SLOTS): inside, on an edge, one beside it, and impossible ones."""
    at = model[:, None], route
    safe_kg = np.clip(np.nan_to_num(weight, nan=70.0), 1.0, 200.0)[:, None]
    by_weight = np.where(np.isfinite(PER_KG_MAX[at]), PER_KG_MAX[at] * safe_kg, np.inf)
    top = np.maximum(np.minimum(DOSE_MAX[at], by_weight), DOSE_MIN[at])
    inside = DOSE_MIN[at] + (top - DOSE_MIN[at]) * rng.random(route.shape) ** 2
    inside = np.maximum(np.round(inside / DEVICE[at]), 1) * DEVICE[at]
    edge = rng.permuted(
        np.stack([DOSE_MIN[at], DOSE_MAX[at], np.where(np.isfinite(by_weight), by_weight, 1e5)]),
        axis=0,
    )[0]
    beside = edge + rng.choice([-1, 1], size=route.shape)
    far = rng.choice([0, -1, -28_000, 1, 2_000_000, 10**9], size=route.shape)
    kind = rng.random(route.shape)
    drawn = np.select([kind < 0.02, kind < 0.05, kind < 0.10], [far, beside, edge], default=inside)
    return np.round(drawn).astype(np.int64)


def starts(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Minutes: together, minutes apart, exactly a day apart or a quarter of a minute less, and impossible ones."""
    quarters = rng.integers(0, 4 * 2880, size=shape) / 4
    days = rng.integers(0, 4, size=shape) * DAY - rng.choice([0.0, 0.25], size=shape, p=[0.7, 0.3])
    odd = rng.choice([np.nan, np.inf, -np.inf, -1.0, -0.25, YEAR, YEAR + 0.25], size=shape)
    kind = rng.random(shape)
    drawn = np.select([kind < 0.01, kind < 0.5], [odd, quarters], default=np.abs(days))
    # The smallest step below 0 is refused too.
    return np.where(kind < 0.001, -5e-324, drawn)


def outside(draws: Draws) -> dict[str, np.ndarray]:
    """Every reason why a draw is outside the box, as columns of booleans: the second derivation."""
    m = draws.model
    is_of_children = np.array([file["box"]["is_of_children"] for file in FILES])[m]
    may_be_child = is_of_children & draws.is_research
    age, weight = draws.age, draws.weight
    with np.errstate(invalid="ignore"):
        reasons = {
            "KIN-PREGNANCY": draws.pregnant == True,  # noqa: E712
            "KIN-LIVER": draws.liver == True,  # noqa: E712
            "KIN-AGE-UNKNOWN": ~draws.is_age_known,
            "KIN-WEIGHT-UNKNOWN": ~draws.is_weight_known,
            "KIN-CHILD": ((age < ADULT_YEARS) & ~may_be_child) | (is_of_children & ~may_be_child),
            "KIN-AGE-OUTSIDE": ~(
                (age >= column("age_years_min")[m]) & (age <= column("age_years_max")[m])
            ),
            "KIN-WEIGHT-OUTSIDE": ~(
                (weight >= column("weight_kg_min")[m]) & (weight <= column("weight_kg_max")[m])
            ),
            "KIN-DOSE-NONE": draws.count == 0,
        }
        given = np.arange(SLOTS) < draws.count[:, None]
        for code, is_so in outside_by_dose(draws).items():
            reasons[code] = (is_so & given).any(axis=1)
        reasons["KIN-DAY-OUTSIDE"] = over_a_day(draws, given)
    return reasons


def outside_by_dose(draws: Draws) -> dict[str, np.ndarray]:
    """Every reason why one dose is outside, shape (n, SLOTS)."""
    at = draws.model[:, None], draws.route
    kinds = np.array([file["enantiomer"] for file in FILES])[draws.model][:, None]
    first_pass = np.isin(draws.route, [ROUTES.index("oral"), ROUTES.index("sublingual")])
    is_iv = draws.route == ROUTES.index("iv")
    lasts = (draws.duration > 0) & (draws.duration <= MINUTES_MAX[at]) & (draws.duration < np.inf)
    return {
        "KIN-ROUTE": ~HAS_ROUTE[at],
        "KIN-INTERACTION": draws.interacting[:, None] & first_pass,
        "KIN-DRUG": ((kinds == "S") & (draws.drug == 1))
        | ((kinds == "racemate") & (draws.drug == 2)),
        "KIN-DOSE-NUMBER": (draws.amount <= 0) | draws.is_float,
        "KIN-DEVICE": np.mod(draws.amount, DEVICE[at].astype(np.int64)) != 0,
        "KIN-DOSE-OUTSIDE": (draws.amount < DOSE_MIN[at])
        | (draws.amount > DOSE_MAX[at])
        | above_per_kg(draws, PER_KG_MAX[at]),
        "KIN-TIME-OUTSIDE": ~((draws.start >= 0) & (draws.start <= YEAR)),
        "KIN-DURATION-OUTSIDE": draws.has_duration & ~(is_iv & lasts),
    }


def above_per_kg(draws: Draws, per_kg_max: np.ndarray) -> np.ndarray:
    """Whether the amount is above the limit for the weight; by decimals where a float could not tell."""
    # A weight beyond any person is outside by itself; here it only must not overflow.
    weight = np.where(np.abs(draws.weight) < 1e4, draws.weight, np.nan)[:, None]
    bound = per_kg_max * weight
    above = draws.amount > bound
    close = np.isfinite(bound) & (np.abs(draws.amount - bound) < 1)
    for row, slot in zip(*np.nonzero(close), strict=True):
        exact = Decimal(int(per_kg_max[row, slot])) * Decimal(repr(float(draws.weight[row])))
        above[row, slot] = int(draws.amount[row, slot]) > exact
    return above


def over_a_day(draws: Draws, given: np.ndarray) -> np.ndarray:
    """Whether from any dose on, within less than 24 hours, more is given by its route than the day's most."""
    over = np.zeros(len(draws.model), dtype=bool)
    for slot in range(SLOTS):
        after = draws.start - draws.start[:, [slot]]
        together = given & (after >= 0) & (after < DAY) & (draws.route == draws.route[:, [slot]])
        total = (draws.amount * together).sum(axis=1)
        over |= given[:, slot] & (total > DAY_MAX[draws.model, draws.route[:, slot]])
    return over


def ask(draws: Draws, row: int) -> str | None:
    """The product's answer for one draw: its code, or None."""
    doses = tuple(
        Dose(
            amount_ug=float(draws.amount[row, k]) if draws.is_float[row, k] else int(draws.amount[row, k]),  # type: ignore[arg-type]
            route=ROUTES[draws.route[row, k]],  # type: ignore[arg-type]
            start_minutes=float(draws.start[row, k]),
            duration_minutes=float(draws.duration[row, k]) if draws.has_duration[row, k] else None,
            drug=DRUGS[draws.drug[row, k]],  # type: ignore[arg-type]
        )
        for k in range(draws.count[row])
    )  # fmt: skip
    subject = Subject(
        age_years=float(draws.age[row]) if draws.is_age_known[row] else None,
        weight_kg=float(draws.weight[row]) if draws.is_weight_known[row] else None,
        is_pregnant=draws.pregnant[row],
        has_severe_hepatic_impairment=draws.liver[row],
        interacting=("ticlopidine",) if draws.interacting[row] else (),
    )
    purpose = "research" if draws.is_research[row] else "care"
    answer = refusal(load_model(NAMES[draws.model[row]]), subject, doses, purpose=purpose)
    return None if answer is None else answer.code


def sweep(
    n: int, *, seed: int, asked: Callable[[Draws, int], str | None] = ask, rows: int = 100_000
) -> Tally:
    """The product's answer to `n` draws against the second derivation."""
    codes: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    examples: list[str] = []
    for begin in range(0, n, rows):
        draws = draw(min(rows, n - begin), seed=seed + begin)
        reasons = outside(draws)
        is_outside = np.any(list(reasons.values()), axis=0)
        for row in range(len(draws.model)):
            code = asked(draws, row)
            codes[code or "accepted"] += 1
            if code is None:
                inside[NAMES[draws.model[row]]] += 1
            verdict = judge(code, bool(is_outside[row]), reasons, row)
            if verdict:
                wrong[verdict] += 1
                if len(examples) < 5:
                    examples.append(f"{verdict}: {code} for seed {seed + begin} row {row}")
    return Tally(
        cases=sum(codes.values()),
        unrefused=wrong["unrefused"],
        wrongly_refused=wrong["wrongly refused"],
        other_reason=wrong["other reason"],
        examples=tuple(examples),
        codes=codes,
        inside=inside,
    )


def judge(code: str | None, is_outside: bool, reasons: dict[str, np.ndarray], row: int) -> str:
    """What is wrong with one answer; empty when nothing is."""
    if code is None:
        return "unrefused" if is_outside else ""
    if not is_outside:
        return "wrongly refused"
    return "" if code in reasons and reasons[code][row] else "other reason"
