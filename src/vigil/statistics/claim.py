"""The verdict of the claim "rare under supervision": counts and a pre-declared margin in, one of three words out.

The default is NOT ENOUGH EVIDENCE YET. It is left only for reasons that can be shown.
"""

from dataclasses import dataclass
from typing import Literal

from vigil.statistics.intervals import (
    CountInvalid,
    garwood,
    upper_bound_one_sided,
    years_needed,
)

ClaimVerdict = Literal["NOT ENOUGH EVIDENCE YET", "SUPPORTED", "NOT SUPPORTED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The verdict with everything it was decided from. Rates are per 100 person-years.

    `upper_per_100` is the one-sided bound; `upper_true_per_100` is that bound divided by the sensitivity of detection.
    Bounds are None without person-years. `years_missing` counts the person-years still needed if no further event is found;
    it is 0 when exposure is not what is missing.
    """

    verdict: ClaimVerdict
    reasons: tuple[str, ...]
    events: int
    person_years: float
    rate_per_100: float | None
    low_per_100: float | None
    high_per_100: float | None
    upper_per_100: float | None
    upper_true_per_100: float | None
    margin_per_100: float
    confidence: float
    years_needed: float
    years_missing: float
    ascertainment_percent: float | None


def decide_claim(
    *,
    events: int,
    person_years: float,
    ascertainment_percent: float | None,
    margin_per_100: float,
    confidence: float,
    sensitivity: float,
    ascertainment_percent_min: float,
    patient_years_min: float,
) -> Claim:
    """The verdict, with its reasons.

    NOT SUPPORTED: enough person-years for any claim, and the one-sided lower bound is above the margin.
    SUPPORTED: enough person-years, enough of the scheduled assessments done, and the upper bound divided by the
    sensitivity below the margin. Everything else is NOT ENOUGH EVIDENCE YET.

    Args:
        events: adjudicated events, 0 or more.
        person_years: observed, 0 or more.
        ascertainment_percent: share of scheduled assessments done, 0 to 100; None when none fell due.
        margin_per_100: the pre-declared margin, events per 100 person-years.
        confidence: one-sided, in (0, 1).
        sensitivity: share of true events that the programme finds, in (0, 1].
        ascertainment_percent_min: share of assessments needed.
        patient_years_min: least person-years for any claim.

    Raises:
        CountInvalid: an argument is out of range.
    """
    if person_years < 0:
        raise CountInvalid("person_years", person_years, "0 or more")
    if not 0 < sensitivity <= 1:
        raise CountInvalid("sensitivity", sensitivity, "more than 0 and at most 1")
    if ascertainment_percent is not None and not 0 <= ascertainment_percent <= 100:
        raise CountInvalid("ascertainment_percent", ascertainment_percent, "0 to 100")
    needed = max(patient_years_min, years_needed(margin_per_100 * sensitivity, events, confidence))
    bounds = _Bounds.of(events, person_years, confidence, sensitivity)
    reasons = _open_reasons(
        person_years, needed, patient_years_min, ascertainment_percent, ascertainment_percent_min,
        bounds, margin_per_100,
    )  # fmt: skip
    verdict: ClaimVerdict = "NOT ENOUGH EVIDENCE YET" if reasons else "SUPPORTED"
    if bounds.lower_one_sided is not None and bounds.lower_one_sided > margin_per_100:
        reasons = (*reasons, "rate above the margin")
        # Nothing is claimed on too little exposure, in either direction; the reason still stands in the report.
        if person_years >= patient_years_min:
            verdict = "NOT SUPPORTED"
    return Claim(
        verdict=verdict,
        reasons=reasons,
        events=events,
        person_years=person_years,
        rate_per_100=100 * events / person_years if person_years else None,
        low_per_100=bounds.low,
        high_per_100=bounds.high,
        upper_per_100=bounds.upper,
        upper_true_per_100=bounds.upper_true,
        margin_per_100=margin_per_100,
        confidence=confidence,
        years_needed=needed,
        years_missing=max(0.0, needed - person_years),
        ascertainment_percent=ascertainment_percent,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """Bounds per 100 person-years; None when there is no exposure to divide by."""

    low: float | None = None
    high: float | None = None
    upper: float | None = None
    upper_true: float | None = None
    lower_one_sided: float | None = None

    @classmethod
    def of(
        cls, events: int, person_years: float, confidence: float, sensitivity: float
    ) -> "_Bounds":
        if person_years == 0:
            return cls()
        low, high = garwood(events, person_years, confidence)
        upper = upper_bound_one_sided(events, person_years, confidence)
        # A one-sided lower bound is the lower end of the two-sided interval with twice the tail.
        lower, _ = garwood(events, person_years, max(2 * confidence - 1, 1e-9))
        return cls(
            low=100 * low,
            high=100 * high,
            upper=100 * upper,
            upper_true=100 * upper / sensitivity,
            lower_one_sided=100 * lower,
        )


def _open_reasons(
    person_years: float,
    needed: float,
    patient_years_min: float,
    ascertainment_percent: float | None,
    ascertainment_percent_min: float,
    bounds: _Bounds,
    margin_per_100: float,
) -> tuple[str, ...]:
    """Why the claim cannot be supported yet; empty when it can."""
    reasons = []
    if person_years < patient_years_min or person_years < needed:
        reasons.append("too few person-years")
    if ascertainment_percent is None or ascertainment_percent < ascertainment_percent_min:
        reasons.append("too few scheduled assessments done")
    if bounds.upper_true is None or not bounds.upper_true < margin_per_100:
        reasons.append("upper bound at or above the margin")
    return tuple(reasons)
