"""A window is before a change, or after it where most of it is."""

from __future__ import annotations

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
