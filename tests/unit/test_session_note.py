"""The administration note: every sentence names its facts, and only those change it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from vigil.custody.domain.facts import Draw, Product
from vigil.evidence.protocols import load_protocol
from vigil.people.domain.facts import Patient
from vigil.plan.domain.facts import Plan
from vigil.session.domain.facts import (
    AlarmView,
    CheckedIn,
    Closed,
    Discharged,
    MetricSample,
    Noted,
    Started,
    Stopped,
)
from vigil.session.domain.note import NOT_RECORDED, NoteFacts, administration_note

NINE = datetime(2026, 11, 23, 14, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)


def header(fact_id, minutes):
    moment = NINE + timedelta(minutes=minutes)
    return {
        "fact_id": fact_id,
        "session_id": ONE,
        "at": moment,
        "recorded_at": moment,
        "by": TWO,
        "by_name": "Ana",
    }


def sample(sample_id, metric, value, minutes, source="manual"):
    moment = NINE + timedelta(minutes=minutes)
    return MetricSample(
        sample_id=sample_id, clinic_id=ONE, session_id=ONE, chair_id=ONE, location="C1",
        device="by hand: Ana" if source == "manual" else "MON-1", metric=metric,
        value_milli=value * 1000, unit="", quality="good", source=source, measured_at=moment,
        measured_at_source=source, received_at=moment, recorded_at=moment, message_id="m", sub_id="",
    )  # fmt: skip


CHECKED_IN = CheckedIn(
    **header(1, 0), patient_id=ONE, plan_id=ONE, plan_hash="p", chair_id=ONE, chair="Chair 1",
    protocol_id="ket-mdd-iv", protocol_version=1, protocol_hash="h", drug="ketamine", route="IV",
    dose_ug=35_000, infusion_minutes=40, weight_g=70_000, weighed_at=NINE, weight_before_g=None,
    is_weight_confirmed=False, sbp=124, dbp=78, escort_name="R. Example", escort_phone="555",
    food_minutes=600, drink_minutes=None,
)  # fmt: skip
STOPPED = Stopped(**header(4, 50), given_ug=34_000, given_from="pump", reason="")
KNOWN = NoteFacts(
    clinic_name="Demo clinic",
    zone=ZoneInfo("America/New_York"),
    patient=Patient(
        patient_id=ONE, clinic_id=ONE, number="A-1001", name="Test Patient", born_on=date(1972, 3, 14),
        sex="female", phone="", allergies=None, is_simulated=True,
    ),
    plan=Plan(
        plan_id=ONE, clinic_id=ONE, patient_id=ONE, assessment_id=ONE, version=1, reason="",
        protocol_id="ket-mdd-iv", protocol_version=1, protocol_hash="h", drug="ketamine", route="IV",
        ug_per_kg=500, fixed_ug=None, infusion_minutes=40, sessions=6, interval_hours_min=48,
        intention="Walk the dog again", measure="How far", measure_baseline=2,
        review_on=date(2026, 12, 23), consent_id=ONE, consented_at=NINE, signed_by=TWO,
        signed_by_name="Dr. Ben", signed_at=NINE, content_hash="p",
    ),
    protocol=load_protocol("ket-mdd-iv"),
    facts=(
        CHECKED_IN,
        Started(**header(2, 10), clearance_id=ONE, drawn_ug=35_000, rate_ug_per_hour=52_500),
        Noted(**header(3, 20), name="anxious", text="held her hand"),
        STOPPED,
        Discharged(**header(5, 120), answers={}, escort_name="R. Example", items=("MOAA/S 5 or more",)),
        Closed(**header(6, 130), reason=""),
    ),
    samples=(
        sample(1, "sbp", 150, 20), sample(2, "dbp", 90, 20), sample(3, "moaas", 4, 25),
        sample(4, "hr", 80, 29.9, "device"), sample(5, "sbp", 140, 30, "device"),
        sample(6, "dbp", 85, 30, "device"),
    ),
    draws=(
        Draw(
            draw_id=ONE, container_id=ONE, container_label="20417-01", lot="K2291",
            expires_on=date(2027, 8, 31),
            product=Product(
                product_id=ONE, name="Ketamine 10 mg/mL", drug="ketamine", form="vial",
                strength_ug_per_ml=10_000, content_ug=200_000,
            ),
            patient_id=ONE, plan_id=ONE, purpose_id=ONE, drawn_ug=35_000, given_ug=34_000,
            wasted_ug=1_000, returned_ug=0, remaining_ug=0, drawn_by=TWO, drawn_by_name="Ana",
            witness=ONE, witness_name="Ben", at=NINE,
        ),
    ),
    alarms=(
        AlarmView(
            alarm_id=ONE, session_id=ONE, limit_id="sbp-high", metric="sbp", priority="medium",
            message="Systolic pressure 180 or more.", value_milli=186_000, condition_at=NINE,
            signal_at=NINE, acknowledged_at=NINE, acknowledged_by="Ana", ended_at=None,
            cleared_at=None, is_latched=False,
        ),
    ),
)  # fmt: skip


def with_fact(changed):
    return replace(
        KNOWN, facts=tuple(changed if f.fact_id == changed.fact_id else f for f in KNOWN.facts)
    )


CHANGES = {
    "weight": ("fact:1", with_fact(replace(CHECKED_IN, weight_g=71_000))),
    "given": ("fact:4", with_fact(replace(STOPPED, given_ug=33_000))),
    "event": ("fact:3", with_fact(replace(KNOWN.facts[2], text="talked"))),
    "end of the session": ("fact:6", with_fact(replace(KNOWN.facts[5], reason="late"))),
    "observation": ("sample:3", replace(KNOWN, samples=(*KNOWN.samples[:2], sample(3, "moaas", 5, 25), *KNOWN.samples[3:]))),
    "cuff": ("sample:5", replace(KNOWN, samples=(*KNOWN.samples[:4], sample(5, "sbp", 141, 30, "device"), KNOWN.samples[5]))),
    "draw": (f"draw:{ONE}", replace(KNOWN, draws=(replace(KNOWN.draws[0], wasted_ug=999),))),
    "alarm": (f"alarm:{ONE}", replace(KNOWN, alarms=(replace(KNOWN.alarms[0], acknowledged_by="Cy"),))),
    "plan": (f"plan:{ONE}", replace(KNOWN, plan=replace(KNOWN.plan, intention="Sleep"))),
    "patient": (f"patient:{ONE}", replace(KNOWN, patient=replace(KNOWN.patient, allergies=()))),
}  # fmt: skip


def lines(note):
    sentences = [(s.text, s.facts) for section in note.sections for s in section.sentences]
    return sentences + [(row.cells, row.facts) for row in note.flow]


@pytest.mark.parametrize("name", CHANGES)
def test_changing_one_fact_changes_only_the_sentences_that_name_it(name):
    """INV-SES-09."""
    fact_id, changed = CHANGES[name]
    before, after = lines(administration_note(KNOWN)), lines(administration_note(changed))
    assert len(before) == len(after)

    different = [one for one, two in zip(before, after, strict=True) if one != two]

    assert different
    assert all(fact_id in facts for _, facts in different)


def test_the_note_holds_what_was_given_and_to_whom():
    text = "\n".join(str(line) for line, _ in lines(administration_note(KNOWN)))

    for part in ("Test Patient", "70.0 kg", "35 mg over 40 min", "K2291", "20417-01", "10 mg/mL",
                 "given 34 mg", "wasted 1 mg", "witnessed by Ben", "read from the pump", "anxious".capitalize(),
                 "150/90", "acknowledged 09:00 by Ana", "Minutes under observation from the start: 110"):  # fmt: skip
        assert part in text, part


def test_what_is_absent_is_not_recorded_and_nothing_is_invented():
    """H: no value is carried forward."""
    bare = replace(KNOWN, facts=(CHECKED_IN,), samples=(), draws=(), alarms=())
    text = [line for line, _ in lines(administration_note(bare))]

    for start in ("Draw:", "Start:", "End of the drug and amount given:", "Discharge:"):
        assert f"{start} {NOT_RECORDED}." in text
    assert f"Last food: 600 min before. Last drink: {NOT_RECORDED}." in text
    assert "Allergies: not asked." in text[0]
    assert administration_note(bare).flow == ()


def test_the_flowsheet_has_a_row_for_each_set_and_each_cuff():
    note = administration_note(KNOWN)

    assert [(row.minutes, row.source, row.cells[0]) for row in note.flow] == [
        (10, "manual", "150/90"), (15, "manual", ""), (20, "device", "140/85"),
    ]  # fmt: skip
    assert note.flow[2].cells[1] == "80"
    assert all(len(row.cells) == len(note.flow_columns) for row in note.flow)
