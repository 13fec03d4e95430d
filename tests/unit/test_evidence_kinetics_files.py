"""Kinetic model files: what is shipped, where each number comes from, and what is refused (INV-EVI-01 to 03).

Each field of each shipped file is spoiled in turn; the refusal must name that field.
"""

import copy
import dataclasses
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from vigil.evidence import models as loader
from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing
from vigil.evidence.models import (
    default_effect_site,
    effect_site_names,
    load_effect_site,
    load_model,
    model_names,
    model_of,
    parse_model,
    verify_checksum,
)
from vigil.evidence.strict import fill
from vigil.kinetics import facts
from vigil.kinetics.facts import EffectSite

FOLDER = resources.files("vigil.evidence") / "data" / "kinetics"
EFFECT_SITES = resources.files("vigil.evidence") / "data" / "effect-sites"

SHIPPED = (
    "ashraf_2018",
    "clements_1981",
    "domino_1982",
    "flint_2017",
    "herd_2007",
    "hijazi_2003",
    "hornik_2018",
    "kamp_2020",
    "otto_2021",
    "perez_ruixo_2021",
    "simons_2022",
)
FACTS = (
    facts.Model,
    facts.Parameter,
    facts.Variability,
    facts.PopulationFactor,
    facts.AgeSlope,
    facts.Covariance,
    facts.Compartment,
    facts.Transfer,
    facts.RouteModel,
    facts.Path,
    facts.Output,
    facts.Residual,
    facts.Box,
    facts.DoseLimit,
    facts.Source,
)


def _names(*, with_default: bool) -> set[str]:
    return {
        field.name
        for fact in FACTS
        for field in dataclasses.fields(fact)
        if (field.default is not dataclasses.MISSING) == with_default
    }


NEEDED = _names(with_default=False) - _names(with_default=True)
"""Fields that no fact lets a file leave out."""


def tree_of(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def refused(tree: dict[str, Any], name: str = "x") -> EvidenceInvalid:
    with pytest.raises(EvidenceInvalid) as caught:
        model_of(tree, file=f"{name}.toml")
    assert f"{name}.toml" in str(caught.value)
    return caught.value


def fields_of(tree: Any, path: str = "$") -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every key of the tree, as the path that a refusal prints and the steps that reach it."""
    yield from _fields(tree, path, ())


def _fields(tree: Any, path: str, steps: tuple[Any, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield f"{path}.{key}", (*steps, key)
            yield from _fields(value, f"{path}.{key}", (*steps, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            if isinstance(value, dict):
                yield from _fields(value, f"{path}[{index}]", (*steps, index))


def spoiled(tree: dict[str, Any], steps: tuple[Any, ...], value: object) -> dict[str, Any]:
    changed = copy.deepcopy(tree)
    place: Any = changed
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    return changed


class Strange:
    """A value that no field of any file may hold."""


def test_these_models_are_shipped() -> None:
    assert model_names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_model_is_loaded_under_its_own_name_with_the_hash_of_its_bytes(name: str) -> None:
    """INV-EVI-03: what is used is what was checked."""
    model = load_model(name)

    assert model.name == name
    assert model.content_hash == sha256((FOLDER / f"{name}.toml").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_field_of_a_wrong_type_is_refused_by_its_own_name(name: str) -> None:
    """INV-EVI-01: each field of each file, spoiled in turn, is the one that the refusal names."""
    tree = tree_of(name)
    fields = list(fields_of(tree))
    assert len(fields) > 50

    for path, steps in fields:
        error = refused(spoiled(tree, steps, Strange()), name)
        assert error.field == path


@pytest.mark.parametrize("name", SHIPPED)
def test_an_undeclared_field_is_refused_wherever_it_stands(name: str) -> None:
    tree = tree_of(name)
    places = {path.rsplit(".", 1)[0]: steps[:-1] for path, steps in fields_of(tree)}

    for path, steps in places.items():
        error = refused(spoiled(tree, (*steps, "colour"), "red"), name)
        assert error.field == f"{path}.colour"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_needed_field_that_is_left_out_is_refused_by_name(name: str) -> None:
    """A field may be left out only when the fact has a default for it."""
    tree = tree_of(name)
    needed = [(path, steps) for path, steps in fields_of(tree) if steps[-1] in NEEDED]
    assert len(needed) > 40

    for path, steps in needed:
        changed = copy.deepcopy(tree)
        place: Any = changed
        for step in steps[:-1]:
            place = place[step]
        del place[steps[-1]]
        assert refused(changed, name).field == path


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "1", True, None])
def test_a_parameter_is_a_positive_number(name: str, value: object) -> None:
    tree = tree_of(name)

    for index in range(len(tree["parameters"])):
        error = refused(spoiled(tree, ("parameters", index, "value"), value), name)
        label = tree["parameters"][index]["name"]
        assert error.field in (f"$.parameters[{index}].value", f"$.parameters[{label}].value")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_pointer_must_point_at_something(name: str) -> None:
    """A transfer, a path, an output, a volume, a share or a source that names nothing is refused."""
    tree = tree_of(name)
    pointers = [
        (path, steps)
        for path, steps in fields_of(tree)
        if steps[-1]
        in (
            "volume",
            "from_compartment",
            "to_compartment",
            "clearance",
            "rate",
            "mean_time",
            "share_rest_of",
            "duration",
            "compartment",
            "ratio",
            "later_device",
            "later_device_of",
            "a",
            "b",
        )
        or (steps[-1] == "source" and steps[0] == "parameters")
    ]
    assert len(pointers) >= 10

    for path, steps in pointers:
        error = refused(spoiled(tree, steps, "nowhere"), name)
        assert error.value == "nowhere"
        assert error.field.split("[")[0].split(".")[1] == path.split("[")[0].split(".")[1]


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(
    ("steps", "value", "field"),
    [
        (("box", "age_years_min"), 200, "$.box.age_years_min"),
        (("box", "age_years_min"), -1, "$.box.age_years_min"),
        (("box", "weight_kg_min"), 0, "$.box.weight_kg_min"),
        (("box", "weight_kg_max"), 1, "$.box.weight_kg_min"),
        (("box", "doses"), [], "$.box.doses"),
        (("outputs",), [], "$.outputs[0].analyte"),
        (("site",), "brain", "$.site"),
        (("drug",), "propofol", "$.drug"),
        (("enantiomer",), "R", "$.enantiomer"),
    ],
)
def test_a_value_outside_its_range_is_refused(
    name: str, steps: tuple[str, ...], value: object, field: str
) -> None:
    assert refused(spoiled(tree_of(name), steps, value), name).field == field


@pytest.mark.parametrize("name", SHIPPED)
def test_a_number_of_general_knowledge_is_not_accepted_in_a_model(name: str) -> None:
    """Decision 12: what nobody could trace is not shipped."""
    tree = tree_of(name)

    for index in range(len(tree["parameters"])):
        error = refused(spoiled(tree, ("parameters", index, "certainty"), "K"), name)
        assert error.field == f"$.parameters[{index}].certainty"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_number_says_where_it_was_read_and_every_source_what_was_opened(name: str) -> None:
    model = load_model(name)

    for parameter in model.parameters:
        assert len(parameter.locator) > 5
    used = {parameter.source for parameter in model.parameters}
    assert used <= {source.source_id for source in model.sources}
    for source in model.sources:
        assert len(source.citation) > 40
        assert len(source.read_as) > 20


@pytest.mark.parametrize("name", SHIPPED)
def test_borrowed_variability_is_the_lenders_and_says_so(name: str) -> None:
    """A band made with borrowed spread must be able to say whose it is."""
    model = load_model(name)
    varying = [p for p in model.parameters if p.variability is not None]
    assert varying

    borrowed = [p for p in varying if p.variability and "borrowed" in p.variability.published]
    if model.borrowed_variability_from is None:
        assert borrowed == []
        return
    lender = load_model(model.borrowed_variability_from)
    lent = {p.variability.variance for p in lender.parameters if p.variability}
    assert borrowed == varying
    assert {p.variability.variance for p in borrowed if p.variability} <= lent
    assert any("borrowed" in note for note in model.notes)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_model_whose_site_was_not_read_says_why_the_site_is_taken(name: str) -> None:
    model = load_model(name)

    assert model.site_is_stated or any(
        word in note for note in model.notes for word in ("drawn", "sampled")
    )


def test_models_of_children_are_marked() -> None:
    children = {name for name in SHIPPED if load_model(name).box.is_of_children}

    assert children == {"flint_2017", "herd_2007", "hornik_2018"}
    for name in SHIPPED:
        assert load_model(name).box.age_years_min >= 18 or name in children


def test_the_model_of_intensive_care_speaks_of_nobody_that_another_of_its_kind_does_not() -> None:
    """So it is never the only arterial model of racemate that answers for a person in a clinic's chair."""
    intensive, other = load_model("hijazi_2003").box, load_model("domino_1982").box

    assert other.age_years_min <= intensive.age_years_min
    assert intensive.age_years_max <= other.age_years_max
    assert other.weight_kg_min <= intensive.weight_kg_min
    assert intensive.weight_kg_max <= other.weight_kg_max
    for mine, theirs in zip(intensive.doses, other.doses, strict=True):
        assert theirs.dose_ug_min <= mine.dose_ug_min
        assert mine.dose_ug_max <= theirs.dose_ug_max
        assert (mine.dose_ug_per_kg_max or 0) <= (theirs.dose_ug_per_kg_max or 0)
        assert mine.day_ug_max <= theirs.day_ug_max
        assert (mine.duration_minutes_max or 0) <= (theirs.duration_minutes_max or 0)


def test_bytes_that_are_not_the_checked_ones_are_refused() -> None:
    """INV-EVI-03: a changed comment is a changed file."""
    content = (FOLDER / "kamp_2020.toml").read_bytes()

    with pytest.raises(EvidenceInvalid) as caught:
        verify_checksum(content + b"# later\n", sha256(content).hexdigest(), file="kamp_2020.toml")

    assert caught.value.field == "checksum"
    verify_checksum(content, sha256(content).hexdigest(), file="kamp_2020.toml")


@pytest.mark.parametrize("folder", [FOLDER, EFFECT_SITES])
def test_the_written_checksums_are_those_of_the_files(folder: Any) -> None:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    written = {line.split("  ")[1]: line.split("  ")[0] for line in lines}

    found = {
        f.name: sha256(f.read_bytes()).hexdigest()
        for f in folder.iterdir()
        if f.name.endswith(".toml")
    }
    assert written == found


def test_a_file_whose_checksum_was_not_written_down_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data" / "kinetics"
    data.mkdir(parents=True)
    (data / "kamp_2020.toml").write_bytes((FOLDER / "kamp_2020.toml").read_bytes())
    (data / "SHA256SUMS").write_text("")
    monkeypatch.setattr(loader.resources, "files", lambda _: tmp_path)
    loader.load_model.cache_clear()

    with pytest.raises(EvidenceInvalid) as caught:
        load_model("kamp_2020")

    assert caught.value.field == "checksum"
    monkeypatch.undo()
    loader.load_model.cache_clear()


def test_an_unknown_model_is_missing_and_the_known_ones_are_named() -> None:
    with pytest.raises(EvidenceMissing) as caught:
        load_model("klamp")

    assert "kamp_2020" in str(caught.value)


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"[[parameters]\n"])
def test_what_is_not_toml_is_refused(content: bytes) -> None:
    with pytest.raises(EvidenceInvalid) as caught:
        parse_model(content, file="x.toml")

    assert caught.value.field == "$"


def test_exactly_one_effect_site_is_the_default() -> None:
    sites = [load_effect_site(name) for name in effect_site_names()]

    assert [site.name for site in sites if site.is_default] == ["olofsen_2022"]
    assert default_effect_site().half_life_minutes == pytest.approx(8.3)


@pytest.mark.parametrize(
    "name", ["navarrete_2025", "olofsen_2022", "opentiva_kamp", "simtiva_kamp"]
)
def test_each_field_of_an_effect_site_is_checked(name: str) -> None:
    assert name in effect_site_names()
    tree = tomllib.loads((EFFECT_SITES / f"{name}.toml").read_text())

    for path, steps in fields_of(tree):
        with pytest.raises(EvidenceInvalid) as caught:
            fill(spoiled(tree, steps, Strange()), EffectSite, file=f"{name}.toml")
        assert caught.value.field == path
