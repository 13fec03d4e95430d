"""Read recorded vital signs, with the recording's own spellings of no value.

In: a `*_Numerics.csv` file (one row a second) or a WFDB numerics record. Out: rows of spelled values.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

from vigil.exchange.devices.decimals import NotDecimal, milli, show_milli

COLUMNS = {
    "HR": "147842",
    "PULSE": "149530",
    "RESP": "151578",
    "SPO2": "150456",
    "NBPSYS": "150021",
    "NBPDIAS": "150022",
    "NBPMEAN": "150023",
    "NBP SYS": "150021",
    "NBP DIAS": "150022",
    "NBP MEAN": "150023",
    "TEMP": "150344",
}
"""Names of recorded channels and the codes they are sent as. Invasive pressures have no code in the table."""

CUFF = frozenset(("150021", "150022", "150023"))
"""Measured now and then: an empty cell is no measurement, so nothing is sent for it."""

WFDB_NO_VALUE = -32768
"""How the 16-bit format of WFDB says that a sample is missing."""


class RecordUnreadable(Exception):
    """The recording cannot be played; the text says why and where to get one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The values of one moment: code and text, in the recording's order."""

    offset: timedelta
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording. `started_at` is its own date, None when it has none; `not_sent` are channels without a code."""

    name: str
    rows: tuple[Row, ...]
    started_at: datetime | None
    not_sent: tuple[str, ...]

    @property
    def length(self) -> timedelta:
        return self.rows[-1].offset if self.rows else timedelta(0)


WHERE_TO_GET = (
    "Recorded vital signs are not part of Vigil. Free ones: the BIDMC PPG and Respiration Dataset and MIMIC "
    "numerics, both at PhysioNet. Put them under ./data, or name their folder in VIGIL_DATA. Without any, "
    "`vigil simulate patient` makes some."
)


def find_recording(name: str, *, folders: Sequence[Path]) -> Path:
    """The file of a recording: a path, or a name found under one of the folders.

    Raises:
        RecordUnreadable: there is none, or several of that name.
    """
    direct = _as_file(Path(name))
    if direct is not None:
        return direct
    found = sorted(
        {
            path.resolve()
            for folder in folders
            if folder.is_dir()
            for pattern in (f"{name}_Numerics.csv", f"{name}.csv", f"{name}.hea", name)
            for path in folder.rglob(pattern)
            if path.suffix in (".csv", ".hea")
        }
    )
    if len(found) == 1:
        return found[0]
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    if found:
        names = ", ".join(str(path) for path in found)
        raise RecordUnreadable(f"{name!r} could be any of {names}. Give the path.")
    raise RecordUnreadable(f"No recording {name!r} (looked in {looked}). {WHERE_TO_GET}")


def _as_file(path: Path) -> Path | None:
    for candidate in (path, path.with_name(f"{path.name}.hea"), path.with_suffix(".hea")):
        if candidate.is_file() and candidate.suffix in (".csv", ".hea"):
            return candidate
    return None


def read_recording(path: Path) -> Recording:
    """The recording in a file.

    Raises:
        RecordUnreadable: it is not one of the two kinds, or holds what cannot be spelled exactly.
    """
    if path.suffix == ".csv":
        with open(path, newline="", encoding="utf-8-sig") as file:
            return _read_csv(path.stem.removesuffix("_Numerics"), csv.reader(file))
    return _read_wfdb(path)


def _read_csv(name: str, lines: Iterable[list[str]]) -> Recording:
    lines = iter(lines)
    header = [cell.strip() for cell in next(lines, [])]
    if not header or not header[0].lower().startswith("time"):
        raise RecordUnreadable(f"{name}: the first column is not the time in seconds.")
    codes = [COLUMNS.get(column.upper()) for column in header]
    rows = []
    for number, cells in enumerate(lines, start=2):
        if len(cells) != len(header):
            raise RecordUnreadable(
                f"{name}: line {number} has {len(cells)} cells, not {len(header)}."
            )
        try:
            offset = timedelta(milliseconds=milli(cells[0].strip()))
        except NotDecimal:
            raise RecordUnreadable(f"{name}: line {number} has no time.") from None
        # NaN is how the file, not the monitor, says that a cell is empty.
        texts = ["" if cell.strip() == "NaN" else cell.strip() for cell in cells]
        rows.append(_row(offset, zip(codes, texts, strict=True)))
    return _recording(name, rows, header[1:], None)


def _read_wfdb(path: Path) -> Recording:
    try:
        import wfdb
    except ModuleNotFoundError:
        raise RecordUnreadable(
            "WFDB records are read with the package wfdb: `pip install wfdb`."
        ) from None
    try:
        record = wfdb.rdrecord(str(path.with_suffix("")), physical=False)
    except Exception as error:
        raise RecordUnreadable(f"{path.name} is no whole WFDB record: {error}.") from error
    codes = [COLUMNS.get(name.upper()) for name in record.sig_name]
    rows = []
    for index, digits in enumerate(record.d_signal.tolist()):
        texts = [
            _spell(digit, gain, base, path.name)
            for digit, gain, base in zip(digits, record.adc_gain, record.baseline, strict=True)
        ]
        offset = timedelta(milliseconds=round(index * 1000 / record.fs))
        rows.append(_row(offset, zip(codes, texts, strict=True)))
    return _recording(path.stem, rows, record.sig_name, _date_of(record))


def _date_of(record: object) -> datetime | None:
    day, clock = getattr(record, "base_date", None), getattr(record, "base_time", None)
    # The recording states no zone; it is played as if it had been UTC.
    return None if day is None or clock is None else datetime.combine(day, clock, tzinfo=UTC)


def _spell(digit: int, gain: float, base: int, name: str) -> str:
    """The value as its exact decimal; empty when the recording has none."""
    if digit == WFDB_NO_VALUE:
        return ""
    value_milli = Fraction(digit - base) / Fraction(gain) * 1000
    if value_milli.denominator != 1:
        raise RecordUnreadable(f"{name}: {digit}/{gain} is finer than one thousandth.")
    return show_milli(int(value_milli))


def _row(offset: timedelta, cells: Iterable[tuple[str | None, str]]) -> Row:
    values = tuple(
        (code, text) for code, text in cells if code is not None and (text or code not in CUFF)
    )
    return Row(offset=offset, values=values)


def _recording(
    name: str, rows: list[Row], channels: Sequence[str], started_at: datetime | None
) -> Recording:
    if not rows or not any(row.values for row in rows):
        raise RecordUnreadable(f"{name}: no vital sign of the device table is in it.")
    unsent = tuple(channel for channel in channels if channel.upper() not in COLUMNS)
    return Recording(name=name, rows=tuple(rows), started_at=started_at, not_sent=unsent)
