"""The two verifiers give one verdict on any file: the same line, or both accept, or both cannot judge.

Files are honest records changed by dice, and records whose every hash fits around JSON that canonical readers part over.
`VIGIL_MUTANTS` sets how many; 2,400 by default.
"""

import json
import os
import random
from collections import Counter

from a_record_attack import made_anew
from a_record_writer import (
    START,
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
from two_verifiers import Case, Verdict, in_node, in_python

MUTANTS = int(os.environ.get("VIGIL_MUTANTS", "2400"))
SEED = int(os.environ.get("VIGIL_SEED", "20261124"))

LOGS = [
    honest_log(seed, version=1 + seed % 2, rows=3 + seed % 6, signed_each=2) for seed in range(40)
]
FILES = [b"".join(log.lines()) for log in LOGS]

PIECES = [
    b"\n", b"\r", b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"{}", b"[]", b",", b":",
    b'"', b"\\", b"\\u0000", b"\\u001f", b"\\u001F", b"\\u007f", b"\\ud800", b"\\/", b"\\b", b"-", b"0", b"1e3", b"1.0", b"true",
    b"null", b"NaN", b" ", b"\t", "\u2028".encode(), "😀".encode(), "\uff5e".encode(), b'{"hash":', b'{"entry":"',
]  # fmt: skip


def scattered(dice: random.Random) -> bytes:
    """An honest file with some bytes changed, taken out, doubled or put in."""
    content = bytearray(dice.choice(FILES))
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        at = dice.randrange(len(content))
        how = dice.randrange(6)
        if how == 0:
            content[at] ^= 1 << dice.randrange(8)
        elif how == 1:
            content[at : at + dice.choice([1, 1, 2, 30])] = b""
        elif how == 2:
            content[at:at] = dice.choice(PIECES)
        elif how == 3:
            content[at : at + 1] = dice.choice(PIECES)
        elif how == 4:
            end = min(len(content), at + dice.randrange(1, 400))
            content[at:at] = content[at:end]
        else:
            content[at] = dice.randrange(256)
        if not content:
            return b""
    return bytes(content)


def shuffled(dice: random.Random) -> bytes:
    """An honest file's lines, some moved, dropped or doubled, perhaps with a trailer that fits."""
    lines = dice.choice(LOGS).lines()
    for _ in range(dice.choice([1, 2, 3])):
        at, to = dice.randrange(1, len(lines)), dice.randrange(1, len(lines))
        how = dice.randrange(3)
        if how == 0:
            lines[at], lines[to] = lines[to], lines[at]
        elif how == 1 and len(lines) > 3:
            del lines[at]
        else:
            lines.insert(to, lines[at])
    if dice.random() < 0.5:
        try:
            return b"".join(closed([raw for raw in lines if b'"count"' not in raw]))
        except KeyError:
            return b"".join(lines)
    return b"".join(lines)


BODIES = [
    "1", "-0", "-1", "0", "00", "01", "-", "+1", "1.", "1.5", "1e5", "1E5", ".5", "0x10", "Infinity", "-Infinity", "NaN", "nul", "nulll",
    "true", "True", "false", '"a"', "'a'", "[]", "[ ]", "[1,]", "[,1]", "{}", '{"a":1}', '{"a":1,}', '{a:1}', '{"b":1,"a":2}', '{"a":1,"a":1}',
    '{"":1,"a":2}', '{"\uff5e":1,"😀":2}', '{"😀":1,"\uff5e":2}', '{"\ue000":1,"\U00010000":2}', '{"é":1,"e\u0301":2}', '{"e\u0301":1,"é":2}',
    '"\\u0041"', '"\\u0000"', '"\\u0008"', '"\\b"', '"\\u001f"', '"\\u001F"', '"\\u007f"', '"\x7f"', '"\x1f"', '"\t"', '"\\/"', '"/"',
    '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00"', '"\ufeff"', "\ufeff1", '"\u2028"', '"\\x41"', '"\\', '"', "", " ", "1 ", " 1", "1\n", "{}{}",
    "1" + "0" * 4299, "1" + "0" * 4300, "-" + "9" * 4300, "-" + "9" * 4301, "[" * 100 + "]" * 100, "[" * 101 + "]" * 101,
    '{"a":' * 99 + "[]" + "}" * 99, '{"a":' * 100 + "[]" + "}" * 100, "[" * 60 + '"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["' + "]" * 60,
    "[" * 5000, '{"__proto__":1}', '{"constructor":1,"toString":2}', '{"a":[1,{"b":null}],"c":true}', '{"1":1,"10":2,"2":3}', '{"10":1,"2":2,"1":3}',
    '"\U0010ffff"', '"\\f\\n\\r\\t"', '"\x0b"', '"\\u000b"', '"\\v"', "[1,2,3]", "[[],{},[{}]]", '[""]', "9007199254740993", "1_0", "１",
]  # fmt: skip

MOVEMENTS = [
    '{"movements":[]}', '{"movements":{}}', '{"movements":null}', '{"movements":[1]}', '{"movements":[{}]}',
    '{"movements":[{"account":"supplier","ug":-5},{"account":"c","ug":5}]}', '{"movements":[{"account":"c","ug":5},{"account":"supplier","ug":-5}]}',
    '{"movements":[{"account":"c","ug":-5},{"account":"d","ug":5}]}', '{"movements":[{"account":"c","ug":-5},{"account":"c","ug":5}]}',
    '{"movements":[{"account":"c","ug":5}]}', '{"movements":[{"account":"c","ug":true}]}', '{"movements":[{"account":1,"ug":0}]}',
    '{"movements":[{"account":"c","note":"x","ug":0}]}', '{"movements":[{"account":"c","ug":0,"ul":3}]}', '{"movements":[{"account":"c","ug":null}]}',
    '{"movements":[{"account":"__proto__","ug":-1},{"account":"supplier","ug":1}]}', '{"movements":[{"account":"supplier","ug":-90071992547409930},{"account":"c","ug":90071992547409930}]}',
    '{"movements":[{"account":"c","ug":-9007199254740993},{"account":"d","ug":9007199254740992}]}', '{"movements":[[]]}', '{"x":{"movements":[{}]}}', '[{"movements":1}]',
]  # fmt: skip


def fitted(dice: random.Random) -> bytes:
    """A record whose hashes all fit, with a body, entry, row, header or signed head that readers may part over."""
    version = dice.choice([1, 2])
    key = key_of(dice)
    clinic_id = dice.choice(["c-1", "µ", 'q"', "\\", "😀"])
    header: dict[str, object] = {
        "clinic_id": clinic_id, "exported_at": "x", "format": "vigil-record",
        "registers": dice.choice([["care", "custody"]] * 9 + [["custody", "care"], ["care"], [], ["care", 1], ["care", "care", "custody"], ['a"', "care", "custody"]]),
        "version": dice.choice([version] * 60 + [0, 3, -1, 10**30, True, None, "2"]),
    }  # fmt: skip
    if version == 2:
        header["keys"] = dice.choice([[key.shown]] * 9 + [_strange_keys(dice, key)])
    if dice.random() < 0.05:
        header[dice.choice(["more", "keys", "version", "format", "exported_at"])] = dice.choice(
            [1, "x", None, [], {}]
        )
    lines = [header_of(header)]
    previous = START
    register = dice.choice(["care", "custody", "custody"])
    for seq in range(1, dice.choice([2, 3, 4])):
        row = _row(dice, clinic_id, register, seq, previous)
        lines.append(line(row))
        previous = str(row["hash"])
        if version == 2 and dice.random() < 0.6:
            lines += map(line, _signed(dice, clinic_id, row, key))
    return b"".join(_closed_loosely(dice, lines))


def _row(
    dice: random.Random, clinic_id: str, register: str, seq: int, previous: str
) -> dict[str, object]:
    body = dice.choice(BODIES if dice.random() < 0.6 else MOVEMENTS)
    if dice.random() < 0.3:
        body = text(
            {"note": dice.choice(["", "µ", "\x7f", "\u2028", 1, None]), "b": [1, -(10**20)]}
        )
    entry: dict[str, object] = {
        "at": "x", "body": body, "by": dice.choice(["b", 'b"', "😀"]), "clinic_id": clinic_id, "entry_id": f"e-{seq}",
        "kind": dice.choice(["custody.Moved", "custody.", "care.x", "custody"]), "recorded_at": "x", "register": register,
        "subject": dice.choice(["s", "\n", "\\", "\x00"]),
    }  # fmt: skip
    if dice.random() < 0.08:
        entry[dice.choice([*entry, "more"])] = dice.choice([1, None, True, [], {}, "x"])
    if dice.random() < 0.08:
        del entry[dice.choice(list(entry))]
    one = text(entry)
    if dice.random() < 0.08:
        one = dice.choice(
            [*BODIES, one + " ", one.replace(":", ": ", 1), one.replace('"at"', '"\\u0061t"', 1)]
        )
    try:
        digest = sha(f"{previous}\n{seq}\n{one}")
    except UnicodeEncodeError:
        digest = START
    row: dict[str, object] = {
        "entry": one,
        "hash": digest,
        "previous_hash": previous,
        "register": register,
        "seq": seq,
    }
    if dice.random() < 0.05:
        row[dice.choice([*row, "more"])] = dice.choice([1, None, True, "x", [], seq])
    return row


def _signed(
    dice: random.Random, clinic_id: str, row: dict[str, object], key: object
) -> list[dict[str, object]]:
    heads = [
        signed_head(clinic_id, row, dice.choice([moment(5), "x", "\x00", "µ", "😀", "\uff5e"]), key)
        for _ in range(dice.choice([1, 1, 2]))
    ]  # type: ignore[arg-type]
    for head in heads:
        if dice.random() < 0.1:
            head[dice.choice([*head, "more"])] = dice.choice(
                [1, None, True, "x", "0" * 128, head["signature"][:-2] + "00"]
            )
    return heads


def _strange_keys(dice: random.Random, key: object) -> object:
    shown: dict[str, str] = key.shown  # type: ignore[attr-defined]
    ys = [0, 1, 2, 3, 7, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255 - 1, 2**255, 2**255 + 1, 2**256 - 1,
          0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7]  # fmt: skip
    raw = dice.choice(ys).to_bytes(32, "little")
    other = {"key_id": sha(raw)[:16], "made_at": "x", "public_key": raw.hex()}
    both = sorted([shown, other], key=lambda one: one["key_id"])
    return dice.choice(
        [[other], both, both[::-1], [shown, shown], [{**shown, "key_id": "0" * 16}], [{**shown, "more": 1}], [shown["key_id"]], "x",
         None, {}, [], [{**shown, "public_key": shown["public_key"].upper()}], [{**shown, "made_at": 1}]]
    )  # fmt: skip


def _closed_loosely(dice: random.Random, lines: list[bytes]) -> list[bytes]:
    """A trailer that fits what can be read of the lines, and now and then one that does not."""
    header = json.loads(lines[0])
    registers = (
        [name for name in header["registers"] if isinstance(name, str)]
        if isinstance(header["registers"], list)
        else []
    )
    heads: dict[str, object] = {name: {"hash": START, "seq": 0} for name in registers}
    rows = signed = 0
    for raw in lines[1:]:
        value = json.loads(raw)
        if raw.startswith(b'{"hash"'):
            signed += 1
        else:
            rows += 1
            heads[str(value.get("register"))] = {"hash": value.get("hash"), "seq": value.get("seq")}
    trailer: dict[str, object] = {"count": rows, "heads": heads, "sha256": sha(b"".join(lines))}
    if header.get("version") == 2:
        trailer["signed"] = signed
    if dice.random() < 0.08:
        trailer[dice.choice([*trailer, "more"])] = dice.choice([1, True, None, "x", {}, heads])
    return [*lines, line(trailer)]


def outside(dice: random.Random, content: bytes) -> Case:
    """The file, now and then with heads or a key from outside."""
    if dice.random() < 0.7:
        return Case(content)
    log = dice.choice(LOGS)
    raw = dice.choice(
        [
            one
            for one in dice.choice(FILES).split(b"\n")
            if b'"seq"' in one and b'"count"' not in one
        ]
    )
    row = json.loads(raw)
    head = dice.choice(
        [
            str(row["hash"]),
            f"{row['register']}:{row['seq']}:{row['hash']}",
            f"{log.clinic_id}:{row['register']}:{row['seq']}:{row['hash']}",
        ]
    )
    return Case(content, [head], [log.keys[0].public.hex()] if dice.random() < 0.3 else [])


def mutants() -> list[Case]:
    dice = random.Random(f"mutants-{SEED}")
    makers = (scattered, shuffled, fitted, fitted, fitted)
    return [outside(dice, makers[number % len(makers)](dice)) for number in range(MUTANTS)]


def test_the_two_verifiers_agree_on_every_mutant() -> None:
    """INV-REC-05, twice over: whoever doubts one verifier asks the other, and hears the same."""
    cases = mutants()

    mine, theirs = [in_python(case) for case in cases], in_node(cases)

    parted = [
        (number, one, other, cases[number].content[:2000])
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True))
        if one != other
    ]
    told = Counter(
        "accepted" if one.line is None else "unusable" if one.line == 0 else "rejected"
        for one in mine
    )
    print(f"\n{len(cases)} files, seed {SEED}: {dict(told)}; {len(parted)} parted")
    assert parted == []
    # The dice reach every verdict and many places, or agreement would mean little.
    assert told["accepted"] > len(cases) // 50
    assert told["unusable"] > 5
    assert len({one.line for one in mine}) > 8
    assert len({one.reason.split(" ")[0] + one.reason[-12:] for one in mine}) > 30


def test_they_agree_where_a_line_is_as_long_as_it_may_be() -> None:
    """16 MiB is taken, one byte more is not; a file without any line feed needs no memory for all of it."""
    log = honest_log(7, version=2, rows=2, signed_each=9)
    log.signed.clear()
    name = next(one for one, entries in log.entries.items() if entries)
    cases = []
    for size in (16_777_216, 16_777_217):
        log.entries[name][-1]["body"] = '""'
        short = len(max((raw for raw in log.lines()), key=len)), log.lines()
        last = [raw for raw in short[1] if f'"register":"{name}"'.encode() in raw][-1]
        log.entries[name][-1]["body"] = '"' + "x" * (size - len(last)) + '"'
        lines = log.lines()
        assert max(map(len, lines)) == size
        cases.append(Case(b"".join(lines)))
    cases.append(Case(b"x" * 20_000_000))
    cases.append(Case(b"".join(honest_log(1, rows=3).lines()[:2]) + b"x" * 20_000_000))

    mine, theirs = [in_python(case) for case in cases], in_node(cases)

    assert mine == theirs
    assert mine[0] == Verdict(None)
    assert [one.line is None for one in mine] == [True, False, False, False]


def test_a_chain_made_anew_by_its_owner_is_accepted_by_both() -> None:
    """Positive control of the writer that the attacks use: what it makes is sound."""
    for log in LOGS:
        fresh = Case(b"".join(made_anew(log.lines(), keys=log.keys[:1])))
        assert in_python(fresh) == Verdict(None)


def test_a_log_can_be_made(monkeypatch) -> None:
    """The generator itself: same seed, same bytes."""
    assert b"".join(honest_log(5).lines()) == b"".join(honest_log(5).lines())
    assert isinstance(honest_log(5), Log)
