"""What the tests of the kinetic engine share: people, doses, random systems, and an answer in fifty digits.

The shipped models come from the evidence; beside them stand systems that no paper has (equal rates, one-way rings, drug that never
leaves), because an engine for any linear model must answer those too.
"""

from collections.abc import Callable

import mpmath
import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st

from vigil.evidence.models import default_effect_site, load_model, model_names
from vigil.kinetics.facts import Dose, LinearSystem, Model, Schedule, Subject
from vigil.kinetics.system import build_schedule, build_system, values_for

NAMES = model_names()
DAYS_28 = 28 * 24 * 60.0
ADULT = Subject(age_years=40.0, weight_kg=70.0)
BRISK = settings(deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
"""A failing case is a whole schedule and some milliseconds each: it is told as found, not made smaller for minutes."""
PROMISED = 1e-10
SEEN_FROM = 1e-6
"""The promise: ten digits wherever a concentration is above a millionth of its peak."""


def built(
    model: Model | str,
    doses: tuple[Dose, ...],
    *,
    subject: Subject = ADULT,
    etas: dict[str, float] | None = None,
    with_effect: bool = True,
) -> tuple[LinearSystem, Schedule]:
    """One person's system and schedule; the box is not asked."""
    model = load_model(model) if isinstance(model, str) else model
    values = values_for(model, subject, etas=etas)
    system = build_system(model, values, effect_site=default_effect_site() if with_effect else None)
    return system, build_schedule(model, values, doses, states=system.states)


def one_of_each_route(model: Model) -> tuple[Dose, ...]:
    """A dose by every route, two hours apart, the first at 0."""
    return tuple(
        Dose(
            amount_ug=route.device_ug or 20_000,
            route=route.route,
            start_minutes=120.0 * k,
            duration_minutes=40.0 if route.route == "iv" else None,
        )
        for k, route in enumerate(model.routes)
    )


@st.composite
def doses_of(draw: Callable, model: Model, *, most: int = 6) -> tuple[Dose, ...]:
    """Doses by any of the model's routes within 28 days, at odd times, some of them at one time."""
    minutes = st.one_of(
        st.integers(0, 28 * 24 * 60).map(float),
        st.floats(0.0, DAYS_28, allow_nan=False),
        st.sampled_from([0.0, 2.0, 60.0, 1440.0]),
    )
    found = []
    for _ in range(draw(st.integers(1, most))):
        route = draw(st.sampled_from(model.routes))
        lasting = st.one_of(st.none(), st.floats(0.05, 360.0), st.sampled_from([1.0, 40.0]))
        found.append(
            Dose(
                amount_ug=(route.device_ug or 1000)
                * draw(st.integers(1, 3 if route.device_ug else 99)),
                route=route.route,
                start_minutes=draw(minutes),
                duration_minutes=draw(lasting) if route.route == "iv" else None,
            )
        )
    return tuple(found)


@st.composite
def times_about(draw: Callable, schedule: Schedule, *, most: int = 40) -> np.ndarray:
    """Odd, unsorted and repeated times: at events, a moment after them, long after the last one, before the first."""
    events = [float(m) for m in schedule.minutes]
    near = st.builds(
        lambda event, after: event + after,
        st.sampled_from(events),
        st.one_of(
            st.sampled_from([0.0, 0.01, 1.0, 60.0, 1440.0]),
            st.floats(1e-3, 5.0),
            st.floats(0.0, 4000.0),
        ),
    )
    anywhere = st.floats(0.0, 2 * DAYS_28, allow_nan=False)
    found = draw(st.lists(st.one_of(near, near, anywhere), min_size=1, max_size=most))
    repeated = draw(st.lists(st.sampled_from(found), max_size=4))
    return np.array(draw(st.permutations(found + repeated)), dtype=np.float64)


RATES = st.one_of(
    st.floats(1e-4, 3.0), st.sampled_from([0.01, 0.05, 0.1, 0.1, 0.5, 1.0])
)  # a few values often, so that rates coincide


@st.composite
def systems(draw: Callable, *, most: int = 6) -> LinearSystem:
    """Any compartment system: chains, loops, equal rates, states that nothing leaves."""
    size = draw(st.integers(1, most))
    rates = np.zeros((size, size))
    for source in range(size):
        for target in range(size):
            if source != target and draw(st.integers(0, 2)) == 0:
                rates[target, source] = draw(RATES)
        out = draw(RATES) if draw(st.booleans()) else 0.0
        rates[source, source] = -(rates[:, source].sum() + out)
    volumes = [draw(st.floats(0.5, 300.0)) for _ in range(size)]
    seen = draw(st.lists(st.sampled_from(range(size)), min_size=1, max_size=3, unique=True))
    outputs = np.zeros((len(seen), size))
    for row, state in enumerate(seen):
        outputs[row, state] = 1.0 / volumes[state]
    return LinearSystem(
        states=tuple(f"s{k}" for k in range(size)),
        analytes=tuple(f"a{k}" for k in range(len(seen))),
        rates=rates,
        outputs=outputs,
    )


@st.composite
def schedules(draw: Callable, size: int, *, most: int = 5) -> Schedule:
    """Boluses and inputs into any states, with gaps of any length down to none."""
    count = draw(st.integers(1, most))
    gaps = st.one_of(st.just(0.0), st.floats(0.001, 2000.0), st.sampled_from([1.0, 40.0]))
    minutes = np.cumsum([draw(gaps) for _ in range(count)])
    amounts = st.one_of(st.just(0.0), st.floats(1.0, 1e5))
    boluses = np.array([[draw(amounts) for _ in range(size)] for _ in range(count)])
    rates = np.array([[draw(amounts) / 40 for _ in range(size)] for _ in range(count)])
    rates[-1] = 0.0
    return Schedule(minutes=minutes, boluses=boluses, rates=rates)


def in_fifty_digits(
    system: LinearSystem, schedule: Schedule, times: np.ndarray, *, digits: int = 50
) -> np.ndarray:
    """What `slow.concentrations` should give, by mpmath's own matrix exponential, rounded once at the end."""
    size = len(system.states)
    # The exponential of a matrix of norm 1e5 loses some digits inside.
    with mpmath.workdps(digits + 25):
        rates = mpmath.matrix(system.rates.tolist())
        outputs = mpmath.matrix(system.outputs.tolist())
        courses = np.zeros((len(system.analytes), len(times)))
        amounts = mpmath.zeros(size, 1)

        def moved(
            start: mpmath.matrix, input_rates: np.ndarray, minutes: mpmath.mpf
        ) -> mpmath.matrix:
            enlarged = mpmath.zeros(size + 1, size + 1)
            for i in range(size):
                for j in range(size):
                    enlarged[i, j] = rates[i, j] * minutes
                enlarged[i, size] = mpmath.mpf(float(input_rates[i])) * minutes
            state = mpmath.matrix([*start, 1])
            return (mpmath.expm(enlarged, method="taylor") * state)[:size]

        for k, start in enumerate(schedule.minutes):
            amounts = amounts + mpmath.matrix([float(b) for b in schedule.boluses[k]])
            end = schedule.minutes[k + 1] if k + 1 < len(schedule.minutes) else np.inf
            for index in np.flatnonzero((times >= start) & (times < end)):
                since = mpmath.mpf(float(times[index])) - mpmath.mpf(float(start))
                then = outputs * moved(amounts, schedule.rates[k], since)
                courses[:, index] = [float(value) for value in then]
            if np.isfinite(end):
                amounts = moved(
                    amounts, schedule.rates[k], mpmath.mpf(float(end)) - mpmath.mpf(float(start))
                )
        return courses


def worst(found: np.ndarray, expected: np.ndarray, peaks: np.ndarray | None = None) -> float:
    """The largest relative error among the values above a millionth of their course's peak; arrays (M, T)."""
    assert found.shape == expected.shape
    assert np.all(np.isfinite(found))
    most = expected.max(axis=1, initial=0.0) if peaks is None else peaks
    counted = (expected > SEEN_FROM * most[:, None]) & (expected > 0)
    errors = np.abs(found - expected) / np.where(counted, expected, 1.0)
    return float(errors[counted].max(initial=0.0))
