"""The permission to start one dose, as the programme room hands it down. Frozen."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """The gate was whole at this moment for this session, this signed plan and this dose."""

    clearance_id: UUID
    session_id: UUID
    plan_id: UUID
    plan_hash: str
    protocol_hash: str
    dose_ug: int
    weight_g: int
    items: tuple[str, ...]
    given_at: datetime
    given_by: UUID
