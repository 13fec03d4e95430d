"""`vigil replay`, `vigil simulate patient`, `vigil session samples`: through a real gateway into a session."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from devices_world import shared_world

DATA = [Path(os.environ.get("VIGIL_DATA", "data")), Path("data"), Path("../shared/data")]

MADE_CSV = "Time [s], HR, PULSE, RESP, SpO2\n" + "".join(
    f"{s},{'' if s % 17 == 0 else 70 + s % 9},{71 + s % 9},{0 if s % 11 == 0 else 14},"
    f"{-100 if s % 13 == 0 else 97 - s % 3}\n"
    for s in range(90)
)


@pytest.fixture(scope="module")
def world():
    return shared_world()


@pytest.fixture
def port(world):
    return str(world.shared_gateway().port)


def vigil(world, *argv, check=True):
    return world.run("-m", "vigil.config.command", *argv, check=check)


def replay(world, port, record, *more, chair="Chair 3", check=True):
    done = vigil(
        world, "replay", str(record), "--chair", chair, "--port", port, "--speed", "max", "--json",
        *more, check=check,
    )  # fmt: skip
    return json.loads(done.stdout)


def real_record(name):
    for folder in DATA:
        for found in folder.rglob(name) if folder.is_dir() else ():
            return found
    pytest.skip(f"recorded vital signs not present: {name} (see docs/reference/devices.md)")


def test_a_made_csv_recording_is_stored_sample_for_sample(world, port, tmp_path):
    """INV-DEV-08: always runs, with a recording in the real format made here."""
    record = tmp_path / "made_01_Numerics.csv"
    record.write_text(MADE_CSV)

    found = replay(world, port, record)

    same = found["comparison"]
    assert same["is_equal"]
    assert (found["messages"], found["values"], found["acknowledged"]) == (90, 360, 90)
    assert (same["sent"], same["stored"]) == (360, 360)
    # Empty heart rates, zero respiration and -100 for saturation: none of them is a number.
    assert same["without_value"] == 6 + 9 + 7


def test_a_made_wfdb_record_is_stored_sample_for_sample_at_its_own_times(world, port, tmp_path):
    rows = [(720 + 10 * n, 970 if n % 5 else 0, 120 if n % 10 == 0 else -32768) for n in range(40)]
    (tmp_path / "made.dat").write_bytes(
        b"".join(value.to_bytes(2, "little", signed=True) for row in rows for value in row)
    )
    (tmp_path / "made.hea").write_text(
        "made 3 0.0166666666667 40 10:31:25 10/10/2096\nmade.dat 16 10/bpm 16 0 0 0 0 HR\n"
        "made.dat 16 10/% 16 0 0 0 0 SpO2\nmade.dat 16 1/mmHg 16 0 0 0 0 NBPSys\n"
    )

    found = replay(world, port, tmp_path / "made.hea", "--start", "as-recorded")

    assert found["comparison"]["is_equal"]
    assert (found["values"], found["comparison"]["without_value"]) == (84, 8)
    years = world.sql(
        "SELECT DISTINCT extract(year FROM measured_at)::int FROM session_sample "
        "WHERE message_id LIKE %s", f"{found['run']}-%",
    )  # fmt: skip
    assert years == [(2096,)]


@pytest.mark.parametrize("name", ["bidmc_01_Numerics.csv", "bidmc_28_Numerics.csv"])
def test_a_real_recording_is_stored_sample_for_sample(world, port, name):
    """BIDMC: eight minutes at one value a second."""
    found = replay(world, port, real_record(name))

    assert found["comparison"]["is_equal"]
    assert found["comparison"]["sent"] == 481 * 4
    assert found["acknowledged"] == 481


def test_a_real_recording_with_zeros_for_no_value_is_stored_so(world, port):
    """MIMIC numerics: 363 zero saturations, none of them a number; invasive pressures have no code."""
    found = replay(world, port, real_record("s00001-2896-10-10-00-31n.hea"))

    assert found["comparison"]["is_equal"]
    assert found["messages"] == 1936
    zeros = world.sql(
        "SELECT count(*), count(value_milli) FROM session_sample WHERE message_id LIKE %s "
        "AND metric = 'spo2' AND quality = 'none:0'", f"{found['run']}-%",
    )  # fmt: skip
    assert zeros == [(363, 0)]


def test_a_difference_ends_the_replay_with_1(world, port, tmp_path):
    """The control of the comparison: one value is changed in the store while it runs."""
    record = tmp_path / "made_02_Numerics.csv"
    record.write_text(MADE_CSV)

    done = world.run(
        "-c", CHANGED, "replay", str(record), "--chair", "Chair 3", "--port", port, "--speed", "max",
        check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "DIFFERENT" in done.stdout
    assert "1 missing" in done.stdout


CHANGED = """
import sys
from vigil.config.commands import replay
replay.set_up_django()
from vigil.session import queries
whole = queries.samples
queries.samples = lambda *a, **k: whole(*a, **k)[:-1] if k["after_id"] == 0 else ()
from vigil.config.command import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_replay_into_a_chair_without_a_session_is_refused_with_the_next_step(
    world, port, tmp_path
):
    record = tmp_path / "made_03_Numerics.csv"
    record.write_text(MADE_CSV)

    done = vigil(world, "replay", str(record), "--chair", "Chair 1", "--port", port, check=False)

    assert done.returncode == 1
    assert "Check a patient in there first" in done.stderr


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["replay", "no-such-record"], "vigil simulate patient"),
        (["replay", "RECORD", "--chair", "Throne"], "no chair 'Throne'"),
        (["replay", "RECORD"], "2 chairs are in use"),
        (["replay", "RECORD", "--start", "as-recorded", "--chair", "Chair 3"], "no date"),
        (["session", "samples", "nonsense"], "not the id of a session"),
        (["session", "samples", "019ab0e0-0000-7000-8000-000000000000"], "no session"),
        (["simulate", "patient", "--minutes", "0"], "--minutes"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(world, tmp_path, argv, said):
    record = tmp_path / "made_04_Numerics.csv"
    record.write_text(MADE_CSV)

    done = vigil(world, *[str(record) if a == "RECORD" else a for a in argv], check=False)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_simulated_patient_is_stored_sample_for_sample_and_its_surge_is_seen(world, port):
    done = vigil(
        world, "simulate", "patient", "--chair", "Chair 4", "--port", port, "--speed", "240",
        "--minutes", "12", "--surge-at", "3", "--from-now", "--seed", "5", "--json",
    )  # fmt: skip

    found = json.loads(done.stdout)
    assert found["comparison"]["is_equal"]
    assert found["messages"] == 720
    (highest,) = world.sql(
        "SELECT max(value_milli) FROM session_sample WHERE metric = 'sbp' AND message_id LIKE %s",
        f"{found['run']}-%",
    )
    assert highest[0] > 165_000


def test_every_stored_sample_is_printed_with_its_three_times(world, port, tmp_path):
    record = tmp_path / "made_05_Numerics.csv"
    record.write_text(MADE_CSV)
    found = replay(world, port, record, chair="Chair 4")
    session = found["session"]

    rows = list(
        csv.DictReader(io.StringIO(vigil(world, "session", "samples", session, "--csv").stdout))
    )
    also = json.loads(vigil(world, "session", "samples", session, "--json").stdout)

    mine = [row for row in rows if row["message_id"].startswith(f"{found['run']}-")]
    assert len(mine) == 360
    assert all(row["measured_at"] and row["received_at"] and row["recorded_at"] for row in mine)
    assert [row["value"] or None for row in rows] == [row["value"] for row in also]
    assert {row["quality"] for row in mine if not row["value"]} == {"none:", "none:0", "none:-100"}
    assert [int(row["sample_id"]) for row in rows] == sorted(int(row["sample_id"]) for row in rows)
