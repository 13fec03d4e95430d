"""Pump arithmetic for any prepared dose, dilution, pump and time, against exact fractions in mg, mL and hours."""

import math
from fractions import Fraction

from hypothesis import assume, example, given
from hypothesis import strategies as st

from vigil.kinetics.preparation import Caps, Order, Prepared, Syringe, Vial, prepare
from vigil.kinetics.pump import ClosedOut, Pump, PumpSetting, close_out, read_rate, set_pump
from vigil.session.domain.given import planned_rate_ug_per_hour
from vigil.units.refusals import Refused


@st.composite
def prepared_doses(draw) -> Prepared:
    """A drawn dose, with or without a cap on its rate."""
    answer = prepare(
        Order(drug="ketamine", ug_per_kg=draw(st.integers(50, 2_000))),
        weight_g=draw(st.integers(30_000, 200_000)),
        vial=Vial(
            drug="ketamine",
            strength_as="base",
            ug_per_ml=draw(st.sampled_from([10_000, 25_000, 50_000, 100_000])),
            content_ul=20_000,
        ),
        syringe=Syringe(step_ul=draw(st.sampled_from([10, 100]))),
        caps=Caps(
            total_ug_max=draw(st.integers(20_000, 200_000)),
            ug_per_kg_max=draw(st.integers(300, 2_000)),
            ug_per_kg_per_hour_max=draw(st.one_of(st.none(), st.integers(100, 3_000))),
        ),
    )
    assume(isinstance(answer, Prepared))
    return answer


doses = prepared_doses()
pumps = st.builds(
    Pump,
    step_ul_per_hour=st.sampled_from([10, 100, 1_000]),
    ul_per_hour_max=st.one_of(st.none(), st.integers(1_000, 100_000)),
)
times = st.integers(1, 240)
added_lines = st.one_of(st.none(), st.integers(0, 5_000))


def made_up_to(prepared: Prepared, added: int | None) -> int | None:
    """A final volume on a line of the syringe, or None for undiluted."""
    return None if added is None else prepared.drawn_ul + added * prepared.syringe.step_ul


@given(prepared=doses, pump=pumps, minutes=times, added=added_lines)
def test_the_rate_is_the_highest_step_that_time_cap_and_pump_allow(prepared, pump, minutes, added):
    """INV-KIN-38: exact in mL/h, never faster than ordered, never above the cap on mg/kg/h, never above the pump."""
    answer = set_pump(
        prepared, pump=pump, infusion_minutes=minutes, made_up_to_ul=made_up_to(prepared, added)
    )

    final_ml = Fraction(made_up_to(prepared, added) or prepared.drawn_ul, 1_000)
    dose_mg = Fraction(prepared.drawn_ug, 1_000)
    bounds = {"infusion time": final_ml / Fraction(minutes, 60)}
    if prepared.caps.ug_per_kg_per_hour_max is not None:
        mg_per_hour = Fraction(prepared.caps.ug_per_kg_per_hour_max, 1_000) * Fraction(
            prepared.weight_g, 1_000
        )
        bounds["dose rate cap"] = mg_per_hour / (dose_mg / final_ml)
    if pump.ul_per_hour_max is not None:
        bounds["pump"] = Fraction(pump.ul_per_hour_max, 1_000)
    step_ml_per_hour = Fraction(pump.step_ul_per_hour, 1_000)
    steps = math.floor(min(bounds.values()) / step_ml_per_hour)
    if steps == 0:
        assert isinstance(answer, Refused)
        assert answer.code == "KIN-RATE-ZERO"
        return
    assert isinstance(answer, PumpSetting)
    assert Fraction(answer.rate_ul_per_hour, 1_000) == steps * step_ml_per_hour
    assert type(answer.rate_ul_per_hour) is int
    assert answer.limited_by == min(bounds, key=bounds.__getitem__)
    assert answer.exact_ul_per_hour == min(bounds.values()) * 1_000
    assert answer.rounding_ul_per_hour == answer.rate_ul_per_hour - min(bounds.values()) * 1_000
    assert answer.rounding_ppm == math.floor(
        (steps * step_ml_per_hour / min(bounds.values()) - 1) * 1_000_000
    )


@given(prepared=doses, pump=pumps, minutes=times, added=added_lines)
def test_the_syringe_is_empty_exactly_when_it_says(prepared, pump, minutes, added):
    """INV-KIN-39: at the stated end all is in, a moment before not; the end is never earlier than ordered."""
    answer = set_pump(
        prepared, pump=pump, infusion_minutes=minutes, made_up_to_ul=made_up_to(prepared, added)
    )
    assume(isinstance(answer, PumpSetting))

    at_the_end = answer.given_by(answer.duration_minutes)
    just_before = answer.given_by(answer.duration_minutes - Fraction(1, 1_000_000))

    assert answer.duration_minutes >= minutes
    assert at_the_end.given_ng == prepared.drawn_ng
    assert just_before.given_ng < prepared.drawn_ng
    assert (
        answer.duration_seconds - 1
        < answer.duration_minutes * 60
        <= answer.duration_seconds
    )  # fmt: skip
    assert type(answer.duration_seconds) is int


@given(prepared=doses, pump=pumps, minutes=times, added=added_lines, moment=st.integers(0, 600))
@example(
    prepared=prepare(
        Order(drug="ketamine", ug_per_kg=500), weight_g=70_000, syringe=Syringe(step_ul=10),
        vial=Vial(drug="ketamine", strength_as="base", ug_per_ml=10_000, content_ul=20_000),
        caps=Caps(total_ug_max=100_000, ug_per_kg_max=750),
    ),
    pump=Pump(step_ul_per_hour=100), minutes=40, added=None, moment=20,
)  # fmt: skip
def test_minute_by_minute_it_is_the_running_sum(prepared, pump, minutes, added, moment):
    """INV-KIN-39: the way back from mL/h to mg, by adding up what each minute gives until the syringe is empty."""
    answer = set_pump(
        prepared, pump=pump, infusion_minutes=minutes, made_up_to_ul=made_up_to(prepared, added)
    )
    assume(isinstance(answer, PumpSetting))
    a_minute_ul = Fraction(answer.rate_ul_per_hour, 60)
    given_ul = Fraction(0)
    for _ in range(moment):
        given_ul += min(a_minute_ul, answer.infused_ul - given_ul)

    reading = answer.given_by(moment)

    assert reading.given_ul == given_ul
    assert reading.given_ng == given_ul * prepared.drawn_ng / answer.infused_ul
    assert reading.given_ug == math.floor(reading.given_ng / 1_000)
    assert type(reading.given_ug) is int
    assert reading.ug_per_kg == reading.given_ng / prepared.weight_g
    assert reading.ug_per_kg_per_hour == answer.ug_per_kg_per_hour
    assert reading.ng_per_minute == a_minute_ul * answer.ug_per_ml


@given(prepared=doses, pump=pumps, minutes=times, added=added_lines)
def test_the_session_never_finds_the_rate_too_high(prepared, pump, minutes, added):
    """The rate to set is within the highest rate that a running session accepts for this dose and time."""
    answer = set_pump(
        prepared, pump=pump, infusion_minutes=minutes, made_up_to_ul=made_up_to(prepared, added)
    )
    assume(isinstance(answer, PumpSetting))

    ug_per_hour = answer.rate_ul_per_hour * answer.ug_per_ml / 1_000

    assert ug_per_hour <= planned_rate_ug_per_hour(prepared.drawn_ug, infusion_minutes=minutes)


@given(prepared=doses, pump=pumps, minutes=times, added=st.integers(0, 5_000))
def test_dilution_changes_the_volume_and_never_the_dose(prepared, pump, minutes, added):
    """Twice the water, the same drug: what the whole syringe gives stays what was drawn."""
    diluted = set_pump(
        prepared, pump=pump, infusion_minutes=minutes, made_up_to_ul=made_up_to(prepared, added)
    )
    assume(isinstance(diluted, PumpSetting))

    assert diluted.ug_per_ml * diluted.infused_ul == prepared.drawn_ng
    assert diluted.ug_per_ml <= prepared.vial.ug_per_ml
    cap = prepared.caps.ug_per_kg_per_hour_max
    assert cap is None or diluted.ug_per_kg_per_hour <= cap


@given(prepared=doses, pump=pumps, minutes=times, added=added_lines, share=st.integers(0, 1_000))
def test_the_close_out_always_adds_up_to_what_was_drawn(prepared, pump, minutes, added, share):
    """INV-KIN-36: given + wasted = drawn in volume and in micrograms; given is within 1 ug of the exact amount."""
    setting = set_pump(
        prepared, pump=pump, infusion_minutes=minutes, made_up_to_ul=made_up_to(prepared, added)
    )
    assume(isinstance(setting, PumpSetting))
    given_ul = setting.infused_ul * share // 1_000

    closed = close_out(setting, given_ul=given_ul, wasted_ul=setting.infused_ul - given_ul)

    assert isinstance(closed, ClosedOut)
    assert closed.given_ul + closed.wasted_ul == setting.infused_ul
    assert closed.given_ug + closed.wasted_ug == closed.drawn_ug == prepared.drawn_ug
    assert 0 <= closed.given_ug <= Fraction(given_ul, setting.infused_ul) * prepared.drawn_ug
    assert closed.given_ug > Fraction(given_ul, setting.infused_ul) * prepared.drawn_ug - 1


@given(
    rate=st.integers(0, 10**6), numerator=st.integers(0, 10**4), denominator=st.integers(1, 60),
    held_ul=st.integers(1, 10**5), held_ng=st.integers(0, 10**9), weight_g=st.integers(1, 200_000),
)  # fmt: skip
def test_a_rate_reads_as_rate_times_time_but_never_more_than_was_held(
    rate, numerator, denominator, held_ul, held_ng, weight_g
):
    minutes = Fraction(numerator, denominator)

    reading = read_rate(rate, minutes=minutes, held_ul=held_ul, held_ng=held_ng, weight_g=weight_g)

    run_dry_minutes = None if rate == 0 else Fraction(held_ul) / rate * 60
    if run_dry_minutes is not None and minutes >= run_dry_minutes:
        assert (reading.given_ul, reading.given_ng) == (held_ul, held_ng)
    else:
        assert reading.given_ul == minutes / 60 * rate
        assert reading.given_ng == reading.ng_per_minute * minutes
