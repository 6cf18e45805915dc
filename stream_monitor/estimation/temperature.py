"""Scores of many classes that are too sure, or too timid, all in the same way."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.estimation.calibration import FEWEST

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MOST = 10.0
"""Of a power, and of its inverse."""
_SURE = 6.63
"""Twice what outcomes become likelier by; by chance it is more in one of a hundred versions (chi-squared, one degree)."""
_STEPS = 50
_DIGITS = 9
_ADD_UP, _MOST_ROWS = 0.05, 0.9


class Temperature:
    """One power that all scores of a row are raised to, so that they add up to 1 again (Guo et al. 2017, temperature scaling).

    It is the one that makes outcomes likeliest, and it is used if it makes them likelier by more than chance.  Scores of
    which fewer than nine in ten add up to 1 are left as they are, and so are all if the highest ones were right, or wrong, less
    than ten times.
    """

    def __init__(self) -> None:
        self.power = 1.0

    @property
    def helps(self) -> bool:
        """Whether scores are changed."""
        return self.power != 1.0

    def fit(self, scores: Floats, actual: Ints, weights: Floats) -> None:
        """Learns anew from scores, float64[n, k], and the classes that came true, int64[n], all of them known."""
        self.power = 1.0
        there = ~np.isnan(scores).any(axis=1) & (weights > 0)
        scores, actual, weights = scores[there], actual[there], weights[there]
        of_actual = scores[np.arange(len(scores)), actual]
        good = (scores >= 0).all(axis=1) & (np.abs(scores.sum(axis=1) - 1) < _ADD_UP)
        if np.count_nonzero(good) < _MOST_ROWS * len(good):
            return
        good &= of_actual > 0
        right = np.count_nonzero(scores[good].argmax(axis=1) == actual[good])
        if min(right, np.count_nonzero(good) - right) < FEWEST:
            return
        weights = weights[good] / weights[good].sum()
        there = scores[good] > 0
        logs = np.log(np.where(there, scores[good], 1.0))
        of_actual = np.log(of_actual[good])
        power = _likeliest(logs, there, of_actual, weights)
        gained = _loss(1.0, logs, there, of_actual, weights) - _loss(power, logs, there, of_actual, weights)
        if 2 * gained / (weights * weights).sum() > _SURE:
            self.power = power

    def apply(self, scores: Floats) -> Floats:
        """Scores as they should be, float64[n, k]; NaN for NaN."""
        if not self.helps:
            return scores
        raised = np.ascontiguousarray(np.clip(scores, 0.0, 1.0)) ** self.power
        total = np.cumsum(raised, axis=1)[:, -1:]
        tempered: Floats = np.where(total > 0, raised / np.where(total > 0, total, 1.0), scores)
        return tempered

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"power": self.power}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.power = state["power"]


def _likeliest(logs: Floats, there: npt.NDArray[np.bool_], of_actual: Floats, weights: Floats) -> float:
    """The power of the least loss, by Newton's steps, none of which more than halves or doubles it."""
    power = 1.0
    for _ in range(_STEPS):
        chances = _chances(power, logs, there)
        mean = (chances * logs).sum(axis=1)
        slope = float((weights * (mean - of_actual)).sum())
        bend = float((weights * ((chances * logs * logs).sum(axis=1) - mean * mean)).sum())
        before, step = power, slope / bend if bend > 0 else 0.0
        power = min(max(power - step, power / 2, 1 / _MOST), power * 2, _MOST)
        if abs(power - before) < 10**-_DIGITS:
            break
    return round(power, _DIGITS)


def _loss(power: float, logs: Floats, there: npt.NDArray[np.bool_], of_actual: Floats, weights: Floats) -> float:
    total = (np.exp(power * logs) * there).sum(axis=1)
    return float((weights * (np.log(total) - power * of_actual)).sum())


def _chances(power: float, logs: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    raised = np.exp(power * logs) * there
    chances: Floats = raised / raised.sum(axis=1)[:, np.newaxis]
    return chances
