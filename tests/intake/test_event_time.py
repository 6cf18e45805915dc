"""Times of events, one by one and many at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumers.wire.event_time import INVALID, LAST, EventTime
from tests.intake.strategies import TIMES

moments = st.datetimes(datetime(1960, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
written = st.tuples(moments, st.sampled_from(("seconds", "milliseconds", "microseconds"))).map(
    lambda parts: parts[0].isoformat(timespec=parts[1]).replace("+00:00", "Z")
)


@given(value=st.one_of(st.sampled_from(TIMES), st.text(max_size=30), st.floats(), st.integers()))
def test_a_time_is_between_1970_and_9999_or_invalid(value: Any) -> None:
    assert EventTime().read(value) == INVALID or 0 <= EventTime().read(value) <= LAST


@given(times=st.lists(written, min_size=1, max_size=40), zone=st.sampled_from(("UTC", "Europe/Lisbon")))
def test_a_column_of_uniform_times_is_read_as_each_of_them(times: list[str], zone: str) -> None:
    times = [time for time in times * 30 if len(time) == len(times[0])]
    same(EventTime(zone), times)


@given(times=st.lists(st.one_of(written, st.sampled_from(TIMES), st.none()), min_size=1, max_size=60))
def test_a_column_of_any_times_is_read_as_each_of_them(times: list[Any]) -> None:
    same(EventTime("Europe/Lisbon"), times)


@given(broken=st.text(min_size=20, max_size=27), at=st.integers(0, 29))
def test_one_broken_time_does_not_hide_among_uniform_ones(broken: str, at: int) -> None:
    full = "2026-05-01T10:00:00.123456Z"
    times = [full[: len(broken) - 1] + "Z"] * 30
    times[at] = broken
    same(EventTime(), times)


def same(reader: EventTime, times: list[Any]) -> None:
    """A column says what its values say; what is outside of the range may be said in another way."""
    column = [time if 0 <= time <= LAST else INVALID for time in reader.column(times, 5).tolist()]
    assert column == [5 if time is None else reader.read(time) for time in times]


def test_the_unit_of_numbers_may_be_stated() -> None:
    assert EventTime(unit="ms").read(1_000) == 1_000_000
    assert EventTime().read(1_000) == 1_000_000_000
