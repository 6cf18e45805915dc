"""The domain classifier tells rows apart by their features, names them, and alarms by chance as rarely as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from detectors import Array
from detectors.domain_classifier import DomainClassifier, _area

from .streams import eventful, reference, rows


def fitted(known: Array, **arguments: Any) -> DomainClassifier:
    detector = DomainClassifier(known.shape[1], **arguments)
    detector.fit(known)
    return detector


def test_the_area_is_that_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=40).round(1), rng.normal(0.3, 1, 60).round(1)
    assert _area(one, other) == pytest.approx(mannwhitneyu(one, other).statistic / 2400)


def test_rows_like_the_reference_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(2)
    detector = fitted(rng.normal(size=(2000, 5)))
    assert detector.update(rng.normal(size=(10_000, 5))) == []
    assert detector.statistic[0] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("column", [0, 2])
def test_a_shift_is_found_and_its_feature_named(column: int) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(3000, 4))
    values[2000:, column] += 1.5
    detector = fitted(rng.normal(size=(2000, 4)))
    changes = detector.update(values)
    assert 2000 < changes[0].row < 2750
    assert (changes[0].signal, changes[0].direction) == (0, "both")
    assert abs(changes[0].start - 2000) < 60
    assert detector.importance().argmax() == column
    assert detector.importance().sum() == pytest.approx(1)


def test_a_change_of_spread_alone_is_found() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(1500, 3)) * (1, 2, 1)
    assert fitted(rng.normal(size=(2000, 3))).update(values)


def test_drifts_begin_by_chance_as_often_as_was_asked() -> None:
    began = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        detector = fitted(rng.normal(size=(2000, 2)), window=200, run_length=1000.0)
        began += len({change.start for change in detector.update(rng.normal(size=(10_000, 2)))})
    assert 70 < began < 180


def test_missing_values_are_at_the_median_and_empty_rows_are_left_out() -> None:
    rng = np.random.default_rng(5)
    known, values = rng.normal(10, 1, size=(2000, 2)), rng.normal(10, 1, size=(2000, 2))
    values[::2, 0] = np.nan
    values[::4] = np.nan
    detector = fitted(known)
    assert all(change.n_current == 375 for change in detector.update(values))
    assert fitted(known).update(np.full((1000, 2), np.nan)) == []


def test_neither_cut_nor_restart_changes_a_result() -> None:
    known, values = reference(6), eventful(6)
    whole, part = fitted(known, window=100, stride=50), fitted(known, window=100, stride=50)
    changes = []
    for some in np.split(values, [1, 49, 50, 333, 777, 778, 1200]):
        state = part.state()
        part = fitted(known, window=100, stride=50)
        part.restore(state)
        changes += part.update(some)
    assert changes == whole.update(values) != []
    assert part.importance().tobytes() == whole.importance().tobytes()


def test_allow_moves_the_threshold_and_infinity_means_never() -> None:
    rng = np.random.default_rng(7)
    values, thresholds = rng.normal(3, 1, size=(500, 2)), []
    for run_length in (1e3, 1e6, np.inf):
        detector = fitted(rng.normal(size=(1000, 2)))
        detector.allow(np.array([run_length]))
        assert rows(detector.update(values)) == ([499] if np.isfinite(run_length) else [])
        thresholds.append(detector.threshold[0])
    assert 0.5 < thresholds[0] < thresholds[1] < thresholds[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 10}, "window must be at least 20, got 10"),
        ({"stride": 60}, r"stride must divide window \(500\), got 60"),
        ({"sample": 100}, "sample must be at least 200, got 100"),
        ({"run_length": 0}, "run_length must be positive, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DomainClassifier(1, **arguments)
