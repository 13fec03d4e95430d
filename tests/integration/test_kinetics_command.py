"""`vigil kinetics`: its JSON, table, files, refusals and exit codes. INV-KIN-74 to INV-KIN-77."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

from vigil.config import kinetics_files
from vigil.config.command import main
from vigil.evidence.models import load_model, model_names
from vigil.kinetics import parse_dose, simulate
from vigil.kinetics.facts import Course, Subject

ROOT = Path(__file__).resolve().parents[2]
PERSON = ["--age-years", "40", "--weight-kg", "70"]
NASAL = ["--model", "perez_ruixo_2021", "--dose", "84 mg nasal at 0 min", *PERSON]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]):
    """Runs `vigil kinetics ...` and gives exit code, standard output and standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        try:
            code = main(["kinetics", *words])
        except SystemExit as misused:
            code = int(misused.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


# --- the interface of the issue -----------------------------------------------------------------


def test_the_command_of_the_issue_answers_in_its_shape() -> None:
    """INV-KIN-74: as a process of its own, word for word as the issue prints it."""
    said = subprocess.run(
        [sys.executable, "-m", "vigil.config.command", "kinetics", "simulate", "--model", "perez_ruixo_2021",
         "--dose", "84 mg nasal at 0 min", "--age-years", "40", "--weight-kg", "70", "--sex", "f", "--population",
         "japanese", "--hours", "24", "--every-minutes", "1", "--json"],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert said.returncode == 0, said.stderr
    assert said.stderr == ""
    found = json.loads(said.stdout)
    assert list(found)[:5] == [
        "model", "site", "time_minutes", "ketamine_ng_per_ml", "norketamine_ng_per_ml",
    ]  # fmt: skip
    assert found["model"] == "perez_ruixo_2021"
    assert found["site"] == "venous"
    assert found["time_minutes"] == [float(minute) for minute in range(1441)]
    assert len(found["ketamine_ng_per_ml"]) == len(found["norketamine_ng_per_ml"]) == 1441
    assert list(found["metrics"]) == ["ketamine", "norketamine"]
    for metric in found["metrics"].values():
        assert list(metric) == ["cmax_ng_per_ml", "tmax_minutes", "auc_ng_h_per_ml"]
        assert all(isinstance(value, float) for value in metric.values())


def test_json_says_what_python_says(ask) -> None:
    """INV-KIN-74: to the last digit, so that nobody needs to choose between the two."""
    code, out, _ = ask("simulate", *NASAL, "--hours", "6", "--every-minutes", "2.5", "--json")
    answer = simulate(
        load_model("perez_ruixo_2021"), Subject(age_years=40, weight_kg=70), (parse_dose("84 mg nasal"),),
        np.arange(0.0, 360.1, 2.5),
    )  # fmt: skip

    assert code == 0
    found = json.loads(out)
    assert isinstance(answer, Course)
    assert found["time_minutes"] == answer.time_minutes.tolist()
    for analyte, values in answer.concentrations.items():
        assert found[f"{analyte}_ng_per_ml"] == values.tolist()
        metric = answer.metrics[analyte]
        assert found["metrics"][analyte]["auc_ng_h_per_ml"] == metric.auc_ng_h_per_ml
        assert found["metrics"][analyte]["cmax_ng_per_ml"] == metric.cmax_ng_per_ml
        assert found["metrics"][analyte]["tmax_minutes"] == metric.tmax_minutes
    assert found["notes"] == list(answer.notes)


def test_84_mg_are_three_devices_at_that_time(ask) -> None:
    """INV-KIN-74: the issue's own words about `84 mg nasal`."""
    _, one, _ = ask("simulate", *NASAL, "--json")
    _, three, _ = ask(
        "simulate", "--model", "perez_ruixo_2021", *["--dose", "28 mg nasal at 0 min"] * 3, *PERSON, "--json"
    )  # fmt: skip

    assert json.loads(one) == json.loads(three)


def test_several_models_come_as_a_list(ask) -> None:
    code, out, _ = ask(
        "simulate", "--model", "kamp_2020", "--model", "domino_1982", "--model", "kamp_2020",
        "--dose", "35 mg iv over 40 min", *PERSON, "--hours", "2", "--json",
    )  # fmt: skip

    assert code == 0
    assert [one["model"] for one in json.loads(out)["models"]] == ["kamp_2020", "domino_1982"]


def test_an_effect_site_is_added_when_asked_for(ask) -> None:
    """INV-KIN-74: the default shape has none; `default` is the constant that its own file names so."""
    _, without, _ = ask("simulate", *NASAL, "--json")
    _, default, _ = ask("simulate", *NASAL, "--effect-site", "default", "--json")
    _, by_name, _ = ask("simulate", *NASAL, "--effect-site", "olofsen_2022", "--json")

    assert "effect_ng_per_ml" not in json.loads(without)
    assert json.loads(default) == json.loads(by_name)
    assert json.loads(default)["effect_site"] == "olofsen_2022"
    assert json.loads(default)["metrics"]["effect"]["tmax_minutes"] > 40


def test_models_lists_every_model_with_its_box_and_sources(ask) -> None:
    """INV-KIN-75: `vigil kinetics models --json`: name, drug, site, routes, box, sources."""
    code, out, err = ask("models", "--json")

    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [one["name"] for one in found] == list(model_names())
    for one in found:
        assert {"name", "drug", "site", "routes", "box", "sources"} <= one.keys()
        assert one["site"] in {"arterial", "venous"}
        assert one["drug"] in {"ketamine", "esketamine"}
        assert one["routes"] == [limit["route"] for limit in one["box"]["doses"]] or sorted(
            one["routes"]
        ) == sorted(limit["route"] for limit in one["box"]["doses"])
        assert one["sources"]
        assert all(source["citation"] and source["read_as"] for source in one["sources"])
        assert one["box"]["age_years_min"] < one["box"]["age_years_max"]
        assert re.fullmatch(r"[0-9a-f]{64}", one["sha256"])


def test_models_in_words_names_each_with_its_box(ask) -> None:
    code, out, _ = ask("models")

    assert code == 0
    for name in model_names():
        assert f"\n{name}  " in f"\n{out}"
    assert out.count("  box: ") == len(model_names())
    assert out.count("children: for research only") == 3
    assert out.count("  source: ") >= len(model_names())


# --- the table ----------------------------------------------------------------------------------


def test_a_table_has_a_row_for_each_time_and_the_peaks_below(ask) -> None:
    code, out, err = ask("simulate", *NASAL, "--hours", "4", "--every-minutes", "30")

    assert (code, err) == (0, "")
    over, heading, *rows = out.splitlines()
    assert over.split() == ["perez_ruixo_2021,", "venous"]
    assert re.split(r"  +", heading.strip()) == ["minutes", "ketamine ng/mL", "norketamine ng/mL"]
    assert [row.split()[0] for row in rows[:9]] == ["0", "30", "60", "90", "120", "150", "180", "210", "240"]  # fmt: skip
    assert rows[9] == ""
    assert re.match(r"perez_ruixo_2021, venous: ketamine peaks at 102\.2 ng/mL after 39\.56 min; area ", rows[10])  # fmt: skip
    assert any(row.startswith("  note: ") for row in rows[11:])
    assert len({len(row) for row in (over, heading, *rows[:9])}) == 1, "the columns stand in line"


def test_a_table_of_several_models_names_each_above_its_columns(ask) -> None:
    _, out, _ = ask(
        "simulate", "--model", "simons_2022", "--model", "kamp_2020", "--dose", "35 mg iv over 40 min",
        *PERSON, "--hours", "1", "--every-minutes", "20",
    )  # fmt: skip

    over, heading, *rows = out.splitlines()
    assert [word.strip(",") for word in over.split()] == ["simons_2022", "arterial", "kamp_2020", "arterial"]  # fmt: skip
    assert heading.count("ng/mL") == 4
    assert len({len(row) for row in (over, heading, *rows[:4])}) == 1
    assert over.index("simons_2022, arterial") + len("simons_2022, arterial") == heading.index(
        "hydroxynorketamine ng/mL"
    ) + len("hydroxynorketamine ng/mL"), "the name ends where its last column ends"


# --- files --------------------------------------------------------------------------------------


def question(folder: Path, *kinds: str) -> list[str]:
    return [word for kind in kinds for word in (f"--{kind}", str(folder / f"course.{kind}"))]


COMPARED = [
    "simulate", "--model", "simons_2022", "--model", "kamp_2020", "--dose", "30 mg iv over 40 min",
    *PERSON, "--hours", "3", "--every-minutes", "7", "--effect-site", "default",
]  # fmt: skip


def test_csv_holds_every_number_to_its_last_digit(ask, tmp_path: Path) -> None:
    """INV-KIN-76: one row for each model and time; an empty cell where a model has no such analyte."""
    code, out, _ = ask(*COMPARED, *question(tmp_path, "csv"))
    _, as_json, _ = ask(*COMPARED, "--json")

    assert code == 0
    assert out == f"wrote {tmp_path / 'course.csv'}\n"
    with (tmp_path / "course.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for one in json.loads(as_json)["models"]:
        own = [row for row in rows if row["model"] == one["model"]]
        assert {row["site"] for row in own} == {one["site"]}
        for name, values in one.items():
            if name.endswith("_ng_per_ml") or name == "time_minutes":
                assert [float(row[name]) for row in own] == values
    assert {row["hydroxynorketamine_ng_per_ml"] for row in rows if row["model"] == "kamp_2020"} == {
        ""
    }


def test_parquet_holds_what_csv_holds(ask, tmp_path: Path) -> None:
    """INV-KIN-76: read back by the library itself, with types and nulls."""
    code, _, _ = ask(*COMPARED, *question(tmp_path, "csv", "parquet"))

    assert code == 0
    path = str(tmp_path / "course.parquet")
    kinds = duckdb.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    assert {name: kind for name, kind, *_ in kinds} == {
        "model": "VARCHAR", "site": "VARCHAR", "time_minutes": "DOUBLE", "ketamine_ng_per_ml": "DOUBLE",
        "norketamine_ng_per_ml": "DOUBLE", "hydroxynorketamine_ng_per_ml": "DOUBLE", "effect_ng_per_ml": "DOUBLE",
    }  # fmt: skip
    stored = duckdb.sql(f"SELECT * FROM '{path}'").fetchall()
    with (tmp_path / "course.csv").open(newline="") as file:
        heading, *rows = csv.reader(file)
    assert heading == [name for name, *_ in kinds]
    assert [[("" if v is None else str(v)) for v in row] for row in stored] == rows


def test_a_path_with_a_quote_is_only_a_path(ask, tmp_path: Path) -> None:
    """INV-KIN-76: a file name is never read as anything else."""
    path = tmp_path / "it's; DROP 'x'.parquet"

    code, _, err = ask(*COMPARED, "--parquet", str(path))

    assert code == 0, err
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_drawings_are_whole_files_of_their_kind(ask, tmp_path: Path) -> None:
    """INV-KIN-76: and the same question gives the same bytes."""
    first, again = tmp_path / "first", tmp_path / "again"
    first.mkdir()
    again.mkdir()
    for folder in (first, again):
        code, _, err = ask(*COMPARED, *question(folder, "png", "svg"))
        assert code == 0, err

    png, svg = first / "course.png", first / "course.svg"
    assert png.read_bytes().startswith(b"\x89PNG\r\n")
    assert b"<svg" in svg.read_bytes()[:600]
    for kind in ("png", "svg"):
        assert (again / f"course.{kind}").read_bytes() == (first / f"course.{kind}").read_bytes()


def test_several_files_and_json_come_from_one_question(ask, tmp_path: Path) -> None:
    code, out, _ = ask(*COMPARED, "--json", *question(tmp_path, "csv", "parquet", "png", "svg"))

    assert code == 0
    assert len(json.loads(out)["models"]) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"course.{k}" for k in ("csv", "parquet", "png", "svg")]  # fmt: skip


def test_a_file_that_stands_is_replaced_whole(ask, tmp_path: Path) -> None:
    path = tmp_path / "course.csv"
    path.write_text("x" * 1_000_000)

    ask(*COMPARED, "--csv", str(path))

    assert path.read_text().startswith("model,site,time_minutes,")
    assert "x" * 10 not in path.read_text()


@pytest.mark.parametrize("kind", ["csv", "parquet", "png", "svg"])
def test_what_cannot_be_written_is_said_and_leaves_nothing(ask, tmp_path: Path, kind: str) -> None:
    """INV-KIN-76: one sentence with the path, exit code 1."""
    a_file = tmp_path / "a-file"
    a_file.write_text("kept")
    for folder in (tmp_path / "no-such-folder", a_file):
        path = folder / f"course.{kind}"

        code, out, err = ask(*COMPARED, f"--{kind}", str(path))

        assert code == 1
        assert out == ""
        assert re.fullmatch(rf"vigil: cannot write {re.escape(str(path))}: .*\n", err)
        assert list(tmp_path.iterdir()) == [a_file]
        assert a_file.read_text() == "kept"


@pytest.mark.parametrize("kind", ["csv", "parquet", "png", "svg"])
def test_a_stopped_command_leaves_the_old_file(ask, tmp_path: Path, kind: str, monkeypatch) -> None:
    """INV-KIN-76: Ctrl-C while writing: exit code 130, the old file as it was, no half one beside it."""
    path = tmp_path / f"course.{kind}"
    path.write_text("the old one")

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(kinetics_files.os, "replace", stopped)
    code, _, _ = ask(*COMPARED, f"--{kind}", str(path))

    assert code == 130
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("kind", "package"), [("parquet", "duckdb"), ("png", "matplotlib"), ("svg", "matplotlib")])  # fmt: skip
def test_a_missing_package_is_said_before_anything_is_calculated(
    ask, tmp_path: Path, kind: str, package: str, monkeypatch
) -> None:
    """INV-KIN-76: in words, with what to install; CSV needs nothing."""
    find = kinetics_files.importlib.util.find_spec
    monkeypatch.setattr(
        kinetics_files.importlib.util, "find_spec", lambda name: None if name == package else find(name)
    )  # fmt: skip
    monkeypatch.setattr("vigil.kinetics.simulation.simulate", lambda *_, **__: 1 / 0)

    code, _, err = ask(*COMPARED, *question(tmp_path, kind))

    assert code == 1
    assert err == (
        f"vigil: --{kind} needs {package}, which is not installed. Get it with: pip install 'vigil[research]'\n"
    )


def test_without_a_drawing_no_drawing_library_is_loaded() -> None:
    """A table must not wait for matplotlib or DuckDB, nor for Django."""
    code = (
        "import sys\nfrom vigil.config.command import main\n"
        f"main(['kinetics', 'simulate', *{NASAL!r}, '--hours', '1', '--json'])\n"
        "print(sorted({n.partition('.')[0] for n in sys.modules} & {'matplotlib', 'duckdb', 'django', 'scipy'}), file=sys.stderr)"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stderr.strip() == "[]"


# --- bands --------------------------------------------------------------------------------------

BANDED = [
    "simulate", "--model", "perez_ruixo_2021", "--dose", "56 mg nasal", *PERSON, "--hours", "4",
    "--every-minutes", "12", "--bands", "400",
]  # fmt: skip


def test_bands_are_the_quantiles_of_people_drawn_with_the_seed(ask) -> None:
    """INV-KIN-80: derived again with NumPy's own quantiles from everybody's course."""
    from vigil.kinetics import simulate_population

    code, out, _ = ask(*BANDED, "--seed", "5", "--json")
    people = simulate_population(
        load_model("perez_ruixo_2021"), [Subject(age_years=40, weight_kg=70)] * 400,
        (parse_dose("56 mg nasal"),), np.arange(0.0, 241.0, 12.0), seed=5,
    )  # fmt: skip

    assert code == 0
    found = json.loads(out)["bands"]
    assert (found["people"], found["seed"]) == (400, 5)
    shares = {"low90": 0.05, "low50": 0.25, "median": 0.5, "high50": 0.75, "high90": 0.95}
    for analyte in ("ketamine", "norketamine"):
        bands = found[f"{analyte}_ng_per_ml"]
        assert bands.keys() == shares.keys()
        for edge, share in shares.items():
            expected = np.quantile(people.of(analyte), share, axis=0)
            np.testing.assert_allclose(bands[edge], expected, rtol=1e-9, atol=1e-12)


def test_the_shaded_shares_hold_that_many_other_people(ask) -> None:
    """INV-KIN-80: a 90 % band holds about nine of ten people who did not make it, a 50 % band about half."""
    from vigil.kinetics import simulate_population

    _, out, _ = ask(*BANDED[:-1], "4000", "--seed", "1", "--json")
    others = simulate_population(
        load_model("perez_ruixo_2021"), [Subject(age_years=40, weight_kg=70)] * 4000,
        (parse_dose("56 mg nasal"),), np.arange(0.0, 241.0, 12.0), seed=2,
    ).of("ketamine")[:, 1:]  # fmt: skip

    bands = {k: np.array(v)[1:] for k, v in json.loads(out)["bands"]["ketamine_ng_per_ml"].items()}

    for share in (50, 90):
        inside = (others >= bands[f"low{share}"]) & (others <= bands[f"high{share}"])
        # Two samples of 4,000: the share inside differs from the stated one by a standard error of about 1.1 %.
        assert abs(inside.mean(axis=0) - share / 100).max() < 0.045


def test_the_seed_decides_the_bands_and_nothing_else(ask) -> None:
    _, first, _ = ask(*BANDED, "--json")
    _, again, _ = ask(*BANDED, "--seed", "1", "--json")
    _, other, _ = ask(*BANDED, "--seed", "2", "--json")
    one, two = json.loads(first), json.loads(other)

    assert first == again
    assert one["bands"] != two["bands"]
    assert {k: v for k, v in one.items() if k != "bands"} == {
        k: v for k, v in two.items() if k != "bands"
    }


@pytest.mark.parametrize("at_once", [1, 5_000, 10**9])
def test_the_bands_do_not_depend_on_how_the_work_is_cut(ask, monkeypatch, at_once: int) -> None:
    """INV-KIN-80: the same people in every part."""
    words = [*BANDED, "--effect-site", "default", "--json"]
    _, whole, _ = ask(*words)
    monkeypatch.setattr("vigil.config.commands.kinetics.VALUES_AT_ONCE", at_once)

    _, cut, _ = ask(*words)

    first, second = (json.loads(text)["bands"] for text in (whole, cut))
    assert first.keys() == second.keys() == {
        "people", "seed", "ketamine_ng_per_ml", "norketamine_ng_per_ml", "effect_ng_per_ml",
    }  # fmt: skip
    for analyte in ("ketamine", "norketamine", "effect"):
        for edge, values in first[f"{analyte}_ng_per_ml"].items():
            np.testing.assert_allclose(second[f"{analyte}_ng_per_ml"][edge], values, rtol=1e-9, atol=1e-12)  # fmt: skip


def test_bands_reach_every_file(ask, tmp_path: Path) -> None:
    """INV-KIN-76: the same edges in CSV, Parquet and JSON."""
    code, out, _ = ask(*BANDED, "--json", *question(tmp_path, "csv", "parquet", "svg"))

    assert code == 0
    bands = json.loads(out)["bands"]
    with (tmp_path / "course.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for edge, values in bands["norketamine_ng_per_ml"].items():
        name = f"norketamine_ng_per_ml_{edge}"
        assert [float(row[name]) for row in rows] == values
        stored = duckdb.sql(f"SELECT {name} FROM '{tmp_path / 'course.parquet'}'").fetchall()
        assert [value for (value,) in stored] == values
    assert b"<svg" in (tmp_path / "course.svg").read_bytes()


def test_long_work_tells_a_terminal_how_far_it_is(ask, monkeypatch) -> None:
    """Ctrl-C stops between two parts; a pipe gets no progress among its lines."""
    monkeypatch.setattr("vigil.config.commands.kinetics.VALUES_AT_ONCE", 4_000)
    _, out, silent = ask(*BANDED, "--json")
    assert silent == ""

    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    _, told, err = ask(*BANDED, "--json")

    shares = [int(share) for share in re.findall(r"bands of perez_ruixo_2021: (\d+) %", err)]
    assert shares == sorted(set(shares))
    assert shares[0] == 0
    assert shares[-1] == 100
    assert len(shares) > 4
    assert told == out


def test_a_stop_between_two_parts_leaves_no_file(ask, tmp_path: Path, monkeypatch) -> None:
    """INV-KIN-76: exit code 130, nothing half."""
    calls = []

    def stop_at_the_second(*words: object) -> None:
        calls.append(words)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("vigil.config.commands.kinetics.VALUES_AT_ONCE", 4_000)
    monkeypatch.setattr("vigil.config.commands.kinetics._tell", stop_at_the_second)

    code, out, _ = ask(*BANDED, *question(tmp_path, "csv"))

    assert (code, out) == (130, "")
    assert list(tmp_path.iterdir()) == []


# --- refusals -----------------------------------------------------------------------------------

REFUSED = [
    (["--model", "perez_ruixo_2021", "--dose", "84 mg nasal", "--age-years", "40"], "KIN-WEIGHT-UNKNOWN"),
    (["--model", "perez_ruixo_2021", "--dose", "84 mg nasal", "--weight-kg", "70"], "KIN-AGE-UNKNOWN"),
    (["--model", "perez_ruixo_2021", *PERSON], "KIN-DOSE-NONE"),
    ([*NASAL, "--pregnant"], "KIN-PREGNANCY"),
    ([*NASAL, "--severe-hepatic-impairment"], "KIN-LIVER"),
    ([*NASAL, "--age-years", "10"], "KIN-CHILD"),
    ([*NASAL, "--age-years", "87"], "KIN-AGE-OUTSIDE"),
    ([*NASAL, "--age-years", "-40"], "KIN-AGE-OUTSIDE"),
    ([*NASAL, "--weight-kg", "30"], "KIN-WEIGHT-OUTSIDE"),
    ([*NASAL, "--weight-kg", "0"], "KIN-WEIGHT-OUTSIDE"),
    ([*NASAL, "--dose", "84 mg nasal at 1 h"], "KIN-DAY-OUTSIDE"),
    ([*NASAL, "--dose", "28 mg sublingual"], "KIN-ROUTE"),
    ([*NASAL, "--dose", "28 mg ketamine iv bolus at 48 h"], "KIN-DRUG"),
    ([*NASAL, "--dose", "20 mg nasal at 48 h"], "KIN-DEVICE"),
    ([*NASAL, "--dose", "200 mg oral at 48 h"], "KIN-DOSE-OUTSIDE"),
    ([*NASAL, "--dose", "28 mg iv over 500 min at 48 h"], "KIN-DURATION-OUTSIDE"),
    ([*NASAL, "--dose", "28 mg nasal at 9000 h"], "KIN-TIME-OUTSIDE"),
    ([*NASAL, "--dose", "28 mg oral at 48 h", "--takes", "ticlopidine"], "KIN-INTERACTION"),
    (["--model", "hornik_2018", "--dose", "10 mg iv bolus", "--age-years", "10", "--weight-kg", "32"], "KIN-CHILD"),
    (["--model", "hornik_2018", "--dose", "10 mg iv bolus", *PERSON, "--research"], "KIN-AGE-OUTSIDE"),
]  # fmt: skip

MISUSED = [
    (["--dose", "84 mg"], "KIN-DOSE-TEXT"),
    (["--dose", "84 nasal"], "KIN-DOSE-TEXT"),
    (["--dose", "84 mg rectal"], "KIN-DOSE-TEXT"),
    (["--dose", "97 mg hydrochloride nasal"], "KIN-SALT"),
    (["--model", "no_such"], "KIN-MODEL"),
    (["--model", "../kinetics/kamp_2020"], "KIN-MODEL"),
    (["--model", ""], "KIN-MODEL"),
    (["--effect-site", "no_such"], "KIN-EFFECT-SITE"),
    (["--age-years", "forty"], "KIN-INPUT"),
    (["--age-years", "nan"], "KIN-INPUT"),
    (["--age-years", "inf"], "KIN-INPUT"),
    (["--weight-kg", "70,5"], "KIN-INPUT"),
    (["--weight-kg", "1e2"], "KIN-INPUT"),
    (["--weight-kg", ""], "KIN-INPUT"),
    (["--weight-kg", "７０"], "KIN-INPUT"),
    (["--population", "martian"], "KIN-INPUT"),
    (["--hours", "0"], "KIN-INPUT"),
    (["--hours", "-1"], "KIN-INPUT"),
    (["--hours", "8785"], "KIN-INPUT"),
    (["--hours", "day"], "KIN-INPUT"),
    (["--every-minutes", "0"], "KIN-INPUT"),
    (["--every-minutes", "1441"], "KIN-INPUT"),
    (["--every-minutes", "0.0001"], "KIN-INPUT"),
    (["--bands", "0"], "KIN-INPUT"),
    (["--bands", "many"], "KIN-INPUT"),
    (["--bands", "99999999"], "KIN-INPUT"),
    (["--seed", "-1"], "KIN-INPUT"),
    (["--seed=--"], "KIN-INPUT"),
    (["--weight-kg=--"], "KIN-INPUT"),
    (["--model=--"], "KIN-INPUT"),
    (["--dose=--"], "KIN-INPUT"),
    (["--takes=--"], "KIN-INPUT"),
    (["--csv=--"], "KIN-INPUT"),
]


def check_declined(ask, words: list[str], code: str, exit_code: int) -> None:
    """One sentence on standard error, nothing on standard output; with --json the same as an object."""
    found, out, err = ask("simulate", *words)
    assert (found, out) == (exit_code, "")
    assert re.fullmatch(r"vigil: [^\n]+\.\n", err), err

    found, out, err_json = ask("simulate", *words, "--json")
    assert (found, err_json) == (exit_code, err)
    assert json.loads(out) == {"code": code, "message": err.removeprefix("vigil: ").strip()}


@pytest.mark.parametrize(("words", "code"), REFUSED, ids=lambda value: str(value))
def test_what_a_model_does_not_speak_of_is_refused_with_exit_code_1(ask, words, code: str) -> None:
    """INV-KIN-77: every refusal of the box reaches the person who typed."""
    check_declined(ask, words, code, 1)


@pytest.mark.parametrize(("words", "code"), MISUSED, ids=lambda value: str(value))
def test_a_word_that_says_nothing_exact_is_misuse_with_exit_code_2(ask, words, code: str) -> None:
    """INV-KIN-77: bad input is no refusal of a model, and nothing is guessed."""
    check_declined(ask, [*NASAL, *words], code, 2)


@pytest.mark.parametrize("words", [[], ["fly"], ["simulate"], ["simulate", *NASAL, "--sex", "x"], ["simulate", "--model"]])  # fmt: skip
def test_a_missing_or_unknown_word_prints_the_usage(ask, words: list[str]) -> None:
    code, out, err = ask(*words)

    assert code == 2
    assert out == ""
    assert "usage: vigil kinetics" in err


def test_one_refused_model_refuses_the_comparison(ask, tmp_path: Path) -> None:
    """A comparison without the model that said no would look complete."""
    path = tmp_path / "both.csv"

    code, out, err = ask(
        "simulate", "--model", "kamp_2020", "--model", "perez_ruixo_2021", "--dose", "84 mg nasal",
        *PERSON, "--csv", str(path),
    )  # fmt: skip

    assert (code, out) == (1, "")
    assert err.startswith("vigil: kamp_2020 knows only iv.")
    assert not path.exists()


def test_a_model_file_that_was_altered_is_refused_with_the_field(ask, monkeypatch) -> None:
    """Issue item 1: a checksum or schema that fails is said with the field, and the model is not used."""
    from vigil.evidence.invalid import EvidenceInvalid

    def altered(name: str):
        raise EvidenceInvalid(file=f"{name}.toml", field="checksum", value="00", limit="11 stands in SHA256SUMS")  # fmt: skip

    monkeypatch.setattr("vigil.evidence.models.load_model", altered)

    code, out, err = ask("simulate", *NASAL, "--json")

    assert code == 1
    assert json.loads(out)["code"] == "KIN-MODEL-INVALID"
    assert "perez_ruixo_2021.toml: checksum" in err


def test_research_opens_the_models_of_children(ask) -> None:
    code, out, _ = ask(
        "simulate", "--model", "hornik_2018", "--dose", "10 mg iv bolus", "--age-years", "10",
        "--weight-kg", "32", "--research", "--hours", "1", "--json",
    )  # fmt: skip

    assert code == 0
    assert json.loads(out)["model"] == "hornik_2018"


# --- times --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "every", "expected"),
    [
        ("1", "20", [0.0, 20.0, 40.0, 60.0]),
        ("0.5", "20", [0.0, 20.0, 30.0]),
        ("0.01", "0.2", [0.0, 0.2, 0.4, 0.6]),
        ("0.05", "0.1", [k / 10 for k in range(31)]),
    ],
)
def test_the_times_are_exact_decimals_and_end_with_the_end(ask, hours, every, expected) -> None:
    """INV-KIN-74: 0.3 min is 0.3 and not 0.30000000000000004; the last moment is always there."""
    _, out, _ = ask("simulate", *NASAL, "--hours", hours, "--every-minutes", every, "--json")

    assert json.loads(out)["time_minutes"] == expected


# --- documentation ------------------------------------------------------------------------------


def test_every_flag_is_written_down() -> None:
    """A flag that is not in the reference does not exist for the person who needs it."""
    said = subprocess.run(
        [sys.executable, "-m", "vigil.config.command", "kinetics", "simulate", "--help"],
        env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    flags = set(re.findall(r"(?<![\w-])--[a-z-]+", said.stdout)) - {"--help"}
    reference = (ROOT / "docs/reference/commands.md").read_text()
    section = reference.partition("## `vigil kinetics`")[2].partition("\n## ")[0]

    assert len(flags) > 20
    assert not [flag for flag in flags if flag not in section]
    assert not [flag for flag in re.findall(r"`(--[a-z-]+)", section) if flag not in flags]


def test_every_code_of_the_command_is_explained() -> None:
    source = (ROOT / "src/vigil/config/commands/kinetics.py").read_text()
    codes = set(re.findall(r'"(KIN-[A-Z-]+)"', source))
    explained = (ROOT / "docs/reference/refusals.md").read_text()

    assert len(codes) >= 5
    assert not [code for code in codes if f"`{code}`" not in explained]
