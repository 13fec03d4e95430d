"""Which rules of which jurisdiction count for a clinic: the newest file that a named person adopted.

In: a clinic id. Out: the adopted file with the rules that count, or None; nothing counts that nobody adopted.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vigil.custody.domain.deeds import Adopted
from vigil.custody.models import Adoption as AdoptionRow
from vigil.custody.models import DeadSpace as DeadSpaceRow
from vigil.custody.rows import act_fact
from vigil.evidence.jurisdictions import Jurisdiction, Rule, RuleKind, load_jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedLaw:
    """What a clinic adopted and by whom. `is_current` is false when the file changed since: adopt it again."""

    adopted: Adopted
    jurisdiction: Jurisdiction
    is_current: bool

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that count. Of a changed file only confirmed rules do: nobody signed its other words."""
        signed_off = frozenset(self.adopted.signed_off) if self.is_current else frozenset()
        return self.jurisdiction.enabled(signed_off)

    def of_kind(self, kind: RuleKind) -> tuple[Rule, ...]:
        """The rules of one kind that count."""
        return tuple(rule for rule in self.rules if rule.kind == kind)


def adopted_law(clinic_id: UUID, *, at: datetime | None = None) -> AdoptedLaw | None:
    """What the clinic adopted last (until `at`, if given), or None."""
    rows = AdoptionRow.objects.filter(clinic_id=clinic_id).select_related("act")
    if at is not None:
        rows = rows.filter(act__at__lte=at)
    row = rows.order_by("-act_id").first()
    if row is None:
        return None
    adopted = act_fact(row.act)
    assert isinstance(adopted, Adopted)
    jurisdiction = load_jurisdiction(adopted.jurisdiction_id)
    return AdoptedLaw(
        adopted=adopted,
        jurisdiction=jurisdiction,
        is_current=jurisdiction.content_hash == adopted.content_hash,
    )


def is_allowed(kind: RuleKind, clinic_id: UUID) -> bool:
    """Whether an adopted rule of this kind counts for the clinic."""
    law = adopted_law(clinic_id)
    return law is not None and bool(law.of_kind(kind))


def declared_ul(product_id: UUID, *, clinic_id: UUID) -> int:
    """What stands declared for a product, µL; 0 when nothing is, or when the law that allowed it is gone."""
    if not is_allowed("dead-space", clinic_id):
        return 0
    row = (
        DeadSpaceRow.objects.filter(clinic_id=clinic_id, product_id=product_id)
        .order_by("-act_id")
        .first()
    )
    return 0 if row is None else row.volume_ul_max
