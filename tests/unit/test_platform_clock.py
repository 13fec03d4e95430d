"""The clock, its test offset, and identifiers that sort by time."""

import os
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from vigil.record import clock


@pytest.fixture
def offset_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "offset"
    path.write_text("0")
    monkeypatch.setenv("VIGIL_TEST_CLOCK", str(path))
    return path


def moved() -> timedelta:
    return clock.now() - clock.machine_now()


def test_without_a_test_clock_now_is_the_machines_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGIL_TEST_CLOCK", raising=False)

    assert clock.now().tzinfo is UTC
    assert abs(moved()) < timedelta(seconds=1)
    assert not clock.is_test_clock()


def test_the_test_clock_is_followed_when_its_file_changes(offset_file: Path) -> None:
    offset_file.write_text("86400")
    assert abs(moved() - timedelta(days=1)) < timedelta(seconds=1)

    offset_file.write_text("-3600.5")
    assert abs(moved() + timedelta(hours=1)) < timedelta(seconds=2)
    assert clock.is_test_clock()


def test_a_replaced_file_of_the_same_length_and_time_is_read_again(offset_file: Path) -> None:
    """An atomic replace keeps size and may keep the time; the inode still differs."""
    offset_file.write_text("100")
    clock.now()
    seen = offset_file.stat()
    fresh = offset_file.with_name("fresh")
    fresh.write_text("900")
    os.utime(fresh, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    fresh.replace(offset_file)

    assert abs(moved() - timedelta(seconds=900)) < timedelta(seconds=1)


@pytest.mark.parametrize("text", ["", "soon", "nan", "1e30"])
def test_an_unreadable_test_clock_stops_the_program(offset_file: Path, text: str) -> None:
    """A wrong time must never look like a right one."""
    offset_file.write_text(text)

    with pytest.raises(clock.ClockUnreadable, match="VIGIL_TEST_CLOCK"):
        clock.now()


def test_a_missing_test_clock_stops_the_program(offset_file: Path) -> None:
    offset_file.unlink()

    with pytest.raises(clock.ClockUnreadable):
        clock.now()


def test_new_ids_sort_by_time_and_are_version_7(offset_file: Path) -> None:
    made = []
    for seconds in range(5):
        offset_file.write_text(str(seconds))
        made.append(clock.new_id())

    assert made == sorted(made)
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {"specified in RFC 4122"}
