"""The list of product codes: demo codes that no real box carries, and a clinic's own file read strictly."""

from pathlib import Path

import pytest

from vigil.labels.gs1 import check_digit
from vigil.web.custody_amounts import read_booked, read_volume
from vigil.web.papers import csv_of, pdf_problem
from vigil.web.product_codes import DEMO_CODES, CodesInvalid, read_codes


def test_every_demo_code_lies_where_no_real_box_has_one():
    """GTINs of the range that GS1 keeps for use inside one company; the labeller 00000; each marked as demo."""
    codes = read_codes(DEMO_CODES)

    assert {code.product for code in codes} == {"ketamine-10", "ketamine-50", "esketamine-28"}
    for code in codes:
        assert code.is_demo
        assert code.gtin.startswith("029")
        assert check_digit(code.gtin[:-1]) == code.gtin[-1]
        assert code.ndc.startswith("00000")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("- product: a\n  gtin: '02900000000101'\n", "check digit"),
        ("- product: a\n", "neither"),
        ("- product: a\n  ndc: '1234567890'\n", "dashes"),
        ("- product: a\n  gtin: '02900000000100'\n  containers: 0\n", "1 or more"),
        (
            "- product: a\n  gtin: '02900000000100'\n- product: b\n  gtin: '2900000000100'\n",
            "twice",
        ),
        ("- gtin: '02900000000100'\n", "product"),
        ("- product: 7\n  gtin: '02900000000100'\n", "str"),
        ("a: [", ""),
        ("just words", ""),
    ],
)
def test_a_file_that_is_not_sound_is_void_as_a_whole(tmp_path, text, wrong):
    file = tmp_path / "product-codes.yaml"
    file.write_text(text)

    with pytest.raises(CodesInvalid) as refused:
        read_codes(file)

    assert wrong in str(refused.value)
    assert str(file) in str(refused.value)


def test_codes_of_every_length_and_form_become_one(tmp_path):
    file = tmp_path / "product-codes.yaml"
    file.write_text("- product: a\n  gtin: '2900000000100'\n  ndc: 0000-0010-20\n  containers: 5\n")

    (code,) = read_codes(file)

    assert (code.gtin, code.ndc, code.containers, code.is_demo) == (
        "02900000000100",
        "00000001020",
        5,
        False,
    )


def test_an_empty_file_names_nothing(tmp_path: Path):
    (tmp_path / "empty.yaml").write_text("")

    assert read_codes(tmp_path / "empty.yaml") == ()


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-x", "'-x"),
        ("@a", "'@a"),
        ("a=b", "a=b"),
        ("µg", "µg"),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_marked_as_text(text, cell):
    assert csv_of(("a",), [(text,)]).decode("utf-8-sig") == f"a\r\n{cell}\r\n"


def test_a_number_below_zero_stays_a_number():
    assert csv_of(("a",), [(-5,)]).decode("utf-8-sig") == "a\r\n-5\r\n"


def test_a_missing_library_is_said_and_prints_nothing(monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "weasyprint", None)

    assert pdf_problem()
    assert capsys.readouterr().out == ""


@pytest.fixture
def vial():
    from uuid import UUID

    from vigil.custody.domain.facts import Product

    return Product(
        product_id=UUID(int=1), name="k", drug="ketamine", form="vial", strength_ug_per_ml=10_000, content_ug=200_000
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ug"),
    [("35 mg", 35_000), ("3.5 mL", 35_000), ("0", 0), ("35000 µg", 35_000), ("3500 µL", 35_000)],
)
def test_the_right_amount_of_an_act_is_read_in_its_own_unit(vial, text, ug):
    assert read_booked(text, vial) == ug


@pytest.mark.parametrize(
    "text", ["35", "", "1,000 mg", "-1 mg", "35 mg/mL", "3,5 mL", "3.5 ml.", "1e3 mg", "٣ mg"]
)
def test_an_amount_that_is_not_exact_is_refused_and_never_guessed(vial, text):
    assert read_booked(text, vial).code == "CUS-DOSE-TEXT"


def test_a_volume_without_a_unit_is_in_millilitres():
    assert read_volume("100") == read_volume("100 mL") == 100_000
    assert read_volume("0.07") == 70
    assert read_volume("1e2").code == "CUS-DOSE-TEXT"
    assert read_volume("ten").code == "CUS-DOSE-TEXT"
