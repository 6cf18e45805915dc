"""The order in which labels of files arrive."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from consumers.files.arrivals import NEVER, Arrived
from consumers.files.time_order import in_time_order

DAY = 86_400_000_000
FAR = 100 * 365 * DAY


def arrived(times: Sequence[int | None], together: int = 1_000) -> list[Arrived]:
    rows = [str(row).encode() for row in range(len(times))]
    return list(in_time_order(lambda: rows, lambda value: times[int(value)], 1, together))


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
