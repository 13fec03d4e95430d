"""Pages of discrepancies: by age, one with its arithmetic and every act in between, and how it is closed. They blame nobody.

In: requests. Out: pages, corrections, losses and closings by two people, or the form again, but never a password.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from vigil.custody import actions, papers, queries
from vigil.custody.domain.correcting import Booked, booked_of
from vigil.custody.domain.decide import amount_text
from vigil.custody.domain.deeds import ClosedBy
from vigil.custody.domain.differences import NOTICE, Arithmetic
from vigil.custody.domain.facts import Discrepancy
from vigil.custody.domain.readings import Clock
from vigil.people import queries as people
from vigil.record.clock import now
from vigil.units.amounts import show_mg
from vigil.units.durations import elapsed
from vigil.units.refusals import Refused
from vigil.web.custody_amounts import read_booked
from vigil.web.custody_forms import (
    allowed,
    key_for_page,
    key_of,
    posted,
    read_uuid,
    read_whole,
    signed_by_witness,
    status_of,
    witnesses_of,
)

CORRECTABLE = frozenset(
    {"received", "drawn", "given", "wasted", "dead-space", "lost", "sent-out", "corrected"}
)
"""Kinds of acts that moved an amount which a correction may replace."""

HOW_WORDS: tuple[tuple[ClosedBy, str], ...] = (
    ("correction", "The book was wrong: corrections explain all of it"),
    ("counting-error", "The count was wrong: a later count by two other people agrees"),
    ("loss", "It is not found: all of it was moved to loss under investigation"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A discrepancy as the list shows it: how old, and the clock that runs out first."""

    discrepancy: Discrepancy
    age: str
    clock: Clock | None
    is_over: bool


@never_cache
@require_GET
def differences(request: HttpRequest) -> HttpResponse:
    """Every discrepancy: open ones by age, closed ones below."""
    clinic_id, at = request.staff.clinic_id, now()
    found = queries.discrepancies(clinic_id)
    context = {
        "open": [_open(each, clinic_id, at) for each in found if each.closing is None],
        "closed": [each for each in reversed(found) if each.closing is not None],
        "notice": NOTICE,
        "law": queries.adopted_law(clinic_id),
        **allowed(request.staff),
    }
    return render(request, "custody/differences.html", context)


def _open(found: Discrepancy, clinic_id: UUID, at: datetime) -> Open:
    clocks = queries.clocks(found, clinic_id=clinic_id)
    first = clocks[0] if clocks else None
    return Open(
        discrepancy=found,
        age=age_words(found.opened_at, at),
        clock=first,
        is_over=first is not None and first.is_over(at),
    )


def age_words(since: datetime, at: datetime) -> str:
    """How long ago, in the one unit that a person would use."""
    minutes = max(0, int(elapsed(since, at).total_seconds()) // 60)
    for size, word in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            number = minutes // size
            return f"{number} {word}{'' if number == 1 else 's'}"
    return "less than a minute"


@never_cache
@require_GET
def difference(request: HttpRequest, discrepancy_id: UUID) -> HttpResponse:
    """One discrepancy with its arithmetic, its clocks and what may be done."""
    return _page(request, discrepancy_id)


def _page(
    request: HttpRequest,
    discrepancy_id: UUID,
    *,
    refused: Refused | None = None,
    act: str = "",
) -> HttpResponse:
    clinic_id, at = request.staff.clinic_id, now()
    sums = queries.arithmetic(discrepancy_id, clinic_id=clinic_id)
    if sums is None:
        raise Http404
    found = sums.discrepancy
    explained = papers.explanations(discrepancy_id, clinic_id=clinic_id)
    clocks = queries.clocks(found, clinic_id=clinic_id)
    context = {
        "found": found,
        "sums": sums,
        "lines": _lines(sums, clinic_id),
        "age": age_words(found.opened_at, at),
        "clocks": [(each, each.is_over(at)) for each in clocks],
        "law": queries.adopted_law(clinic_id),
        "notice": NOTICE,
        "defects": queries.known_defects(),
        "explained": explained,
        "missing_ug": max(0, -found.difference_ug),
        "found_words": amount_text(found.product, found.counted_ug),
        "book_words": amount_text(found.product, found.expected_ug),
        "off_words": amount_text(found.product, abs(found.difference_ug)),
        "hows": HOW_WORDS,
        "act": act,
        "witnesses": witnesses_of(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "Nothing was recorded. What you wrote was kept; the password was not."
        if refused
        else "",
        "key": key_for_page(request, refused),
        **allowed(request.staff),
    }
    return render(request, "custody/difference.html", context, status=status_of(refused))


def _lines(sums: Arithmetic, clinic_id: UUID) -> list[dict[str, object]]:
    numbers = {each.patient_id: each.number for each in people.patients(clinic_id)}
    return [
        {
            "line": line,
            "number": numbers.get(line.patient_id),
            "is_correctable": line.kind in CORRECTABLE,
        }
        for line in sums.lines
    ]


@sensitive_post_parameters("witness_password")
@require_POST
def lose(request: HttpRequest, discrepancy_id: UUID) -> HttpResponse:
    """Move what a count found missing to loss under investigation, by two people."""
    answer = actions.declare_loss(
        discrepancy_id=discrepancy_id,
        amount_ug=read_whole(request.POST.get("ug")) or 0,
        reason=request.POST.get("reason", "")[:500],
        **signed_by_witness(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        return _page(request, discrepancy_id, refused=answer, act="lose")
    messages.success(request, f"{show_mg(answer.amount_ug)} moved to loss under investigation.")
    return redirect("custody:difference", discrepancy_id=discrepancy_id)


@sensitive_post_parameters("witness_password")
@require_POST
def close(request: HttpRequest, discrepancy_id: UUID) -> HttpResponse:
    """Close a discrepancy with what explains all of it, by two people."""
    how = next((how for how, _ in HOW_WORDS if how == request.POST.get("how")), None)
    if how is None:
        refused = Refused(code="CUS-NOT-EXPLAINED", message="Say what explains the difference.")
        return _page(request, discrepancy_id, refused=refused, act="close")
    answer = actions.close_discrepancy(
        discrepancy_id=discrepancy_id,
        how=how,
        references=_references(request, how, discrepancy_id),
        note=request.POST.get("note", "")[:500],
        **signed_by_witness(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        return _page(request, discrepancy_id, refused=answer, act="close")
    messages.success(request, f"{answer.container_label}: the difference is closed.")
    return redirect("custody:difference", discrepancy_id=discrepancy_id)


def _references(request: HttpRequest, how: ClosedBy, discrepancy_id: UUID) -> tuple[UUID, ...]:
    """All corrections or all losses since, or the recount that was chosen."""
    if how == "counting-error":
        chosen = read_uuid(request.POST.get("recount"))
        return () if chosen is None else (chosen,)
    found = papers.explanations(discrepancy_id, clinic_id=request.staff.clinic_id)
    if how == "loss":
        return tuple(each.loss_id for each in found.losses)
    ticked: Sequence[str] = request.POST.getlist("correction")
    return tuple(
        each.correction_id for each in found.corrections if str(each.correction_id) in ticked
    )


@never_cache
@sensitive_post_parameters("witness_password")
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, act_id: UUID) -> HttpResponse:
    """Put the amount of one act right by a new pair, with a reason and a second person."""
    clinic_id = request.staff.clinic_id
    container_id = read_uuid(posted(request).get("container"))
    booked = _booked(act_id, clinic_id, container_id)
    container = queries.container(booked.container_id, clinic_id=clinic_id)
    if container is None:
        raise Http404
    back = read_uuid(posted(request).get("difference"))
    refused: Refused | None = None
    if request.method == "POST":
        is_ug = read_booked(request.POST.get("right", ""), container.product)
        if isinstance(is_ug, Refused):
            refused = is_ug
        else:
            answer = actions.correct(
                act_id=act_id,
                is_ug=is_ug,
                container_id=container.container_id,
                reason=request.POST.get("reason", "")[:500],
                **signed_by_witness(request),
                by=request.staff,
                at=now(),
                key=key_of(request),
            )
            if not isinstance(answer, Refused):
                messages.success(
                    request,
                    f"Corrected: {show_mg(answer.is_ug)}, not {show_mg(answer.was_ug)}. Both stand in the register.",
                )
                if back is not None:
                    return redirect("custody:difference", discrepancy_id=back)
                return redirect("custody:container", container_id=container.container_id)
            refused = answer
    context = {
        "booked": booked,
        "container": container,
        "was_words": amount_text(container.product, booked.ug),
        "act": papers.deed(act_id, clinic_id=clinic_id),
        "back": back,
        "witnesses": witnesses_of(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "Nothing was recorded. What you wrote was kept; the password was not."
        if refused
        else "",
        "key": key_for_page(request, refused),
    }
    return render(request, "custody/correct.html", context, status=status_of(refused))


def _booked(act_id: UUID, clinic_id: UUID, container_id: UUID | None) -> Booked:
    act = papers.deed(act_id, clinic_id=clinic_id)
    if act is None:
        raise Http404
    booked = booked_of(act, act_id=act_id, container_id=container_id)
    if isinstance(booked, Refused):
        raise Http404(booked.message)
    return booked
