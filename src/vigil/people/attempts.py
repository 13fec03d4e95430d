"""Slows down guessing of passwords: counted in the database, so it holds over all processes.

In: who is guessed at, and from where. Out: an attempt to take back when it succeeds, or the refusal with the wait.
The window is short: a stranger who guesses can keep a person out for no longer than they go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from vigil.people.models import SignInAttempt
from vigil.record.clock import machine_now
from vigil.units.durations import elapsed
from vigil.units.refusals import Refused

WINDOW = timedelta(minutes=1)
"""How long a wrong password counts, and so the longest wait."""

WRONG_PER_LOGIN_MAX = 10
"""Wrong passwords for one login in the window: a person mistypes three times, a guesser does not stop."""

WRONG_PER_SOURCE_MAX = 30
"""From one address, or by one performer at witnesses: a whole clinic may sit behind one address."""

PRUNED_AT_ONCE_MAX = 500
"""Old attempts removed by one attempt: more than one attempt adds, and never a long delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A password that is being tried. Counted as wrong until `succeeded`."""

    row_ids: tuple[int, ...]


def begin(*, login: str, source: str) -> Attempt | Refused:
    """Count an attempt before the password is looked at, or refuse it with the wait.

    Counting first means that a hundred guesses sent at once are a hundred counted. A refused attempt
    is not counted: waiting is never made longer by trying.
    """
    limits = {_scope("login", login): WRONG_PER_LOGIN_MAX}
    limits |= {_scope("source", source): WRONG_PER_SOURCE_MAX}
    with transaction.atomic():
        _stand_in_line(limits)
        at = machine_now()
        _prune(at)
        if (wait := _wait_seconds(limits, at)) is not None:
            return Refused(
                code="PEO-WAIT",
                message=f"Too many wrong passwords. Wait {wait} seconds, then try again.",
            )
        rows = SignInAttempt.objects.bulk_create(
            [SignInAttempt(scope=scope, at=at) for scope in limits]
        )
    return Attempt(row_ids=tuple(row.pk for row in rows))


def succeeded(attempt: Attempt) -> None:
    """Take the attempt back: only wrong passwords count."""
    SignInAttempt.objects.filter(pk__in=attempt.row_ids).delete()


def _scope(kind: str, value: str) -> str:
    return salted_hmac("vigil.people.attempts", f"{kind}:{value}", algorithm="sha256").hexdigest()


def _stand_in_line(limits: Mapping[str, int]) -> None:
    """One attempt on a login at a time, so that each sees those before it. In one order: no deadlock."""
    with connection.cursor() as cursor:
        for scope in sorted(limits):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [scope])


def _wait_seconds(limits: Mapping[str, int], at: datetime) -> int | None:
    """Whole seconds until every limit lets one more attempt in, or None when all do now."""
    waits = []
    for scope, most in limits.items():
        counted = SignInAttempt.objects.filter(scope=scope, at__gt=at - WINDOW).order_by("-at")
        times = list(counted.values_list("at", flat=True)[:most])
        if len(times) == most:
            left = WINDOW - elapsed(times[-1], at)
            waits.append(max(ceil(left.total_seconds()), 1))
    return max(waits, default=None)


def _prune(at: datetime) -> None:
    """Forget what no longer counts, whoever it was; rows that another attempt is removing are skipped."""
    old = SignInAttempt.objects.filter(at__lte=at - WINDOW).select_for_update(skip_locked=True)
    ids = list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE_MAX])
    SignInAttempt.objects.filter(pk__in=ids).delete()
