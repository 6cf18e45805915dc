"""The CUSUM adds up what its definition says, and keeps its run length whatever the size of the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Array, Direction
from detectors.cusum import CUSUM

from .streams import column, rows


def slow_alarms(
    known: Array, values: Array, drift: float, limit: float, minimum: int, mode: Direction
) -> list[tuple[int, int]]:
    """Rows of alarms and starts by the definition, one value after the other."""
    scores = np.clip((known - known.mean()) / known.std(), -4, 4)
    alarms = []
    before, up, down, up_since, down_since, first = list(scores), 0.0, 0.0, 0, 0, 0
    for row, score in enumerate(np.clip((values - known.mean()) / known.std(), -4, 4)):
        spread = np.std(before, ddof=1) * np.sqrt(1 + 1 / len(before))
        z = np.clip((score - np.mean(before)) / spread, -4, 4)
        before.append(score)
        up, down = up + z - drift, down - z - drift
        if up < 0:
            up, up_since = 0.0, row + 1
        if down < 0:
            down, down_since = 0.0, row + 1
        largest = {"up": up, "down": down, "both": max(up, down)}[mode]
        if largest > limit and row - first + 1 >= minimum:
            alarms.append((row, up_since if largest == up else down_since))
            before, up, down, up_since, down_since, first = list(scores), 0.0, 0.0, row + 1, row + 1, row + 1
    return alarms


@given(
    seed=st.integers(0, 10_000),
    drift=st.sampled_from((0.0, 0.25, 1.0)),
    limit=st.sampled_from((3.0, 12.0)),
    minimum=st.sampled_from((1, 30)),
    mode=st.sampled_from(("up", "down", "both")),
)
@settings(max_examples=40, deadline=None)
def test_it_is_the_chart_of_its_definition(seed: int, drift: float, limit: float, minimum: int, mode: Direction) -> None:
    rng = np.random.default_rng(seed)
    known = 1e6 + 1e-3 * rng.normal(size=rng.integers(50, 300))
    values = 1e6 + 1e-3 * (rng.normal(size=700) + np.repeat(rng.normal(size=7), 100))
    detector = CUSUM(1, drift=drift, limit=limit, minimum=minimum, mode=mode)
    detector.fit(column(known))
    changes = detector.update(column(values))
    assert [(change.row, change.start) for change in changes] == slow_alarms(known, values, drift, limit, minimum, mode)


def test_a_step_is_declared_with_its_start_while_it_lasts() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=4000)
    values[2000:2500] += 1
    detector = CUSUM(1)
    detector.fit(rng.normal(size=(1000, 1)))
    changes = detector.update(column(values))
    assert rows(changes) == [2023, 2053, 2090, 2120, 2161, 2198, 2238, 2272, 2302, 2333, 2374, 2418, 2454, 2488]
    assert abs(changes[0].start - 2000) <= 5
    assert {change.direction for change in changes} == {"up"}
    assert changes[0].n_reference == 1000 + changes[0].start
    assert changes[0].n_current == changes[0].row - changes[0].start + 1


@pytest.mark.parametrize("size", [60, 1000])
def test_a_small_reference_does_not_cost_false_alarms(size: int) -> None:
    rng = np.random.default_rng(2)
    detector = CUSUM(300)
    detector.fit(rng.normal(size=(size, 300)))
    detector.allow(np.full(300, 5000.0))
    first = np.full(300, 15_000)
    for change in reversed(detector.update(rng.normal(size=(15_000, 300)))):
        first[change.signal] = change.row + 1
    assert 0.85 < first.sum() / np.count_nonzero(first < 15_000) / 5000 < 1.15


def test_what_is_declared_is_as_rare_as_the_chart_says() -> None:
    rng = np.random.default_rng(3)
    detector = CUSUM(1)
    detector.fit(rng.normal(size=(1000, 1)))
    shifted = rng.normal(0.7, 1, size=(500, 1))
    assert np.isnan(detector.update(shifted)[0].rarity)
    detector.allow(np.array([1e4]))
    change = detector.update(shifted)[0]
    assert 1e4 < change.rarity < 1e5
    detector.allow(np.array([change.rarity]))
    assert detector.update(np.zeros((30, 1))) == []
    assert detector.threshold[0] == pytest.approx(change.statistic)


def test_one_value_counts_for_four_standard_deviations_at_most() -> None:
    rng = np.random.default_rng(4)
    detector = CUSUM(1, drift=0.0, limit=1e3)
    detector.fit(rng.normal(size=(1000, 1)))
    detector.update(np.append(np.zeros((50, 1)), [[1e50]], axis=0))
    before = detector.statistic[0]
    detector.update(np.array([[1e50]]))
    assert 3.5 < detector.statistic[0] - before <= 4


def test_a_reference_of_too_few_or_equal_values_is_not_compared_with() -> None:
    detector = CUSUM(3)
    known = np.random.default_rng(5).normal(size=(60, 3))
    known[:11, 0], known[:, 1] = np.nan, 7.0
    detector.fit(known)
    changes = detector.update(np.full((500, 3), 100.0))
    assert {change.signal for change in changes} == {2}
    assert np.isnan(detector.statistic[:2]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"drift": -0.1}, r"drift must lie in \[0, 4\), got -0.1"),
        ({"limit": 0.0}, "limit must be positive, got 0.0"),
        ({"minimum": 0}, "minimum must be at least 1, got 0"),
        ({"mode": "sideways"}, "mode must be one of up, down, both, got 'sideways'"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CUSUM(1, **arguments)
