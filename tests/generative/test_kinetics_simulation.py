"""Laws that every course keeps, for every model: no mass from nothing, doses add, order does not count. INV-KIN-70."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vigil.evidence.models import load_model, model_names
from vigil.kinetics import simulate
from vigil.kinetics.facts import Course, Dose, Model, Subject

MODELS = st.sampled_from(model_names()).map(load_model)
TIMES = np.linspace(0.0, 2880.0, 49)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Model, Subject, tuple[Dose, ...]]:
    """A model, a person and one to three doses inside its box, small enough for one day."""
    model = draw(MODELS)
    box = model.box
    weight = draw(st.floats(box.weight_kg_min, box.weight_kg_max))
    doses = []
    for _ in range(draw(st.integers(1, 3))):
        limit = draw(st.sampled_from(box.doses))
        route = next(r for r in model.routes if r.route == limit.route)
        step = route.device_ug or 1
        most = min(limit.dose_ug_max, limit.day_ug_max // 3)
        if limit.dose_ug_per_kg_max is not None:
            most = min(most, int(limit.dose_ug_per_kg_max * weight * (1 - 1e-9)))
        count = draw(st.integers(-(-limit.dose_ug_min // step), max(most // step, -(-limit.dose_ug_min // step))))  # fmt: skip
        longest = min(limit.duration_minutes_max or 60.0, 60.0)
        doses.append(
            Dose(
                amount_ug=count * step,
                route=limit.route,
                start_minutes=float(draw(st.integers(0, 1000))),
                duration_minutes=draw(st.none() | st.integers(1, int(longest)).map(float))
                if limit.route == "iv"
                else None,
            )
        )
    age = draw(st.floats(box.age_years_min, box.age_years_max))
    return model, Subject(age_years=age, weight_kg=weight), tuple(doses)


def course(model: Model, subject: Subject, doses: tuple[Dose, ...]) -> Course:
    answer = simulate(model, subject, doses, TIMES, purpose="research")
    assert isinstance(answer, Course), answer
    return answer


@given(case=cases())
@settings(deadline=None)
def test_no_course_is_negative_infinite_or_no_number(case) -> None:
    """INV-KIN-70: for anybody inside a box there is a number, 0 or more."""
    found = course(*case)

    for analyte, values in found.concentrations.items():
        peak = found.metrics[analyte].cmax_ng_per_ml
        assert np.isfinite(values).all()
        assert (values >= -1e-9 * max(peak, 1e-9)).all()
        assert values.max() <= peak * (1 + 1e-9)
        assert 0 <= found.metrics[analyte].tmax_minutes <= TIMES[-1]
        assert found.metrics[analyte].auc_ng_h_per_ml <= peak * TIMES[-1] / 60 * (1 + 1e-9)


@given(case=cases())
@settings(deadline=None)
def test_before_the_first_dose_there_is_nothing(case) -> None:
    """INV-KIN-70: no drug comes from nowhere."""
    found = course(*case)
    first = min(dose.start_minutes for dose in case[2])

    for values in found.concentrations.values():
        assert not values[first > TIMES].any()


@given(case=cases())
@settings(deadline=None)
def test_doses_by_vein_and_mouth_add(case) -> None:
    """INV-KIN-70: the model is linear; only later devices of one nasal sitting are taken up differently."""
    model, subject, doses = case
    doses = tuple(dose for dose in doses if dose.route != "nasal")
    assume(doses)
    together = course(model, subject, doses)
    apart = [course(model, subject, (dose,)) for dose in doses]

    for analyte, values in together.concentrations.items():
        total = sum(one.concentrations[analyte] for one in apart)
        np.testing.assert_allclose(values, total, rtol=1e-7, atol=1e-9 * (1 + values.max()))
        area = sum(one.metrics[analyte].auc_ng_h_per_ml for one in apart)
        assert np.isclose(together.metrics[analyte].auc_ng_h_per_ml, area, rtol=1e-7)


@given(case=cases(), order=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_in_which_doses_are_written_does_not_count(case, order) -> None:
    """INV-KIN-70: a schedule is a set of facts."""
    model, subject, doses = case
    shuffled = list(doses)
    order.shuffle(shuffled)

    straight, mixed = course(model, subject, doses), course(model, subject, tuple(shuffled))

    for analyte, values in straight.concentrations.items():
        np.testing.assert_allclose(
            mixed.concentrations[analyte], values, rtol=1e-9, atol=1e-9 * (1 + values.max())
        )
