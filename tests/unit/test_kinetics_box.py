"""Each refusal of the box, its words, and the edges. INV-KIN-63 to INV-KIN-68."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from vigil.evidence.models import load_model, model_names
from vigil.kinetics import box
from vigil.kinetics.box import refusal
from vigil.kinetics.doses import parse_dose
from vigil.kinetics.facts import Dose, Subject
from vigil.units.refusals import Refused

ROOT = Path(__file__).resolve().parents[2]
PEREZ = load_model("perez_ruixo_2021")
SIMONS = load_model("simons_2022")
KAMP = load_model("kamp_2020")
DOMINO = load_model("domino_1982")
HORNIK = load_model("hornik_2018")
ADULT = Subject(age_years=40, weight_kg=70)
CHILD = Subject(age_years=10, weight_kg=32)
NASAL = (parse_dose("84 mg nasal"),)
INFUSION = (parse_dose("35 mg iv over 40 min"),)
SMALL = (parse_dose("5 mg iv over 40 min"),)


def code(answer: Refused | None) -> str | None:
    return None if answer is None else answer.code


def test_the_case_of_the_interface_is_accepted() -> None:
    """The command that the issue prints: 84 mg by nose at 40 years and 70 kg."""
    assert refusal(PEREZ, ADULT, NASAL) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"is_pregnant": True}, "KIN-PREGNANCY"),
        ({"has_severe_hepatic_impairment": True}, "KIN-LIVER"),
        ({"age_years": None}, "KIN-AGE-UNKNOWN"),
        ({"weight_kg": None}, "KIN-WEIGHT-UNKNOWN"),
        ({"age_years": 17.999}, "KIN-CHILD"),
        ({"age_years": 0.0}, "KIN-CHILD"),
        ({"age_years": -1.0}, "KIN-AGE-OUTSIDE"),
        ({"age_years": 86.001}, "KIN-AGE-OUTSIDE"),
        ({"age_years": float("nan")}, "KIN-AGE-OUTSIDE"),
        ({"age_years": float("inf")}, "KIN-AGE-OUTSIDE"),
        ({"age_years": float("-inf")}, "KIN-AGE-OUTSIDE"),
        ({"weight_kg": 38.9}, "KIN-WEIGHT-OUTSIDE"),
        ({"weight_kg": 170.1}, "KIN-WEIGHT-OUTSIDE"),
        ({"weight_kg": 0.0}, "KIN-WEIGHT-OUTSIDE"),
        ({"weight_kg": -70.0}, "KIN-WEIGHT-OUTSIDE"),
        ({"weight_kg": float("nan")}, "KIN-WEIGHT-OUTSIDE"),
        ({"weight_kg": float("inf")}, "KIN-WEIGHT-OUTSIDE"),
        ({"interacting": ("ticlopidine",)}, None),
        ({"is_pregnant": False, "has_severe_hepatic_impairment": False}, None),
        ({"sex": "f", "population": "japanese"}, None),
        ({"age_years": 18.0}, None),
        ({"age_years": 86.0}, None),
        ({"weight_kg": 39.0}, None),
        ({"weight_kg": 170.0}, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("purpose", ["care", "research"])
def test_a_person_outside_the_box_is_refused(change, expected: str | None, purpose) -> None:
    """INV-KIN-63: the edges belong to the box, the next number does not; both purposes alike for adults' models."""
    assert code(refusal(PEREZ, replace(ADULT, **change), NASAL, purpose=purpose)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("28 mg nasal", None),
        ("112 mg nasal", None),
        ("140 mg nasal", "KIN-DOSE-OUTSIDE"),
        ("14 mg nasal", "KIN-DEVICE"),
        ("85 mg nasal", "KIN-DEVICE"),
        ("83.999 mg nasal", "KIN-DEVICE"),
        ("84 mg esketamine nasal", None),
        ("84 mg ketamine nasal", "KIN-DRUG"),
        ("84 mg sublingual", "KIN-ROUTE"),
        ("84 mg im", "KIN-ROUTE"),
        ("28 mg iv over 40 min", None),
        ("28 mg iv bolus", None),
        ("28 mg iv over 120 min", None),
        ("28 mg iv over 120.000001 min", "KIN-DURATION-OUTSIDE"),
        ("50.001 mg iv bolus", "KIN-DOSE-OUTSIDE"),
        ("84 mg oral", None),
        ("84.001 mg oral", "KIN-DOSE-OUTSIDE"),
        ("0.999 mg oral", "KIN-DOSE-OUTSIDE"),
        ("84 mg oral at 527040 min", None),
        ("84 mg oral at 527040.1 min", "KIN-TIME-OUTSIDE"),
    ],
)
def test_a_dose_outside_the_box_is_refused(text: str, expected: str | None) -> None:
    """INV-KIN-63: amount, device, drug, route, infusion time and start."""
    assert code(refusal(PEREZ, ADULT, (parse_dose(text),))) == expected


@pytest.mark.parametrize("amount", [0, -1, -28_000, 28_000.0, True, "28000", None, float("nan")])
def test_an_amount_that_is_no_whole_number_of_micrograms_is_refused(amount: object) -> None:
    """INV-KIN-63: amounts are counted, so a float or a truth value is none."""
    dose = Dose(amount_ug=amount, route="nasal")  # type: ignore[arg-type]

    assert code(refusal(PEREZ, ADULT, (dose,))) == "KIN-DOSE-NUMBER"


@pytest.mark.parametrize("field", ["start_minutes", "duration_minutes"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1.0, -5e-324])
def test_a_time_that_is_no_time_is_refused(field: str, value: float) -> None:
    """INV-KIN-63: no engine ever sees a NaN, an infinity or a time before the start."""
    dose = replace(INFUSION[0], **{field: value})

    assert code(refusal(KAMP, ADULT, (dose,))) in {"KIN-TIME-OUTSIDE", "KIN-DURATION-OUTSIDE"}


def test_a_route_with_its_own_uptake_has_no_infusion_time() -> None:
    """A nasal dose over 40 minutes would silently replace the model's own uptake."""
    dose = replace(NASAL[0], duration_minutes=40.0)

    assert code(refusal(PEREZ, ADULT, (dose,))) == "KIN-DURATION-OUTSIDE"


def test_without_a_dose_nothing_is_proposed() -> None:
    """Issue item 8: no dose is ever proposed where none was ordered."""
    answer = refusal(PEREZ, ADULT, ())

    assert answer == box.NO_DOSE
    assert "never proposed" in answer.message


@pytest.mark.parametrize("text", ["28 mg oral", "50 mg sublingual"])
def test_an_inhibitor_or_inducer_refuses_what_is_swallowed(text: str) -> None:
    """Reference, section 4: strong CYP2B6 and CYP3A inhibitors and inducers, oral and sublingual route."""
    model = SIMONS if "sublingual" in text else PEREZ
    subject = Subject(age_years=30, weight_kg=70)
    doses = (parse_dose(text),)

    assert refusal(model, subject, doses) is None
    assert (
        code(refusal(model, replace(subject, interacting=("rifampicin",)), doses))
        == "KIN-INTERACTION"
    )


def test_an_interaction_does_not_refuse_the_vein() -> None:
    """What enters the vein does not meet the gut wall first."""
    subject = replace(ADULT, interacting=("rifampicin",))

    assert refusal(KAMP, subject, INFUSION) is None


@pytest.mark.parametrize(
    ("model", "drug", "expected"),
    [
        (PEREZ, None, None),
        (PEREZ, "esketamine", None),
        (PEREZ, "ketamine", "KIN-DRUG"),
        (DOMINO, None, None),
        (DOMINO, "ketamine", None),
        (DOMINO, "esketamine", "KIN-DRUG"),
        (KAMP, None, None),
        (KAMP, "ketamine", None),
        (KAMP, "esketamine", None),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_model_answers_for_its_own_drug_only(model, drug, expected: str | None) -> None:
    """INV-KIN-67: racemate and S are two drugs; only a model that pooled both takes both."""
    doses = tuple(replace(dose, drug=drug) for dose in SMALL)

    assert code(refusal(model, Subject(age_years=30, weight_kg=70), doses)) == expected


def test_the_words_of_a_drug_refusal_name_both_drugs() -> None:
    """The reader must see which of the two the model is of."""
    s_only = refusal(PEREZ, ADULT, (replace(SMALL[0], drug="ketamine"),))
    racemic = refusal(DOMINO, ADULT, (replace(SMALL[0], drug="esketamine"),))

    assert s_only is not None
    assert "speaks of esketamine and was asked about racemic ketamine" in s_only.message
    assert racemic is not None
    assert "speaks of racemic ketamine and was asked about esketamine" in racemic.message


def test_a_missing_route_is_never_converted() -> None:
    """Issue item 8: no route-to-route mg conversion, and the refusal says so."""
    answer = refusal(KAMP, ADULT, NASAL)

    assert answer is not None
    assert answer.code == "KIN-ROUTE"
    assert "never converted from one route to another" in answer.message
    assert "knows only iv" in answer.message


@pytest.mark.parametrize("name", model_names())
def test_no_shipped_model_answers_for_a_route_that_it_lacks(name: str) -> None:
    """INV-KIN-63: for each model, every other route is refused by its own code."""
    model = load_model(name)
    adult = Subject(age_years=model.box.age_years_max, weight_kg=model.box.weight_kg_max)
    known = {route.route for route in model.routes}

    for route in {"iv", "im", "nasal", "oral", "sublingual", "rectal", ""} - known:
        answer = refusal(model, adult, (Dose(amount_ug=28_000, route=route),), purpose="research")  # type: ignore[arg-type]
        assert code(answer) == "KIN-ROUTE", route


def test_a_child_is_refused_for_care_by_every_model() -> None:
    """INV-KIN-65: also by the models of children."""
    for name in model_names():
        answer = refusal(load_model(name), CHILD, (parse_dose("10 mg iv bolus"),))
        assert code(answer) == "KIN-CHILD", name


def test_a_child_is_answered_for_research_by_a_model_of_children_only() -> None:
    """INV-KIN-65: an adults' model is not stretched to a child for any purpose."""
    answered = {
        name
        for name in model_names()
        if refusal(load_model(name), CHILD, (parse_dose("10 mg iv bolus"),), purpose="research")
        is None
    }

    assert answered == {name for name in model_names() if load_model(name).box.is_of_children}
    assert answered == {"flint_2017", "herd_2007", "hornik_2018"}


@pytest.mark.parametrize("purpose", ["care", "research"])
def test_an_adult_is_refused_by_every_model_of_children(purpose) -> None:
    """Reference 1.6, item 4: a child's model used on an adult gives twice what every other model gives."""
    for name in ("flint_2017", "herd_2007", "hornik_2018"):
        assert code(refusal(load_model(name), ADULT, SMALL, purpose=purpose)) in {
            "KIN-CHILD",
            "KIN-AGE-OUTSIDE",
        }


def test_any_word_but_research_is_care() -> None:
    """A misspelt purpose must fall to the strict side."""
    answer = refusal(HORNIK, CHILD, (parse_dose("10 mg iv bolus"),), purpose="Research")  # type: ignore[arg-type]

    assert code(answer) == "KIN-CHILD"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["112 mg nasal at 0 min", "112 mg nasal at 24 h"], None),
        (["112 mg nasal at 0 min", "28 mg nasal at 1439.999999 min"], "KIN-DAY-OUTSIDE"),
        (["28 mg nasal at 1439 min", "112 mg nasal at 0 min"], "KIN-DAY-OUTSIDE"),
        (["56 mg nasal at 0 min", "56 mg nasal at 12 h", "56 mg nasal at 24 h"], None),
        (["56 mg nasal at 0 min", "56 mg nasal at 12 h", "56 mg nasal at 23 h"], "KIN-DAY-OUTSIDE"),
        (["112 mg nasal at 0 min", "50 mg iv bolus at 1 h"], None),
        ([f"112 mg nasal at {24 * day} h" for day in range(28)], None),
    ],
)
def test_a_day_is_any_24_hours(texts: list[str], expected: str | None) -> None:
    """INV-KIN-66: not a calendar day; each route has its own most, as the model file says."""
    assert code(refusal(PEREZ, ADULT, tuple(map(parse_dose, texts)))) == expected


@pytest.mark.parametrize(
    ("weight", "amount_ug", "expected"),
    [
        # 0.5 mg/kg at 70.1 kg is 35.05 mg exactly; as floats 70.1 is a hair below.
        (70.1, 35_050, None),
        (70.1, 35_051, "KIN-DOSE-OUTSIDE"),
        (57.3, 28_650, None),
        (57.3, 28_651, "KIN-DOSE-OUTSIDE"),
        (53.0, 26_500, None),
        (53.0, 26_501, "KIN-DOSE-OUTSIDE"),
    ],
)
def test_the_limit_per_kilogram_is_exact(weight: float, amount_ug: int, expected) -> None:
    """INV-KIN-68: the weight counts as the decimal that was written."""
    (limit,) = (one for one in SIMONS.box.doses if one.route == "iv")
    assert limit.dose_ug_per_kg_max == 500
    subject = Subject(age_years=30, weight_kg=weight)

    assert code(refusal(SIMONS, subject, (Dose(amount_ug=amount_ug, route="iv"),))) == expected


def every_refusal() -> list[Refused]:
    """One of each refusal that the box can give, with the details of a person that it must not tell."""
    adult = Subject(age_years=41.25, weight_kg=71.75)
    asked = [
        (PEREZ, replace(adult, is_pregnant=True), NASAL),
        (PEREZ, replace(adult, has_severe_hepatic_impairment=True), NASAL),
        (PEREZ, replace(adult, age_years=None), NASAL),
        (PEREZ, replace(adult, weight_kg=None), NASAL),
        (PEREZ, replace(adult, age_years=11.25), NASAL),
        (HORNIK, adult, SMALL),
        (PEREZ, replace(adult, age_years=91.25), NASAL),
        (PEREZ, replace(adult, weight_kg=191.75), NASAL),
        (PEREZ, adult, ()),
        (KAMP, adult, NASAL),
        (PEREZ, replace(adult, interacting=("secret-medicine",)), (parse_dose("28 mg oral"),)),
        (PEREZ, adult, (parse_dose("84 mg ketamine nasal"),)),
        (DOMINO, adult, (parse_dose("35 mg esketamine iv bolus"),)),
        (PEREZ, adult, (Dose(amount_ug=0, route="nasal"),)),
        (PEREZ, adult, (Dose(amount_ug=41_257, route="nasal"),)),
        (PEREZ, adult, (Dose(amount_ug=60_125, route="iv"),)),
        (SIMONS, replace(adult, weight_kg=60.75), (Dose(amount_ug=45_125, route="iv"),)),
        (PEREZ, adult, (parse_dose("28 mg oral at 600000 min"),)),
        (PEREZ, adult, (replace(NASAL[0], duration_minutes=41.25),)),
        (PEREZ, adult, (parse_dose("28 mg iv over 999.125 min"),)),
        (PEREZ, adult, NASAL * 2),
    ]
    answers = [refusal(*each) for each in asked]
    assert all(answer is not None for answer in answers)
    return [answer for answer in answers if answer is not None]


def test_every_refusal_is_one_or_two_sentences_without_a_detail_of_the_person() -> None:
    """STYLE section 6: no patient detail in a message; the next step stands in it."""
    details = re.compile(
        r"41\.25|71\.75|11\.25|91\.25|191\.75|60\.75|secret|41\.257|45\.125|60\.125|999"
    )

    for answer in every_refusal():
        assert answer.message.endswith("."), answer
        assert len(answer.message) < 260, answer
        assert not details.search(answer.message), answer
        assert "\n" not in answer.message


def test_every_code_of_the_box_is_explained_in_the_reference() -> None:
    """A refusal that nobody can look up does not help the person who met it."""
    explained = (ROOT / "docs/reference/refusals.md").read_text()
    said = {answer.code for answer in every_refusal()}
    written = set(re.findall(r'code="(KIN-[A-Z-]+)"', Path(box.__file__).read_text()))

    assert said == written, "the list above reaches every refusal of the box"
    assert not [code for code in written if f"`{code}`" not in explained]
    promised = set(re.findall(r"KIN-[A-Z]+(?:-[A-Z]+)*", refusal.__doc__ or ""))
    assert promised == written


def test_the_box_reads_every_bound_of_a_model_file() -> None:
    """A bound that is in the file and in no comparison would be a promise that nobody keeps."""
    source = Path(box.__file__).read_text()
    bounds = {
        field.name
        for fact in (PEREZ.box, PEREZ.box.doses[0])
        for field in fields(fact)
        if field.name not in {"source", "locator", "doses", "route"}
    }

    assert not [name for name in bounds if f".{name}" not in source]
