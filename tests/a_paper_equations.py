"""Each published model as its paper's differential equations, typed a second time from the printed tables.

In: a person, amounts. Out: how fast each amount changes, what is measured, where a dose enters. Nothing here is read from a
model file and no matrix is built: a slip in a file, in the builder of matrices or in the engine is not repeated here.

Amounts are micrograms, times minutes, volumes litres, so that ug/L is ng/mL. Numbers: section 1 of the collected tables (Kamp
2020; Domino 1982; Clements 1981; Hijazi 2003; Herd 2007; Hornik 2018; Otto 2021 with Fanta 2015; Simons 2022 Table 4;
Perez-Ruixo 2021 Tables 2 and 3; Flint 2017; Ashraf 2018).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from vigil.kinetics.facts import FloatArray, Subject

HOUR = 60.0
Amounts = Sequence[float] | FloatArray
Entry = tuple[int, float, float]
"""The state that is entered, ug, over how many minutes; 0 is at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One paper.

    `change(amounts, person)`: ug/min of each state. `seen(amounts, person)`: ng/mL of each analyte. `enter(route, ug, nth,
    person)`: where the dose goes, `nth` being how many devices of the sitting came before it.
    """

    states: int
    change: Callable[[Amounts, Subject], list[float]]
    seen: Callable[[Amounts, Subject], dict[str, float]]
    enter: Callable[[str, float, int, Subject], list[Entry]]


def heavier(person: Subject) -> tuple[float, float]:
    """By how much volumes and clearances are larger than those of 70 kg."""
    assert person.weight_kg is not None
    share = person.weight_kg / 70.0
    return share, share**0.75


def by_vein(route: str, ug: float, _nth: int, _person: Subject) -> list[Entry]:
    """A model that knows the vein alone: all of it into the first state; whoever asks says for how long."""
    assert route == "iv"
    return [(0, ug, 0.0)]


def two_or_three(
    v1: float, cl: float, v2: float, q2: float, v3: float = 1.0, q3: float = 0.0
) -> Paper:
    """Litres and litres an hour at 70 kg; volumes go with weight, clearances with its power of three quarters."""

    def change(a: Amounts, person: Subject) -> list[float]:
        size, flow = heavier(person)
        blood, shallow, deep = a[0] / (v1 * size), a[1] / (v2 * size), a[2] / (v3 * size)
        into_shallow = q2 * flow / HOUR * (blood - shallow)
        into_deep = q3 * flow / HOUR * (blood - deep)
        gone = cl * flow / HOUR * blood
        return [-gone - into_shallow - into_deep, into_shallow, into_deep]

    return Paper(
        states=3,
        change=change,
        seen=lambda a, person: {"ketamine": a[0] / (v1 * heavier(person)[0])},
        enter=by_vein,
    )


def by_rate_constants(
    v1_per_kg: float,
    k10: float,
    k12: float,
    k21: float,
    k13: float = 0.0,
    k31: float = 1.0,
) -> Paper:
    """Litres a kilogram and 1/min, as the older papers print them."""

    def change(a: Amounts, _person: Subject) -> list[float]:
        return [
            k21 * a[1] + k31 * a[2] - (k10 + k12 + k13) * a[0],
            k12 * a[0] - k21 * a[1],
            k13 * a[0] - k31 * a[2],
        ]

    return Paper(
        states=3,
        change=change,
        seen=lambda a, person: {"ketamine": a[0] / (v1_per_kg * (person.weight_kg or 0.0))},
        enter=by_vein,
    )


def otto() -> Paper:
    """Otto 2021: the ketamine of Fanta 2015; all that is cleared becomes norketamine; peripheral sizes know no weight."""

    def change(a: Amounts, person: Subject) -> list[float]:
        size, flow = heavier(person)
        blood, norketamine = a[0] / (133.0 * size), a[3] / (98.638 * size)
        slow = 23.2 / HOUR * (blood - a[1] / 187.0)
        fast = 157.0 / HOUR * (blood - a[2] / 98.8)
        made = 95.2 * flow / HOUR * blood
        gone = 57.72 * flow / HOUR * norketamine
        away = 42.778 / HOUR * (norketamine - a[4] / 160.04)
        return [-made - slow - fast, slow, fast, made - gone - away, away]

    def seen(a: Amounts, person: Subject) -> dict[str, float]:
        size, _ = heavier(person)
        return {"ketamine": a[0] / (133.0 * size), "norketamine": a[3] / (98.638 * size)}

    return Paper(states=5, change=change, seen=seen, enter=by_vein)


def simons() -> Paper:
    """Simons 2022, in micrograms of ketamine throughout; metabolites are weighed when they are measured.

    States: blood, shallow, deep; mucosa, gut, gut delay; two steps to norketamine, it and its deep place; two steps to
    hydroxynorketamine, it and its deep place.
    """
    ketamine, norketamine, hydroxynorketamine = 237.73, 223.70, 239.70

    def change(a: Amounts, person: Subject) -> list[float]:
        size, flow = heavier(person)
        blood = a[0] / (11.6 * size)
        shallow = 2.43 * flow * (blood - a[1] / (39.0 * size))
        deep = 1.21 * flow * (blood - a[2] / (174.0 * size))
        cleared = 1.48 * flow * blood
        taken_up, swallowed, passed = 0.04 * a[3], 0.049 * a[4], a[5] / 10.7
        first, second = a[6] / (20.1 / 2), a[7] / (20.1 / 2)
        nk = a[8] / (11.6 * size)
        nk_deep = 2.63 * flow * (nk - a[9] / (221.0 * size))
        nk_cleared = 1.00 * flow * nk
        third, fourth = a[10] / (1.12 / 2), a[11] / (1.12 / 2)
        hnk = a[12] / (4.4 * size)
        hnk_deep = 1.70 * flow * (hnk - a[13] / (87.5 * size))
        hnk_cleared = 0.933 * flow * hnk
        return [
            taken_up - shallow - deep - cleared,
            shallow,
            deep,
            -taken_up,
            -swallowed,
            swallowed - passed,
            cleared + passed - first,
            first - second,
            0.8 * second - nk_deep - nk_cleared,
            nk_deep,
            nk_cleared - third,
            third - fourth,
            0.7 * fourth - hnk_deep - hnk_cleared,
            hnk_deep,
        ]

    def seen(a: Amounts, person: Subject) -> dict[str, float]:
        size, _ = heavier(person)
        return {
            "ketamine": a[0] / (11.6 * size),
            "norketamine": a[8] / (11.6 * size) * norketamine / ketamine,
            "hydroxynorketamine": a[12] / (4.4 * size) * hydroxynorketamine / ketamine,
        }

    def enter(route: str, ug: float, nth: int, person: Subject) -> list[Entry]:
        if route == "sublingual":
            return [(3, 0.263 * ug, 13.1), (4, 1.16 * ug, 29.9)]
        return by_vein(route, ug, nth, person)

    return Paper(states=14, change=change, seen=seen, enter=enter)


def perez_ruixo() -> Paper:
    """Perez-Ruixo 2021: blood, shallow, deep, liver; norketamine and its deep place; nose, swallowed, drunk."""

    def factors(person: Subject) -> tuple[float, float, float, float]:
        """Share through the nose, liver flow L/h, elimination 1/h, clearance of norketamine L/h."""
        asian = person.population in ("asian", "japanese")
        nose = 0.54 * (1.34 if person.population == "japanese" else 1.0)
        flow = 151.0 - 2.19 * max(0.0, (person.age_years or 0.0) - 60.0)
        return nose, flow, 1.11 * (0.36 if asian else 1.0), 38.0 * (0.81 if asian else 1.0)

    def change(a: Amounts, person: Subject) -> list[float]:
        _, flow, kel, cln = factors(person)
        blood, liver, nk = a[0] / 192.0, a[3] / 101.0, a[4] / 70.0
        shallow = 84.3 * (blood - a[1] / 143.0)
        deep = 37.6 * (blood - a[2] / 417.0)
        into_liver = flow * (blood - liver)
        made = 2.77 * a[3]
        away = 26.1 * (nk - a[5] / 115.0)
        through_nose, from_swallowed, from_drunk = 2.93 * a[6], 1.45 * a[7], 0.97 * a[8]
        an_hour = [
            through_nose - shallow - deep - into_liver,
            shallow,
            deep,
            into_liver + from_swallowed + from_drunk - made - kel * a[3],
            made - cln * nk - away,
            away,
            -through_nose,
            -from_swallowed,
            -from_drunk,
        ]
        return [each / HOUR for each in an_hour]

    def enter(route: str, ug: float, nth: int, person: Subject) -> list[Entry]:
        if route == "oral":
            return [(8, 0.64 * ug, 0.32 * HOUR)]
        if route == "nasal":
            share = factors(person)[0] * (1.0 if nth == 0 else 0.62)
            return [(6, share * ug, 0.0), (7, (1.0 - share) * 0.64 * ug, 0.53 * HOUR)]
        return by_vein(route, ug, nth, person)

    return Paper(
        states=9,
        change=change,
        seen=lambda a, _: {"ketamine": a[0] / 192.0, "norketamine": a[4] / 70.0},
        enter=enter,
    )


def ashraf() -> Paper:
    """Ashraf 2018: blood, shallow, deep, liver; gut, gut wall, villi; norketamine, its deep place, its liver and gut wall.

    Litres and hours. The liver of one litre and the gut wall of a twentieth are ours: the paper solves both by algebra.
    """
    wall = 0.05

    def change(a: Amounts, person: Subject) -> list[float]:
        flows = (person.weight_kg or 0.0) ** 0.75
        flow, villous = 3.75 * flows, 0.72 * flows
        blood, liver, nk, nk_liver = a[0] / 14.4, a[3] / 1.0, a[7] / 88.4, a[9] / 1.0
        in_wall, in_villi, nk_wall = a[5] / wall, a[6] / wall, a[10] / wall
        shallow = 287.0 * (blood - a[1] / 102.0)
        deep = 22.4 * (blood - a[2] / 180.0)
        into_liver = flow * (blood - liver)
        made_in_liver = 1.4 * 301.0 * liver
        eaten, across = 1.76 * a[4], 4.1 * (in_wall - in_villi)
        made_in_wall, washed = 1.19 * in_wall, villous * in_villi
        nk_into_liver = flow * (nk - nk_liver)
        nk_deep = 19.9 * (nk - a[8] / 88.9)
        nk_washed, nk_gone_in_wall = villous * nk_wall, 44.4 * nk_wall
        nk_gone_in_liver = 0.5 * 73.5 * nk_liver
        an_hour = [
            -shallow - deep - into_liver,
            shallow,
            deep,
            into_liver + washed - made_in_liver,
            -eaten,
            eaten - across - made_in_wall,
            across - washed,
            -nk_into_liver - nk_deep,
            nk_deep,
            nk_into_liver + made_in_liver + nk_washed - nk_gone_in_liver,
            made_in_wall - nk_washed - nk_gone_in_wall,
        ]
        return [each / HOUR for each in an_hour]

    def enter(route: str, ug: float, nth: int, person: Subject) -> list[Entry]:
        return [(4, ug, 0.0)] if route == "oral" else by_vein(route, ug, nth, person)

    return Paper(
        states=11,
        change=change,
        seen=lambda a, _: {"ketamine": a[0] / 14.4, "norketamine": a[7] / 88.4},
        enter=enter,
    )


PAPERS: Mapping[str, Paper] = {
    "ashraf_2018": ashraf(),
    "clements_1981": by_rate_constants(1.7522, 0.0109, 0.0186, 0.0137),
    "domino_1982": by_rate_constants(0.063, 0.4381, 0.5921, 0.2470, 0.5900, 0.0146),
    "flint_2017": two_or_three(7.73, 112.0, 545.0, 196.0),
    "herd_2007": two_or_three(38.7, 90.0, 102.0, 215.0),
    "hijazi_2003": by_rate_constants(1.08, 0.0333, 0.0088, 0.0030),
    "hornik_2018": two_or_three(32.8, 38.9, 152.0, 54.9),
    "kamp_2020": two_or_three(25.0, 84.0, 56.0, 161.0, 157.0, 79.0),
    "otto_2021": otto(),
    "perez_ruixo_2021": perez_ruixo(),
    "simons_2022": simons(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One dose as a nurse gives it: a vein may take minutes, `nth` counts the devices of a sitting before it."""

    route: str
    ug: float
    start: float = 0.0
    minutes: float = 0.0
    nth: int = 0


def integrate(
    paper: Paper, person: Subject, given: Sequence[Given], times: FloatArray
) -> dict[str, FloatArray]:
    """The course of each analyte by a general solver of differential equations, ng/mL; at a bolus: just after it.

    Every start and end of an inflow is a stop, so that the solver only ever sees a smooth stretch.
    """
    flows: list[tuple[float, float, int, float]] = []
    boluses: list[tuple[float, int, float]] = []
    for dose in given:
        for state, ug, own_minutes in paper.enter(dose.route, dose.ug, dose.nth, person):
            minutes = own_minutes or dose.minutes
            if minutes:
                flows.append((dose.start, dose.start + minutes, state, ug / minutes))
            else:
                boluses.append((dose.start, state, ug))
    stops = {0.0, float(times[-1])} | {minute for minute, _, _ in boluses}
    stops |= {edge for start, end, _, _ in flows for edge in (start, end)}
    knots = sorted(stop for stop in stops if stop <= times[-1])
    scale = sum(dose.ug for dose in given)
    amounts = np.zeros(paper.states)
    found = np.zeros((len(times), paper.states))
    for start, end in zip(knots, [*knots[1:], knots[-1]], strict=True):
        for minute, state, ug in boluses:
            amounts[state] += ug if minute == start else 0.0
        inside = (times >= start) & ((times < end) | (start == end))
        asked = np.union1d(times[inside], [start, end])
        if start == end:
            found[inside] = amounts
            continue
        running = np.zeros(paper.states)
        for begins, ends, state, rate in flows:
            running[state] += rate if begins <= start < ends else 0.0
        solved = solve_ivp(
            lambda _, a, running=running: np.array(paper.change(a, person)) + running,
            (start, end),
            amounts,
            method="LSODA",
            rtol=1e-10,
            atol=1e-12 * scale,
            t_eval=asked,
        )
        assert solved.success, solved.message
        found[inside] = solved.y.T[np.isin(asked, times[inside])]
        amounts = solved.y[:, -1].copy()
    rows = [paper.seen(row, person) for row in found]
    return {analyte: np.array([row[analyte] for row in rows]) for analyte in rows[0]}
