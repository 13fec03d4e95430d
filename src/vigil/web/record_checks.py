"""Whether the record is guarded as it should be: by rights, by a key, by places outside, by its own past.

In: the type of a check (`vigil.web.system.Check`) and, for the command line, the role that pages act as. Out: checks in plain words.
"""

import stat
from collections.abc import Iterator
from typing import Any

from vigil.people.domain.facts import Clinic
from vigil.people.queries import clinics
from vigil.record.anchors import PLACES_WANTED, guarantee, places
from vigil.record.clock import now
from vigil.record.own_heads import went_back
from vigil.record.privileges import privileges
from vigil.record.signing import KeyUnusable, key_path, own_key


def record_checks(check: type, *, role: str | None = None) -> tuple[Any, ...]:
    """Rights of the role (`role`, or the one that asks), the signing key, and for each clinic its past and its anchors."""
    found = [_role_check(check, role), _key_check(check)]
    for clinic in clinics():
        found += _clinic_checks(check, clinic)
    return tuple(found)


def _role_check(check: type, role: str | None) -> Any:
    found = privileges(role)
    if found is None:
        return check(
            name="rights on the record", is_well=False, found=f"there is no role {role}",
            next_step="Start Vigil again with `vigil up`: it makes the role.",
        )  # fmt: skip
    is_well = not found.is_superuser and not found.changeable
    told = f"{found.role} may change none of the {found.guarded} tables that are never edited"
    if not is_well:
        told = (
            f"pages act as {found.role}, which {'is a superuser' if found.is_superuser else 'owns or may change'} "
            f"{len(found.changeable)} of the {found.guarded} tables that are never edited; only triggers refuse it"
        )
    return check(
        name="rights on the record",
        is_well=is_well,
        found=told,
        next_step=""
        if is_well
        else "Let the owner of the database make roles (ALTER ROLE name CREATEROLE), then start Vigil again.",
    )


def _key_check(check: type) -> Any:
    path = key_path()
    try:
        key = own_key()
    except KeyUnusable as error:
        return check(name="signing key", is_well=False, found="unusable", next_step=str(error))
    if key is None:
        return check(
            name="signing key", is_well=False, found="missing: heads are not signed",
            next_step="`vigil up` makes one. Was there one before? Put it back from your backup.",
        )  # fmt: skip
    mode = stat.S_IMODE(path.stat().st_mode)
    return check(
        name="signing key",
        is_well=mode == 0o600,
        found=f"{path}, mode {mode:o}, public half {key.public_key}",
        next_step="" if mode == 0o600 else f"Others can read it: chmod 600 {path}",
    )


def _clinic_checks(check: type, clinic: Clinic) -> Iterator[Any]:
    lost = went_back(clinic.clinic_id)
    first = lost[0] if lost else None
    yield check(
        name="history of the record",
        is_well=first is None,
        found=f"{clinic.name}: as this machine has seen it"
        if first is None
        else f"HISTORY WENT BACK in {clinic.name}: {first.register} entry {first.seq}, sealed at {first.kept_at}, "
        + ("is another one now" if first.has_other else "is gone"),
        next_step=""
        if first is None
        else "A backup was restored? `vigil record anchor accept-loss --reason ...`. Otherwise keep everything as "
        "it is and find out who changed it.",
    )
    states = places(clinic.clinic_id, at=now())
    fresh = sum(state.is_fresh for state in states)
    # In a simulated clinic there is nothing to protect.
    is_well = fresh >= PLACES_WANTED or clinic.is_simulated
    yield check(
        name="heads outside",
        is_well=is_well,
        found=f"{clinic.name}: {guarantee(states)}",
        next_step=""
        if is_well
        else "Print the heads on the page Record when you count, and see `vigil record anchor write --help`.",
    )
