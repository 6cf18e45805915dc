"""PSI is what the trade computes, with thresholds that know how many values there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import Array
from detectors.psi import PSI, index

from .streams import column, rows


def fitted(reference: Array, **arguments: Any) -> PSI:
    detector = PSI(reference.shape[1], **arguments)
    detector.fit(reference)
    return detector


def test_the_known_value_over_ten_bins_of_the_joint_range() -> None:
    generator = np.random.RandomState(31)
    first, second = generator.normal(1, 1, 500), generator.normal(1, 1, 500)
    edges = np.histogram_bin_edges(np.append(first, second), 10)
    one, other = (np.histogram(values, edges)[0][np.newaxis] for values in (first, second))
    assert index(one, other, np.array([10]))[0] == pytest.approx(0.01840072, abs=1e-8)


def test_an_empty_bin_counts_as_half_a_value() -> None:
    p, q = np.array([9.0, 0.5]) / 9.5, np.array([5.0, 5.0]) / 10
    expected = float(((p - q) * np.log(p / q)).sum())
    assert index(np.array([[9, 0]]), np.array([[5, 5]]), np.array([2]))[0] == pytest.approx(expected)


def test_the_statistic_is_the_index_over_the_quantiles_of_the_reference() -> None:
    rng = np.random.default_rng(1)
    known, values = rng.normal(size=1000), rng.normal(0.3, 1, 500)
    detector = fitted(column(known))
    detector.update(column(values))
    edges = np.sort(known)[np.arange(1, 10) * 100 - 1]
    one, other = (np.bincount(np.searchsorted(edges, x), minlength=10)[np.newaxis] for x in (values, known))
    assert detector.statistic[0] == pytest.approx(index(one, other, np.array([10]))[0])


def test_few_values_have_a_higher_threshold() -> None:
    rng = np.random.default_rng(2)
    thresholds = []
    for window in (100, 1000):
        detector = fitted(rng.normal(size=(5000, 1)), window=window)
        detector.update(rng.normal(size=(1000, 1)))
        thresholds.append(detector.threshold[0])
    assert thresholds[0] > 5 * thresholds[1]


@pytest.mark.parametrize("stride", [20, 200])
def test_drifts_begin_by_chance_as_often_as_was_asked(stride: int) -> None:
    rng = np.random.default_rng(3)
    detector = fitted(rng.normal(size=(50_000, 100)), window=200, stride=stride, run_length=5000.0)
    began = set()
    for change in detector.update(rng.normal(size=(10_000, 100))):
        began.add((change.signal, change.start))
    assert 130 < len(began) < 280


def test_allow_sets_a_level_for_each_signal() -> None:
    rng = np.random.default_rng(4)
    detector = fitted(rng.normal(size=(2000, 3)))
    detector.allow(np.array([1e3, 1e7, np.inf]))
    detector.update(rng.normal(3, 1, size=(1000, 3)))
    assert detector.threshold[0] < detector.threshold[1] < detector.threshold[2] == np.inf


@pytest.mark.parametrize(("shift", "spread", "direction"), [(1.0, 1.0, "up"), (-1.0, 1.0, "down"), (0.0, 3.0, "both")])
def test_a_drift_is_declared_while_it_lasts_with_its_start_and_direction(shift: float, spread: float, direction: str) -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(4000, 1))
    values[1500:2500] = rng.normal(shift, spread, size=(1000, 1))
    changes = fitted(rng.normal(size=(5000, 1))).update(values)
    assert rows(changes) == list(range(changes[0].row, changes[-1].row + 1, 50))
    assert 1500 < changes[0].row < 1750
    assert abs(changes[0].start - 1500) <= 50
    assert {change.start for change in changes} == {changes[0].start}
    assert changes[0].direction == direction


def test_ties_make_fewer_bins() -> None:
    rng = np.random.default_rng(6)
    known = (rng.random((2000, 1)) < 0.3).astype(np.float64)
    assert fitted(known).update((rng.random((3000, 1)) < 0.3).astype(np.float64)) == []
    assert fitted(known).update((rng.random((1000, 1)) < 0.6).astype(np.float64))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 10}, "window must be at least 20, got 10"),
        ({"stride": 60}, r"stride must divide window \(500\), got 60"),
        ({"bins": 1}, "bins must lie between 2 and 100, got 1"),
        ({"minimum": 501}, r"minimum must lie between 1 and window \(500\), got 501"),
        ({"run_length": -1.0}, "run_length must be positive, got -1.0"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PSI(1, **arguments)
