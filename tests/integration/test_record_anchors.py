"""Anchors: heads that leave the house, what comes back, and what they are worth together."""

import email
import email.policy
import json
from argparse import Namespace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.utils import Error

from a_record_home import CLINIC, OTHER, a_day, a_home, exported, judged, unguarded, write
from a_stamp_authority import Authority
from two_verifiers import Verdict
from vigil.config.command import _parser
from vigil.config.unfit import Unfit
from vigil.record import clock
from vigil.record.actions import CUSTODY
from vigil.record.anchors import (
    FRESH,
    PLACES,
    PLACES_WANTED,
    Anchored,
    Held,
    anchor,
    anchored,
    guarantee,
    held,
    hold,
    places,
)
from vigil.record.clock import now
from vigil.record.head_file import HeadFile, head_argument, read_heads
from vigil.record.models import Anchor, Entry, HeldHead
from vigil.record.signing import rotate_key
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path: Path):
    with a_home(tmp_path / "home") as path:
        yield path


def put(place: str, at: datetime) -> Anchored:
    found = anchor(clinic_id=CLINIC, clinic_name="Ours", place=place, detail="d", by="b", at=at)
    assert isinstance(found, Anchored)
    return found


@pytest.fixture
def day(home: Path, at: datetime) -> None:
    a_day(at)


@pytest.mark.parametrize("place", PLACES)
def test_an_anchor_is_a_row_for_each_register_and_an_entry(
    place: str, day: None, at: datetime
) -> None:
    found = put(place, at)

    rows = Anchor.objects.filter(anchor_id=found.anchor_id)
    assert {(row.place, row.register, row.hash) for row in rows} == {
        (place, head.register, head.hash) for head in found.heads
    }
    assert Entry.objects.filter(clinic_id=CLINIC, kind="record.Anchored").count() == 1
    assert len(anchored(found.anchor_id, clinic_id=CLINIC)) == 2
    assert anchored(found.anchor_id, clinic_id=OTHER) == ()


def test_what_was_anchored_is_found_in_a_later_export_by_both(day: None, at: datetime) -> None:
    found = put("mail", at)
    a_day(at)
    heads = [head_argument(CLINIC, head.register, head.seq, head.hash) for head in found.heads]

    assert judged(exported(), heads=heads) == Verdict(None)


def test_nothing_signed_is_a_refusal_and_nothing_is_written(tmp_path: Path, at: datetime) -> None:
    with a_home(tmp_path / "bare", has_key=False):
        a_day(at)
        found = anchor(clinic_id=CLINIC, clinic_name="Ours", place="mail", detail="", by="b", at=at)
    with a_home(tmp_path / "empty"):
        empty = anchor(clinic_id=OTHER, clinic_name="Empty", place="mail", detail="", by="b", at=at)

    assert isinstance(found, Refused)
    assert isinstance(empty, Refused)
    assert (found.code, empty.code) == ("REC-NO-HEADS", "REC-NO-HEADS")
    assert not Anchor.objects.exists()
    assert not Entry.objects.filter(kind="record.Anchored").exists()


def test_the_guarantee_grows_weaker_place_by_place_and_says_so(day: None, at: datetime) -> None:
    """INV: loss of an anchor place degrades to a stated weaker guarantee."""
    said = [guarantee(places(CLINIC, at=at))]
    for place in PLACES:
        put(place, at)
        said.append(guarantee(places(CLINIC, at=at)))

    assert [text.split(":")[0].split(" ")[0] for text in said] == ["None", "Weaker", "2", "3", "4"]
    late = guarantee(places(CLINIC, at=at + FRESH + timedelta(seconds=1)))
    assert late.startswith("Weak:")
    edge = places(CLINIC, at=at + FRESH)
    assert sum(state.is_fresh for state in edge) == 4 >= PLACES_WANTED


def test_a_place_says_how_many_acts_with_drugs_came_after_it(day: None, at: datetime) -> None:
    put("sheet", at)
    for _ in range(3):
        write(CUSTODY, at)

    behind = {state.place: state.behind for state in places(CLINIC, at=at)}

    assert behind["sheet"] == 3
    assert behind["mail"] == 8


def test_an_anchor_ahead_of_the_clock_is_not_fresh(day: None, at: datetime) -> None:
    put("sheet", at + timedelta(days=300))

    assert not any(state.is_fresh for state in places(CLINIC, at=at))


def test_a_heads_file_is_read_back_and_no_changed_one_is(day: None, at: datetime) -> None:
    """Every byte of it is under guard: form, signature, or another clinic's."""
    content = put("clinic", at).content
    found = read_heads(content)
    assert isinstance(found, HeadFile)
    assert (found.clinic_id, found.clinic_name, len(found.heads)) == (CLINIC, "Ours", 2)

    free = {"clinic_name", "written_at", "made_at"}
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        answer = read_heads(changed)
        if isinstance(answer, HeadFile):
            # What is said for people only, and not signed: the name and the times beside.
            one, other = json.loads(content), json.loads(changed)
            for key in (*one["keys"], *other["keys"]):
                key.pop("made_at", None)
            assert {n: v for n, v in one.items() if n not in free} == {
                n: v for n, v in other.items() if n not in free
            }


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]\n", b"\xff", b'{"a":1}\n', b"[" * 100_000, b"x" * 2_000_000, b"null\n"],
)
def test_what_is_no_heads_file_is_refused(content: bytes) -> None:
    answer = read_heads(content)

    assert isinstance(answer, Refused)
    assert answer.code == "REC-HEADS-FORM"


# --- a second clinic -----------------------------------------------------------------------------


def test_a_second_clinic_keeps_heads_once(day: None, at: datetime) -> None:
    content = put("clinic", at).content

    first = hold(clinic_id=OTHER, content=content, by="b", at=at)
    second = hold(clinic_id=OTHER, content=content, by="b", at=at)

    assert isinstance(first, Held)
    assert isinstance(second, Held)
    assert (first.kept, second.kept, first.disputed, first.is_key_new) == (2, 0, (), False)
    assert judged(exported(), heads=[fact.argument for fact in held(OTHER)]) == Verdict(None)


def test_two_histories_are_both_kept_and_named(day: None, at: datetime) -> None:
    """Whoever shows one history to us and another to somebody else is caught by the first file that contradicts."""
    first = put("clinic", at)
    hold(clinic_id=OTHER, content=first.content, by="b", at=at)
    _rewrite_custody()
    second = anchor(clinic_id=CLINIC, clinic_name="Ours", place="clinic", detail="", by="b", at=at)
    assert isinstance(second, Anchored)

    answer = hold(clinic_id=OTHER, content=second.content, by="b", at=at)

    assert isinstance(answer, Held)
    disputed = {(fact.register, fact.seq) for fact in answer.disputed}
    assert disputed == {("custody", 5)}
    assert len({fact.hash for fact in answer.disputed}) == 2
    assert HeldHead.objects.filter(clinic_id=OTHER, register=CUSTODY).count() == 2


def _rewrite_custody() -> None:
    """A DBA with the key: the controlled drugs' register is made anew from its second row, signed heads and anchors gone."""
    from vigil.record.actions import entry_text
    from vigil.record.canonical import FIRST_HASH, link_hash
    from vigil.record.models import Head, Link

    with unguarded(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM record_signedhead WHERE register = 'custody'")
        cursor.execute("DELETE FROM record_anchor WHERE register = 'custody'")
        cursor.execute(
            "UPDATE record_entry SET by = 'forger' WHERE register = 'custody' AND kind = 'custody.Given'"
        )
        previous = FIRST_HASH
        for link in Link.objects.filter(clinic_id=CLINIC, register=CUSTODY).order_by("seq"):
            digest = link_hash(previous, link.seq, entry_text(link.entry))
            Link.objects.filter(pk=link.pk).update(previous_hash=previous, hash=digest)
            previous = digest
        Head.objects.filter(clinic_id=CLINIC, register=CUSTODY).update(hash=previous)


def test_a_new_key_of_a_known_clinic_is_said(day: None, at: datetime) -> None:
    hold(clinic_id=OTHER, content=put("clinic", at).content, by="b", at=at)
    rotate_key()
    a_day(at)

    answer = hold(clinic_id=OTHER, content=put("clinic", at).content, by="b", at=at)

    assert isinstance(answer, Held)
    assert answer.is_key_new


def test_a_clinic_does_not_keep_its_own_heads(day: None, at: datetime) -> None:
    answer = hold(clinic_id=CLINIC, content=put("clinic", at).content, by="b", at=at)

    assert isinstance(answer, Refused)
    assert answer.code == "REC-HEADS-OWN"


@pytest.mark.parametrize(
    "statement",
    ["UPDATE record_anchor SET hash = repeat('0', 64)", "DELETE FROM record_anchor", "TRUNCATE record_anchor",
     "UPDATE record_heldhead SET hash = repeat('0', 64)", "DELETE FROM record_heldhead", "TRUNCATE record_heldhead"],
)  # fmt: skip
def test_anchors_and_kept_heads_are_never_changed(statement: str, day: None, at: datetime) -> None:
    hold(clinic_id=OTHER, content=put("clinic", at).content, by="b", at=at)

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(Error, match="pgtrigger: Cannot"), transaction.atomic():
            cursor.execute(statement)


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def real(home: Path, clinic, at: datetime):
    a_day(at, clinic_id=clinic.clinic_id)
    return clinic


def vigil(capsys, *words: str) -> tuple[int, object]:
    """Exit code and printed object of `vigil record ...`, in this process and this transaction."""
    args: Namespace = _parser().parse_args(["record", *words, "--json"])
    code = int(args.do(args))
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


def test_heads_are_printed_with_words_and_signature(real, capsys) -> None:
    code, told = vigil(capsys, "heads")

    assert code == 0
    assert {row["register"] for row in told["heads"]} == {"care", "custody"}
    for row in told["heads"]:
        assert len(row["words"].split()) == 8
        assert len(row["signature"]) == 128
    content = exported(real.clinic_id)
    for row in told["heads"]:
        assert judged(content, heads=[row["hash"], row["words"], row["head"]]) == Verdict(None)


def test_the_key_is_printed_and_rotated(real, capsys) -> None:
    vigil(capsys, "heads")
    code, before = vigil(capsys, "key")
    _, after = vigil(capsys, "key", "rotate")

    assert code == 0
    assert [key["is_current"] for key in before["keys"]] == [True]
    assert len(after["keys"]) == 2
    assert sum(key["is_current"] for key in after["keys"]) == 1
    keys = [key["public_key"] for key in after["keys"]]
    assert judged(exported(real.clinic_id), keys=keys) == Verdict(None)


def test_a_mail_is_written_that_any_mail_program_opens(real, tmp_path: Path, capsys) -> None:
    code, told = vigil(
        capsys,
        "anchor",
        "write",
        "--place",
        "mail",
        "--to",
        str(tmp_path),
        "--address",
        "pharmacy@clinic.example",
    )

    assert code == 0
    (path,) = [Path(name) for name in told["files"] if name.endswith(".eml")]
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert mail["To"] == "pharmacy@clinic.example"
    text = mail.get_body(("plain",)).get_content()
    (attached,) = list(mail.iter_attachments())
    found = read_heads(attached.get_content())
    assert isinstance(found, HeadFile)
    heads = [line.partition("--head ")[2].strip() for line in text.splitlines() if "--head" in line]
    assert len(heads) == len(found.heads) == 2
    assert judged(exported(real.clinic_id), heads=heads) == Verdict(None)


def test_no_file_is_overwritten_and_no_folder_invented(
    real, tmp_path: Path, capsys, monkeypatch
) -> None:
    with pytest.raises(Unfit, match="no folder"):
        vigil(capsys, "anchor", "write", "--place", "mail", "--to", str(tmp_path / "nowhere"))
    frozen = now()
    monkeypatch.setattr(clock, "now", lambda: frozen)
    vigil(capsys, "anchor", "write", "--place", "clinic", "--to", str(tmp_path))
    (path,) = tmp_path.glob("heads-*.json")
    before = path.read_bytes()
    with pytest.raises(Unfit, match="could not be written"):
        vigil(capsys, "anchor", "write", "--place", "clinic", "--to", str(tmp_path))

    assert path.read_bytes() == before
    assert Anchor.objects.values("anchor_id").distinct().count() == 1


def test_an_address_cannot_bring_headers_of_its_own(real, tmp_path: Path, capsys) -> None:
    with pytest.raises(Unfit, match="one line"):
        vigil(
            capsys,
            "anchor",
            "write",
            "--place",
            "mail",
            "--to",
            str(tmp_path),
            "--address",
            "a@b\nBcc: c@d",
        )


def test_a_time_stamp_is_asked_for_read_and_checked(real, tmp_path: Path, capsys) -> None:
    """The whole way, with a local authority that openssl plays."""
    folder = tmp_path / "authority"
    folder.mkdir()
    authority = Authority(folder)
    _, told = vigil(capsys, "anchor", "write", "--place", "stamp", "--to", str(tmp_path))
    asked = next(Path(name) for name in told["files"] if name.endswith(".tsq"))
    response = tmp_path / "answer.tsr"
    response.write_bytes(authority.stamp(asked.read_bytes()))
    words = ["anchor", "stamped", str(response), "--heads", str(asked.with_suffix(".json"))]

    code, told = vigil(capsys, *words, "--authority", str(folder / "cert.pem"))
    _, unchecked = vigil(capsys, *words)

    assert (code, told["authority"], unchecked["authority"]) == (0, "checked", "not checked")
    detail = Anchor.objects.filter(place="stamp").order_by("-id").first().detail
    assert "serial" in detail
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    Authority(stranger)
    with pytest.raises(Unfit, match="does not hold"):
        vigil(capsys, *words, "--authority", str(stranger / "cert.pem"))


def test_another_clinics_heads_are_taken_kept_and_compared_with_its_export(
    real, day: None, at: datetime, tmp_path: Path, capsys
) -> None:
    file = tmp_path / "theirs.json"
    file.write_bytes(put("clinic", at).content)
    code, told = vigil(capsys, "anchor", "import", str(file))
    assert (code, told["kept"]) == (0, 2)
    export = tmp_path / "theirs.jsonl"
    export.write_bytes(exported())

    assert vigil(capsys, "anchor", "check", str(export))[0] == 0
    code, told = vigil(capsys, "anchor", "held", "--of", str(CLINIC))
    assert code == 0
    assert judged(export.read_bytes(), heads=[row["head"] for row in told]) == Verdict(None)
    _rewrite_custody()
    export.write_bytes(exported())
    code, told = vigil(capsys, "anchor", "check", str(export))
    assert code == 1
    assert len(told["missing"]) == 1
    assert judged(export.read_bytes(), heads=told["missing"]).line is not None


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b"x\n", b'{"clinic_id":"00000000-0000-0000-0000-000000000009"}\n']
)
def test_what_cannot_be_compared_is_said(content: bytes, real, tmp_path: Path, capsys) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)

    with pytest.raises(Unfit):
        vigil(capsys, "anchor", "check", str(file))
    assert vigil(capsys, "anchor", "import", str(file))[0] == 1
    with pytest.raises(Unfit):
        vigil(capsys, "anchor", "import", str(tmp_path / "missing"))


def test_the_status_is_told_in_words(real, capsys, tmp_path: Path) -> None:
    code, told = vigil(capsys, "anchor", "status")
    assert (code, told["went_back"]) == (0, [])
    assert told["guarantee"].startswith("None")
    vigil(capsys, "anchor", "write", "--place", "clinic", "--to", str(tmp_path))

    assert vigil(capsys, "anchor", "status")[1]["guarantee"].startswith("Weaker")


def test_a_loss_that_did_not_happen_cannot_be_accepted(real, capsys) -> None:
    code, said = vigil(capsys, "anchor", "accept-loss", "--reason", "x")

    assert code == 1
    assert "REC-NOTHING-LOST" in said
