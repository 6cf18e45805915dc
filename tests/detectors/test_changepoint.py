"""The most likely split is found where the mean changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Array
from detectors.changepoint import split


def slow_split(values: Array, minimum: int) -> int:
    """By the definition, one place after the other."""

    def squared_difference(place: int) -> float:
        first, second = values[:place], values[place:]
        return float((first.mean() - second.mean()) ** 2 / (1 / len(first) + 1 / len(second)))

    return max(range(minimum, len(values) - minimum + 1), key=squared_difference)


def test_a_clean_step_is_found_exactly() -> None:
    values = np.repeat((0.0, 1.0), (70, 30))
    assert split(values) == 70
    assert split(values, before=0.0) == 70
    assert split(-values) == 70


def test_missing_values_are_left_out() -> None:
    values = np.repeat((0.0, 1.0), (70, 30))
    values[[0, 69, 70, 71, 99]] = np.nan
    assert split(values) == 72
    assert split(values, before=0.0) == 72


@given(st.integers(0, 10_000))
def test_it_maximises_the_standardised_difference(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=60)
    assert split(values, minimum=3) == slow_split(values, 3)


@pytest.mark.parametrize(("rate", "tolerance"), [(0.2, 120), (0.4, 15)])
def test_errors_that_become_more_frequent_are_placed(rate: float, tolerance: int) -> None:
    places = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        errors = rng.random(2000) < np.where(np.arange(2000) < 1700, 0.1, rate)
        places.append(split(errors.astype(np.float64), before=0.1))
    assert np.median(np.abs(np.array(places) - 1700)) <= tolerance / 4
    assert np.mean(np.abs(np.array(places) - 1700)) <= tolerance


def test_with_a_known_mean_everything_may_be_after_the_change() -> None:
    assert split(np.ones(50), before=0.0) == 0


def test_either_part_has_its_minimum() -> None:
    outlier_first, outlier_last = np.zeros(40), np.zeros(40)
    outlier_first[0] = outlier_last[-1] = 1.0
    assert split(outlier_first, minimum=7) == 7
    assert split(outlier_last, minimum=7) == 33
    assert split(outlier_last, before=0.0, minimum=7) == 33


def test_too_few_values_are_not_split() -> None:
    assert split(np.arange(9.0)) == 0
    assert split(np.full(100, np.nan)) == 0
    assert split(np.empty(0)) == 0
    assert split(np.arange(4.0), before=0.0) == 0


def test_a_minimum_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="minimum must be at least 1, got 0"):
        split(np.arange(9.0), minimum=0)
