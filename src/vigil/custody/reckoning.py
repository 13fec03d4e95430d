"""Actions that put the book right or say what it cannot explain: correct, declare a loss, close a discrepancy, adopt
the law of a place. Each is one transaction, as in `actions`, which is the door that other rooms use.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from vigil.custody import queries
from vigil.custody.acts import (
    locked_container,
    locked_draw,
    once,
    once_witnessed,
    person,
)
from vigil.custody.domain.correcting import Since, booked_of, decide_correct, since_of
from vigil.custody.domain.deeds import Adopted, Closed, ClosedBy, Corrected, Lost
from vigil.custody.domain.differences import decide_close, decide_lose
from vigil.custody.domain.facts import Act, Container, Counted, Discrepancy, Draw, Person
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Correction as CorrectionRow
from vigil.custody.models import Count as CountRow
from vigil.custody.models import Discrepancy as DiscrepancyRow
from vigil.custody.models import Loss as LossRow
from vigil.custody.models import Movement as MovementRow
from vigil.custody.rows import act_fact
from vigil.evidence.invalid import EvidenceMissing
from vigil.evidence.jurisdictions import load_jurisdiction
from vigil.people.actions import confirm_self, lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.clock import new_id
from vigil.units.refusals import Refused


def correct(
    *,
    act_id: UUID,
    is_ug: int,
    reason: str,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
    container_id: UUID | None = None,
) -> Corrected | Refused:
    """Put the amount of one act right by a new pair of movements, by two people (RECONCILE, PREPARE or GIVE).

    Args:
        act_id: the act, or the newest correction of it.
        is_ug: the right amount; 0 when nothing moved at all.
        container_id: which container, for a delivery or a dispatch of several.
    """
    if (refused := lacks_duty(by, Duty.RECONCILE, Duty.PREPARE, Duty.GIVE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        row = ActRow.objects.filter(act_id=act_id, clinic_id=by.clinic_id).first()
        if row is None:
            return Refused(code="CUS-ACT-UNKNOWN", message="There is no such act here.")
        booked = booked_of(act_fact(row), act_id=act_id, container_id=container_id)
        if isinstance(booked, Refused):
            return booked
        container = locked_container(booked.container_id, by)
        if isinstance(container, Refused):
            return container
        drawn = None if booked.draw_id is None else locked_draw(booked.draw_id, by)
        if isinstance(drawn, Refused):
            return drawn
        return decide_correct(
            booked,
            is_ug=is_ug,
            is_corrected_already=CorrectionRow.objects.filter(
                corrects=row, container_id=booked.container_id
            ).exists(),
            container=container,
            draw=drawn,
            source_since=_since(booked.source, container, drawn, row),
            target_since=_since(booked.target, container, drawn, row),
            reason=reason,
            correction_id=new_id(),
            by=person(by),
            witness=witness,
            at=at,
        )

    asked = ("correct", act_id, is_ug, reason, witness_login, container_id)
    return once_witnessed(Corrected, asked, choose, witness_login, witness_password, by=by, key=key)


def declare_loss(
    *,
    amount_ug: int,
    reason: str,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
    discrepancy_id: UUID | None = None,
    draw_id: UUID | None = None,
) -> Lost | Refused:
    """Move a confirmed shortage to loss under investigation, by two people (RECONCILE).

    Name the discrepancy that a count opened on a container, or the draw that is gone; exactly one.
    """
    assert (discrepancy_id is None) != (draw_id is None), "a loss names a discrepancy or a draw"
    if (refused := lacks_duty(by, Duty.RECONCILE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        found: Discrepancy | None = None
        holder: Container | Draw | Refused
        if draw_id is not None:
            holder = locked_draw(draw_id, by)
        else:
            assert discrepancy_id is not None
            if _locked_discrepancy(discrepancy_id, by) is None:
                return _NO_DISCREPANCY
            found = queries.discrepancy(discrepancy_id, clinic_id=by.clinic_id)
            assert found is not None
            holder = locked_container(found.container_id, by)
        if isinstance(holder, Refused):
            return holder
        return decide_lose(
            holder,
            amount_ug=amount_ug,
            discrepancy=found,
            already_ug=_lost_ug(discrepancy_id),
            reason=reason,
            loss_id=new_id(),
            by=person(by),
            witness=witness,
            at=at,
        )

    asked = ("lose", discrepancy_id, draw_id, amount_ug, reason, witness_login)
    return once_witnessed(Lost, asked, choose, witness_login, witness_password, by=by, key=key)


def close_discrepancy(
    *,
    discrepancy_id: UUID,
    how: ClosedBy,
    references: Sequence[UUID],
    note: str,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Closed | Refused:
    """Close a discrepancy with what explains all of it, by two people (RECONCILE).

    Args:
        how: `correction` (references: correction ids), `counting-error` (one count id), `loss` (loss ids).
    """
    if (refused := lacks_duty(by, Duty.RECONCILE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        row = _locked_discrepancy(discrepancy_id, by)
        if row is None:
            return _NO_DISCREPANCY
        found = queries.discrepancy(discrepancy_id, clinic_id=by.clinic_id)
        assert found is not None
        count_act = row.line.count.act
        return decide_close(
            found,
            how=how,
            references=references,
            corrections=_corrections(references, before=count_act),
            recount=_recount(references, after=count_act),
            first_pair=frozenset({count_act.by_id, count_act.witness_id}),
            losses=_losses(references, discrepancy_id),
            note=note,
            closing_id=new_id(),
            by=person(by),
            witness=witness,
            at=at,
        )

    asked = ("close", discrepancy_id, how, tuple(references), note, witness_login)
    return once_witnessed(Closed, asked, choose, witness_login, witness_password, by=by, key=key)


def adopt_jurisdiction(
    *,
    jurisdiction_id: str,
    content_hash: str,
    signed_off: Sequence[str],
    password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Adopted | Refused:
    """Take the exact file that the person read as the clinic's law, signing off unconfirmed rules by their names.

    RECONCILE or ADMINISTER; `password` is the person's own, typed now.
    """
    if (refused := lacks_duty(by, Duty.RECONCILE, Duty.ADMINISTER)) is not None:
        return refused
    if (refused := confirm_self(password=password, by=by)) is not None:
        return refused
    try:
        jurisdiction = load_jurisdiction(jurisdiction_id)
    except EvidenceMissing:
        return Refused(code="CUS-LAW-UNKNOWN", message="Choose a jurisdiction from the list.")
    if content_hash != jurisdiction.content_hash:
        return Refused(
            code="CUS-LAW-CHANGED",
            message="The file changed while you were reading it. Read it again, then adopt it.",
        )
    unknown = set(signed_off) - {rule.name for rule in jurisdiction.unconfirmed()}
    if unknown:
        return Refused(
            code="CUS-LAW-RULE",
            message=f"Nothing to sign off under: {', '.join(sorted(unknown))}.",
        )

    def choose() -> Act | Refused:
        return Adopted(
            adoption_id=new_id(),
            jurisdiction_id=jurisdiction_id,
            version=jurisdiction.version,
            content_hash=content_hash,
            signed_off=tuple(sorted(set(signed_off))),
            by=person(by),
            at=at,
        )

    asked = ("adopt", jurisdiction_id, content_hash, tuple(sorted(set(signed_off))))
    return once(Adopted, asked, choose, by=by, key=key)


_NO_DISCREPANCY = Refused(
    code="CUS-DISCREPANCY-UNKNOWN", message="There is no such discrepancy here."
)


def _locked_discrepancy(discrepancy_id: UUID, by: Staff) -> DiscrepancyRow | None:
    """The clinic's discrepancy, locked: one closes it or declares a loss for it at a time."""
    return (
        DiscrepancyRow.objects.filter(id=discrepancy_id, clinic_id=by.clinic_id)
        .select_for_update(no_key=True, of=("self",))
        .select_related("line__count__act")
        .first()
    )


def _since(side: str, container: Container, drawn: Draw | None, act: ActRow) -> Since | None:
    """How the balance of one side stood after the act and since; None for what lies outside the clinic."""
    if side == "container":
        account_id, limit_ug = container.container_id, container.filled_ug
    elif side == "draw":
        assert drawn is not None
        account_id, limit_ug = drawn.draw_id, None
    else:
        return None
    moved = MovementRow.objects.filter(Q(source_id=account_id) | Q(target_id=account_id))
    changes: dict[int, int] = {}
    for act_row_id, source_id, ug in moved.order_by("act_id").values_list(
        "act_id", "source_id", "ug"
    ):
        changes[act_row_id] = changes.get(act_row_id, 0) + (-ug if source_id == account_id else ug)
    start_ug = sum(ug for each, ug in changes.items() if each <= act.id)
    return since_of(
        (ug for each, ug in changes.items() if each > act.id), start_ug=start_ug, limit_ug=limit_ug
    )


def _lost_ug(discrepancy_id: UUID | None) -> int:
    """What of a discrepancy was declared lost and not found again, µg."""
    if discrepancy_id is None:
        return 0
    rows = LossRow.objects.filter(discrepancy_id=discrepancy_id)
    return sum(_effective_ug(row) for row in rows)


def _effective_ug(row: LossRow) -> int:
    """What a loss says after its corrections, µg."""
    ug, act_row_id = row.amount_ug, row.act_id
    while (newer := CorrectionRow.objects.filter(corrects_id=act_row_id).first()) is not None:
        ug, act_row_id = newer.is_ug, newer.act_id
    return ug


def _corrections(references: Sequence[UUID], *, before: ActRow) -> list[Corrected]:
    """The corrections with these ids that put an act before the count right, booked after the count.

    One booked before it is in the book that was counted against: it explains nothing.
    """
    rows = CorrectionRow.objects.filter(
        id__in=references, clinic_id=before.clinic_id, act_id__gt=before.id
    ).select_related("act")
    acts = [act_fact(row.act) for row in rows if _root_id(row) < before.id]
    return [act for act in acts if isinstance(act, Corrected)]


def _root_id(row: CorrectionRow) -> int:
    """The row id of the first act in a chain of corrections."""
    while (earlier := CorrectionRow.objects.filter(act_id=row.corrects_id).first()) is not None:
        row = earlier
    return int(row.corrects_id)


def _recount(references: Sequence[UUID], *, after: ActRow) -> Counted | None:
    row = (
        CountRow.objects.filter(id__in=references, clinic_id=after.clinic_id, act_id__gt=after.id)
        .select_related("act")
        .first()
    )
    counted = None if row is None else act_fact(row.act)
    assert counted is None or isinstance(counted, Counted)
    return counted


def _losses(references: Sequence[UUID], discrepancy_id: UUID) -> list[Lost]:
    """The losses with these ids that were declared for this discrepancy, as corrected since."""
    rows = LossRow.objects.filter(id__in=references, discrepancy_id=discrepancy_id).select_related(
        "act"
    )
    found: list[Lost] = []
    for row in rows:
        act = act_fact(row.act)
        assert isinstance(act, Lost)
        found.append(replace(act, amount_ug=_effective_ug(row)))
    return found
