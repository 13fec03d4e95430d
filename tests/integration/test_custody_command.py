"""`vigil custody`: the same book as the pages, as JSON and as files."""

import csv
import hashlib
import json
import re
import sys
from datetime import UTC, timedelta

import pytest
from django.db import connection

from a_custody_period import moved, ten_days_before, work
from a_custody_scene import count_all, stock
from vigil.config.command import main
from vigil.custody import queries
from vigil.custody.invariants import INVARIANTS
from vigil.record.clock import now

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(server_morning):
    return ten_days_before(server_morning)


def said(capsys, *words):
    """Exit code, standard output and standard error."""
    code = main(["custody", *words])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture
def worked(compliance, nurse, second_nurse, prescriber, patient, at):
    return work(
        compliance=compliance, nurse=nurse, witness=second_nurse, prescriber=prescriber, patient=patient, at=at
    )  # fmt: skip


def test_the_balance_at_a_moment_is_what_had_moved_by_then(worked, capsys):
    """A second derivation: plain sums over the movement rows; now, and at a moment between."""
    middle = worked.start + timedelta(hours=11, minutes=30)
    for words, until in (((), now()), (("--at", middle.astimezone(UTC).isoformat()), middle)):
        code, out, _ = said(capsys, "balance", *words, "--json")

        expected: dict[str, int] = {}
        for _, kind, account, when, _, ug in moved(worked.clinic_id):
            if when <= until:
                name = f"{kind}:{account}" if kind in ("container", "draw") else kind
                expected[name] = expected.get(name, 0) + ug
        found = json.loads(out)
        assert code == 0
        assert {each["account"]: each["ug"] for each in found["accounts"]} == expected
        assert sum(expected.values()) == 0


def test_a_date_means_its_end_on_the_clinics_clock(compliance, nurse, second_nurse, at, capsys):
    """A vial received at 23:30 of a New York evening stands there at the end of that day, not of the day before."""
    evening = at.replace(hour=23, minute=30)
    stock(compliance, evening)
    day = evening.date()

    _, on_the_day, _ = said(capsys, "balance", "--at", day.isoformat(), "--json")
    _, before, _ = said(capsys, "balance", "--at", (day - timedelta(days=1)).isoformat(), "--json")

    assert [
        each["ug"] for each in json.loads(on_the_day)["accounts"] if each["kind"] == "container"
    ] == [200_000]
    assert json.loads(before)["accounts"] == []


def test_the_balance_in_words_names_each_container(compliance, at, capsys):
    (vial,) = stock(compliance, at)

    code, out, _ = said(capsys, "balance")

    assert code == 0
    assert vial.label in out
    assert "200 mg" in out


@pytest.mark.parametrize(
    "text", ["2026-11-23T09:00:00", "noon", "2026-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31"]
)
def test_a_moment_that_is_none_fails_in_words(clinic, capsys, text):
    code, out, err = said(capsys, "balance", "--at", text)

    assert code == 1
    assert out == ""
    assert "--at" in err


def test_the_history_is_the_story_of_the_page_by_label_or_id(
    compliance, nurse, second_nurse, at, capsys
):
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)

    code, by_label, _ = said(capsys, "history", vial.label, "--json")
    _, by_id, _ = said(capsys, "history", str(vial.container_id), "--json")

    story = queries.container_story(vial.container_id, clinic_id=compliance.clinic_id)
    found = json.loads(by_label)
    assert code == 0
    assert by_label == by_id
    assert [act["text"] for act in found["acts"]] == [line.text for line in story.lines]
    assert [act["kind"] for act in found["acts"]] == ["received", "counted"]
    balance_ug = 0
    for act in found["acts"]:
        balance_ug += act["change_ug"]
        assert act["balance_ug"] == balance_ug
    assert found["remaining_ug"] == balance_ug


def test_a_container_that_is_not_here_fails_in_words(clinic, capsys):
    code, _, err = said(capsys, "history", "20001-99")

    assert code == 1
    assert "no container" in err


def test_the_pack_is_written_whole_and_its_hashes_hold(worked, tmp_path, capsys):
    folder = tmp_path / "pack"
    days = ("--from", worked.start.date().isoformat(), "--to", worked.start.date().isoformat())

    code, out, _ = said(
        capsys, "pack", *days, "--out", str(folder), "--registrant", "Clinic, number 1", "--json"
    )

    listed = json.loads(out)
    assert code == 0
    assert listed == json.loads((folder / "pack.json").read_text())
    assert listed["registrant"] == "Clinic, number 1"
    assert {path.name for path in folder.iterdir()} == {*listed["sha256"], "pack.json"}
    for name, digest in listed["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert (folder / "inspection-pack.pdf").read_bytes().startswith(b"%PDF-")
    with open(folder / "sums.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            went = sum(
                int(row[f"{name}_ug"])
                for name in ("given", "wasted", "returned", "distributor", "loss")
            )
            assert int(row["opening_ug"]) + int(row["received_ug"]) - went == int(row["closing_ug"])


def test_the_pack_overwrites_nothing(worked, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")

    code, _, err = said(
        capsys, "pack", "--from", "2026-01-01", "--to", "2026-01-02", "--out", str(tmp_path)
    )

    assert code == 1
    assert "nothing was overwritten" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_invariants_are_asked_and_a_broken_one_is_named(worked, capsys):
    """Silent on honest work; a row changed past the guards is named with its invariant, and the exit code says so."""
    code, out, _ = said(capsys, "invariants", "--json")
    assert code == 0
    assert all(each["sql"] and each["broken"] == [] for each in json.loads(out))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE custody_draw SET given_ug = given_ug + 10, remaining_ug = remaining_ug - 10 "
                       "WHERE remaining_ug >= 10")  # fmt: skip
        changed = cursor.rowcount
        cursor.execute("SET session_replication_role = origin")

    code, out, _ = said(capsys, "invariants")

    assert changed
    assert code == 1
    assert re.search(r"^BROKEN\s+I2-balance-row", out, re.MULTILINE)
    assert len(re.findall(r"^holds ", out, re.MULTILINE)) == len(INVARIANTS) - 1


def test_without_pango_the_pack_says_how_and_writes_nothing(worked, tmp_path, capsys, monkeypatch):
    """A half pack that looks whole would be worse than none; CSV alone is asked for by its flag."""
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    folder = tmp_path / "pack"
    words = ("pack", "--from", "2026-01-01", "--to", "2026-01-02", "--out", str(folder))

    code, _, err = said(capsys, *words)
    nothing = not folder.exists()
    csv_code, _, _ = said(capsys, *words, "--no-pdf")

    assert code == 1
    assert "apt-get install" in err
    assert "--no-pdf" in err
    assert nothing
    assert csv_code == 0
    assert not list(folder.glob("*.pdf"))
    assert (folder / "receipts.csv").exists()


@pytest.mark.parametrize(
    "days",
    [
        ("2026-02-30", "2026-03-01"),
        ("2026-03-02", "2026-03-01"),
        ("x", "2026-03-01"),
        ("0001-01-01", "2026-03-01"),
    ],
)
def test_days_that_are_none_fail_in_words(clinic, tmp_path, capsys, days):
    code, _, err = said(
        capsys, "pack", "--from", days[0], "--to", days[1], "--out", str(tmp_path / "p")
    )

    assert code == 1
    assert "--" in err
    assert not (tmp_path / "p").exists()
