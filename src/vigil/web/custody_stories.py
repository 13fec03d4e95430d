"""The page of one container: its whole life as a readable story.

In: a container's id. Out: a page.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from vigil.custody import queries
from vigil.custody.domain.facts import RegisterRow, StoryLine
from vigil.people import queries as people
from vigil.record.clock import now
from vigil.web.custody_differences import CORRECTABLE
from vigil.web.custody_forms import allowed, today_of
from vigil.web.custody_lots import lot_address

Line = TypeVar("Line", StoryLine, RegisterRow)


@never_cache
@require_GET
def container(request: HttpRequest, container_id: UUID) -> HttpResponse:
    """The life of one container as a readable story."""
    clinic_id = request.staff.clinic_id
    story = queries.container_story(container_id, clinic_id=clinic_id)
    if story is None:
        raise Http404
    numbers = {each.patient_id: each.number for each in people.patients(clinic_id)}
    context = {
        "story": story,
        "lines": _told(story.lines, numbers),
        "container": story.container,
        "lot_address": lot_address(story.container),
        "differences": [
            each
            for each in queries.discrepancies(clinic_id, is_open_only=True)
            if each.container_id == container_id
        ],
        "today": today_of(request.staff, now()),
        **allowed(request.staff),
    }
    return render(request, "custody/container.html", context)


RUN_MIN = 3
"""So many equal counts in a row are told as one line: what moved is what a reader looks for."""


def _told(lines: Iterable[StoryLine], numbers: dict[UUID, str]) -> list[dict[str, object]]:
    """The lines as the page tells them; runs of equal counts are one line that opens."""
    told: list[dict[str, object]] = []
    run: list[tuple[StoryLine, bool]] = []
    for line, is_later in entered_later(lines):
        if line.kind == "counted" and line.text.endswith(": equal"):
            run.append((line, is_later))
            continue
        told += [*_run(run, numbers), _one(line, is_later, numbers)]
        run = []
    return [*told, *_run(run, numbers)]


def _run(run: list[tuple[StoryLine, bool]], numbers: dict[UUID, str]) -> list[dict[str, object]]:
    if len(run) >= RUN_MIN:
        return [{"run": [line for line, _ in run]}]
    return [_one(line, is_later, numbers) for line, is_later in run]


def _one(line: StoryLine, is_later: bool, numbers: dict[UUID, str]) -> dict[str, object]:
    return {
        "line": line,
        "number": numbers.get(line.patient_id) if line.patient_id is not None else None,
        "is_later": is_later,
        "is_correctable": line.kind in CORRECTABLE,
    }


def entered_later(lines: Iterable[Line]) -> list[tuple[Line, bool]]:
    """Each line with whether it was entered after an act that happened later."""
    found: list[tuple[Line, bool]] = []
    latest: datetime | None = None
    for line in lines:
        found.append((line, latest is not None and line.at < latest))
        latest = line.at if latest is None else max(latest, line.at)
    return found
