"""The command line against the largest published table: 18 groups of people and doses. Cases V5 to V7 of the reference.

Source: Perez-Ruixo 2021, Table 4, as transcribed in the public model library nlmixr2lib (article PerezRuixo_2020_esketamine):
peak (ng/mL) and area over 24 hours (ng*h/mL) of esketamine, then of noresketamine.
"""

import json

import pytest

from vigil.config.command import main

TABLE = {
    ("45", None): [
        (28, 43.8, 147.3, 59.1, 274.4), (56, 72.5, 254.7, 119.7, 516.3), (84, 101.0, 362.2, 180.0, 758.0),
    ],
    ("45", "asian"): [
        (28, 44.1, 158.2, 73.4, 371.8), (56, 73.2, 275.9, 148.5, 704.8), (84, 102.4, 393.5, 223.5, 1037.0),
    ],
    ("45", "japanese"): [
        (28, 57.5, 194.7, 72.1, 406.4), (56, 94.5, 335.1, 146.3, 760.8), (84, 131.3, 475.4, 220.4, 1114.0),
    ],
    ("70", None): [
        (28, 44.6, 160.4, 57.3, 277.9), (56, 73.8, 275.8, 117.2, 522.0), (84, 102.7, 391.2, 177.0, 765.9),
    ],
    ("70", "asian"): [
        (28, 44.9, 171.0, 71.4, 373.9), (56, 74.4, 296.3, 145.9, 708.0), (84, 103.8, 421.5, 220.4, 1042.0),
    ],
    ("70", "japanese"): [
        (28, 58.8, 212.2, 69.0, 409.2), (56, 96.5, 363.1, 141.7, 765.3), (84, 133.8, 513.9, 214.4, 1121.0),
    ],
}  # fmt: skip
"""Rows of one age and population: milligrams, then the four printed values."""

CASES = [(age, population, *row) for (age, population), rows in TABLE.items() for row in rows]


def ask(capsys, age: str, population: str | None, mg: int) -> dict:
    """The JSON of the command; devices five minutes apart, as the label says."""
    words = ["kinetics", "simulate", "--model", "perez_ruixo_2021", "--age-years", age, "--weight-kg", "74", "--json"]  # fmt: skip
    for device in range(mg // 28):
        words += ["--dose", f"28 mg nasal at {5 * device} min"]
    if population is not None:
        words += ["--population", population]
    assert main(words) == 0
    return json.loads(capsys.readouterr().out)["metrics"]


@pytest.mark.parametrize(("age", "population", "mg", "peak", "area", "nor_peak", "nor_area"), CASES)
def test_every_cell_of_the_published_table_comes_out(
    capsys, age, population, mg, peak, area, nor_peak, nor_area
) -> None:
    """Parent within 1.2 % (peak) and 0.6 % (area); metabolite peak within 2 %, its area 1.37 to 1.56 times the printed one.

    The last is the paper's own disagreement (reference 1.6, item 5) and is kept as a test, so that nobody mends it silently.
    """
    found = ask(capsys, age, population, mg)

    assert found["ketamine"]["cmax_ng_per_ml"] == pytest.approx(peak, rel=0.012)
    assert found["ketamine"]["auc_ng_h_per_ml"] == pytest.approx(area, rel=0.006)
    assert found["norketamine"]["cmax_ng_per_ml"] == pytest.approx(nor_peak, rel=0.02)
    assert 1.37 < found["norketamine"]["auc_ng_h_per_ml"] / nor_area < 1.56
    assert 20 <= found["ketamine"]["tmax_minutes"] - 5 * (mg // 28 - 1) <= 40, "label: 20 to 40 min"


def test_the_table_is_whole() -> None:
    assert len(CASES) == 18


@pytest.mark.parametrize("mg", [56, 84])
def test_devices_at_one_moment_peak_a_little_higher_than_five_minutes_apart(
    capsys, mg: int
) -> None:
    """The issue counts `84 mg nasal` as three devices at that time; the note of the model says what that changes."""
    words = ["kinetics", "simulate", "--model", "perez_ruixo_2021", "--age-years", "45", "--weight-kg", "74", "--json"]  # fmt: skip
    assert main([*words, "--dose", f"{mg} mg nasal"]) == 0
    at_once = json.loads(capsys.readouterr().out)["metrics"]["ketamine"]

    apart = ask(capsys, "45", None, mg)["ketamine"]

    assert 1.002 < at_once["cmax_ng_per_ml"] / apart["cmax_ng_per_ml"] < 1.02
    assert at_once["auc_ng_h_per_ml"] == pytest.approx(apart["auc_ng_h_per_ml"], rel=0.002)
