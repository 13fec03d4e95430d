"""What is believed about blood pressure before a person's own readings, as frozen facts.

In: values that a loader checked. Out: what `individual` starts from. A prior that nobody signed is not enabled.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from vigil.kinetics.facts import Drug, Site, Source

PriorCertainty = Literal["R", "r", "D", "K"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorValue:
    """One number of a prior, with where it comes from and how sure that is.

    Where it differs between people, `value` is the middle of a log-normal, and its width is either `cv` (the coefficient of
    variation) or `low` and `high`, believed to hold `share` of people.
    """

    name: str
    value: float
    unit: str
    certainty: PriorCertainty
    source: str
    locator: str
    cv: float | None = None
    low: float | None = None
    high: float | None = None
    share: float | None = None

    @property
    def log_variance(self) -> float:
        """Variance of the logarithm between people.

        Raises:
            ValueError: the number says of no width; the loader refuses that where a width is needed.
        """
        if self.cv is not None:
            return math.log(1.0 + self.cv**2)
        if self.low is None or self.high is None or self.share is None:
            raise ValueError(f"{self.name} says neither cv nor low, high and share.")
        reach = NormalDist().inv_cdf((1.0 + self.share) / 2.0)
        return (math.log(self.high / self.low) / (2.0 * reach)) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PressurePrior:
    """How systolic pressure answers a concentration: systolic = baseline + day + slope * effect-site concentration.

    `baseline` (mmHg), `slope` (mmHg per ng/mL), `half_life` (min, of the effect site) differ between people log-normally;
    `day_sd` (mmHg) is how one person's baseline differs between days, `reading_sd` (mmHg) one reading about its course.
    `site` and `drug`: of the concentration that the slope speaks of. `is_enabled`: a named person signed it.
    """

    name: str
    version: int
    title: str
    drug: Drug
    site: Site
    is_enabled: bool
    basis: str
    baseline: PriorValue
    slope: PriorValue
    half_life: PriorValue
    day_sd: PriorValue
    reading_sd: PriorValue
    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()
    content_hash: str = ""
