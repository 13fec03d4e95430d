"""Pages of the record room: what is sealed, how to check it, and the export.

In: a member of staff who may see the record. Out: a page without patient detail, and one file.
"""

import re
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from vigil.people import queries as people
from vigil.record import queries
from vigil.record.anchors import (
    PLACES_WANTED,
    PlaceState,
    anchor,
    anchored,
    guarantee,
    places,
)
from vigil.record.clock import now
from vigil.record.export import export_record
from vigil.record.heads import keys_of
from vigil.record.own_heads import went_back
from vigil.record.words import words_of
from vigil.units.durations import elapsed
from vigil.units.refusals import Refused
from vigil.web.record_heads import NAMES, sheet_cards

SEAL_LATE_SECONDS = 5
"""An entry is sealed within a second (decision 0007); after five the worker is not doing its work."""

PLACE_NAMES = {
    "sheet": "On paper, beside the count sheets",
    "mail": "By mail, with somebody outside",
    "clinic": "With a second clinic",
    "stamp": "With a time-stamping authority",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRow:
    """One register as the page shows it."""

    name: str
    register: str
    seq: int
    hash: str
    sealed_at: datetime | None
    words: str
    waiting: int
    lag: str
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One entry without its contents: no patient, no amounts."""

    at: datetime
    register: str
    room: str
    act: str
    by: str
    seq: int | None


@never_cache
@require_safe
def record(request: HttpRequest) -> HttpResponse:
    """Heads of the registers, what waits to be sealed, how to check, the newest acts."""
    clinic_id = request.staff.clinic_id
    states = places(clinic_id, at=now())
    return render(
        request,
        "record/record.html",
        {
            "registers": _registers(clinic_id, at=now()),
            "entries": _entries(clinic_id),
            "places": _places(states),
            "guarantee": guarantee(states),
            "is_guarded": sum(state.is_fresh for state in states) >= PLACES_WANTED,
            "lost": went_back(clinic_id),
            "keys": keys_of(clinic_id),
        },
    )


@never_cache
@require_POST
def write_sheet(request: HttpRequest) -> HttpResponse:
    """Sign the heads, note that they go onto paper, and show the sheet to print."""
    staff = request.staff
    clinic = people.clinic(staff.clinic_id)
    answer = anchor(
        clinic_id=clinic.clinic_id, clinic_name=clinic.name, place="sheet", detail="heads sheet",
        by=staff.staff_id, at=now(),
    )  # fmt: skip
    if isinstance(answer, Refused):
        messages.error(request, answer.message)
        return redirect("record:record")
    return redirect("record:sheet", anchor_id=answer.anchor_id)


@never_cache
@require_safe
def sheet(request: HttpRequest, anchor_id: UUID) -> HttpResponse:
    """The heads of one sheet, as they were when it was written: to print, and to print again."""
    clinic_id = request.staff.clinic_id
    heads = anchored(anchor_id, clinic_id=clinic_id)
    if not heads or heads[0].place != "sheet":
        raise Http404
    context = {"cards": sheet_cards(clinic_id, heads), "written_at": heads[0].at}
    return render(request, "record/sheet.html", context)


@never_cache
@require_safe
def export(request: HttpRequest) -> FileResponse:
    """The whole record of the clinic as one file."""
    clinic_id = request.staff.clinic_id
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    export_record(clinic_id, file)
    file.seek(0)
    name = f"vigil-record-{now():%Y-%m-%d-%H%M}.jsonl"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/jsonl")


def _registers(clinic_id: UUID, *, at: datetime) -> list[RegisterRow]:
    waiting = {row.register: row for row in queries.waiting(clinic_id)}
    rows = []
    for head in reversed(queries.heads(clinic_id)):
        behind = waiting[head.register]
        lag = elapsed(behind.oldest_at, at) if behind.oldest_at else timedelta(0)
        rows.append(
            RegisterRow(
                name=NAMES[head.register],
                register=head.register,
                seq=head.seq,
                hash=head.hash,
                words=words_of(head.hash) if head.seq else "",
                sealed_at=head.sealed_at,
                waiting=behind.entries,
                lag=f"{max(0, int(lag.total_seconds()))} s",
                is_late=lag.total_seconds() > SEAL_LATE_SECONDS,
            )
        )
    return rows


def _places(states: tuple[PlaceState, ...]) -> list[dict[str, object]]:
    return [{"name": PLACE_NAMES[state.place], "state": state} for state in states]


def _entries(clinic_id: UUID) -> list[EntryRow]:
    names = {str(one.staff_id): one.name for one in people.staff_of(clinic_id)}
    rows = []
    for entry in queries.recent_entries(clinic_id):
        room, _, act = entry.kind.partition(".")
        rows.append(
            EntryRow(
                at=entry.at,
                register=NAMES.get(entry.register, entry.register),
                room=room,
                act=_words(act),
                # A process signs with its name; a patient's link or an unknown id is not shown.
                by=names.get(entry.by, entry.by if entry.by.isalpha() else "—"),
                seq=entry.seq,
            )
        )
    return rows


def _words(act: str) -> str:
    """`StaffEmployed` as `Staff employed`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", act).capitalize()


app_name = "record"
urlpatterns = [
    path("record", record, name="record"),
    path("record/sheets", write_sheet, name="write-sheet"),
    path("record/sheets/<uuid:anchor_id>", sheet, name="sheet"),
    path("record/export", export, name="export"),
]
