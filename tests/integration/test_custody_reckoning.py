"""Differences, corrections, the law's clocks, and what the readers say of them, on a real database."""

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from a_custody_scene import Scene, count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.custody.domain.deeds import Closed, Corrected, Lost
from vigil.custody.domain.differences import NOTICE
from vigil.custody.models import Act as ActRow
from vigil.evidence.jurisdictions import load_jurisdiction
from vigil.record.clock import new_id
from vigil.record.models import Entry
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(patient, prescriber, compliance, nurse, second_nurse, at) -> Scene:
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    return Scene(
        vial=vial, patient=patient, plan_id=sign_plan(patient, prescriber, at), nurse=nurse,
        witness=second_nurse, at=at,
    )  # fmt: skip


@pytest.fixture
def third_nurse(hire):
    return hire("nurse3", "prepare", "witness", "give", "reconcile")


def act_id_of(kind: str):
    return ActRow.objects.filter(kind=kind).latest("id").act_id


def signed(scene: Scene, **changes: object) -> dict[str, object]:
    return {
        "witness_login": scene.witness.login, "witness_password": PASSWORD, "by": scene.nurse,
        "at": scene.at, "key": new_id(), **changes,
    }  # fmt: skip


def correct(scene: Scene, act_id, is_ug: int, **changes: object):
    return actions.correct(
        act_id=act_id, is_ug=is_ug, **signed(scene, reason="typed wrong", **changes)
    )


@pytest.fixture
def gap(scene, clinic):
    """50 mg were booked as drawn, 45 mg were: the vial holds 5 mg more than the book."""
    scene.draw(50_000)
    count_all(
        scene.nurse, scene.witness, scene.at, kind="spot", off={scene.vial.container_id: 5_000}
    )
    (found,) = queries.discrepancies(clinic.clinic_id)
    return found


def close(scene: Scene, gap, how: str, *references, **changes: object):
    return actions.close_discrepancy(
        discrepancy_id=gap.discrepancy_id, how=how, references=references,
        **signed(scene, note="looked into together", **changes),
    )  # fmt: skip


def test_a_discrepancy_is_closed_by_the_correction_that_explains_all_of_it(scene, gap, clinic):
    """The mistake is found, put right by a pair, and the discrepancy names the pair."""
    too_little = correct(scene, act_id_of("drawn"), 46_000)
    refused = close(scene, gap, "correction", too_little.correction_id)
    rest = correct(scene, act_id_of("corrected"), 45_000)
    closed = close(scene, gap, "correction", too_little.correction_id, rest.correction_id)

    assert refused.code == "CUS-NOT-EXPLAINED"
    assert "1 mg" in refused.message
    assert isinstance(closed, Closed)
    (found,) = queries.discrepancies(clinic.clinic_id)
    assert found.closing == closed
    assert found.difference_ug == 5_000, "the difference itself stays readable"
    assert queries.discrepancies(clinic.clinic_id, is_open_only=True) == ()
    assert scene.vial_now().remaining_ug == 155_000
    assert close(scene, gap, "correction", rest.correction_id).code == "CUS-CLOSED"


def test_a_correction_made_before_the_count_explains_nothing(scene, clinic):
    """It is in the book that was counted against."""
    scene.draw(50_000)
    earlier = correct(scene, act_id_of("drawn"), 45_000)
    count_all(
        scene.nurse, scene.witness, scene.at, kind="spot", off={scene.vial.container_id: 5_000}
    )
    (gap,) = queries.discrepancies(clinic.clinic_id)

    assert close(scene, gap, "correction", earlier.correction_id).code == "CUS-NOT-EXPLAINED"


def test_a_correction_stands_in_the_story_and_in_the_chained_register(scene, clinic):
    """I6: both movements, the reason, the reference and the second person."""
    drawn = scene.draw(50_000)
    wrong = act_id_of("drawn")
    corrected = correct(scene, wrong, 45_000)

    story = queries.history(scene.vial.container_id, clinic_id=clinic.clinic_id)
    entry = json.loads(Entry.objects.filter(kind="custody.Corrected").latest("id").body)

    assert isinstance(corrected, Corrected)
    assert (story.lines[-1].kind, story.lines[-1].change_ug, story.lines[-1].reason) == (
        "corrected", 5_000, "typed wrong",
    )  # fmt: skip
    assert story.lines[-1].text == "Corrected: 45 mg drawn, not 50 mg"
    assert story.lines[-1].witness_name == scene.witness.name
    assert entry["corrects"] == str(wrong)
    vial, draw = f"container:{scene.vial.container_id}", f"draw:{drawn.draw_id}"
    assert sorted((each["account"], each["ug"]) for each in entry["movements"]) == sorted(
        [(draw, -50_000), (vial, 50_000), (vial, -45_000), (draw, 45_000)]
    )


def test_a_counting_error_is_shown_by_two_other_people(scene, gap, compliance, third_nurse):
    """Closed only by a later, agreeing count of people who did not make the first one."""
    same_eyes = count_all(scene.nurse, compliance, scene.at, kind="spot")
    others = count_all(third_nurse, compliance, scene.at, kind="spot")

    assert same_eyes.code == "CUS-COUNT-NOT-BLIND"
    assert close(scene, gap, "counting-error", new_id()).code == "CUS-RECOUNT"
    assert isinstance(close(scene, gap, "counting-error", others.count_id), Closed)


def test_a_shortage_moves_to_loss_under_investigation_by_two_people(scene, clinic):
    """Never silently: counted, declared, seen in the totals, and closed with its reference."""
    count_all(
        scene.nurse, scene.witness, scene.at, kind="spot", off={scene.vial.container_id: -2_000}
    )
    (gap,) = queries.discrepancies(clinic.clinic_id)

    def lose(amount_ug: int, **changes: object):
        return actions.declare_loss(
            discrepancy_id=gap.discrepancy_id, amount_ug=amount_ug,
            **signed(scene, reason="not found", **changes),
        )  # fmt: skip

    alone = lose(2_000, witness_login=scene.nurse.login)
    more = lose(2_010)
    lost = lose(2_000)
    again = lose(10)

    totals = queries.totals(clinic.clinic_id)
    assert alone.code == "PEO-WITNESS-SELF"
    assert (more.code, again.code) == ("CUS-LOSS-OVER", "CUS-LOSS-OVER")
    assert isinstance(lost, Lost)
    assert (totals.under_investigation_ug, totals.unexplained_ug) == (2_000, 2_000)
    assert scene.vial_now().remaining_ug == 198_000
    assert isinstance(close(scene, gap, "loss", lost.loss_id), Closed)
    found_again = correct(scene, act_id_of("lost"), 0)
    assert isinstance(found_again, Corrected)
    assert queries.totals(clinic.clinic_id).unexplained_ug == 0


def test_a_draw_that_is_gone_is_declared_lost(scene, clinic):
    """A syringe dropped into the bin is neither given nor wasted before a witness."""
    drawn = scene.draw(50_000)

    actions.declare_loss(
        draw_id=drawn.draw_id, amount_ug=50_000, **signed(scene, reason="not found in the room")
    )

    draw = queries.draw(drawn.draw_id, clinic_id=clinic.clinic_id)
    assert (draw.lost_ug, draw.remaining_ug) == (50_000, 0)
    assert queries.open_draws(clinic.clinic_id) == ()


def test_a_discrepancy_shows_its_own_arithmetic(scene, gap, clinic):
    """From the last count that agreed: start + every change = book, with people and times, and the notice."""
    shown = queries.arithmetic(gap.discrepancy_id, clinic_id=clinic.clinic_id)

    assert shown.agreed.kind == "opening"
    assert shown.start_ug == 200_000
    assert [(line.kind, line.change_ug, line.by_name) for line in shown.lines] == [
        ("drawn", -50_000, scene.nurse.name), ("counted", 0, scene.nurse.name),
    ]  # fmt: skip
    assert shown.start_ug + sum(line.change_ug for line in shown.lines) == shown.book_ug == 150_000
    assert (shown.counted_ug, shown.difference_ug) == (155_000, 5_000)


def test_without_a_count_that_agreed_the_arithmetic_begins_with_the_delivery(
    compliance, nurse, second_nurse, at, clinic
):
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at, off={vial.container_id: -1_000})
    (gap,) = queries.discrepancies(clinic.clinic_id)

    shown = queries.arithmetic(gap.discrepancy_id, clinic_id=clinic.clinic_id)

    assert (shown.agreed, shown.start_ug) == (None, 0)
    assert [line.kind for line in shown.lines] == ["received", "counted"]
    assert shown.book_ug == 200_000


def test_the_words_around_a_difference_blame_nobody():
    """Decision 0014: no suspect, no guilt, no theft before anybody knows; what is known to mislead is told."""
    words = NOTICE + " ".join(each.says for each in queries.known_defects())

    assert len(queries.known_defects()) >= 4
    for word in ("suspect", "steal", "stole", "theft", "guilty", "culprit", "blame", "fault"):
        assert word not in words.casefold()


# --- the law ---------------------------------------------------------------------------------------


def adopt(
    by, at, *signed_off: str, password: str = PASSWORD, name: str = "us-dea", **changes: object
):
    return actions.adopt_jurisdiction(
        **{
            "jurisdiction_id": name, "content_hash": load_jurisdiction(name).content_hash,
            "signed_off": signed_off, "password": password, "by": by, "at": at, "key": new_id(),
            **changes,
        }
    )  # fmt: skip


def test_no_clock_runs_until_a_named_person_adopted_the_law(scene, gap, clinic, compliance, at):
    """The confirmed clock by adoption, the unconfirmed one by its own name."""
    none = queries.clocks(gap, clinic_id=clinic.clinic_id)
    adopt(compliance, at)
    confirmed = queries.clocks(gap, clinic_id=clinic.clinic_id)
    adopt(compliance, at, "form-106")
    both = queries.clocks(gap, clinic_id=clinic.clinic_id)

    assert none == ()
    assert [each.rule.name for each in confirmed] == ["theft-loss-notice"]
    assert [each.rule.name for each in both] == ["theft-loss-notice", "form-106"]
    zone = ZoneInfo("America/New_York")
    assert confirmed[0].due_at.astimezone(zone).isoformat() == "2026-11-25T00:00:00-05:00"
    assert not confirmed[0].is_over(at)
    assert confirmed[0].is_over(at + timedelta(days=2))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "wrong"}, "PEO-PASSWORD"),
        ({"content_hash": "0" * 64}, "CUS-LAW-CHANGED"),
        ({"signed_off": ["theft-loss-notice"]}, "CUS-LAW-RULE"),
        ({"signed_off": ["rumour"]}, "CUS-LAW-RULE"),
        ({"jurisdiction_id": "atlantis"}, "CUS-LAW-UNKNOWN"),
    ],
)
def test_the_law_is_adopted_as_read_and_by_name(compliance, at, clinic, changes, code):
    """A file that changed, a wrong password or a name that needs no signature adopts nothing."""
    answer = adopt(compliance, at, **changes)

    assert answer.code == code
    assert queries.adopted_law(clinic.clinic_id) is None


def test_only_who_reconciles_or_administers_adopts(prescriber, at):
    assert adopt(prescriber, at).code == "PEO-DUTY"


def test_the_next_inventory_is_counted_from_the_last_whole_count(scene, compliance, at, clinic):
    adopt(compliance, at, "state-annual-inventory")

    running = queries.inventory_clocks(clinic.clinic_id)

    assert [each.rule.name for each in running] == ["state-annual-inventory", "biennial-inventory"]
    assert running[0].started_at == at


def test_an_opened_vial_may_be_estimated_only_where_the_law_allows_it(scene, compliance, at):
    """Estimates where allowed; a sealed vial never; the line says that it is one."""
    vial = scene.vial.container_id

    def estimate():
        return actions.count(
            kind="spot", counted_ug={vial: scene.vial_now().remaining_ug}, estimated=frozenset({vial}),
            **signed(scene),
        )  # fmt: skip

    scene.draw(50_000)
    before = estimate()
    adopt(compliance, at)
    allowed = estimate()

    assert before.code == "CUS-ESTIMATE"
    assert allowed.lines[0].is_estimate
    (sealed,) = stock(compliance, at, lot="K9999")
    refused = actions.count(
        kind="spot", counted_ug={sealed.container_id: 200_000},
        estimated=frozenset({sealed.container_id}), **signed(scene),
    )  # fmt: skip
    assert refused.code == "CUS-ESTIMATE"


def test_a_handover_is_signed_by_who_gives_and_who_takes(scene):
    """Both names on one blind count of everything; it neither opens nor closes the day."""
    handed = count_all(scene.nurse, scene.witness, scene.at, kind="handover")

    assert (handed.kind, handed.by.name, handed.witness.name) == (
        "handover", scene.nurse.name, scene.witness.name,
    )  # fmt: skip
    assert not isinstance(scene.draw(1_000), Refused)
    count_all(scene.nurse, scene.witness, scene.at, kind="closing")
    assert (
        count_all(scene.nurse, scene.witness, scene.at, kind="handover").code == "CUS-DAY-NOT-OPEN"
    )


def test_a_retry_of_a_receipt_from_before_orders_is_still_the_same_request(compliance, at):
    """Requests without the new parts hash as they did: a retry over an upgrade is no other act."""
    from vigil.custody.acts import request_hash

    (vial,) = stock(compliance, at)
    row = ActRow.objects.get(kind="received")

    asked = ("receive", vial.product.product_id, "K2291", vial.expires_on, 1, "INV-7")
    assert row.request_hash == request_hash(asked, compliance)
