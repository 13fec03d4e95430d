"""What is believed before a person's own data, from files: pressure prior, effect levels, published readiness.

In: `data/priors/NAME.toml` and the checksums beside them. Out: frozen facts of the kinetics room, each value with source and
certainty. Standard library only, like the models.

A number of certainty "K" stands on nobody's reading of a source: a prior that holds one ships disabled, and the loader
refuses a file that says otherwise.
"""

import tomllib
from functools import cache
from importlib import resources
from typing import TypeVar

from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing, content_hash
from vigil.evidence.models import verify_checksum
from vigil.evidence.strict import fill
from vigil.kinetics.pressure_prior import PressurePrior, PriorValue
from vigil.kinetics.readiness import EffectLevel, ReadinessAnchors

T = TypeVar("T")

_FOLDER = "priors"
_MARKS = ("R", "r", "D", "K")


def prior_names() -> tuple[str, ...]:
    """The names of every file of this folder, sorted."""
    here = resources.files("vigil.evidence") / "data" / _FOLDER
    return tuple(sorted(f.name[:-5] for f in here.iterdir() if f.name.endswith(".toml")))


@cache
def load_pressure_prior(name: str) -> PressurePrior:
    """A prior of blood pressure, checked. It is off while `is_enabled` is false.

    Raises:
        EvidenceMissing: there is none of that name.
        EvidenceInvalid: its file is not sound, or is not the one that was checked.
    """
    return parse_pressure_prior(_checked_bytes(name), file=f"{name}.toml")


@cache
def load_effect_level(name: str) -> EffectLevel:
    """A published concentration of an effect, checked. Raises as `load_pressure_prior`."""
    return parse_effect_level(_checked_bytes(name), file=f"{name}.toml")


@cache
def load_readiness(name: str) -> ReadinessAnchors:
    """Published shares of patients ready to leave, checked. Raises as `load_pressure_prior`."""
    return parse_readiness(_checked_bytes(name), file=f"{name}.toml")


def parse_pressure_prior(content: bytes, *, file: str) -> PressurePrior:
    """The prior that a file's bytes say.

    Raises:
        EvidenceInvalid: not TOML, a field wrong, no width where people differ, or enabled with a value of certainty K.
    """
    prior = _filled(content, PressurePrior, file)
    known = [source.source_id for source in prior.sources]
    values = (prior.baseline, prior.slope, prior.half_life, prior.day_sd, prior.reading_sd)
    for value in values:
        field = f"$.{value.name}"
        _expect(value.value > 0, file, f"{field}.value", value.value, "more than 0")
        _expect(value.source in known, file, f"{field}.source", value.source, "a listed source")
    for name, value in zip(("baseline", "slope", "half_life"), values, strict=False):
        _check_width(value, f"$.{name}", file)
    unconfirmed = [value.name for value in values if value.certainty == "K"]
    _expect(
        not (prior.is_enabled and unconfirmed),
        file,
        "$.is_enabled",
        prior.is_enabled,
        f"false while {', '.join(unconfirmed)} is of certainty K",
    )
    return prior


def parse_effect_level(content: bytes, *, file: str) -> EffectLevel:
    """The level that a file's bytes say.

    Raises:
        EvidenceInvalid: a field wrong, or the level outside its own interval.
    """
    level = _filled(content, EffectLevel, file)
    _expect(level.certainty in _MARKS, file, "$.certainty", level.certainty, "R, r, D or K")
    _expect(
        0 < level.low_ng_per_ml <= level.ng_per_ml <= level.high_ng_per_ml,
        file,
        "$.ng_per_ml",
        level.ng_per_ml,
        "more than 0 and inside its own interval",
    )
    return level


def parse_readiness(content: bytes, *, file: str) -> ReadinessAnchors:
    """The shares that a file's bytes say.

    Raises:
        EvidenceInvalid: a field wrong, a share outside 0 to 1, or shares that fall as time passes.
    """
    anchors = _filled(content, ReadinessAnchors, file)
    known = [source.source_id for source in anchors.sources]
    last_minutes, last_low = 0.0, 0.0
    for index, share in enumerate(anchors.shares):
        field = f"$.shares[{index}]"
        _expect(share.certainty in _MARKS, file, f"{field}.certainty", share.certainty, "a mark")
        _expect(share.source in known, file, f"{field}.source", share.source, "a listed source")
        _expect(
            share.minutes > last_minutes, file, f"{field}.minutes", share.minutes, "rising minutes"
        )
        _expect(
            last_low <= share.low <= share.high <= 1,
            file,
            f"{field}.low",
            share.low,
            f"from {last_low:g} to its high, which is at most 1",
        )
        last_minutes, last_low = share.minutes, share.low
    return anchors


def _check_width(value: PriorValue, field: str, file: str) -> None:
    try:
        width = value.log_variance
    except ValueError as error:
        raise EvidenceInvalid(file=file, field=field, value=value.cv, limit=str(error)) from error
    _expect(width > 0, file, field, width, "a width of more than 0")


def _expect(is_sound: bool, file: str, field: str, value: object, limit: str) -> None:
    if not is_sound:
        raise EvidenceInvalid(file=file, field=field, value=value, limit=limit)


def _filled(content: bytes, into: type[T], file: str) -> T:
    try:
        tree = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvidenceInvalid(file=file, field="$", value="text", limit=str(error)) from error
    return fill({**tree, "content_hash": content_hash(content)}, into, file=file)


def _checked_bytes(name: str) -> bytes:
    """The bytes of one file, if they are those whose checksum was written down."""
    known = prior_names()
    if name not in known:
        raise EvidenceMissing(folder=_FOLDER, name=name, known=known)
    here = resources.files("vigil.evidence") / "data" / _FOLDER
    content = (here / f"{name}.toml").read_bytes()
    sums: dict[str, str] = {}
    for line in (here / "SHA256SUMS").read_text(encoding="ascii").splitlines():
        digest, _, file_name = line.partition("  ")
        sums[file_name] = digest
    verify_checksum(content, sums.get(f"{name}.toml", ""), file=f"{name}.toml")
    return content
