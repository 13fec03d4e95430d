"""Pages of the people room: signing in, what waits for me today, patients, one patient.

In: forms. Out: pages, and acts of the people room.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from vigil.assessment import queries as assessment
from vigil.outcome import queries as outcome
from vigil.outcome.domain.facts import ScorePoint
from vigil.people import actions, attempts, queries
from vigil.people.domain.facts import Patient, Staff
from vigil.people.duties import Duty, may
from vigil.plan import queries as plan
from vigil.record.clock import new_id, now
from vigil.session import queries as session
from vigil.units.refusals import Refused
from vigil.web.identity import read_bar
from vigil.web.journey import Journey, read_journey
from vigil.web.people_forms import CorrectionForm, PatientForm, SignInForm
from vigil.web.today import read_journeys, treated, waiting_for


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in; the error never says whether the name or the password was wrong."""
    if request.method == "GET":
        form = SignInForm(initial={"next": request.GET.get("next", "")})
        return render(request, "people/sign_in.html", {"form": form})
    form = SignInForm(request.POST)
    if not form.is_valid():
        return render(request, "people/sign_in.html", {"form": form}, status=400)
    name = form.cleaned_data["login"]
    attempt = attempts.begin(login=name, source=f"address {request.META.get('REMOTE_ADDR', '')}")
    if isinstance(attempt, Refused):
        form.add_error(None, f"{attempt.message} Your login name was kept.")
        return render(request, "people/sign_in.html", {"form": form}, status=429)
    user = authenticate(request, username=name, password=form.cleaned_data["password"])
    if user is None:
        form.add_error(
            None, "Login name or password is not right. Your login name was kept; try again."
        )
        return render(request, "people/sign_in.html", {"form": form}, status=400)
    attempts.succeeded(attempt)
    login(request, user)
    actions.note_sign_in(by=queries.staff_fact(user), at=now())
    return HttpResponseRedirect(_safe_next(request, form.cleaned_data["next"]))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out, and show the sign-in page."""
    logout(request)
    return redirect("people:sign-in")


def _safe_next(request: HttpRequest, target: str) -> str:
    """The page the person wanted, only when it is ours; otherwise today."""
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if target and is_ours else reverse("people:today")


# --- today -------------------------------------------------------------------------------------


@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """What waits for me, by my duties."""
    staff, at = request.staff, now()
    groups = waiting_for(staff, at=at)
    on_site = queries.prescribers_on_site(staff.clinic_id)
    return render(
        request,
        "people/today.html",
        {
            "groups": groups,
            "on_site": on_site,
            "i_am_on_site": any(p.staff_id == staff.staff_id for p in on_site),
            "may_be_on_site": Duty.PRESCRIBE in staff.duties,
            "may_register": Duty.REGISTER in staff.duties,
            "may_see_patients": may(staff.duties, "people:patients", method="GET"),
            "at": at,
        },
    )


@require_POST
def presence(request: HttpRequest) -> HttpResponse:
    """A prescriber says that they are on site, or that they leave."""
    is_on_site = request.POST.get("is_on_site") == "yes"
    answer = actions.set_presence(is_on_site=is_on_site, by=request.staff, at=now())
    if isinstance(answer, Refused):
        messages.error(request, answer.message)
    return redirect("people:today")


# --- patients ----------------------------------------------------------------------------------


@require_GET
def patients(request: HttpRequest) -> HttpResponse:
    """The clinic's patients with the stage of each; `q` finds by name, number or birth date."""
    asked = request.GET.get("q", "").strip()
    journeys = read_journeys(request.staff.clinic_id, at=now())
    rows = [
        {"patient": patient, "journey": journeys[patient.patient_id]}
        for patient in queries.patients(request.staff.clinic_id)
        if _matches(patient, asked)
    ]
    return render(
        request,
        "people/patients.html",
        {"rows": rows, "asked": asked, "may_register": Duty.REGISTER in request.staff.duties},
    )


def _matches(patient: Patient, asked: str) -> bool:
    """Whether every word asked for is in the name, the number or the birth date."""
    held = f"{patient.name} {patient.number} {patient.born_on}".casefold()
    return all(word in held for word in asked.casefold().split())


@require_http_methods(["GET", "POST"])
def patient_new(request: HttpRequest) -> HttpResponse:
    """Register a patient."""
    if request.method == "GET":
        form = PatientForm(initial={"key": new_id()})
        return render(request, "people/patient_new.html", {"form": form})
    form = PatientForm(request.POST)
    refused = None
    if form.is_valid():
        answer = _register(form, by=request.staff, at=now())
        if not isinstance(answer, Refused):
            messages.success(request, f"{answer.name} is registered as {answer.number}.")
            return redirect("people:patient", patient_id=answer.patient_id)
        refused = answer
    return render(
        request, "people/patient_new.html", {"form": form, "refused": refused}, status=400
    )


def _register(form: PatientForm, *, by: Staff, at: datetime) -> Patient | Refused:
    asked = form.cleaned_data
    return actions.register_patient(
        name=asked["name"],
        born_on=asked["born_on"],
        sex=asked["sex"],
        phone=asked["phone"],
        allergies=form.known_allergies(),
        by=by,
        at=at,
        key=asked["key"],
    )


# --- one patient -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of a patient's history."""

    at: datetime
    title: str
    detail: str
    href: str


@require_GET
def patient(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """One patient: where they stand, the one next step, what happened."""
    clinic_id = request.staff.clinic_id
    found = queries.patient(patient_id, clinic_id=clinic_id)
    if found is None:
        raise Http404
    signed = plan.signed_plan(patient_id, clinic_id=clinic_id)
    sessions = session.sessions_of(patient_id, clinic_id=clinic_id)
    journey = read_journey(
        assessment=assessment.latest(patient_id, clinic_id=clinic_id),
        plan=signed,
        sessions=[treated(row) for row in sessions],
        answers=len(outcome.trajectory(patient_id, clinic_id=clinic_id)),
    )
    next_href, is_mine = _next_page(request.staff, patient_id, journey)
    step = journey.next_step
    return render(
        request,
        "people/patient.html",
        {
            "patient": found,
            "bar": read_bar(
                found,
                at=now(),
                goal=signed.intention if signed else "",
                next_duty=step.text if step else "",
                next_owner=step.duty.value if step else "",
            ),
            "journey": journey,
            "plan": signed,
            "next_href": next_href,
            "is_mine": is_mine,
            "history": _history(patient_id, sessions, staff=request.staff),
            "links": _links(request.staff, found, has_plan=signed is not None),
            "may_see_care": may(request.staff.duties, "assessment:assess", method="GET"),
        },
    )


LINKS = (
    ("outcome:trajectory", "GET", "Scores and doses over time"),
    ("outcome:invite", "POST", "Send questions"),
    ("programme:review", "GET", "Review the plan"),
    ("people:patient-edit", "POST", "Correct details"),
)
"""Route, the method that needs the duty, and the words of each page about one patient."""


def _links(staff: Staff, patient: Patient, *, has_plan: bool) -> list[tuple[str, str]]:
    """Address and words of the other pages about this patient that the person may use."""
    words = {"people:patient-edit": "Ask about allergies"} if patient.allergies is None else {}
    return [
        (reverse(route, args=[patient.patient_id]), words.get(route, usual))
        for route, method, usual in LINKS
        if may(staff.duties, route, method=method) and (has_plan or route != "programme:review")
    ]


@require_GET
def bar(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """The facts of the identity bar as they are now, for a page that stays open beside an infusion."""
    found = queries.patient(patient_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    return render(
        request,
        "web/_bar_facts.html",
        {"patient": found, "bar": read_bar(found, at=now()), "is_swap": True},
    )


@require_http_methods(["GET", "POST"])
def patient_edit(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Correct what is known of a patient, or write down the answer about allergies."""
    staff, at = request.staff, now()
    found = queries.patient(patient_id, clinic_id=staff.clinic_id)
    if found is None:
        raise Http404
    is_desk = Duty.REGISTER in staff.duties
    refused = None
    if request.method == "GET":
        form = CorrectionForm(
            is_desk=is_desk,
            initial=CorrectionForm.initial_of(
                found,
                seen=queries.corrections(patient_id, clinic_id=staff.clinic_id),
                key=new_id(),
            ),
        )
    else:
        form = CorrectionForm(request.POST, is_desk=is_desk)
        if form.is_valid():
            answer = actions.correct_patient(
                patient_id=patient_id, by=staff, at=at, **form.correction()
            )
            if not isinstance(answer, Refused):
                messages.success(request, "Recorded, with what stood there before and your reason.")
                return redirect("people:patient", patient_id=patient_id)
            refused = answer
    return render(
        request,
        "people/patient_edit.html",
        {"patient": found, "bar": read_bar(found, at=at), "form": form, "refused": refused},
        status=400 if refused or form.errors else 200,
    )


def _next_page(staff: Staff, patient_id: UUID, journey: Journey) -> tuple[str, bool]:
    """The address of the next step, and whether this person may open it."""
    step = journey.next_step
    if step is None:
        return "", False
    is_mine = step.duty in staff.duties or may(staff.duties, step.route, method="POST")
    try:
        return reverse(step.route, args=[step.target or patient_id]), is_mine
    except NoReverseMatch:
        return "", False


def _history(patient_id: UUID, sessions: Iterable, *, staff: Staff) -> list[Happened]:
    """What happened to the patient, newest first. Scores are for those who may see the trajectory."""
    clinic_id = staff.clinic_id
    may_see_scores = may(staff.duties, "outcome:trajectory", method="GET")
    assessed = [
        Happened(
            at=one.completed_at,
            title={
                "eligible": "Assessed: eligible",
                "excluded": "Assessed: excluded",
                "more-needed": "Assessment saved, answers missing",
            }[one.verdict],
            detail=f"by {one.completed_by_name}, for {one.protocol_id}",
            href=reverse("assessment:assess", args=[patient_id]) + f"?protocol={one.protocol_id}",
        )
        for one in assessment.history(patient_id, clinic_id=clinic_id)
    ]
    planned = [
        Happened(
            at=one.signed_at,
            title=f"Plan signed, version {one.version}",
            detail=f"by {one.signed_by_name}{': ' + one.reason if one.reason else ''}",
            href=reverse("plan:plan", args=[one.plan_id]),
        )
        for one in plan.versions(patient_id, clinic_id=clinic_id)
    ]
    treated = [
        Happened(
            at=one.checked_in_at,
            title=f"Session at {one.chair}",
            detail=f"{one.drug} {one.route}, {one.phase}",
            href=reverse("session:session", args=[one.session_id]),
        )
        for one in sessions
    ]
    answered = [
        Happened(
            at=one.at,
            title=f"{one.scale_id.upper()} answered",
            detail=_score_words(one) if may_see_scores else "",
            href=reverse("outcome:trajectory", args=[patient_id]),
        )
        for one in outcome.trajectory(patient_id, clinic_id=clinic_id)
    ]
    everything = assessed + planned + treated + answered
    return sorted(everything, key=lambda one: one.at, reverse=True)


def _score_words(point: ScorePoint) -> str:
    """The total and its band; a questionnaire with gaps has no total."""
    if point.total is None:
        return "not every item answered"
    return f"score {point.total}{', ' + point.band if point.band else ''}"


app_name = "people"
urlpatterns = [
    path("sign-in", sign_in, name="sign-in"),
    path("sign-out", sign_out, name="sign-out"),
    path("", today, name="today"),
    path("presence", presence, name="presence"),
    path("patients", patients, name="patients"),
    path("patients/new", patient_new, name="patient-new"),
    path("patients/<uuid:patient_id>", patient, name="patient"),
    path("patients/<uuid:patient_id>/edit", patient_edit, name="patient-edit"),
    path("patients/<uuid:patient_id>/bar", bar, name="bar"),
]
