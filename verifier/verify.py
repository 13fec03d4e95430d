#!/usr/bin/env python3
# ruff: noqa: T201  a command prints its answer
"""Check a record exported by Vigil, with Python alone: nothing of Vigil is used.

    python verify.py FILE [--head HEAD]... [--key KEY]... [--json]

Exit code 0: accepted. 1: rejected; the first bad row is named by line, register and sequence number.
2: this programme could not do its work (no such file, a newer format).

`--head` gives a head that was written down outside the clinic (on a count sheet, in a letter): its hash, its
eight words, or either with its place before it, `custody:1234:HASH`. The record must contain it. Without one,
an insider who cuts the end off and writes a new last line is NOT found: say so when you report a result.

`--key` gives a public key that was written down outside. Every signed head must then be signed by one of those
given, and every register that is not empty must hold one. Without it, a signature shows only that ONE key signed.
"""

import argparse
import hashlib
import json
import re
import sys

FORMAT = "vigil-record"
VERSIONS = (1, 2)
START = "0" * 64
HEX = set("0123456789abcdef")
LINE_BYTES_MAX = 16 * 1024 * 1024
DEPTH_MAX = 100
DIGITS_MAX = 4300
"""Limits of the format: length of a line, lists and objects inside each other, digits of a number."""

HEADER_FIELDS = {
    "clinic_id": str, "exported_at": str, "format": str, "header_sha256": str,
    "registers": list, "version": int,
}  # fmt: skip
KEY_FIELDS = {"key_id": str, "made_at": str, "public_key": str}
ROW_FIELDS = {"entry": str, "hash": str, "previous_hash": str, "register": str, "seq": int}
ENTRY_FIELDS = {
    "at": str, "body": str, "by": str, "clinic_id": str, "entry_id": str, "kind": str,
    "recorded_at": str, "register": str, "subject": str,
}  # fmt: skip
SIGNED_FIELDS = {
    "hash": str, "key_id": str, "register": str, "seq": int, "signature": str, "signed_at": str,
}  # fmt: skip
TRAILER_FIELDS = {"count": int, "heads": dict, "sha256": str}


class Bad(Exception):
    """The record is not what was sealed; names the first row that shows it."""

    def __init__(self, reason, line, register=None, seq=None):
        super().__init__(reason)
        self.reason, self.line, self.register, self.seq = reason, line, register, seq


class Unusable(Exception):
    """This programme cannot judge the file."""


# --- canonical JSON ------------------------------------------------------------------------------


def _refuse(found):
    raise ValueError(f"it holds the number {found[:20]}, which is not whole")


_read = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode
_write = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_quote = json.encoder.encode_basestring
_texts = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_scan = json.decoder.scanstring
_plain = r'([^"\\\x00-\x1f]*)'
_before_body = re.compile(rf'\{{"at":"{_plain}","body":"')
_after_body = re.compile(
    rf',"by":"{_plain}","clinic_id":"{_plain}","entry_id":"{_plain}","kind":"{_plain}",'
    rf'"recorded_at":"{_plain}","register":"{_plain}","subject":"{_plain}"\}}'
)


def read_strict(text):
    """The JSON value, only if `text` is its one canonical form; ValueError otherwise."""
    # Each level needs a bracket: a text with few of them cannot be deep, and needs no closer look.
    if text.count("[") + text.count("{") > DEPTH_MAX:
        check_depth(text)
    value = _read(text)
    # A key that stands twice, a space, another order or number form: none survives being written again.
    if _write(value) != text:
        raise ValueError("it is not in canonical form")
    return value


def check_depth(text):
    """ValueError when lists and objects stand inside each other deeper than the format allows."""
    depth = 0
    for bracket in re.findall(r"[][{}]", _texts.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH_MAX:
            raise ValueError(f"it is nested deeper than {DEPTH_MAX} levels")


def check_fields(value, fields, what):
    """ValueError unless `value` is an object of exactly these fields and types."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object")
    if value.keys() != fields.keys():
        odd = sorted(set(value) ^ set(fields))
        raise ValueError(f"{what} lacks or adds the field {odd[0]!r}")
    for name, kind in fields.items():
        # type(), not isinstance(): true must not pass for the number 1.
        if type(value[name]) is not kind:
            raise ValueError(f"{what} field {name!r} has the wrong type")


def read_text(text, start):
    """The text whose first letter is at `start` and the place after its closing quote; None when not canonical."""
    try:
        found, end = _scan(text, start)
    except ValueError:
        return None, start
    return (found, end) if _quote(found) == text[start - 1 : end] else (None, start)


def read_flat(text, fields, what):
    """`read_strict` and `check_fields` for an object that holds texts and whole numbers only: three times as fast."""
    value = _read(text)
    check_fields(value, fields, what)
    written = ",".join(
        f'"{name}":{_quote(value[name]) if kind is str else value[name]}'
        for name, kind in fields.items()
    )
    # `fields` stand in the order of the format.
    if f"{{{written}}}" != text:
        raise ValueError(f"{what} is not in canonical form")
    return value


def entry_parts(text):
    """Clinic, id, kind, register and body of an entry; ValueError when it is not canonical or has other fields."""
    # The quick way takes entries whose texts, but for the body, hold nothing that must be escaped.
    before = _before_body.match(text)
    if before:
        body, end = read_text(text, before.end())
        after = _after_body.fullmatch(text, end) if body is not None else None
        if after:
            _, clinic_id, entry_id, kind, _, register, _ = after.groups()
            return clinic_id, entry_id, kind, register, body
    entry = read_flat(text, ENTRY_FIELDS, "the entry")
    return (entry[name] for name in ("clinic_id", "entry_id", "kind", "register", "body"))


def text_of(raw, what):
    """The text of one line of the file without its line feed; ValueError with the reason otherwise."""
    if len(raw) > LINE_BYTES_MAX:
        raise ValueError(f"{what} is longer than {LINE_BYTES_MAX} bytes")
    if not raw.endswith(b"\n"):
        raise ValueError(f"{what} does not end with a line feed")
    return raw[:-1].decode("utf-8")


def is_hex(text, digits):
    return len(text) == digits and set(text) <= HEX


def is_hash(text):
    return is_hex(text, 64)


def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


# --- Ed25519 signatures, from RFC 8032 -----------------------------------------------------------
# Points of the curve -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo P, held as X/Z, Y/Z and T = XY/Z.
# Only checking: nothing here is secret, so it need not take equal time for all inputs.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
ZERO = (0, 1, 1, 0)
SMALL_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER_YS = {0, 1, P - 1, SMALL_ORDER_8, P - SMALL_ORDER_8}
"""y of the eight points that make a signature fit almost any text; no honest key is one of them."""


def add_points(one, other):
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * CURVE_D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_at(y, is_odd):
    """The point with this y whose x is odd or even, or None when there is none (RFC 8032, 5.1.3)."""
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_1 % P
    if x * x % P != square or (x == 0 and is_odd):
        return None
    if x % 2 != is_odd:
        x = P - x
    return x, y, 1, x * y % P


def multiples_of(point):
    """0 to 15 times 16^n times the point, for n from 0 to 63: a product is then a sum of 64 of them."""
    table = []
    for _ in range(64):
        row = [ZERO]
        for _ in range(15):
            row.append(add_points(row[-1], point))
        table.append(row)
        point = add_points(row[-1], point)
    return table


def product(number, table, start):
    """`start` plus `number` times the point of the table."""
    for row in table:
        if number & 15:
            start = add_points(start, row[number & 15])
        number >>= 4
    return start


BASE = multiples_of(point_at(4 * pow(5, -1, P) % P, 0))
TABLES = {}
"""The tables of the keys met so far: made once, a signature then takes half a millisecond."""


class PublicKey:
    """A key of 32 bytes; ValueError when its form alone is wrong."""

    def __init__(self, raw):
        number = int.from_bytes(raw, "little")
        self.raw, self.y, self.is_odd = raw, number & (2**255 - 1), number >> 255
        if self.y >= P or self.y in SMALL_ORDER_YS:
            raise ValueError("a public key is not one that can be used")

    def fits(self, signature, message):
        """Whether these 64 bytes are the key's signature of the message (RFC 8032, 5.1.7, without the cofactor)."""
        if self.raw not in TABLES:
            point = point_at(self.y, self.is_odd)
            # The negative of the point: what is needed below. No point: nothing fits.
            TABLES[self.raw] = (
                multiples_of((P - point[0], point[1], 1, P - point[3])) if point else []
            )
        table = TABLES[self.raw]
        s = int.from_bytes(signature[32:], "little")
        if not table or s >= ORDER:
            return False
        digest = hashlib.sha512(signature[:32] + self.raw + message).digest()
        hashed = int.from_bytes(digest, "little") % ORDER
        x, y, z, _ = product(hashed, table, product(s, BASE, ZERO))
        inverse = pow(z, -1, P)
        written = y * inverse % P | (x * inverse % P % 2) << 255
        return written.to_bytes(32, "little") == signature[:32]


# --- heads from outside --------------------------------------------------------------------------

CONSONANTS, VOWELS = "bdfghjklmnprstvz", "aiou"


def words_of(digest):
    """The first 128 bits of a hash as eight words of five letters."""
    numbers = (int(digest[start : start + 4], 16) for start in range(0, 32, 4))
    return " ".join(
        CONSONANTS[n >> 12] + VOWELS[n >> 10 & 3] + CONSONANTS[n >> 6 & 15] + VOWELS[n >> 4 & 3]
        + CONSONANTS[n & 15]
        for n in numbers
    )  # fmt: skip


def hash_of_words(words):
    """The 32 hexadecimal digits that eight words stand for; ValueError when they are no such words."""
    if len(words) != 8 or any(len(word) != 5 for word in words):
        raise ValueError("a head is 64 hexadecimal digits or eight words of five letters")
    digits = ""
    for word in words:
        number = 0
        for place, letter in enumerate(word):
            letters, bits = (VOWELS, 2) if place % 2 else (CONSONANTS, 4)
            if letter not in letters:
                raise ValueError(f"{word!r} is no word of a head")
            number = number << bits | letters.index(letter)
        digits += f"{number:04x}"
    return digits


class Outside:
    """A head from outside: the beginning of a hash, perhaps with clinic, register and sequence number."""

    def __init__(self, text):
        *place, digest = text.strip().lower().split(":")
        joined = "".join(digest.split())
        # A head is shown in groups of digits: spaces between them are no mistake.
        self.start = (
            joined if is_hash(joined) else hash_of_words(re.split(r"[\s-]+", digest.strip()))
        )
        if len(place) not in (0, 2, 3):
            raise ValueError("the place of a head is REGISTER:SEQ: or CLINIC:REGISTER:SEQ:")
        self.clinic_id = place[0].strip() if len(place) == 3 else None
        self.register, self.seq = (place[-2].strip(), place[-1].strip()) if place else (None, None)
        if place and not re.fullmatch(r"[0-9]{1,18}", self.seq):
            raise ValueError("the sequence number of a head is a whole number")
        self.seq = int(self.seq) if place else None
        self.text = text.strip()


# --- the file ------------------------------------------------------------------------------------


class Checker:
    """Reads the lines once, keeping only what the next line needs."""

    def __init__(self, heads, keys):
        self.outside = heads
        self.placed, self.unplaced = {}, {}
        for head in heads:
            if head.register is None:
                self.unplaced.setdefault(head.start[:32], []).append(head)
            else:
                self.placed.setdefault((head.register, head.seq), []).append(head)
        self.known_keys = set(keys)
        self.found = set()
        self.digest = hashlib.sha256()
        self.count = self.signed_count = 0
        self.heads, self.signed, self.keys = {}, {}, {}
        self.entry_ids = set()
        self.balances = {}
        self.order = []
        self.last_signed = ("", "")

    def header(self, raw):
        header = read_strict(text_of(raw, "the header"))
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ValueError(f"the format is not {FORMAT}")
        claimed = header.pop("header_sha256", None)
        if sha256(_write(header)) != claimed:
            raise ValueError("the header does not match its own hash")
        header["header_sha256"] = claimed
        self.version = header.get("version")
        if type(self.version) is int and self.version not in VERSIONS:
            known = " and ".join(map(str, VERSIONS))
            raise Unusable(f"format version {self.version}; this programme knows {known}")
        keys = {"keys": list} if self.version == 2 else {}
        check_fields(header, HEADER_FIELDS | keys, "the header")
        self.order = header["registers"]
        if not all(isinstance(name, str) for name in self.order):
            raise ValueError("a register is not a text")
        if sorted(set(self.order)) != self.order:
            raise ValueError("the registers are not in order")
        self.clinic_id = header["clinic_id"]
        self.read_keys(header.get("keys", []))
        for head in self.outside:
            if head.clinic_id not in (None, self.clinic_id):
                raise ValueError(f"the head {head.text} is of another clinic")
        # A name with a quote in it would not stand in a row as it stands here.
        self.is_plain = all(_quote(name) == f'"{name}"' for name in self.order)
        self.heads = dict.fromkeys(self.order, (0, START))
        self.signed = dict.fromkeys(self.order, 0)
        self.register = self.order[0] if self.order else None
        self.digest.update(raw)

    def read_keys(self, keys):
        last = ""
        for key in keys:
            check_fields(key, KEY_FIELDS, "a key")
            if not is_hash(key["public_key"]):
                raise ValueError("a public key is not 64 hexadecimal digits")
            raw = bytes.fromhex(key["public_key"])
            if key["key_id"] != hashlib.sha256(raw).hexdigest()[:16]:
                raise ValueError("a key does not have the id of its public key")
            if key["key_id"] <= last:
                raise ValueError("the keys are not in order")
            last = key["key_id"]
            if self.known_keys and key["public_key"] not in self.known_keys:
                raise ValueError(f"the key {key['public_key']} is not one of those given")
            self.keys[last] = PublicKey(raw)

    def line(self, raw):
        text = text_of(raw, "the row")
        # In canonical form a signed head begins with "hash", a row with "entry".
        if self.version == 2 and text.startswith('{"hash":'):
            self.signed_head(text)
        else:
            self.row(text)
        self.digest.update(raw)

    def row(self, text):
        register = self.register
        last_seq, last_hash = self.heads.get(register, (0, START))
        # Nearly every row is the one that is expected here; then its text is known but for the entry.
        one, end = read_text(text, 10) if text.startswith('{"entry":"') else (None, 0)
        seq = last_seq + 1
        digest = sha256(f"{last_hash}\n{seq}\n{one}") if one is not None else START
        rest = f',"hash":"{digest}","previous_hash":"{last_hash}","register":"{register}","seq":{seq}}}'
        if one is None or not self.is_plain or text[end:] != rest:
            register, seq, one, digest = self.other_row(text)
        self.entry(one, register)
        if self.outside:
            self.compare(register, seq, digest)
        self.register = register
        self.heads[register] = (seq, digest)
        self.last_signed = ("", "")
        self.count += 1

    def other_row(self, text):
        """A row that is not the expected one: the first of a later register, or a bad one, and why."""
        row = read_flat(text, ROW_FIELDS, "the row")
        register, seq, digest = row["register"], row["seq"], row["hash"]
        if register not in self.heads:
            raise ValueError(f"the register {register!r} is not in the header")
        if self.order.index(register) < self.order.index(self.register):
            raise ValueError("the row stands after a later register")
        last_seq, last_hash = self.heads[register]
        if seq != last_seq + 1:
            raise ValueError(f"the sequence number is {seq}; expected {last_seq + 1}")
        if row["previous_hash"] != last_hash:
            raise ValueError("the row is not linked to the row before it")
        if sha256(f"{last_hash}\n{seq}\n{row['entry']}") != digest:
            raise ValueError("the entry does not match its hash")
        return register, seq, row["entry"], digest

    def compare(self, register, seq, digest):
        """Look for this row among the heads from outside."""
        for head in self.placed.get((register, seq), ()):
            if not digest.startswith(head.start):
                raise ValueError("the row is not the one whose head was written down outside")
            self.found.add(head)
        for head in self.unplaced.get(digest[:32], ()):
            if digest.startswith(head.start):
                self.found.add(head)

    def entry(self, text, register):
        clinic_id, entry_id, kind, named, body = entry_parts(text)
        if named != register:
            raise ValueError("the entry belongs to another register")
        if clinic_id != self.clinic_id:
            raise ValueError("the entry belongs to another clinic")
        if entry_id in self.entry_ids:
            raise ValueError("the entry stands in the record twice")
        self.entry_ids.add(entry_id)
        body = read_strict(body)
        if kind.startswith("custody.") and isinstance(body, dict) and "movements" in body:
            self.movements(body["movements"])

    def movements(self, movements):
        """Drug is neither made nor lost: changes sum to zero, and only a supplier's account goes below zero."""
        if not isinstance(movements, list):
            raise ValueError("the movements are not a list")
        total = 0
        for movement in movements:
            if self.version == 2 and isinstance(movement, dict):
                # Version 2 lets a movement say more than the format knows.
                movement = {name: movement[name] for name in ("account", "ug") if name in movement}
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

    def signed_head(self, text):
        head = read_flat(text, SIGNED_FIELDS, "the signed head")
        seq, digest = self.heads.get(head["register"], (0, START))
        if (
            head["register"] != self.register
            or head["seq"] != seq
            or head["hash"] != digest
            or not seq
        ):
            raise ValueError("the signed head is not that of the row before it")
        order = (head["signed_at"], head["key_id"])
        if order <= self.last_signed:
            raise ValueError("the signed heads of a row are not in order")
        key = self.keys.get(head["key_id"])
        if key is None:
            raise ValueError("the key of the signed head is not in the header")
        if not is_hex(head["signature"], 128):
            raise ValueError("the signature is not 128 hexadecimal digits")
        message = _write({
            "clinic_id": self.clinic_id, "format": "vigil-head", "hash": digest,
            "key_id": head["key_id"], "register": head["register"], "seq": seq,
            "signed_at": head["signed_at"],
        })  # fmt: skip
        if not key.fits(bytes.fromhex(head["signature"]), message.encode("utf-8")):
            raise ValueError("the signature does not fit")
        self.last_signed = order
        self.signed[self.register] = seq
        self.signed_count += 1

    def trailer(self, raw):
        trailer = read_strict(text_of(raw, "the trailer"))
        signed = {"signed": int} if self.version == 2 else {}
        check_fields(trailer, TRAILER_FIELDS | signed, "the trailer")
        heads = {name: {"hash": h, "seq": s} for name, (s, h) in self.heads.items()}
        # Written again to compare: in Python true is equal to 1.
        if _write(trailer["heads"]) != _write(heads):
            raise ValueError("the heads are not those of the rows above: rows are missing or added")
        if trailer["count"] != self.count:
            raise ValueError(f"it counts {trailer['count']} rows; there are {self.count}")
        if trailer.get("signed", 0) != self.signed_count:
            raise ValueError(
                f"it counts {trailer['signed']} signed heads; not as many as there are"
            )
        if trailer["sha256"] != self.digest.hexdigest():
            raise ValueError("the hash of the file above it does not match")
        missing = [head.text for head in self.outside if head not in self.found]
        if missing:
            raise ValueError(f"the record does not contain the head {missing[0]}: its end was cut off, or it was made anew")  # fmt: skip
        bare = [name for name, (seq, _) in self.heads.items() if seq and not self.signed[name]]
        if self.known_keys and bare:
            raise ValueError(f"no head of the register {bare[0]} is signed")


def verify(lines, anchors=(), keys=()):
    """The checker after accepting every line; Bad with the first bad row, or Unusable.

    `anchors`: heads from outside, as `--head` takes them; `keys`: public keys from outside, 64 digits each.
    """
    checker = Checker([Outside(text) for text in anchors], keys)
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
            checker.line(raw)
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


def lines_of(file):
    """The lines of an open binary file; never more of one than the format allows."""
    while raw := file.readline(LINE_BYTES_MAX + 1):
        yield raw


# --- the command ---------------------------------------------------------------------------------


def report(answer, as_json):
    if as_json:
        print(json.dumps(answer, sort_keys=True))
    elif answer["accepted"]:
        heads = ", ".join(f"{name} {seq}" for name, (seq, _) in sorted(answer["heads"].items()))
        print(f"ACCEPTED: {answer['count']} entries ({heads}).")
        for name, (seq, digest) in sorted(answer["heads"].items()):
            print(f"  head of {name}: {digest}")
            if seq:
                print(f"    in words: {words_of(digest)}")
                print(f"    signed up to: {answer['signed'][name] or 'nothing is signed'}")
        for key in answer["keys"]:
            print(f"  public key: {key}")
        if not answer["anchored"]:
            print("  No --head was given: a record whose end was cut off would look the same.")
        if answer["keys"] and not answer["is_key_known"]:
            print("  No --key was given: whoever made the file may have made the key too.")
    else:
        place = f"line {answer['line']}"
        if answer["register"] is not None:
            place += f", register {answer['register']}, seq {answer['seq']}"
        print(f"REJECTED at {place}: {answer['reason']}.")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Check a record exported by Vigil.")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--head", metavar="HEAD", action="append", default=[],
                        help="a head written down outside; the record must contain it")  # fmt: skip
    parser.add_argument("--key", metavar="KEY", action="append", default=[],
                        help="a public key written down outside; every key in the file must be one of them")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    args = parser.parse_args(argv)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(DIGITS_MAX)
    keys = ["".join(key.split()).lower() for key in args.key]
    try:
        for head in args.head:
            Outside(head)
    except ValueError as error:
        parser.error(f"--head: {error}")
    if not all(is_hash(key) for key in keys):
        parser.error("--key takes 64 hexadecimal digits")
    try:
        with open(args.file, "rb") as file:
            checker = verify(lines_of(file), args.head, keys)
    except Bad as bad:
        report({"accepted": False, "line": bad.line, "reason": bad.reason,
                "register": bad.register, "seq": bad.seq}, args.json)  # fmt: skip
        return 1
    except (OSError, Unusable) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2
    report({"accepted": True, "anchored": bool(args.head), "count": checker.count,
            "heads": checker.heads, "is_key_known": bool(keys),
            "keys": [key.raw.hex() for key in checker.keys.values()],
            "signed": checker.signed, "version": checker.version}, args.json)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
