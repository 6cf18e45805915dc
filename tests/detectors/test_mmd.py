"""MMD sees changes of rows as wholes, keeps its run length, and names the features that moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors import Array
from detectors.mmd import MMD

from .streams import eventful, reference, rows


def fitted(known: Array, **arguments: Any) -> MMD:
    detector = MMD(known.shape[1], **arguments)
    detector.fit(known)
    return detector


@pytest.mark.parametrize("column", [0, 3])
def test_a_shift_is_found_and_its_feature_named(column: int) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(3000, 4))
    values[2000:, column] += 1.5
    detector = fitted(rng.normal(size=(2000, 4)))
    changes = detector.update(values)
    assert 2000 < changes[0].row < 2250
    assert (changes[0].signal, changes[0].direction) == (0, "both")
    assert abs(changes[0].start - 2000) <= 50
    assert {change.start for change in changes} == {changes[0].start}
    assert detector.importance().argmax() == column
    assert detector.importance().sum() == pytest.approx(1)


def test_a_change_of_how_features_go_together_is_found() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(2000, 2))
    values[1000:, 1] = 0.9 * values[1000:, 0] + np.sqrt(1 - 0.81) * values[1000:, 1]
    changes = fitted(rng.normal(size=(3000, 2))).update(values)
    assert 1000 < changes[0].row < 1500


def test_drifts_do_not_begin_by_chance_more_often_than_asked() -> None:
    began = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        detector = fitted(rng.normal(size=(5000, 3)), window=200, run_length=2000.0)
        began += len({change.start for change in detector.update(rng.normal(size=(6000, 3)))})
    assert 20 < began < 85


def test_missing_values_are_at_the_median_and_empty_rows_are_left_out() -> None:
    rng = np.random.default_rng(3)
    known = rng.normal(10, 1, size=(2000, 2))
    detector = fitted(known, window=100)
    detector.update(np.where(np.arange(200)[:, np.newaxis] % 2, np.nan, rng.normal(10, 1, size=(200, 2))))
    assert np.isfinite(detector.statistic[0])
    assert fitted(known).update(np.full((1000, 2), np.nan)) == []


def test_neither_cut_nor_restart_changes_a_result() -> None:
    known, values = reference(4), eventful(4)
    whole, part = fitted(known, window=100), fitted(known, window=100)
    changes = []
    for some in np.split(values, [1, 9, 10, 333, 777, 778, 1200]):
        state = part.state()
        part = fitted(known, window=100)
        part.restore(state)
        changes += part.update(some)
    assert changes == whole.update(values) != []
    assert part.importance().tobytes() == whole.importance().tobytes()


def test_allow_moves_the_threshold_and_infinity_means_never() -> None:
    rng = np.random.default_rng(5)
    values, known, thresholds = rng.normal(3, 1, size=(500, 2)), rng.normal(size=(1000, 2)), []
    for run_length in (1e3, 1e6, np.inf):
        detector = fitted(known)
        detector.allow(np.array([run_length]))
        assert rows(detector.update(values)) == ([499] if np.isfinite(run_length) else [])
        thresholds.append(detector.threshold[0])
    assert 0 < thresholds[0] < thresholds[1] < thresholds[2]


def test_a_small_reference_is_not_compared_with() -> None:
    values = np.random.default_rng(6).normal(9, 1, size=(1000, 2))
    assert fitted(values[:199] - 9).update(values) == []
    assert MMD(2).update(values) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 10}, "window must be at least 20, got 10"),
        ({"stride": 60}, r"stride must divide window \(500\), got 60"),
        ({"block": 0}, "block must be at least 1, got 0"),
        ({"run_length": 0}, "run_length must be positive, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MMD(1, **arguments)
