"""The course of one person: what it holds, what it notes, what it refuses. INV-KIN-70 to INV-KIN-73."""

import numpy as np
import pytest

import vigil.kinetics
from vigil.evidence.models import default_effect_site, load_effect_site, load_model, model_names
from vigil.kinetics import parse_dose, simulate
from vigil.kinetics.box import refusal
from vigil.kinetics.facts import Course, Subject
from vigil.kinetics.simulation import EtaNotFinite, GridInvalid
from vigil.kinetics.slow import concentrations as slow_concentrations
from vigil.kinetics.system import build_schedule, build_system, values_for
from vigil.units.refusals import Refused

PEREZ = load_model("perez_ruixo_2021")
KAMP = load_model("kamp_2020")
ADULT = Subject(age_years=40, weight_kg=70)
NASAL = (parse_dose("84 mg nasal"),)
DAY = np.arange(0.0, 1441.0)


def course(*args, **more) -> Course:
    answer = simulate(*args, **more)
    assert isinstance(answer, Course), answer
    return answer


def test_a_course_says_what_it_is() -> None:
    """Honest display: model, version, site, times and analytes stand in the fact itself."""
    found = course(PEREZ, ADULT, NASAL, DAY)

    assert (found.model, found.model_version, found.site) == ("perez_ruixo_2021", 1, "venous")
    assert found.effect_site is None
    assert list(found.concentrations) == ["ketamine", "norketamine"]
    assert found.metrics.keys() == found.concentrations.keys()
    assert np.array_equal(found.time_minutes, DAY)
    assert all(values.shape == DAY.shape for values in found.concentrations.values())


@pytest.mark.parametrize("name", [n for n in model_names() if not load_model(n).box.is_of_children])
def test_the_course_is_the_one_of_the_slow_engine(name: str) -> None:
    """INV-KIN-70: whatever engine answers, the obvious one says the same."""
    model = load_model(name)
    subject = Subject(age_years=30, weight_kg=70)
    doses = (parse_dose("5 mg iv over 40 min"), parse_dose("2 mg iv bolus at 90 min"))
    times = np.linspace(0.0, 600.0, 25)

    found = course(model, subject, doses, times, effect_site=default_effect_site())

    values = values_for(model, subject)
    system = build_system(model, values, effect_site=default_effect_site())
    slow = slow_concentrations(
        system, build_schedule(model, values, doses, states=system.states), times
    )
    for row, analyte in enumerate(system.analytes):
        np.testing.assert_allclose(found.concentrations[analyte], slow[row], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("step", [1.0, 7.0, 60.0, 1440.0])
def test_peak_and_area_do_not_depend_on_the_printed_grid(step: float) -> None:
    """INV-KIN-71: they come from the closed form over [0, last time]."""
    fine = course(PEREZ, ADULT, NASAL, DAY).metrics["ketamine"]

    coarse = course(PEREZ, ADULT, NASAL, np.append(np.arange(0.0, 1440.0, step), 1440.0))

    assert coarse.metrics["ketamine"] == fine


def test_peak_and_area_agree_with_a_fine_grid() -> None:
    """INV-KIN-71: the closed form against a second of spacing and the trapezium rule."""
    times = np.arange(0.0, 1440.0 + 1e-9, 0.05)

    found = course(PEREZ, ADULT, NASAL, times)

    for analyte, values in found.concentrations.items():
        metric = found.metrics[analyte]
        area = float(np.sum((values[1:] + values[:-1]) / 2 * np.diff(times))) / 60
        assert metric.cmax_ng_per_ml == pytest.approx(values.max(), rel=1e-6)
        assert metric.cmax_ng_per_ml >= values.max()
        assert metric.tmax_minutes == pytest.approx(times[values.argmax()], abs=0.05)
        assert metric.auc_ng_h_per_ml == pytest.approx(area, rel=1e-6)


def test_the_metrics_end_with_the_last_time_and_not_with_the_last_in_the_list() -> None:
    """INV-KIN-71: times may come in any order."""
    forward = course(PEREZ, ADULT, NASAL, np.array([0.0, 60.0, 720.0]))
    mixed = course(PEREZ, ADULT, NASAL, np.array([720.0, 0.0, 60.0]))

    assert mixed.metrics == forward.metrics
    assert mixed.concentrations["ketamine"].tolist() == [
        forward.concentrations["ketamine"][k] for k in (2, 0, 1)
    ]


def test_what_the_box_refuses_is_returned_and_never_calculated(monkeypatch) -> None:
    """INV-KIN-72: the refusal comes before the first number."""

    def never(*_, **__):
        raise AssertionError("it was calculated")

    monkeypatch.setattr("vigil.kinetics.simulation.values_for", never)
    for subject, doses in [
        (Subject(age_years=None, weight_kg=70), NASAL),
        (Subject(age_years=40, weight_kg=None), NASAL),
        (Subject(age_years=10, weight_kg=30), NASAL),
        (ADULT, ()),
        (ADULT, (parse_dose("84 mg im"),)),
    ]:
        answer = simulate(PEREZ, subject, doses, DAY)
        assert isinstance(answer, Refused)
        assert answer == refusal(PEREZ, subject, doses)


def test_the_purpose_reaches_the_box() -> None:
    """INV-KIN-72: a model of children answers for research only."""
    hornik = load_model("hornik_2018")
    child, doses = Subject(age_years=10, weight_kg=32), (parse_dose("10 mg iv bolus"),)

    assert isinstance(simulate(hornik, child, doses, DAY), Refused)
    assert isinstance(simulate(hornik, child, doses, DAY, purpose="research"), Course)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ([], "it is empty"),
        ([[0.0, 1.0]], "it has 2 dimensions"),
        (5.0, "it has 0 dimensions"),
        ([0.0, float("nan")], "no finite number"),
        ([0.0, float("inf")], "no finite number"),
        ([-1.0, 0.0], "before 0"),
    ],
)
def test_times_that_are_no_list_of_minutes_are_an_error(times: object, reason: str) -> None:
    """Bad input is raised, with what is expected; it is no refusal of the model."""
    with pytest.raises(GridInvalid, match=reason) as caught:
        simulate(PEREZ, ADULT, NASAL, np.array(times))

    assert "np.arange" in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_an_eta_that_is_no_number_is_an_error(value: float) -> None:
    with pytest.raises(EtaNotFinite, match="vc"):
        simulate(PEREZ, ADULT, NASAL, DAY, etas={"vc": value})


def test_an_eta_of_nothing_is_an_error_that_names_it() -> None:
    with pytest.raises(KeyError, match="no_such"):
        simulate(PEREZ, ADULT, NASAL, DAY, etas={"no_such": 0.1})


def test_an_eta_changes_the_course_as_its_parameter_does() -> None:
    """INV-KIN-70: eta is on the logarithm; twice the clearance, half the area of a bolus over a long time."""
    doses, times = (parse_dose("35 mg iv bolus"),), np.array([0.0, 28 * 1440.0])

    typical = course(KAMP, ADULT, doses, times).metrics["ketamine"]
    fast = course(KAMP, ADULT, doses, times, etas={"cl": np.log(2.0)}).metrics["ketamine"]

    assert fast.auc_ng_h_per_ml == pytest.approx(typical.auc_ng_h_per_ml / 2, rel=1e-6)
    # Dose / clearance: 35 mg / 84 L/h at 70 kg, by hand.
    assert typical.auc_ng_h_per_ml == pytest.approx(35_000 / 84, rel=1e-4)


def test_an_effect_site_is_added_last_and_takes_nothing() -> None:
    """The effect site follows the first output; the rest stays as it was."""
    without = course(PEREZ, ADULT, NASAL, DAY)
    site = load_effect_site("olofsen_2022")

    found = course(PEREZ, ADULT, NASAL, DAY, effect_site=site)

    assert found.effect_site == "olofsen_2022"
    assert list(found.concentrations) == ["ketamine", "norketamine", "effect"]
    for analyte, values in without.concentrations.items():
        np.testing.assert_allclose(found.concentrations[analyte], values, rtol=1e-10, atol=1e-12)
    assert found.metrics["effect"].tmax_minutes > found.metrics["ketamine"].tmax_minutes
    assert found.metrics["effect"].cmax_ng_per_ml < found.metrics["ketamine"].cmax_ng_per_ml


@pytest.mark.parametrize(
    ("model", "drug", "words"),
    [
        ("perez_ruixo_2021", None, "read as esketamine."),
        ("domino_1982", None, "read as racemic ketamine."),
        ("kamp_2020", None, "racemic ketamine and esketamine alike"),
        ("perez_ruixo_2021", "esketamine", None),
        ("kamp_2020", "ketamine", None),
    ],
)
def test_a_dose_without_a_drug_is_the_models_own_and_the_course_says_which(
    model: str, drug: str | None, words: str | None
) -> None:
    """INV-KIN-73: nobody has to guess whose milligrams they were."""
    text = f"5 mg {drug or ''} iv bolus"

    notes = course(
        load_model(model), Subject(age_years=30, weight_kg=70), (parse_dose(text),), DAY
    ).notes

    said = [note for note in notes if note.startswith("A dose without a drug")]
    assert bool(said) == (words is not None)
    assert words is None or words in said[0]


@pytest.mark.parametrize("name", model_names())
def test_what_a_model_borrowed_stands_in_every_course(name: str) -> None:
    """INV-KIN-73: a band made with another paper's variability must say so."""
    model = load_model(name)

    is_said = any("borrowed" in note for note in model.notes)

    assert is_said == (model.borrowed_variability_from is not None)


def test_every_note_of_the_model_stands_in_the_course() -> None:
    """INV-KIN-73: the discrepancy of the metabolite's area is not hidden in a file."""
    notes = course(PEREZ, ADULT, NASAL, DAY).notes

    assert set(PEREZ.notes) <= set(notes)
    assert any("do not use the area of noresketamine" in note for note in notes)


def test_an_effect_site_of_another_site_is_noted() -> None:
    """INV-KIN-73: the constant was estimated with arterial samples and used with a venous model."""
    site = load_effect_site("olofsen_2022")

    venous = course(PEREZ, ADULT, NASAL, DAY, effect_site=site).notes
    arterial = course(KAMP, ADULT, (parse_dose("35 mg iv bolus"),), DAY, effect_site=site).notes

    assert any("arterial samples and follows venous ones" in note for note in venous)
    assert not any("follows" in note for note in arterial)


def test_what_changes_nothing_is_noted() -> None:
    """INV-KIN-73: a sex or population that a model does not know must not look as if it had counted."""
    told = Subject(age_years=40, weight_kg=70, sex="f", population="japanese")

    perez = course(PEREZ, told, NASAL, DAY)
    kamp = course(KAMP, told, (parse_dose("35 mg iv bolus"),), DAY)

    assert "Sex changes nothing in this model." in perez.notes
    assert not any("'japanese'" in note for note in perez.notes)
    assert "The population 'japanese' changes nothing in this model." in kamp.notes
    assert perez.metrics != course(PEREZ, ADULT, NASAL, DAY).metrics


def test_no_shipped_model_uses_sex() -> None:
    """The note above would lie as soon as one did: then this fails and the note must look."""
    import inspect

    from vigil.kinetics import system

    assert "sex" not in inspect.getsource(system)


@pytest.mark.parametrize(
    "name", ["simulate", "simulate_population", "parse_dose", "Subject", "Dose", "Course"]
)
def test_the_names_of_the_interface_are_importable_from_the_package(name: str) -> None:
    """Issue, interface: `vigil.kinetics.simulate(model, subject, doses, time_minutes)`."""
    assert name in dir(vigil.kinetics)
    assert callable(getattr(vigil.kinetics, name))


def test_a_name_that_is_not_public_is_not_found() -> None:
    with pytest.raises(AttributeError, match="no attribute 'teleport'"):
        vigil.kinetics.teleport  # noqa: B018
