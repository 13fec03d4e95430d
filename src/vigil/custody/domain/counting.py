"""A count of the safe to one answer: what two people found, or the refusal. Pure, as `decide` is.

In: the containers as the book has them and what was counted, blind. Out: the count with its differences.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from uuid import UUID

from vigil.custody.domain.decide import DAY_NOT_OPEN, amount_text, refuse_self
from vigil.custody.domain.facts import (
    Container,
    Counted,
    CountKind,
    CountLine,
    Person,
    SeenBy,
)
from vigil.units.refusals import Refused


def decide_count(
    containers: Iterable[Container],
    *,
    kind: CountKind,
    counted_ug: Mapping[UUID, int],
    is_day_open: bool,
    seen_by: SeenBy,
    count_id: UUID,
    day: date,
    by: Person,
    witness: Person,
    at: datetime,
    estimated: frozenset[UUID] = frozenset(),
    may_estimate: bool = False,
) -> Counted | Refused:
    """Record what two people counted; a difference is an answer, not a refusal.

    Args:
        containers: every container of the clinic, as it stands.
        counted_ug: for each container counted, what was found, 0 or more.
        is_day_open: an opening count was made today and no closing count after it.
        seen_by: who was shown a container's book amount since it last moved.
        estimated: containers whose amount was judged by eye, not measured.
        may_estimate: the clinic's adopted jurisdiction lets an opened container be estimated.
    """
    held = {container.container_id: container for container in containers}
    refused = (
        refuse_self(by, witness)
        or _refuse_count_kind(kind, is_day_open)
        or _refuse_uncounted(held, kind, counted_ug)
        or _refuse_impossible(held, counted_ug)
        or _refuse_estimates(held, estimated, may_estimate)
        or _refuse_seen(held, kind, counted_ug, seen_by, by, witness)
    )
    if refused is not None:
        return refused
    lines = tuple(
        CountLine(
            container_id=container_id,
            label=container.label,
            expected_ug=container.remaining_ug,
            counted_ug=counted_ug[container_id],
            is_estimate=container_id in estimated,
        )
        for container_id, container in sorted(held.items(), key=lambda item: item[1].label)
        if container_id in counted_ug
    )
    return Counted(
        count_id=count_id, kind=kind, day=day, lines=lines, by=by, witness=witness, at=at
    )


def _refuse_count_kind(kind: CountKind, is_day_open: bool) -> Refused | None:
    if kind == "opening" and is_day_open:
        return Refused(
            code="CUS-DAY-OPENED",
            message="The day is already open. Make a spot count instead.",
        )
    if kind in ("closing", "handover") and not is_day_open:
        return DAY_NOT_OPEN
    return None


def _refuse_uncounted(
    held: Mapping[UUID, Container], kind: CountKind, counted_ug: Mapping[UUID, int]
) -> Refused | None:
    if set(counted_ug) - set(held):
        return Refused(
            code="CUS-CONTAINER-UNKNOWN",
            message="A counted container is not in this safe. Load the page again.",
        )
    # A spot count may look at one vial; opening and closing look at all that hold drug.
    due = {each for each, container in held.items() if container.remaining_ug}
    missing = due - set(counted_ug)
    if kind != "spot" and missing:
        labels = ", ".join(sorted(held[each].label for each in missing))
        return Refused(code="CUS-COUNT-INCOMPLETE", message=f"Not counted yet: {labels}.")
    if kind == "spot" and not counted_ug:
        return Refused(code="CUS-COUNT-INCOMPLETE", message="Count at least one container.")
    return None


def _refuse_impossible(
    held: Mapping[UUID, Container], counted_ug: Mapping[UUID, int]
) -> Refused | None:
    for container_id, amount_ug in counted_ug.items():
        container = held[container_id]
        if container.product.is_device and amount_ug not in (0, container.filled_ug):
            return Refused(
                code="CUS-DEVICE-WHOLE",
                message=f"{container.label} is a device: it is there or it is not. Count 1 or 0.",
            )
        if not 0 <= amount_ug <= container.filled_ug:
            return Refused(
                code="CUS-COUNT-OVER",
                message=f"{container.label} holds at most "
                f"{amount_text(container.product, container.filled_ug)}. Read it again.",
            )
    return None


def _refuse_estimates(
    held: Mapping[UUID, Container], estimated: frozenset[UUID], may_estimate: bool
) -> Refused | None:
    if not estimated:
        return None
    if not may_estimate:
        return Refused(
            code="CUS-ESTIMATE",
            message="No adopted rule of this clinic allows an estimate. Measure what is there.",
        )
    # What nobody opened is counted, not judged by eye: its content stands on its label.
    wrong = [
        held[each].label
        for each in estimated
        if each in held and (held[each].status == "sealed" or held[each].product.is_device)
    ]
    if wrong:
        return Refused(
            code="CUS-ESTIMATE",
            message=f"Only an opened vial may be estimated; not: {', '.join(sorted(wrong))}.",
        )
    return None


def _refuse_seen(
    held: Mapping[UUID, Container],
    kind: CountKind,
    counted_ug: Mapping[UUID, int],
    seen_by: SeenBy,
    by: Person,
    witness: Person,
) -> Refused | None:
    # A recount by eyes that know the answer settles nothing. Opening and closing must not wait for it:
    # the same two people may be all there are, and their count stands beside the first.
    if kind != "spot":
        return None
    pair = {by.staff_id, witness.staff_id}
    for container_id in counted_ug:
        if pair & seen_by.get(container_id, frozenset()):
            return Refused(
                code="CUS-COUNT-NOT-BLIND",
                message=f"One of you was already shown what the book says for "
                f"{held[container_id].label}. Ask two people who were not.",
            )
    return None
