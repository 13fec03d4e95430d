"""Pages of the plan room: protocols to read and adopt, a plan to sign, a signed plan to read and print."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from vigil.assessment import queries as assessment
from vigil.custody import queries as custody
from vigil.evidence.protocols import (
    Dosing,
    Parameter,
    Protocol,
    load_protocol,
    protocol_ids,
)
from vigil.people import queries as people
from vigil.people.domain.consent import CONSENT_VERSION, consent_text
from vigil.people.domain.facts import Patient, Staff
from vigil.people.duties import Duty
from vigil.plan import actions, queries
from vigil.plan.domain.decide import MEASURE_MAX, plan_hash
from vigil.plan.domain.dose import DoseReading, read_dose, show_ug_per_kg
from vigil.plan.domain.facts import Plan, PlanRequest
from vigil.record.clock import new_id, now
from vigil.units.amounts import NotExact, parse_amount, show_mg
from vigil.units.refusals import Refused
from vigil.web.certainty import certainty_words
from vigil.web.identity import read_bar

WEIGHT_G_MAX = 400_000
"""Heaviest weight the order form reads, grams: more is taken for a slip (grams typed as kilograms)."""


# --- protocols ---------------------------------------------------------------------------------


@require_GET
def protocols(request: HttpRequest) -> HttpResponse:
    """Every protocol, and which the clinic has adopted as its file stands now."""
    adopted = {one.protocol_id: one for one in queries.adopted_protocols(request.staff.clinic_id)}
    earlier = {one.protocol_id for one in queries.adoptions(request.staff.clinic_id)}
    rows = [
        {
            "protocol": load_protocol(name),
            "adoption": adopted.get(name),
            "is_changed": name in earlier and name not in adopted,
        }
        for name in protocol_ids()
    ]
    return render(request, "plan/protocols.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
def protocol(request: HttpRequest, protocol_id: str) -> HttpResponse:
    """One protocol to read whole; a prescriber adopts it here."""
    if protocol_id not in protocol_ids():
        raise Http404
    refused = None
    if request.method == "POST":
        adopted = actions.adopt_protocol(
            protocol_id=protocol_id,
            content_hash=request.POST.get("content_hash", ""),
            by=request.staff,
            at=now(),
            key=_key(request),
        )
        if not isinstance(adopted, Refused):
            messages.success(request, "Adopted for this clinic. Plans can now be signed from it.")
            return redirect("plan:protocol", protocol_id=protocol_id)
        refused = adopted
    return _protocol_page(request, load_protocol(protocol_id), refused=refused)


def _protocol_page(
    request: HttpRequest, held: Protocol, *, refused: Refused | None
) -> HttpResponse:
    clinic_id = request.staff.clinic_id
    signed = [one for one in queries.adoptions(clinic_id) if one.protocol_id == held.protocol_id]
    adoption = queries.adoption_of(held.protocol_id, clinic_id=clinic_id)
    sources = {source.source_id: source for source in held.sources}
    return render(
        request,
        "plan/protocol.html",
        {
            "protocol": held,
            "dose_words": dose_words(held.dosing),
            "parameters": [_parameter(row, sources) for row in held.parameters],
            "rules": [
                {
                    "rule": rule,
                    "source": sources[rule.source].citation,
                    "certainty": certainty_words(rule.certainty),
                }
                for rule in held.eligibility
            ],
            "limits": [
                {"limit": limit, "certainty": certainty_words(limit.certainty)}
                for limit in held.limits
            ],
            "adoption": adoption,
            "is_changed": bool(signed) and adoption is None,
            "may_adopt": Duty.PRESCRIBE in request.staff.duties,
            "refused": refused,
            "key": new_id(),
        },
        status=400 if refused else 200,
    )


def _parameter(row: Parameter, sources: Mapping) -> dict[str, object]:
    return {
        "row": row,
        "certainty": certainty_words(row.certainty),
        "citation": sources[row.source].citation,
        "link": sources[row.source].link,
    }


def dose_words(dosing: Dosing) -> str:
    """The dosing as a sentence."""
    if dosing.kind == "per-kg":
        return (
            f"{show_ug_per_kg(dosing.ug_per_kg)} over {dosing.infusion_minutes} minutes; at most "
            f"{show_ug_per_kg(dosing.ug_per_kg_max)} and never more than "
            f"{show_mg(dosing.total_ug_max)} in one session"
        )
    offered = " or ".join(show_mg(amount) for amount in dosing.fixed_ug)
    first = f", beginning with {show_mg(dosing.first_fixed_ug)}" if dosing.first_fixed_ug else ""
    return f"{offered} in one session{first}"


# --- the order form ----------------------------------------------------------------------------


class PlanForm(forms.Form):
    """What the prescriber decides with the patient. Its dose field follows the protocol."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    protocol = forms.CharField(widget=forms.HiddenInput)
    replaces_version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    intention = forms.CharField(
        label="What the patient wants from this, in their own words",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    measure = forms.CharField(
        label="How the patient will know",
        help_text="Something they can rate from 0 (not at all) to 10 (fully).",
        max_length=200,
    )
    measure_baseline = forms.TypedChoiceField(
        label="Where it stands today, 0 to 10",
        choices=[("", "Choose")] + [(number, str(number)) for number in range(MEASURE_MAX + 1)],
        coerce=int,
    )
    sessions = forms.TypedChoiceField(label="Number of sessions", coerce=int)
    review_on = forms.DateField(
        label="Review date",
        help_text="The plan ends or is decided again on this day.",
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": "This is not a date. Write it as 2026-12-31."},
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    reason = forms.CharField(
        label="Why the plan changes", max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )
    consent_version = forms.IntegerField(widget=forms.HiddenInput)
    is_consent_given = forms.BooleanField(
        label="The patient has read or heard every line above and agrees",
        error_messages={"required": "Without the patient's consent there is no plan."},
    )
    password = forms.CharField(
        label="Your password, to sign",
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args, held: Protocol, newest: Plan | None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.held = held
        counts = range(1, held.sessions + 1)
        self.fields["sessions"].choices = [(count, str(count)) for count in counts]
        if held.dosing.kind == "per-kg":
            self.fields["dose"] = forms.CharField(
                label="Dose for each session",
                help_text=f"In mg/kg, such as {show_ug_per_kg(held.dosing.ug_per_kg)}; at most "
                f"{show_ug_per_kg(held.dosing.ug_per_kg_max)}.",
                max_length=32,
                strip=False,
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )
        else:
            self.fields["dose"] = forms.TypedChoiceField(
                label="Dose for each session",
                choices=[(amount, show_mg(amount)) for amount in held.dosing.fixed_ug],
                coerce=int,
                widget=forms.RadioSelect,
            )
        if newest is None:
            del self.fields["reason"]

    def clean_dose(self) -> object:
        """The dose as typed, once the one strict parser has read it."""
        dose = self.cleaned_data["dose"]
        if self.held.dosing.kind == "per-kg":
            try:
                parse_amount(dose, expect="ug_per_kg")
            except NotExact as error:
                raise forms.ValidationError(str(error)) from error
        return dose

    def request_for(self, patient_id: UUID) -> PlanRequest:
        """What is asked to be signed."""
        asked = self.cleaned_data
        is_per_kg = self.held.dosing.kind == "per-kg"
        return PlanRequest(
            patient_id=patient_id,
            protocol_id=self.held.protocol_id,
            ug_per_kg=parse_amount(asked["dose"], expect="ug_per_kg").value if is_per_kg else None,
            fixed_ug=None if is_per_kg else asked["dose"],
            sessions=asked["sessions"],
            intention=asked["intention"],
            measure=asked["measure"],
            measure_baseline=asked["measure_baseline"],
            review_on=asked["review_on"],
            is_consent_given=asked["is_consent_given"],
            consent_text_version=asked["consent_version"],
            replaces_version=asked["replaces_version"],
            reason=asked.get("reason", ""),
        )


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Make the next version of a patient's plan and sign it."""
    patient = people.patient(patient_id, clinic_id=request.staff.clinic_id)
    if patient is None:
        raise Http404
    adopted = [
        load_protocol(one.protocol_id) for one in queries.adopted_protocols(request.staff.clinic_id)
    ]
    held = _chosen(request, patient_id, adopted)
    if held is None:
        context = {"patient": patient, "adopted": adopted, "bar": read_bar(patient, at=now())}
        return render(request, "plan/no_protocol.html", context)
    newest = queries.signed_plan(patient_id, clinic_id=request.staff.clinic_id)
    refused = None
    if request.method == "POST":
        form = PlanForm(request.POST, held=held, newest=newest)
        if form.is_valid():
            signed = actions.sign(
                request=form.request_for(patient_id),
                password=form.cleaned_data["password"],
                by=request.staff,
                at=now(),
                key=form.cleaned_data["key"],
            )
            if not isinstance(signed, Refused):
                messages.success(request, f"Plan version {signed.version} is signed.")
                return redirect("plan:plan", plan_id=signed.plan_id)
            refused = signed
    else:
        form = PlanForm(initial=_initial(held, newest), held=held, newest=newest)
    return _new_page(request, patient, held, adopted, newest, form=form, refused=refused)


def _chosen(request: HttpRequest, patient_id: UUID, adopted: list[Protocol]) -> Protocol | None:
    """The adopted protocol that is asked for, else of the plan that stands, else the one assessed last."""
    by_id = {one.protocol_id: one for one in adopted}
    asked = request.POST.get("protocol") or request.GET.get("protocol")
    if asked:
        return by_id.get(asked)
    clinic_id = request.staff.clinic_id
    standing = queries.signed_plan(patient_id, clinic_id=clinic_id)
    last = standing or assessment.latest(patient_id, clinic_id=clinic_id)
    if last is not None and last.protocol_id in by_id:
        return by_id[last.protocol_id]
    return adopted[0] if adopted else None


def _initial(held: Protocol, newest: Plan | None) -> dict[str, object]:
    """What the form starts with. The patient's own words are asked again only when there are none yet.

    The dose starts at the protocol's own, never at nothing; consent is never ticked beforehand.
    """
    dosing = held.dosing
    is_same = newest is not None and newest.protocol_id == held.protocol_id
    start: dict[str, object] = {
        "key": new_id(),
        "protocol": held.protocol_id,
        "replaces_version": 0 if newest is None else newest.version,
        "consent_version": CONSENT_VERSION,
        "sessions": held.sessions,
        "dose": show_ug_per_kg(dosing.ug_per_kg)
        if dosing.kind == "per-kg"
        else dosing.first_fixed_ug or dosing.fixed_ug[0],
    }
    if newest is not None:
        start |= {"intention": newest.intention, "measure": newest.measure}
    if is_same:
        start["sessions"] = newest.sessions
        start["dose"] = (
            show_ug_per_kg(newest.ug_per_kg) if dosing.kind == "per-kg" else newest.fixed_ug
        )
    return start


def _new_page(
    request: HttpRequest,
    patient: Patient,
    held: Protocol,
    adopted: list[Protocol],
    newest: Plan | None,
    *,
    form: PlanForm,
    refused: Refused | None,
) -> HttpResponse:
    return render(
        request,
        "plan/new.html",
        {
            "patient": patient,
            "bar": read_bar(patient, at=now(), next_duty="Sign the plan", next_owner="prescribe"),
            "protocol": held,
            "adopted": adopted,
            "newest": newest,
            "form": form,
            "refused": refused,
            "dose_words": dose_words(held.dosing),
            "statements": consent_text(CONSENT_VERSION),
            "consent_version": CONSENT_VERSION,
            "assessed": assessment.latest(
                patient.patient_id,
                clinic_id=request.staff.clinic_id,
                protocol_id=held.protocol_id,
            ),
            "reading": _read(request, held, form["dose"].value(), ""),
        },
        status=400 if refused or form.errors else 200,
    )


# --- what the dose is for a weight -------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the order form shows of a dose: the arithmetic, or why it could not be read."""

    dose: DoseReading | None = None
    asked: str = ""
    actual: str = ""
    error: str = ""


@require_GET
def dose(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """The dose of an order for one weight, as a fragment of the order form."""
    if people.patient(patient_id, clinic_id=request.staff.clinic_id) is None:
        raise Http404
    name = request.GET.get("protocol", "")
    if name not in protocol_ids():
        raise Http404
    held = load_protocol(name)
    reading = _read(request, held, request.GET.get("dose", ""), request.GET.get("weight", ""))
    return render(request, "plan/_dose.html", {"reading": reading, "protocol": held})


def _read(request: HttpRequest, held: Protocol, dose_text: object, weight_text: str) -> Reading:
    if not weight_text.strip():
        return Reading()
    try:
        weight_g = parse_amount(weight_text, expect="g").value
        if not 0 < weight_g <= WEIGHT_G_MAX:
            return Reading(error=f"Read {weight_text!r} as the weight; that cannot be right.")
        order = _order(held.dosing, str(dose_text))
    except NotExact as error:
        return Reading(error=str(error))
    if order is None:
        return Reading(error=f"The protocol offers {dose_words(held.dosing)}.")
    ug_per_kg, fixed_ug = order
    found = read_dose(
        held.dosing,
        weight_g=weight_g,
        ug_per_kg=ug_per_kg,
        fixed_ug=fixed_ug,
        strength_ug_per_ml=_strength(request.staff, held),
    )
    return Reading(
        dose=found,
        asked="" if ug_per_kg is None else show_ug_per_kg(ug_per_kg),
        actual=show_ug_per_kg(found.actual_ug_per_kg),
    )


def _order(dosing: Dosing, text: str) -> tuple[int | None, int | None] | None:
    """The order as micrograms per kilogram or as a fixed dose; None when it is not one to give."""
    if dosing.kind == "fixed":
        offered = {str(amount): amount for amount in dosing.fixed_ug}
        return (None, offered[text]) if text in offered else None
    ug_per_kg = parse_amount(text, expect="ug_per_kg").value
    return (ug_per_kg, None) if 0 < ug_per_kg <= dosing.ug_per_kg_max else None


def _strength(staff: Staff, held: Protocol) -> int | None:
    """The strength of the first vial that the clinic stocks for the drug; None for a device."""
    stocked = (
        product.strength_ug_per_ml
        for product in custody.products(staff.clinic_id)
        if product.drug == held.drug and product.form == held.form
    )
    return next(stocked, None)


# --- a signed plan -----------------------------------------------------------------------------


@require_GET
def plan(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """A signed plan, to read and to print."""
    clinic_id = request.staff.clinic_id
    signed = queries.plan(plan_id, clinic_id=clinic_id)
    if signed is None:
        raise Http404
    versions = queries.versions(signed.patient_id, clinic_id=clinic_id)
    held = load_protocol(signed.protocol_id) if signed.protocol_id in protocol_ids() else None
    patient = people.patient(signed.patient_id, clinic_id=clinic_id)
    return render(
        request,
        "plan/plan.html",
        {
            "patient": patient,
            "bar": read_bar(patient, at=now(), goal=signed.intention),
            "plan": signed,
            "versions": versions,
            "is_newest": versions[0].plan_id == signed.plan_id,
            "protocol": held,
            "is_protocol_changed": held is None or held.content_hash != signed.protocol_hash,
            "is_whole": plan_hash(signed) == signed.content_hash,
            "statements": consent_text(CONSENT_VERSION),
            "may_plan": Duty.PRESCRIBE in request.staff.duties,
            "may_withdraw": bool(
                request.staff.duties & {Duty.PRESCRIBE, Duty.ASSESS, Duty.MONITOR}
            ),
            "key": new_id(),
            "printed_at": timezone.localtime(now()),
        },
    )


@require_POST
def withdraw(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Record that the patient takes the consent back."""
    answer = actions.withdraw_consent(
        plan_id=plan_id, by=request.staff, at=now(), key=_key(request)
    )
    if isinstance(answer, Refused):
        if answer.code == "PLN-UNKNOWN":
            raise Http404
        messages.error(request, answer.message)
    else:
        messages.success(request, "Recorded: the consent is withdrawn. No session can start.")
    return redirect("plan:plan", plan_id=plan_id)


def _key(request: HttpRequest) -> UUID:
    """The form's key; a form without one is a form of its own."""
    try:
        return UUID(request.POST.get("key", ""))
    except ValueError:
        return new_id()


app_name = "plan"
urlpatterns = [
    path("protocols", protocols, name="protocols"),
    path("protocols/<slug:protocol_id>", protocol, name="protocol"),
    path("patients/<uuid:patient_id>/plan", new, name="new"),
    path("patients/<uuid:patient_id>/plan/dose", dose, name="dose"),
    path("plans/<uuid:plan_id>", plan, name="plan"),
    path("plans/<uuid:plan_id>/withdraw", withdraw, name="withdraw"),
]
