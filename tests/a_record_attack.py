"""Attacks on an exported record, each by somebody who knows the format and writes a trailer that fits.

In: dice and honest logs. Out: the changed file, what was written down outside before, and the line at which the change must be found,
worked out here from what was done, not by asking a verifier.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from a_record_writer import (
    REGISTERS,
    START,
    Key,
    Log,
    closed,
    header_of,
    honest_log,
    key_of,
    line,
    moment,
    sha,
    signed_head,
    text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A changed record. `bad_line`: where it must be found."""

    kind: str
    lines: list[bytes]
    bad_line: int
    heads: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


Kind = Callable[[random.Random], Attack | None]
KINDS: dict[str, Kind] = {}
"""Every class of attack by its name. A kind answers None when its dice chose what changes nothing."""


def kind(made: Kind) -> Kind:
    KINDS[made.__name__] = made
    return made


def attacks(each: int, seed: int) -> list[Attack]:
    """So many attacks of every class."""
    found = []
    for name, make in KINDS.items():
        dice = random.Random(f"{name}-{seed}")
        made: list[Attack] = []
        while len(made) < each:
            if (attack := make(dice)) is not None:
                made.append(attack)
        found += made
    return found


# --- honest logs and their parts -----------------------------------------------------------------

_LOGS = [
    honest_log(seed, version=2 - seed % 3 // 2, rows=8 + seed % 9, signed_each=3)
    for seed in range(60)
]
_LINES = [log.lines() for log in _LOGS]


def honest(dice: random.Random) -> tuple[Log, list[bytes]]:
    """An honest log and its lines. Two thirds are of version 2."""
    place = dice.randrange(len(_LOGS))
    return _LOGS[place], list(_LINES[place])


def parsed(lines: list[bytes], place: int) -> dict[str, object]:
    return json.loads(lines[place])


def rows_of(lines: list[bytes], register: str | None = None) -> list[int]:
    """Places (0 is the header) of the rows, of one register or of all."""
    return [
        place for place in range(1, len(lines) - 1)
        if "entry" in (row := parsed(lines, place)) and register in (None, row["register"])
    ]  # fmt: skip


def again(lines: list[bytes]) -> list[bytes]:
    """The lines with a trailer that fits them."""
    return closed(lines[:-1])


def rehashed(row: dict[str, object], **changes: object) -> dict[str, object]:
    """The row changed, with a hash that fits."""
    new = row | changes
    return new | {"hash": sha(f"{new['previous_hash']}\n{new['seq']}\n{new['entry']}")}


def made_anew(lines: list[bytes], *, keys: list[Key]) -> list[bytes]:
    """All chains computed again from their entries; signed heads signed again with `keys`, or left out without."""
    clinic_id = str(parsed(lines, 0)["clinic_id"])
    last = dict.fromkeys(REGISTERS, (0, START))
    found = [lines[0]]
    row: dict[str, object] = {}
    for place in range(1, len(lines) - 1):
        value = parsed(lines, place)
        if "entry" in value:
            seq, previous = last[str(value["register"])]
            row = rehashed(value, seq=seq + 1, previous_hash=previous)
            last[str(value["register"])] = (seq + 1, str(row["hash"]))
            found.append(line(row))
        elif keys:
            found.append(line(signed_head(clinic_id, row, str(value["signed_at"]), keys[0])))
    return closed(found)


def next_of(lines: list[bytes], place: int) -> int | None:
    """The place of the first later line that names the same register, row or signed head."""
    register = parsed(lines, place)["register"]
    for later in range(place + 1, len(lines) - 1):
        if parsed(lines, later)["register"] == register:
            return later
    return None


def place_of(log: Log, row: dict[str, object]) -> str:
    """A head as it is written down outside, in one of its forms that name the place."""
    return f"{log.clinic_id}:{row['register']}:{row['seq']}:{row['hash']}"


def changed_entry(row: dict[str, object], **changes: str) -> str:
    return text(json.loads(str(row["entry"])) | changes)


def edited(dice: random.Random, name: str, **changes: str) -> Attack | None:
    """An entry changed: as it stands, or with its own hash made to fit."""
    _, lines = honest(dice)
    place = dice.choice(rows_of(lines))
    row = parsed(lines, place)
    entry = changed_entry(row, **changes)
    if entry == row["entry"]:
        return None
    bad: int | None = place
    if dice.random() < 0.5:
        lines[place] = line({**row, "entry": entry})
    else:
        # What follows still holds the old hash.
        bad = next_of(lines, place)
        lines[place] = line(rehashed(row, entry=entry))
    if bad is None:
        return None
    return Attack(kind=name, lines=again(lines), bad_line=bad + 1)


# --- the classes ---------------------------------------------------------------------------------


@kind
def edit_field(dice: random.Random) -> Attack | None:
    name = dice.choice(["body", "subject", "kind", "entry_id"])
    value = text({"note": dice.random().hex()}) if name == "body" else dice.random().hex()
    return edited(dice, "edit_field", **{name: value})


@kind
def edit_time(dice: random.Random) -> Attack | None:
    return edited(
        dice, "edit_time", **{dice.choice(["at", "recorded_at"]): moment(dice.random() * 1e6)}
    )


@kind
def edit_actor(dice: random.Random) -> Attack | None:
    return edited(dice, "edit_actor", by=dice.randbytes(16).hex())


@kind
def delete_middle(dice: random.Random) -> Attack | None:
    _, lines = honest(dice)
    place = dice.choice(rows_of(lines))
    after = next_of(lines, place)
    if after is None:
        return None
    del lines[place]
    return Attack(kind="delete_middle", lines=again(lines), bad_line=after)


@kind
def truncate_tail(dice: random.Random) -> Attack | None:
    """Cut off: without a trailer, with the old one, or with a new one beside a head from outside."""
    log, lines = honest(dice)
    rows = rows_of(lines)
    cut = dice.choice(rows)
    row = parsed(lines, dice.choice([place for place in rows if place >= cut]))
    how = dice.choice(["bare", "old", "new", "bytes"])
    if how == "bare":
        kept = lines[:cut]
        return Attack(kind="truncate_tail", lines=kept, bad_line=max(1, len(kept)))
    if how == "old":
        kept = [*lines[:cut], lines[-1]]
        return Attack(kind="truncate_tail", lines=kept, bad_line=len(kept))
    if how == "bytes":
        whole = b"".join(lines)
        kept = whole[: dice.randrange(len(lines[0]), len(whole))].splitlines(keepends=True)
        return Attack(kind="truncate_tail", lines=kept, bad_line=len(kept))
    kept = closed(lines[:cut])
    head = dice.choice([place_of(log, row), str(row["hash"])])
    return Attack(kind="truncate_tail", lines=kept, bad_line=len(kept), heads=[head])


@kind
def reorder(dice: random.Random) -> Attack | None:
    _, lines = honest(dice)
    rows = rows_of(lines, dice.choice(REGISTERS))
    if len(rows) < 2:
        return None
    one, other = sorted(dice.sample(rows, 2))
    lines[one], lines[other] = lines[other], lines[one]
    return Attack(kind="reorder", lines=again(lines), bad_line=one + 1)


@kind
def move_between(dice: random.Random) -> Attack | None:
    """A row of another clinic or of another register, linked into its new place."""
    _, lines = honest(dice)
    _, others = honest(dice)
    place = dice.choice(rows_of(lines))
    row = parsed(lines, place)
    if dice.random() < 0.5:
        moved = parsed(others, dice.choice(rows_of(others)))
        if (
            json.loads(str(moved["entry"]))["clinic_id"]
            == json.loads(str(row["entry"]))["clinic_id"]
        ):
            return None
    else:
        strangers = [
            at for at in rows_of(lines) if parsed(lines, at)["register"] != row["register"]
        ]
        if not strangers:
            return None
        moved = parsed(lines, dice.choice(strangers))
    lines[place] = line(rehashed(row, entry=moved["entry"]))
    return Attack(kind="move_between", lines=again(lines), bad_line=place + 1)


@kind
def back_dated_insert(dice: random.Random) -> Attack | None:
    """A new entry in the middle; what follows is left, or made to fit up to the next signature."""
    log, lines = honest(dice)
    place = dice.choice(rows_of(lines))
    row = parsed(lines, place)
    entry = changed_entry(
        row,
        at=moment(0),
        recorded_at=moment(1),
        entry_id=dice.randbytes(8).hex(),
        kind="people.Noted",
    )
    new = line(rehashed(row, entry=entry))
    if log.version == 2 and dice.random() < 0.5:
        # Everything after it made to fit: the first signed head of the register is older than the change.
        lines.insert(place, new)
        signed = [at for at in range(place, len(lines) - 1)
                  if "signature" in (value := parsed(lines, at)) and value["register"] == row["register"]]  # fmt: skip
        fresh = made_anew(lines, keys=log.keys[:1])
        kept = [parsed(lines, at) for at in signed]
        for at, value in zip(signed, kept, strict=True):
            below = parsed(
                fresh, next(b for b in range(at - 1, 0, -1) if "entry" in parsed(fresh, b))
            )
            fresh[at] = line({**value, "hash": below["hash"], "seq": below["seq"]})
        return Attack(kind="back_dated_insert", lines=again(fresh), bad_line=signed[0] + 1)
    lines.insert(place, new)
    return Attack(kind="back_dated_insert", lines=again(lines), bad_line=place + 2)


@kind
def duplicate(dice: random.Random) -> Attack | None:
    """A row or signed head twice: as it stands, or as a new row with the old entry."""
    _, lines = honest(dice)
    place = dice.randrange(1, len(lines) - 1)
    value = parsed(lines, place)
    if "entry" in value and dice.random() < 0.5:
        twin = rehashed(value, seq=int(str(value["seq"])) + 1, previous_hash=value["hash"])
        lines.insert(place + 1, line(twin))
    else:
        lines.insert(place + 1, lines[place])
    return Attack(kind="duplicate", lines=again(lines), bad_line=place + 2)


@kind
def made_anew_whole(dice: random.Random) -> Attack | None:
    """One entry changed and every chain computed again: a head or a key from outside shows it."""
    log, lines = honest(dice)
    place = dice.choice(rows_of(lines))
    row = parsed(lines, place)
    later = [at for at in rows_of(lines, str(row["register"])) if at >= place]
    known = parsed(lines, dice.choice(later))
    lines[place] = line({**row, "entry": changed_entry(row, by=dice.randbytes(8).hex())})
    if log.version == 2 and dice.random() < 0.4:
        return _with_own_key(dice, log, lines)
    fresh = made_anew(lines, keys=log.keys[:1] if log.version == 2 else [])
    if dice.random() < 0.7:
        places = {
            (parsed(fresh, at)["register"], parsed(fresh, at)["seq"]): at for at in rows_of(fresh)
        }
        bad = places[known["register"], known["seq"]] + 1
        head = dice.choice(
            [place_of(log, known), f"{known['register']}:{known['seq']}:{known['hash']}"]
        )
    else:
        bad, head = len(fresh), str(known["hash"])
    return Attack(kind="made_anew_whole", lines=fresh, bad_line=bad, heads=[head])


def _with_own_key(dice: random.Random, log: Log, lines: list[bytes]) -> Attack:
    """Signed again by a key of the attacker's own, or without any: the clinic's keys are known outside."""
    known = [key.public.hex() for key in log.keys]
    own = key_of(dice)
    header = {name: value for name, value in parsed(lines, 0).items() if name != "header_sha256"}
    if dice.random() < 0.5:
        header["keys"] = []
        fresh = made_anew([header_of(header), *lines[1:]], keys=[])
        return Attack(kind="made_anew_whole", lines=fresh, bad_line=len(fresh), keys=known)
    header["keys"] = [own.shown]
    fresh = made_anew([header_of(header), *lines[1:]], keys=[own])
    return Attack(kind="made_anew_whole", lines=fresh, bad_line=1, keys=known)


@kind
def two_histories(dice: random.Random) -> Attack | None:
    """Both are honest to the byte and part somewhere; each auditor kept a head of what was shown to them."""
    log, lines = honest(dice)
    entries = {register: list(log.entries[register]) for register in REGISTERS}
    register = dice.choice([name for name in REGISTERS if entries[name]])
    seq = dice.randrange(1, len(entries[register]) + 1)
    if dice.random() < 0.5:
        entries[register][seq - 1] = {**entries[register][seq - 1], "by": dice.randbytes(8).hex()}
    else:
        del entries[register][seq - 1 :]
    other = Log(log.clinic_id, log.version, entries, log.keys, {}, log.exported_at)
    shown = [parsed(lines, place) for place in rows_of(lines, register)]
    known = dice.choice(shown[seq - 1 :])
    forged = other.lines()
    places = {parsed(forged, at)["seq"]: at for at in rows_of(forged, register)}
    bad = places[known["seq"]] + 1 if known["seq"] in places else len(forged)
    return Attack(kind="two_histories", lines=forged, bad_line=bad, heads=[place_of(log, known)])


@kind
def older_backup(dice: random.Random) -> Attack | None:
    """An earlier export of the same clinic, honest to the byte, after a head was written down."""
    log, lines = honest(dice)
    register = dice.choice([name for name in REGISTERS if log.entries[name]])
    kept = dice.randrange(len(log.entries[register]))
    known = parsed(lines, dice.choice(rows_of(lines, register)[kept:]))
    entries = {**log.entries, register: log.entries[register][:kept]}
    older = Log(log.clinic_id, log.version, entries, log.keys, log.signed, log.exported_at).lines()
    head = dice.choice([place_of(log, known), str(known["hash"])])
    return Attack(kind="older_backup", lines=older, bad_line=len(older), heads=[head])


OTHER_FORMS: list[Callable[[bytes], bytes]] = [
    lambda raw: raw.replace(b",", b", ", 1),
    lambda raw: raw.replace(b":", b" :", 1),
    lambda raw: b" " + raw,
    lambda raw: raw[:-1] + b" \n",
    lambda raw: raw[:-1] + b"\r\n",
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: raw.replace(b"e", b"\\u0065", 1),
    lambda raw: raw.replace(b'"seq":1', b'"seq":01', 1),
    lambda raw: raw.replace(b'"seq":', b'"seq":+', 1),
    lambda raw: _renumbered(raw, ".0"),
    lambda raw: _renumbered(raw, "e0"),
    lambda raw: raw.replace(b"/", b"\\/", 1),
    lambda raw: raw[:-2] + b"," + raw[1:-2].split(b",")[0] + b"}\n",
    lambda raw: b"{" + raw[1:-2].split(b",")[0] + b"," + raw[1:],
    lambda raw: raw[:-1] + b"\x00\n",
    lambda raw: raw[:-1],
]
"""Ways to write the same line differently; one that changes nothing is thrown again."""


def _renumbered(raw: bytes, tail: str) -> bytes:
    value = json.loads(raw)
    if "seq" not in value:
        return raw
    return raw.replace(f'"seq":{value["seq"]}'.encode(), f'"seq":{value["seq"]}{tail}'.encode(), 1)


@kind
def other_form(dice: random.Random) -> Attack | None:
    """The same facts in other bytes: of a line, or of an entry whose hash is made to fit."""
    _, lines = honest(dice)
    place = dice.randrange(len(lines))
    form = dice.choice(OTHER_FORMS)
    raw = lines[place]
    if (
        0 < place < len(lines) - 1
        and "entry" in (row := parsed(lines, place))
        and dice.random() < 0.5
    ):
        entry = form(str(row["entry"]).encode() + b"\n")[:-1].decode()
        if entry == row["entry"]:
            return None
        lines[place] = line(rehashed(row, entry=entry))
        return Attack(kind="other_form", lines=again(lines), bad_line=place + 1)
    changed = form(raw)
    if changed == raw:
        return None
    lines[place] = changed
    if not changed.endswith(b"\n") and place < len(lines) - 1:
        lines[place : place + 2] = [changed + lines[place + 1]]
    if place < len(lines) - 1 and place > 0 and dice.random() < 0.5:
        trailer = parsed(lines, len(lines) - 1)
        lines[-1] = line({**trailer, "sha256": sha(b"".join(lines[:-1]))})
    return Attack(kind="other_form", lines=lines, bad_line=place + 1)


@kind
def trailer(dice: random.Random) -> Attack | None:
    """The last line changed, removed, doubled, or something after it."""
    _, lines = honest(dice)
    value = parsed(lines, len(lines) - 1)
    heads: dict[str, dict[str, object]] = json.loads(text(value["heads"]))
    name = dice.choice(REGISTERS)
    how = dice.randrange(9)
    if how == 0:
        del lines[-1]
        return Attack(kind="trailer", lines=lines, bad_line=len(lines))
    if how == 1:
        return Attack(kind="trailer", lines=[*lines, lines[-1]], bad_line=len(lines))
    if how == 2:
        return Attack(
            kind="trailer", lines=[*lines, dice.choice([b"\n", b"{}\n", b"x"])], bad_line=len(lines)
        )
    if how == 3:
        value["count"] = int(str(value["count"])) + dice.choice([-1, 1, 2**60])
    elif how == 4:
        value["sha256"] = dice.randbytes(32).hex()
    elif how == 5:
        heads[name]["hash"] = dice.randbytes(32).hex()
    elif how == 6:
        heads[name]["seq"] = int(str(heads[name]["seq"])) + 1
    elif how == 7:
        del heads[name]
    else:
        value["count"] = dice.choice([None, True, str(value["count"])])
    lines[-1] = line({**value, "heads": heads})
    return Attack(kind="trailer", lines=lines, bad_line=len(lines))


@kind
def signature(dice: random.Random) -> Attack | None:
    """A signed head changed, put elsewhere, or signed by a key of the attacker's."""
    log, lines = honest(dice)
    signed = [at for at in range(1, len(lines) - 1) if "signature" in parsed(lines, at)]
    if not signed:
        return None
    place = dice.choice(signed)
    value = parsed(lines, place)
    how = dice.randrange(6)
    if how == 0:
        raw = bytearray.fromhex(str(value["signature"]))
        raw[dice.randrange(64)] ^= 1 << dice.randrange(8)
        value["signature"] = raw.hex()
    elif how == 1:
        value["signed_at"] = moment(dice.random() * 1e6)
    elif how == 2:
        below = parsed(
            lines, next(at for at in range(place - 1, 0, -1) if "entry" in parsed(lines, at))
        )
        value = signed_head(log.clinic_id, below, str(value["signed_at"]), key_of(dice))
    elif how == 3:
        value["key_id"] = dice.randbytes(8).hex()
    elif how == 4:
        value["signature"] = str(value["signature"]).upper()
        if value["signature"] == str(value["signature"]).lower():
            return None
    else:
        # To the end of the register before the trailer, or before its own row.
        row = next(at for at in range(place - 1, 0, -1) if "entry" in parsed(lines, at))
        lines[row], lines[place] = lines[place], lines[row]
        return Attack(kind="signature", lines=again(lines), bad_line=row + 1)
    lines[place] = line(value)
    return Attack(kind="signature", lines=again(lines), bad_line=place + 1)


def write_all(cases: list[Attack], folder: Path) -> list[dict[str, object]]:
    """The attacks as files, and what the judge in Node is asked about each."""
    asked = []
    for number, case in enumerate(cases):
        path = folder / f"{number}.jsonl"
        path.write_bytes(b"".join(case.lines))
        asked.append({"path": str(path), "heads": case.heads, "keys": case.keys})
    return asked
