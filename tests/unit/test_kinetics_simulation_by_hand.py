"""Courses against formulas of the textbook, written out here and nowhere in the product. INV-KIN-70, INV-KIN-71."""

import math

import numpy as np
import pytest

from vigil.evidence.models import load_model
from vigil.kinetics import parse_dose, simulate
from vigil.kinetics.facts import Course, EffectSite, Source, Subject

ADULT = Subject(age_years=30, weight_kg=70)
FOREVER = np.array([0.0, 60 * 1440.0])


def course(name: str, *texts: str, times=FOREVER, subject=ADULT, **more) -> Course:
    doses = tuple(parse_dose(text) for text in texts)
    answer = simulate(load_model(name), subject, doses, np.asarray(times, dtype=float), **more)
    assert isinstance(answer, Course), answer
    return answer


def two_compartments(
    times: np.ndarray, *, ug: float, v_l: float, k10: float, k12: float, k21: float
) -> np.ndarray:
    """The sum of two exponentials after a bolus: A exp(-alpha t) + B exp(-beta t)."""
    total, product = k10 + k12 + k21, k10 * k21
    root = math.sqrt(total**2 - 4 * product)
    alpha, beta = (total + root) / 2, (total - root) / 2
    a = ug / v_l * (alpha - k21) / (alpha - beta)
    b = ug / v_l * (k21 - beta) / (alpha - beta)
    return a * np.exp(-alpha * times) + b * np.exp(-beta * times)


TWO = {
    # V1 in L/kg and rates in 1/min, as the reference prints them (section 1.1).
    "clements_1981": (1.7522, 0.0109, 0.0186, 0.0137),
    "hijazi_2003": (1.08, 0.0333, 0.0088, 0.0030),
}


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("weight", [50.0, 70.0, 95.5])
def test_a_bolus_of_a_two_compartment_model_is_two_exponentials(name: str, weight: float) -> None:
    """INV-KIN-70: volumes in L/kg, rates without weight."""
    per_kg, k10, k12, k21 = TWO[name]
    times = np.array([0.0, 1.0, 10.0, 60.0, 240.0, 1440.0])

    found = course(
        name, "10 mg iv bolus", times=times, subject=Subject(age_years=40, weight_kg=weight)
    )

    expected = two_compartments(times, ug=10_000, v_l=per_kg * weight, k10=k10, k12=k12, k21=k21)
    np.testing.assert_allclose(found.concentrations["ketamine"], expected, rtol=1e-9)
    assert found.metrics["ketamine"].cmax_ng_per_ml == pytest.approx(10_000 / (per_kg * weight))
    assert found.metrics["ketamine"].tmax_minutes == 0.0


@pytest.mark.parametrize("name", TWO)
def test_an_infusion_is_the_running_sum_of_small_boluses(name: str) -> None:
    """INV-KIN-70: the integral of the bolus course over the time since each moment of the infusion."""
    per_kg, k10, k12, k21 = TWO[name]
    times = np.array([5.0, 20.0, 40.0, 41.0, 90.0, 300.0])
    # Gauss and Legendre: exact to rounding for so smooth a course.
    nodes, weights = np.polynomial.legendre.leggauss(60)

    found = course(name, "10 mg iv over 40 min", times=times).concentrations["ketamine"]

    for time, value in zip(times, found, strict=True):
        length = min(time, 40.0)
        moments = length / 2 * (nodes + 1)
        since = time - moments
        bolus = two_compartments(since, ug=10_000 / 40, v_l=per_kg * 70, k10=k10, k12=k12, k21=k21)
        assert value == pytest.approx(float(length / 2 * weights @ bolus), rel=1e-9)


CLEARANCES_L_PER_HOUR = {
    # At 70 kg, worked by hand from the reference's section 1.1.
    "kamp_2020": 84.0,
    "otto_2021": 95.2,
    "simons_2022": 88.8,
    "domino_1982": 0.063 * 70 * 0.4381 * 60,
    "clements_1981": 1.7522 * 70 * 0.0109 * 60,
    "hijazi_2003": 1.08 * 70 * 0.0333 * 60,
}


@pytest.mark.parametrize("name", CLEARANCES_L_PER_HOUR)
@pytest.mark.parametrize("dose", ["10 mg iv bolus", "10 mg iv over 40 min"])
def test_the_whole_area_is_dose_over_clearance(name: str, dose: str) -> None:
    """INV-KIN-71: however it is given, and however many compartments there are."""
    found = course(name, dose).metrics["ketamine"]

    assert found.auc_ng_h_per_ml == pytest.approx(10_000 / CLEARANCES_L_PER_HOUR[name], rel=2e-4)


@pytest.mark.parametrize(
    ("name", "exponent"),
    [("kamp_2020", 0.75), ("otto_2021", 0.75), ("simons_2022", 0.75), ("clements_1981", 1.0), ("perez_ruixo_2021", 0.0)],
)  # fmt: skip
def test_the_area_falls_with_weight_as_the_clearance_rises(name: str, exponent: float) -> None:
    """Reference 1.6, items 1 and 6: what weight does differs between models, and each does what its paper says."""
    light = course(name, "10 mg iv bolus", subject=Subject(age_years=30, weight_kg=55))
    heavy = course(name, "10 mg iv bolus", subject=Subject(age_years=30, weight_kg=88))

    ratio = light.metrics["ketamine"].auc_ng_h_per_ml / heavy.metrics["ketamine"].auc_ng_h_per_ml

    assert ratio == pytest.approx((88 / 55) ** exponent, rel=1e-3)


def test_the_nasal_bioavailability_is_the_published_one() -> None:
    """Case V8: 62, 54 and 51 % for one, two and three devices, against the same milligrams by vein."""
    vein = course("perez_ruixo_2021", "28 mg iv bolus").metrics["ketamine"].auc_ng_h_per_ml

    shares = [
        course("perez_ruixo_2021", f"{28 * count} mg nasal").metrics["ketamine"].auc_ng_h_per_ml / (vein * count)
        for count in (1, 2, 3)
    ]  # fmt: skip

    assert shares == [pytest.approx(value, abs=0.006) for value in (0.62, 0.54, 0.51)]


def test_an_effect_site_lags_by_its_half_life() -> None:
    """After a long infusion plasma hardly moves: the effect site has covered half of the way after one half-life."""
    slow = EffectSite(
        name="ten", version=1, title="t", half_life_minutes=10.0, half_life_low=9.0, half_life_high=11.0,
        follows="arterial", effect="e", population="p", certainty="D", locator="l",
        source=Source(source_id="s", citation="c", read_as="r"),
    )  # fmt: skip
    times = np.arange(0.0, 240.0, 0.01)

    found = course("hijazi_2003", "10 mg iv bolus", times=times, effect_site=slow)

    plasma, effect = found.concentrations["ketamine"], found.concentrations["effect"]
    slope = np.gradient(effect, times)
    np.testing.assert_allclose(
        slope[1:-1], (math.log(2) / 10 * (plasma - effect))[1:-1], rtol=1e-4, atol=1e-4
    )
    top = found.metrics["effect"]
    assert top.cmax_ng_per_ml == pytest.approx(
        float(np.interp(top.tmax_minutes, times, plasma)), rel=1e-6
    ), "at its peak the effect site equals the plasma"


def test_the_effect_site_holds_the_whole_area_of_the_plasma() -> None:
    """INV-KIN-71: it takes nothing and loses nothing."""
    from vigil.evidence.models import default_effect_site

    found = course("kamp_2020", "35 mg iv over 40 min", effect_site=default_effect_site()).metrics

    assert found["effect"].auc_ng_h_per_ml == pytest.approx(found["ketamine"].auc_ng_h_per_ml, rel=1e-6)  # fmt: skip


@pytest.mark.parametrize("factor", [2, 5])
def test_twice_the_dose_is_twice_the_course(factor: int) -> None:
    """INV-KIN-70: the models are linear; nasal devices are the one exception, and have their own test."""
    one = course("simons_2022", "4 mg iv over 20 min")
    more = course("simons_2022", f"{4 * factor} mg iv over 20 min")

    for analyte, metric in one.metrics.items():
        assert more.metrics[analyte].cmax_ng_per_ml == pytest.approx(factor * metric.cmax_ng_per_ml)
        assert more.metrics[analyte].auc_ng_h_per_ml == pytest.approx(factor * metric.auc_ng_h_per_ml)  # fmt: skip
        assert more.metrics[analyte].tmax_minutes == pytest.approx(metric.tmax_minutes, rel=1e-6)
