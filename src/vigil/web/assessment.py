"""Pages of the assessment room: the questions of a protocol, and what its rules say of the answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import NoReverseMatch, path, reverse
from django.views.decorators.http import require_http_methods

from vigil.assessment import queries
from vigil.assessment.actions import record_assessment
from vigil.assessment.domain.facts import Answer, Assessment, Reason
from vigil.evidence.protocols import Protocol, Question, load_protocol, protocol_ids
from vigil.people import queries as people
from vigil.people.duties import Duty, may
from vigil.plan import queries as plan
from vigil.record.clock import new_id, now
from vigil.units.durations import elapsed
from vigil.units.refusals import Refused
from vigil.web.certainty import certainty_words
from vigil.web.identity import read_bar

_WHOLE_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)

ANSWER_WORDS: Mapping[object, str] = {True: "Yes", False: "No", None: "Not known yet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question as the page shows it: what stands in it, and what was wrong with it."""

    question: Question
    chosen: str
    error: str
    is_missing: bool

    @property
    def name(self) -> str:
        return field_name(self.question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A finding with its source and certainty in words."""

    reason: Reason
    source: str
    certainty: str
    missing: tuple[str, ...]


def field_name(question: Question) -> str:
    """The form field of a question."""
    return f"q-{question.name}"


def read_answers(protocol: Protocol, posted: QueryDict) -> tuple[dict[str, Answer], dict[str, str]]:
    """The answers in a posted form, and for each question that could not be read, why.

    A question with nothing chosen is absent (not asked); "not known yet" is None.
    """
    answers: dict[str, Answer] = {}
    errors: dict[str, str] = {}
    for question in protocol.questions:
        text = posted.get(field_name(question), "").strip()
        if not text:
            continue
        if question.kind == "bool":
            chosen = {"yes": True, "no": False, "unknown": None}
            if text in chosen:
                answers[question.name] = chosen[text]
            else:
                errors[question.name] = f"Read {text!r}; choose yes, no or not known yet."
            continue
        error = _why_not_whole(question, text)
        if error:
            errors[question.name] = error
        else:
            answers[question.name] = int(text)
    return answers, errors


def _why_not_whole(question: Question, text: str) -> str:
    """Why the text is not a whole number in the question's range, or nothing when it is."""
    if _WHOLE_NUMBER.fullmatch(text) is None:
        return f"Read {text!r}; write a whole number, digits only, or leave it empty."
    low = 0 if question.low is None else question.low
    if int(text) < low or (question.high is not None and int(text) > question.high):
        return f"Read {text}; expected {low} to {question.high} {question.unit}."
    return ""


@require_http_methods(["GET", "POST"])
def assess(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Ask the questions of a protocol; show the verdict with every reason."""
    clinic_id = request.staff.clinic_id
    patient = people.patient(patient_id, clinic_id=clinic_id)
    if patient is None:
        raise Http404
    protocol = _chosen_protocol(request, patient_id)
    if request.method == "POST":
        return _save(request, patient, protocol)
    return _page(request, patient, protocol)


def _save(request: HttpRequest, patient: people.Patient, protocol: Protocol) -> HttpResponse:
    answers, errors = read_answers(protocol, request.POST)
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError:
        key = new_id()
    if errors:
        return _page(request, patient, protocol, posted=request.POST, errors=errors, key=key)
    saved = record_assessment(
        patient_id=patient.patient_id,
        protocol_id=protocol.protocol_id,
        answers=answers,
        by=request.staff,
        at=now(),
        key=key,
    )
    if isinstance(saved, Refused):
        return _page(request, patient, protocol, posted=request.POST, refused=saved, key=key)
    messages.success(request, "The assessment is saved.")
    there = reverse("assessment:assess", args=[patient.patient_id])
    return HttpResponseRedirect(f"{there}?protocol={protocol.protocol_id}#verdict")


def _chosen_protocol(request: HttpRequest, patient_id: UUID) -> Protocol:
    """The protocol named in the address, else the one assessed last, else the first adopted, else the first."""
    asked = request.POST.get("protocol") or request.GET.get("protocol")
    if asked is not None:
        if asked not in protocol_ids():
            raise Http404
        return load_protocol(asked)
    clinic_id = request.staff.clinic_id
    last = queries.latest(patient_id, clinic_id=clinic_id)
    if last is not None and last.protocol_id in protocol_ids():
        return load_protocol(last.protocol_id)
    adopted = [one.protocol_id for one in plan.adopted_protocols(clinic_id)]
    return load_protocol((adopted or protocol_ids())[0])


def _page(
    request: HttpRequest,
    patient: people.Patient,
    protocol: Protocol,
    *,
    posted: QueryDict | None = None,
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    key: UUID | None = None,
) -> HttpResponse:
    staff, at = request.staff, now()
    latest = queries.latest(
        patient.patient_id, clinic_id=staff.clinic_id, protocol_id=protocol.protocol_id
    )
    is_resumed = posted is None and may_resume(latest, protocol, at=at)
    held = _held(protocol, posted, latest if is_resumed else None)
    shown = [] if latest is None else _shown(latest, protocol)
    missing = set(latest.missing) if latest is not None and is_resumed else set()
    return render(
        request,
        "assessment/assess.html",
        {
            "patient": patient,
            "bar": read_bar(patient, at=at),
            "protocol": protocol,
            # The chosen one first, the others in the order that never changes.
            "protocols": [
                load_protocol(name)
                for name in sorted(protocol_ids(), key=lambda name: name != protocol.protocol_id)
            ],
            "latest": latest,
            "is_old": latest is not None and latest.protocol_hash != protocol.content_hash,
            # What is decided stands open; what cannot be told yet is folded when it is long.
            "reasons": [one for one in shown if one.reason.verdict == "true"],
            "open_reasons": [one for one in shown if one.reason.verdict == "unknown"],
            "answered": [] if latest is None else _answered(latest, protocol),
            "sections": _sections(protocol, held, errors or {}, missing),
            "is_resumed": is_resumed,
            "is_open": posted is not None or latest is None or is_resumed,
            "refused": refused,
            "errors": errors,
            "key": key or new_id(),
            "may_assess": Duty.ASSESS in staff.duties,
            "may_plan": Duty.PRESCRIBE in staff.duties,
            "invite_href": _invite_href(request, patient),
        },
        status=400 if errors or refused else 200,
    )


def may_resume(latest: Assessment | None, protocol: Protocol, *, at: datetime) -> bool:
    """Whether the form starts from what was saved: only an unfinished, recent one of this very protocol.

    A decided assessment is never copied forward: old answers in a new form are how wrong records are made.
    """
    return (
        latest is not None
        and latest.verdict == "more-needed"
        and latest.protocol_hash == protocol.content_hash
        and elapsed(latest.completed_at, at) <= timedelta(days=protocol.assessment_age_days_max)
    )


def _held(
    protocol: Protocol, posted: QueryDict | None, latest: Assessment | None
) -> dict[str, str]:
    """What stands in each field: what was just posted, or what was saved, or nothing."""
    if posted is not None:
        return {q.name: posted.get(field_name(q), "") for q in protocol.questions}
    if latest is None:
        return {}
    spelled = {True: "yes", False: "no", None: "unknown"}
    return {
        name: spelled[answer] if answer is None or isinstance(answer, bool) else str(answer)
        for name, answer in latest.answers.items()
    }


def _sections(
    protocol: Protocol, held: Mapping[str, str], errors: Mapping[str, str], missing: set[str]
) -> list[tuple[str, list[Row]]]:
    sections: dict[str, list[Row]] = {}
    for question in protocol.questions:
        row = Row(
            question=question,
            chosen=held.get(question.name, ""),
            error=errors.get(question.name, ""),
            is_missing=question.name in missing,
        )
        sections.setdefault(question.section, []).append(row)
    return list(sections.items())


def _shown(assessment: Assessment, protocol: Protocol) -> list[Shown]:
    """The reasons behind the verdict, exclusions first."""
    texts = {question.name: question.text for question in protocol.questions}
    sources = {source.source_id: source.citation for source in protocol.sources}
    order = {("exclude", "true"): 0, ("exclude", "unknown"): 1, ("warn", "true"): 2}
    ordered = sorted(assessment.reasons, key=lambda r: order[(r.kind, r.verdict)])
    return [
        Shown(
            reason=reason,
            source=sources.get(reason.source, reason.source),
            certainty=certainty_words(reason.certainty),
            missing=tuple(texts.get(name, name) for name in reason.missing),
        )
        for reason in ordered
    ]


def _answered(assessment: Assessment, protocol: Protocol) -> list[tuple[str, str]]:
    """Every question with the saved answer in words."""
    lines = []
    for question in protocol.questions:
        if question.name not in assessment.answers:
            words = "Not asked"
        else:
            answer = assessment.answers[question.name]
            is_number = type(answer) is int
            words = f"{answer} {question.unit}".strip() if is_number else ANSWER_WORDS[answer]
        lines.append((question.text, words))
    return lines


def _invite_href(request: HttpRequest, patient: people.Patient) -> str:
    """The page that invites the patient to a questionnaire, when this person may open it."""
    if not may(request.staff.duties, "outcome:invite", method="POST"):
        return ""
    try:
        return reverse("outcome:invite", args=[patient.patient_id])
    except NoReverseMatch:
        return ""


app_name = "assessment"
urlpatterns = [path("patients/<uuid:patient_id>/assessment", assess, name="assess")]
