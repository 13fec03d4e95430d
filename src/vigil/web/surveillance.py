"""Pages of the surveillance room: the claim report, and the decision on a possible case."""

from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from vigil.people import queries as people
from vigil.record import queries as record
from vigil.record.clock import new_id, now
from vigil.surveillance import actions, queries
from vigil.surveillance.definition import load_definition
from vigil.surveillance.domain.facts import YEAR_SECONDS
from vigil.units.refusals import Refused
from vigil.web.identity import read_bar
from vigil.web.surveillance_chart import draw_bounds, draw_evidence, per_100

ASKED = (("not-asked", "Not asked"), ("yes", "Yes"), ("no", "No"))
ANSWERS = {"yes": True, "no": False, "not-asked": None}


@never_cache
def claim(request: HttpRequest) -> HttpResponse:
    """The claim report: the verdict in words, then what it rests on. It names no patient."""
    report = queries.claim(request.staff.clinic_id, now=now())
    return render(
        request,
        "surveillance/claim.html",
        {
            "report": report,
            "claim": report.claim,
            "bounds": draw_bounds(report),
            "evidence": draw_evidence(report),
            "unseen_years": report.unseen_seconds / YEAR_SECONDS,
            "scenarios": [
                {
                    "name": one.name,
                    "assumption": one.assumption,
                    "upper": None if one.upper_per_100 is None else per_100(one.upper_per_100),
                }
                # With nobody unseen, the rest would only repeat the first bound.
                for one in report.scenarios[1 : None if report.unseen_seconds else 2]
            ],
            "heads": record.heads(request.staff.clinic_id),
        },
    )


class AdjudicationForm(forms.Form):
    """Every criterion of the definition, then the decision."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for criterion in load_definition().criteria:
            self.fields[criterion.criterion_id] = _asked(
                criterion.text,
                ""
                if criterion.counts_under_supervision
                else "Recorded, but does not count for a drug taken as prescribed under supervision.",
            )
        self.fields["has_distress"] = _asked(
            "Does it cause distress, or get in the way of life?", "Needed for a case."
        )
        self.fields["verdict"] = forms.ChoiceField(
            label="Your decision",
            choices=[
                ("no-case", "Not a case"),
                ("cannot-tell", "Cannot tell yet"),
                ("case", "A case"),
            ],
            widget=forms.RadioSelect,
        )
        self.fields["onset_on"] = forms.DateField(
            label="When did it begin?",
            help_text="Only for a case. A day from the first dose to today.",
            required=False,
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        )
        self.fields["reason"] = forms.CharField(
            label="What is this based on?",
            help_text="Interview, records, tests. It stays in the record with your name.",
            max_length=1000,
            widget=forms.Textarea(attrs={"rows": 3}),
        )

    def criteria(self) -> dict[str, bool | None]:
        """Criterion id -> yes, no, or None for not asked."""
        ids = [criterion.criterion_id for criterion in load_definition().criteria]
        return {name: ANSWERS[self.cleaned_data[name]] for name in ids}


def _asked(label: str, help_text: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        help_text=help_text,
        choices=ASKED,
        initial="not-asked",
        widget=forms.RadioSelect,
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def adjudicate(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Ask the criteria of one patient and decide; nothing is decided by the software."""
    patient = people.patient(patient_id, clinic_id=request.staff.clinic_id)
    if patient is None:
        raise Http404
    form = AdjudicationForm(request.POST or None)
    refused = None
    if request.method == "POST" and form.is_valid():
        done = actions.adjudicate(
            patient_id=patient_id,
            verdict=form.cleaned_data["verdict"],
            criteria=form.criteria(),
            has_distress=ANSWERS[form.cleaned_data["has_distress"]],
            onset_on=form.cleaned_data["onset_on"],
            reason=form.cleaned_data["reason"],
            by=request.staff,
            at=now(),
            key=form.cleaned_data["key"],
        )
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("surveillance:adjudicate", args=[patient_id]))
        refused = done
    return render(
        request,
        "surveillance/adjudicate.html",
        {
            "patient": patient,
            "bar": read_bar(patient, at=now()),
            "form": form,
            "refused": refused,
            "definition": load_definition(),
            "history": queries.adjudications_of(patient_id, clinic_id=request.staff.clinic_id),
        },
        status=422 if refused or form.errors else 200,
    )


app_name = "surveillance"
urlpatterns = [
    path("claim", claim, name="claim"),
    path("claim/adjudicate/<uuid:patient_id>", adjudicate, name="adjudicate"),
]
