"""What can be true of a session, a chair, a sample, an alarm. Frozen; read by every room above.

Values of a metric are whole thousandths (`value_milli`): 97 % is 97000, 36.6 degC is 36600, MOAA/S 5 is 5000.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from vigil.people.domain.facts import Patient

MILLI = 1_000

DEVICE_METRICS = ("hr", "pulse", "spo2", "rr", "sbp", "dbp", "map", "temp", "etco2")
RATED_METRICS = ("moaas", "dissociation", "anxiety", "nausea", "pain")
"""What a nurse rates: MOAA/S 0-5 (5 is awake), dissociation, anxiety and pain 0-10, nausea 0-3."""
METRICS = DEVICE_METRICS + RATED_METRICS

UNITS: Mapping[str, str] = {
    "hr": "/min", "pulse": "/min", "spo2": "%", "rr": "/min", "sbp": "mmHg", "dbp": "mmHg",
    "map": "mmHg", "temp": "degC", "etco2": "mmHg", "moaas": "0-5", "dissociation": "0-10",
    "anxiety": "0-10", "nausea": "0-3", "pain": "0-10",
}  # fmt: skip

KIND_METRICS: Mapping[str, tuple[str, ...]] = {
    "pressure": ("sbp", "dbp"),
    "sedation": ("moaas",),
    "dissociation": ("dissociation",),
    "oxygen": ("spo2",),
}
"""The metrics that together make one observation of each kind of duty."""

Phase = Literal["checked-in", "ready", "running", "paused", "observing", "discharged", "closed"]
"""`ready` is checked in with a draw that holds the dose; only views show it."""
Priority = Literal["high", "medium", "low"]


# --- samples -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One value as a device (or a nurse) sent it, before the store bound it to a chair and session.

    `measured_at` is the device's own time; when the device stated none, `measured_at_source` is
    "received" and `measured_at` equals `received_at`. `value_milli` is None exactly when there is no
    value, and then `quality` says how the device spelled that.
    """

    clinic_id: UUID
    location: str
    device: str
    metric: str
    value_milli: int | None
    unit: str
    quality: str = "good"
    source: Literal["device", "manual"] = "device"
    measured_at: datetime
    measured_at_source: str
    received_at: datetime
    message_id: str
    sub_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSample:
    """One stored value. `sample_id` is the server's sequence: the order in which things were known.

    quality: "good", "gated:<why>" (a value that is kept and drawn hollow but not believed) or
    "none:<spelling>" (the device's way to say that it has no value).
    """

    sample_id: int
    clinic_id: UUID
    session_id: UUID | None
    chair_id: UUID | None
    location: str
    device: str
    metric: str
    value_milli: int | None
    unit: str
    quality: str
    source: str
    measured_at: datetime
    measured_at_source: str
    received_at: datetime
    recorded_at: datetime
    message_id: str
    sub_id: str

    @property
    def value(self) -> int | None:
        """The value in its unit, rounded to nearest, to show (None when there is none)."""
        return None if self.value_milli is None else (self.value_milli + 500) // MILLI

    @property
    def is_good(self) -> bool:
        return self.quality == "good" and self.value_milli is not None


Sample = MetricSample


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSample:
    """What became of one `Incoming`, in the order in which they were handed over."""

    status: Literal["stored", "duplicate"]
    sample_id: int | None
    session_id: UUID | None
    chair_id: UUID | None
    quality: str


# --- what happened in a session ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFact:
    """One thing that happened. `fact_id` is the server's sequence; `at` is when it happened."""

    fact_id: int
    session_id: UUID
    at: datetime
    recorded_at: datetime
    by: UUID
    by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedIn(SessionFact):
    patient_id: UUID
    plan_id: UUID
    plan_hash: str
    chair_id: UUID
    chair: str
    protocol_id: str
    protocol_version: int
    protocol_hash: str
    drug: str
    route: str
    dose_ug: int
    infusion_minutes: int | None
    weight_g: int
    weighed_at: datetime
    weight_before_g: int | None
    is_weight_confirmed: bool
    sbp: int | None
    dbp: int | None
    escort_name: str
    escort_phone: str
    food_minutes: int | None
    drink_minutes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(SessionFact):
    clearance_id: UUID
    drawn_ug: int
    rate_ug_per_hour: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChanged(SessionFact):
    rate_ug_per_hour: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(SessionFact):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(SessionFact):
    rate_ug_per_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceGiven(SessionFact):
    """One nasal device, given whole."""

    draw_id: UUID
    amount_ug: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(SessionFact):
    """The drug ended. `given_from`: "rate" (integrated), "pump" (read by the nurse) or "devices"."""

    given_ug: int
    given_from: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(SessionFact):
    """A set that a nurse took; values in thousandths, by metric."""

    measured_at: datetime
    values_milli: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(SessionFact):
    """Something that happened: "anxious", "nausea", "comforted", "emergency", "note"..., in words."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discharged(SessionFact):
    answers: Mapping[str, bool | None]
    escort_name: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(SessionFact):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """What is true now: the fold of a session's facts."""

    session_id: UUID
    clinic_id: UUID
    patient_id: UUID
    plan_id: UUID
    plan_hash: str
    protocol_id: str
    chair_id: UUID
    chair: str
    phase: Phase
    drug: str
    route: str
    dose_ug: int
    infusion_minutes: int | None
    weight_g: int
    weighed_at: datetime
    checked_in_at: datetime
    started_at: datetime | None
    started_by: str | None
    stopped_at: datetime | None
    discharged_at: datetime | None
    closed_at: datetime | None
    rate_ug_per_hour: int
    drawn_ug: int
    given_ug: int
    baseline_sbp: int | None
    baseline_dbp: int | None
    escort_name: str
    escort_phone: str


# --- alarms ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    """One alarm. `value_milli` is the value (or seconds without one) that raised it.

    `condition_at`: when the condition had lasted its delay. `signal_at`: when Vigil first showed it.
    A latched alarm stays (`ended_at` set, `cleared_at` None) until its condition has ended AND a person
    has acknowledged it; an acknowledgement alone never clears it.
    """

    alarm_id: UUID
    session_id: UUID
    limit_id: str
    metric: str
    priority: Priority
    message: str
    value_milli: int | None
    condition_at: datetime
    signal_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    ended_at: datetime | None
    cleared_at: datetime | None
    is_latched: bool

    @property
    def is_active(self) -> bool:
        return self.cleared_at is None

    @property
    def value(self) -> int | None:
        return None if self.value_milli is None else (self.value_milli + 500) // MILLI


# --- views -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The newest value of a metric, however it came, with its true age.

    `value_milli` is the newest good value (None when there never was one); `quality` is that of the
    newest sample, so a number beside a quality other than "good" is an old number: show it hollow.
    `from_baseline` is the whole-unit difference from the value at check-in (pressures only).
    """

    metric: str
    value_milli: int | None
    unit: str
    quality: str
    source: str
    measured_at: datetime | None
    age_seconds: int | None
    from_baseline: int | None
    sample_id: int | None

    @property
    def value(self) -> int | None:
        return None if self.value_milli is None else (self.value_milli + 500) // MILLI


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyDue:
    """One observation that falls due. At most one open one (coming, due, late) per duty.

    `done_at` is set when state is "done"; "missed" is a past one that nobody took before the next fell
    due. `late_by_seconds` counts from `due_at` and is 0 unless the state is "late" (or it was done late).
    """

    duty_id: str
    name: str
    kind: str
    due_at: datetime
    owner: str
    state: Literal["coming", "due", "late", "done", "missed"]
    late_by_seconds: int
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """One condition of discharge. `is_met` None means unknown, and unknown is not a yes.

    `text` says what is required; `waits_for` says in plain words what is still missing ("" when met).
    `asks` is the name of the answer that the form must ask for, or "" when facts decide.
    """

    code: str
    text: str
    is_met: bool | None
    waits_for: str
    asks: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawView:
    """One draw of this session, as custody tells it (amounts in ug)."""

    draw_id: UUID
    container_label: str
    lot: str
    product: str
    form: str
    drawn_ug: int
    given_ug: int
    wasted_ug: int
    returned_ug: int
    remaining_ug: int
    drawn_by: str
    witness: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """One line of the session's story, newest last; ready to show."""

    fact_id: int
    kind: str
    text: str
    at: datetime
    by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """Everything that a screen about one session shows, from one read, at `now`."""

    session_id: UUID
    clinic_id: UUID
    patient_id: UUID
    patient: Patient
    plan_id: UUID
    protocol_id: str
    protocol_title: str
    intention: str
    chair_id: UUID
    chair: str
    device_location: str
    phase: Phase
    weight_g: int
    weighed_at: datetime
    # What is being given now, in parts: "ketamine", "IV", 51_000 (0 when paused or stopped, None for nasal).
    drug: str
    route: str
    rate_ug_per_hour: int | None
    dose_ug: int
    infusion_minutes: int | None
    given_ug: int
    drawn_ug: int
    checked_in_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    discharged_at: datetime | None
    closed_at: datetime | None
    minutes_since_start: int | None
    latest: Mapping[str, Latest]
    data_age_seconds: int | None
    is_data_silent: bool
    duties: tuple[DutyDue, ...]
    """Open duties (coming, due, late), the most pressing first."""
    duties_past: tuple[DutyDue, ...]
    next_duty: DutyDue | None
    alarms: tuple[AlarmView, ...]
    """Alarms that are not cleared: not yet seen first, then by priority, then the oldest."""
    alarms_past: tuple[AlarmView, ...]
    discharge_items: tuple[OpenItem, ...]
    is_dischargeable: bool
    draws: tuple[DrawView, ...]
    unreconciled_ug: int
    """What is still in syringes or devices of this session; it must be 0 before the session closes."""
    events: tuple[SessionEvent, ...]
    escort_name: str
    escort_phone: str
    owner: str

    @property
    def top_alarm(self) -> AlarmView | None:
        return self.alarms[0] if self.alarms else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chair:
    """A chair. `device_location` is what its monitor sends as its place (PV1-3)."""

    chair_id: UUID
    clinic_id: UUID
    name: str
    device_location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChairView:
    """One chair of the board; `session` is None when nobody sits there."""

    chair_id: UUID
    name: str
    device_location: str
    session: SessionView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """The session that is open at a chair: what a gateway needs to know."""

    session_id: UUID
    clinic_id: UUID
    chair_id: UUID
    chair: str
    device_location: str
    patient_id: UUID
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """One session of a patient's list, newest first."""

    session_id: UUID
    patient_id: UUID
    plan_id: UUID
    protocol_id: str
    chair: str
    phase: Phase
    drug: str
    route: str
    dose_ug: int
    given_ug: int
    weight_g: int
    weighed_at: datetime
    checked_in_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    discharged_at: datetime | None
    closed_at: datetime | None
