"""The order in which rows of files arrive."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from consumers.files.arrivals import NEVER, Arrived
from consumers.files.time_order import as_they_came, in_time_order

DAY = 86_400_000_000
FAR = 100 * 365 * DAY


def arrived(times: Sequence[int | None], together: int = 1_000) -> list[Arrived]:
    rows = [str(row).encode() for row in range(len(times))]
    return list(in_time_order(lambda: rows, lambda value: times[int(value)], 1, together))


def came(times: Sequence[int | None], together: int = 1_000) -> list[Arrived]:
    rows = [str(row).encode() for row in range(len(times))]
    return list(as_they_came(lambda: rows, lambda value: times[int(value)], together))


def order(*times: int | None) -> list[tuple[int, int]]:
    return [(row.time // DAY, int(row.value)) for row in arrived(times)]


def test_rows_arrive_at_their_times_wherever_the_file_has_them() -> None:
    assert order(3 * DAY, DAY, 2 * DAY, DAY) == [(1, 1), (1, 3), (2, 2), (3, 0)]


def test_a_row_without_a_time_follows_its_predecessor() -> None:
    assert order(None, 3 * DAY, None, DAY, None) == [(1, 3), (1, 4), (3, 0), (3, 1), (3, 2)]
    assert [row.time for row in arrived([None, None])] == [NEVER, NEVER]
    assert arrived([]) == []


def test_a_row_of_another_age_follows_its_predecessor() -> None:
    days = [50 * 365 * DAY + day * DAY for day in (4, 3, 2, 1, 0)]
    assert order(*days[:2], FAR, *days[2:4], 0, days[4]) == [
        (18_250, 6), (18_251, 4), (18_251, 5), (18_252, 3), (18_253, 1), (18_253, 2), (18_254, 0),
    ]  # fmt: skip


def test_a_long_tail_of_delays_is_believed() -> None:
    days = [50 * 365 * DAY + day * DAY for day in (*range(100), 400)]
    assert [row.time for row in arrived(days[::-1])] == days


@given(times=st.lists(st.one_of(st.none(), st.integers(0, FAR)), max_size=50), together=st.integers(1, 60))
def test_how_many_rows_are_held_at_once_does_not_matter(times: list[int | None], together: int) -> None:
    found = arrived(times, together)
    assert found == arrived(times)
    assert sorted(int(row.value) for row in found) == list(range(len(times)))
    assert [row.time for row in found] == sorted(row.time for row in found)


def test_a_late_row_among_many_comes_when_it_came() -> None:
    days = [day * DAY for day in range(1, 201)]
    found = came([*days[:100], 0, FAR, *days[100:]])
    assert [int(row.value) for row in found] == list(range(202))
    assert [row.time for row in found] == [*days[:100], days[99], days[99], *days[100:]]


def test_rows_that_are_not_where_they_happened_come_in_order() -> None:
    days = [day * DAY for day in range(1, 201)]
    for mixed in (days[::-1], days[1::2] + days[::2], days[3:] + days[:3]):
        assert [row.time for row in came(mixed)] == days


def test_many_rows_of_another_age_follow_their_predecessors() -> None:
    days = [50 * 365 * DAY + day * DAY for day in range(200)]
    found = came([0 if place % 8 == 7 else at for place, at in enumerate(days)])
    assert [int(row.value) for row in found] == list(range(200))
    assert [row.time for row in found] == [days[place - (place % 8 == 7)] for place in range(200)]


def test_rows_that_are_seconds_apart_from_order_are_as_they_came() -> None:
    pairs = [DAY + second * 1_000_000 for minute in range(100) for second in (60 * minute + 1, 60 * minute)]
    assert [int(row.value) for row in came(pairs)] == list(range(200))


@given(times=st.lists(st.one_of(st.none(), st.integers(0, FAR)), max_size=50), together=st.integers(1, 60))
def test_the_last_of_the_predictions_is_marked(times: list[int | None], together: int) -> None:
    found = came(times, together)
    assert sorted(int(row.value) for row in found) == list(range(len(times)))
    assert [row.last for row in found] == [False] * (len(times) - 1) + [True] * bool(times)
    assert not any(row.last for row in arrived(times, together))
