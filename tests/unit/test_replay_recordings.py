"""Recordings: read with their own spellings of no value, or refused with the way to get one."""

from datetime import UTC, datetime, timedelta

import pytest

from vigil.exchange.devices.recordings import RecordUnreadable, find_recording, read_recording

CSV = "Time [s], HR, PULSE, RESP, SpO2\n0,94,93,25,97\n1,,93.5,0,-100\n2,NaN,1,2,3\n"


def write_csv(folder, text=CSV, name="made_01_Numerics.csv"):
    path = folder / name
    path.write_text(text)
    return path


def write_wfdb(folder, name="made"):
    """A numerics record in WFDB's 16-bit format, written by hand: one value a minute, three channels."""
    digits = [(940, 97, -32768), (0, 97, 120), (725, 0, 0)]
    (folder / f"{name}.dat").write_bytes(
        b"".join(value.to_bytes(2, "little", signed=True) for row in digits for value in row)
    )
    (folder / f"{name}.hea").write_text(
        f"{name} 3 0.0166666666667 3 10:31:25 10/10/2096\n"
        f"{name}.dat 16 10/bpm 16 0 0 0 0 HR\n"
        f"{name}.dat 16 1/% 16 0 0 0 0 SpO2\n"
        f"{name}.dat 16 1/mmHg 16 0 0 0 0 NBPSys\n"
    )
    return folder / f"{name}.hea"


def test_a_csv_keeps_each_cell_as_the_device_spelled_it(tmp_path):
    found = read_recording(write_csv(tmp_path))

    assert found.name == "made_01"
    assert [row.offset for row in found.rows] == [timedelta(seconds=n) for n in (0, 1, 2)]
    assert found.rows[0].values == (
        ("147842", "94"), ("149530", "93"), ("151578", "25"), ("150456", "97"),
    )  # fmt: skip
    assert [text for _, text in found.rows[1].values] == ["", "93.5", "0", "-100"]
    assert found.rows[2].values[0] == ("147842", "")
    assert found.started_at is None


def test_a_wfdb_record_is_exact_with_zeros_kept_and_no_cuff_where_none_was(tmp_path):
    found = read_recording(write_wfdb(tmp_path))

    assert [row.values for row in found.rows] == [
        (("147842", "94"), ("150456", "97")),
        (("147842", "0"), ("150456", "97"), ("150021", "120")),
        (("147842", "72.5"), ("150456", "0"), ("150021", "0")),
    ]
    assert [row.offset for row in found.rows] == [timedelta(minutes=n) for n in (0, 1, 2)]
    assert found.started_at == datetime(2096, 10, 10, 10, 31, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "first column"),
        ("a,b\n1,2\n", "first column"),
        ("Time [s], HR\n0,1,2\n", "line 2"),
        ("Time [s], HR\nx,1\n", "no time"),
        ("Time [s], Weight\n0,1\n", "no vital sign"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_line(tmp_path, text, part):
    with pytest.raises(RecordUnreadable, match=part):
        read_recording(write_csv(tmp_path, text))


def test_a_damaged_wfdb_record_is_refused(tmp_path):
    path = write_wfdb(tmp_path)
    (tmp_path / "made.dat").unlink()

    with pytest.raises(RecordUnreadable, match="no whole WFDB record"):
        read_recording(path)


def test_a_recording_is_found_by_path_or_by_name(tmp_path):
    (tmp_path / "deep").mkdir()
    made = write_csv(tmp_path / "deep")
    waves = write_wfdb(tmp_path / "deep", name="s1-n")

    assert find_recording(str(made), folders=[]) == made
    assert find_recording(str(waves.with_suffix("")), folders=[]) == waves
    assert find_recording("made_01", folders=[tmp_path]) == made.resolve()
    assert find_recording("s1-n", folders=[tmp_path / "no", tmp_path]) == waves.resolve()


def test_a_name_that_is_nowhere_says_where_to_get_recordings(tmp_path):
    with pytest.raises(RecordUnreadable, match=r"PhysioNet.*simulate patient"):
        find_recording("bidmc_99", folders=[tmp_path])


def test_a_name_that_is_there_twice_is_not_guessed(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_csv(tmp_path / folder)

    with pytest.raises(RecordUnreadable, match="could be any of"):
        find_recording("made_01", folders=[tmp_path])
