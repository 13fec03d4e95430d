"""Sessions as the session room's queries show them, made up whole, for tests of pages alone.

In: what is special about this one. Out: frozen views; nothing is stored anywhere.
"""

from datetime import date, datetime, timedelta
from math import sin
from uuid import UUID, uuid5

from vigil.people.domain.facts import Patient
from vigil.session.domain.facts import (
    AlarmView,
    ChairView,
    DrawView,
    DutyDue,
    Latest,
    MetricSample,
    OpenItem,
    SessionEvent,
    SessionView,
)

SPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def made_id(name: str) -> UUID:
    """The same id for the same name."""
    return uuid5(SPACE, name)


def made_patient(
    clinic_id: UUID, *, number: str = "A-1042", name: str = "Test Patient", **other: object
) -> Patient:
    return Patient(
        **({
            "patient_id": made_id(number), "clinic_id": clinic_id, "number": number, "name": name,
            "born_on": date(1972, 3, 14), "sex": "female", "phone": "", "allergies": (),
            "is_simulated": True,
        } | other)
    )  # fmt: skip


def made_latest(
    metric: str,
    value: int,
    *,
    at: datetime,
    age: int = 0,
    source: str = "device",
    quality: str = "good",
    rise: int | None = None,
) -> Latest:
    return Latest(
        metric=metric, value_milli=value * 1000, unit={"spo2": "%"}.get(metric, "/min"),
        quality=quality, source=source, measured_at=at - timedelta(seconds=age), age_seconds=age,
        from_baseline=rise, sample_id=1,
    )  # fmt: skip


def made_duty(
    name: str,
    *,
    at: datetime,
    seconds: int,
    owner: str = "Nurse One",
    state: str = "coming",
    kind: str = "sedation",
) -> DutyDue:
    return DutyDue(
        duty_id=name.lower(), name=name, kind=kind, due_at=at + timedelta(seconds=seconds),
        owner=owner, state=state, late_by_seconds=max(-seconds, 0) if state == "late" else 0,
        done_at=None,
    )  # fmt: skip


def made_alarm(
    session_id: UUID,
    *,
    at: datetime,
    metric: str,
    priority: str,
    message: str,
    value: int,
    seconds: int = 15,
    seen_by: str | None = None,
    limit_id: str = "sbp-high",
) -> AlarmView:
    raised = at - timedelta(seconds=seconds)
    return AlarmView(
        alarm_id=made_id(f"{session_id}{limit_id}"), session_id=session_id, limit_id=limit_id,
        metric=metric, priority=priority, message=message, value_milli=value * 1000,
        condition_at=raised, signal_at=raised,
        acknowledged_at=at - timedelta(seconds=5) if seen_by else None, acknowledged_by=seen_by,
        ended_at=None, cleared_at=None, is_latched=False,
    )  # fmt: skip


def made_view(clinic_id: UUID, *, chair: str, at: datetime, **other: object) -> SessionView:
    """A calm racemic infusion in its 23rd minute, unless told otherwise."""
    started = at - timedelta(minutes=23, seconds=10)
    patient = other.get("patient") or made_patient(clinic_id)
    facts = {
        "session_id": made_id(f"session {chair}"), "clinic_id": clinic_id,
        "patient_id": patient.patient_id, "patient": patient, "plan_id": made_id("plan"),
        "protocol_id": "ket-mdd-iv", "protocol_title": "Racemic ketamine IV, depression",
        "intention": "Get up with my son on school days", "chair_id": made_id(chair),
        "chair": chair, "device_location": chair.upper(), "phase": "running", "weight_g": 68_000,
        "weighed_at": started - timedelta(minutes=22), "drug": "ketamine", "route": "IV",
        "rate_ug_per_hour": 51_000, "dose_ug": 34_000, "infusion_minutes": 40, "given_ug": 19_690,
        "drawn_ug": 34_000, "checked_in_at": started - timedelta(minutes=25),
        "started_at": started, "stopped_at": None, "discharged_at": None, "closed_at": None,
        "minutes_since_start": 23,
        "latest": {
            one.metric: one
            for one in (
                made_latest("sbp", 142, at=at, age=123, rise=14),
                made_latest("dbp", 86, at=at, age=123, rise=8),
                made_latest("spo2", 97, at=at), made_latest("hr", 88, at=at),
                made_latest("rr", 14, at=at),
                made_latest("moaas", 5, at=at, age=480, source="manual"),
                made_latest("dissociation", 4, at=at, age=480, source="manual"),
            )
        },
        "data_age_seconds": 0, "is_data_silent": False,
        "duties": (
            made_duty("Sedation (MOAA/S)", at=at, seconds=80),
            made_duty("Dissociation 0–10", at=at, seconds=80, kind="dissociation"),
            made_duty("Pressure", at=at, seconds=410, kind="pressure"),
        ),
        "duties_past": (), "alarms": (), "alarms_past": (), "discharge_items": (),
        "is_dischargeable": False,
        "draws": (
            DrawView(
                draw_id=made_id(f"draw {chair}"), container_label="20417-03", lot="K2291",
                product="ketamine 10 mg/mL", form="vial", drawn_ug=34_000, given_ug=0, wasted_ug=0,
                returned_ug=0, remaining_ug=34_000, drawn_by="Nurse One", witness="Nurse Two",
                at=started - timedelta(minutes=6),
            ),
        ),
        "unreconciled_ug": 34_000,
        "events": (
            SessionEvent(fact_id=1, kind="CheckedIn", text="Checked in to " + chair, at=started - timedelta(minutes=25), by_name="Nurse One"),
            SessionEvent(fact_id=2, kind="Started", text="Infusion started at 51.0 mg/h", at=started, by_name="Nurse One"),
            SessionEvent(fact_id=3, kind="Noted", text="Comforted", at=started + timedelta(minutes=12), by_name="Nurse Two"),
        ),
        "escort_name": "A friend", "escort_phone": "", "owner": "Nurse One",
    }  # fmt: skip
    facts |= {key: value for key, value in other.items() if key != "patient"}
    facts["next_duty"] = other.get("next_duty", facts["duties"][0] if facts["duties"] else None)
    return SessionView(**facts)


def made_item(
    code: str, text: str, is_met: bool | None, waits_for: str = "", asks: str = ""
) -> OpenItem:
    return OpenItem(
        code=code, text=text, is_met=is_met, waits_for=waits_for, asks=asks, source="ket-mdd-iv"
    )


def made_chair(view: SessionView | None, name: str) -> ChairView:
    return ChairView(chair_id=made_id(name), name=name, device_location=name.upper(), session=view)


def made_board(clinic_id: UUID, *, at: datetime) -> tuple[ChairView, ...]:
    """The four chairs of the design sheet: calm, medium alarm, watching and late, no data; and a free one."""
    calm = made_view(clinic_id, chair="Chair 1", at=at)
    surge = made_view(
        clinic_id, chair="Chair 2", at=at, weight_g=91_500, dose_ug=45_700, given_ug=40_100,
        started_at=at - timedelta(minutes=35),
        patient=made_patient(clinic_id, number="A-1017", name="Second Sample", sex="male", born_on=date(1979, 5, 2), allergies=("penicillin",)),
        latest={
            one.metric: one
            for one in (
                made_latest("sbp", 186, at=at, age=15, rise=48), made_latest("dbp", 112, at=at, age=15, rise=30),
                made_latest("spo2", 96, at=at), made_latest("hr", 104, at=at), made_latest("rr", 16, at=at),
            )
        },
        alarms=(
            made_alarm(made_id("session Chair 2"), at=at, metric="sbp", priority="medium", value=186, message="Systolic pressure 180 or more. Repeat the cuff, ask about headache and chest pain, tell the prescriber."),
            made_alarm(made_id("session Chair 2"), at=at, metric="sbp", priority="medium", value=48, limit_id="sbp-rise", message="Systolic pressure 40 or more above the check-in value. Repeat the cuff and tell the prescriber."),
        ),
    )  # fmt: skip
    watching = made_view(
        clinic_id, chair="Chair 3", at=at, phase="observing", protocol_id="esk-trd-us", drug="esketamine", route="IN",
        infusion_minutes=None, rate_ug_per_hour=None, dose_ug=56_000, given_ug=56_000, weight_g=59_400,
        started_at=at - timedelta(minutes=78), stopped_at=at - timedelta(minutes=73), minutes_since_start=78,
        patient=made_patient(clinic_id, number="A-1060", name="Third Sample", born_on=date(1990, 1, 9)),
        latest={
            one.metric: one
            for one in (
                made_latest("sbp", 124, at=at, age=370, rise=4), made_latest("dbp", 78, at=at, age=370, rise=2),
                made_latest("spo2", 98, at=at), made_latest("hr", 74, at=at), made_latest("rr", 13, at=at),
            )
        },
        duties=(made_duty("Pressure", at=at, seconds=-185, state="late", kind="pressure"),),
        discharge_items=(
            made_item("floor", "120 minutes since the start", False, "42 more minutes"),
            made_item("sedation", "Fully awake (MOAA/S 5)", True),
            made_item("gait", "Walks steadily", None, "gait not looked at", "gait"),
            made_item("orientation", "Knows where and when they are", None, "orientation not asked", "orientation"),
            made_item("escort", "Somebody takes them home", None, "escort not confirmed", "escort"),
        ),
    )  # fmt: skip
    silent = made_view(
        clinic_id, chair="Chair 4", at=at, weight_g=82_000, dose_ug=41_000, given_ug=4_100, started_at=at - timedelta(minutes=4),
        patient=made_patient(clinic_id, number="A-1008", name="Fourth Sample", sex="male", born_on=date(1965, 8, 30), allergies=None),
        is_data_silent=True, data_age_seconds=7,
        latest={
            one.metric: one
            for one in (
                made_latest("sbp", 131, at=at, age=240, rise=3), made_latest("dbp", 80, at=at, age=240, rise=1),
                made_latest("spo2", 96, at=at, age=7), made_latest("hr", 81, at=at, age=7), made_latest("rr", 15, at=at, age=7),
            )
        },
        alarms=(),
    )  # fmt: skip
    views = (calm, surge, watching, silent)
    return (*(made_chair(view, view.chair) for view in views),)


def made_samples(
    view: SessionView, *, at: datetime, step_seconds: int = 2
) -> tuple[MetricSample, ...]:
    """A plausible course: a cuff every five minutes, the rest every two seconds, one gap, some not believed."""
    found: list[MetricSample] = []

    def add(
        metric: str, value: int | None, moment: datetime, message: str, quality: str = "good"
    ) -> None:
        found.append(
            MetricSample(
                sample_id=len(found) + 1, clinic_id=view.clinic_id, session_id=view.session_id, chair_id=view.chair_id,
                location=view.device_location, device="monitor", metric=metric, value_milli=None if value is None else value * 1000,
                unit="/min", quality=quality, source="device", measured_at=moment, measured_at_source="OBX-14",
                received_at=moment, recorded_at=moment, message_id=message, sub_id="",
            )
        )  # fmt: skip

    start = (view.started_at or view.checked_in_at) - timedelta(minutes=10)
    seconds = int((at - start).total_seconds()) - (view.data_age_seconds or 0)
    for second in range(0, seconds, step_seconds):
        moment, minute = start + timedelta(seconds=second), second / 60
        rise = min(max(minute - 10, 0), 40) / 40
        if not 1080 < second < 1150:
            add("hr", round(76 + 16 * rise + 3 * sin(second / 23)), moment, f"m{second}")
            odd = second % 700 == 0 and second > 0
            add(
                "spo2",
                78 if odd else round(97 + sin(second / 90)),
                moment,
                f"m{second}",
                "gated:slew" if odd else "good",
            )
            add("rr", round(14 + 1.4 * sin(second / 61)), moment, f"m{second}")
        if second % 300 == 0:
            add("sbp", round(128 + 30 * rise), moment, f"p{second}")
            add("dbp", round(78 + 14 * rise), moment, f"p{second}")
    return tuple(found)
