"""Pages of the session room: the chair board, the check-in, the chair's own page, discharge, note.

In: requests of people whose duties the policy table lets in. Out: pages and fragments; each act is one call of
`session.actions` (or `programme.actions`, which holds the gate) and then a redirect.
"""

from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from vigil.evidence.protocols import Protocol, load_protocol
from vigil.people import queries as people
from vigil.people.duties import Duty, may
from vigil.plan import queries as plans
from vigil.programme import actions as programme_actions
from vigil.programme import queries as programme
from vigil.programme.domain.facts import Gate
from vigil.record.clock import now
from vigil.session import actions, queries
from vigil.session.domain.facts import ChairView, SessionView
from vigil.units.refusals import Refused
from vigil.web import chair_cards, session_chart
from vigil.web.heartbeats import heartbeat_age_seconds
from vigil.web.session_forms import (
    CheckInForm,
    DischargeForm,
    EventForm,
    ObserveForm,
    RateForm,
    StopForm,
    read_key,
)

TREND_METRICS = ("sbp", "dbp", "hr", "pulse")
TREND_SECONDS = 20
"""The small trend of a chair is drawn again at most this often: it shows 45 minutes."""


# --- the board ---------------------------------------------------------------------------------


@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """Every chair at a glance."""
    return render(request, "session/board.html", _board(request))


@require_safe
def chairs(request: HttpRequest) -> HttpResponse:
    """The chairs alone, for a board that stands open."""
    return render(request, "session/_chairs.html", _board(request))


def _board(request: HttpRequest) -> dict[str, object]:
    at = now()
    clinic_id = request.staff.clinic_id
    cards = [_card(chair, clinic_id=clinic_id, at=at) for chair in queries.board(clinic_id, now=at)]
    return {
        "cards": cards,
        "at": at,
        "prescribers": people.prescribers_on_site(clinic_id),
        "nurses": len(people.staff_of(clinic_id, duty=Duty.MONITOR)),
        "gateway_age": heartbeat_age_seconds("gateway"),
        "may_acknowledge": may(request.staff.duties, "session:acknowledge", method="POST"),
        "stream_path": "/stream/board",
    }


def _card(chair: ChairView, *, clinic_id: UUID, at: datetime) -> chair_cards.ChairCard:
    view = chair.session
    if view is None:
        return chair_cards.chair_card(chair, protocol=None, trend=None, now=at)
    bucket = int(at.timestamp()) // TREND_SECONDS
    return chair_cards.chair_card(
        chair, protocol=_protocol(view), trend=_trend(view.session_id, clinic_id, bucket), now=at
    )


@lru_cache(maxsize=64)
def _trend(session_id: UUID, clinic_id: UUID, bucket: int) -> chair_cards.Trend:
    at = now()
    found = queries.samples(
        session_id, clinic_id=clinic_id, since=at - chair_cards.TREND, metrics=TREND_METRICS
    )
    return chair_cards.draw_trend(found, now=at)


def _protocol(view: SessionView) -> Protocol:
    return load_protocol(view.protocol_id)


@require_POST
def acknowledge(request: HttpRequest, alarm_id: UUID) -> HttpResponse:
    """Record that this person saw the alarm and goes."""
    answer = actions.acknowledge(
        alarm_id=alarm_id, by=request.staff, at=now(), key=read_key(request)
    )
    if isinstance(answer, Refused):
        messages.warning(request, answer.message)
        return HttpResponseRedirect(reverse("session:board"))
    messages.success(request, "Recorded: you saw it and are going.")
    if request.POST.get("from") == "session":
        return HttpResponseRedirect(reverse("session:session", args=[answer.session_id]))
    return HttpResponseRedirect(reverse("session:board"))


# --- one session -------------------------------------------------------------------------------


@require_safe
def session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The page at the chair: before the dose, during it, and until the patient leaves."""
    return _page(request, session_id)


@require_safe
def live(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """What changes by itself on the page at the chair; forms that a person may be filling are not in it."""
    view = _view(request, session_id)
    context = _context(request, view)
    context["moved_on"] = request.GET.get("phase", view.phase) != view.phase
    context["is_live_part"] = True
    return render(request, "session/_live.html", context)


def _page(
    request: HttpRequest, session_id: UUID, *, refused: Refused | None = None, **forms: object
) -> HttpResponse:
    view = _view(request, session_id)
    context = _context(request, view) | {
        "refused": refused,
        "kept": "What you entered is still in the form. Nothing was recorded." if refused else "",
        "observe_form": forms.get("observe_form") or ObserveForm(),
        "scales": session_chart.rating_scales(),
        "opens": forms.get("opens", ""),
        "rate_form": forms.get("rate_form") or RateForm(initial=_rate_initial(view)),
        "stop_form": forms.get("stop_form") or StopForm(),
        "event_form": forms.get("event_form") or EventForm(),
    }
    return render(request, "session/session.html", context, status=422 if refused else 200)


def _rate_initial(view: SessionView) -> dict[str, object]:
    rate = view.rate_ug_per_hour
    return {} if not rate else {"rate": f"{chair_cards.show_running_mg(rate)}"}


def _view(request: HttpRequest, session_id: UUID) -> SessionView:
    view = queries.view(session_id, clinic_id=request.staff.clinic_id, now=now())
    if view is None:
        raise Http404
    return view


def _context(request: HttpRequest, view: SessionView) -> dict[str, object]:
    at = now()
    protocol = _protocol(view)
    duties = request.staff.duties
    is_before = view.phase in ("checked-in", "ready")
    gate = None
    if is_before:
        gate = programme.gate(
            view.session_id, clinic_id=request.staff.clinic_id, by=request.staff, now=at
        )
    by_kind, extra = session_chart.due_by_kind(view)
    return {
        "view": view,
        "patient": view.patient,
        "due": by_kind,
        "due_extra": extra if may(duties, "session:observe", method="POST") else view.duties,
        "protocol": protocol,
        "at": at,
        "strips": chair_cards.strips(view, now=at),
        "progress": chair_cards.progress(view, protocol, now=at),
        "numbers": chair_cards.numbers(view),
        "given": chair_cards.show_running_mg(view.given_ug),
        "drug_now": session_chart.drug_now(view),
        "drug_detail": session_chart.drug_detail(view),
        "gate": gate,
        "start_waits": _start_waits(gate),
        "is_before": is_before,
        "is_giving": view.phase in ("running", "paused"),
        "is_nasal": view.infusion_minutes is None,
        "next_words": session_chart.next_words(view),
        "next_is_late": bool(view.next_duty and view.next_duty.state == "late"),
        "next_device": next((draw for draw in view.draws if draw.remaining_ug > 0), None),
        "may_give": may(duties, "session:start", method="POST"),
        "may_monitor": may(duties, "session:observe", method="POST"),
        "may_discharge": may(duties, "session:discharge", method="POST"),
        "may_acknowledge": may(duties, "session:acknowledge", method="POST"),
        "may_prepare": may(duties, "custody:draw", method="POST"),
        "gateway_age": heartbeat_age_seconds("gateway"),
        "stream_path": f"/stream/sessions/{view.session_id}",
        "stream_port": settings.STREAM_PORT,
    }


def _start_waits(gate: Gate | None) -> tuple[str, ...]:
    """What the start still waits for, in words to stand beside a button that cannot be pressed."""
    items = () if gate is None else gate.items
    return tuple((item.waits_for or item.text).rstrip(".") for item in items if not item.is_met)


@require_POST
def start(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Clear the dose at the gate and start it."""
    answer = programme_actions.start_session(
        session_id=session_id, by=request.staff, at=now(), key=read_key(request)
    )
    return _after(request, session_id, answer, done="Started. The clock runs.")


@require_POST
def rate(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Change the rate, pause, or resume: what the pump now does."""
    form = RateForm(request.POST)
    if not form.is_valid():
        return _page(request, session_id, refused=form.as_refusal(), rate_form=form, opens="rate")
    act = {"pause": _pause, "resume": _resume, "change": _change_rate}[form.cleaned_data["act"]]
    return act(request, session_id, form)


def _pause(request: HttpRequest, session_id: UUID, form: RateForm) -> HttpResponse:
    answer = actions.pause(
        session_id=session_id, reason=form.cleaned_data["reason"], by=request.staff, at=now(),
        key=read_key(request),
    )  # fmt: skip
    return _after(request, session_id, answer, done="Paused, and recorded.")


def _resume(request: HttpRequest, session_id: UUID, form: RateForm) -> HttpResponse:
    answer = actions.resume(
        session_id=session_id, by=request.staff, at=now(), key=read_key(request)
    )
    return _after(request, session_id, answer, done="Resumed, and recorded.")


def _change_rate(request: HttpRequest, session_id: UUID, form: RateForm) -> HttpResponse:
    answer = actions.change_rate(
        session_id=session_id, rate_ug_per_hour=form.cleaned_data["rate"],
        reason=form.cleaned_data["reason"], by=request.staff, at=now(), key=read_key(request),
    )  # fmt: skip
    return _after(request, session_id, answer, done="The new rate is recorded.")


@require_POST
def stop(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """End the infusion; the given amount comes from the pump when the nurse read it."""
    form = StopForm(request.POST)
    if not form.is_valid():
        return _page(request, session_id, refused=form.as_refusal(), stop_form=form, opens="stop")
    answer = actions.stop(
        session_id=session_id, pump_ug=form.cleaned_data["pump"],
        reason=form.cleaned_data["reason"], by=request.staff, at=now(), key=read_key(request),
    )  # fmt: skip
    return _after(request, session_id, answer, done="Stopped, and recorded. Keep watching.")


@require_POST
def give(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Give the next nasal device whole."""
    view = _view(request, session_id)
    draw = next((draw for draw in view.draws if draw.remaining_ug > 0), None)
    if draw is None:
        none_left = Refused(code="WEB-DEVICE", message="No device is drawn for this session.")
        return _page(request, session_id, refused=none_left)
    answer = actions.give_device(
        session_id=session_id, draw_id=draw.draw_id, by=request.staff, at=now(),
        key=read_key(request),
    )  # fmt: skip
    return _after(request, session_id, answer, done="The device is recorded as given.")


@require_POST
def observe(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Record the set that the nurse took."""
    form = ObserveForm(request.POST)
    if not form.is_valid():
        return _page(request, session_id, refused=form.as_refusal(), observe_form=form)
    at = now()
    answer = actions.observe(
        session_id=session_id, measured_at=at, values=form.values(), by=request.staff, at=at,
        key=read_key(request),
    )  # fmt: skip
    if isinstance(answer, Refused):
        return _page(request, session_id, refused=answer, observe_form=form)
    messages.success(request, f"Saved: {form.words()}.")
    return HttpResponseRedirect(reverse("session:session", args=[session_id]))


@require_POST
def event(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Record something that happened, in one tap or in words."""
    form = EventForm(request.POST)
    if not form.is_valid():
        return _page(request, session_id, refused=form.as_refusal(), event_form=form, opens="note")
    answer = actions.note_event(
        session_id=session_id, name=form.cleaned_data["name"], text=form.cleaned_data["text"],
        by=request.staff, at=now(), key=read_key(request),
    )  # fmt: skip
    return _after(request, session_id, answer, done=f"Recorded: {form.words()}.")


def _after(request: HttpRequest, session_id: UUID, answer: object, *, done: str) -> HttpResponse:
    """The page with the refusal, or a redirect to the page with a word that it was done."""
    if isinstance(answer, Refused):
        return _page(request, session_id, refused=answer)
    messages.success(request, done)
    return HttpResponseRedirect(reverse("session:session", args=[session_id]))


# --- coming and leaving ------------------------------------------------------------------------


def check_in(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Seat a patient who has a signed plan."""
    clinic_id = request.staff.clinic_id
    patient = people.patient(patient_id, clinic_id=clinic_id)
    if patient is None:
        raise Http404
    at = now()
    free = [chair for chair in queries.board(clinic_id, now=at) if chair.session is None]
    before = queries.sessions_of(patient_id, clinic_id=clinic_id)
    plan = plans.signed_plan(patient_id, clinic_id=clinic_id)
    form = CheckInForm(request.POST or None, chairs=free, at=at, weight_before=_weight(before))
    refused = None
    if request.method == "POST" and plan is not None and form.is_valid():
        answer = actions.check_in(
            patient_id=patient_id, plan_id=plan.plan_id, by=request.staff, at=at,
            key=read_key(request), **form.facts(),
        )  # fmt: skip
        if not isinstance(answer, Refused):
            messages.success(request, f"Checked in to {answer.chair}.")
            return HttpResponseRedirect(reverse("session:session", args=[answer.session_id]))
        refused = answer
    context = {
        "patient": patient, "plan": plan, "form": form, "free": free, "refused": refused,
        "before": before[:1], "open": next((s for s in before if s.closed_at is None), None),
        "kept": "What you entered is still in the form." if refused else "",
    }  # fmt: skip
    status = 422 if refused or (request.method == "POST" and not form.is_valid()) else 200
    return render(request, "session/check_in.html", context, status=status)


def _weight(before: tuple) -> int | None:
    return before[0].weight_g if before else None


def discharge(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The list that must hold before the patient leaves, and the act itself."""
    view = _view(request, session_id)
    asked = [item for item in view.discharge_items if item.asks]
    form = DischargeForm(request.POST or None, items=asked, escort=view.escort_name)
    refused = None
    if request.method == "POST" and form.is_valid():
        answer = actions.discharge(
            session_id=session_id, answers=form.answers(),
            escort_name=form.cleaned_data["escort_name"], by=request.staff, at=now(),
            key=read_key(request),
        )  # fmt: skip
        if not isinstance(answer, Refused):
            messages.success(
                request, f"{view.patient.name} is discharged. Account for what is left."
            )
            return HttpResponseRedirect(reverse("session:session", args=[session_id]))
        refused = answer
        view = _view(request, session_id)
    context = _context(request, view) | {
        "form": form, "refused": refused,
        "decided": [item for item in view.discharge_items if not item.asks],
        "kept": "Nothing was recorded. Your answers are still in the form." if refused else "",
    }  # fmt: skip
    status = 422 if refused or (request.method == "POST" and not form.is_valid()) else 200
    return render(request, "session/discharge.html", context, status=status)


def close(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Free the chair once nothing of the session is left in a syringe or device."""
    view = _view(request, session_id)
    refused = None
    if request.method == "POST":
        answer = actions.close(
            session_id=session_id, reason=request.POST.get("reason", "").strip(),
            by=request.staff, at=now(), key=read_key(request),
        )  # fmt: skip
        if not isinstance(answer, Refused):
            messages.success(request, f"{view.chair} is free.")
            return HttpResponseRedirect(reverse("session:note", args=[session_id]))
        refused = answer
        view = _view(request, session_id)
    context = _context(request, view) | {"refused": refused}
    return render(request, "session/close.html", context, status=422 if refused else 200)


# --- what was recorded -------------------------------------------------------------------------


@require_safe
def note(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The administration note, derived from the facts; made for paper."""
    found = queries.note(session_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    view = _view(request, session_id)
    context = {"note": found, "view": view, "patient": view.patient, "at": now()}
    return render(request, "session/note.html", context)


@require_safe
def table(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The values behind the chart, newest first: one line a minute, or every one."""
    view = _view(request, session_id)
    is_every = request.GET.get("every") == "1"
    found = queries.samples(session_id, clinic_id=request.staff.clinic_id)
    rows = session_chart.table_rows(found, is_every=is_every)
    shown = rows[: session_chart.ROWS_MAX]
    context = _context(request, view) | {
        "rows": shown, "is_every": is_every, "left_out": len(rows) - len(shown),
        "columns": session_chart.TABLE_COLUMNS, "stored": len(found),
    }  # fmt: skip
    return render(request, "session/table.html", context)


@require_safe
def history(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The chart's past as JSON, one value set per pixel column."""
    view = _view(request, session_id)
    try:
        columns = min(max(int(request.GET.get("columns", "800")), 100), 2000)
    except ValueError:
        columns = 800
    found = queries.samples(session_id, clinic_id=request.staff.clinic_id)
    alarms = queries.alarms(session_id, clinic_id=request.staff.clinic_id)
    body = session_chart.history(
        view, _protocol(view), found, alarms=alarms, columns=columns, now=now()
    )
    answer = JsonResponse(body)
    answer["Cache-Control"] = "no-store"
    return answer


app_name = "session"
_ONE = "sessions/<uuid:session_id>"
urlpatterns = [
    path("board", board, name="board"),
    path("board/chairs", chairs, name="chairs"),
    path("alarms/<uuid:alarm_id>/acknowledge", acknowledge, name="acknowledge"),
    path("patients/<uuid:patient_id>/check-in", check_in, name="check-in"),
    path(_ONE, session, name="session"),
    path(f"{_ONE}/live", live, name="live"),
    path(f"{_ONE}/start", start, name="start"),
    path(f"{_ONE}/rate", rate, name="rate"),
    path(f"{_ONE}/stop", stop, name="stop"),
    path(f"{_ONE}/give", give, name="give"),
    path(f"{_ONE}/observe", observe, name="observe"),
    path(f"{_ONE}/event", event, name="event"),
    path(f"{_ONE}/discharge", discharge, name="discharge"),
    path(f"{_ONE}/close", close, name="close"),
    path(f"{_ONE}/note", note, name="note"),
    path(f"{_ONE}/table", table, name="table"),
    path(f"{_ONE}/history", history, name="history"),
]
