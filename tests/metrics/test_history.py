"""A window is before a change, or after it where most of it is."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from stream_monitor.metrics.history import History
from stream_monitor.metrics.tally import ALL, Tally


@pytest.mark.parametrize(
    ("since", "before", "after"),
    [(60, 100, 1000), (61, 100, 1000), (90, 100, 1000), (91, 100, 0), (119, 100, 0), (120, 1100, 0), (0, 0, 1100)],
)
def test_the_window_of_a_change_is_after_it_if_most_of_it_is_and_never_before_it(since: int, before: int, after: int) -> None:
    history = History()
    for start, weight in ((0, 100.0), (60, 1000.0)):
        tally = Tally()
        tally.sums = {ALL: np.array([7 * weight, 0.0, 0.0, weight])}
        history.add(start, tally)
    (earlier, later) = history.split(since, 60)[ALL]
    assert (earlier[0], later[0]) == (before, after)


def windows(*weights: float) -> History:
    """A history of windows of a minute, with so many outcomes each."""
    history = History()
    for number, weight in enumerate(weights):
        tally = Tally()
        tally.sums = {ALL: np.array([7 * weight, 0.0, 0.0, weight])}
        history.add(number * 60, tally)
    return history


def test_windows_of_a_fall_are_not_what_comes_before_another_one() -> None:
    history = windows(1, 10, 100, 1000, 10_000)
    history.fell(130, 60)
    assert [side[0] for side in history.split(240, 60)[ALL]] == [11, 10_000]
    assert [side[0] for side in history.split(120, 60)[ALL]] == [11, 11_100]
    again = History()
    again.restore(msgspec.json.decode(msgspec.json.encode(history.state())))
    assert again.split(240, 60) == history.split(240, 60)
    history.forgive()
    assert history.split(240, 60)[ALL][0][0] == 1111


def test_windows_of_a_fall_that_are_long_over_are_let_go_of() -> None:
    history = windows(*[1.0] * 150)
    history.fell(100 * 60, 60)
    for number in range(150, 400):
        tally = Tally()
        tally.sums = {ALL: np.array([7.0, 0.0, 0.0, 1.0])}
        history.add(number * 60, tally)
    assert [side[0] for side in history.split(400 * 60, 60)[ALL]] == [350, 0]
    assert not history.state()["fallen"]


def test_the_first_windows_after_a_change_are_a_part_of_these() -> None:
    history = windows(1, 10, 100, 1000, 10_000)
    assert [[side[0] for side in history.split(60, 60, part)[ALL]] for part in (1, 2, 4)] == [[1, 11_110], [1, 110], [1, 10]]


def test_of_a_change_that_is_older_than_the_windows_that_are_kept_apart_nothing_is_known() -> None:
    history = History()
    history.restore(windows(*[1.0] * 203).state())
    assert [side[0] for side in history.split(180, 60)[ALL]] == [3, 200]
    assert history.split(179, 60) == {}
