"""What a signed plan allows to be drawn: the one place where custody reads the plan room.

In: a plan id. Out: the authorisation, or the refusal.
"""

from uuid import UUID

from vigil.custody.domain.facts import Authorisation, Form
from vigil.plan import queries as plans
from vigil.units.refusals import Refused

_FORM_OF_ROUTE: dict[str, Form] = {"IV": "vial", "IN": "device"}


def authorisation_of(
    plan_id: UUID, *, patient_id: UUID, clinic_id: UUID
) -> Authorisation | Refused:
    """The plan's drug and form, if it is this patient's newest signed plan and consent stands."""
    plan = plans.signed_plan(patient_id, clinic_id=clinic_id)
    if plan is None or plan.plan_id != plan_id:
        return Refused(
            code="CUS-PLAN",
            message="This is not the patient's newest signed plan. Open the patient's plan first.",
        )
    if plan.consented_at is None:
        return Refused(
            code="CUS-CONSENT",
            message="The patient has taken the consent back. Nothing is drawn for this plan.",
        )
    return Authorisation(
        plan_id=plan_id,
        patient_id=patient_id,
        drug=plan.drug,
        form=_FORM_OF_ROUTE[plan.route],
    )
