#!/usr/bin/env python3
# ruff: noqa: T201  a command prints its answer
"""Check a record exported by Vigil, with Python alone: nothing of Vigil is used.

    python verify.py FILE [--head HASH]... [--json]

Exit code 0: accepted. 1: rejected; the first bad row is named by line, register and sequence number.
2: this programme could not do its work (no such file, a newer format).

`--head` gives a hash that was written down outside the clinic (on a count sheet, in a letter). The record must
contain it. Without one, an insider who cuts the end off and writes a new last line is NOT found: say so when you
report a result.
"""

import argparse
import hashlib
import json
import sys

FORMAT = "vigil-record"
VERSION = 1
START = "0" * 64
HEX = set("0123456789abcdef")

HEADER_FIELDS = {
    "clinic_id": str, "exported_at": str, "format": str, "header_sha256": str,
    "registers": list, "version": int,
}  # fmt: skip
ROW_FIELDS = {"entry": str, "hash": str, "previous_hash": str, "register": str, "seq": int}
ENTRY_FIELDS = {
    "at": str, "body": str, "by": str, "clinic_id": str, "entry_id": str, "kind": str,
    "recorded_at": str, "register": str, "subject": str,
}  # fmt: skip
TRAILER_FIELDS = {"count": int, "heads": dict, "sha256": str}


class Bad(Exception):
    """The record is not what was sealed; names the first row that shows it."""

    def __init__(self, reason, line, register=None, seq=None):
        super().__init__(reason)
        self.reason, self.line, self.register, self.seq = reason, line, register, seq


class Unusable(Exception):
    """This programme cannot judge the file."""


def read_strict(text):
    """The JSON value, only if `text` is its one canonical form; ValueError otherwise."""

    def refuse(found):
        raise ValueError(f"it holds the number {found[:20]}, which is not whole")

    value = json.loads(text, parse_float=refuse, parse_constant=refuse)
    again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if again != text:
        raise ValueError("it is not in canonical form")
    return value


def check_fields(value, fields, what):
    """ValueError unless `value` is an object of exactly these fields and types."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object")
    if set(value) != set(fields):
        odd = sorted(set(value) ^ set(fields))
        raise ValueError(f"{what} lacks or adds the field {odd[0]!r}")
    for name, kind in fields.items():
        # type(), not isinstance(): true must not pass for the number 1.
        if type(value[name]) is not kind:
            raise ValueError(f"{what} field {name!r} has the wrong type")


def is_hash(text):
    return len(text) == 64 and set(text) <= HEX


def read_line(raw, fields, what):
    """One line of the file as an object; ValueError with the reason otherwise."""
    if not raw.endswith(b"\n"):
        raise ValueError(f"{what} does not end with a line feed")
    value = read_strict(raw[:-1].decode("utf-8"))
    check_fields(value, fields, what)
    return value


class Checker:
    """Reads the lines once, keeping only what the next line needs."""

    def __init__(self, anchors):
        self.anchors = set(anchors)
        self.digest = hashlib.sha256()
        self.count = 0
        self.heads = {}
        self.entry_ids = set()
        self.balances = {}
        self.order = []

    def header(self, raw):
        header = read_line(raw, HEADER_FIELDS, "the header")
        if header["format"] != FORMAT:
            raise ValueError(f"the format is not {FORMAT}")
        claimed = header.pop("header_sha256")
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if hashlib.sha256(text.encode("utf-8")).hexdigest() != claimed:
            raise ValueError("the header does not match its own hash")
        if header["version"] != VERSION:
            raise Unusable(f"format version {header['version']}; this programme knows {VERSION}")
        self.order = header["registers"]
        if not all(isinstance(name, str) for name in self.order):
            raise ValueError("a register is not a text")
        if sorted(set(self.order)) != self.order:
            raise ValueError("the registers are not in order")
        self.clinic_id = header["clinic_id"]
        self.heads = dict.fromkeys(self.order, (0, START))
        self.register = self.order[0] if self.order else None
        self.digest.update(raw)

    def row(self, raw):
        row = read_line(raw, ROW_FIELDS, "the row")
        register, seq = row["register"], row["seq"]
        if register not in self.heads:
            raise ValueError(f"the register {register!r} is not in the header")
        if self.order.index(register) < self.order.index(self.register):
            raise ValueError("the row stands after a later register")
        self.register = register
        last_seq, last_hash = self.heads[register]
        if seq != last_seq + 1:
            raise ValueError(f"the sequence number is {seq}; expected {last_seq + 1}")
        if row["previous_hash"] != last_hash:
            raise ValueError("the row is not linked to the row before it")
        message = f"{last_hash}\n{seq}\n{row['entry']}".encode()
        if hashlib.sha256(message).hexdigest() != row["hash"]:
            raise ValueError("the entry does not match its hash")
        self.entry(row["entry"], register)
        self.heads[register] = (seq, row["hash"])
        self.anchors.discard(row["hash"])
        self.count += 1
        self.digest.update(raw)

    def entry(self, text, register):
        entry = read_strict(text)
        check_fields(entry, ENTRY_FIELDS, "the entry")
        if entry["register"] != register:
            raise ValueError("the entry belongs to another register")
        if entry["clinic_id"] != self.clinic_id:
            raise ValueError("the entry belongs to another clinic")
        if entry["entry_id"] in self.entry_ids:
            raise ValueError("the entry stands in the record twice")
        self.entry_ids.add(entry["entry_id"])
        body = read_strict(entry["body"])
        if entry["kind"].startswith("custody.") and isinstance(body, dict):
            self.movements(body.get("movements", []))

    def movements(self, movements):
        """Drug is neither made nor lost: changes sum to zero, and only a supplier's account goes below zero."""
        if not isinstance(movements, list):
            raise ValueError("the movements are not a list")
        total = 0
        for movement in movements:
            check_fields(movement, {"account": str, "ug": int}, "a movement")
            account, ug = movement["account"], movement["ug"]
            total += ug
            self.balances[account] = self.balances.get(account, 0) + ug
        if total != 0:
            raise ValueError(f"the movements sum to {total} ug, not to zero")
        for movement in movements:
            account = movement["account"]
            if account != "supplier" and self.balances[account] < 0:
                raise ValueError(f"account {account} falls to {self.balances[account]} ug")

    def trailer(self, raw):
        trailer = read_line(raw, TRAILER_FIELDS, "the trailer")
        heads = {name: {"hash": h, "seq": s} for name, (s, h) in self.heads.items()}
        if trailer["heads"] != heads:
            raise ValueError("the heads are not those of the rows above: rows are missing or added")
        if trailer["count"] != self.count:
            raise ValueError(f"it counts {trailer['count']} rows; there are {self.count}")
        if trailer["sha256"] != self.digest.hexdigest():
            raise ValueError("the hash of the file above it does not match")
        if self.anchors:
            missing = sorted(self.anchors)[0]
            raise ValueError(f"the record does not contain the head {missing}: its end was cut off")


def verify(lines, anchors=()):
    """The checker after accepting every line; Bad with the first bad row, or Unusable."""
    checker = Checker(anchors)
    number, held = 0, None
    for raw in lines:
        if held is not None:
            number += 1
            judge(checker, held, number, is_last=False)
        held = raw
    if held is None:
        raise Bad("the file is empty", 1)
    number += 1
    judge(checker, held, number, is_last=True)
    return checker


def judge(checker, raw, number, *, is_last):
    try:
        if number == 1:
            checker.header(raw)
            if is_last:
                raise ValueError("the file ends after its header")
        elif is_last:
            checker.trailer(raw)
        else:
            checker.row(raw)
    except (ValueError, RecursionError) as error:
        register, seq = where(raw) if number > 1 else (None, None)
        raise Bad(str(error) or "it cannot be read", number, register, seq) from error


def where(raw):
    """Register and sequence number that a bad row claims, as far as it can be read."""
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(row, dict):
        return None, None
    register, seq = row.get("register"), row.get("seq")
    return (
        register if isinstance(register, str) else None,
        seq if type(seq) is int else None,
    )


def report(answer, as_json):
    if as_json:
        print(json.dumps(answer, sort_keys=True))
    elif answer["accepted"]:
        heads = ", ".join(f"{name} {seq}" for name, (seq, _) in sorted(answer["heads"].items()))
        print(f"ACCEPTED: {answer['count']} entries ({heads}).")
        for name, (_, digest) in sorted(answer["heads"].items()):
            print(f"  head of {name}: {digest}")
        if not answer["anchored"]:
            print("  No --head was given: a record whose end was cut off would look the same.")
    else:
        place = f"line {answer['line']}"
        if answer["register"] is not None:
            place += f", register {answer['register']}, seq {answer['seq']}"
        print(f"REJECTED at {place}: {answer['reason']}.")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Check a record exported by Vigil.")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--head", metavar="HASH", action="append", default=[],
                        help="a head written down outside; the record must contain it")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    args = parser.parse_args(argv)
    # A head is shown in groups of digits: spaces between them are no mistake.
    anchors = ["".join(head.split()).lower() for head in args.head]
    for anchor in anchors:
        if not is_hash(anchor):
            parser.error("--head takes 64 hexadecimal digits")
    try:
        with open(args.file, "rb") as file:
            checker = verify(file, anchors)
    except Bad as bad:
        report({"accepted": False, "line": bad.line, "reason": bad.reason,
                "register": bad.register, "seq": bad.seq}, args.json)  # fmt: skip
        return 1
    except (OSError, Unusable) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2
    report({"accepted": True, "anchored": bool(anchors), "count": checker.count,
            "heads": checker.heads}, args.json)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
