"""One person, two models and sessions for the tests of forecast, individual pressure and readiness."""

import dataclasses

import numpy as np

from vigil.evidence.models import default_effect_site, load_model
from vigil.evidence.priors import load_pressure_prior
from vigil.kinetics.draws import Drawn
from vigil.kinetics.facts import Dose, Model, Subject
from vigil.kinetics.forecast import Forecast, Prepared, prepare, refresh
from vigil.kinetics.individual import Reading, SessionReadings
from vigil.kinetics.system import EFFECT, LinearSystem, build_schedule

SUBJECT = Subject(age_years=40, weight_kg=70)
KAMP = load_model("kamp_2020")
DOMINO = load_model("domino_1982")
SIMONS = load_model("simons_2022")
OTTO = load_model("otto_2021")
PEREZ = load_model("perez_ruixo_2021")
PAIR = (KAMP, DOMINO)
EFFECT_SITE = default_effect_site()
YOUNG = Subject(age_years=30, weight_kg=70)
"""Inside the box of every model of S-ketamine by vein."""


def infusion(start: float, end: float, amount_ug: int, route: str = "iv") -> Dose:
    return Dose(
        amount_ug=amount_ug,
        route=route,  # type: ignore[arg-type]
        start_minutes=start,
        duration_minutes=end - start,
    )


GIVEN = (infusion(0.0, 15.0, 13_000), infusion(18.0, 20.0, 2_000))
REST = (infusion(20.0, 40.0, 17_000),)
NOW = 20.0


def prepared(models=PAIR, subject=SUBJECT, *, draws=200, seed=3, routes=("iv",)) -> Prepared:
    answer = prepare(
        models, subject, effect_site=EFFECT_SITE, routes=routes, draws=draws, seed=seed
    )
    assert isinstance(answer, Prepared), answer
    return answer


def refreshed(scene: Prepared, **changes) -> Forecast:
    question = {
        "given": GIVEN,
        "rest": REST,
        "now_minutes": NOW,
        "until_minutes": NOW + 90.0,
        "last_rate_record_minutes_ago": 1.0,
        **changes,
    }
    answer = refresh(scene, **question)
    assert isinstance(answer, Forecast), answer
    return answer


def system_of(drawn: Drawn, index: int) -> LinearSystem:
    """One drawn person as the slow engine takes it: nothing of modes or recurrences."""
    return LinearSystem(
        states=drawn.states,
        analytes=("ketamine", EFFECT),
        rates=drawn.rates[index],
        outputs=drawn.seen[index],
    )


def schedule_of(drawn: Drawn, index: int, doses: tuple[Dose, ...]):
    """What enters one drawn person, built by the one-person code, less what never reaches the measured place."""
    values = {name: float(array[index]) for name, array in drawn.values.items()}
    states = tuple(c.name for c in drawn.model.compartments)
    schedule = build_schedule(drawn.model, values, doses, states=states)
    kept = [states.index(name) for name in drawn.states[:-1]]
    pad = np.zeros((len(schedule.minutes), 1))
    return dataclasses.replace(
        schedule,
        boluses=np.hstack([schedule.boluses[:, kept], pad]),
        rates=np.hstack([schedule.rates[:, kept], pad]),
    )


# --- pressure -----------------------------------------------------------------------------------

PRIOR = load_pressure_prior("pressure_s_ketamine")
SIGNED = dataclasses.replace(PRIOR, is_enabled=True)
ARTERIAL = dataclasses.replace(SIGNED, site="arterial")
"""For tests only: six effects need a model with three parameters that differ, and that one is arterial."""

TIMES = (0.0, 10.0, 20.0, 30.0, 45.0, 60.0)


def empty_sessions(count: int = 5, times=TIMES) -> tuple[SessionReadings, ...]:
    readings = tuple(Reading(minute=t, sbp_mmhg=120) for t in times)
    return tuple(
        SessionReadings(doses=(infusion(0.0, 40.0, 25_000),), readings=readings)
        for _ in range(count)
    )


def with_pressures(sessions: tuple[SessionReadings, ...], pressures) -> tuple[SessionReadings, ...]:
    left = iter(np.clip(np.round(pressures), 30, 350).astype(int))
    return tuple(
        dataclasses.replace(
            session,
            readings=tuple(
                Reading(minute=r.minute, sbp_mmhg=int(next(left))) for r in session.readings
            ),
        )
        for session in sessions
    )


def without_variability(model: Model) -> Model:
    return dataclasses.replace(
        model,
        covariances=(),
        parameters=tuple(dataclasses.replace(p, variability=None) for p in model.parameters),
    )
