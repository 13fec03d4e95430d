"""Which models come first, on models made for the question: drug, site, width of the box, what the paper states, name."""

import dataclasses
from itertools import permutations

import pytest

from a_small_model import PERSON, bolus, small_model
from vigil.kinetics.facts import Dose, Model
from vigil.kinetics.selection import MODELS_DRAWN, NO_MODEL, Choice, LeftOut, choose
from vigil.units.refusals import Refused

S_DOSE = dataclasses.replace(bolus(1_000), drug="esketamine")


def made(
    name: str, *, site="venous", enantiomer="S", ages=(18.0, 80.0), weights=(40.0, 150.0), stated=True, children=False
) -> Model:  # fmt: skip
    plain = small_model(name, site=site, enantiomer=enantiomer)
    box = dataclasses.replace(
        plain.box, age_years_min=ages[0], age_years_max=ages[1], weight_kg_min=weights[0],
        weight_kg_max=weights[1], is_of_children=children,
    )  # fmt: skip
    drug = "esketamine" if enantiomer == "S" else "ketamine"
    return dataclasses.replace(plain, box=box, site_is_stated=stated, drug=drug)


def order(*models: Model, doses=(S_DOSE,), count: int = 1, person=PERSON) -> list[str]:
    """Names in the order in which they would be drawn, the same in whatever order they are given."""
    found = {
        tuple(m.name for m in (*choice.drawn, *choice.others))
        for choice in (choose(each, person, doses, count=count) for each in permutations(models))
    }
    assert len(found) == 1
    return list(*found)


WIDE, NARROW = {"ages": (18.0, 80.0)}, {"ages": (18.0, 50.0)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (made("z", enantiomer="S", **NARROW), made("a", enantiomer="mixed", **WIDE)),
        (made("z", **WIDE), made("a", **NARROW)),
        (made("z", weights=(40.0, 150.0)), made("a", weights=(40.0, 149.0))),
        (made("z", stated=True), made("a", stated=False)),
        (made("a"), made("z")),
        (made("z", stated=False, **WIDE), made("a", stated=True, **NARROW)),
        # 30 years and 110 kg are more people than 40 years and 80 kg: width times width, 3,300 to 3,200.
        (made("z", ages=(30.0, 60.0)), made("a", ages=(30.0, 70.0), weights=(40.0, 120.0))),
        # Width times width and not their sum: 50 by 60 are 3,000, 30 by 90 are 2,700.
        (made("z", ages=(20.0, 70.0), weights=(60.0, 120.0)), made("a", ages=(30.0, 60.0), weights=(50.0, 140.0))),
        # 20 years are wider than 19 wherever they begin.
        (made("z", ages=(30.0, 50.0)), made("a", ages=(39.0, 58.0))),
        (made("z", weights=(65.0, 85.0)), made("a", weights=(66.0, 85.5))),
    ],
)  # fmt: skip
def test_the_order_within_a_site(first, second) -> None:
    assert order(first, second) == [first.name, second.name]


def test_for_the_racemate_a_pooled_model_is_as_good_as_a_racemic_one() -> None:
    """Most pooled studies gave the racemate: only the width of the box decides."""
    dose = dataclasses.replace(bolus(1_000), drug="ketamine")
    pooled, racemic = made("pooled", enantiomer="mixed", **WIDE), made("racemic", enantiomer="racemate", **NARROW)  # fmt: skip

    assert order(pooled, racemic, doses=(dose,)) == ["pooled", "racemic"]
    narrow = made("pooled", enantiomer="mixed", ages=(30.0, 50.0))
    assert order(narrow, racemic, doses=(dose,)) == ["racemic", "pooled"]


def test_arterial_is_drawn_before_venous_and_both_before_a_better_second() -> None:
    arterial, vein, wide = made("artery", site="arterial", **NARROW), made("v1", **WIDE), made("v2", **WIDE)  # fmt: skip

    assert order(arterial, vein, wide, count=2) == ["artery", "v1", "v2"]
    assert order(arterial, vein, wide, count=3) == ["artery", "v1", "v2"]


def test_the_best_of_each_site_is_drawn() -> None:
    found = choose(
        (made("a1", site="arterial", **NARROW), made("a2", site="arterial", **WIDE), made("v1", **NARROW), made("v2", **WIDE)),
        PERSON, (S_DOSE,),
    )  # fmt: skip

    assert isinstance(found, Choice)
    assert [m.name for m in found.drawn] == ["a2", "v2"]
    assert [m.name for m in found.others] == ["a1", "v1"]


@pytest.mark.parametrize(("many", "one"), [("arterial", "venous"), ("venous", "arterial")])
def test_a_narrow_model_of_the_other_site_is_drawn_before_a_second_wide_one(many, one) -> None:
    models = (made("w1", site=many, **WIDE), made("w2", site=many, **WIDE), made("n", site=one, **NARROW))  # fmt: skip

    found = choose(models, PERSON, (S_DOSE,))

    assert {m.name for m in found.drawn} == {"w1", "n"}
    assert [m.site for m in found.drawn] == ["arterial", "venous"]


def test_one_dose_of_esketamine_is_enough_to_prefer_its_own_models() -> None:
    """A dose without a drug is the model's own; it does not make the other one a racemate."""
    own, pooled = made("own", **NARROW), made("pooled", enantiomer="mixed", **WIDE)

    assert order(own, pooled, doses=(S_DOSE, bolus(500, 9.0))) == ["own", "pooled"]
    assert order(own, pooled, doses=(bolus(500), bolus(500, 9.0))) == ["pooled", "own"]


@pytest.mark.parametrize("site", ["arterial", "venous"])
def test_with_one_site_the_two_first_of_it_are_drawn(site) -> None:
    models = tuple(made(name, site=site) for name in ("c", "a", "b"))

    found = choose(models, PERSON, (S_DOSE,))

    assert [m.name for m in found.drawn] == ["a", "b"]
    assert [m.name for m in found.others] == ["c"]
    assert MODELS_DRAWN == 2
    assert not found.is_one


def test_one_model_is_said_to_be_one() -> None:
    assert choose((made("a"),), PERSON, (S_DOSE,)).is_one
    assert not choose((made("a"), made("b")), PERSON, (S_DOSE,)).is_one
    drawn_alone = choose((made("a"), made("b")), PERSON, (S_DOSE,), count=1)
    assert (len(drawn_alone.drawn), len(drawn_alone.others), drawn_alone.is_one) == (1, 1, False)
    with pytest.raises(AssertionError):
        choose((made("a"),), PERSON, (S_DOSE,), count=0)


# --- who is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("enantiomer", "drug", "is_asked"),
    [
        ("S", "esketamine", True),
        ("S", "ketamine", False),
        ("S", None, True),
        ("racemate", "ketamine", True),
        ("racemate", "esketamine", False),
        ("mixed", "ketamine", True),
        ("mixed", "esketamine", True),
    ],
)
def test_a_model_of_another_drug_is_not_even_left_out(enantiomer, drug, is_asked) -> None:
    dose = Dose(amount_ug=1_000, route="iv", drug=drug)

    found = choose((made("a", enantiomer=enantiomer),), PERSON, (dose,))

    assert isinstance(found, Choice) == is_asked
    if not is_asked:
        assert found == NO_MODEL


def test_a_model_that_lacks_one_of_the_routes_is_not_asked() -> None:
    vein = dataclasses.replace(made("vein"), routes=made("vein").routes[:1])
    both = (S_DOSE, dataclasses.replace(bolus(1_000, 5.0, "oral"), drug="esketamine"))

    assert order(made("all"), vein, doses=both) == ["all"]
    assert order(made("all"), vein) == ["all", "vein"]
    assert choose((vein,), PERSON, both) == NO_MODEL


def test_whoever_does_not_speak_is_left_out_with_the_reason() -> None:
    young = made("young", ages=(18.0, 30.0))

    found = choose((made("all"), young), PERSON, (S_DOSE,))

    (out,) = found.left_out
    assert isinstance(out, LeftOut)
    assert (out.model, out.why.code) == (young, "KIN-AGE-OUTSIDE")


def test_models_of_children_are_no_news_in_care_and_are_in_research() -> None:
    child = made("child", ages=(2.0, 17.0), children=True)

    care = choose((made("all"), child), PERSON, (S_DOSE,))
    research = choose((made("all"), child), PERSON, (S_DOSE,), purpose="research")

    assert care.left_out == ()
    assert [out.model.name for out in research.left_out] == ["child"]
    assert choose((child,), PERSON, (S_DOSE,)) == NO_MODEL
    young = dataclasses.replace(PERSON, age_years=9.0)
    assert isinstance(choose((child,), young, (S_DOSE,), purpose="research"), Choice)  # fmt: skip


# --- refusals -----------------------------------------------------------------------------------


def refused(*models: Model, **changes) -> Refused:
    found = choose(models, dataclasses.replace(PERSON, **changes), (S_DOSE,))
    assert isinstance(found, Refused)
    return found


def test_one_reason_of_all_is_given_as_it_is() -> None:
    found = refused(made("a"), made("b", ages=(18.0, 30.0)), is_pregnant=True)

    assert found.code == "KIN-PREGNANCY"
    assert "No published model" not in found.message


def test_a_single_models_reason_is_its_own() -> None:
    assert refused(made("a"), weight_kg=200.0).code == "KIN-WEIGHT-OUTSIDE"


def test_one_kind_of_reason_is_told_by_the_first_in_order() -> None:
    found = refused(made("z", weights=(40.0, 150.0)), made("a", weights=(40.0, 90.0)), weight_kg=200.0)  # fmt: skip

    assert found.code == "KIN-NO-MODEL"
    assert found.message.startswith("No published model speaks of this person and dose, so no curve is drawn. ")  # fmt: skip
    assert "The one with the widest limits says: The weight is outside what z speaks of: 40 to 150 kg." in found.message  # fmt: skip
    assert "what a speaks of" not in found.message


def test_two_kinds_of_reasons_are_both_told_once_each() -> None:
    found = refused(
        made("x", ages=(18.0, 30.0)), made("y", weights=(40.0, 50.0)), made("w", ages=(18.0, 31.0))
    )

    assert found.code == "KIN-NO-MODEL"
    assert "widest limits" not in found.message
    assert "ask a model made for this weight. The age is outside" in found.message or (
        "Ask a model made for this age. The weight is outside" in found.message
    )
    for name in ("x", "y", "w"):
        assert found.message.count(f"what {name} speaks of") == 1


def test_nobody_at_all_is_the_plain_refusal() -> None:
    assert refused() == NO_MODEL
    assert NO_MODEL.code == "KIN-NO-MODEL"
    assert "never converted" in NO_MODEL.message
