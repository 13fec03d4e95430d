"""Lives honest clinics in one process: `python a_honest_clinic.py RUNS SEED old|new|restored FOLDER`.

In: how many, dice, which part. `old` begins half of them on the tables that landed first, with SQL alone; `new` lives them all to the end through the
record's own actions; `restored` only exports again. Out: one JSON object: heads and keys written down outside, mishaps, what the machine raised.
"""

import json
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from a_record_writer import NASTY, START, sha, text  # noqa: E402
from vigil.record import clock  # noqa: E402
from vigil.record.actions import CARE, CUSTODY, append, seal  # noqa: E402
from vigil.record.anchors import PLACES, anchor  # noqa: E402
from vigil.record.export import export_record  # noqa: E402
from vigil.record.head_file import head_argument  # noqa: E402
from vigil.record.heads import keys_of, sign_due  # noqa: E402
from vigil.record.own_heads import keep_heads, went_back  # noqa: E402
from vigil.record.signing import key_path, make_key, rotate_key  # noqa: E402
from vigil.record.words import words_of  # noqa: E402

NIGHTS = {
    "autumn night": datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
    "spring night": datetime(2027, 3, 14, 6, 30, tzinfo=UTC),
}
"""Half an hour before New York's clocks change."""


def clinic_of(number: int) -> UUID:
    return UUID(int=(5 << 64) + number)


class Clinic:
    """One clinic and its dice."""

    def __init__(self, number: int, seed: int) -> None:
        self.dice = random.Random(f"honest-{seed}-{number}")
        self.clinic_id = clinic_of(number)
        self.heads: list[str] = []
        self.held = 0

    def act(self, at: datetime) -> None:
        if self.dice.random() < 0.5:
            self.note(at)
            return
        if self.dice.random() < 0.15:
            moved, kind = [], "custody.Counted"
        elif self.held == 0 or self.dice.random() < 0.3:
            ug = self.dice.randrange(1, 10**6)
            moved, kind = [("supplier", -ug), ("container:1", ug)], "custody.Received"
            self.held += ug
        else:
            ug = self.dice.randrange(1, self.held + 1)
            moved, kind = [("container:1", -ug), ("patient", ug)], "custody.Given"
            self.held -= ug
        self.write(CUSTODY, kind, at, {"movements": [{"account": a, "ug": u} for a, u in moved]})

    def note(self, at: datetime) -> None:
        body = {
            key: self.dice.choice([None, True, -(10**25), *NASTY])
            for key in self.dice.sample(NASTY, 3)
        }
        self.write(CARE, "session.Noted", at, body)

    def write(self, register: str, kind: str, at: datetime, body: object) -> None:
        with transaction.atomic():
            append(
                clinic_id=self.clinic_id,
                register=register,
                kind=kind,
                subject=self.dice.choice(NASTY),
                by="nurse",
                at=at,
                body=body,
            )

    def work(self, at: datetime) -> None:
        """What the worker does."""
        seal(clinic_id=self.clinic_id, limit=self.dice.choice([1, 2, 5000]))
        sign_due(clinic_id=self.clinic_id, at=at)
        keep_heads(clinic_id=self.clinic_id, at=at)

    def anchor(self, at: datetime) -> None:
        found = anchor(
            clinic_id=self.clinic_id,
            clinic_name="µ",
            place=self.dice.choice(PLACES),
            detail="d",
            by="b",
            at=at,
        )
        for head in getattr(found, "heads", ()):
            forms = [
                head.hash,
                words_of(head.hash),
                head_argument(self.clinic_id, head.register, head.seq, head.hash),
            ]
            self.heads.append(self.dice.choice(forms))


def live(clinic: Clinic, mishaps: Counter[str]) -> None:
    """A few days with two mishaps."""
    dice = clinic.dice
    at = datetime(2026, 10, 30, 13, tzinfo=UTC) + timedelta(minutes=dice.randrange(600))
    wanted = dice.sample(["clock back", "clock ahead", *NIGHTS, "new key", "key away", "anchor"], 3)
    away = settings.HOME / "key.away"
    for what in [*wanted, ""]:
        if what in NIGHTS:
            at = NIGHTS[what]
        elif what.startswith("clock"):
            at += timedelta(hours=dice.choice([1, 24, 9000])) * (-1 if what == "clock back" else 1)
        elif what == "new key":
            rotate_key()
        elif what == "key away":
            key_path().rename(away)
        if what:
            mishaps[what] += 1
        for _ in range(dice.randrange(1, 5)):
            at += timedelta(minutes=dice.randrange(30))
            # The server's clock goes with the clinic's: `recorded_at` jumps too.
            set_clock(at)
            clinic.act(at)
            if dice.random() < 0.6:
                clinic.work(at)
        if what == "anchor":
            clinic.anchor(at)
        if away.exists():
            away.rename(key_path())
    clinic.work(at)
    clinic.anchor(at)


def set_clock(at: datetime) -> None:
    Path(settings.HOME / "clock").write_text(str((at - clock.machine_now()).total_seconds()))


def begin_old(clinic: Clinic) -> int:
    """Entries and links as the version that landed wrote them, into its tables."""
    previous, seq = START, 0
    with connection.cursor() as cursor:
        for seq in range(1, clinic.dice.randrange(2, 6)):
            at = datetime(2026, 10, 1, 12, seq, tzinfo=UTC)
            moment = at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
            entry = {"at": moment, "body": text({"n": seq}), "by": "b", "clinic_id": str(clinic.clinic_id), "entry_id": str(clock.new_id()),
                     "kind": "people.Noted", "recorded_at": moment, "register": CARE, "subject": "µ"}  # fmt: skip
            digest = sha(f"{previous}\n{seq}\n{text(entry)}")
            cursor.execute(
                "INSERT INTO record_entry (entry_id, clinic_id, register, kind, subject, by, at, recorded_at, body)"
                " VALUES (%s, %s, 'care', 'people.Noted', 'µ', 'b', %s, %s, %s) RETURNING id",
                [entry["entry_id"], clinic.clinic_id, at, at, entry["body"]],
            )
            (entry_id,) = cursor.fetchone()
            cursor.execute(
                "INSERT INTO record_link (clinic_id, register, seq, previous_hash, hash, sealed_at, entry_id) VALUES (%s, 'care', %s, %s, %s, %s, %s)",
                [clinic.clinic_id, seq, previous, digest, at, entry_id],
            )
            previous = digest
        cursor.execute(
            "INSERT INTO record_head (clinic_id, register, seq, hash) VALUES (%s, 'care', %s, %s)",
            [clinic.clinic_id, seq, previous],
        )
    return seq


def main(runs: int, seed: int, part: str, folder: Path) -> None:
    clinics = [Clinic(number, seed) for number in range(runs)]
    if part == "old":
        print(json.dumps({"written": sum(begin_old(clinic) for clinic in clinics[::2])}))
        return
    folder.mkdir(exist_ok=True)
    mishaps: Counter[str] = Counter()
    make_key()
    if part == "new":
        mishaps["upgrade"] = len(clinics[::2])
        for clinic in clinics:
            live(clinic, mishaps)
    raised = []
    for clinic in clinics:
        with open(folder / f"{clinic.clinic_id}.jsonl", "wb") as file:
            export_record(clinic.clinic_id, file)
        raised += [str(lost) for lost in went_back(clinic.clinic_id)]
    outside = {
        str(clinic.clinic_id): {
            "heads": clinic.heads,
            "keys": [key.public_key for key in keys_of(clinic.clinic_id)],
        }
        for clinic in clinics
    }
    print(json.dumps({"mishaps": mishaps, "outside": outside, "went_back": raised}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
