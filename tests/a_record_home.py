"""A clinic's home with a signing key, a clinic's record in the test's database, and both verifiers at hand.

In: nothing. Out: writers of entries, exports as bytes, verdicts.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from two_verifiers import Case, Verdict, in_node, in_python
from vigil.record.actions import CARE, CUSTODY, append
from vigil.record.export import export_record
from vigil.record.signing import make_key

CLINIC = UUID(int=1)
OTHER = UUID(int=2)
GUARDED = ("record_entry", "record_link", "record_signedhead", "record_anchor", "record_key")


@contextmanager
def a_home(folder: Path, *, has_key: bool = True) -> Iterator[Path]:
    """The product's home is this folder for a while."""
    folder.mkdir(exist_ok=True)
    with override_settings(HOME=folder):
        assert folder == settings.HOME
        if has_key:
            make_key()
        yield folder


def write(
    register: str,
    at: datetime,
    *,
    clinic_id: UUID = CLINIC,
    kind: str = "test.Happened",
    **body: object,
) -> UUID:
    with transaction.atomic():
        return append(
            clinic_id=clinic_id, register=register, kind=kind, subject="s", by="nurse", at=at, body=body
        )  # fmt: skip


def a_day(at: datetime, *, clinic_id: UUID = CLINIC, number: int = 4) -> None:
    """A delivery, draws and notes."""
    received = [{"account": "supplier", "ug": -1000}, {"account": "container:1", "ug": 1000}]
    write(CUSTODY, at, clinic_id=clinic_id, kind="custody.Received", movements=received)
    for each in range(number):
        moved = [{"account": "container:1", "ug": -5}, {"account": "patient", "ug": 5}]
        write(
            CUSTODY,
            at,
            clinic_id=clinic_id,
            kind="custody.Given",
            movements=moved,
            note="µ 測 😀 \u2028",
        )
        write(CARE, at, clinic_id=clinic_id, number=each)


def exported(clinic_id: UUID = CLINIC) -> bytes:
    file = io.BytesIO()
    export_record(clinic_id, file)
    return file.getvalue()


def judged(content: bytes, heads: Sequence[str] = (), keys: Sequence[str] = ()) -> Verdict:
    """The verdict of both verifiers, who must agree."""
    case = Case(content, heads, keys)
    mine, (theirs,) = in_python(case), in_node([case])
    assert mine == theirs
    return mine


@contextmanager
def unguarded() -> Iterator[None]:
    """What an owner of the database can do: every trigger off, foreign keys too. Needs a superuser."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = origin")
