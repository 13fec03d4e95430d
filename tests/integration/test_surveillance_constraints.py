"""The database's own lock on adjudications: what the code refuses is refused without the code too."""

import pytest
from django.db import IntegrityError, transaction

from vigil.record.clock import new_id
from vigil.surveillance.models import Adjudication

pytestmark = pytest.mark.django_db


def add(clinic, patient, prescriber, at, *, has_distress):
    with transaction.atomic():
        Adjudication.objects.create(
            clinic_id=clinic.clinic_id,
            patient_id=patient.patient_id,
            definition_version=1,
            criteria={"craving": True, "hazardous": True},
            has_distress=has_distress,
            verdict="case",
            onset_on=at.date(),
            reason="Two of ten criteria",
            adjudicated_by_id=prescriber.staff_id,
            at=at,
            key=new_id(),
        )


def test_a_case_needs_an_answer_about_distress(clinic, patient, prescriber, at):
    """NULL satisfies a CHECK that does not ask for it: a case with nothing known of distress is no case."""
    add(clinic, patient, prescriber, at, has_distress=True)

    for has_distress in (None, False):
        with pytest.raises(IntegrityError, match="surv_case_has_onset_and_distress"):
            add(clinic, patient, prescriber, at, has_distress=has_distress)
