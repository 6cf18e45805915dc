"""Intervals of full means hold them at all looks about as often as they say, and no loss spoils a later sequence."""

from __future__ import annotations

import numpy as np

from stream_monitor.models.amounts import Amounts, Sums


def test_intervals_hold_the_mean_at_all_looks_as_often_as_promised() -> None:
    missed = 0
    for seed in range(200):
        values = np.random.default_rng(seed).exponential(30.0, 20_000)
        totals, squares = np.cumsum(values), np.cumsum(values * values)
        for n in range(64, 20_001, 64):
            _, low, high = Sums(1, float(totals[n - 1]), float(squares[n - 1])).interval(n, 0.1)
            if not low <= 30.0 <= high:
                missed += 1
                break
    assert missed <= 0.1 * 200


def test_a_loss_beyond_all_others_is_in_no_sequence_that_begins_after_it() -> None:
    amounts = Amounts()
    amounts.add(1e90, True)
    amounts.settle([0])
    amounts.add(2.0, False)
    amounts.settle([0, 1])
    assert (amounts.of(0).cut, amounts.of(0).difference) == (1, 1e90)
    assert amounts.of(1) == Sums(0, 2.0, 4.0)
    amounts.settle([1])
    assert amounts.of(0) == Sums()
