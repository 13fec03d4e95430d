"""A small record made by hand from the written specification: every byte of it is under guard.

The record here is built by this file, not by Vigil: a third writer of the format.
"""

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

VERIFIER = Path(__file__).parents[2] / "verifier" / "verify.py"
START = "0" * 64


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_under_test", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verify = _load()


def text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha(value: str | bytes) -> str:
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()


def entry(register: str, number: int, body: object, kind: str = "custody.Moved") -> str:
    return text(
        {
            "at": "2026-11-23T09:00:00.000000Z",
            "body": text(body),
            "by": "nurse",
            "clinic_id": "c-1",
            "entry_id": f"{register}-{number}",
            "kind": kind,
            "recorded_at": "2026-11-23T09:00:01.000000Z",
            "register": register,
            "subject": "µ é",
        }
    )


def rows_of(register: str, bodies: list[object]) -> list[dict[str, object]]:
    rows, previous = [], START
    for seq, body in enumerate(bodies, start=1):
        one = entry(register, seq, body)
        digest = sha(f"{previous}\n{seq}\n{one}")
        rows.append(
            {
                "entry": one,
                "hash": digest,
                "previous_hash": previous,
                "register": register,
                "seq": seq,
            }
        )
        previous = digest
    return rows


def moved(*changes: tuple[str, int]) -> dict[str, object]:
    return {"movements": [{"account": account, "ug": ug} for account, ug in changes]}


CUSTODY = rows_of(
    "custody",
    [
        moved(("supplier", -100), ("container:1", 100)),
        moved(("container:1", -40), ("draw:1", 40)),
        moved(("draw:1", -40), ("patient", 40)),
    ],
)
CARE = rows_of("care", [{"note": "a"}, {"note": "b"}])


def header(**changes: object) -> bytes:
    plain = {
        "clinic_id": "c-1",
        "exported_at": "2026-11-23T10:00:00.000000Z",
        "format": "vigil-record",
        "registers": ["care", "custody"],
        "version": 1,
        **changes,
    }
    return (text({**plain, "header_sha256": sha(text(plain))}) + "\n").encode()


def record(
    care: list[dict[str, object]], custody: list[dict[str, object]], **changes: object
) -> bytes:
    """A record whose trailer fits its rows, whether or not the rows are sound."""
    above = header(**changes)
    above += b"".join((text(row) + "\n").encode() for row in [*care, *custody])

    def head(rows: list[dict[str, object]]) -> dict[str, object]:
        return {"hash": rows[-1]["hash"] if rows else START, "seq": rows[-1]["seq"] if rows else 0}

    trailer = {
        "count": len(care) + len(custody),
        "heads": {"care": head(care), "custody": head(custody)},
        "sha256": sha(above),
    }
    return above + (text(trailer) + "\n").encode()


SOUND = record(CARE, CUSTODY)


def split(content: bytes) -> list[bytes]:
    """Lines as a binary file gives them: only a line feed ends one."""
    lines = content.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def judged(content: bytes, *anchors: str) -> object:
    """The first bad row, or None when the record is accepted."""
    try:
        verify.verify(split(content), anchors)
    except verify.Bad as bad:
        return bad
    return None


def test_the_record_made_by_hand_is_accepted() -> None:
    assert judged(SOUND) is None


def line_of(position: int) -> int:
    return SOUND[:position].count(b"\n") + 1


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_every_changed_byte_is_found_and_its_row_named(mask: int) -> None:
    """Each byte of the file in turn; the first bad row is the row of that byte."""
    for position in range(len(SOUND)):
        changed = bytearray(SOUND)
        changed[position] ^= mask

        bad = judged(bytes(changed))

        assert bad is not None, f"byte {position} changed by {mask:#x} was accepted"
        assert bad.line == line_of(position), (position, bad.reason)


def test_every_removed_byte_and_every_inserted_space_is_found() -> None:
    for position in range(len(SOUND)):
        assert judged(SOUND[:position] + SOUND[position + 1 :]) is not None, position
        assert judged(SOUND[:position] + b" " + SOUND[position:]) is not None, position


def test_every_truncation_is_found() -> None:
    """Cut anywhere, without a new trailer."""
    for length in range(len(SOUND)):
        assert judged(SOUND[:length]) is not None, length


def test_a_bad_row_is_named_by_register_and_sequence_number() -> None:
    lines = SOUND.splitlines(keepends=True)
    lines[4] = lines[4].replace(b"-40", b"-41")

    bad = judged(b"".join(lines))

    assert (bad.line, bad.register, bad.seq) == (5, "custody", 2)


@pytest.mark.parametrize("gone", range(1, 7))
def test_a_deleted_line_is_found(gone: int) -> None:
    lines = SOUND.splitlines(keepends=True)
    del lines[gone]

    assert judged(b"".join(lines)) is not None


@pytest.mark.parametrize("place", range(7))
def test_a_duplicated_line_is_found(place: int) -> None:
    lines = SOUND.splitlines(keepends=True)
    lines.insert(place, lines[place])

    assert judged(b"".join(lines)) is not None


@pytest.mark.parametrize("place", range(6))
def test_two_lines_in_the_other_order_are_found(place: int) -> None:
    lines = SOUND.splitlines(keepends=True)
    lines[place], lines[place + 1] = lines[place + 1], lines[place]

    assert judged(b"".join(lines)) is not None


def test_a_row_removed_from_the_middle_with_a_new_trailer_is_found() -> None:
    bad = judged(record(CARE, [CUSTODY[0], CUSTODY[2]]))

    assert (bad.line, bad.seq) == (5, 3)


def test_rows_renumbered_without_new_hashes_are_found() -> None:
    forged = [CUSTODY[0], {**CUSTODY[2], "seq": 2, "previous_hash": CUSTODY[0]["hash"]}]

    assert judged(record(CARE, forged)).seq == 2


def test_a_number_that_was_left_out_is_found_though_every_hash_fits() -> None:
    rows = rows_of("custody", [{}])
    one = entry("custody", 3, {})
    digest = sha(f"{rows[0]['hash']}\n3\n{one}")
    rows.append(
        {**rows[0], "entry": one, "hash": digest, "previous_hash": rows[0]["hash"], "seq": 3}
    )

    assert "expected 2" in judged(record(CARE, rows)).reason


def test_a_register_that_comes_too_early_is_found() -> None:
    assert "later register" in judged(record(CUSTODY, CARE)).reason


def test_a_cut_end_with_a_new_trailer_is_found_only_with_a_head_from_outside() -> None:
    """The known limit of any chain: whoever holds the file can shorten it. So heads are written down outside."""
    shortened = record(CARE, CUSTODY[:2])
    outside = str(CUSTODY[-1]["hash"])

    assert judged(shortened) is None
    bad = judged(shortened, outside)
    assert outside in bad.reason
    assert bad.line == 6
    assert judged(SOUND, outside) is None


def test_a_chain_made_anew_is_found_only_with_a_head_from_outside() -> None:
    forged = rows_of("custody", [moved(("supplier", -60), ("container:1", 60))])

    assert judged(record(CARE, forged)) is None
    assert judged(record(CARE, forged), str(CUSTODY[0]["hash"])) is not None


def test_movements_that_do_not_sum_to_zero_are_named() -> None:
    rows = rows_of(
        "custody", [moved(("supplier", -100), ("container:1", 100)), moved(("container:1", -1))]
    )

    bad = judged(record(CARE, rows))

    assert (bad.register, bad.seq) == ("custody", 2)
    assert "zero" in bad.reason


def test_an_account_that_falls_below_zero_is_named() -> None:
    rows = rows_of("custody", [moved(("container:1", -1), ("draw:1", 1))])

    assert "container:1 falls to -1 ug" in judged(record(CARE, rows)).reason


@pytest.mark.parametrize(
    "movements",
    ["none", [1], [{"account": "x"}], [{"account": "x", "ug": True}], [{"account": 1, "ug": 0}],
     [{"account": "x", "ug": 0, "note": ""}]],
)  # fmt: skip
def test_movements_in_another_form_are_refused(movements: object) -> None:
    assert judged(record(CARE, rows_of("custody", [{"movements": movements}]))) is not None


def test_an_entry_of_another_clinic_or_register_is_found() -> None:
    assert "another clinic" in judged(record(CARE, CUSTODY, clinic_id="c-2")).reason
    stranger = entry("care", 9, {})
    digest = sha(f"{START}\n1\n{stranger}")
    row = {
        "entry": stranger,
        "hash": digest,
        "previous_hash": START,
        "register": "custody",
        "seq": 1,
    }
    assert "another register" in judged(record([], [row])).reason


def test_one_entry_in_two_places_is_found() -> None:
    one, previous, rows = entry("custody", 1, {}), START, []
    for seq in (1, 2):
        digest = sha(f"{previous}\n{seq}\n{one}")
        rows.append(
            {
                "entry": one,
                "hash": digest,
                "previous_hash": previous,
                "register": "custody",
                "seq": seq,
            }
        )
        previous = digest

    bad = judged(record(CARE, rows))

    assert (bad.seq, "twice" in bad.reason) == (2, True)


@pytest.mark.parametrize(
    "body", ["1.5", "NaN", '{"b":1,"a":2}', '{"a":1,"a":1}', '{"a": 1}', '"\\u00e9"', "[" * 100_000]
)
def test_an_entry_that_is_not_canonical_is_refused_though_its_hash_fits(body: str) -> None:
    plain = json.loads(entry("custody", 1, {}))
    one = text({**plain, "body": body})
    row = {
        "entry": one,
        "hash": sha(f"{START}\n1\n{one}"),
        "previous_hash": START,
        "register": "custody",
        "seq": 1,
    }

    assert judged(record(CARE, [row])).seq == 1


def test_a_newer_format_is_not_judged() -> None:
    with pytest.raises(verify.Unusable, match="version 3"):
        verify.verify(record(CARE, CUSTODY, version=3).splitlines(keepends=True))


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"not a record\n", b"\xff\xfe\n", b"[]\n", b"{}\n{}\n", header()]
)
def test_what_is_no_record_is_rejected_at_its_first_line(content: bytes) -> None:
    assert judged(content).line == 1
