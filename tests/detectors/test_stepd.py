"""STEPD compares what its definition says, and finds what MOA's arithmetic finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from detectors import Array
from detectors.stepd import STEPD

from .streams import coin_flips, column, error_rates, half_then_all, half_then_most, rare_then_common, rows


def slow_alarms(values: Array, window: int, alpha: float) -> list[int]:
    """MOA's test, but for its slip, one value after the other, with p-values."""
    alarms, first = [], 0
    for row in range(len(values)):
        seen = values[first : row + 1]
        old, new = seen[:-window], seen[-window:]
        if len(old) < window:
            continue
        rate, inverse = seen.mean(), 1 / len(old) + 1 / len(new)
        if not 0 < rate < 1:
            continue
        z = (abs(old.mean() - new.mean()) - inverse / 2) / np.sqrt(rate * (1 - rate) * inverse)
        if 2 * norm.sf(z) < alpha:
            alarms.append(row)
            first = row + 1
    return alarms


@given(seed=st.integers(0, 10_000), window=st.sampled_from((10, 30, 100)), alpha=st.sampled_from((0.05, 0.003, 1e-5)))
@settings(max_examples=20, deadline=None)
def test_alarms_are_those_of_the_definition(seed: int, window: int, alpha: float) -> None:
    values = error_rates(seed)
    assert rows(STEPD(1, window=window, alpha=alpha).update(column(values))) == slow_alarms(values, window, alpha)


def test_known_streams_raise_the_alarms_of_the_definition() -> None:
    for values in (rare_then_common(), coin_flips(), half_then_all(), half_then_most()):
        assert rows(STEPD(1).update(column(values))) == slow_alarms(values, 30, 0.003)


def test_directions_and_starts_are_those_of_the_changes() -> None:
    changes = STEPD(1, alpha=1e-5).update(column(coin_flips()))
    assert [change.direction for change in changes] == ["up", "down", "up"]
    assert all(change.start == change.row - 29 for change in changes)
    assert [change.n_reference + change.n_current for change in changes] == np.diff([-1, *rows(changes)]).tolist()
    up, down = (STEPD(1, alpha=1e-5, mode=mode).update(column(coin_flips())) for mode in ("up", "down"))
    assert {change.direction for change in up} == {"up"}
    assert {change.direction for change in down} == {"down"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 1}, "window must be at least 2, got 1"),
        ({"alpha": 0.0}, r"alpha must lie in \(0, 1\), got 0.0"),
        ({"mode": "sideways"}, "mode must be one of up, down, both, got 'sideways'"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        STEPD(1, **arguments)
