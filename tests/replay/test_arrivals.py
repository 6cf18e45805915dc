"""When rows of files arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumers.files.arrivals import NEVER, Arrived, arrivals, merged

DAY = 86_400_000_000
FAR = 100 * 365 * DAY


def times(*given_times: int | None) -> list[int]:
    return list(arrivals(given_times))


def test_rows_in_order_arrive_at_their_times() -> None:
    assert times(*range(0, 100 * DAY, DAY)) == list(range(0, 100 * DAY, DAY))


def test_a_row_of_the_far_future_does_not_move_the_others() -> None:
    assert times(0, DAY, FAR, 2 * DAY, 3 * DAY) == [0, DAY, DAY, 2 * DAY, 3 * DAY]
    assert times(FAR, DAY, 2 * DAY) == [DAY, DAY, 2 * DAY]
    assert times(0, DAY, 2 * DAY, FAR)[-1] == 2 * DAY


def test_a_late_row_does_not_hold_the_others_back() -> None:
    assert times(10 * DAY, 11 * DAY, 0, 12 * DAY, 13 * DAY) == [10 * DAY, 11 * DAY, 11 * DAY, 12 * DAY, 13 * DAY]


def test_rows_without_a_time_follow_their_predecessor() -> None:
    assert times(DAY, None, 2 * DAY, None) == [DAY, DAY, 2 * DAY, 2 * DAY]
    assert times(None, DAY) == [DAY, DAY]
    assert times(None, None) == [NEVER, NEVER]


@given(given_times=st.lists(st.one_of(st.none(), st.integers(0, FAR)), max_size=50))
def test_arrivals_never_go_back_and_lose_no_row(given_times: list[int | None]) -> None:
    found = times(*given_times)
    assert len(found) == len(given_times)
    assert found == sorted(found)


def test_files_are_merged_by_arrival_and_the_first_one_wins() -> None:
    first = [Arrived(1, 0, b"a"), Arrived(5, 0, b"b")]
    second = [Arrived(1, 1, b"c"), Arrived(3, 1, b"d")]
    assert [row.value for row in merged(first, second)] == [b"a", b"c", b"d", b"b"]
