"""The EWMA chart averages what its definition says, and keeps its run length whatever the size of the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Array
from detectors.ewma import EWMA

from .streams import column, rows


def slow_alarms(known: Array, values: Array, weight: float, limit: float, minimum: int) -> list[tuple[int, int, int]]:
    """Rows of alarms, starts and numbers since, by the definition, one value after the other."""
    scores = np.clip((known - known.mean()) / known.std(), -4, 4)
    alarms = []
    before, average, since, first = list(scores), 0.0, 0, 0
    for row, score in enumerate(np.clip((values - known.mean()) / known.std(), -4, 4)):
        spread = np.std(before, ddof=1) * np.sqrt(1 + 1 / len(before))
        z = np.clip((score - np.mean(before)) / spread, -4, 4)
        before.append(score)
        was, average = average, (1 - weight) * average + weight * z
        since = row if (was > 0) != (average > 0) else since
        n = row - first + 1
        deviation = np.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2 * n)))
        if abs(average) / deviation > limit and n >= minimum:
            alarms.append((row, since, row - since + 1))
            before, average, since, first = list(scores), 0.0, row + 1, row + 1
    return alarms


@given(
    seed=st.integers(0, 10_000),
    weight=st.sampled_from((0.01, 0.05, 0.5)),
    limit=st.sampled_from((2.0, 4.0)),
    minimum=st.sampled_from((1, 30)),
)
@settings(max_examples=40, deadline=None)
def test_it_is_the_chart_of_its_definition(seed: int, weight: float, limit: float, minimum: int) -> None:
    rng = np.random.default_rng(seed)
    known = 1e6 + 1e-3 * rng.normal(size=rng.integers(50, 300))
    values = 1e6 + 1e-3 * (rng.normal(size=700) + np.repeat(rng.normal(size=7), 100))
    detector = EWMA(1, weight=weight, limit=limit, minimum=minimum)
    detector.fit(column(known))
    changes = detector.update(column(values))
    found = [(change.row, change.start, change.n_current) for change in changes]
    assert found == slow_alarms(known, values, weight, limit, minimum)


def test_a_step_is_declared_with_its_start_while_it_lasts() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=4000)
    values[2000:2500] -= 1
    detector = EWMA(1)
    detector.fit(rng.normal(size=(1000, 1)))
    changes = detector.update(column(values))
    assert rows(changes) == [2043, 2073, 2116, 2146, 2176, 2208, 2241, 2274, 2315, 2345, 2376, 2406, 2444, 2482]
    assert abs(changes[0].start - 2000) <= 20
    assert {change.direction for change in changes} == {"down"}
    assert changes[0].n_reference == 1000 + changes[0].start
    assert changes[0].n_current == changes[0].row - changes[0].start + 1


def test_a_small_reference_does_not_cost_false_alarms() -> None:
    rng = np.random.default_rng(2)
    detector = EWMA(300)
    detector.fit(rng.normal(size=(60, 300)))
    detector.allow(np.full(300, 5000.0))
    first = np.full(300, 15_000)
    for change in reversed(detector.update(rng.normal(size=(15_000, 300)))):
        first[change.signal] = change.row + 1
    assert 0.85 < first.sum() / np.count_nonzero(first < 15_000) / 5000 < 1.15


def test_what_is_declared_is_as_rare_as_the_chart_says() -> None:
    rng = np.random.default_rng(3)
    detector = EWMA(1)
    detector.fit(rng.normal(size=(1000, 1)))
    detector.allow(np.array([1e4]))
    change = detector.update(rng.normal(0.6, 1, size=(500, 1)))[0]
    assert 1e4 < change.rarity < 1e5
    detector.allow(np.array([change.rarity]))
    assert detector.update(np.zeros((30, 1))) == []
    assert detector.threshold[0] == pytest.approx(change.statistic)


def test_a_reference_of_too_few_or_equal_values_is_not_compared_with() -> None:
    detector = EWMA(3)
    known = np.random.default_rng(5).normal(size=(60, 3))
    known[:11, 0], known[:, 1] = np.nan, 7.0
    detector.fit(known)
    changes = detector.update(np.full((500, 3), 100.0))
    assert {change.signal for change in changes} == {2}
    assert np.isnan(detector.statistic[:2]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": 0.001}, r"weight must lie in \[0.01, 0.5\], got 0.001"),
        ({"limit": 0.0}, "limit must be positive, got 0.0"),
        ({"minimum": 0}, "minimum must be at least 1, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EWMA(1, **arguments)
