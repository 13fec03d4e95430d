"""What is coming at one chair: the forecast of a session, kept for a few seconds, as plain values and words.

In: the session's facts, its patient, protocol and answers, the moment. Out: an `Answer`: a forecast with what came before
it, or a refusal in words. Screens show it beside facts; no alarm, no duty and no item of a discharge reads it.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from threading import Lock
from uuid import UUID

import numpy as np

from vigil.evidence.models import default_effect_site, load_model
from vigil.evidence.priors import load_effect_level, load_readiness
from vigil.evidence.protocols import Protocol
from vigil.kinetics.bands import Bands
from vigil.kinetics.facts import Dose, FloatArray, Subject
from vigil.kinetics.forecast import Forecast, Prepared, prepare, refresh
from vigil.kinetics.planned import bands_so_far
from vigil.kinetics.readiness import EffectLevel, Item, ReadinessCurve, curve
from vigil.kinetics.selection import choose
from vigil.people.domain.facts import Patient
from vigil.plan.domain.course import planned_doses, read_subject
from vigil.session.domain.facts import CheckedIn, OpenItem, SessionFact
from vigil.session.domain.kinetics import Giving, read_giving
from vigil.units.refusals import Refused
from vigil.web.planned_course import WHOLE_MINUTES, all_models, horizon_minutes

KEPT_SECONDS = 5
"""An answer serves every screen of its chair for this long: people move in minutes, and twenty chairs share one core."""

AHEAD_MINUTES = 40
"""The forecast reaches at least this far past now, however late it is."""

EFFECT_LEVEL = "olofsen_c50"
"""The one published concentration that a forecast is read by, for every drug; its own notes say what it is not."""

READY_SHARES = {"nasal": "ready_nasal_esketamine"}
"""Published shares of patients ready to leave, by route; none was published for an infusion."""

READY_REFUSALS = ("KIN-ONE-MODEL",)
"""Refusals that leave published readiness as it is: it comes from counted patients, not from a model of this one."""

NOT_OF_THE_BODY = ("SES-FLOOR", "SES-ESCORT", "SES-ESCORT-IDENTITY", "SES-ESCORT-ARRIVED", "SES-INSTRUCTIONS")  # fmt: skip
"""Items of a discharge that say nothing of how the patient is: the minimum stay has its own place, and when an escort comes
nobody publishes."""

SESSIONS_KEPT = 48
"""Sessions whose drawn people stay in memory (about 1 MB each): two screens' worth of a clinic of 24 chairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question: everything that the answer depends on but the clock. Two equal ones have one answer."""

    session_id: UUID
    fact_id: int
    subject: Subject
    planned: tuple[Dose, ...]
    protocol: Protocol
    giving: Giving


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """The course up to now of what was given, on its own times; one `Bands` for each model of the forecast."""

    time_minutes: FloatArray
    bands: tuple[Bands, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A forecast and what came before it, or a refusal; never both. `ready`: bounds of being ready, when anything is known."""

    asked: Asked
    level: EffectLevel
    until_minutes: int
    refused: Refused | None = None
    forecast: Forecast | None = None
    so_far: SoFar | None = None
    ready: ReadinessCurve | None = None


def read_asked(
    facts: Sequence[SessionFact],
    *,
    patient: Patient,
    protocol: Protocol,
    answers: Mapping[str, bool | int | None],
    on: date,
    now: datetime,
) -> Asked | None:
    """The question of a session at `now`; None before its drug started.

    The person is the one who was weighed at this session's check-in.
    """
    checked_in = facts[0]
    assert isinstance(checked_in, CheckedIn), "a session begins with its check-in"
    giving = read_giving(
        facts, dosing=protocol.dosing, infusion_minutes=checked_in.infusion_minutes, now=now
    )
    if giving is None:
        return None
    return Asked(
        session_id=checked_in.session_id,
        fact_id=facts[-1].fact_id,
        subject=read_subject(
            born_on=patient.born_on,
            sex=patient.sex,
            weight_g=checked_in.weight_g,
            answers=answers,
            on=on,
        ),
        planned=planned_doses(
            drug=protocol.drug,
            route=protocol.route,
            dosing=protocol.dosing,
            dose_ug=checked_in.dose_ug,
            infusion_minutes=checked_in.infusion_minutes,
        ),
        protocol=protocol,
        giving=giving,
    )


class Keeper:
    """Keeps the drawn people of each session, and each answer for a few seconds.

    One forecast is computed at a time in the whole process: however many chairs ask, and however long the first one takes,
    at most one of the web's threads is away from vital signs and acts.
    """

    def __init__(self, *, sessions_kept: int = SESSIONS_KEPT) -> None:
        self._sessions_kept = sessions_kept
        self._guard = Lock()
        self._computing = Lock()
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()

    def answer(
        self,
        asked: Asked,
        *,
        now: datetime,
        items_of: Callable[[], Sequence[OpenItem]],
        may_wait: bool = False,
    ) -> Answer | None:
        """The answer to the question, at most KEPT_SECONDS old and of these very facts; None: ask again soon.

        `items_of` reads the items of the discharge; it is asked only when an answer is made. `may_wait`: rather wait for
        another computation than be told to ask again.
        """
        kept = self._of(asked.session_id)
        moment = (asked.fact_id, int(now.timestamp()) // KEPT_SECONDS)
        if (found := kept.answer_of(moment)) is not None:
            return found
        if not self._computing.acquire(blocking=may_wait):
            return None
        try:
            # Whoever waited may find that the one before it computed the same.
            if (found := kept.answer_of(moment)) is not None:
                return found
            bare = _answer(asked, kept.prepared)
            found = replace(bare, ready=_ready(bare, tuple(items_of())))
            kept.latest = (moment, found)
            return found
        finally:
            self._computing.release()

    def _of(self, session_id: UUID) -> "_Kept":
        with self._guard:
            kept = self._kept.setdefault(session_id, _Kept())
            self._kept.move_to_end(session_id)
            while len(self._kept) > self._sessions_kept:
                self._kept.popitem(last=False)
            return kept


class _Kept:
    """What is kept of one session: its newest answer with the moment it is of, and its drawn people."""

    def __init__(self) -> None:
        self.latest: tuple[tuple[int, int], Answer] | None = None
        self._key: tuple[tuple[str, ...], Subject] | None = None
        self._prepared: Prepared | Refused | None = None

    def answer_of(self, moment: tuple[int, int]) -> Answer | None:
        """The newest answer when it is of this moment."""
        latest = self.latest
        return latest[1] if latest is not None and latest[0] == moment else None

    def prepared(
        self, names: tuple[str, ...], subject: Subject, make: Callable[[], Prepared | Refused]
    ) -> Prepared | Refused:
        """The drawn people, made again only when the models or the person changed."""
        if self._prepared is None or self._key != (names, subject):
            self._key, self._prepared = (names, subject), make()
        return self._prepared


Prepare = Callable[[tuple[str, ...], Subject, Callable[[], Prepared | Refused]], Prepared | Refused]


def _answer(asked: Asked, prepared_of: Prepare) -> Answer:
    level = load_effect_level(EFFECT_LEVEL)
    until = _until(asked)
    refused = {"asked": asked, "level": level, "until_minutes": until}
    choice = choose(all_models(), asked.subject, asked.planned)
    if isinstance(choice, Refused):
        return Answer(refused=choice, **refused)
    names = tuple(model.name for model in choice.drawn)
    prepared = prepared_of(names, asked.subject, lambda: _prepare(asked, names))
    if isinstance(prepared, Refused):
        return Answer(refused=prepared, **refused)
    giving = asked.giving
    found = refresh(
        prepared,
        given=giving.given,
        rest=giving.rest,
        now_minutes=giving.now_minutes,
        until_minutes=float(until),
        levels_ng_per_ml=(level.ng_per_ml,),
        last_rate_record_minutes_ago=giving.rate_record_minutes_ago,
    )
    if isinstance(found, Refused):
        return Answer(refused=found, **refused)
    return Answer(forecast=found, so_far=_so_far(prepared, giving), **refused)


def _prepare(asked: Asked, names: tuple[str, ...]) -> Prepared | Refused:
    return prepare(
        tuple(load_model(name) for name in names),
        asked.subject,
        effect_site=default_effect_site(),
        routes=tuple(sorted({dose.route for dose in asked.planned})),
        seed=seed_of(asked.session_id),
    )


def seed_of(session_id: UUID) -> int:
    """The session's own seed: every screen and every refresh draws the same people."""
    return session_id.int % 2**63


def _until(asked: Asked) -> int:
    """The last minute drawn: past the minimum stay, and always some way past now."""
    late = -int(-(asked.giving.now_minutes + AHEAD_MINUTES) // WHOLE_MINUTES) * WHOLE_MINUTES
    return max(horizon_minutes(asked.planned, asked.protocol), late)


def _so_far(prepared: Prepared, giving: Giving) -> SoFar:
    """One point a minute from the start, and now."""
    time = np.append(np.arange(0.0, giving.now_minutes), giving.now_minutes)
    return SoFar(
        time_minutes=time,
        bands=tuple(bands_so_far(drawn, giving.given, time) for drawn in prepared.drawn),
    )


# --- ready to leave -----------------------------------------------------------------------------


def floor_minute(asked: Asked) -> float:
    """When the minimum stay ends, in minutes since the start; from the planned end while the drug still runs."""
    rule, giving = asked.protocol.discharge, asked.giving
    if rule.floor_from == "start":
        return float(rule.floor_minutes)
    doses = (*giving.given, *giving.rest)
    ends = [dose.start_minutes + (dose.duration_minutes or 0.0) for dose in doses]
    # A stop that was recorded late counts from its record: that is what the discharge itself counts from.
    last = giving.stopped_minutes if giving.stopped_minutes is not None else max(ends, default=0.0)
    return last + rule.floor_minutes


def _ready(answer: Answer, items: tuple[OpenItem, ...]) -> ReadinessCurve | None:
    """Bounds of being ready to leave, as far as a forecast or published shares say anything."""
    asked = answer.asked
    if answer.refused is not None and answer.refused.code not in READY_REFUSALS:
        return None
    shares = READY_SHARES.get(asked.planned[0].route)
    if answer.forecast is None and shares is None:
        return None
    return curve(
        elapsed_minutes=asked.giving.now_minutes,
        floor_minute=floor_minute(asked),
        until_minute=float(answer.until_minutes),
        items=tuple(
            Item(code=item.code, is_met=item.is_met)
            for item in items
            if item.code not in NOT_OF_THE_BODY
        ),
        forecast=answer.forecast,
        level=answer.level if answer.forecast is not None else None,
        anchors=None if shares is None else load_readiness(shares),
    )
