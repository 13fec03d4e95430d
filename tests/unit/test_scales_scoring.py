"""PHQ-9: totals, bands, flags, and nothing guessed."""

import pytest

from vigil.evidence.scales import load_scale
from vigil.scales.scoring import AnswerNotOffered, is_remission, is_response, score

PHQ9 = load_scale("phq-9")
ITEMS = [f"item-{number}" for number in range(1, 10)]


def answers(*points: int | None) -> dict[str, int | None]:
    return dict(zip(ITEMS, points, strict=True))


@pytest.mark.parametrize(
    ("total", "band"),
    [
        (0, "none or minimal"), (4, "none or minimal"), (5, "mild"), (9, "mild"),
        (10, "moderate"), (14, "moderate"), (15, "moderately severe"),
        (19, "moderately severe"), (20, "severe"), (27, "severe"),
    ],
)  # fmt: skip
def test_each_band_begins_and_ends_where_it_is_published(total: int, band: str) -> None:
    points = [min(3, max(0, total - 3 * place)) for place in range(9)]

    found = score(PHQ9, answers(*points))

    assert (found.total, found.band, found.missing) == (total, band, ())


def test_the_difficulty_item_adds_nothing() -> None:
    found = score(PHQ9, {**answers(*[1] * 9), "difficulty": 3})

    assert found.total == 9


def test_a_missing_answer_leaves_no_total() -> None:
    found = score(PHQ9, answers(3, None, 3, 3, 3, 3, 3, 3, 0))

    assert (found.total, found.band, found.missing) == (None, None, ("item-2",))


def test_answers_not_given_at_all_are_missing_too() -> None:
    assert score(PHQ9, {}).missing == tuple(ITEMS)


@pytest.mark.parametrize(
    ("value", "flags"), [(0, ()), (1, ("suicidal-thoughts",)), (3, ("suicidal-thoughts",))]
)
def test_item_nine_raises_its_flag_at_one(value: int, flags: tuple[str, ...]) -> None:
    assert score(PHQ9, answers(*[0] * 8, value)).flags == flags


def test_the_flag_does_not_wait_for_the_other_answers() -> None:
    assert score(PHQ9, {"item-9": 1}).flags == ("suicidal-thoughts",)


def test_prorating_is_off_unless_asked_for() -> None:
    two_missing = answers(None, None, 1, 1, 1, 1, 1, 1, 0)

    assert score(PHQ9, two_missing).total is None
    allowed = score(PHQ9, two_missing, may_prorate=True)
    # 6 points over 7 items, times 9, is 7.71: to the nearest whole.
    assert (allowed.total, allowed.is_prorated) == (8, True)


def test_prorating_rounds_half_up() -> None:
    # 8 items, 4 points: 4.5 exactly.
    found = score(PHQ9, answers(None, 1, 1, 1, 1, 0, 0, 0, 0), may_prorate=True)

    assert found.total == 5


def test_three_missing_answers_are_never_prorated() -> None:
    found = score(PHQ9, answers(None, None, None, 1, 1, 1, 1, 1, 0), may_prorate=True)

    assert (found.total, found.is_prorated) == (None, False)


def test_item_nine_is_never_imputed() -> None:
    found = score(PHQ9, answers(*[1] * 8, None), may_prorate=True)

    assert (found.total, found.missing, found.is_prorated) == (None, ("item-9",), False)


@pytest.mark.parametrize("bad", [{"item-1": 4}, {"item-1": -1}, {"item-1": True}, {"item-10": 0}])
def test_an_answer_that_was_not_offered_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(AnswerNotOffered):
        score(PHQ9, bad)


def test_response_is_half_or_more_and_remission_is_below_five() -> None:
    assert is_response(PHQ9, baseline=18, total=9)
    assert not is_response(PHQ9, baseline=18, total=10)
    assert not is_response(PHQ9, baseline=17, total=9)
    assert not is_response(PHQ9, baseline=0, total=0)
    assert is_remission(PHQ9, 4)
    assert not is_remission(PHQ9, 5)
