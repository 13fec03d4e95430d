"""A simulated patient under a simulated monitor, for trying Vigil out and for tests. No real person.

In: a seed, and minutes since the infusion began. Out: spelled vital signs that answer it, around published
means (rise to 40 minutes, back by about 90). Never a forecast for anyone.
"""

import random
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from vigil.evidence.physiology import Physiology
from vigil.exchange.devices.messages import CHANNELS, Spelled
from vigil.kinetics.effect import effect

CUFF_MINUTES = 5
"""The simulated cuff inflates so often; its values are repeated in every message between."""

SURGE_MMHG = 52
"""Added to the systolic pressure by a planted surge: over any usual limit from any usual baseline."""

SURGE_MINUTES = 10
DESATURATION_PERCENT = 11
DESATURATION_MINUTES = 2
DROPOUT_MINUTES = 1
INFUSION_MINUTES = 40

TOGETHER = 0.7
"""How closely lower pressure follows upper pressure between simulated people; chosen for the simulation."""

PULSE_PRESSURE_MMHG = 35
"""Least difference of the two pressures at rest; chosen for the simulation (about 40 is usual)."""

NARROWEST_MMHG = 25
"""Least difference of the two pressures at any moment; chosen for the simulation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Events put into the course, in minutes since the infusion began; None for none."""

    surge_minute: float | None = None
    desaturation_minute: float | None = None
    dropout_minute: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPatient:
    """One simulated person: resting values and how strongly they answer, all drawn from the seed."""

    resting_sbp: float
    resting_dbp: float
    resting_hr: float
    resting_rr: float
    resting_spo2: float
    sbp_rise: float
    dbp_rise: float
    hr_rise: float
    seed: int
    infusion_minutes: float = INFUSION_MINUTES


def draw_patient(
    seed: int, physiology: Physiology, *, infusion_minutes: float = INFUSION_MINUTES
) -> SimulatedPatient:
    """A patient from the published spread; the same seed gives the same one."""
    rng = random.Random(f"patient {seed}")  # noqa: S311 - a simulation, no secret

    def around(name: str, *, lowest: float) -> float:
        anchor = physiology.anchor(name)
        return max(lowest, rng.gauss(anchor.value, anchor.sd or 0.0))

    def with_upper(name: str, *, upper_name: str, upper: float, lowest: float) -> float:
        """Drawn around its own mean with its own spread, and higher where the upper pressure is."""
        lower, over = physiology.anchor(name), physiology.anchor(upper_name)
        assert lower.sd
        assert over.sd
        expected = lower.value + TOGETHER * lower.sd / over.sd * (upper - over.value)
        return max(lowest, rng.gauss(expected, lower.sd * (1 - TOGETHER**2) ** 0.5))

    sbp, sbp_rise = around("resting_sbp", lowest=100), around("sbp_rise", lowest=-20)
    dbp = with_upper("resting_dbp", upper_name="resting_sbp", upper=sbp, lowest=60)
    return SimulatedPatient(
        resting_sbp=sbp,
        resting_dbp=min(dbp, sbp - PULSE_PRESSURE_MMHG),
        resting_hr=around("resting_hr", lowest=52),
        resting_rr=min(18.0, around("resting_rr", lowest=12)),
        resting_spo2=min(99.0, around("resting_spo2", lowest=95)),
        sbp_rise=sbp_rise,
        dbp_rise=with_upper("dbp_rise", upper_name="sbp_rise", upper=sbp_rise, lowest=-15),
        hr_rise=around("hr_rise", lowest=0),
        seed=seed,
        infusion_minutes=infusion_minutes,
    )


def mean_patient(physiology: Physiology, *, seed: int = 0) -> SimulatedPatient:
    """The published means, with no spread."""

    def mean(name: str) -> float:
        return physiology.anchor(name).value

    return SimulatedPatient(
        resting_sbp=mean("resting_sbp"),
        resting_dbp=mean("resting_dbp"),
        resting_hr=mean("resting_hr"),
        resting_rr=mean("resting_rr"),
        resting_spo2=mean("resting_spo2"),
        sbp_rise=mean("sbp_rise"),
        dbp_rise=mean("dbp_rise"),
        hr_rise=mean("hr_rise"),
        seed=seed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Vital signs of one moment; None when the sensor has nothing."""

    hr: float | None
    pulse: float | None
    spo2: float | None
    rr: float | None
    sbp: float
    dbp: float

    @property
    def mean_pressure(self) -> float:
        return self.dbp + (self.sbp - self.dbp) / 3


def vitals_at(patient: SimulatedPatient, minute: float, planted: Planted) -> Vitals:
    """The vital signs so many minutes after the infusion began (before it: at rest).

    Noise is a function of the seed and the second, so that a minute is the same however it is reached.
    """
    share = float(effect(np.array([max(minute, 0.0)]), patient.infusion_minutes)[0])
    rng = random.Random(f"{patient.seed} {round(minute * 60)}")  # noqa: S311 - a simulation
    surge = _bump(minute, planted.surge_minute, SURGE_MINUTES)
    fall = _bump(minute, planted.desaturation_minute, DESATURATION_MINUTES)
    hr = patient.resting_hr + share * patient.hr_rise + 12 * surge + rng.gauss(0, 0.8)
    spo2 = patient.resting_spo2 - 0.5 * share - DESATURATION_PERCENT * fall + rng.gauss(0, 0.25)
    rr = patient.resting_rr - 0.8 * share - 6 * fall + rng.gauss(0, 0.4)
    sbp = patient.resting_sbp + share * patient.sbp_rise + SURGE_MMHG * surge + rng.gauss(0, 1.5)
    dbp = patient.resting_dbp + share * patient.dbp_rise + 24 * surge + rng.gauss(0, 1.2)
    is_off = _is_within(minute, planted.dropout_minute, DROPOUT_MINUTES)
    return Vitals(
        hr=hr,
        pulse=None if is_off else hr + rng.gauss(0, 0.6),
        spo2=None if is_off else min(100.0, spo2),
        rr=rr,
        sbp=sbp,
        dbp=min(dbp, sbp - NARROWEST_MMHG),
    )


def _is_within(minute: float, start: float | None, length: float) -> bool:
    return start is not None and start <= minute < start + length


def _bump(minute: float, start: float | None, length: float) -> float:
    """0 outside, 1 inside, with slopes of a quarter minute: faster would look like an artefact."""
    if start is None:
        return 0.0
    return max(0.0, min(1.0, (minute - start) / 0.25, (start + length - minute) / 0.25))


@dataclass(slots=True, kw_only=True)
class Monitor:
    """A simulated monitor: a value a second, a cuff now and then, whose set it repeats until the next."""

    patient: SimulatedPatient
    planted: Planted
    cuff_minutes: float = CUFF_MINUTES
    _cuff: tuple[Spelled, ...] = ()
    _cuff_due: float | None = None

    def read(self, minute: float, at: datetime) -> tuple[Spelled, ...]:
        """What the monitor says at this moment, `minute` minutes after the infusion began."""
        now = vitals_at(self.patient, minute, self.planted)
        if self._cuff_due is None or minute >= self._cuff_due:
            self._cuff_due = self._next_cuff(minute)
            cuff = {"150021": now.sbp, "150022": now.dbp, "150023": now.mean_pressure}
            self._cuff = tuple(_spelled(code, value, at) for code, value in cuff.items())
        steady = {"147842": now.hr, "149530": now.pulse, "150456": now.spo2, "151578": now.rr}
        return (*(_spelled(code, value, at) for code, value in steady.items()), *self._cuff)

    def _next_cuff(self, minute: float) -> float:
        rounds = minute // self.cuff_minutes + 1
        due = rounds * self.cuff_minutes
        surge = self.planted.surge_minute
        # A nurse who sees the face go red takes a pressure at once: the surge is measured when it begins.
        starts = [] if surge is None else [surge + 0.5, surge + SURGE_MINUTES + 0.5]
        return min([due, *(start for start in starts if start > minute)])


def _spelled(code: str, value: float | None, at: datetime) -> Spelled:
    text = "" if value is None else str(max(1, round(value)))
    return Spelled(code=code, text=text, measured_at=at, sub_id=CHANNELS[code])
