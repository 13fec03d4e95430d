"""Pages of the outcome room: the patient's phone, the link to send, the trajectory, a flag to act on."""

from datetime import datetime, timedelta
from ipaddress import ip_address
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import split_domain_port
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from vigil.evidence.scales import load_scale, scale_ids
from vigil.outcome import actions, queries
from vigil.outcome.domain.decide import decide_flag
from vigil.outcome.domain.facts import Gap, Questionnaire, ScorePoint
from vigil.outcome.domain.fold import asked_items, first_unanswered
from vigil.outcome.help_lines import UNKNOWN, countries, help_lines
from vigil.outcome.noise import reliable_change
from vigil.people import queries as people
from vigil.people.domain.facts import Patient
from vigil.plan import queries as plans
from vigil.record.clock import new_id, now
from vigil.scales.scoring import Item
from vigil.session import queries as sessions
from vigil.units.refusals import Refused
from vigil.web.identity import read_bar
from vigil.web.outcome_chart import dose_per_kg, draw_chart

PHONE_SCALES = ("phq-9",)
"""Scales whose words may be shown to patients here (free to use), and that a phone can carry."""

NEXT_MORNING_HOUR = 9


# --- the patient's phone -------------------------------------------------------------------------


@never_cache
@csrf_exempt  # The token in the address is the whole credential: no cookie, no session to ride on.
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """The questionnaire behind a patient's link, one question a screen."""
    at = now()
    current = queries.by_token(token, now=at)
    if current is None:
        return _closed(request)
    clinic = people.clinic(current.invitation.clinic_id)
    with timezone.override(ZoneInfo(clinic.time_zone)):
        about = {
            "clinic_name": clinic.name,
            # A clinic without a number here says so on the page; no number is made up.
            "clinic_phone": clinic.phone,
            "lines": help_lines(clinic.time_zone),
        }
        if request.method == "POST":
            return _private(_take(request, token, current, about, at))
        return _private(_show(request, current, about))


def _show(request: HttpRequest, current: Questionnaire, about: dict[str, object]) -> HttpResponse:
    if "help" in request.GET:
        back = _place(request, current) if current.phase == "open" else None
        return render(request, "outcome/someone.html", about | {"back": back})
    if current.phase == "completed":
        return render(request, "outcome/thanks.html", about)
    if current.phase == "not-open":
        asked = current.invitation
        when = {"opens_at": asked.due_at, "closes_at": asked.expires_at}
        return render(request, "outcome/not_open.html", about | when)
    return _question(request, current, about, _place(request, current))


def _take(
    request: HttpRequest,
    token: str,
    current: Questionnaire,
    about: dict[str, object],
    at: datetime,
) -> HttpResponse:
    """Keep the answer, then go where the patient asked: back, on, or to the end."""
    items = _items(current)
    place = _place(request, current)
    go, item, value = _posted(request)
    if value is None and go == "back":
        return HttpResponseRedirect(f"?n={max(place - 1, 1)}")
    if value is None and go != "skip" and current.phase == "open":
        choose = Refused(code="OUT-CHOOSE", message="Choose the answer that fits best.")
        return _question(request, current, about, place, refused=choose)
    if go == "skip":
        value = None
    saved = actions.answer(token=token, item=item, value=value, at=at, key=_key(request))
    if isinstance(saved, Refused):
        return _refused(request, current, about, place, saved)
    if go == "back":
        return HttpResponseRedirect(f"?n={max(place - 1, 1)}")
    left = first_unanswered([one.item_id for one in items], saved.answers)
    is_done = saved.phase == "completed"
    following = left if place >= len(items) else place + 1
    if following is None and not is_done:
        finished = actions.complete(token=token, at=at)
        is_done = not isinstance(finished, Refused)
    asked = next(one for one in items if one.item_id == item)
    if _is_crisis(asked, value):
        # Shown in this very answer, so that it can never come after a thank-you; and only here, so
        # that the link does not tell it to whoever opens it later.
        return render(
            request, "outcome/crisis.html", about | {"is_done": is_done, "next": following}
        )
    return HttpResponseRedirect("?" if is_done else f"?n={following}")


def _is_crisis(item: Item, value: int | None) -> bool:
    flag = decide_flag(flag=item.flag, flag_at=item.flag_at, value=value)
    return flag is not None and value is not None


def _question(
    request: HttpRequest,
    current: Questionnaire,
    about: dict[str, object],
    place: int,
    *,
    refused: Refused | None = None,
) -> HttpResponse:
    items = _items(current)
    item = items[place - 1]
    left = [one for one in items if one.item_id not in current.answers]
    return render(
        request,
        "outcome/question.html",
        about
        | {
            "place": place,
            "count": len(items),
            "item": item,
            "stem": load_scale(current.invitation.scale_id).instruction,
            "chosen": current.answers.get(item.item_id),
            "was_skipped": item.item_id in current.answers
            and current.answers[item.item_id] is None,
            "is_saved": bool(current.answers),
            "is_last": place == len(items) and all(one == item for one in left),
            "refused": refused,
        },
        status=200 if refused is None else _status(refused),
    )


def _refused(
    request: HttpRequest,
    current: Questionnaire,
    about: dict[str, object],
    place: int,
    refused: Refused,
) -> HttpResponse:
    if current.phase == "completed":
        # A late tap on an old screen: everything has arrived already.
        return HttpResponseRedirect("?")
    if current.phase != "open":
        return _show(request, current, about)
    return _question(request, current, about, place, refused=refused)


def _status(refused: Refused) -> int:
    return 429 if refused.code == "OUT-RATE" else 422


def _closed(request: HttpRequest) -> HttpResponse:
    """One page, one status, for every link that opens nothing: forged, unknown or expired."""
    about = {"lines": UNKNOWN, "countries": countries()}
    template = "outcome/someone.html" if "help" in request.GET else "outcome/closed.html"
    return _private(render(request, template, about, status=404))


def _private(response: HttpResponse) -> HttpResponse:
    # The address holds the key: it must not travel on as a referrer or be indexed.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    # Django writes the address of every answer from 400 up into the log; this address opens answers.
    response._has_been_logged = True
    return response


def _posted(request: HttpRequest) -> tuple[str, str, int | None]:
    """Which button, which item, which value (None when none was chosen or it is not a digit)."""
    text = request.POST.get("value", "")
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else None
    return request.POST.get("go", "next"), request.POST.get("item", "")[:32], value


def _key(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("key", ""))
    except ValueError:
        return new_id()


def _place(request: HttpRequest, current: Questionnaire) -> int:
    """The question asked for, or the first one that is still open; always one that exists."""
    items = [one.item_id for one in _items(current)]
    text = request.GET.get("n", "")
    if text.isascii() and text.isdigit() and 1 <= int(text[:3]) <= len(items):
        return int(text[:3])
    return first_unanswered(items, current.answers) or len(items)


def _items(current: Questionnaire) -> tuple[Item, ...]:
    return asked_items(load_scale(current.invitation.scale_id))


# --- the link to send ----------------------------------------------------------------------------


class InviteForm(forms.Form):
    """Which questions, and when they open."""

    scale_id = forms.ChoiceField(label="Questions")
    opens = forms.ChoiceField(
        label="When they open",
        choices=[("now", "Now"), ("morning", "Tomorrow at 09:00")],
        widget=forms.RadioSelect,
        initial="now",
    )
    key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scale_id"].choices = [
            (scale_id, load_scale(scale_id).title)
            for scale_id in scale_ids()
            if scale_id in PHONE_SCALES
        ]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Questions to send to a patient: what is open, and a link to copy."""
    patient = _patient(request, patient_id)
    form = InviteForm(request.POST if "scale_id" in request.POST else None)
    made: object = None
    if request.method == "POST":
        made = _make(request, patient, form)
    refused = made if isinstance(made, Refused) else None
    link = None if made is None or refused else _address(request, made.path)
    return render(
        request,
        "outcome/invite.html",
        {
            "patient": patient,
            "bar": read_bar(patient, at=now()),
            "is_here_only": _is_here_only(request),
            "form": form if form.is_bound and not link else InviteForm(),
            "refused": refused,
            "link": link,
            "made": None if refused else made,
            "clinic_name": people.clinic(request.staff.clinic_id).name,
            "open_invitations": queries.due_invitations(
                request.staff.clinic_id, now=now(), patient_id=patient_id
            ),
            "now": now(),
        },
        status=422 if refused or (form.is_bound and form.errors) else 200,
    )


def _address(request: HttpRequest, path: str) -> str:
    """The whole address of a page that patients open: at the clinic's public address, when it has one."""
    if settings.PUBLIC_ADDRESS:
        return settings.PUBLIC_ADDRESS + path
    return request.build_absolute_uri(path)


def _is_here_only(request: HttpRequest) -> bool:
    """Whether a link made by this request opens on this computer alone."""
    if settings.PUBLIC_ADDRESS:
        return False
    host = split_domain_port(request.get_host())[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _make(request: HttpRequest, patient: Patient, form: InviteForm) -> object:
    at = now()
    if "invitation_id" in request.POST:
        try:
            invitation_id = UUID(request.POST["invitation_id"])
        except ValueError:
            raise Http404 from None
        return actions.make_link(invitation_id=invitation_id, by=request.staff, at=at)
    if not form.is_valid():
        return None
    return actions.invite(
        patient_id=patient.patient_id,
        scale_id=form.cleaned_data["scale_id"],
        due_at=at if form.cleaned_data["opens"] == "now" else next_morning(at),
        by=request.staff,
        at=at,
        key=form.cleaned_data["key"],
    )


def next_morning(at: datetime) -> datetime:
    """Nine o'clock of the next day in the zone that is active for this page."""
    local = timezone.localtime(at) + timedelta(days=1)
    return local.replace(hour=NEXT_MORNING_HOUR, minute=0, second=0, microsecond=0)


# --- the trajectory ------------------------------------------------------------------------------


@never_cache
def trajectory(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """A patient's scores over time, with the dose of every session on the same axis."""
    patient = _patient(request, patient_id)
    clinic_id = request.staff.clinic_id
    scale = load_scale("phq-9")
    at = now()
    plan = plans.signed_plan(patient_id, clinic_id=clinic_id)
    points = queries.trajectory(patient_id, clinic_id=clinic_id, scale_id=scale.scale_id)
    missed = queries.gaps(patient_id, clinic_id=clinic_id, now=at, scale_id=scale.scale_id)
    given = [
        one
        for one in reversed(sessions.sessions_of(patient_id, clinic_id=clinic_id))
        if one.started_at is not None
    ]
    doses = tuple({"session": one, "per_kg": dose_per_kg(one)} for one in reversed(given))
    chart = draw_chart(scale=scale, points=points, gaps=missed, sessions=given, now=at)
    return render(
        request,
        "outcome/trajectory.html",
        {
            "patient": patient,
            "bar": read_bar(patient, at=at, goal=plan.intention if plan else ""),
            "scale": scale,
            "chart": chart,
            "doses": doses,
            "noise": reliable_change(scale.scale_id),
            "points": points,
            "gaps": missed,
            "rows": _rows(points, missed),
            "plan": plan,
            "flags": queries.flags_of(patient_id, clinic_id=clinic_id),
            "open_flags": queries.open_flags(clinic_id, patient_id=patient_id),
            "open_invitations": queries.due_invitations(clinic_id, now=at, patient_id=patient_id),
            "now": at,
        },
    )


def _rows(points: tuple[ScorePoint, ...], missed: tuple[Gap, ...]) -> list[dict[str, object]]:
    """Answers and gaps in one list, newest first."""
    rows = [
        {"at": p.at, "scale_id": p.scale_id, "total": p.total, "band": p.band, "is_gap": False}
        for p in points
    ]
    rows += [
        {"at": g.due_at, "scale_id": g.scale_id, "total": None, "band": None, "is_gap": True}
        for g in missed
    ]
    return sorted(rows, key=lambda row: row["at"], reverse=True)


# --- a flag to act on ----------------------------------------------------------------------------


class AcknowledgeForm(forms.Form):
    """What was done about a flag."""

    note = forms.CharField(
        label="What did you do?",
        help_text="For example: called at 10:20, safe, comes in at 14:00; the prescriber knows.",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def flag(request: HttpRequest, flag_id: UUID) -> HttpResponse:
    """One answer that a person must act on, and who took it on."""
    found = queries.flag(flag_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    patient = _patient(request, found.patient_id)
    form = AcknowledgeForm(request.POST or None)
    refused = None
    if request.method == "POST" and form.is_valid():
        done = actions.acknowledge(flag_id=flag_id, by=request.staff, at=now(), **form.cleaned_data)
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("outcome:trajectory", args=[found.patient_id]))
        refused = done
    return render(
        request,
        "outcome/flag.html",
        {
            "flag": found,
            "patient": patient,
            "bar": read_bar(patient, at=now()),
            "form": form,
            "refused": refused,
            "now": now(),
        },
        status=422 if refused or form.errors else 200,
    )


def _patient(request: HttpRequest, patient_id: UUID) -> Patient:
    found = people.patient(patient_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    return found


app_name = "outcome"
urlpatterns = [
    path("q/<str:token>", answer, name="answer"),
    path("patients/<uuid:patient_id>/invite", invite, name="invite"),
    path("patients/<uuid:patient_id>/trajectory", trajectory, name="trajectory"),
    path("flags/<uuid:flag_id>", flag, name="flag"),
]
