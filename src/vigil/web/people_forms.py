"""Forms of the people pages: signing in, registering a patient, correcting what is known of one.

In: posted text. Out: values for `people.actions`, or the words that say what was wrong.
"""

from django import forms

from vigil.people import actions
from vigil.people.domain.correction import NAME_LENGTH_MAX, PHONE_LENGTH_MAX, REASON_LENGTH_MAX
from vigil.people.domain.facts import Correction, Patient

PASSWORD_LENGTH_MAX = 256
"""Longest password that is hashed: hashing a book is an attack, not a sign-in."""


class SignInForm(forms.Form):
    """Login name and password; `next` is where the person wanted to go."""

    login = forms.CharField(
        label="Login name",
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        max_length=PASSWORD_LENGTH_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    next = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)


class DetailsForm(forms.Form):
    """What is known of a patient. An allergy question that nobody asked stays unknown."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label="Full name",
        max_length=NAME_LENGTH_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    born_on = forms.DateField(
        label="Birth date",
        help_text="Year, month, day, such as 1972-03-14.",
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": "This is not a date. Write it as 1972-03-14."},
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    phone = forms.CharField(
        label="Phone",
        required=False,
        max_length=PHONE_LENGTH_MAX,
        help_text="For the link to the questionnaire after each session.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    allergies_known = forms.ChoiceField(
        label="Allergies",
        choices=[
            ("none", "None known: the patient was asked"),
            ("some", "Yes, listed below"),
            ("unknown", "Not asked yet"),
        ],
        widget=forms.RadioSelect,
    )
    allergies = forms.CharField(
        label="Which allergies",
        required=False,
        max_length=1000,
        help_text="One on each line.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, object]:
        """Refuse a list that contradicts the answer above it."""
        cleaned = super().clean()
        known, listed = cleaned.get("allergies_known"), self.listed_allergies()
        if known == "some" and not listed:
            self.add_error("allergies", "You said that there are allergies. Write which.")
        if known in ("none", "unknown") and listed:
            self.add_error(
                "allergies",
                "Allergies are listed, and the answer above says otherwise. Choose one.",
            )
        if any(len(allergy) > NAME_LENGTH_MAX for allergy in listed):
            self.add_error("allergies", "One of these lines is too long. Write one on each line.")
        return cleaned

    def listed_allergies(self) -> tuple[str, ...]:
        """The lines that say something."""
        lines = (self.cleaned_data.get("allergies") or "").splitlines()
        return tuple(line.strip() for line in lines if line.strip())

    def known_allergies(self) -> tuple[str, ...] | None:
        """None when nobody asked: an unknown is not a no."""
        return (
            None if self.cleaned_data["allergies_known"] == "unknown" else self.listed_allergies()
        )


class PatientForm(DetailsForm):
    """What the front desk asks a new patient."""

    sex = forms.ChoiceField(
        label="Sex",
        choices=[
            (sex, "Not asked yet" if sex == "unknown" else sex.title()) for sex in actions.SEXES
        ],
        widget=forms.RadioSelect,
    )
    field_order = ("key", "name", "born_on", "sex", "phone", "allergies_known", "allergies")


class CorrectionForm(DetailsForm):
    """What stands there now, to be corrected; without the duty to register, the allergies alone."""

    seen_corrections = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Why",
        max_length=REASON_LENGTH_MAX,
        help_text="Stays in the record beside the old and the new, such as: asked the patient.",
    )

    def __init__(self, *args: object, is_desk: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.is_desk = is_desk
        if not is_desk:
            for name in ("name", "born_on", "phone"):
                del self.fields[name]

    @staticmethod
    def initial_of(patient: Patient, *, seen: int, key: object) -> dict[str, object]:
        """What the form starts with: what is known. A question never asked has no answer chosen."""
        listed = patient.allergies or ()
        answers = {None: None, (): "none"}
        return {
            "key": key,
            "seen_corrections": seen,
            "name": patient.name,
            "born_on": patient.born_on,
            "phone": patient.phone,
            "allergies_known": answers.get(patient.allergies, "some"),
            "allergies": "\n".join(listed),
        }

    def correction(self) -> dict[str, object]:
        """The keyword arguments of `actions.correct_patient` that come from the form."""
        asked = self.cleaned_data
        details = (
            {name: asked[name] for name in ("name", "born_on", "phone")} if self.is_desk else {}
        )
        return {
            "correction": Correction(allergies=self.known_allergies(), **details),
            "reason": asked["reason"],
            "seen_corrections": asked["seen_corrections"],
            "key": asked["key"],
        }
