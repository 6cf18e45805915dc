"""Calibrated scores are chances, and scores that are chances stay as they are."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from stream_monitor.estimation.calibration import FEWEST, Calibration

Floats = npt.NDArray[np.float64]


def fitted(scores: Floats, outcomes: Floats, weights: Floats | None = None) -> Calibration:
    calibration = Calibration()
    calibration.fit(scores, outcomes, weights)
    return calibration


def drawn(seed: int, n: int, distort: Any) -> tuple[Floats, Floats, Floats]:
    """Scores, outcomes and the chances they were drawn with."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(0, 1.5, n)
    chances = expit(margin)
    return distort(margin), (rng.random(n) < chances).astype(np.float64), chances


def too_sure(margin: Floats) -> Floats:
    return np.asarray(expit(2.5 * margin))


@pytest.mark.parametrize("distort", [too_sure, lambda margin: margin * 30, lambda margin: 0.2 + 0.1 * expit(margin)])
def test_scores_that_are_no_chances_become_chances(distort: Any) -> None:
    scores, outcomes, chances = drawn(1, 20_000, distort)
    calibration = fitted(scores, outcomes)
    assert calibration.helps
    assert calibration.error_after < 0.02 < 0.1 < calibration.error_before
    assert np.abs(calibration.apply(scores) - chances).mean() < 0.015


def test_it_is_decided_on_rows_that_were_not_learnt_from() -> None:
    helped = 0
    for seed in range(40):
        scores, outcomes, _ = drawn(seed, 400, expit)
        helped += fitted(scores, outcomes).helps
    assert helped < 12
    scores, outcomes, _ = drawn(99, 400, expit)
    calibration = fitted(scores, outcomes)
    assert not calibration.helps
    assert calibration.error_before <= calibration.error_after
    assert calibration.apply(scores).tolist() == scores.tolist()


def rare(seed: int, middle: float) -> Calibration:
    """Of 2,000 scores that are twice too sure, of few positives."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(middle, 1.9, 2000)
    return fitted(expit(2 * margin), (rng.random(2000) < expit(margin)).astype(np.float64))


def test_scores_of_a_few_positives_that_are_too_sure_are_calibrated() -> None:
    fits = [one for one in map(partial(rare, middle=-6.5), range(60)) if one.rarer >= FEWEST]
    assert len(fits) > 40
    assert sum(one.helps for one in fits) >= len(fits) - 1


def test_of_fewer_than_ten_positives_scores_stay_as_they_are() -> None:
    fits = [one for one in map(partial(rare, middle=-7.5), range(20)) if one.rarer < FEWEST]
    assert len(fits) > 10
    assert not any(one.helps for one in fits)


def test_margins_are_always_calibrated() -> None:
    scores, outcomes, _ = drawn(2, 300, lambda margin: margin)
    calibration = fitted(scores, outcomes)
    assert calibration.error_before == math.inf
    assert calibration.helps


def test_chances_rise_with_scores_and_are_never_sure() -> None:
    scores, outcomes, _ = drawn(3, 5000, too_sure)
    calibration = fitted(scores, outcomes)
    chances = calibration.apply(np.linspace(-1, 2, 1001))
    assert (np.diff(chances) >= 0).all()
    assert 0 < chances[0] < 0.05
    assert 0.95 < chances[-1] < 1


def test_equal_scores_share_a_bin_however_many_they_are() -> None:
    scores = np.repeat((0.1, 0.9), (900, 100))
    outcomes = np.concatenate((np.arange(900) // 2 % 2, np.arange(100) // 2 % 5 > 0)).astype(np.float64)
    assert fitted(scores, outcomes).apply(np.array([0.1, 0.9])) == pytest.approx([0.5, 0.8])


def test_a_weight_counts_as_so_many_rows() -> None:
    scores, outcomes, _ = drawn(4, 2000, lambda margin: np.round(too_sure(margin), 1))
    twice = np.where(np.arange(2000) < 500, 2.0, 1.0)
    weighted = fitted(scores, outcomes, twice)
    repeated = fitted(np.repeat(scores, twice.astype(int)), np.repeat(outcomes, twice.astype(int)))
    assert weighted.apply(np.unique(scores)) == pytest.approx(repeated.apply(np.unique(scores)), abs=2e-3)
    assert weighted.rows == round(2500**2 / 3500)


@pytest.mark.parametrize("outcomes", [[], [1.0], [1.0, 1.0, 1.0]])
def test_too_little_to_learn_from_leaves_scores_as_they_are(outcomes: list[float]) -> None:
    calibration = fitted(np.linspace(0.2, 0.4, len(outcomes)), np.array(outcomes))
    assert not calibration.helps
    assert calibration.apply(np.array([-1.0, 0.3, 7.0])).tolist() == [0.0, 0.3, 1.0]


def test_missing_scores_are_left_out_and_stay_missing() -> None:
    scores, outcomes, _ = drawn(5, 1000, too_sure)
    gaps = fitted(np.append(scores, [np.nan, np.inf]), np.append(outcomes, [1.0, 1.0]))
    assert gaps.rows == 1000
    assert np.isnan(gaps.apply(np.array([np.nan, 0.5]))).tolist() == [True, False]


def test_a_state_gives_the_same_and_one_row_what_many_give() -> None:
    scores, outcomes, _ = drawn(6, 3000, too_sure)
    calibration, restored = fitted(scores, outcomes), Calibration()
    restored.restore(calibration.state())
    together = calibration.apply(scores)
    assert restored.apply(scores).tolist() == together.tolist()
    assert [float(restored.apply(scores[i : i + 1])[0]) for i in range(500)] == together[:500].tolist()
    assert (restored.error_before, restored.error_after, restored.rows) == (
        calibration.error_before, calibration.error_after, 3000,
    )  # fmt: skip
