"""ADWIN finds what river's finds, row for row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from detectors import Array
from detectors.adwin import ADWIN

from .streams import column, rows, small_and_large, two_levels

PEER: Any = drift.ADWIN
"""Any, because its methods have no types."""


def peers_alarms(values: Array, **arguments: Any) -> list[tuple[int, int]]:
    """Rows of river's alarms, and the width of the window that is left."""
    peer = PEER(**arguments)
    alarms = []
    for row, value in enumerate(values.tolist()):
        peer.update(value)
        if peer.drift_detected:
            alarms.append((row, int(peer.width)))
    return alarms


def levels(seed: int) -> Array:
    """Stretches of values of one level and spread each, some of them zeros and ones."""
    rng = np.random.default_rng(seed)
    stretches: list[Array] = []
    for _ in range(rng.integers(2, 7)):
        n = rng.integers(20, 900)
        rates, numbers = rng.random(n) < rng.random(), rng.normal(rng.normal(0, 2), rng.random(), n)
        stretches.append((rates if rng.random() < 0.5 else numbers * 10.0 ** rng.integers(-3, 6)).astype(np.float64))
    return np.concatenate(stretches)


def test_known_streams_raise_the_known_alarms() -> None:
    assert rows(ADWIN(1).update(column(two_levels()))) == [1023]
    assert rows(ADWIN(1).update(column(small_and_large(12345)))) == [1023]
    assert rows(ADWIN(1).update(column(small_and_large(42, times=2)))) == [1023, 2015, 3007]


@given(
    seed=st.integers(0, 10_000),
    delta=st.sampled_from((0.3, 0.002, 1e-4)),
    clock=st.sampled_from((1, 10, 32)),
    max_buckets=st.sampled_from((2, 5, 8)),
    min_window_length=st.sampled_from((1, 5, 30)),
    grace_period=st.sampled_from((0, 10, 200)),
)
@settings(max_examples=60, deadline=None)
def test_alarms_and_windows_are_those_of_river(seed: int, **arguments: Any) -> None:
    values = levels(seed)
    changes = ADWIN(1, **arguments).update(column(values))
    assert [(change.row, change.n_current) for change in changes] == peers_alarms(values, **arguments)


def test_missing_values_do_not_count_and_do_not_tick() -> None:
    values = small_and_large(42, times=2)
    sparse = np.full(3 * len(values), np.nan)
    sparse[1::3] = values
    dense, detector = ADWIN(1).update(column(values)), ADWIN(1)
    changes = detector.update(column(sparse))
    assert rows(changes) == [3 * change.row + 1 for change in dense]
    assert [change.statistic for change in changes] == [change.statistic for change in dense]
    assert [change.n_current for change in changes] == [change.n_current for change in dense]


def test_a_change_says_what_was_kept_and_what_was_dropped() -> None:
    values = small_and_large(42)
    change = ADWIN(1).update(column(values))[0]
    assert (change.row, change.start, change.n_reference, change.n_current) == (1023, 992, 992, 32)
    assert change.direction == "up"
    assert ADWIN(1).update(column(-values))[0].direction == "down"


def test_after_a_change_the_next_window_starts_with_the_next_row() -> None:
    values = small_and_large(42, times=2)
    first, second = ADWIN(1).update(column(values))[:2]
    assert second.n_reference + second.n_current == second.row - first.row


def test_the_statistic_is_that_of_the_last_look() -> None:
    values = np.random.default_rng(2).random((96, 1))
    detector = ADWIN(1)
    detector.update(values[:64])
    second = detector.statistic[0]
    assert 0 < second < detector.threshold[0]
    detector.update(values[64:95])
    assert detector.statistic[0] == second
    detector.update(values[95:])
    assert detector.statistic[0] != second


def test_a_million_values_keep_some_hundred_numbers() -> None:
    rng = np.random.default_rng(1)
    detector = ADWIN(1)
    for _ in range(10):
        detector.update(rng.random((100_000, 1)).round())
    assert sum(len(marks) for marks in detector.state()["marks"]) < 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delta": 0.0}, r"delta must lie in \(0, 1\), got 0.0"),
        ({"delta": 1}, r"delta must lie in \(0, 1\), got 1"),
        ({"clock": 0}, "clock must be at least 1, got 0"),
        ({"max_buckets": 1}, "max_buckets must be at least 2, got 1"),
        ({"min_window_length": 0}, "min_window_length must be at least 1, got 0"),
        ({"grace_period": -1}, "grace_period must not be negative, got -1"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ADWIN(1, **arguments)
