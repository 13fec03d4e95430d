"""One slip at a time in a small sound model file: the loader names the field, the value and what it expected.

The file is written here whole, so that each slip is one line of text and nothing else can be the reason. INV-KIN-01.
"""

import hashlib
import re

import pytest

from vigil.evidence import models
from vigil.evidence.invalid import EvidenceInvalid
from vigil.evidence.models import (
    load_effect_site,
    load_model,
    parse_model,
    verify_checksum,
)
from vigil.kinetics.facts import Model

SOUND = """
name = "small"
version = 1
title = "Small 2000, one place and a depot"
drug = "esketamine"
enantiomer = "S"
site = "venous"
population = "Nobody"

[[parameters]]
name = "v"
value = 20.0
unit = "L"
source = "small-2000"
locator = "Table 1"
certainty = "R"
[parameters.variability]
kind = "lognormal"
variance = 0.09
published = "CV 30 %"

[[parameters]]
name = "cl"
value = 60.0
unit = "L/h"
source = "small-2000"
locator = "Table 1"
certainty = "R"
[parameters.variability]
kind = "lognormal"
variance = 0.04
published = "CV 20 %"

[[parameters]]
name = "ka"
value = 2.0
unit = "1/h"
source = "small-2000"
locator = "Table 1"
certainty = "R"

[[parameters]]
name = "f"
value = 0.5
unit = "1"
source = "small-2000"
locator = "Table 2"
certainty = "R"
[parameters.variability]
kind = "logit"
variance = 0.5
published = "SD 0.7 on the logit"

[[covariances]]
a = "v"
b = "cl"
value = 0.01

[[compartments]]
name = "blood"
volume = "v"

[[compartments]]
name = "depot"

[[transfers]]
from_compartment = "blood"
clearance = "cl"

[[transfers]]
from_compartment = "depot"
to_compartment = "blood"
rate = "ka"

[[routes]]
route = "iv"
[[routes.paths]]
to_compartment = "blood"

[[routes]]
route = "nasal"
device_ug = 28000
later_device = "f"
later_device_of = "f"
sitting_minutes = 30.0
[[routes.paths]]
to_compartment = "depot"
share = ["f"]

[[outputs]]
analyte = "ketamine"
compartment = "blood"

[box]
age_years_min = 18
age_years_max = 65
weight_kg_min = 45
weight_kg_max = 120
is_of_children = false
source = "small-2000"
locator = "Methods"

[[box.doses]]
route = "iv"
dose_ug_min = 1
dose_ug_max = 50000
day_ug_max = 50000
source = "small-2000"
locator = "Methods"

[[box.doses]]
route = "nasal"
dose_ug_min = 28000
dose_ug_max = 84000
day_ug_max = 84000
source = "small-2000"
locator = "Methods"

[[sources]]
source_id = "small-2000"
citation = "Small. 2000"
read_as = "Whole"
"""


def parse(text: str) -> Model:
    return parse_model(text.encode(), file="small.toml")


def slipped(old: str, new: str, *, at: int = 0) -> str:
    """The sound text with the `at`-th occurrence of `old` replaced."""
    parts = SOUND.split(old)
    assert len(parts) > at + 1, f"{old!r} stands {len(parts) - 1} times in the sound file"
    return old.join(parts[: at + 1]) + new + old.join(parts[at + 1 :])


def refusal_of(text: str) -> EvidenceInvalid:
    with pytest.raises(EvidenceInvalid) as error:
        parse(text)
    return error.value


def test_the_sound_file_is_sound() -> None:
    """Every slip below starts from here, and the hash is that of these very bytes."""
    model = parse(SOUND)

    assert [p.name for p in model.parameters] == ["v", "cl", "ka", "f"]
    assert [t.from_compartment for t in model.transfers] == ["blood", "depot"]
    assert model.content_hash == hashlib.sha256(SOUND.encode()).hexdigest()


SLIPS = {
    # what slipped: (old, new, which, field, value, words of what was expected)
    "a parameter twice": ('name = "ka"', 'name = "cl"', 0, "$.parameters", "cl", "written once"),
    "a volume of nothing": ("value = 20.0", "value = 0.0", 0, "$.parameters[v].value", 0.0, "more than 0"),
    "a clearance below nothing": ("value = 60.0", "value = -60.0", 0, "$.parameters[cl].value", -60.0, "more than 0"),
    "a reference weight of nothing": (
        'unit = "1/h"', 'unit = "1/h"\nweight_reference_kg = 0.0', 0,
        "$.parameters[ka].weight_reference_kg", 0.0, "more than 0",
    ),
    "a paper that is not named": (
        'source = "small-2000"', 'source = "small-2001"', 2, "$.parameters[ka].source",
        "small-2001", "one of small-2000",
    ),
    "a variance of nothing": (
        "variance = 0.09", "variance = 0.0", 0, "$.parameters[v].variability", 0.0, "more than 0",
    ),
    "a whole share on the logit": (
        "value = 0.5", "value = 1.0", 0, "$.parameters[f].value", 1.0, "below 1",
    ),
    "a covariance with what does not vary": (
        'a = "v"', 'a = "ka"', 0, "$.covariances.a", "ka", "one of v, cl, f",
    ),
    "a covariance with nothing": (
        'b = "cl"', 'b = "clearance"', 0, "$.covariances.b", "clearance", "one of v, cl, f",
    ),
    "a place twice": (
        'name = "depot"', 'name = "blood"', 0, "$.compartments", "blood", "written once",
    ),
    "a volume that is no parameter": (
        'volume = "v"', 'volume = "v1"', 0, "$.compartments[blood].volume", "v1",
        "one of v, cl, ka, f",
    ),
    "a transfer from nowhere": (
        'from_compartment = "depot"', 'from_compartment = "gut"', 0,
        "$.transfers[1].from_compartment", "gut", "one of blood, depot",
    ),
    "a transfer to nowhere": (
        'to_compartment = "blood"\nrate', 'to_compartment = "brain"\nrate', 0,
        "$.transfers[1].to_compartment", "brain", "one of blood, depot",
    ),
    "a transfer without a rate": (
        'rate = "ka"', "", 0, "$.transfers[1]", [], "one of clearance, rate, mean_time",
    ),
    "a transfer with two rates": (
        'rate = "ka"', 'rate = "ka"\nmean_time = "f"', 0, "$.transfers[1]", ["ka", "f"],
        "one of clearance, rate, mean_time",
    ),
    "a clearance from where nothing is measured": (
        'rate = "ka"', 'clearance = "cl"', 0, "$.transfers[1].clearance", "depot", "one of blood",
    ),
    "a delay of no steps": (
        'rate = "ka"', 'mean_time = "ka"\nsteps = 0', 0, "$.transfers[1].steps", 0, "more than 0",
    ),
    "a rate that is no parameter": (
        'rate = "ka"', 'rate = "kb"', 0, "$.transfers[1]", "kb", "one of v, cl, ka, f",
    ),
    "a share of a transfer that is no parameter": (
        'rate = "ka"', 'rate = "ka"\nshare = ["f", "g"]', 0, "$.transfers[1]", "g",
        "one of v, cl, ka, f",
    ),
    "the rest of no parameter": (
        'rate = "ka"', 'rate = "ka"\nshare_rest_of = "g"', 0, "$.transfers[1]", "g",
        "one of v, cl, ka, f",
    ),
    "an analyte twice": (
        '[[outputs]]\nanalyte = "ketamine"\ncompartment = "blood"',
        '[[outputs]]\nanalyte = "ketamine"\ncompartment = "blood"\n' * 2, 0, "$.outputs",
        "ketamine", "written once",
    ),
    "a metabolite before the drug": (
        'analyte = "ketamine"', 'analyte = "norketamine"', 0, "$.outputs[0].analyte",
        ["norketamine"], "the first output is 'ketamine'",
    ),
    "a concentration where there is no volume": (
        'compartment = "blood"\n\n[box]', 'compartment = "depot"\n\n[box]', 0,
        "$.outputs[ketamine].compartment", "depot", "one of blood",
    ),
    "a ratio that is no parameter": (
        'compartment = "blood"\n\n[box]', 'compartment = "blood"\nratio = "r"\n\n[box]', 0,
        "$.outputs[ketamine].ratio", "r", "one of v, cl, ka, f",
    ),
    "a route twice": ('route = "nasal"', 'route = "iv"', 0, "$.routes", "iv", "written once"),
    "a path to nowhere": (
        'to_compartment = "depot"', 'to_compartment = "nose"', 0,
        "$.routes[nasal].paths[0].to_compartment", "nose", "one of blood, depot",
    ),
    "a share of a path that is no parameter": (
        'share = ["f"]', 'share = ["fr"]', 0, "$.routes[nasal].paths[0]", "fr",
        "one of v, cl, ka, f",
    ),
    "a path over no parameter": (
        'share = ["f"]', 'share = ["f"]\nduration = "d"', 0, "$.routes[nasal].paths[0]", "d",
        "one of v, cl, ka, f",
    ),
    "the rest of a path of no parameter": (
        'share = ["f"]', 'share_rest_of = "d"', 0, "$.routes[nasal].paths[0]", "d",
        "one of v, cl, ka, f",
    ),
    "a later device of nothing": (
        'later_device_of = "f"\n', "", 0, "$.routes[nasal].later_device", "f",
        "given together with later_device_of",
    ),
    "nothing for a later device": (
        'later_device = "f"\n', "", 0, "$.routes[nasal].later_device", None,
        "given together with later_device_of",
    ),
    "a later device by no parameter": (
        'later_device = "f"', 'later_device = "g"', 0, "$.routes[nasal].later_device", "g",
        "one of v, cl, ka, f",
    ),
    "a later device of no parameter": (
        'later_device_of = "f"', 'later_device_of = "g"', 0, "$.routes[nasal].later_device_of",
        "g", "one of v, cl, ka, f",
    ),
    "an age of one year only": (
        "age_years_max = 65", "age_years_max = 18", 0, "$.box.age_years_min", 18.0,
        "below the maximum",
    ),
    "an age below birth": (
        "age_years_min = 18", "age_years_min = -1", 0, "$.box.age_years_min", -1.0,
        "below the maximum",
    ),
    "a weight of nothing": (
        "weight_kg_min = 45", "weight_kg_min = 0", 0, "$.box.weight_kg_min", 0.0,
        "more than 0 and below the maximum",
    ),
    "weights the wrong way round": (
        "weight_kg_max = 120", "weight_kg_max = 45", 0, "$.box.weight_kg_min", 45.0,
        "more than 0 and below the maximum",
    ),
    "two rows for one route": (
        'route = "nasal"', 'route = "iv"', 1, "$.box.doses", "iv", "written once",
    ),
    "a row for no route": (
        'route = "nasal"', 'route = "oral"', 1, "$.box.doses", ["iv", "oral"],
        "one row for each route",
    ),
    "a least dose of nothing": (
        "dose_ug_min = 1\n", "dose_ug_min = 0\n", 0, "$.box.doses[iv].dose_ug_max", 50_000,
        "from dose_ug_min to day_ug_max",
    ),
    "a least dose above the most": (
        "dose_ug_min = 28000", "dose_ug_min = 84001", 0, "$.box.doses[nasal].dose_ug_max", 84_000,
        "from dose_ug_min to day_ug_max",
    ),
    "a dose above its day": (
        "day_ug_max = 84000", "day_ug_max = 83999", 0, "$.box.doses[nasal].dose_ug_max", 84_000,
        "from dose_ug_min to day_ug_max",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "at", "field", "value", "limit"), SLIPS.values(), ids=SLIPS)
def test_a_slip_is_refused_by_its_field_its_value_and_its_limit(
    old: str, new: str, at: int, field: str, value: object, limit: str
) -> None:
    """INV-KIN-01: whoever wrote the file can mend it from the message alone; nothing of it is used."""
    error = refusal_of(slipped(old, new, at=at))

    assert (error.file, error.field, error.value, error.limit) == (
        "small.toml",
        field,
        value,
        limit,
    )
    assert str(error) == f"small.toml: {field} is {value!r}; {limit}. The file was not loaded."


AT_THE_EDGE = {
    "born today": ("age_years_min = 18", "age_years_min = 0", 0),
    "one gram": ("weight_kg_min = 45", "weight_kg_min = 0.001", 0),
    "one dose a day": ("dose_ug_max = 84000", "dose_ug_max = 28000", 0),
    "a tiny clearance": ("value = 60.0", "value = 1e-9", 0),
    "nearly the whole share": ("value = 0.5", "value = 0.999", 0),
    "only between days": ("variance = 0.09", "variance = 0.0\noccasion_variance = 0.09", 0),
    "one step": ('rate = "ka"', 'mean_time = "ka"\nsteps = 1', 0),
    "no later device at all": ('later_device = "f"\nlater_device_of = "f"\n', "", 0),
    "a share of what leaves": ('clearance = "cl"', 'clearance = "cl"\nshare = ["f"]', 0),
    "the rest of what leaves": ('clearance = "cl"', 'clearance = "cl"\nshare_rest_of = "f"', 0),
    "a ratio": ('compartment = "blood"\n\n[box]', 'compartment = "blood"\nratio = "f"\n\n[box]', 0),
    "a logit beside a value above one": ("value = 20.0", "value = 1.0", 0),
}


@pytest.mark.parametrize(("old", "new", "at"), AT_THE_EDGE.values(), ids=AT_THE_EDGE)
def test_what_is_just_allowed_is_loaded(old: str, new: str, at: int) -> None:
    """A check that refuses too much would keep a true paper out."""
    assert parse(slipped(old, new, at=at)) != parse(SOUND)


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"[box]\n[box]", b"a = 1\na = 2"])
def test_bytes_that_are_no_table_name_the_whole_file(content: bytes) -> None:
    with pytest.raises(EvidenceInvalid) as error:
        parse_model(content, file="broken.toml")

    assert (error.value.file, error.value.field, error.value.value) == ("broken.toml", "$", "text")
    assert error.value.limit


def test_a_checksum_is_compared_whole_and_both_are_told() -> None:
    """SHA-256 as `sha256sum` prints it; a part of it, or none, is another one."""
    found = hashlib.sha256(b"abc").hexdigest()

    assert verify_checksum(b"abc", found, file="x.toml") is None
    for other in (found[:-1], found.upper(), hashlib.sha256(b"abd").hexdigest()):
        with pytest.raises(EvidenceInvalid) as error:
            verify_checksum(b"abc", other, file="x.toml")
        assert error.value.field == "checksum"
        assert found in str(error.value)
        assert other in str(error.value)
    with pytest.raises(EvidenceInvalid, match="a line stands in SHA256SUMS"):
        verify_checksum(b"abc", "", file="x.toml")


def effect_site(low: float, middle: float, high: float) -> bytes:
    """A shipped constant with other half-lives, as bytes of a file."""
    source = (
        models.resources.files("vigil.evidence") / "data" / "effect-sites" / "olofsen_2022.toml"
    )
    text = source.read_text(encoding="utf-8")
    for field, value in (("minutes", middle), ("low", low), ("high", high)):
        text, count = re.subn(
            rf"(?m)^half_life_{field} = .*$", f"half_life_{field} = {value}", text
        )
        assert count == 1
    return text.encode()


@pytest.mark.parametrize(
    ("low", "middle", "high", "is_sound"),
    [
        (5.1, 8.3, 13.0, True),
        (8.3, 8.3, 8.3, True),
        (0.001, 0.001, 0.002, True),
        (0.0, 8.3, 13.0, False),
        (-1.0, 8.3, 13.0, False),
        (8.4, 8.3, 13.0, False),
        (5.1, 13.1, 13.0, False),
    ],
)
def test_a_half_life_lies_in_its_own_interval(monkeypatch, low, middle, high, is_sound) -> None:
    """The interval is drawn from, so a constant outside it would never be drawn at all."""
    monkeypatch.setattr(
        models, "_checked_bytes", lambda folder, name: effect_site(low, middle, high)
    )
    load = load_effect_site.__wrapped__

    if is_sound:
        assert load("olofsen_2022").half_life_minutes == middle
        return
    with pytest.raises(EvidenceInvalid) as error:
        load("olofsen_2022")
    assert (error.value.field, error.value.value) == ("$.half_life_minutes", middle)
    assert error.value.limit == "more than 0 and inside its own interval"


def test_a_file_under_another_name_is_not_that_model(monkeypatch) -> None:
    """A copied file keeps the name it was written under."""
    monkeypatch.setattr(models, "_checked_bytes", lambda folder, name: SOUND.encode())

    assert load_model.__wrapped__("small").name == "small"
    with pytest.raises(EvidenceInvalid) as error:
        load_model.__wrapped__("large")
    assert (error.value.file, error.value.field) == ("large.toml", "$.name")
    assert (error.value.value, error.value.limit) == ("small", "'large' expected")
