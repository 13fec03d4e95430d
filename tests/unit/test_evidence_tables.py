"""Scales, devices, physiology and the claim policy: what is shipped and what is refused."""

from importlib import resources

import pytest

from vigil.evidence.claim import load_claim_policy, parse_claim_policy
from vigil.evidence.devices import load_devices, parse_devices
from vigil.evidence.invalid import EvidenceInvalid
from vigil.evidence.physiology import load_physiology, parse_physiology
from vigil.evidence.scales import load_scale, parse_scale, scale_ids

DATA = resources.files("vigil.evidence") / "data"


def changed(path: str, old: str, new: str) -> bytes:
    text = (DATA / path).read_text()
    assert old in text
    return text.replace(old, new, 1).encode()


def test_phq9_has_nine_scored_items_and_one_that_is_not() -> None:
    scale = load_scale("phq-9")

    assert (scale.low, scale.high) == (0, 27)
    assert [item.item_id for item in scale.items if not item.is_scored] == ["difficulty"]
    assert scale.safety_items == ("item-9",)
    assert all(len(item.options) == 4 for item in scale.items)
    assert scale.items[0].text == "Little interest or pleasure in doing things"
    assert [option.text for option in scale.items[0].options] == [
        "Not at all",
        "Several days",
        "More than half the days",
        "Nearly every day",
    ]


def test_the_rule_for_missing_answers_is_not_confirmed() -> None:
    prorating = load_scale("phq-9").prorating

    assert prorating is not None
    assert (prorating.missing_max, prorating.certainty) == (2, "K")


def test_the_session_ratings_span_their_scales() -> None:
    assert scale_ids() == ("dissociation", "moaas", "phq-9")
    assert (load_scale("moaas").low, load_scale("moaas").high) == (0, 5)
    assert (load_scale("dissociation").low, load_scale("dissociation").high) == (0, 10)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("{name: mild, low: 5, high: 9}", "{name: mild, low: 5, high: 8}", "bands"),
        ("{name: mild, low: 5, high: 9}", "{name: mild, low: 4, high: 9}", "bands"),
        ("item_id: item-2", "item_id: item-1", "item-1"),
        ("{value: 1, text: Several days}", "{value: 0, text: Several days}", "item-1"),
        (", flag_at: 1", "", "item-9"),
        ("version: 1", "version: 1\ncolour: red", "$.colour"),
        ("scale_id: phq-9", "scale_id: phq-8", "scale_id"),
    ],
)
def test_a_mistake_in_a_scale_is_refused_and_named(old: str, new: str, field: str) -> None:
    with pytest.raises(EvidenceInvalid) as refused:
        parse_scale(changed("scales/phq-9.yaml", old, new), file="phq-9.yaml")

    assert field in refused.value.field


def test_the_device_table_maps_codes_to_metrics() -> None:
    table = load_devices()
    row = table.by_code(150456)

    assert row is not None
    assert (row.metric, row.unit_code, row.unit) == ("spo2", 262688, "%")
    assert "MDC_PULS_OXIM_SAT_O2" in row.names
    assert table.by_code(149522) is None, "two vendors use this code under two names"
    assert {one.metric for one in table.codes} == {one.metric for one in table.plausible}


def test_the_spellings_of_no_value_are_those_seen_in_the_wild() -> None:
    spellings = {row.spelling: row for row in load_devices().no_value}

    assert set(spellings) == {"empty", "-100", "32767", "-32001 or lower", "0"}
    assert spellings["-32001 or lower"].kind == "at-most"
    # Zero degrees would be a wrong reading, not a way to say nothing: the range gates it.
    assert "temp" not in spellings["0"].metrics


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("code: 149530", "code: 147842"),
        ("kind: exact, value: -100,", "kind: exact,"),
        ("kind: empty,", "kind: empty, value: 0,"),
        ("metric: spo2, code", "metric: sp02, code"),
    ],
)
def test_a_mistake_in_the_device_table_is_refused(old: str, new: str) -> None:
    with pytest.raises(EvidenceInvalid):
        parse_devices(changed("devices/mdc.yaml", old, new), file="mdc.yaml")


def test_the_anchors_of_the_simulated_patient_are_the_published_ones() -> None:
    physiology = load_physiology()
    sbp, dbp = physiology.anchor("sbp_rise"), physiology.anchor("dbp_rise")

    assert (sbp.value, sbp.sd, dbp.value, dbp.sd) == (16.0, 11.2, 11.0, 8.45)
    assert physiology.anchor("hr_rise").value == 4.09
    assert physiology.anchor("baseline_minutes").value == 90
    assert physiology.anchor("severe_hypertension_per_session").value == 0.0098
    assert "mean change at 40 min" in sbp.estimator
    with pytest.raises(KeyError):
        physiology.anchor("nothing")


def test_a_mistake_in_the_anchors_is_refused() -> None:
    for old, new in (("sd: 11.2", "sd: -1"), ("name: dbp_rise", "name: sbp_rise")):
        content = changed("physiology/ketamine-infusion.yaml", old, new)
        with pytest.raises(EvidenceInvalid):
            parse_physiology(content, file="ketamine-infusion.yaml")


def test_the_claim_was_declared_before_any_data() -> None:
    policy = load_claim_policy()

    assert (policy.margin_per_100, policy.confidence, policy.sensitivity) == (1.0, 0.95, 0.8)
    assert (policy.ascertainment_percent_min, policy.patient_years_min) == (85, 300)
    assert (policy.benchmark.events, policy.benchmark.patients) == (210, 58_483)
    assert "Not comparable" in policy.benchmark.caveat


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("confidence: 0.95", "confidence: 95", "$.confidence"),
        ("margin_per_100: 1.0", "margin_per_100: 0", "$.margin_per_100"),
        ("sensitivity: 0.8", "sensitivity: 0", "$.sensitivity"),
    ],
)
def test_a_share_out_of_range_is_refused(old: str, new: str, field: str) -> None:
    with pytest.raises(EvidenceInvalid) as refused:
        parse_claim_policy(changed("claim/dependence.yaml", old, new), file="dependence.yaml")

    assert refused.value.field == field
