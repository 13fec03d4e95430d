"""Pages of the kinetics: the planned course of a plan or an order, and the forecast of a running session.

In: requests of people whose duties the policy table lets in. Out: pages, parts of pages and JSON. Nothing here is recorded.
"""

from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from vigil.assessment import queries as assessment
from vigil.custody import queries as custody
from vigil.evidence.protocols import Protocol, load_protocol, protocol_ids
from vigil.people import queries as people
from vigil.people.domain.facts import Patient, Staff
from vigil.plan import queries as plans
from vigil.record.clock import now
from vigil.session import queries as sessions
from vigil.session.domain.facts import CheckedIn, Closed, Discharged, SessionView
from vigil.units.amounts import NotExact, parse_amount
from vigil.web import forecast_words
from vigil.web.identity import bar_of, read_bar
from vigil.web.planned_course import PlannedView, Vial, Weight, planned_view
from vigil.web.session_forecast import Answer, Asked, Keeper, read_asked

WEIGHT_G_MAX = 400_000
"""Heaviest weight read, grams: more is taken for a slip, as on the order form."""


KEEPER = Keeper()
"""One for the process: every screen of a chair is answered from it."""


# --- the planned course -------------------------------------------------------------------------


@require_safe
@never_cache
@vary_on_headers("HX-Request")
def course(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """The planned course of a signed plan: a page, or the part of it that the plan's page asks for."""
    clinic_id = request.staff.clinic_id
    signed = plans.plan(plan_id, clinic_id=clinic_id)
    if signed is None or signed.protocol_id not in protocol_ids():
        raise Http404
    patient = people.patient(signed.patient_id, clinic_id=clinic_id)
    protocol = load_protocol(signed.protocol_id)
    weight, weight_error = read_weight(request.GET.get("weight", ""), patient)
    view = _view(
        request.staff, patient, protocol, weight,
        ug_per_kg=signed.ug_per_kg, fixed_ug=signed.fixed_ug,
    )  # fmt: skip
    context = {
        "view": view, "plan": signed, "patient": patient, "weight_error": weight_error,
        "typed": request.GET.get("weight", ""), "is_newest": _is_newest(signed),
    }  # fmt: skip
    if request.headers.get("HX-Request"):
        return render(request, "kinetics/_course.html", context)
    context["bar"] = read_bar(patient, at=now(), goal=signed.intention)
    context["printed_at"] = timezone.localtime(now())
    return render(request, "kinetics/course.html", context)


def _is_newest(signed) -> bool:
    newest = plans.signed_plan(signed.patient_id, clinic_id=signed.clinic_id)
    return newest is not None and newest.plan_id == signed.plan_id


@require_safe
@never_cache
def order_course(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """The course of the order that is being typed, as a part of the order form."""
    patient = people.patient(patient_id, clinic_id=request.staff.clinic_id)
    name = request.GET.get("protocol", "")
    if patient is None or name not in protocol_ids():
        raise Http404
    protocol = load_protocol(name)
    order = _order(protocol, request.GET.get("dose", ""))
    weight, weight_error = read_weight(request.GET.get("weight", ""), patient)
    context: dict[str, object] = {"is_order": True, "weight_error": weight_error}
    if order is not None and not weight_error:
        ug_per_kg, fixed_ug = order
        context["view"] = _view(
            request.staff, patient, protocol, weight, ug_per_kg=ug_per_kg, fixed_ug=fixed_ug
        )
    return render(request, "kinetics/_course.html", context)


def _order(protocol: Protocol, text: str) -> tuple[int | None, int | None] | None:
    """The order as micrograms per kilogram or as a fixed dose; None while it is not one to give."""
    dosing = protocol.dosing
    if dosing.kind == "fixed":
        offered = {str(amount): amount for amount in dosing.fixed_ug}
        return (None, offered[text]) if text in offered else None
    try:
        ug_per_kg = parse_amount(text, expect="ug_per_kg").value
    except NotExact:
        return None
    return (ug_per_kg, None) if 0 < ug_per_kg <= dosing.ug_per_kg_max else None


def read_weight(text: str, patient: Patient) -> tuple[Weight, str]:
    """The weight that was typed, else the newest one that was measured; and what was wrong with the text."""
    if text.strip():
        try:
            weight_g = parse_amount(text, expect="g").value
        except NotExact as error:
            return Weight(weight_g=None), str(error)
        if not 0 < weight_g <= WEIGHT_G_MAX:
            return Weight(weight_g=None), f"Read {text!r} as the weight; that cannot be right."
        return Weight(weight_g=weight_g), ""
    measured = sessions.sessions_of(patient.patient_id, clinic_id=patient.clinic_id)
    if not measured:
        return Weight(weight_g=None), ""
    return Weight(weight_g=measured[0].weight_g, measured_at=measured[0].weighed_at), ""


def _view(
    staff: Staff,
    patient: Patient,
    protocol: Protocol,
    weight: Weight,
    *,
    ug_per_kg: int | None,
    fixed_ug: int | None,
) -> PlannedView:
    newest = assessment.latest(patient.patient_id, clinic_id=staff.clinic_id)
    return planned_view(
        patient=patient,
        answers={} if newest is None else newest.answers,
        protocol=protocol,
        ug_per_kg=ug_per_kg,
        fixed_ug=fixed_ug,
        weight=weight,
        vial=_vial(staff, protocol),
        on=timezone.localdate(now()),
    )


def _vial(staff: Staff, protocol: Protocol) -> Vial | None:
    """The first vial that the clinic stocks for the drug; None for a device."""
    for product in custody.products(staff.clinic_id):
        if product.drug == protocol.drug and product.strength_ug_per_ml is not None:
            return Vial(
                strength_ug_per_ml=product.strength_ug_per_ml, content_ug=product.content_ug
            )
    return None


# --- the forecast at the chair ------------------------------------------------------------------


@require_safe
def forecast(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """What is coming at this chair, for the chart that asks every few seconds."""
    asked = _asked(request, session_id)
    body: dict[str, object] = {"state": "none"}
    if asked is not None:
        answer = _answer(request, asked, may_wait=False)
        # Another chair's forecast is being computed: the chart keeps what it has and asks again.
        body = {"state": "later"} if answer is None else forecast_words.body(answer, _clock)
    found = JsonResponse(body)
    found["Cache-Control"] = "no-store"
    return found


@require_safe
@never_cache
def forecast_table(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The same as a table, with every sentence, and the refusal in words."""
    view = _session_view(request, session_id)
    asked = _asked(request, session_id)
    answer = None if asked is None else _answer(request, asked, may_wait=True)
    context: dict[str, object] = {
        "view": view,
        "patient": view.patient,
        "bar": bar_of(view),
        "answer": answer,
    }
    if answer is not None and answer.forecast is not None:
        context |= {
            "caption": forecast_words.caption(answer),
            "level_words": forecast_words.level_words(answer),
            "lines": forecast_words.lines(answer, _clock),
            "columns": forecast_words.columns(answer),
            "rows": forecast_words.rows(answer, _clock),
        }
    if answer is not None:
        context["ready"] = forecast_words.ready(answer, _clock)
    return render(request, "kinetics/forecast_table.html", context)


def _session_view(request: HttpRequest, session_id: UUID) -> SessionView:
    view = sessions.view(session_id, clinic_id=request.staff.clinic_id, now=now())
    if view is None:
        raise Http404
    return view


def _asked(request: HttpRequest, session_id: UUID) -> Asked | None:
    """The question of a session now; None before the start and after the patient left."""
    clinic_id, at = request.staff.clinic_id, now()
    facts = sessions.facts(session_id, clinic_id=clinic_id)
    if not facts:
        raise Http404
    if any(isinstance(fact, Discharged | Closed) for fact in facts):
        return None
    checked_in = facts[0]
    assert isinstance(checked_in, CheckedIn), "a session begins with its check-in"
    newest = assessment.latest(checked_in.patient_id, clinic_id=clinic_id)
    return read_asked(
        facts,
        patient=people.patient(checked_in.patient_id, clinic_id=clinic_id),
        protocol=load_protocol(checked_in.protocol_id),
        answers={} if newest is None else newest.answers,
        on=timezone.localdate(at),
        now=at,
    )


def _answer(request: HttpRequest, asked: Asked, *, may_wait: bool) -> Answer | None:
    clinic_id, at = request.staff.clinic_id, now()
    return KEEPER.answer(
        asked,
        now=at,
        items_of=lambda: sessions.open_items(asked.session_id, clinic_id=clinic_id, now=at),
        may_wait=may_wait,
    )


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"


app_name = "kinetics"
urlpatterns = [
    path("plans/<uuid:plan_id>/course", course, name="course"),
    path("patients/<uuid:patient_id>/plan/course", order_course, name="order-course"),
    path("sessions/<uuid:session_id>/forecast", forecast, name="forecast"),
    path("sessions/<uuid:session_id>/forecast/table", forecast_table, name="forecast-table"),
]
