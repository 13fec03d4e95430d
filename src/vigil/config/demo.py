"""The demo clinic: four chairs, six staff, twelve simulated patients at every stage, stock in the safe.

In: an empty database. Out: a clinic whose every row was written through the rooms' own actions, at the times
it would have happened. Every person here is made up and labelled as simulated.
"""

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.db import transaction

from vigil.assessment.actions import record_assessment
from vigil.config import demo_visits as visits
from vigil.config.demo_visits import Crew, done
from vigil.custody import actions as custody
from vigil.custody import queries as safe
from vigil.evidence.protocols import load_protocol
from vigil.outcome import actions as outcome
from vigil.people import actions as people
from vigil.people.domain.consent import CONSENT_VERSION
from vigil.people.domain.facts import Patient, Staff
from vigil.people.duties import Duty
from vigil.people.queries import clinics, patients, staff_of
from vigil.plan.actions import adopt_protocol, sign
from vigil.plan.domain.facts import Plan, PlanRequest
from vigil.plan.queries import signed_plan
from vigil.record.clock import machine_now, new_id, now
from vigil.session.actions import add_chair
from vigil.session.domain.facts import OpenSession
from vigil.session.queries import chairs, facts, open_sessions, sessions_of
from vigil.units.durations import elapsed
from vigil.units.refusals import Refused

PASSWORD = "simulated clinic only"  # noqa: S105 - printed at every start of the demo
"""One password for the six simulated staff; 15 letters at least, as for anybody."""

NURSE_DUTIES = ("prepare", "witness", "give", "monitor", "discharge", "reconcile")
STAFF: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("desk", "Demo Front Desk", ("register",)),
    ("prescriber", "Demo Prescriber", ("assess", "prescribe", "review", "witness")),
    ("nurse1", "Demo Nurse One", NURSE_DUTIES),
    ("nurse2", "Demo Nurse Two", NURSE_DUTIES),
    ("compliance", "Demo Compliance Lead", ("receive", "reconcile", "review", "witness")),
    ("owner", "Demo Owner", ("administer", "review")),
)
LOGINS = tuple((login, PASSWORD, ", ".join(duties)) for login, _, duties in STAFF)

STALE_AFTER = timedelta(hours=4)
"""A simulated visit that nobody touched for so long was left over when the demo was stopped."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A simulated patient: who they are, where they stand, and how their scores go."""

    name: str
    born_on: date
    sex: str
    allergies: tuple[str, ...] | None
    weight_g: int
    intention: str
    measure: str


PEOPLE = (
    Person(name="Simulated Ash", born_on=date(1988, 5, 2), sex="female", allergies=None,
           weight_g=61_000, intention="", measure=""),
    Person(name="Simulated Aspen", born_on=date(1961, 11, 19), sex="male", allergies=(),
           weight_g=88_000, intention="", measure=""),
    Person(name="Simulated Alder", born_on=date(1979, 2, 8), sex="male", allergies=("latex",),
           weight_g=93_500, intention="", measure=""),
    Person(name="Simulated Beech", born_on=date(1993, 7, 30), sex="female", allergies=(),
           weight_g=57_300, intention="", measure=""),
    Person(name="Simulated Birch", born_on=date(1966, 4, 12), sex="male", allergies=(),
           weight_g=79_400, intention="Walk the dog every morning again",
           measure="Mornings out of seven"),
    Person(name="Simulated Cedar", born_on=date(1984, 9, 3), sex="female", allergies=("penicillin",),
           weight_g=66_200, intention="Sit through dinner with the family without leaving the table",
           measure="Dinners out of seven"),
    Person(name="Simulated Elm", born_on=date(1957, 1, 25), sex="female", allergies=(),
           weight_g=72_800, intention="Go back to the choir", measure="Wish to be among people, 0 to 10"),
    Person(name="Simulated Hazel", born_on=date(1990, 12, 14), sex="female", allergies=(),
           weight_g=64_500, intention="Read a whole book", measure="Pages a day"),
    Person(name="Simulated Juniper", born_on=date(1972, 3, 14), sex="female", allergies=(),
           weight_g=68_000, intention="Get up with my son on school days",
           measure="School mornings out of five"),
    Person(name="Simulated Larch", born_on=date(1979, 8, 21), sex="male", allergies=("ibuprofen",),
           weight_g=91_500, intention="Cook for friends once a month",
           measure="Wish to see friends, 0 to 10"),
    Person(name="Simulated Maple", born_on=date(1986, 6, 6), sex="female", allergies=(),
           weight_g=59_400, intention="Answer the phone when it rings", measure="Calls answered of ten"),
    Person(name="Simulated Rowan", born_on=date(1975, 10, 27), sex="male", allergies=(),
           weight_g=82_100, intention="Finish the half-built shelf", measure="Hours in the workshop a week"),
)  # fmt: skip


def build(tell: Tell) -> None:
    """Make the clinic. `tell` gets a line of progress for each stage."""
    today = now()
    # All or nothing: a demo that stopped half way is made again at the next start.
    with transaction.atomic(), _past_clock() as at_time:
        tell("  staff, chairs, protocols, stock")
        crew = _found(at_time, today)
        tell("  twelve simulated patients")
        people_made = [_register(person, crew, at_time, today) for person in PEOPLE]
        _early_stages(people_made, crew, at_time, today)
        tell("  past sessions, counts and answers (the longest step)")
        _treated(people_made, crew, at_time, today)
        tell("  today: opening count, a session running now")
        _today(people_made, crew, at_time, today)


def keep_current(tell: Tell) -> None:
    """At a later start: end visits left over from hours ago, so that a session runs now again.

    What people entered stays as it is; only visits that nobody touched for hours are ended.
    """
    crew, today = _crew(), now()
    stale = [
        each
        for each in open_sessions(crew.clinic_id)
        if elapsed(_last_act(each, crew), today) > STALE_AFTER
    ]
    is_running = any(each not in stale for each in open_sessions(crew.clinic_id))
    if not stale or is_running:
        return
    tell("  ending visits left over from an earlier demo")
    with transaction.atomic(), _past_clock() as at_time:
        for each in stale:
            last = _last_act(each, crew)
            visits.stop_old_visit(crew, each.session_id, at_time(last + timedelta(minutes=1)))
            # Later than any minimum stay, so that the patient may leave.
            visits.finish_old_visit(crew, each.session_id, at_time(last + timedelta(minutes=130)))
        waiting = _next_patient(crew, today)
        if waiting is not None:
            patient, weight_g = waiting
            visits.running_visit(
                crew, patient, chair=0, weight_g=weight_g, at_time=at_time, until=today,
                started_at=today - timedelta(minutes=23, seconds=10),
            )  # fmt: skip


def _last_act(each: OpenSession, crew: Crew) -> datetime:
    return facts(each.session_id, clinic_id=crew.clinic_id)[-1].at


def _next_patient(crew: Crew, today: datetime) -> tuple[Patient, int] | None:
    """A simulated patient whose plan has a session left and whose interval has passed."""
    for patient, person in zip(patients(crew.clinic_id), PEOPLE, strict=False):
        plan = signed_plan(patient.patient_id, clinic_id=crew.clinic_id)
        if plan is None or plan.protocol_id != "ket-mdd-iv":
            continue
        given = [
            one.started_at
            for one in sessions_of(patient.patient_id, clinic_id=crew.clinic_id)
            if one.started_at is not None
        ]
        interval = timedelta(hours=plan.interval_hours_min + 1)
        if len(given) < plan.sessions and (not given or elapsed(max(given), today) > interval):
            return patient, person.weight_g
    return None


def _crew() -> Crew:
    (clinic,) = clinics()
    by_login = {each.login: each for each in staff_of(clinic.clinic_id)}
    return Crew(
        clinic_id=clinic.clinic_id, time_zone=clinic.time_zone, password=PASSWORD,
        desk=by_login["desk"], prescriber=by_login["prescriber"], nurse=by_login["nurse1"],
        second_nurse=by_login["nurse2"], compliance=by_login["compliance"],
        chairs=chairs(clinic.clinic_id),
    )  # fmt: skip


@contextmanager
def _past_clock() -> Iterator[Callable[[datetime], datetime]]:
    """Set the server's clock to the moment of each act, so that recorded-at is honest within the story."""
    kept = os.environ.get("VIGIL_TEST_CLOCK")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "offset"
        path.write_text("0")

        def at_time(moment: datetime) -> datetime:
            path.write_text(f"{(moment - machine_now()).total_seconds():.6f}")
            return moment

        os.environ["VIGIL_TEST_CLOCK"] = str(path)
        try:
            yield at_time
        finally:
            del os.environ["VIGIL_TEST_CLOCK"]
            if kept is not None:
                os.environ["VIGIL_TEST_CLOCK"] = kept


def _found(at_time: Callable[[datetime], datetime], today: datetime) -> Crew:
    at = at_time(today - timedelta(days=60))
    clinic = people.found_clinic(name="Demo clinic", time_zone=_zone(), is_simulated=True, at=at)
    staff: dict[str, Staff] = {
        login: people.employ(
            clinic_id=clinic.clinic_id, login=login, name=name,
            duties=[Duty(duty) for duty in duties], password=PASSWORD, by="setup", at=at,
        )
        for login, name, duties in STAFF
    }  # fmt: skip
    chairs = [
        done(
            add_chair(
                clinic_id=clinic.clinic_id, name=f"Chair {number}",
                device_location=f"CLINIC^ROOM1^CHAIR{number}", by="setup", at=at,
            )
        )
        for number in range(1, 5)
    ]  # fmt: skip
    none = people.set_presence(is_on_site=True, by=staff["prescriber"], at=at)
    assert not isinstance(none, Refused), none
    for protocol_id in ("ket-mdd-iv", "esk-trd-us"):
        done(
            adopt_protocol(
                protocol_id=protocol_id, content_hash=load_protocol(protocol_id).content_hash,
                by=staff["prescriber"], at=at, key=new_id(),
            )
        )  # fmt: skip
    crew = Crew(
        clinic_id=clinic.clinic_id,
        time_zone=clinic.time_zone,
        password=PASSWORD,
        desk=staff["desk"],
        prescriber=staff["prescriber"],
        nurse=staff["nurse1"],
        second_nurse=staff["nurse2"],
        compliance=staff["compliance"],
        chairs=tuple(chairs),
    )
    products = {product.name: product for product in safe.products(clinic.clinic_id)}
    for name, lot, containers in (
        ("Ketamine 10 mg/mL, 20 mL vial", "SIM-K2291", 16),
        ("Ketamine 50 mg/mL, 10 mL vial", "SIM-K3310", 2),
        ("Esketamine nasal 28 mg device", "SIM-E0731", 12),
    ):
        done(
            custody.receive(
                product_id=products[name].product_id, lot=lot,
                expires_on=(today + timedelta(days=420)).date(), containers=containers,
                invoice=f"SIM-{lot[-4:]}", by=crew.compliance, at=at, key=new_id(),
            )
        )  # fmt: skip
    return crew


def _zone() -> str:
    """The machine's own zone when it has a name, so that the demo's 09:00 is the reader's."""
    try:
        link = os.readlink("/etc/localtime")
    except OSError:
        return "UTC"
    return link.split("zoneinfo/")[-1] if "zoneinfo/" in link else "UTC"


def _register(
    person: Person, crew: Crew, at_time: Callable[[datetime], datetime], today: datetime
) -> Patient:
    at = at_time(today - timedelta(days=50))
    return done(
        people.register_patient(
            name=person.name, born_on=person.born_on, sex=person.sex, phone="",
            allergies=person.allergies, by=crew.desk, at=at, key=new_id(),
        )
    )  # fmt: skip


def _answers(protocol_id: str, **changed: object) -> dict[str, object]:
    """A full set of answers: No everywhere, quiet numbers, then what is changed."""
    quiet = {"resting_sbp": 124, "resting_dbp": 78, "failed_trials": 4}
    answers: dict[str, object] = {
        question.name: quiet.get(question.name, 0) if question.kind == "int" else False
        for question in load_protocol(protocol_id).questions
    }
    return answers | changed


def _assess(patient: Patient, crew: Crew, at: datetime, protocol_id: str, **changed: object):
    return done(
        record_assessment(
            patient_id=patient.patient_id, protocol_id=protocol_id,
            answers=_answers(protocol_id, **changed), by=crew.prescriber, at=at, key=new_id(),
        )
    )  # fmt: skip


def _plan(
    patient: Patient,
    person: Person,
    crew: Crew,
    at: datetime,
    protocol_id: str = "ket-mdd-iv",
    sessions: int = 6,
) -> Plan:
    is_fixed = protocol_id == "esk-trd-us"
    enrolled = {"rems_enrolled": True} if is_fixed else {}
    _assess(patient, crew, at - timedelta(minutes=30), protocol_id, **enrolled)
    return done(
        sign(
            request=PlanRequest(
                patient_id=patient.patient_id, protocol_id=protocol_id,
                ug_per_kg=None if is_fixed else 500, fixed_ug=56_000 if is_fixed else None,
                sessions=sessions, intention=person.intention, measure=person.measure,
                measure_baseline=1, review_on=(at + timedelta(days=42)).date(),
                is_consent_given=True, consent_text_version=CONSENT_VERSION,
                replaces_version=0, reason="",
            ),
            password=PASSWORD, by=crew.prescriber, at=at, key=new_id(),
        )
    )  # fmt: skip


def _early_stages(
    registered: list[Patient],
    crew: Crew,
    at_time: Callable[[datetime], datetime],
    today: datetime,
) -> None:
    """Registered; half assessed; excluded; eligible; planned and not yet treated."""
    _, aspen, alder, beech, birch = registered[:5]
    at = at_time(today - timedelta(days=3, hours=2))
    _assess(aspen, crew, at, "ket-mdd-iv", aneurysmal_vascular_disease=None, resting_sbp=None)
    _assess(alder, crew, at, "ket-mdd-iv", uncontrolled_hypertension=True, resting_sbp=172)
    _assess(beech, crew, at, "ket-mdd-iv")
    _plan(birch, PEOPLE[4], crew, at_time(today - timedelta(days=1, hours=3)))


def _treated(
    registered: list[Patient],
    crew: Crew,
    at_time: Callable[[datetime], datetime],
    today: datetime,
) -> None:
    """Courses under way and done, each day opened with a count, each with its answers."""
    cedar, elm, hazel, juniper, larch, maple, rowan = registered[5:]
    courses: list[tuple[Patient, Person, str, int, list[int], list[int]]] = [
        (cedar, PEOPLE[5], "ket-mdd-iv", 6, [24, 21, 17, 14, 10, 7], [19, 15, 13, 10, 8, 6, 5]),
        (elm, PEOPLE[6], "ket-mdd-iv", 6, [24, 21, 17, 14], [14, 15, 14, 17, 18]),
        (hazel, PEOPLE[7], "ket-mdd-iv", 6, [7, 4], [21, 16, 15]),
        (juniper, PEOPLE[8], "ket-mdd-iv", 6, [7, 4], [17, 12, 11]),
        (larch, PEOPLE[9], "esk-trd-us", 8, [11, 7, 4], [18, 16, 13, 12]),
        (maple, PEOPLE[10], "ket-mdd-iv", 6, [4], [16, 13]),
        (rowan, PEOPLE[11], "ket-mdd-iv", 6, [], [20]),
    ]
    plans: dict[UUID, Plan] = {}
    days: dict[int, list[tuple[Patient, Person]]] = {}
    for patient, person, protocol_id, sessions, days_ago, _ in courses:
        planned = (max(days_ago) if days_ago else 1) + 2
        plans[patient.patient_id] = _plan(
            patient, person, crew, at_time(today - timedelta(days=planned)), protocol_id, sessions
        )
        for day in days_ago:
            days.setdefault(day, []).append((patient, person))
    for day in sorted(days, reverse=True):
        morning = today - timedelta(days=day)
        visits.ensure_open(crew, at_time(morning - timedelta(minutes=40)))
        for chair, (patient, person) in enumerate(days[day]):
            visits.whole_visit(
                crew,
                patient,
                chair=chair,
                weight_g=person.weight_g,
                started_at=morning + timedelta(minutes=7 * chair),
                at_time=at_time,
                chance=random.Random(f"{patient.number}/{day}"),  # noqa: S311 - a simulation
            )
        visits.close_day(crew, at_time(morning + timedelta(minutes=150)))  # fmt: skip
    for patient, _, _, _, days_ago, totals in courses:
        moments = [max(days_ago, default=1) + 1, *(day - 0.8 for day in days_ago)]
        for ago, total in zip(moments, totals, strict=True):
            _answer(patient, crew, at_time(today - timedelta(days=ago)), total)


def _answer(patient: Patient, crew: Crew, at: datetime, total: int) -> None:
    """The patient answers the nine items through a link, so that they add up to `total`."""
    invitation = done(
        outcome.invite(
            patient_id=patient.patient_id, scale_id="phq-9", due_at=at, by=crew.prescriber,
            at=at, key=new_id(),
        )
    )  # fmt: skip
    assert invitation.token is not None
    left = total
    # Item 9 stays at zero for most: a safety flag of a simulated patient is shown once only.
    values = []
    for place in range(8):
        value = min(3, -(-left // (8 - place)))
        values.append(value)
        left -= value
    values.append(min(3, left))
    for number, value in enumerate(values, start=1):
        done(
            outcome.answer(
                token=invitation.token, item=f"item-{number}", value=value, at=at, key=new_id()
            )
        )
    page = done(outcome.complete(token=invitation.token, at=at))
    assert page.phase == "completed"


def _today(
    registered: list[Patient],
    crew: Crew,
    at_time: Callable[[datetime], datetime],
    today: datetime,
) -> None:
    """Chair 1 infusing, chair 2 observing after esketamine, chair 3 waiting, chair 4 free."""
    _, _, _, juniper, larch, maple, _ = registered[5:]
    at = at_time(today - timedelta(hours=2, minutes=30))
    done_nothing = people.set_presence(is_on_site=True, by=crew.prescriber, at=at)
    assert not isinstance(done_nothing, Refused), done_nothing
    visits.ensure_open(crew, at_time(today - timedelta(hours=2, minutes=20)))
    visits.running_visit(
        crew, larch, chair=1, weight_g=PEOPLE[9].weight_g,
        started_at=today - timedelta(minutes=78), until=today, at_time=at_time,
    )  # fmt: skip
    visits.running_visit(
        crew, juniper, chair=0, weight_g=PEOPLE[8].weight_g,
        started_at=today - timedelta(minutes=23, seconds=10), until=today, at_time=at_time,
    )  # fmt: skip
    visits.arrive(
        crew, maple, chair=2, weight_g=PEOPLE[10].weight_g,
        at=at_time(today - timedelta(minutes=6)),
    )  # fmt: skip
