"""A third writer of the exported record, made from its specification alone: nothing of Vigil is used.

In: a seed. Out: honest records of either version, as lists of lines, with the keys that signed them.
"""

import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

START = "0" * 64
REGISTERS = ("care", "custody")
NASTY = (
    "",
    "µ",
    "測試",
    "😀",
    "\uff5e",
    "\x7f",
    "/",
    '"',
    "\\",
    "\n",
    "\u2028",
    "\x01",
    "e\u0301",
    "__proto__",
)
"""Texts at which canonical writers part: above and below the surrogates, escapes, separators of lines."""


def text(value: object) -> str:
    """The value as canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha(value: str | bytes) -> str:
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()


def moment(seconds: float) -> str:
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key and how a header shows it."""

    private: Ed25519PrivateKey
    made_at: str

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        return sha(self.public)[:16]

    @property
    def shown(self) -> dict[str, str]:
        return {"key_id": self.key_id, "made_at": self.made_at, "public_key": self.public.hex()}


def key_of(dice: random.Random, made_at: str = moment(0)) -> Key:
    return Key(Ed25519PrivateKey.from_private_bytes(dice.randbytes(32)), made_at)


@dataclass(slots=True)
class Log:
    """A clinic's record before it is written: entries by register, and which rows are signed by whom when."""

    clinic_id: str
    version: int
    entries: dict[str, list[dict[str, str]]]
    keys: list[Key] = field(default_factory=list)
    signed: dict[tuple[str, int], list[tuple[str, Key]]] = field(default_factory=dict)
    exported_at: str = moment(10**7)

    def rows(self, register: str) -> list[dict[str, object]]:
        found, previous = [], START
        for seq, entry in enumerate(self.entries[register], start=1):
            one = text(entry)
            digest = sha(f"{previous}\n{seq}\n{one}")
            found.append(
                {"entry": one, "hash": digest, "previous_hash": previous, "register": register, "seq": seq}
            )  # fmt: skip
            previous = digest
        return found

    def lines(self) -> list[bytes]:
        """Every line of the file; honest when the log is."""
        body: list[dict[str, object]] = []
        for register in REGISTERS:
            for row in self.rows(register):
                body.append(row)
                body += self.signed_heads(row)
        return closed([self.header(), *map(line, body)])

    def header(self) -> bytes:
        plain: dict[str, object] = {
            "clinic_id": self.clinic_id, "exported_at": self.exported_at, "format": "vigil-record",
            "registers": list(REGISTERS), "version": self.version,
        }  # fmt: skip
        if self.version == 2:
            plain["keys"] = sorted((key.shown for key in self.keys), key=lambda one: one["key_id"])
        return header_of(plain)

    def signed_heads(self, row: dict[str, object]) -> list[dict[str, object]]:
        if self.version == 1:
            return []
        wanted = self.signed.get((str(row["register"]), int(str(row["seq"]))), [])
        heads = [signed_head(self.clinic_id, row, at, key) for at, key in wanted]
        return sorted(heads, key=lambda head: (head["signed_at"], head["key_id"]))


def signed_head(clinic_id: str, row: dict[str, object], at: str, key: Key) -> dict[str, object]:
    plain = {
        "hash": row["hash"], "key_id": key.key_id, "register": row["register"], "seq": row["seq"],
        "signed_at": at,
    }  # fmt: skip
    message = text({**plain, "clinic_id": clinic_id, "format": "vigil-head"})
    return {**plain, "signature": key.private.sign(message.encode()).hex()}


def line(value: object) -> bytes:
    return text(value).encode() + b"\n"


def header_of(plain: dict[str, object]) -> bytes:
    return line({**plain, "header_sha256": sha(text(plain))})


def closed(above: list[bytes]) -> list[bytes]:
    """The lines with a trailer that fits them, as someone who forges would write it."""
    version = json.loads(above[0])["version"]
    heads = {name: {"hash": START, "seq": 0} for name in REGISTERS}
    rows = signed = 0
    for raw in above[1:]:
        value = json.loads(raw)
        if "signature" in value:
            signed += 1
            continue
        rows += 1
        heads[value["register"]] = {"hash": value["hash"], "seq": value["seq"]}
    trailer = {"count": rows, "heads": heads, "sha256": sha(b"".join(above))}
    return [*above, line(trailer | ({"signed": signed} if version == 2 else {}))]


def honest_log(
    seed: int,
    *,
    version: int = 2,
    rows: int = 12,
    entry_seconds: float = 60.0,
    signed_each: int = 5,
) -> Log:
    """A clinic's days: deliveries, draws, doses, waste, notes; every `signed_each`-th row is signed."""
    dice = random.Random(seed)
    clinic_id = str(UUID(int=dice.getrandbits(128), version=4))
    log = Log(clinic_id, version, {name: [] for name in REGISTERS})
    log.keys = [key_of(dice)]
    held: dict[str, int] = {}
    seconds = 0.0
    for number in range(rows):
        seconds += dice.random() * entry_seconds
        if number == rows // 2 and dice.random() < 0.3:
            log.keys.append(key_of(dice, moment(seconds)))
        register = dice.choice(REGISTERS)
        kind, body = _act(dice, held) if register == "custody" else _note(dice)
        entry = {
            "at": moment(seconds - dice.random() * 5), "body": text(body), "by": str(UUID(int=dice.getrandbits(128))),
            "clinic_id": clinic_id, "entry_id": str(UUID(int=dice.getrandbits(128))), "kind": kind,
            "recorded_at": moment(seconds), "register": register, "subject": dice.choice(NASTY) + "s",
        }  # fmt: skip
        log.entries[register].append(entry)
        seq = len(log.entries[register])
        if number % signed_each == signed_each - 1:
            log.signed[register, seq] = [(moment(seconds + 1), log.keys[-1])]
    for register in REGISTERS:
        if log.entries[register]:
            signers = log.signed.setdefault((register, len(log.entries[register])), [])
            signers.append((moment(seconds + 60), log.keys[-1]))
    return log


def _note(dice: random.Random) -> tuple[str, object]:
    keys = dice.sample(NASTY, dice.randrange(5))
    leaves = [None, True, False, 0, -1, 2**53 + 1, -(10**30), *NASTY]
    body: dict[str, object] = {key: dice.choice(leaves) for key in keys}
    body["more"] = [dice.choice(leaves) for _ in range(dice.randrange(4))]
    return dice.choice(["people.Registered", "session.Started", "custody.Noted"]), body


def _act(dice: random.Random, held: dict[str, int]) -> tuple[str, object]:
    full = [account for account, ug in held.items() if ug > 0]
    if not full or dice.random() < 0.3:
        account, ug, source, kind = (
            f"container:{len(held)}",
            dice.randrange(1, 10**6),
            "supplier",
            "Received",
        )
    else:
        source = dice.choice(full)
        ug, account, kind = (
            dice.randrange(1, held[source] + 1),
            dice.choice(["patient", "waste"]),
            "Moved",
        )
        held[source] -= ug
    if account.startswith("container"):
        held[account] = ug
    movements = [{"account": source, "ug": -ug}, {"account": account, "ug": ug}]
    dice.shuffle(movements)
    return f"custody.{kind}", {"movements": movements, "note": dice.choice(NASTY)}
