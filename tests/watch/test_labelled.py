"""Predictions since a position, and their labels, are counted as they are, the older the coarser, whatever the cut."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.joining.labelled import Labelled


def counted(rows: int, per: int, every: int = 1) -> Labelled:
    """Every so many rows of a stream are predictions of the version; two in three get their label 100 rows later."""
    labelled = Labelled()
    for start in range(0, rows, per):
        position = np.arange(start, min(start + per, rows))
        mine = np.flatnonzero(position % every == 0)
        late = np.flatnonzero((position >= 100) & ((position - 100) % every == 0) & (position % 3 > 0))
        labelled.predicted(mine, position[mine])
        labelled.judged(late, position[late] - 100, np.ones(len(late), np.int64))
        labelled.pass_on()
    return labelled


def test_recent_rows_are_counted_exactly() -> None:
    assert counted(5000, 50).since(4800) == (200, 67)
    assert counted(5000, 50, every=2).since(4800) == (100, 33)


@pytest.mark.parametrize("back", [300, 3_000, 30_000, 190_000])
def test_older_rows_are_counted_nearly(back: int) -> None:
    rows, labelled = counted(200_000, 1000, every=5).since(200_000 - back)
    assert rows == pytest.approx(back / 5, rel=0.02)
    assert labelled == pytest.approx((back - 100) / 5 * 2 / 3, rel=0.03, abs=2)
    assert labelled <= rows


def test_counts_do_not_depend_on_the_cut() -> None:
    whole = counted(20_000, 20_000).state()
    for per in (7, 1000):
        other = counted(20_000, per).state()
        assert other["last"] == whole["last"]
        assert all((one == two).all() for one, two in zip(other["kinds"], whole["kinds"], strict=True))


def test_in_the_middle_of_a_section_it_says_how_things_stand_there() -> None:
    labelled = Labelled()
    labelled.predicted(np.arange(32), np.arange(32))
    labelled.judged(np.array([5, 20]), np.array([3, 16]), np.ones(2, np.int64))
    labelled.settle(9)
    assert labelled.since(0) == (10, 1)
    labelled.pass_on()
    assert labelled.since(0) == (32, 2)
    labelled.judged(np.array([0]), np.array([3]), np.array([-1]))
    labelled.pass_on()
    assert labelled.since(0) == (32, 1)


def test_nothing_has_come_of_a_version_that_is_new() -> None:
    assert Labelled().since(0) == (0, 0)
