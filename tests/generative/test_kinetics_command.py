"""Any words on the command line are answered, refused or called misuse, and nothing else. INV-KIN-77."""

import contextlib
import io
import json
import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vigil.config.command import main
from vigil.config.commands.kinetics import Declined, read_times
from vigil.evidence.models import load_model, model_names
from vigil.kinetics.box import refusal
from vigil.kinetics.doses import DoseTextInvalid, parse_dose
from vigil.kinetics.facts import Subject

NUMBERS = st.one_of(
    st.integers(-5, 200).map(str),
    st.decimals(0, 200, places=2).map(str),
    st.sampled_from(["", " ", "nan", "inf", "-inf", "1e2", "70,5", "７０", "0x10", "--", "None", "70 kg", "1_0"]),
)  # fmt: skip
DOSES = st.one_of(
    st.sampled_from(
        ["84 mg nasal at 0 min", "28 mg nasal", "35 mg iv over 40 min", "10 mg iv bolus at 0 min", "25 mg sublingual",
         "50 mg sublingual at 2 h", "20 mg oral", "84 mg", "84 mg rectal", "97 mg hcl nasal", "0 mg nasal", "85 mg nasal",
         "5 mg ketamine iv bolus", "5 mg esketamine iv bolus", "9999 mg iv bolus", "28 mg nasal at 9999 h"]
    ),
    st.text("0123456789. mgivnasalover", max_size=24),
)  # fmt: skip
MODELS = st.sampled_from([*model_names(), *model_names(), "nobody", "", "../kamp_2020"])


def ask(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(["kinetics", "simulate", *words])
        except SystemExit as misused:
            code = int(misused.code or 0)
    return code, out.getvalue(), err.getvalue()


@st.composite
def questions(draw: st.DrawFn) -> list[str]:
    """Words that are mostly a question."""
    words = ["--hours", "1", "--every-minutes", "30", "--json"]
    for flag, values, share in (
        ("--model", MODELS, 9), ("--model", MODELS, 2), ("--dose", DOSES, 9), ("--dose", DOSES, 3),
        ("--age-years", NUMBERS | st.just("30"), 9), ("--weight-kg", NUMBERS | st.just("70"), 9),
        ("--sex", st.sampled_from(["f", "m"]), 3),
        ("--population", st.sampled_from(["japanese", "Asian", "martian", ""]), 2),
        ("--effect-site", st.sampled_from(["none", "default", "olofsen_2022", "nowhere"]), 3),
        ("--takes", st.text(max_size=8).filter(lambda text: not text.startswith("-")), 2),
        ("--hours", NUMBERS, 2), ("--every-minutes", NUMBERS, 2), ("--seed", NUMBERS, 1), ("--bands", NUMBERS, 1),
    ):  # fmt: skip
        if draw(st.integers(0, 9)) < share:
            words.append(f"{flag}={draw(values)}")
    for flag in ("--pregnant", "--severe-hepatic-impairment", "--research"):
        if draw(st.integers(0, 9)) == 0:
            words.append(flag)
    return words


@given(words=questions())
@settings(deadline=None, max_examples=250)
def test_any_question_is_answered_refused_or_misuse(words: list[str]) -> None:
    """INV-KIN-77: no traceback, no number beside a refusal, one sentence, and JSON in every case of our own."""
    code, out, err = ask(*words)

    assert code in {0, 1, 2}
    assert "Traceback" not in err
    if "usage: vigil kinetics" in err:
        assert (code, out) == (2, "")
        return
    found = json.loads(out)
    if code == 0:
        assert err == ""
        assert "code" not in found
        return
    assert found.keys() == {"code", "message"}
    assert re.fullmatch(r"KIN-[A-Z]+(-[A-Z]+)*", found["code"])
    assert err == f"vigil: {found['message']}\n"
    assert "ng_per_ml" not in out


@given(
    name=st.sampled_from(model_names()),
    text=DOSES,
    age=st.none() | st.decimals(-5, 120, places=1),
    weight=st.none() | st.decimals(-5, 250, places=1),
    research=st.booleans(),
)
@settings(deadline=None, max_examples=250)
def test_the_command_says_no_exactly_when_parser_and_box_do(
    name: str, text: str, age, weight, research: bool
) -> None:
    """INV-KIN-77: nothing is refused less, or more, than from Python."""
    try:
        dose = parse_dose(text)
        subject = Subject(
            age_years=None if age is None else float(age),
            weight_kg=None if weight is None else float(weight),
        )
        no = refusal(load_model(name), subject, (dose,), purpose="research" if research else "care")
        expected = (0, None) if no is None else (1, no.code)
    except DoseTextInvalid as error:
        expected = (2, error.code)
    words = [f"--model={name}", f"--dose={text}", "--hours=1", "--every-minutes=60", "--json"]
    words += [f"--age-years={age}"] * (age is not None) + [f"--weight-kg={weight}"] * (weight is not None)  # fmt: skip

    code, out, _ = ask(*words, *["--research"] * research)

    assert (code, json.loads(out).get("code")) == expected


@given(
    hours=st.decimals("0.01", 48, places=2),
    every=st.decimals("0.01", 240, places=2),
)
def test_the_times_begin_at_0_end_at_the_end_and_step_evenly(hours, every) -> None:
    """INV-KIN-74: every time is the float nearest to its exact decimal."""
    assume(every <= hours * 60)

    times = read_times(str(hours), str(every)).tolist()

    exact = [k * every for k in range(int(hours * 60 / every) + 1)]
    if exact[-1] != hours * 60:
        exact.append(hours * 60)
    assert times == [float(time) for time in exact]


@given(hours=NUMBERS | st.text(max_size=6), every=NUMBERS | st.text(max_size=6))
def test_no_text_makes_times_that_are_not_a_grid(hours: str, every: str) -> None:
    """INV-KIN-77: rising, finite, from 0, no more than can be printed; or misuse in words."""
    try:
        times = read_times(hours, every)
    except Declined as declined:
        caught = declined
    else:
        assert times[0] == 0.0
        assert (times[1:] > times[:-1]).all()
        assert len(times) <= 1_000_001
        return
    assert (caught.code, caught.exit_code) == ("KIN-INPUT", 2)
    assert caught.message.endswith(".")
