"""Every no of the room, reached through its public doors: its code, the limit it names, the next step, and nothing of the person.

The table is the contract; the codes that a door's docstring promises, and those that the sources hold, are compared with it. The
values of the person used here are odd numbers that no limit has, so that a message which repeats one is caught.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from vigil.evidence.models import default_effect_site, load_model, model_names
from vigil.kinetics import box, devices, forecast, preparation, pump, simulate
from vigil.kinetics.devices import Device, count_devices
from vigil.kinetics.doses import DoseTextInvalid, parse_dose
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.population import simulate_population
from vigil.kinetics.preparation import Caps, Order, Prepared, Syringe, Vial, prepare, read_drawn
from vigil.kinetics.pump import Pump, PumpSetting, close_out, set_pump
from vigil.units.refusals import Refused

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference" / "refusals.md"
CODE = re.compile(r"KIN-[A-Z]+(?:-[A-Z]+)*")


@dataclass(frozen=True, kw_only=True)
class No:
    """One row: what is asked, the code, words of the limit or value, words of the next step."""

    ask: Callable[[], object]
    code: str
    limit: str
    step: str


# --- simulate ------------------------------------------------------------------------------------

PERSON = Subject(age_years=37.7, weight_kg=71.3)
INFUSION = Dose(amount_ug=35_000, route="iv", duration_minutes=40.0)
NASAL = Dose(amount_ug=56_000, route="nasal")
KAMP, PEREZ, HERD = "kamp_2020", "perez_ruixo_2021", "herd_2007"


def sim(model: str, *doses: Dose, purpose: str = "care", **person: object) -> Callable[[], object]:
    subject = replace(PERSON, **person)
    return lambda: simulate(
        load_model(model), subject, doses, np.array([0.0, 60.0]), purpose=purpose
    )


SIMULATE = {
    "pregnant": No(
        ask=sim(KAMP, INFUSION, is_pregnant=True),
        code="KIN-PREGNANCY", limit="No model here speaks of pregnancy", step="Ask a specialist",
    ),
    "liver": No(
        ask=sim(KAMP, INFUSION, has_severe_hepatic_impairment=True),
        code="KIN-LIVER", limit="severe hepatic impairment", step="Ask a specialist",
    ),
    "age unknown": No(
        ask=sim(KAMP, INFUSION, age_years=None),
        code="KIN-AGE-UNKNOWN", limit="no age is assumed", step="Say it in years",
    ),
    "weight unknown": No(
        ask=sim(KAMP, INFUSION, weight_kg=None),
        code="KIN-WEIGHT-UNKNOWN", limit="no weight is assumed", step="Weigh first",
    ),
    "child for care": No(
        ask=sim(KAMP, INFUSION, age_years=17.9),
        code="KIN-CHILD", limit="below 18 years", step="for research only",
    ),
    "model of children for care": No(
        ask=sim(HERD, INFUSION),
        code="KIN-CHILD", limit="a model of children", step="for research only",
    ),
    "child for care, by a model of children": No(
        ask=sim(HERD, INFUSION, age_years=7.7),
        code="KIN-CHILD", limit="below 18 years", step="for research only",
    ),
    "negative age": No(
        ask=sim(KAMP, INFUSION, age_years=-0.1),
        code="KIN-AGE-OUTSIDE", limit="18 to 80 years", step="Ask a model made for this age",
    ),
    "too old": No(
        ask=sim(KAMP, INFUSION, age_years=80.7),
        code="KIN-AGE-OUTSIDE", limit="18 to 80 years", step="Ask a model made for this age",
    ),
    "adult asked of children, for research": No(
        ask=sim(HERD, INFUSION, purpose="research"),
        code="KIN-AGE-OUTSIDE", limit="1.5 to 14 years", step="Ask a model made for this age",
    ),
    "too light": No(
        ask=sim(KAMP, INFUSION, weight_kg=39.7),
        code="KIN-WEIGHT-OUTSIDE", limit="40 to 140 kg", step="Weigh again",
    ),
    "too heavy": No(
        ask=sim(PEREZ, INFUSION, weight_kg=170.7),
        code="KIN-WEIGHT-OUTSIDE", limit="39 to 170 kg", step="ask a model made for this weight",
    ),
    "no dose": No(
        ask=sim(KAMP), code="KIN-DOSE-NONE", limit="One is never proposed here",
        step="name what was ordered",
    ),
    "no such route": No(
        ask=sim(KAMP, NASAL),
        code="KIN-ROUTE", limit="kamp_2020 knows only iv", step="ask a model that has this route",
    ),
    "one of three routes missing": No(
        ask=sim(PEREZ, replace(NASAL, route="im")),
        code="KIN-ROUTE", limit="knows only iv, nasal, oral",
        step="ask a model that has this route",
    ),
    "swallowed with an inhibitor": No(
        ask=sim(PEREZ, replace(NASAL, route="oral"), interacting=("ticlopidine",)),
        code="KIN-INTERACTION", limit="CYP2B6 or CYP3A", step="Ask a pharmacist",
    ),
    "racemate asked of an S model": No(
        ask=sim(PEREZ, replace(NASAL, drug="ketamine")),
        code="KIN-DRUG", limit="speaks of esketamine and was asked about racemic ketamine",
        step="ask a model of racemic ketamine",
    ),
    "S asked of a racemate model": No(
        ask=sim("domino_1982", replace(INFUSION, drug="esketamine")),
        code="KIN-DRUG", limit="speaks of racemic ketamine and was asked about esketamine",
        step="ask a model of esketamine",
    ),
    "half a microgram": No(
        ask=sim(KAMP, replace(INFUSION, amount_ug=35_000.5)),
        code="KIN-DOSE-NUMBER", limit="a whole number of micrograms, more than 0",
        step="parse_dose",
    ),
    "no microgram": No(
        ask=sim(KAMP, replace(INFUSION, amount_ug=0)),
        code="KIN-DOSE-NUMBER", limit="more than 0", step="parse_dose",
    ),
    "one and a half devices": No(
        ask=sim(PEREZ, replace(NASAL, amount_ug=42_000)),
        code="KIN-DEVICE", limit="devices of 28 mg", step="never given in part",
    ),
    "five devices": No(
        ask=sim(PEREZ, replace(NASAL, amount_ug=140_000)),
        code="KIN-DOSE-OUTSIDE", limit="by the nasal route: 28 mg to 112 mg at once",
        step="perez_ruixo_2021 speaks of",
    ),
    "too little": No(
        ask=sim("simons_2022", Dose(amount_ug=9_999, route="sublingual")),
        code="KIN-DOSE-OUTSIDE", limit="by the sublingual route: 10 mg to 100 mg",
        step="simons_2022 speaks of",
    ),
    # 2 mg/kg x 71.3 kg = 142.6 mg.
    "too much for the weight": No(
        ask=sim(KAMP, replace(INFUSION, amount_ug=142_601)),
        code="KIN-DOSE-OUTSIDE", limit="2 mg/kg", step="kamp_2020 speaks of for this weight",
    ),
    "too much in a day": No(
        ask=sim(PEREZ, replace(NASAL, amount_ug=84_000), replace(NASAL, start_minutes=1439.0)),
        code="KIN-DAY-OUTSIDE", limit="Within 24 hours", step="by the nasal route: 112 mg",
    ),
    "too long": No(
        ask=sim(KAMP, replace(INFUSION, duration_minutes=360.5)),
        code="KIN-DURATION-OUTSIDE", limit="more than 0 and at most 360 min",
        step="outside what kamp_2020 speaks of",
    ),
    "an infusion by nose": No(
        ask=sim(PEREZ, replace(NASAL, duration_minutes=1.0)),
        code="KIN-DURATION-OUTSIDE", limit="by the nasal route has no infusion time",
        step="perez_ruixo_2021 knows how it is taken up",
    ),
    "before the start": No(
        ask=sim(KAMP, replace(INFUSION, start_minutes=-0.5)),
        code="KIN-TIME-OUTSIDE", limit="0 to 527040 min (a year)", step="Write its start in minutes",
    ),
    "after a year": No(
        ask=sim(KAMP, replace(INFUSION, start_minutes=527_041.0)),
        code="KIN-TIME-OUTSIDE", limit="0 to 527040 min (a year)", step="Write its start in minutes",
    ),
}  # fmt: skip

# --- prepare, read_drawn --------------------------------------------------------------------------

VIAL = Vial(drug="ketamine", strength_as="base", ug_per_ml=10_000, content_ul=20_000)
SYRINGE = Syringe(step_ul=10)
CAPS = Caps(total_ug_max=100_000, ug_per_kg_max=750)
ORDER = Order(drug="ketamine", ug_per_kg=500)
DRUGS_STEP = "Name it ketamine (the racemate) or esketamine (the S form)"


def prep(order: Order | None = ORDER, **changed: object) -> Callable[[], object]:
    question = {"weight_g": 71_300, "vial": VIAL, "syringe": SYRINGE, "caps": CAPS} | changed
    return lambda: prepare(order, **question)  # type: ignore[arg-type]


def two_doors(
    door: Callable[..., Callable[[], object]], vessel: str, strength: str
) -> dict[str, No]:
    """What `prepare` and `count_devices` refuse alike; `vessel` is what the drug comes in."""
    one = VIAL if vessel == "vial" else DEVICE
    order = ORDER if vessel == "vial" else DEVICES
    return {
        "nothing ordered": No(
            ask=door(None), code="KIN-ORDER-NONE", limit="none is proposed here",
            step="A prescriber signs the dose first",
        ),
        "an order of no dose": No(
            ask=door(Order(drug=order.drug)), code="KIN-ORDER-NONE", limit="No dose is ordered",
            step="A prescriber signs the dose first",
        ),
        "two doses in one order": No(
            ask=door(Order(drug=order.drug, ug_per_kg=500, fixed_ug=28_000)),
            code="KIN-ORDER-TWO", limit="a dose per kilogram and a fixed dose",
            step="Ask the prescriber which one",
        ),
        "an order of nothing": No(
            ask=door(Order(drug=order.drug, fixed_ug=0)), code="KIN-DOSE-ZERO",
            limit="more than zero", step="Read the order again",
        ),
        "an order below nothing": No(
            ask=door(Order(drug=order.drug, ug_per_kg=-1)), code="KIN-DOSE-ZERO",
            limit="more than zero", step="Read the order again",
        ),
        "an unclear order": No(
            ask=door(replace(order, drug="ketanest")), code="KIN-DRUG-UNCLEAR",
            limit="'ketanest' does not say", step=DRUGS_STEP,
        ),
        "an unclear product": No(
            ask=door(**{vessel: replace(one, drug="Ketamine")}), code="KIN-DRUG-UNCLEAR",
            limit="'Ketamine' does not say", step=DRUGS_STEP,
        ),
        "a salt": No(
            ask=door(**{vessel: replace(one, **{strength: "hydrochloride"})}),
            code="KIN-SALT-BASE", limit="given as hydrochloride, and doses are ordered as base",
            step="Enter the base equivalent from the label",
        ),
        "a silent label": No(
            ask=door(**{vessel: replace(one, **{strength: ""})}),
            code="KIN-SALT-BASE", limit="given as not stated", step="it is not guessed here",
        ),
    }  # fmt: skip


DEVICE = Device(drug="esketamine", content_as="base", content_ug=28_000)
DEVICES = Order(drug="esketamine", fixed_ug=84_000)

PREPARE = two_doors(prep, "vial", "strength_as") | {
    "the other form": No(
        ask=prep(replace(ORDER, drug="esketamine")), code="KIN-DRUG-OTHER",
        limit="The order is for esketamine, the product is ketamine", step="Take the ordered drug",
    ),
    "nobody weighed": No(
        ask=prep(weight_g=None), code="KIN-WEIGHT-UNKNOWN", limit="nothing is worked out from a guess",
        step="Weigh the patient",
    ),
    "a gram too light": No(
        ask=prep(weight_g=29_999), code="KIN-WEIGHT-RANGE", limit="30 to 200 kg",
        step="entered in pounds or grams",
    ),
    "a gram too heavy": No(
        ask=prep(weight_g=200_001), code="KIN-WEIGHT-RANGE", limit="30 to 200 kg",
        step="ask a pharmacist",
    ),
    "no cap is signed": No(
        ask=prep(caps=Caps(total_ug_max=100_000)), code="KIN-CAP-NONE",
        limit="no cap per kilogram", step="Add the cap to the protocol and sign it",
    ),
    # 0.001 mg/kg x 71.3 kg = 0.0713 mg, and a line of 0.01 mL holds 0.1 mg.
    "less than a line": No(
        ask=prep(Order(drug="ketamine", ug_per_kg=1)), code="KIN-DRAW-ZERO",
        limit="less than one line of this syringe", step="a finer syringe or a weaker vial",
    ),
}  # fmt: skip


def read(volume_ul: int = 3_500, drug: str = "ketamine", weight_g: int | None = 71_300):
    return lambda: read_drawn(volume_ul, drug=drug, weight_g=weight_g, vial=VIAL)


READ = {
    "empty": No(
        ask=read(0), code="KIN-VOLUME-ZERO", limit="holds nothing", step="Read it again"
    ),
    "below empty": No(
        ask=read(-10), code="KIN-VOLUME-ZERO", limit="holds nothing", step="Read it again"
    ),
    "read for the other form": No(
        ask=read(drug="esketamine"), code="KIN-DRUG-OTHER", limit="the product is ketamine",
        step="Take the ordered drug",
    ),
    "read for nobody's weight": No(
        ask=read(weight_g=None), code="KIN-WEIGHT-UNKNOWN", limit="from a guess",
        step="Weigh the patient",
    ),
}  # fmt: skip

# --- set_pump, close_out -------------------------------------------------------------------------


def drawn() -> Prepared:
    answer = prep()()
    assert isinstance(answer, Prepared)
    return answer


def rate(minutes: int | None = 40, made_up_to_ul: int | None = None, step: int = 100):
    return lambda: set_pump(
        drawn(), pump=Pump(step_ul_per_hour=step), infusion_minutes=minutes,
        made_up_to_ul=made_up_to_ul,
    )  # fmt: skip


def closed(given_ul: int, wasted_ul: int):
    def ask() -> object:
        setting = rate()()
        assert isinstance(setting, PumpSetting)
        return close_out(setting, given_ul=given_ul, wasted_ul=wasted_ul)

    return ask


PUMP = {
    "no time": No(
        ask=rate(None), code="KIN-MINUTES", limit="at least one minute",
        step="A prescriber signs the time first",
    ),
    "no minutes": No(
        ask=rate(0), code="KIN-MINUTES", limit="at least one minute",
        step="A prescriber signs the time first",
    ),
    # 0.5 mg/kg x 71.3 kg = 35.65 mg = 3.565 mL, drawn 3.56 mL.
    "made up to less": No(
        ask=rate(made_up_to_ul=3_550), code="KIN-DILUTION-LESS", limit="less than the volume",
        step="that is drawn",
    ),
    "made up between the lines": No(
        ask=rate(made_up_to_ul=50_005), code="KIN-DILUTION-STEP", limit="not on a line",
        step="Choose one that is",
    ),
    # 3.56 mL in 40 min are 5.34 mL/h, and this pump knows 0, 6, 12 mL/h.
    "slower than the pump can": No(
        ask=rate(step=6_000), code="KIN-RATE-ZERO", limit="less than one step of this pump",
        step="take a finer pump",
    ),
}  # fmt: skip
CLOSE = {
    "a microlitre is missing": No(
        ask=closed(3_000, 559), code="KIN-CLOSE-MISMATCH", limit="not what the syringe held",
        step="Measure again before closing",
    ),
    "a microlitre too many": No(
        ask=closed(3_000, 561), code="KIN-CLOSE-MISMATCH", limit="not what the syringe held",
        step="Measure again before closing",
    ),
}  # fmt: skip


def counted(order: Order | None = DEVICES, *, device: Device = DEVICE, cap_ug: int = 84_000):
    return lambda: count_devices(order, device=device, caps=Caps(total_ug_max=cap_ug))


COUNT = two_doors(counted, "device", "content_as") | {
    "the other form in the device": No(
        ask=counted(device=replace(DEVICE, drug="ketamine")), code="KIN-DRUG-OTHER",
        limit="The order is for esketamine, the product is ketamine", step="Take the ordered drug",
    ),
    "devices per kilogram": No(
        ask=counted(Order(drug="esketamine", ug_per_kg=1_000)), code="KIN-DEVICE-PER-KG",
        limit="not per kilogram", step="Ask the prescriber for the amount",
    ),
    "a part of a device": No(
        ask=counted(Order(drug="esketamine", fixed_ug=83_999)), code="KIN-DEVICE-PART",
        limit="not a whole number of devices", step="never given in part",
    ),
    "a device above the cap": No(
        ask=counted(cap_ug=27_999), code="KIN-DEVICE-CAP", limit="One device holds more",
        step="than the signed protocol allows",
    ),
}  # fmt: skip

# --- forecast ------------------------------------------------------------------------------------


def ahead(
    *names: str, dose: Dose = INFUSION, minutes_ago: float | None = 0.0, **person: object
) -> Callable[[], object]:
    return lambda: forecast.forecast(
        tuple(bare(name) if name.endswith("!") else load_model(name) for name in names),
        replace(PERSON, **person), given=(), rest=(dose,), now_minutes=0.0, until_minutes=20.0,
        every_minutes=10.0, draws=2, seed=1, effect_site=default_effect_site(),
        last_rate_record_minutes_ago=minutes_ago,
    )  # fmt: skip


def bare(name: str):
    """The model with its variability taken away."""
    model = load_model(name.removesuffix("!"))
    return replace(
        model, parameters=tuple(replace(p, variability=None) for p in model.parameters),
        covariances=(),
    )  # fmt: skip


FORECAST = {
    "one model": No(
        ask=ahead(KAMP), code="KIN-ONE-MODEL", limit="at least 2 published models",
        step="models differ more than people do",
    ),
    "one model twice": No(
        ask=ahead(KAMP, KAMP), code="KIN-ONE-MODEL", limit="at least 2 published models",
        step="models differ more than people do",
    ),
    "a model without variability": No(
        ask=ahead(KAMP, "clements_1981!"), code="KIN-NO-VARIABILITY",
        limit="clements_1981 has no published variability", step="Choose another model",
    ),
    "an old record": No(
        ask=ahead(KAMP, "clements_1981", minutes_ago=30.1), code="KIN-RATE-OLD",
        limit="in the last 30 minutes", step="Record the rate; the forecast then returns",
    ),
    "no record": No(
        ask=ahead(KAMP, "clements_1981", minutes_ago=None), code="KIN-RATE-OLD",
        limit="in the last 30 minutes", step="Record the rate",
    ),
    "nobody weighed": No(
        ask=ahead(KAMP, "clements_1981", weight_kg=None), code="KIN-WEIGHT-UNKNOWN",
        limit="no weight is assumed", step="Weigh first",
    ),
    "the second model has no such route": No(
        ask=ahead(PEREZ, "otto_2021", dose=NASAL), code="KIN-ROUTE",
        limit="otto_2021 knows only iv", step="ask a model that has this route",
    ),
    "the second model is of the other drug": No(
        ask=ahead(KAMP, "otto_2021", dose=replace(INFUSION, drug="ketamine")), code="KIN-DRUG",
        limit="otto_2021 speaks of esketamine", step="ask a model of racemic ketamine",
    ),
}  # fmt: skip

DOORS: Mapping[str, dict[str, No]] = {
    "simulate": SIMULATE, "prepare": PREPARE, "read_drawn": READ, "set_pump": PUMP,
    "close_out": CLOSE, "count_devices": COUNT, "forecast": FORECAST,
}  # fmt: skip
ALL = [pytest.param(no, id=f"{door}: {name}") for door, rows in DOORS.items()
       for name, no in rows.items()]  # fmt: skip
PERSONAL = ("37.7", "17.9", "7.7", "-0.1", "80.7", "71.3", "39.7", "170.7", "71300", "71_300",
            "29999", "200001", "ticlopidine", "142.601")  # fmt: skip


@pytest.mark.parametrize("no", ALL)
def test_a_no_has_its_code_its_limit_and_a_next_step(no: No) -> None:
    """INV-KIN-60: a refusal is an answer; who reads it knows what stands in the way and what to do."""
    answer = no.ask()

    assert isinstance(answer, Refused), answer
    assert answer.code == no.code
    assert no.limit in answer.message
    assert no.step in answer.message


@pytest.mark.parametrize("no", ALL)
def test_a_no_reads_as_sentences_and_tells_nothing_of_the_person(no: No) -> None:
    """INV-KIN-60: no age, weight, dose or medicine of the person is repeated."""
    message = getattr(no.ask(), "message", "")

    assert message[0].isupper() or message.startswith(("'", *model_names()))
    assert message.endswith(".")
    assert "  " not in message
    assert not [detail for detail in PERSONAL if re.search(rf"(?<![\d.]){detail}(?!\d)", message)]


@pytest.mark.parametrize("no", ALL)
def test_the_same_question_gets_the_same_no(no: No) -> None:
    """A refusal holds no clock, no seed and no memory of the question before."""
    assert no.ask() == no.ask()


@pytest.mark.parametrize(
    ("door", "function"),
    [
        ("simulate", box.refusal),
        ("prepare", preparation.prepare),
        ("set_pump", pump.set_pump),
        ("close_out", pump.close_out),
        ("count_devices", devices.count_devices),
    ],
)
def test_the_table_reaches_each_code_that_a_door_promises_and_no_other(door, function) -> None:
    """A code that no question reaches is dead; one that is not promised surprises the caller."""
    reached = {no.code for no in DOORS[door].values()}

    assert reached == set(CODE.findall(function.__doc__))


@pytest.mark.parametrize("name", ["simulate", "simulate_population"])
@pytest.mark.parametrize("model", model_names())
def test_no_model_answers_a_dose_that_nobody_named(model: str, name: str) -> None:
    """Care or research, one or many: without a dose there is no course of nothing."""
    chosen = load_model(model)
    middle = Subject(
        age_years=(chosen.box.age_years_min + chosen.box.age_years_max) / 2,
        weight_kg=(chosen.box.weight_kg_min + chosen.box.weight_kg_max) / 2,
    )
    times = np.array([0.0, 1.0])

    answer = (
        simulate(chosen, middle, (), times, purpose="research")
        if name == "simulate"
        else simulate_population(chosen, [middle], (), times, purpose="research")
    )

    # An adult model asked about its own middle never needs research, and a model of children never gets care.
    assert isinstance(answer, Refused)
    assert answer.code == "KIN-DOSE-NONE"


# --- the grammar, and the reference --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("32.3 mg hydrochloride nasal", "KIN-SALT", "amount of salt"),
        ("0.5 mg/kg iv bolus", "KIN-DOSE-TEXT", "per kilogram"),
        ("35 mg iv", "KIN-DOSE-TEXT", "'bolus' or 'over'"),
        ("0 mg iv bolus", "KIN-DOSE-TEXT", "zero"),
        ("35 mg arketamine iv bolus", "KIN-DOSE-TEXT", "'arketamine'"),
        ("35 mg rectal", "KIN-DOSE-TEXT", "'rectal'"),
        ("35 mg nasal over 5 min", "KIN-DOSE-TEXT", "belongs to iv"),
        ("35 mg iv over 0 min", "KIN-DOSE-TEXT", "lasts no time"),
        ("35 mg iv bolus at 1e3 min", "KIN-DOSE-TEXT", "'1e3'"),
        ("35 mg iv bolus at 5 s", "KIN-DOSE-TEXT", "'s'"),
        ("35 mg iv bolus at 200000 h", "KIN-DOSE-TEXT", "more than 9999999 min"),
        ("35 mg iv bolus twice", "KIN-DOSE-TEXT", "'twice'"),
        ("35 mg iv bolus at 0 min please", "KIN-DOSE-TEXT", "'please' is left over"),
    ],
)
def test_a_text_that_is_no_dose_says_what_it_read_and_what_it_expected(text, code, told) -> None:
    """INV-KIN-61: value, reason and an example, in one message."""
    with pytest.raises(DoseTextInvalid) as error:
        parse_dose(text)

    assert error.value.code == code
    assert repr(text) in str(error.value)
    assert told in str(error.value)
    assert "Expected an amount" in str(error.value)


def codes_of_the_sources() -> set[str]:
    """Every code that a string of the product is, from the text of the files."""
    return {
        code
        for file in (ROOT / "src" / "vigil").rglob("*.py")
        for code in re.findall(r"[\"'](KIN-[A-Z-]+)[\"']", file.read_text(encoding="utf-8"))
    }


def codes_of_the_reference() -> set[str]:
    return set(CODE.findall(REFERENCE.read_text(encoding="utf-8")))


def test_every_code_of_the_sources_is_explained_in_the_reference() -> None:
    """Whoever reads a code on a screen finds what it means and what to do next."""
    assert codes_of_the_sources() - codes_of_the_reference() == set()


def test_the_reference_explains_no_code_that_is_gone() -> None:
    """A page that explains what no one can meet hides what they can."""
    assert codes_of_the_reference() - codes_of_the_sources() == set()


def test_the_table_stands_for_codes_of_the_sources() -> None:
    """A typing error in this table would otherwise be a test of nothing."""
    assert {no.code for rows in DOORS.values() for no in rows.values()} <= codes_of_the_sources()
