"""What the shipped kinetic models are, against arithmetic that does not use their engine (INV-KIN-02, INV-KIN-03).

Two kinds of witness: formulae that follow from the papers' structure (clearance, well-stirred extraction, mean transit
times), and numbers that another public implementation of the same papers prints on its validation pages (nlmixr2lib:
Simons_2022_s_ketamine, Otto_2021_s_ketamine, Flint_2017_s_ketamine).
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.models import load_effect_site, load_model, model_names
from vigil.kinetics.facts import Dose, FloatArray, Model, Subject
from vigil.kinetics.slow import concentrations
from vigil.kinetics.system import build_schedule, build_system, covariance_of, values_for

MODELS = model_names()
HOUR = 60.0
etas = st.floats(-1.5, 1.5)


def inside(model: Model, *, population: str | None = None) -> Subject:
    """A person in the middle of the model's box."""
    box = model.box
    return Subject(
        age_years=(box.age_years_min + box.age_years_max) / 2,
        weight_kg=(box.weight_kg_min + box.weight_kg_max) / 2,
        population=population,
    )


def areas_per_amount(model: Model, subject: Subject, **deviations: float) -> FloatArray:
    """Area of each output (rows) after one microgram put into each state (columns), ug.min/L, by solving the balance."""
    system = build_system(model, values_for(model, subject, etas=deviations))
    return np.asarray(system.outputs @ np.linalg.solve(-system.rates, np.eye(len(system.states))))


def area_of_dose(model: Model, subject: Subject, dose: Dose, **deviations: float) -> float:
    """Area of ketamine after one dose, ug.min/L."""
    values = values_for(model, subject, etas=deviations)
    states = tuple(c.name for c in model.compartments)
    schedule = build_schedule(model, values, (dose,), states=states)
    spans = np.diff(np.append(schedule.minutes, schedule.minutes[-1]))
    entered = schedule.boluses.sum(axis=0) + spans @ schedule.rates
    return float(areas_per_amount(model, subject, **deviations)[0] @ entered)


def course(
    model: Model, subject: Subject, doses: tuple[Dose, ...], minutes: list[float]
) -> FloatArray:
    values = values_for(model, subject)
    system = build_system(model, values)
    schedule = build_schedule(model, values, doses, states=system.states)
    return concentrations(system, schedule, np.array(minutes, dtype=np.float64))


# ---- every model ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_no_model_makes_drug_and_all_of_it_leaves(name: str) -> None:
    """INV-KIN-02: a column of the rate matrix never sums above zero, and every mode decays."""
    model = load_model(name)
    rates = build_system(model, values_for(model, inside(model))).rates

    off_diagonal = rates - np.diag(np.diag(rates))
    assert np.all(off_diagonal >= 0)
    assert np.all(rates.sum(axis=0) <= 1e-12 * np.abs(rates).max())
    assert np.all(np.linalg.eigvals(rates).real < 0)


@pytest.mark.parametrize("name", MODELS)
def test_a_models_deviations_have_a_covariance_that_can_be_drawn_from(name: str) -> None:
    names, matrix = covariance_of(load_model(name))

    assert len(names) > 0
    assert np.all(np.linalg.eigvalsh(matrix) >= 0)


@pytest.mark.parametrize("name", MODELS)
def test_every_dose_limit_is_one_that_the_route_can_hold(name: str) -> None:
    model = load_model(name)

    for limit in model.box.doses:
        route = next(r for r in model.routes if r.route == limit.route)
        if route.device_ug is not None:
            assert limit.dose_ug_min % route.device_ug == 0
            assert limit.dose_ug_max % route.device_ug == 0


@pytest.mark.parametrize("name", [n for n in MODELS if load_model(n).routes[0].route == "iv"])
def test_twice_the_dose_is_twice_the_area(name: str) -> None:
    model = load_model(name)
    one, two = (Dose(amount_ug=amount, route="iv") for amount in (1000, 2000))

    person = inside(model)

    assert area_of_dose(model, person, two) == pytest.approx(2 * area_of_dose(model, person, one))


# ---- sets printed as rate constants ---------------------------------------------------------------

PRINTED = {
    "clements_1981": {"v1": 1.7522, "k10": 0.0109, "k12": 0.0186, "k21": 0.0137},
    "domino_1982": {
        "v1": 0.063,
        "k10": 0.4381,
        "k12": 0.5921,
        "k21": 0.2470,
        "k13": 0.5900,
        "k31": 0.0146,
    },
    "hijazi_2003": {"v1": 1.08, "k10": 0.0333, "k12": 0.0088, "k21": 0.0030},
}


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("weight_kg", [50.0, 70.0, 110.0])
def test_the_printed_rate_constants_come_back_at_every_weight(name: str, weight_kg: float) -> None:
    """The files hold volumes and clearances; the papers printed L/kg and 1/min."""
    printed = PRINTED[name]
    values = values_for(load_model(name), Subject(age_years=40, weight_kg=weight_kg))

    assert values["v1"] == pytest.approx(printed["v1"] * weight_kg)
    assert values["cl"] / values["v1"] == pytest.approx(printed["k10"], rel=1e-6)
    assert values["q2"] / values["v1"] == pytest.approx(printed["k12"], rel=1e-6)
    assert values["q2"] / values["v2"] == pytest.approx(printed["k21"], rel=1e-6)
    if "k13" in printed:
        assert values["q3"] / values["v1"] == pytest.approx(printed["k13"], rel=1e-6)
        assert values["q3"] / values["v3"] == pytest.approx(printed["k31"], rel=1e-6)


def test_hijazi_agrees_with_its_own_abstract() -> None:
    """36.0 (13.3) mL/min/kg, 16.0 (8.6) L/kg, 4.9 (1.6) h: the set comes within a tenth of a standard deviation."""
    model = load_model("hijazi_2003")
    person = Subject(age_years=40, weight_kg=70)
    slowest = -np.linalg.eigvals(build_system(model, values_for(model, person)).rates).real.max()
    clearance = 1.0 / area_of_dose(model, person, Dose(amount_ug=1, route="iv"))

    assert clearance / 70 * 1000 == pytest.approx(36.0, abs=0.1)
    assert math.log(2) / slowest / HOUR == pytest.approx(4.9, abs=0.16)
    assert clearance / 70 / slowest == pytest.approx(16.0, abs=0.86)


# ---- first pass -----------------------------------------------------------------------------------


@given(kel=etas, qh=etas, vh=etas, age=st.floats(18, 86), fr=etas)
def test_perez_bioavailability_is_the_well_stirred_formula(
    kel: float, qh: float, vh: float, age: float, fr: float
) -> None:
    """F_oral = Fgut (1 - E), F_nose = FR + (1 - FR) Fgut (1 - E), E = Vh (kel + kmet) / (Qh + Vh (kel + kmet))."""
    model = load_model("perez_ruixo_2021")
    person = Subject(age_years=age, weight_kg=70)
    deviations = {"kel": kel, "qh": qh, "vh": vh, "fr": fr}
    values = values_for(model, person, etas=deviations)
    intrinsic = values["vh"] * (values["kel"] + values["kmet"])
    passed = values["fgut"] * values["qh"] / (values["qh"] + intrinsic)

    by_vein = area_of_dose(model, person, Dose(amount_ug=28_000, route="iv"), **deviations)
    by_mouth = area_of_dose(model, person, Dose(amount_ug=28_000, route="oral"), **deviations)
    by_nose = area_of_dose(model, person, Dose(amount_ug=28_000, route="nasal"), **deviations)

    assert by_mouth / by_vein == pytest.approx(passed, rel=1e-9)
    expected = values["fr"] + (1 - values["fr"]) * passed
    assert by_nose / by_vein == pytest.approx(expected, rel=1e-9)


def test_perez_extraction_and_clearance_are_those_of_the_abstract() -> None:
    """Abstract: 18.6 % of what is swallowed reaches the circulation, volume 752 L, clearance 114 L/h; Table 3 gives
    17.8 %, 752 L and 109 L/h."""
    model = load_model("perez_ruixo_2021")
    person = inside(model)
    values = values_for(model, person)
    area = area_of_dose(model, person, Dose(amount_ug=1000, route="iv"))

    assert values["vc"] + values["vp1"] + values["vp2"] == 752
    assert 1000 / area * HOUR == pytest.approx(109.0, abs=0.5)
    oral = area_of_dose(model, person, Dose(amount_ug=1000, route="oral"))
    assert oral / area == pytest.approx(0.178, abs=0.001)


def test_perez_is_the_same_at_every_weight() -> None:
    """The authors tested weight and did not keep it."""
    model = load_model("perez_ruixo_2021")
    light, heavy = (Subject(age_years=40, weight_kg=w) for w in (39.0, 170.0))

    assert values_for(model, light) == values_for(model, heavy)


def test_a_japanese_person_is_an_asian_one_whose_nose_takes_more() -> None:
    model = load_model("perez_ruixo_2021")
    asian = values_for(model, Subject(age_years=40, weight_kg=60, population="asian"))
    japanese = values_for(model, Subject(age_years=40, weight_kg=60, population="japanese"))

    assert japanese.pop("fr") / asian.pop("fr") == pytest.approx(1.34)
    assert japanese == asian


def test_liver_blood_flow_falls_only_above_sixty() -> None:
    model = load_model("perez_ruixo_2021")
    flows = [
        values_for(model, Subject(age_years=age, weight_kg=70))["qh"] * HOUR for age in (30, 60, 80)
    ]

    assert flows == pytest.approx([151.0, 151.0, 151.0 - 20 * 2.19])


@given(weight=st.floats(50, 88), gut=st.floats(-2, 2), liver=etas, ka=etas, volume=st.floats(-2, 2))
def test_ashraf_bioavailability_is_the_papers_algebra(
    weight: float, gut: float, liver: float, ka: float, volume: float
) -> None:
    """The paper solves gut wall and liver by algebra (QGUT model, well-stirred liver); the small volumes here give the
    same areas whatever they are, for ketamine and norketamine."""
    model = load_model("ashraf_2018")
    person = Subject(age_years=30, weight_kg=weight)
    deviations = {"clint_gut": gut, "clint_liver": liver, "ka": ka}
    v = values_for(model, person, etas=deviations)
    gut_flow = v["q_villi"] * v["permeability"] / (v["q_villi"] + v["permeability"])
    f_gut = gut_flow / (gut_flow + v["clint_gut"])
    extraction = v["clint_liver"] * 1.4 / (v["qh"] + v["clint_liver"] * 1.4)
    f_gut_nk = v["q_villi"] / (v["q_villi"] + v["clint_gut_nk"])
    clearance_nk = v["qh"] * v["clint_liver_nk"] * 0.5 / (v["qh"] + v["clint_liver_nk"] * 0.5)
    f_liver_nk = 1 - clearance_nk / v["qh"]

    changed = v | {"v_gut_wall": v["v_gut_wall"] * math.exp(volume)}
    system = build_system(model, changed)
    area = system.outputs @ np.linalg.inv(-system.rates)
    central, mouth = system.states.index("central"), system.states.index("gut")

    assert area[0, central] == pytest.approx(1 / (v["qh"] * extraction), rel=1e-9)
    assert area[0, mouth] / area[0, central] == pytest.approx(f_gut * (1 - extraction), rel=1e-9)
    assert area[1, central] == pytest.approx(f_liver_nk / clearance_nk, rel=1e-9)
    from_gut = (1 - f_gut) * f_gut_nk * f_liver_nk
    assert area[1, mouth] == pytest.approx((f_gut * f_liver_nk + from_gut) / clearance_nk, rel=1e-9)


def test_the_stand_in_volume_of_the_gut_wall_delays_by_less_than_a_minute() -> None:
    """Mean time of ketamine in gut wall and villi, on the way to the liver."""
    v = values_for(load_model("ashraf_2018"), Subject(age_years=30, weight_kg=70))
    out = v["permeability"] * v["q_villi"] / (v["permeability"] + v["q_villi"]) + v["clint_gut"]

    assert v["v_gut_wall"] / out < 1.0


# ---- Simons 2022 against another implementation ---------------------------------------------------


def test_simons_has_fourteen_states_and_shares_the_volume_of_norketamine() -> None:
    model = load_model("simons_2022")

    assert len(model.compartments) == 14
    volumes = {c.name: c.volume for c in model.compartments}
    assert volumes["norketamine"] == volumes["central"] == "vk1"


@pytest.mark.parametrize("film_mg", [50, 100])
def test_simons_agrees_with_another_implementation(film_mg: int) -> None:
    """Typical 70 kg: peak 85.9, norketamine area 36,287 and peak at 61.5 min, hydroxynorketamine area 23,367 and peak at
    76 min for 50 mg; twice that for 100; 272.7 and 277.4 at the end of 20 mg over 20 min six hours later."""
    model = load_model("simons_2022")
    person = Subject(age_years=25, weight_kg=70)
    film = Dose(amount_ug=film_mg * 1000, route="sublingual")
    drip = Dose(amount_ug=20_000, route="iv", start_minutes=360, duration_minutes=20)
    minutes = [float(m) for m in np.arange(0, 360.5, 0.5)]

    found = course(model, person, (film,), minutes)
    end = course(model, person, (film, drip), [380.0])

    times = film_mg / 50
    assert found[0].max() == pytest.approx(85.9 * times, rel=1e-3)
    areas = np.trapezoid(found, minutes, axis=1)
    assert areas[1] == pytest.approx(36_287.4 * times, rel=1e-4)
    assert areas[2] == pytest.approx(23_367.4 * times, rel=1e-4)
    assert minutes[int(found[1].argmax())] == 61.5
    assert minutes[int(found[2].argmax())] == 76.0
    assert end[0, 0] == pytest.approx({50: 272.7, 100: 277.4}[film_mg], rel=1e-3)


def test_simons_peaks_of_the_papers_figure_five() -> None:
    """0.5 mg/kg over 40 min at 70 kg: ketamine 289, hydroxynorketamine 30; 100 mg film: 172 and 191 ng/mL."""
    model = load_model("simons_2022")
    person = Subject(age_years=25, weight_kg=70)
    minutes = [float(m) for m in range(0, 361)]

    drip = course(
        model, person, (Dose(amount_ug=35_000, route="iv", duration_minutes=40),), minutes
    )
    film = course(model, person, (Dose(amount_ug=100_000, route="sublingual"),), minutes)

    assert (drip[0].max(), drip[2].max()) == pytest.approx((289, 30), abs=0.5)
    assert (film[0].max(), film[2].max()) == pytest.approx((172, 191), abs=0.5)


# ---- Otto 2021 and Flint 2017 against another implementation ---------------------------------------

OTTO_68_KG = {
    0.5: (50.90, 11.80),
    1.0: (27.30, 20.90),
    2.0: (15.40, 20.50),
    3.0: (10.30, 17.10),
    5.0: (5.06, 11.70),
    6.0: (3.72, 9.90),
    8.0: (2.23, 7.41),
    10.0: (1.51, 5.79),
}


def test_otto_agrees_with_another_implementation() -> None:
    """10 mg over 30 min, 68 kg: hour -> (ketamine, norketamine), ng/mL, as printed to three figures."""
    model = load_model("otto_2021")
    person = Subject(age_years=25, weight_kg=68)
    dose = Dose(amount_ug=10_000, route="iv", duration_minutes=30)

    found = course(model, person, (dose,), [hour * HOUR for hour in OTTO_68_KG])

    for column, (ketamine, norketamine) in enumerate(OTTO_68_KG.values()):
        assert found[0, column] == pytest.approx(ketamine, rel=5e-3)
        assert found[1, column] == pytest.approx(norketamine, rel=5e-3)


def test_otto_clears_everything_into_norketamine() -> None:
    """CL x area of ketamine = CL x area of norketamine = dose, in mass."""
    model = load_model("otto_2021")
    area = areas_per_amount(model, Subject(age_years=25, weight_kg=70))[:, 0] / HOUR

    assert area[0] * 95.2 == pytest.approx(1.0)
    assert area[1] * 57.72 == pytest.approx(1.0)


@pytest.mark.parametrize(("hour", "mg_per_l"), [(12, 0.8106), (24, 0.8424), (48, 0.8445)])
def test_flint_agrees_with_another_implementation(hour: int, mg_per_l: float) -> None:
    """2.4 mg/kg/h in a child of 7.032 kg."""
    model = load_model("flint_2017")
    child = Subject(age_years=0.4, weight_kg=7.032)
    dose = Dose(amount_ug=round(2.4 * 7.032 * 120 * 1000), route="iv", duration_minutes=120 * HOUR)

    found = course(model, child, (dose,), [hour * HOUR])

    assert found[0, 0] == pytest.approx(mg_per_l * 1000, rel=1e-3)


def test_flint_ships_no_norketamine() -> None:
    """Its clearance rises with time, which constant rates cannot hold; saying nothing would be worse than saying so."""
    model = load_model("flint_2017")

    assert [o.analyte for o in model.outputs] == ["ketamine"]
    assert any("Norketamine is not shipped" in note for note in model.notes)


# ---- effect sites ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ke0"),
    [
        ("olofsen_2022", 0.0835),
        ("navarrete_2025", 0.238),
        ("simtiva_kamp", 0.1876 * math.log(70) + 0.5932),
        ("opentiva_kamp", 2.791),
    ],
)
def test_each_half_life_is_the_printed_constant(name: str, ke0: float) -> None:
    assert math.log(2) / load_effect_site(name).half_life_minutes == pytest.approx(ke0, rel=1e-3)
