"""Whether the system is well: for a machine at /healthz, for people at /status and in `vigil doctor`.

In: the database's own answers and the beats of the processes. Out: JSON, a page, and frozen checks.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from vigil.people.queries import clinics
from vigil.record.clock import clock_offset, is_test_clock, now
from vigil.record.durability import durability, server_version
from vigil.record.heartbeat import beat_age_seconds
from vigil.record.sealing import Sealing, sealing
from vigil.web.record_checks import record_checks

BEAT_SECONDS_MAX = 5.0
"""A process that said nothing for this long counts as silent; each beats at least once a second."""

SEAL_SECONDS_MAX = 2.0
"""An entry is sealed within a second (decision 0007); twice that is late."""

SERVER_MAJOR_MIN = 15
"""Oldest PostgreSQL whose features the tables use."""

app_name = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `next_step` is empty when all is well."""

    name: str
    is_well: bool
    found: str
    next_step: str = ""


def checks(*, role: str | None = None) -> tuple[Check, ...]:
    """What the database and the processes say of themselves; `role`: the one that pages act as, if not this one."""
    try:
        return (
            *_database_checks(),
            _seal_check(sealing()),
            *record_checks(Check, role=role),
            *_process_checks(),
            _clock_check(),
        )
    except DatabaseError as error:
        down = Check(
            name="database",
            is_well=False,
            found=f"does not answer ({type(error).__name__})",
            next_step="The supervisor starts it again by itself. If it stays away, see logs/.",
        )
        return (down, *_process_checks())


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """Answers 200 while the database answers, 503 when it does not. No sign-in, no clinic's facts."""
    body: dict[str, object] = {
        "gateway_beat_age_seconds": _rounded(beat_age_seconds("gateway")),
        "worker_beat_age_seconds": _rounded(beat_age_seconds("worker")),
    }
    try:
        state, at = sealing(), now()
    except DatabaseError:
        return JsonResponse({"status": "down", "database": "down"} | body, status=503)
    newest = state.newest_seal_at
    body |= {
        "newest_seal_age_seconds": _rounded((at - newest).total_seconds() if newest else None),
        "unsealed_seconds": _rounded(state.waiting_seconds(at)),
        "database": "ok",
    }
    is_well = _seal_check(state).is_well and all(check.is_well for check in _process_checks())
    return JsonResponse({"status": "ok" if is_well else "degraded"} | body)


@require_safe
@never_cache
def status(request: HttpRequest) -> HttpResponse:
    """The checks as a page, what needs somebody first."""
    found = sorted(checks(), key=lambda check: check.is_well)
    troubled = sum(not check.is_well for check in found)
    return render(request, "system/status.html", {"checks": found, "troubled": troubled})


def as_json(check: Check) -> dict[str, object]:
    """The check as plain values."""
    return asdict(check)


def _database_checks() -> tuple[Check, ...]:
    version, guards = server_version(), durability()
    is_recent = int(version.split(".")[0]) >= SERVER_MAJOR_MIN
    off = [name for name, value in guards.items() if value == "off"]
    return (
        Check(
            name="database",
            is_well=is_recent,
            found=f"PostgreSQL {version}",
            next_step="" if is_recent else f"Use PostgreSQL {SERVER_MAJOR_MIN} or newer.",
        ),
        Check(
            name="durability",
            is_well=not off,
            found=", ".join(f"{name} {value}" for name, value in guards.items()),
            next_step=f"Turn on {', '.join(off)} in the server's configuration." if off else "",
        ),
    )


def _seal_check(state: Sealing) -> Check:
    waiting = state.waiting_seconds(now())
    is_well = waiting <= SEAL_SECONDS_MAX
    return Check(
        name="sealing of the record",
        is_well=is_well,
        found="nothing waits" if not waiting else f"oldest entry waits {waiting:.1f} s",
        next_step="" if is_well else "Is the worker running? Nothing is lost; entries wait for it.",
    )


def _process_checks() -> tuple[Check, ...]:
    return tuple(_beat_check(process) for process in ("worker", "gateway"))


def _beat_check(process: str) -> Check:
    age = beat_age_seconds(process)
    is_well = age is not None and age <= BEAT_SECONDS_MAX
    return Check(
        name=process,
        is_well=is_well,
        found="no sign of life yet" if age is None else f"last sign of life {age:.1f} s ago",
        next_step="" if is_well else f"Is Vigil running? Otherwise see logs/{process}.log.",
    )


def _clock_check() -> Check:
    if not is_test_clock():
        return Check(name="clock", is_well=True, found="the machine's own")
    is_simulated = all(clinic.is_simulated for clinic in clinics())
    return Check(
        name="clock",
        is_well=is_simulated,
        found=f"test clock, {clock_offset() / timedelta(hours=1):+.1f} h",
        next_step=""
        if is_simulated
        else "A real clinic needs the real time: unset VIGIL_TEST_CLOCK.",
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


urlpatterns = [
    path("healthz", health, name="health"),
    path("status", status, name="status"),
]
