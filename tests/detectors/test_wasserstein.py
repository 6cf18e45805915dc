"""Wasserstein says what scipy says of every window, and when values have moved further than chance moves them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from detectors import Array
from detectors.wasserstein import Wasserstein

from .streams import column, rows

NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-10, 10), st.sampled_from((0.0, 1e3, -1e3)))


def fitted(reference: Array, **arguments: Any) -> Wasserstein:
    detector = Wasserstein(reference.shape[1], **arguments)
    detector.fit(reference)
    return detector


@given(known=st.lists(NUMBERS, min_size=50, max_size=150), window=st.lists(NUMBERS, min_size=20, max_size=20))
@settings(max_examples=200, deadline=None)
def test_the_statistic_is_that_of_scipy_ties_included(known: list[float], window: list[float]) -> None:
    detector = fitted(column(np.array(known)), window=20, stride=20)
    detector.update(column(np.array(window)))
    assert detector.statistic[0] == pytest.approx(wasserstein_distance(window, known), abs=1e-9)


@pytest.mark.parametrize("shape", ["normal", "lognormal"])
def test_drifts_begin_by_chance_about_as_often_as_was_asked(shape: str) -> None:
    rng = np.random.default_rng(1)
    draw = rng.standard_normal if shape == "normal" else rng.lognormal
    detector = fitted(draw(size=(20_000, 60)), window=200, stride=50, run_length=5000.0)
    changes = detector.update(draw(size=(10_000, 60)))
    assert 60 < len({(change.signal, change.start) for change in changes}) < 200


def test_units_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    known, values = rng.normal(size=(2000, 1)), rng.normal(0.5, 1, size=(2000, 1))
    small, large = fitted(known).update(values), fitted(known * 1e6).update(values * 1e6)
    assert rows(small) == rows(large) != []


def test_allow_sets_a_threshold_for_each_signal() -> None:
    rng = np.random.default_rng(3)
    detector = fitted(rng.normal(size=(2000, 3)))
    detector.allow(np.array([1e3, 1e7, np.inf]))
    detector.update(rng.normal(size=(1000, 3)))
    assert detector.threshold[0] < detector.threshold[1] < detector.threshold[2] == np.inf


@pytest.mark.parametrize(("shift", "spread", "direction"), [(1.0, 1.0, "up"), (-1.0, 1.0, "down"), (0.0, 3.0, "both")])
def test_a_drift_is_declared_while_it_lasts_with_its_direction(shift: float, spread: float, direction: str) -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(4000, 1))
    values[1500:2500] = rng.normal(shift, spread, size=(1000, 1))
    changes = fitted(rng.normal(size=(5000, 1))).update(values)
    assert rows(changes) == list(range(changes[0].row, changes[-1].row + 1, 50))
    assert 1500 < changes[0].row < 1750
    assert changes[-1].direction == direction
    assert abs(changes[0].start - 1500) <= 30 or direction == "both"


def test_a_fit_takes_less_than_50_milliseconds_a_signal() -> None:
    reference = np.random.default_rng(5).normal(size=(20_000, 20))
    start = time.process_time()
    fitted(reference)
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 10}, "window must be at least 20, got 10"),
        ({"stride": 60}, r"stride must divide window \(500\), got 60"),
        ({"minimum": 0}, r"minimum must lie between 1 and window \(500\), got 0"),
        ({"run_length": 0}, "run_length must be positive, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Wasserstein(1, **arguments)
