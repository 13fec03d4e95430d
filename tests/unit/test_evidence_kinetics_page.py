"""The page that a researcher reads says what the kinetic model files say."""

from pathlib import Path

import pytest

from acceptance.published_kinetics import MISSED, QUANTITIES, RECORDED
from vigil.evidence.models import effect_site_names, load_effect_site, load_model, model_names

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "kinetic-models.md"


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def section(name: str) -> str:
    """The words of one model, from its heading to the next."""
    return page().split(f"\n## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", model_names())
def test_each_value_stands_on_the_page_with_its_unit_certainty_and_place(name: str) -> None:
    rows = section(name).splitlines()

    for parameter in load_model(name).parameters:
        (row,) = (line for line in rows if line.startswith(f"| `{parameter.name}` |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        spread = parameter.variability.published if parameter.variability else ""
        assert float(cells[1]) == pytest.approx(parameter.value, rel=1e-8)
        assert [cells[2], cells[4], cells[5]] == [parameter.unit, spread, parameter.certainty]
        assert cells[6] == parameter.locator


@pytest.mark.parametrize("name", model_names())
def test_the_people_the_doses_the_site_and_the_notes_stand_on_the_page(name: str) -> None:
    model, words = load_model(name), section(name)

    assert f"{model.box.weight_kg_min:g} to {model.box.weight_kg_max:g} kg" in words
    assert f"{model.box.age_years_min:g} to {model.box.age_years_max:g} years" in words
    assert f"Site: {model.site}" in words
    assert ("taken by us" in words) is not model.site_is_stated
    for limit in model.box.doses:
        assert f"- Doses, {limit.route}: " in words
        assert limit.locator in words
    for note in model.notes:
        assert note in words
    for source in model.sources:
        assert source.citation in words
        assert source.read_as in words
    if model.borrowed_variability_from:
        assert f"borrowed from {model.borrowed_variability_from}" in words


def test_every_model_on_the_page_is_shipped_and_every_shipped_one_is_there() -> None:
    headings = [line[3:] for line in page().splitlines() if line.startswith("## ")]

    assert [h for h in headings if "_" in h] == list(model_names())
    for name in model_names():
        assert f"| {name} |" in page()


@pytest.mark.parametrize("name", effect_site_names())
def test_each_effect_site_stands_on_the_page(name: str) -> None:
    site = load_effect_site(name)
    (row,) = (line for line in page().splitlines() if line.startswith(f"| `{name}`"))

    assert f"| {site.half_life_minutes:g} |" in row
    assert ("(default)" in row) is site.is_default
    assert site.locator in row


def test_every_case_stands_in_the_table_of_published_values() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| V")]

    assert {row.split("|")[1].strip() for row in rows} == {f"V{n}" for n in range(1, 21)}
    for quantity in QUANTITIES:
        (row,) = (
            r
            for r in rows
            if f"| {quantity.case} | {quantity.what}: " in r and f"| {quantity.model} |" in r
        )
        assert row.endswith("| inside |")
    for quantity in MISSED:
        if quantity.case in RECORDED:
            assert any(
                f"| {quantity.case} | {quantity.what}: " in r and "not counted" in r for r in rows
            )


def test_the_page_names_what_is_not_shipped() -> None:
    missing = page().split("## What is not shipped, and why")[1]

    for words in ("raw-data model", "Fanta 2015", "Flint 2017", "kmet", "0.751", "ticlopidine"):
        assert words in missing
