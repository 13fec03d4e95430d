"""What a nurse types or taps on the pages of a session, read exactly or refused with the reading.

In: posted text. Out: whole units for `session.actions`, or the words that say what was wrong.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django import forms
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils import timezone

from vigil.session.domain.facts import ChairView, OpenItem
from vigil.units.amounts import NotExact, parse_amount, show_kg
from vigil.units.durations import whole_minutes
from vigil.units.refusals import Refused

RATINGS = {"moaas": (0, 5), "dissociation": (0, 10), "anxiety": (0, 10), "nausea": (0, 3)}
VITALS = {"sbp": (20, 300), "dbp": (10, 250), "spo2": (1, 100), "hr": (10, 300), "rr": (0, 120)}
"""Lowest and highest whole number that can be real, as the session room holds them."""

SHORT = {
    "sbp": "upper pressure", "dbp": "lower pressure", "spo2": "SpO₂", "hr": "heart rate",
    "rr": "breaths", "moaas": "MOAA/S", "dissociation": "dissociation", "anxiety": "anxiety",
    "nausea": "nausea",
}  # fmt: skip

EVENTS = {
    "anxious": "anxious",
    "nausea": "nausea",
    "comforted": "comforted",
    "emergency": "emergency",
    "note": "note",
}


def read_key(request: HttpRequest) -> UUID:
    """The idempotency key that the form carried.

    Raises:
        BadRequest: the form had none, so that nothing can be recorded safely.
    """
    try:
        return UUID(request.POST.get("key", ""))
    except ValueError as error:
        raise BadRequest("This form carries no key. Load the page again.") from error


class SaidForm(forms.Form):
    """A form that can say in one sentence why it was not taken."""

    def as_refusal(self) -> Refused:
        """Its errors as a refusal, in the order of the fields."""
        said = " ".join(str(error) for errors in self.errors.values() for error in errors)
        return Refused(code="WEB-FORM", message=said)


def _amount(text: str, unit: str, base: str) -> int:
    """The exact amount, also when the person typed the unit that stands beside the box."""
    stripped = text.strip()
    with_unit = stripped if stripped.endswith(unit) else f"{stripped} {unit}"
    try:
        return parse_amount(with_unit, expect=base).value
    except NotExact as error:
        raise forms.ValidationError(str(error)) from error


class ObserveForm(SaidForm):
    """One set: whatever of it was taken."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for metric, (low, high) in (RATINGS | VITALS).items():
            self.fields[metric] = forms.IntegerField(
                required=False, min_value=low, max_value=high, label=SHORT[metric],
                error_messages={
                    "invalid": f"{SHORT[metric].capitalize()}: write a whole number.",
                    "min_value": f"{SHORT[metric].capitalize()}: at least {low}.",
                    "max_value": f"{SHORT[metric].capitalize()}: at most {high}.",
                },
            )  # fmt: skip

    def clean(self) -> dict[str, object]:
        """Both pressures or neither; the upper above the lower; at least one value."""
        cleaned = super().clean()
        sbp, dbp = cleaned.get("sbp"), cleaned.get("dbp")
        if not self.errors and (sbp is None) != (dbp is None):
            raise forms.ValidationError("A pressure needs both numbers, upper and lower.")
        if sbp is not None and dbp is not None and sbp <= dbp:
            raise forms.ValidationError(f"Read {sbp}/{dbp}: the upper must be above the lower.")
        if not self.errors and not self.values():
            raise forms.ValidationError("Tap or type at least one value of the set.")
        return cleaned

    def values(self) -> dict[str, int]:
        """Whole units by metric, of what was taken."""
        return {name: value for name, value in self.cleaned_data.items() if value is not None}

    def words(self) -> str:
        """What was taken, to say back to the person."""
        return ", ".join(f"{SHORT[name]} {value}" for name, value in self.values().items())


class RateForm(SaidForm):
    """Change, pause or resume."""

    act = forms.ChoiceField(choices=[(act, act) for act in ("change", "pause", "resume")])
    rate = forms.CharField(
        required=False, label="Rate on the pump", help_text="In mg/h, as the pump shows it."
    )
    reason = forms.CharField(required=False, max_length=200, label="Why")

    def clean(self) -> dict[str, object]:
        """A change needs its exact rate; a change and a pause need a reason."""
        cleaned = super().clean()
        act = cleaned.get("act")
        if act == "change":
            cleaned["rate"] = _amount(cleaned.get("rate", ""), "mg/h", "ug_per_hour")
        if act in ("change", "pause") and not cleaned.get("reason"):
            raise forms.ValidationError("Say why, in a word or two: it goes into the record.")
        return cleaned


class StopForm(SaidForm):
    """The end of the infusion."""

    pump = forms.CharField(
        required=False, label="Given, as the pump shows it",
        help_text="In mg. Leave empty and the recorded rate and time are used.",
    )  # fmt: skip
    reason = forms.CharField(required=False, max_length=200, label="Why, if it ends early")

    def clean_pump(self) -> int | None:
        """Micrograms, or None when the pump was not read."""
        text = self.cleaned_data["pump"].strip()
        return _amount(text, "mg", "ug") if text else None


class EventForm(SaidForm):
    """Something that happened."""

    name = forms.ChoiceField(choices=list(EVENTS.items()))
    text = forms.CharField(required=False, max_length=500, label="What happened")

    def clean(self) -> dict[str, object]:
        """A note needs words."""
        cleaned = super().clean()
        if cleaned.get("name") == "note" and not cleaned.get("text"):
            raise forms.ValidationError("Write what happened: an empty note says nothing.")
        return cleaned

    def words(self) -> str:
        """What was recorded."""
        return EVENTS[self.cleaned_data["name"]]


class CheckInForm(SaidForm):
    """Everything the first minutes of a visit ask."""

    chair = forms.ChoiceField(label="Chair")
    weight = forms.CharField(label="Weight today", help_text="In kg, from the scale: 68.0")
    is_weight_confirmed = forms.BooleanField(
        required=False, label="I looked at the scale twice",
        help_text="Needed when the weight differs much from last time.",
    )  # fmt: skip
    sbp = forms.IntegerField(label="Upper pressure", required=False, min_value=20, max_value=300)
    dbp = forms.IntegerField(label="Lower pressure", required=False, min_value=10, max_value=250)
    ate_at = forms.TimeField(
        label="Last ate at", required=False, widget=forms.TimeInput(attrs={"type": "time"})
    )
    drank_at = forms.TimeField(
        label="Last drank at", required=False, widget=forms.TimeInput(attrs={"type": "time"})
    )
    escort_name = forms.CharField(label="Who takes them home", required=False, max_length=120)
    escort_phone = forms.CharField(label="Their telephone", required=False, max_length=32)

    def __init__(
        self, *args: object, chairs: Sequence[ChairView], at: datetime,
        weight_before: int | None, **kwargs: object,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.at = at
        self.fields["chair"].choices = [(str(chair.chair_id), chair.name) for chair in chairs]
        self.fields["chair"].widget = forms.RadioSelect(choices=self.fields["chair"].choices)
        for name in ("weight", "sbp", "dbp"):
            self.fields[name].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}
        self.fields["escort_phone"].widget.attrs |= {"inputmode": "tel", "autocomplete": "off"}
        if weight_before is not None:
            self.fields[
                "weight"
            ].help_text = f"In kg, from the scale. Last time: {show_kg(weight_before)}."

    def clean_weight(self) -> int:
        """Grams."""
        return _amount(self.cleaned_data["weight"], "kg", "g")

    def clean(self) -> dict[str, object]:
        """Both pressures or neither, the upper above the lower."""
        cleaned = super().clean()
        sbp, dbp = cleaned.get("sbp"), cleaned.get("dbp")
        if "sbp" not in self.errors and "dbp" not in self.errors and (sbp is None) != (dbp is None):
            self.add_error("dbp", "A pressure needs both numbers, upper and lower.")
        if sbp is not None and dbp is not None and sbp <= dbp:
            self.add_error("dbp", f"Read {sbp}/{dbp}: the upper must be above the lower.")
        return cleaned

    def facts(self) -> dict[str, object]:
        """The keyword arguments of `session.actions.check_in`."""
        cleaned = self.cleaned_data
        return {
            "chair_id": UUID(cleaned["chair"]),
            "weight_g": cleaned["weight"],
            "is_weight_confirmed": cleaned["is_weight_confirmed"],
            "sbp": cleaned["sbp"],
            "dbp": cleaned["dbp"],
            "escort_name": cleaned["escort_name"],
            "escort_phone": cleaned["escort_phone"],
            "food_minutes": self._minutes_since(cleaned["ate_at"]),
            "drink_minutes": self._minutes_since(cleaned["drank_at"]),
        }

    def _minutes_since(self, clock_time: object) -> int | None:
        """Minutes since that time of day; a time later than now was yesterday's."""
        if clock_time is None:
            return None
        here = timezone.localtime(self.at)
        moment = here.replace(
            hour=clock_time.hour, minute=clock_time.minute, second=0, microsecond=0
        )
        if moment > here:
            moment -= timedelta(days=1)
        return whole_minutes(moment, self.at)


class DischargeForm(SaidForm):
    """The answers that only a person can give: one yes, no or not yet for each."""

    escort_name = forms.CharField(label="Who takes them home", required=False, max_length=120)

    def __init__(
        self, *args: object, items: Sequence[OpenItem], escort: str, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)
        self.items = items
        self.fields["escort_name"].initial = escort
        for item in items:
            self.fields[item.asks] = forms.ChoiceField(
                label=item.text, required=False, widget=forms.RadioSelect,
                choices=[("yes", "Yes"), ("no", "No"), ("", "Not looked at yet")],
            )  # fmt: skip
        self.order_fields([*(item.asks for item in items), "escort_name"])

    def answers(self) -> dict[str, bool | None]:
        """Yes, no or unknown, by the name that the discharge rule asks for."""
        spoken = {"yes": True, "no": False, "": None}
        return {item.asks: spoken[self.cleaned_data[item.asks]] for item in self.items}
