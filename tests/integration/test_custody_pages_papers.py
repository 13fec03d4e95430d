"""The inspection pack, the registers and the loss draft: every figure again from the movements, by plain SQL."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from a_custody_period import moved, ten_days_before, work
from vigil.custody import queries
from vigil.custody.domain.facts import Period
from vigil.record.clock import now
from vigil.web import papers
from vigil.web.custody_pack import pack_of
from vigil.web.custody_papers import days_of, files_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(server_morning):
    return ten_days_before(server_morning)


@pytest.fixture
def worked(compliance, nurse, second_nurse, prescriber, patient, at):
    from vigil.people.actions import change_duties
    from vigil.people.queries import staff

    change_duties(
        staff_id=compliance.staff_id, clinic_id=compliance.clinic_id,
        duties=[*compliance.duties, "order"], by="setup", at=at,
    )  # fmt: skip
    return work(
        compliance=staff(compliance.staff_id), nurse=nurse, witness=second_nurse, prescriber=prescriber,
        patient=patient, at=at,
    )  # fmt: skip


@pytest.fixture
def pack(worked):
    period = Period(start=worked.start, end=worked.end)
    return pack_of(worked.clinic_id, period, registrant="", made_at=now())


INSIDE = ("container", "draw")


def test_every_sum_of_the_pack_is_the_sum_of_its_movements(pack, worked):
    """INV-CUS-03 for a period: opening, each flow and closing, from the rows alone; and they close."""
    sides = moved(worked.clinic_id)

    for each in pack.sums:
        mine = [row for row in sides if row[0] == each.product.name]
        opening = sum(
            ug for _, kind, _, when, _, ug in mine if kind in INSIDE and when < worked.start
        )
        closing = sum(
            ug for _, kind, _, when, _, ug in mine if kind in INSIDE and when < worked.end
        )
        flows = {
            outside: sum(
                ug
                for _, kind, _, when, _, ug in mine
                if kind == outside and worked.start <= when < worked.end
            )
            for outside in ("supplier", "patient", "waste", "returned", "distributor", "loss")
        }
        assert each.opening_ug == opening
        assert each.closing_ug == closing
        assert each.received_ug == -flows["supplier"]
        assert each.given_ug == flows["patient"]
        assert each.wasted_ug == flows["waste"]
        assert each.returned_ug == flows["returned"]
        assert each.distributor_ug == flows["distributor"]
        assert each.loss_ug == flows["loss"]
        assert each.unexplained_ug == 0
    assert any(each.opening_ug and each.received_ug and each.given_ug for each in pack.sums)
    assert any(each.wasted_ug and each.distributor_ug and each.loss_ug for each in pack.sums)
    assert pack.unexplained_ug == 0


@pytest.mark.parametrize(
    ("table", "kinds", "column"),
    [
        ("receipts", ("received",), "amount_ug"),
        ("dispensing-log", ("given",), "amount_ug"),
        ("destructions", ("wasted", "dead-space", "sent-out"), "amount_ug"),
        ("losses", ("lost",), "amount_ug"),
    ],
)
def test_every_paper_holds_each_movement_of_its_kind_once(pack, worked, table, kinds, column):
    """Amounts as a sorted list: none left out, none twice, none from outside the period."""
    found = pack.table(table)
    at_column = found.columns.index(column)
    expected = sorted(
        abs(ug)
        for _, kind, _, when, act, ug in moved(worked.clinic_id)
        if act in kinds and worked.start <= when < worked.end and kind not in INSIDE
    )

    amounts = sorted(row[at_column] for row in found.rows)

    assert expected
    if table == "receipts":
        # One line for a delivery of several containers.
        assert sum(amounts) == sum(expected)
        (number,) = {row[found.columns.index("containers")] for row in found.rows}
        assert number == len(expected)
    else:
        assert amounts == expected


def test_the_inventory_is_the_movements_up_to_each_instant(pack, worked):
    """Container by container and hand by hand, at the start and at the end."""
    found = pack.table("inventory")
    start_at, end_at = found.columns.index("start_ug"), found.columns.index("end_ug")
    held: dict[tuple[str, object], list[int]] = {}
    for product, kind, account, when, _, ug in moved(worked.clinic_id):
        if kind in INSIDE:
            both = held.setdefault((product, account), [0, 0])
            both[0] += ug if when < worked.start else 0
            both[1] += ug if when < worked.end else 0

    assert sorted((row[0], row[start_at], row[end_at]) for row in found.rows) == sorted(
        (product, start, end) for (product, _), (start, end) in held.items() if start or end
    )


def test_a_correction_and_a_difference_stand_beside_what_was_first_written(pack, worked):
    (correction,) = pack.table("corrections").rows
    (difference,) = pack.table("differences").rows

    columns = pack.table("corrections").columns
    assert correction[columns.index("is_ug")] - correction[columns.index("was_ug")] == 1_000
    assert difference[pack.table("differences").columns.index("difference_ug")] == -1_000
    assert "misread" in correction


def test_a_receipt_names_its_supplier_through_its_order(pack, worked):
    (row,) = pack.table("receipts").rows
    columns = pack.table("receipts").columns

    assert row[columns.index("supplier")] == "Supply Ltd"
    assert row[columns.index("order")] == "PO-1"


def test_the_files_say_the_same_and_their_hashes_are_listed(pack, worked):
    """CSV read back is the table; a cell that a spreadsheet would run is marked as text; pack.json lists each hash."""
    zone = ZoneInfo(pack.clinic.time_zone)
    days = days_of(worked.start.date(), worked.start.date(), zone=zone)

    files = files_of(pack, days, with_pdf=True)

    listed = json.loads(files["pack.json"])
    assert listed["sha256"] == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name != "pack.json"
    }
    assert listed["unexplained_ug"] == 0
    for table in pack.tables:
        rows = list(
            csv.reader(io.StringIO(files[f"{table.name}.csv"].decode("utf-8-sig"), newline=""))
        )
        assert rows[0] == list(table.columns)
        assert [[cell.removeprefix("'") for cell in row] for row in rows[1:]] == [
            [str(cell) for cell in row] for row in table.rows
        ]
        assert not any(cell.startswith(("=", "+", "@")) for row in rows[1:] for cell in row)
    assert "'=IN()" in files["receipts.csv"].decode("utf-8-sig")
    assert files["inspection-pack.pdf"].startswith(b"%PDF-")
    assert files["register-uk.pdf"].startswith(b"%PDF-")
    assert zipfile.ZipFile(io.BytesIO(papers.zip_of(files))).namelist() == list(files)
    assert papers.zip_of(files) == papers.zip_of(files)


def test_the_page_gives_the_archive_and_the_sums(client, compliance, worked):
    from django.contrib.auth import get_user_model

    client.force_login(get_user_model().objects.get(pk=compliance.staff_id))
    period = f"from={worked.start.date()}&to={worked.start.date()}"

    page = client.get(f"/safe/pack?{period}").content.decode()
    taken = client.get(f"/safe/pack.zip?{period}&pdf=no")

    assert "the sums close to the microgram" in page
    names = zipfile.ZipFile(io.BytesIO(taken.content)).namelist()
    assert {
        "receipts.csv",
        "dispensing-log.csv",
        "inventory.csv",
        "losses.csv",
        "destructions.csv",
    } <= set(names)
    assert "inspection-pack.pdf" not in names


def test_without_pango_the_page_says_so_and_offers_the_csv(client, compliance, worked, monkeypatch):
    """What this machine cannot print is said in words, with the way on; never an empty file."""
    from django.contrib.auth import get_user_model

    monkeypatch.setattr(papers, "pdf_problem", lambda: "cannot load library 'libpango-1.0-0'")
    client.force_login(get_user_model().objects.get(pk=compliance.staff_id))

    answer = client.get("/safe/pack.zip")

    assert answer.status_code == 409
    assert "CUS-PDF" in answer.content.decode()
    assert "apt-get install" in answer.content.decode()
    assert "pdf=no" in answer.content.decode()


def test_the_uk_register_runs_from_brought_to_carried_forward(client, compliance, worked):
    """Each page's balance is the movements of its containers, first and last."""
    from django.contrib.auth import get_user_model

    client.force_login(get_user_model().objects.get(pk=compliance.staff_id))
    day = worked.start.date()

    page = client.get(f"/safe/register?form=uk&from={day}&to={day}").content.decode()

    held = sum(
        ug
        for name, kind, _, when, _, ug in moved(worked.clinic_id)
        if kind == "container" and when < worked.end and "10 mg/mL" in name
    )
    assert "Supply Ltd" in page
    assert f"{worked.patient.number} {worked.patient.name}" in page
    assert f"<strong>{held / 1000:g} mg</strong>" in page
    assert "Prescriber" in page


def test_what_stood_at_any_instant_is_the_sum_of_what_moved_until_then(worked):
    """The page's and the command's balance, against plain sums, at every moment something happened and between."""
    sides = moved(worked.clinic_id)
    moments = sorted({row[3] for row in sides})
    moments += [each + timedelta(minutes=7) for each in moments] + [
        each - timedelta(microseconds=1) for each in moments
    ]

    for moment in moments:
        expected: dict[object, int] = {}
        for _, kind, account, when, _, ug in sides:
            if when <= moment and kind in INSIDE:
                expected[account] = expected.get(account, 0) + ug
        found = {
            each.of: each.ug
            for each in queries.balance(worked.clinic_id, moment)
            if each.of is not None
        }
        assert found == expected
