"""Page-Hinkley finds what river's finds, row for row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from detectors import Array, Direction
from detectors.page_hinkley import PageHinkley

from .streams import coin_flips, column, rows, small_and_large

PEER: Any = drift.PageHinkley
"""Any, because its methods have no types."""
RIVERS: dict[str, Any] = {"delta": 0.005, "threshold": 50.0, "forgetting": 0.0001}


def peers_alarms(values: Array, **arguments: Any) -> list[int]:
    peer = PEER(**arguments)
    alarms = []
    for row, value in enumerate(values.tolist()):
        peer.update(value)
        if peer.drift_detected:
            alarms.append(row)
    return alarms


@pytest.mark.parametrize(("mode", "known"), [("up", [588, 1681]), ("down", [1172]), ("both", [588, 1097, 1585])])
def test_known_streams_raise_the_known_alarms(mode: Direction, known: list[int]) -> None:
    assert rows(PageHinkley(1, mode=mode, **RIVERS).update(column(coin_flips()))) == known


def test_a_large_step_is_found_within_a_few_rows() -> None:
    assert rows(PageHinkley(1, **RIVERS).update(column(small_and_large(12345)))) == [1006]


@given(
    seed=st.integers(0, 10_000),
    minimum=st.sampled_from((1, 30, 300)),
    delta=st.sampled_from((0.0, 0.005, 0.2)),
    threshold=st.sampled_from((5.0, 50.0)),
    forgetting=st.sampled_from((0.0, 0.0001, 0.05)),
    mode=st.sampled_from(("up", "down", "both")),
)
@settings(max_examples=60, deadline=None)
def test_alarms_are_those_of_river(
    seed: int, minimum: int, delta: float, threshold: float, forgetting: float, mode: Direction
) -> None:
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.normal(size=2500)) / 30 + rng.normal(size=2500)
    detector = PageHinkley(1, minimum=minimum, delta=delta, threshold=threshold, forgetting=forgetting, mode=mode)
    peers = peers_alarms(values, min_instances=minimum, delta=delta, threshold=threshold, alpha=1 - forgetting, mode=mode)
    assert rows(detector.update(column(values))) == peers


def test_missing_values_do_not_count() -> None:
    sparse = np.full(2 * len(coin_flips()), np.nan)
    sparse[::2] = coin_flips()
    changes = PageHinkley(1, **RIVERS).update(column(sparse))
    assert rows(changes) == [1176, 2194, 3170]


def test_the_start_is_where_the_sum_left_its_extreme() -> None:
    rng = np.random.default_rng(1)
    for direction, step in (("up", 1.5), ("down", -1.5)):
        values = rng.normal(size=3000)
        values[2000:] += step
        change = PageHinkley(1, delta=0.5, threshold=30.0).update(column(values))[0]
        assert change.direction == direction
        assert 2000 < change.row < 2100
        assert abs(change.start - 2000) <= 20
        assert change.n_reference == change.start
        assert change.n_current == change.row - change.start + 1


def test_a_side_that_is_not_watched_declares_nothing() -> None:
    values = column(np.repeat((0.0, 5.0), 500))
    assert PageHinkley(1, mode="down").update(values) == []
    assert PageHinkley(1, mode="up").update(-values) == []


def test_there_is_no_statistic_before_the_minimum() -> None:
    detector = PageHinkley(1, minimum=20)
    detector.update(np.ones((19, 1)))
    assert np.isnan(detector.statistic[0])
    detector.update(np.ones((1, 1)))
    assert detector.statistic[0] < detector.threshold[0] == 100.0


def test_the_statistic_is_the_larger_side_that_is_watched() -> None:
    values = column(np.repeat((0.0, 1.0), 60))
    both, up, down = (PageHinkley(1, mode=mode) for mode in ("both", "up", "down"))
    for detector in (both, up, down):
        detector.update(values)
    assert up.statistic[0] == both.statistic[0] > down.statistic[0] >= 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minimum": 0}, "minimum must be at least 1, got 0"),
        ({"delta": -0.1}, "delta must not be negative, got -0.1"),
        ({"threshold": 0.0}, "threshold must be positive, got 0.0"),
        ({"forgetting": 1.0}, r"forgetting must lie in \[0, 1\), got 1.0"),
        ({"mode": "sideways"}, "mode must be one of up, down, both, got 'sideways'"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PageHinkley(1, **arguments)
