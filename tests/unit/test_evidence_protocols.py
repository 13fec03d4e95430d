"""Protocol files: what is shipped, what is refused, and the dose arithmetic."""

from hashlib import sha256
from importlib import resources

import pytest

from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing
from vigil.evidence.protocols import (
    DoseNotOffered,
    dose_ug,
    load_protocol,
    parse_protocol,
    protocol_ids,
)

FOLDER = resources.files("vigil.evidence") / "data" / "protocols"


def text_of(protocol_id: str) -> str:
    return (FOLDER / f"{protocol_id}.yaml").read_text()


def changed(old: str, new: str, protocol_id: str = "ket-mdd-iv") -> bytes:
    text = text_of(protocol_id)
    assert text.count(old) >= 1, "the planted mistake must be in the file"
    return text.replace(old, new, 1).encode()


def refusal(content: bytes) -> EvidenceInvalid:
    with pytest.raises(EvidenceInvalid) as refused:
        parse_protocol(content, file="ket-mdd-iv.yaml")
    assert "ket-mdd-iv.yaml" in str(refused.value)
    return refused.value


def test_the_two_protocols_load_with_the_hash_of_their_bytes() -> None:
    assert protocol_ids() == ("esk-trd-us", "ket-mdd-iv")
    for protocol_id in protocol_ids():
        protocol = load_protocol(protocol_id)
        assert protocol.content_hash == sha256(text_of(protocol_id).encode()).hexdigest()


def test_a_changed_comment_changes_the_hash() -> None:
    """An adoption is of these bytes: not even a comment changes under a signature."""
    moved = parse_protocol(text_of("ket-mdd-iv").encode() + b"# later\n", file="ket-mdd-iv.yaml")

    assert moved.content_hash != load_protocol("ket-mdd-iv").content_hash


def test_the_racemic_protocol_says_what_its_sources_say() -> None:
    protocol = load_protocol("ket-mdd-iv")

    assert (protocol.dosing.ug_per_kg, protocol.dosing.infusion_minutes) == (500, 40)
    assert protocol.sessions == 6
    assert (protocol.discharge.floor_minutes, protocol.discharge.floor_from) == (60, "stop")
    pressure = next(duty for duty in protocol.observations if duty.kind == "pressure")
    assert (pressure.minutes, pressure.every_minutes_after) == ((10, 20, 30, 40), 15)


def test_the_nasal_protocol_says_what_its_label_says() -> None:
    protocol = load_protocol("esk-trd-us")

    assert protocol.dosing.fixed_ug == (56_000, 84_000)
    assert protocol.dosing.first_fixed_ug == 2 * (protocol.dosing.device_ug or 0)
    assert (protocol.discharge.floor_minutes, protocol.discharge.floor_from) == (120, "start")
    assert (protocol.start.food_minutes, protocol.start.fluid_minutes) == (120, 30)
    pressure = next(duty for duty in protocol.observations if duty.kind == "pressure")
    assert 40 in pressure.minutes


@pytest.mark.parametrize("protocol_id", protocol_ids())
def test_every_number_has_a_row_with_a_source_and_a_certainty(protocol_id: str) -> None:
    """INV-EVI-02, as the reader of the protocol sees it: limits included."""
    protocol = load_protocol(protocol_id)
    rows = {row.name: row for row in protocol.parameters}
    sources = {source.source_id for source in protocol.sources}

    assert rows["sessions"].value == str(protocol.sessions)
    assert rows["limits.spo2-low.limit"].value == "90"
    assert rows["limits.spo2-low.limit"].unit == "%"
    assert {row.source for row in rows.values()} <= sources
    assert set(protocol.unverified) == {row for row in rows.values() if row.certainty == "K"}
    assert rows["discharge.sedation_min"] in protocol.unverified


@pytest.mark.parametrize("protocol_id", protocol_ids())
def test_every_contraindication_of_the_label_excludes(protocol_id: str) -> None:
    protocol = load_protocol(protocol_id)
    excluding = {
        rule.when: rule.certainty for rule in protocol.eligibility if rule.kind == "exclude"
    }

    for fact in (
        "aneurysmal_vascular_disease",
        "arteriovenous_malformation",
        "intracerebral_haemorrhage",
        "ketamine_hypersensitivity",
    ):
        assert excluding[fact] == "R"
    for fact in (
        "active_psychosis",
        "uncontrolled_hypertension",
        "active_substance_use_disorder",
        "raised_intracranial_pressure",
        "severe_liver_disease",
        "recent_heart_attack_or_stroke",
        "decompensated_heart_failure",
        "delirium",
    ):
        assert fact in excluding


def test_the_alarm_rules_are_those_of_the_table() -> None:
    rows = {limit.limit_id: limit for limit in load_protocol("ket-mdd-iv").limits}
    seen = {
        name: (row.metric, row.rule, row.limit, row.delay_seconds, row.priority, row.is_latched)
        for name, row in rows.items()
    }

    assert seen["spo2-low"] == ("spo2", "below", 90, 15, "medium", False)
    assert (rows["spo2-low"].clear, rows["spo2-low"].clear_seconds) == (92, 10)
    assert seen["spo2-very-low"] == ("spo2", "below", 85, 5, "high", True)
    assert seen["rr-low"] == ("rr", "below", 8, 30, "medium", False)
    assert seen["sbp-high"][:3] == ("sbp", "above", 180)
    assert seen["sbp-rise"][:3] == ("sbp", "rise", 40)
    assert seen["dbp-high"][:3] == ("dbp", "above", 110)
    assert seen["dbp-rise"][:3] == ("dbp", "rise", 25)
    # `above` counts the limit itself: more than 130 is 131 or more.
    assert seen["hr-high"][:3] == ("hr", "above", 131)
    assert seen["hr-low"][:3] == ("hr", "below", 45)
    assert seen["sbp-low"][:3] == ("sbp", "below", 90)
    # MOAA/S 3 or lower is below 4; 1 or lower is below 2.
    assert seen["sedation-deep"][:3] == ("moaas", "below", 4)
    assert seen["sedation-very-deep"] == ("moaas", "below", 2, 0, "high", True)
    assert seen["spo2-silent"][:3] == ("spo2", "silent", 10)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("sessions: 6", "sessions: 6\nsesions: 7", "$.sesions"),
        ("  step_ug: 100", "  step_ug: 100\n  stepp_ug: 5", "$.dosing.stepp_ug"),
        ("duty_id: pressure,", "duty_id: pressure, colour: red,", "$.observations[0].colour"),
        ("sessions: 6", "sessions: six", "$.sessions"),
        ("  step_ug: 100", '  step_ug: "100"', "$.dosing.step_ug"),
        ("  step_ug: 100", "  step_ug: 100.5", "$.dosing.step_ug"),
        ("route: IV", "route: IM", "$.route"),
        ("minutes: [10, 20, 30, 40]", "minutes: [10, 20, x, 40]", "$.observations[0].minutes[2]"),
        ("minutes: [10, 20, 30, 40]", "minutes: [10, 30, 20, 40]", "minutes"),
        ("  step_ug: 100", "  step_ug: 0", "dosing.step_ug"),
        ("  infusion_minutes: 40\n", "", "dosing.infusion_minutes"),
        ("  ug_per_kg: 500", "  ug_per_kg: 800", "dosing.ug_per_kg"),
        ("sessions: 6", "sessions: 8", "$.sessions"),
        ("floor_minutes: 60", "floor_minutes: 30", "$.discharge.floor_minutes"),
        ("source: cohen,", "source: nobody,", "source"),
        ("rule_id: KET-X-AVM", "rule_id: KET-X-ANEURYSM", "eligibility"),
        ("protocol_id: ket-mdd-iv", "protocol_id: other", "$.protocol_id"),
        ("sessions: 6", "sessions: 6\nsessions: 6", "$"),
        ("sessions: 6", "sessions: [", "$"),
        ("sessions: 6", "", "$"),
        ("version: 1", "version: 1\ncontent_hash: abc", "content_hash"),
        ("version: 1", "version: true", "$.version"),
    ],
)
def test_a_mistake_in_a_file_is_refused_and_named(old: str, new: str, field: str) -> None:
    """INV-EVI-01: nothing in a file is ignored, guessed or converted."""
    assert field in refusal(changed(old, new)).field


def test_the_refusal_names_the_field_its_value_and_what_was_expected() -> None:
    error = refusal(changed("sessions: 6", "sessions: six"))

    assert error.field == "$.sessions"
    assert error.value == "six"
    assert "int" in error.limit


def test_a_number_without_a_parameters_row_is_refused() -> None:
    content = changed("  - {name: dosing.step_ug,", "  - {name: policy.step_ug,")

    assert refusal(content).field == "$.dosing.step_ug"


def test_observation_minutes_must_rise() -> None:
    content = changed("minutes: [10, 20, 30, 40]", "minutes: [10, 30, 20, 40]")
    content = content.replace(b'value: "10, 20, 30, 40"', b'value: "10, 30, 20, 40"')

    assert "rising" in refusal(content).limit


def test_a_fixed_dose_is_a_whole_number_of_devices() -> None:
    content = changed("fixed_ug: [56000, 84000]", "fixed_ug: [56000, 70000]", "esk-trd-us")
    content = content.replace(b'value: "56000, 84000"', b'value: "56000, 70000"')

    with pytest.raises(EvidenceInvalid, match="whole number of steps"):
        parse_protocol(content, file="esk-trd-us.yaml")


def test_an_unknown_protocol_is_named_with_those_that_exist() -> None:
    for name in ("nothing", "../devices/mdc", "ket-mdd-iv.yaml", ""):
        with pytest.raises(EvidenceMissing, match="ket-mdd-iv"):
            load_protocol(name)


def test_half_a_milligram_per_kilogram_of_seventy_is_thirty_five_milligrams() -> None:
    """Clinical reference 1.1: 70 kg gives 35 mg; six such sessions give 210 mg."""
    dosing = load_protocol("ket-mdd-iv").dosing

    assert dose_ug(dosing, weight_g=70_000, ug_per_kg=500, fixed_ug=None) == 35_000
    # 72.45 kg would be 36.225 mg: down to the step that can be drawn, never up.
    assert dose_ug(dosing, weight_g=72_450, ug_per_kg=500, fixed_ug=None) == 36_200
    assert dose_ug(dosing, weight_g=400_000, ug_per_kg=750, fixed_ug=None) == 100_000
    assert dose_ug(dosing, weight_g=70_000, ug_per_kg=5_000, fixed_ug=None) == 52_500


def test_a_fixed_dose_is_one_that_the_label_has() -> None:
    dosing = load_protocol("esk-trd-us").dosing

    assert dose_ug(dosing, weight_g=70_000, ug_per_kg=None, fixed_ug=56_000) == 56_000
    assert dose_ug(dosing, weight_g=70_000, ug_per_kg=None, fixed_ug=84_000) == 84_000


@pytest.mark.parametrize(
    ("protocol_id", "weight_g", "ug_per_kg", "fixed_ug"),
    [
        ("ket-mdd-iv", 70_000, None, None),
        ("ket-mdd-iv", 70_000, None, 56_000),
        ("ket-mdd-iv", 70_000, 500, 56_000),
        ("ket-mdd-iv", 70_000, 0, None),
        ("ket-mdd-iv", 70_000, -500, None),
        ("ket-mdd-iv", 0, 500, None),
        ("esk-trd-us", 70_000, None, None),
        ("esk-trd-us", 70_000, None, 28_000),
        ("esk-trd-us", 70_000, 500, None),
        ("esk-trd-us", 70_000, 500, 56_000),
        ("esk-trd-us", 0, None, 56_000),
    ],
)
def test_an_order_of_the_wrong_kind_is_refused(
    protocol_id: str, weight_g: int, ug_per_kg: int | None, fixed_ug: int | None
) -> None:
    with pytest.raises(DoseNotOffered):
        dose_ug(
            load_protocol(protocol_id).dosing,
            weight_g=weight_g,
            ug_per_kg=ug_per_kg,
            fixed_ug=fixed_ug,
        )
