"""Limits and run lengths agree with each other and with what is known of them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import kstwobign

from detectors import run_lengths


def test_a_limit_has_the_run_length_that_was_asked_for() -> None:
    asked = np.array([100.0, 2000.0, 1e5, 1e9, 1e30, np.inf])
    for drift, sides in ((0.5, 2), (0.05, 1), (0.0, 2)):
        limits = run_lengths.limit(asked, partial(run_lengths.cusum, drift=drift, sides=sides))
        assert run_lengths.cusum(limits[:-1], drift, sides) == pytest.approx(asked[:-1], rel=1e-6)
        assert limits[-1] == np.inf


@pytest.mark.parametrize(("limit", "known"), [(4.0, 168.0), (5.0, 465.0)])
def test_a_cusum_runs_as_long_as_in_textbooks(limit: float, known: float) -> None:
    """Montgomery, Introduction to Statistical Quality Control, table 9.3: two-sided, drift 0.5."""
    assert run_lengths.cusum(np.array([limit]), 0.5, 2)[0] == pytest.approx(known, rel=0.02)


def test_a_cusum_of_nearly_no_drift_runs_like_one_of_none() -> None:
    limits = np.array([3.0, 30.0])
    assert run_lengths.cusum(limits, 1e-9, 1) == pytest.approx(run_lengths.cusum(limits, 0.0, 1), rel=1e-6)


@pytest.mark.parametrize(("weight", "limit"), [(0.05, 2.615), (0.1, 2.814), (0.25, 2.998), (0.5, 3.071)])
def test_a_moving_average_runs_as_long_as_in_tables(weight: float, limit: float) -> None:
    """Lucas and Saccucci (1990), table 3: all of these have a run length of 500."""
    assert run_lengths.ewma(np.array([limit]), weight)[0] == pytest.approx(500, rel=0.01)


def test_run_lengths_of_a_moving_average_go_on_growing() -> None:
    limits = np.arange(1.5, 30, 0.1)
    logs = np.log(run_lengths.ewma(limits, 0.05))
    assert (np.diff(logs) > 0).all()
    assert logs[-1] == pytest.approx(limits[-1] ** 2 / 2, rel=0.05)


def test_windows_that_do_not_overlap_are_separate_looks() -> None:
    level = np.array([2.5])
    run_length = run_lengths.kolmogorov(level, 10_000, 10_000, np.array([10**12]))[0]
    assert run_length == pytest.approx(10_000 / kstwobign.sf(2.5), rel=0.1)


def test_a_small_reference_needs_a_lower_level() -> None:
    sizes = np.array([500, 100_000])
    run_length = partial(run_lengths.kolmogorov, window=500, stride=62, references=sizes)
    small, large = run_lengths.limit(np.array([1e5, 1e5]), run_length, lowest=0.8)
    assert 0.7 * large < small < large
