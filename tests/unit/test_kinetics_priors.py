"""The files of what is believed before: each field, each boundary, and what a wrong file is told. INV-KIN-88."""

import dataclasses
import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence import priors
from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing
from vigil.evidence.priors import (
    load_effect_level,
    load_pressure_prior,
    load_readiness,
    parse_effect_level,
    parse_pressure_prior,
    parse_readiness,
    prior_names,
)
from vigil.kinetics.pressure_prior import PressurePrior, PriorValue

VALUES = ("baseline", "slope", "half_life", "day_sd", "reading_sd")
SOURCE = '[[sources]]\nsource_id = "s"\ncitation = "c"\nread_as = "r"\n'


def prior_file(*, is_enabled: bool = False, head: str = "", **changes: dict[str, object]) -> bytes:
    """A sound prior but for the changes: `slope={"cv": None}` leaves a field out."""
    text = 'name = "p"\nversion = 3\ntitle = "t"\ndrug = "esketamine"\nsite = "venous"\nbasis = "own"\n'  # fmt: skip
    text += f"is_enabled = {str(is_enabled).lower()}\n{head}{SOURCE}"
    for name in VALUES:
        fields: dict[str, object] = {
            "name": name, "value": 2.0, "unit": "u", "cv": 0.5, "certainty": "R", "source": "s", "locator": "l",
        }  # fmt: skip
        fields |= changes.get(name, {})
        lines = (
            f"{key} = {value!r}".replace("'", '"')
            for key, value in fields.items()
            if value is not None
        )
        text += f"[{name}]\n" + "\n".join(lines) + "\n"
    return text.encode()


def refused(parse, content: bytes) -> EvidenceInvalid:
    with pytest.raises(EvidenceInvalid) as caught:
        parse(content, file="the.toml")
    assert "the.toml" in str(caught.value)
    return caught.value


# --- the pressure prior -------------------------------------------------------------------------


def test_a_sound_prior_says_what_its_file_says() -> None:
    content = prior_file(slope={"value": 0.25, "cv": 0.75})

    found = parse_pressure_prior(content, file="the.toml")

    assert isinstance(found, PressurePrior)
    assert (found.name, found.version, found.site) == ("p", 3, "venous")
    assert (found.slope.value, found.slope.cv) == (0.25, 0.75)
    assert [getattr(found, name).name for name in VALUES] == list(VALUES)
    assert found.content_hash == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_every_value_is_more_than_nothing(name, value) -> None:
    error = refused(parse_pressure_prior, prior_file(**{name: {"value": value}}))

    assert (error.field, error.value) == (f"$.{name}.value", value)
    assert error.limit == "more than 0"


@pytest.mark.parametrize("name", VALUES)
def test_every_value_names_a_listed_source(name) -> None:
    error = refused(parse_pressure_prior, prior_file(**{name: {"source": "hearsay"}}))

    assert (error.field, error.value) == (f"$.{name}.source", "hearsay")
    assert error.limit == "a listed source"


@pytest.mark.parametrize("name", ["baseline", "slope", "half_life"])
@pytest.mark.parametrize(
    "width",
    [{"cv": None}, {"cv": None, "low": 1.0, "high": 3.0}, {"cv": None, "low": 1.0, "share": 0.9}, {"cv": None, "high": 3.0, "share": 0.9}],
)  # fmt: skip
def test_what_differs_between_people_says_how_widely(name, width) -> None:
    error = refused(parse_pressure_prior, prior_file(**{name: width}))

    assert (error.field, error.value) == (f"$.{name}", None)
    assert error.limit == f"{name} says neither cv nor low, high and share."


@pytest.mark.parametrize("name", ["baseline", "slope", "half_life"])
@pytest.mark.parametrize("width", [{"cv": 0.0}, {"cv": None, "low": 3.0, "high": 3.0, "share": 0.9}])  # fmt: skip
def test_a_width_of_nothing_would_make_everybody_one_person(name, width) -> None:
    error = refused(parse_pressure_prior, prior_file(**{name: width}))

    assert (error.field, error.value, error.limit) == (f"$.{name}", 0.0, "a width of more than 0")


@pytest.mark.parametrize("name", ["day_sd", "reading_sd"])
def test_a_scatter_is_one_number_and_needs_no_width(name) -> None:
    found = parse_pressure_prior(prior_file(**{name: {"cv": None}}), file="the.toml")

    assert getattr(found, name).cv is None


@pytest.mark.parametrize("name", VALUES)
def test_one_value_that_nobody_read_keeps_a_prior_off(name) -> None:
    """INV-KIN-88: whichever of the five it is."""
    doubtful = {name: {"certainty": "K"}}

    error = refused(parse_pressure_prior, prior_file(is_enabled=True, **doubtful))

    assert (error.field, error.value) == ("$.is_enabled", True)
    assert error.limit == f"false while {name} is of certainty K"
    assert not parse_pressure_prior(prior_file(**doubtful), file="the.toml").is_enabled


def test_every_doubtful_value_is_named() -> None:
    content = prior_file(is_enabled=True, slope={"certainty": "K"}, day_sd={"certainty": "K"})

    assert "slope, day_sd" in refused(parse_pressure_prior, content).limit


@pytest.mark.parametrize("mark", ["R", "r", "D"])
def test_every_mark_of_something_read_may_be_enabled(mark) -> None:
    read = {name: {"certainty": mark} for name in VALUES}

    assert parse_pressure_prior(prior_file(is_enabled=True, **read), file="the.toml").is_enabled


@pytest.mark.parametrize(
    ("head", "field"),
    [("colour = 1\n", "$.colour"), ('content_hash = "x"\n', None), ("notes = 3\n", "$.notes")],
)
def test_a_field_that_a_prior_does_not_have_is_named(head, field) -> None:
    content = prior_file(head=head)

    if field is None:
        # The sum in a file would be one that nobody computed: the one of its bytes stands.
        found = parse_pressure_prior(content, file="the.toml")
        assert found.content_hash == hashlib.sha256(content).hexdigest()
    else:
        assert refused(parse_pressure_prior, content).field == field


@pytest.mark.parametrize("parse", [parse_pressure_prior, parse_effect_level, parse_readiness])
@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = ", b"[[", b'a = "unclosed'])
def test_what_is_no_toml_is_told_as_that(parse, content) -> None:
    error = refused(parse, content)

    assert (error.field, error.value) == ("$", "text")
    assert error.limit


@pytest.mark.parametrize("parse", [parse_pressure_prior, parse_effect_level, parse_readiness])
def test_a_file_of_another_kind_is_not_taken_for_this_one(parse) -> None:
    own = {parse_pressure_prior: prior_file(), parse_effect_level: level_file(), parse_readiness: ready_file()}  # fmt: skip

    for other, content in own.items():
        if other is parse:
            assert parse(content, file="the.toml").version == 3
        else:
            refused(parse, content)


# --- the effect level ---------------------------------------------------------------------------


def level_file(middle=121.0, low=90.0, high=157.0, certainty="D", bounds="most") -> bytes:
    return (
        f'name = "l"\nversion = 3\ntitle = "t"\nng_per_ml = {middle}\nlow_ng_per_ml = {low}\n'
        f'high_ng_per_ml = {high}\ncovers = ["SES-GAIT"]\nbounds = "{bounds}"\n'
        f'certainty = "{certainty}"\nlocator = "l"\n{SOURCE.replace("[[sources]]", "[source]")}'
    ).encode()


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (2.0, 1.0, 2.0), (1.0, 1.0, 2.0), (2.0, 0.001, 3.0)])  # fmt: skip
def test_a_level_may_stand_at_the_ends_of_its_interval(edges) -> None:
    middle, low, high = edges

    found = parse_effect_level(level_file(middle, low, high), file="the.toml")

    assert (found.low_ng_per_ml, found.ng_per_ml, found.high_ng_per_ml) == (low, middle, high)
    assert found.covers == ("SES-GAIT",)


@pytest.mark.parametrize("edges", [(1.0, 0.0, 2.0), (1.0, -1.0, 2.0), (1.0, 1.1, 2.0), (2.1, 1.0, 2.0), (2.0, 3.0, 1.0)])  # fmt: skip
def test_a_level_outside_its_interval_or_at_nothing_is_refused(edges) -> None:
    error = refused(parse_effect_level, level_file(*edges))

    assert (error.field, error.value) == ("$.ng_per_ml", edges[0])
    assert error.limit == "more than 0 and inside its own interval"


@pytest.mark.parametrize("mark", ["R", "r", "D", "K"])
def test_the_four_marks_of_certainty_are_accepted_and_no_other(mark) -> None:
    assert parse_effect_level(level_file(certainty=mark), file="the.toml").certainty == mark
    error = refused(parse_effect_level, level_file(certainty=f"{mark}?"))
    assert (error.field, error.value, error.limit) == ("$.certainty", f"{mark}?", "R, r, D or K")


# --- published readiness ------------------------------------------------------------------------

SHARES = ((90.0, 0.5, 0.9), (120.0, 0.6, 1.0))


def ready_file(*shares: tuple[float, float, float], **change: str) -> bytes:
    fields = {"certainty": "R", "source": "s", "locator": "l", **change}
    text = 'name = "r"\nversion = 3\ntitle = "t"\nroute = "nasal"\npopulation = "p"\ncovers = ["SES-GAIT"]\n'  # fmt: skip
    text += SOURCE
    for minutes, low, high in shares or SHARES:
        text += f"[[shares]]\nminutes = {minutes}\nlow = {low}\nhigh = {high}\n"
        text += "\n".join(f'{key} = "{value}"' for key, value in fields.items()) + "\n"
    return text.encode()


@pytest.mark.parametrize(
    "shares",
    [
        ((90.0, 0.5, 0.5),),
        ((90.0, 0.0, 1.0),),
        ((0.5, 1.0, 1.0),),
        ((90.0, 0.5, 0.9), (90.1, 0.5, 0.7)),  # the least does not fall; the most is only a bound
    ],
)
def test_shares_at_their_limits_are_accepted(shares) -> None:
    found = parse_readiness(ready_file(*shares), file="the.toml")

    assert [(s.minutes, s.low, s.high) for s in found.shares] == list(shares)


@pytest.mark.parametrize(
    ("shares", "place", "wrong", "limit"),
    [
        (((0.0, 0.5, 0.9),), 0, "minutes", "rising minutes"),
        (((-1.0, 0.5, 0.9),), 0, "minutes", "rising minutes"),
        (((90.0, 0.5, 0.9), (90.0, 0.6, 0.9)), 1, "minutes", "rising minutes"),
        (((90.0, -0.1, 0.9),), 0, "low", "from 0 to its high, which is at most 1"),
        (((90.0, 0.5, 0.4),), 0, "low", "from 0 to its high, which is at most 1"),
        (((90.0, 0.5, 1.01),), 0, "low", "from 0 to its high, which is at most 1"),
        (((90.0, 0.5, 0.9), (99.0, 0.4, 0.9)), 1, "low", "from 0.5 to its high, which is at most 1"),
        (((1.0, 0.1, 0.9), (2.0, 0.2, 0.9), (3.0, 0.19, 0.9)), 2, "low", "from 0.2 to its high, which is at most 1"),
        (((1.0, 0.1, 0.9), (3.0, 0.2, 0.9), (2.0, 0.3, 0.9)), 2, "minutes", "rising minutes"),
    ],
)  # fmt: skip
def test_shares_that_fall_or_are_none_are_told_where(shares, place, wrong, limit) -> None:
    error = refused(parse_readiness, ready_file(*shares))

    assert error.field == f"$.shares[{place}].{wrong}"
    assert error.value == shares[place][0 if wrong == "minutes" else 1]
    assert error.limit == limit


@pytest.mark.parametrize(
    ("change", "limit"), [({"certainty": "S"}, "a mark"), ({"source": "x"}, "a listed source")]
)
def test_a_share_without_mark_or_source_is_refused(change, limit) -> None:
    error = refused(parse_readiness, ready_file(**change))

    ((key, value),) = change.items()
    assert (error.field, error.value, error.limit) == (f"$.shares[0].{key}", value, limit)


# --- the folder ---------------------------------------------------------------------------------

LOADERS = {
    "pressure_s_ketamine": load_pressure_prior,
    "olofsen_c50": load_effect_level,
    "ready_nasal_esketamine": load_readiness,
}


def test_every_file_has_a_loader_and_says_the_sum_of_its_bytes() -> None:
    assert set(prior_names()) == set(LOADERS)
    assert list(prior_names()) == sorted(prior_names())
    for name, load in LOADERS.items():
        found = load(name)
        assert found.name == name
        assert len(found.content_hash) == 64
        assert load(name) is found, "read once"


@pytest.mark.parametrize("load", LOADERS.values())
@pytest.mark.parametrize("name", ["nobody", "", "olofsen_c50.toml", "SHA256SUMS", "../models/kamp_2020"])  # fmt: skip
def test_a_name_that_is_none_says_the_folder_and_the_known_ones(load, name) -> None:
    with pytest.raises(EvidenceMissing) as caught:
        load(name)

    for known in LOADERS:
        assert known in str(caught.value)
    assert "priors" in str(caught.value)


def shadow_folder(monkeypatch, tmp_path, sums: str):
    """The loader looks into a folder with one level and these sums."""
    folder = tmp_path / "data" / "priors"
    folder.mkdir(parents=True)
    (folder / "level.toml").write_bytes(level_file())
    (folder / "SHA256SUMS").write_text(sums, encoding="ascii")
    monkeypatch.setattr(priors.resources, "files", lambda package: tmp_path)


SUM = hashlib.sha256(level_file()).hexdigest()


@pytest.mark.parametrize(
    ("sums", "is_loaded"),
    [
        (f"{SUM}  level.toml\n", True),
        (f"{'0' * 64}  other.toml\n{SUM}  level.toml\n", True),
        (f"{'0' * 64}  level.toml\n", False),
        (f"{SUM}  other.toml\n", False),
        (f"{SUM} level.toml\n", False),
        ("", False),
    ],
)
def test_only_the_bytes_that_were_written_down_are_loaded(monkeypatch, tmp_path, sums, is_loaded) -> None:  # fmt: skip
    shadow_folder(monkeypatch, tmp_path, sums)

    assert prior_names() == ("level",)
    if is_loaded:
        assert load_effect_level.__wrapped__("level").content_hash == SUM
    else:
        with pytest.raises(EvidenceInvalid, match=r"level\.toml"):
            load_effect_level.__wrapped__("level")


def test_one_changed_byte_is_noticed(monkeypatch, tmp_path) -> None:
    shadow_folder(monkeypatch, tmp_path, f"{SUM}  level.toml\n")
    changed = level_file().replace(b"121", b"122")
    (tmp_path / "data" / "priors" / "level.toml").write_bytes(changed)

    with pytest.raises(EvidenceInvalid):
        load_effect_level.__wrapped__("level")


# --- widths -------------------------------------------------------------------------------------


def value(**width: float) -> PriorValue:
    return PriorValue(
        name="n", value=1.0, unit="u", certainty="R", source="s", locator="l", **width
    )


@given(cv=st.floats(0.01, 3.0))
def test_a_coefficient_of_variation_comes_back_from_its_variance(cv) -> None:
    """Of a log-normal: CV^2 = exp(variance) - 1."""
    assert math.sqrt(math.exp(value(cv=cv).log_variance) - 1.0) == pytest.approx(cv, rel=1e-9)


@given(low=st.floats(0.1, 10.0), times=st.floats(1.1, 20.0), factor=st.floats(0.01, 100.0))
def test_a_width_does_not_depend_on_the_unit(low, times, factor) -> None:
    plain = value(low=low, high=low * times, share=0.9).log_variance

    scaled = value(low=low * factor, high=low * times * factor, share=0.9).log_variance

    assert scaled == pytest.approx(plain, rel=1e-9)
    assert math.exp(2 * 1.6448536 * math.sqrt(plain)) == pytest.approx(times, rel=1e-6)


def test_an_interval_that_holds_more_people_means_that_they_differ_less() -> None:
    found = [value(low=1.0, high=4.0, share=share).log_variance for share in (0.5, 0.9, 0.95, 0.99)]

    assert found == sorted(found, reverse=True)
    # A share of 68.27 % is one standard deviation on each side.
    assert value(low=1.0, high=math.e**2, share=0.6826894921).log_variance == pytest.approx(1.0)


def test_a_prior_that_no_file_said_has_no_sum_and_no_notes() -> None:
    found = parse_pressure_prior(prior_file(), file="the.toml")
    by_hand = PressurePrior(
        **{
            f.name: getattr(found, f.name)
            for f in dataclasses.fields(found)
            if f.name not in ("notes", "content_hash")
        }
    )

    assert (by_hand.notes, by_hand.content_hash) == ((), "")


def test_a_coefficient_counts_before_an_interval() -> None:
    both = value(cv=1.0, low=1.0, high=100.0, share=0.5)

    assert both.log_variance == pytest.approx(math.log(2.0))
    assert dataclasses.replace(both, cv=None).log_variance > 5
