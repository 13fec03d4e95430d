"""The claim report as shapes: how much was watched against how much is needed, and how high the rate may be.

In: a claim report. Out: numbers of two SVGs that a template draws without any script.
"""

from dataclasses import dataclass

from vigil.surveillance.domain.facts import ClaimReport

LEFT, RIGHT = 20, 976
ROW = 44
SHOWN = (0, 1, 3, 4)
"""Scenarios that are drawn, by their place in the report: as seen, unnoticed, unseen at 2 and 5 times."""

AXIS_MARGINS = 4
"""The axis ends at four times the margin; what is beyond runs off the edge, and says where it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One bar: how high the rate may be under one assumption."""

    y: int
    text_y: int
    x_end: int
    label: str
    upper: str
    is_beyond: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    bars: tuple[Bound, ...]
    ticks: tuple[Tick, ...]
    margin_x: int
    height: int
    axis_y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Patient-years watched, on a line to what is needed."""

    have_x: int
    seen_x: int
    needed_x: int
    is_sliver: bool


def per_100(value: float) -> str:
    """A rate to read: two decimals below 10, one below 100, none above."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def draw_bounds(report: ClaimReport) -> Bounds | None:
    """The bars, or None while there is no patient-time to draw."""
    drawn = [report.scenarios[place] for place in SHOWN]
    # Without anyone unseen these bars would only repeat the first one.
    drawn = drawn if report.unseen_seconds else drawn[:2]
    if any(one.upper_per_100 is None for one in drawn):
        return None
    margin = report.claim.margin_per_100
    end = AXIS_MARGINS * margin

    def at_x(rate: float) -> int:
        return round(LEFT + min(rate, end) / end * (RIGHT - LEFT))

    bars = tuple(
        Bound(
            y=60 + place * ROW,
            text_y=52 + place * ROW,
            x_end=at_x(one.upper_per_100),
            label=one.name,
            upper=per_100(one.upper_per_100),
            is_beyond=one.upper_per_100 > end,
        )
        for place, one in enumerate(drawn)
    )
    bottom = 60 + len(bars) * ROW - 20
    return Bounds(
        bars=bars,
        ticks=tuple(
            Tick(x=at_x(margin * step), label=f"{margin * step:g}")
            for step in range(AXIS_MARGINS + 1)
        ),
        margin_x=at_x(margin),
        height=bottom + 42,
        axis_y=bottom,
    )


def draw_evidence(report: ClaimReport) -> Evidence:
    """The line of patient-years, from none to what the declared rule needs."""
    whole = max(report.claim.years_needed, report.claim.person_years) * 1.04

    def at_x(years: float) -> int:
        return round(LEFT + years / whole * (RIGHT - LEFT))

    have = at_x(report.claim.person_years)
    return Evidence(
        have_x=max(have, LEFT + 3 if report.claim.person_years else LEFT),
        seen_x=at_x(report.years_needed_as_seen),
        needed_x=at_x(report.claim.years_needed),
        is_sliver=have - LEFT < 12,
    )
