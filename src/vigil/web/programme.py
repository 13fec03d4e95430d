"""Pages of the programme room: the review, where what was learned goes back into the plan."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache

from vigil.evidence.protocols import load_protocol
from vigil.evidence.scales import load_scale
from vigil.outcome import queries as outcome
from vigil.outcome.domain.course import fold_course
from vigil.people import queries as people
from vigil.plan import queries as plans
from vigil.record.clock import now
from vigil.session import queries as sessions
from vigil.surveillance import queries as surveillance
from vigil.web.identity import read_bar


@never_cache
def review(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """What the plan promised, what happened, and where to decide. Reading only: it records nothing."""
    clinic_id = request.staff.clinic_id
    patient = people.patient(patient_id, clinic_id=clinic_id)
    if patient is None:
        raise Http404
    plan = plans.signed_plan(patient_id, clinic_id=clinic_id)
    at = now()
    given = [
        one
        for one in sessions.sessions_of(patient_id, clinic_id=clinic_id)
        if one.started_at is not None
    ]
    under_plan = [one for one in given if plan is not None and one.plan_id == plan.plan_id]
    scale = load_scale("phq-9")
    points = outcome.trajectory(patient_id, clinic_id=clinic_id, scale_id=scale.scale_id)
    checks = surveillance.adjudications_of(patient_id, clinic_id=clinic_id)
    return render(
        request,
        "programme/review.html",
        {
            "patient": patient,
            "bar": read_bar(patient, at=at, goal=plan.intention if plan else ""),
            "plan": plan,
            "protocol": None if plan is None else load_protocol(plan.protocol_id),
            "versions": plans.versions(patient_id, clinic_id=clinic_id),
            "given": given,
            "under_plan": under_plan,
            "left": None if plan is None else max(plan.sessions - len(under_plan), 0),
            "scale": scale,
            "course": fold_course(
                points,
                first_dose_at=min((one.started_at for one in given), default=None),
                scale=scale,
            ),
            "points": points,
            "gaps": outcome.gaps(patient_id, clinic_id=clinic_id, now=at),
            "open_flags": outcome.open_flags(clinic_id, patient_id=patient_id),
            "last_check": checks[0] if checks else None,
            "days_to_review": None
            if plan is None
            else (plan.review_on - timezone.localdate(at)).days,
            "now": at,
        },
    )


app_name = "programme"
urlpatterns = [path("patients/<uuid:patient_id>/review", review, name="review")]
