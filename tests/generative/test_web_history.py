"""Thinning a session's past for a screen never hides what matters."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from session_views import made_id
from vigil.session.domain.facts import MetricSample
from vigil.web.history import decimate, hollow, plain_columns, pressures

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
GAP = 15

moments = st.lists(
    st.tuples(
        st.integers(0, 7200),
        st.one_of(st.none(), st.integers(20_000, 200_000)),
        st.booleans(),
    ),
    max_size=120,
)


def samples_of(rows, metric="hr") -> list[MetricSample]:
    return [
        MetricSample(
            sample_id=number, clinic_id=made_id("c"), session_id=made_id("s"), chair_id=None,
            location="", device="monitor", metric=metric, value_milli=value, unit="",
            quality="none:empty" if value is None else "good" if good else "gated:slew",
            source="device", measured_at=START + timedelta(seconds=second),
            measured_at_source="device", received_at=START, recorded_at=START,
            message_id=str(number), sub_id="",
        )
        for number, (second, value, good) in enumerate(rows, 1)
    ]  # fmt: skip


def believed(rows) -> list[tuple[int, int]]:
    return [(second, value) for second, value, good in rows if value is not None and good]


@given(rows=moments, width=st.floats(0.5, 600))
def test_no_extreme_is_hidden(rows, width):
    """INV-WEB-01: the lowest and the highest believed value stand in the picture, at every width."""
    columns = [
        c for c in decimate(samples_of(rows), start=START, column_seconds=width) if not c.is_gap
    ]

    values = [value for _, value in believed(rows)]
    assert bool(columns) == bool(values)
    if values:
        assert min(c.low_milli for c in columns) == min(values)
        assert max(c.high_milli for c in columns) == max(values)
    assert all(c.low_milli <= c.middle_milli <= c.high_milli for c in columns)
    assert {c.middle_milli for c in columns} <= set(values)


@given(rows=moments, width=st.floats(0.5, 60))
def test_a_gap_stays_a_gap_and_none_is_invented(rows, width):
    """INV-WEB-02: between two believed values there is a gap exactly when it was silent, or said to be."""
    columns = decimate(samples_of(rows), start=START, column_seconds=width, gap_seconds=GAP)

    in_time = sorted((second, number) for number, (second, _, _) in enumerate(rows))
    silent_pairs = 0
    last, is_broken = None, False
    for second, number in in_time:
        _, value, good = rows[number]
        if value is None:
            is_broken = True
        elif good:
            if last is not None and (is_broken or second - last > GAP):
                silent_pairs += 1
            last, is_broken = second, False
    assert sum(c.is_gap for c in columns) == silent_pairs
    assert not columns or not (columns[0].is_gap or columns[-1].is_gap)


@given(rows=moments, width=st.floats(0.5, 60))
def test_a_doubted_value_is_kept_apart_and_nothing_is_lost(rows, width):
    """INV-WEB-03: what was not believed is in the hollow list, and only there."""
    samples = samples_of(rows)

    doubted = sorted((one.at_seconds, one.value_milli) for one in hollow(samples, start=START))

    assert doubted == sorted((s, v) for s, v, good in rows if v is not None and not good)


@given(rows=moments, width=st.floats(0.5, 60))
def test_the_picture_moves_forward_in_time(rows, width):
    columns = decimate(samples_of(rows), start=START, column_seconds=width)
    times = [column.at_seconds for column in columns]

    assert times == sorted(times)
    assert len({len(row) for row in plain_columns(columns).values()}) == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 7200), st.integers(80, 220), st.integers(40, 79)),
        unique_by=lambda r: r[0],
    )
)
def test_every_pressure_is_a_pair(rows):
    upper = samples_of([(second, sbp * 1000, True) for second, sbp, _ in rows], "sbp")
    lower = samples_of([(second, dbp * 1000, True) for second, _, dbp in rows], "dbp")

    found = pressures([*upper, *lower[1:]], start=START)

    assert [(p.at_seconds, p.sbp_milli, p.dbp_milli) for p in found] == sorted(
        (second, sbp * 1000, dbp * 1000) for second, sbp, dbp in rows[1:]
    )
