"""Whatever a scanner types is read right or refused with a field's name: no other error, no silent change."""

import string
from calendar import monthrange
from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st

from vigil.labels import Label, LabelUnreadable, combine, read_label
from vigil.labels.gs1 import expiry_of
from vigil.labels.ndc import ndcs_of

SET_82 = string.ascii_letters + string.digits + "!\"%&'()*+,-./:;<=>?_"
TODAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2090, 12, 31))
DIGITS = st.text("0123456789", min_size=13, max_size=13)
# Letters of set 82 that make neither a spelled separator nor a bracketed identifier.
LOTS = st.text(string.ascii_letters + string.digits + "-./_", min_size=1, max_size=20)


def gtin_by_sum(body: str) -> str:
    """A second derivation of the check digit: from the left, 3 1 3 ..., as GS1's table prints it for GTIN-14."""
    total = sum(int(digit) * weight for digit, weight in zip(body, [3, 1] * 7, strict=False))
    return body + str((10 - total % 10) % 10)


def answer_to(text: str, today: date) -> tuple[LabelUnreadable | None, Label | None]:
    """The refusal or the label; any other error is the test's failure."""
    try:
        return None, read_label(text, today=today)
    except LabelUnreadable as error:
        return error, None


@given(text=st.text(max_size=230), today=TODAYS)
@example(text="(01)", today=date(2026, 1, 1))
@example(text="]d2", today=date(2026, 1, 1))
@example(text="٠١٢٣٤٥٦٧٨٩", today=date(2026, 1, 1))
@example(text="01\x1d\x1d", today=date(2026, 1, 1))
@example(text="--", today=date(2026, 1, 1))
def test_any_text_is_read_or_refused_by_field(text: str, today: date) -> None:
    refused, label = answer_to(text, today)

    if refused is None:
        assert label != Label()
        assert label.gtin is None or len(label.gtin) == 14
    else:
        assert refused.field
        assert str(refused).startswith(f"{refused.field}: ")


@given(
    text=st.lists(
        st.sampled_from(
            ["01", "17", "10", "21", "(01)", "(10)", "\x1d", "<GS>", "]d2", "]C1", "0", "9", "A", "-", "NDC", "270800",
             "02900000000100", "20001-03", " "]
        ),
        max_size=14,
    ).map("".join),
    today=TODAYS,
)  # fmt: skip
def test_pieces_of_real_codes_in_any_order_raise_nothing_else(text: str, today: date) -> None:
    refused, label = answer_to(text, today)

    assert (refused is None) == (label is not None)
    assert refused is None or refused.field


@given(
    body=DIGITS, day=st.dates(min_value=date(2026, 1, 1), max_value=date(2070, 12, 31)),
    is_month_only=st.booleans(), lot=LOTS, serial=st.none() | LOTS,
    order=st.permutations(["gtin", "expiry", "lot", "serial"]), gs=st.sampled_from(["\x1d", "<GS>", "{GS}", "^]", "~", "|"]),
    lead=st.sampled_from(["", "]d2", "]C1", "]Q3"]),
)  # fmt: skip
def test_what_was_put_into_a_code_comes_out_of_it(
    body, day, is_month_only, lot, serial, order, gs, lead
) -> None:
    """The encoder here shares no line with the parser; a separator follows only what has no fixed length."""
    gtin = gtin_by_sum(body)
    last = date(day.year, day.month, monthrange(day.year, day.month)[1])
    written = f"{day:%y%m}00" if is_month_only else f"{day:%y%m%d}"
    pieces = {"gtin": f"01{gtin}", "expiry": f"17{written}", "lot": f"10{lot}{gs}", "serial": ""}
    if serial is not None:
        pieces["serial"] = f"21{serial}{gs}"
    if not lead and order[0] != "gtin":
        lead = "]d2"

    label = read_label(lead + "".join(pieces[each] for each in order), today=date(2026, 11, 24))

    assert label.gtin == gtin
    assert label.lot == lot
    assert label.serial == serial
    assert label.expires_on == (last if is_month_only else day)


@given(digits=st.text("0123456789", min_size=6, max_size=6), today=TODAYS)
def test_an_expiry_says_the_digits_that_it_was_read_from(digits: str, today: date) -> None:
    """Written back it is the same digits (day 00 as the month's last), within fifty years of today."""
    try:
        found = expiry_of(digits, today=today)
    except LabelUnreadable:
        month, day = int(digits[2:4]), int(digits[4:])
        assert not 1 <= month <= 12 or day > 28
        return
    assert f"{found:%y%m}" == digits[:4]
    assert -50 < found.year - today.year <= 50
    if digits[4:] == "00":
        assert found.day == monthrange(found.year, found.month)[1]
    else:
        assert f"{found:%d}" == digits[4:]


@given(labeller=st.integers(0, 99_999), product=st.integers(0, 9_999), package=st.integers(0, 99))
def test_every_printed_form_that_fits_gives_the_same_eleven_digits(
    labeller, product, package
) -> None:
    eleven = f"{labeller:05d}{product:04d}{package:02d}"
    forms = [f"{labeller:05d}-{product:04d}-{package:02d}"]
    forms += [f"{labeller:04d}-{product:04d}-{package:02d}"] if labeller < 10_000 else []
    forms += [f"{labeller:05d}-{product:03d}-{package:02d}"] if product < 1_000 else []
    forms += [f"{labeller:05d}-{product:04d}-{package:01d}"] if package < 10 else []

    for form in forms:
        assert ndcs_of(form) == (eleven,)
        bare = form.replace("-", "")
        if len(bare) == 10:
            assert eleven in ndcs_of(bare)


LABELS = st.builds(
    Label,
    gtin=st.none() | DIGITS.map(gtin_by_sum), lot=st.none() | LOTS, serial=st.none() | LOTS,
    expires_on=st.none() | TODAYS, own=st.none(), ndcs=st.just(()),
)  # fmt: skip


@given(label=LABELS, cut=st.sets(st.sampled_from(["gtin", "lot", "serial", "expires_on"])))
def test_a_label_split_over_two_codes_is_put_together_again(label: Label, cut: set[str]) -> None:
    names = ("gtin", "lot", "serial", "expires_on")
    first = Label(**{name: getattr(label, name) for name in names if name in cut})
    second = Label(**{name: getattr(label, name) for name in names if name not in cut})

    assert combine([first, second]) == label
    assert combine([second, first, first]) == label
