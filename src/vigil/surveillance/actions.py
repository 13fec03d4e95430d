"""The only writer of surveillance: adjudicate a possible case.

In: a person with the duty to review, and their answers. Out: an adjudication, or a refusal.
"""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from vigil.people import queries as people
from vigil.people.actions import hold_patient, lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.actions import CARE, append
from vigil.surveillance import queries
from vigil.surveillance.definition import load_definition
from vigil.surveillance.domain.adjudicate import decide_verdict
from vigil.surveillance.domain.facts import Adjudicated, Verdict
from vigil.surveillance.models import Adjudication
from vigil.units.refusals import Refused


def adjudicate(
    *,
    patient_id: UUID,
    verdict: Verdict,
    criteria: Mapping[str, bool | None],
    has_distress: bool | None,
    onset_on: date | None,
    reason: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Adjudicated | Refused:
    """Record what was asked and decided; the same key again gives the same answer."""
    if (refused := lacks_duty(by, Duty.REVIEW)) is not None:
        return refused
    with transaction.atomic():
        if hold_patient(patient_id, clinic_id=by.clinic_id) is None:
            return Refused(code="SUR-PATIENT", message="This patient is not of this clinic.")
        before = Adjudication.objects.filter(key=key, clinic_id=by.clinic_id).first()
        if before is not None:
            return queries.adjudication_fact(before)
        zone = ZoneInfo(people.clinic(by.clinic_id).time_zone)
        first = queries.first_dose_at(patient_id, clinic_id=by.clinic_id, now=at)
        definition = load_definition()
        no = decide_verdict(
            verdict=verdict,
            criteria=criteria,
            has_distress=has_distress,
            onset_on=onset_on,
            first_dose_on=None if first is None else first.astimezone(zone).date(),
            today=at.astimezone(zone).date(),
            reason=reason,
            definition=definition,
        )
        if no is not None:
            return no
        row = Adjudication.objects.create(
            clinic_id=by.clinic_id,
            patient_id=patient_id,
            definition_version=definition.version,
            criteria=dict(criteria),
            has_distress=has_distress,
            verdict=verdict,
            onset_on=onset_on if verdict == "case" else None,
            reason=reason.strip(),
            adjudicated_by_id=by.staff_id,
            at=at,
            key=key,
        )
        fact = queries.adjudication_fact(row)
        append(
            clinic_id=by.clinic_id,
            register=CARE,
            kind="surveillance.Adjudicated",
            subject=patient_id,
            by=by.staff_id,
            at=at,
            body=fact,
        )
    return fact
