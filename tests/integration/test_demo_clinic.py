"""The demo clinic: made through the rooms' own actions, at any hour, and current at a later start."""

from datetime import UTC, datetime, time, timedelta

import pytest

from vigil.config import demo
from vigil.custody import queries as custody
from vigil.people.queries import clinics, patients, staff_of
from vigil.record.clock import machine_now, now
from vigil.session.queries import board, chairs, open_sessions, sessions_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def set_clock(monkeypatch, tmp_path):
    """Puts the server's clock to a moment."""

    def _set(moment: datetime) -> None:
        path = tmp_path / "clock"
        path.write_text(str((moment - machine_now()).total_seconds()))
        monkeypatch.setenv("VIGIL_TEST_CLOCK", str(path))

    return _set


@pytest.mark.parametrize("hour", [time(0, 4), time(13, 0)], ids=["after midnight", "at noon"])
def test_the_demo_stands_at_any_hour_and_is_current_the_next_day(set_clock, monkeypatch, hour):
    """Midnight cuts a count from its visits; a demo that is refused by its own safe would not start."""
    monkeypatch.setattr(demo, "_zone", lambda: "UTC")
    set_clock(datetime.combine(datetime(2026, 11, 24, tzinfo=UTC), hour, tzinfo=UTC))

    demo.build(lambda text: None)

    (clinic,) = clinics()
    people = patients(clinic.clinic_id)
    assert clinic.is_simulated
    assert len(people) == 12
    assert all(one.is_simulated for one in people)
    assert len(staff_of(clinic.clinic_id)) == 6
    assert len({one.duties for one in staff_of(clinic.clinic_id)}) >= 5
    assert len(chairs(clinic.clinic_id)) == 4
    phases = {view.session.phase for view in board(clinic.clinic_id, now=now()) if view.session}
    assert phases == {"running", "observing", "checked-in"}
    assert custody.unexplained_ug(clinic.clinic_id) == 0
    assert custody.disagreements(clinic.clinic_id) == ()
    before = {each.session_id for each in open_sessions(clinic.clinic_id)}

    set_clock(now() + timedelta(hours=20))
    demo.keep_current(lambda text: None)

    (running,) = open_sessions(clinic.clinic_id)
    assert running.phase == "running"
    assert running.session_id not in before
    assert custody.unexplained_ug(clinic.clinic_id) == 0
    kept = {one.session_id for person in people for one in sessions_of(person.patient_id, clinic_id=clinic.clinic_id)}  # fmt: skip
    assert before <= kept, "nothing that was entered is lost"
