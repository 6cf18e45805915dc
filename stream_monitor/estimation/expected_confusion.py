"""What is expected of outcomes, as sums over rows: how often predictions will be right and wrong, and how sure that is.

The outcome of each row is taken as drawn from its chances, rows as independent.  The variance of a metric over these draws
is that of its linear part (delta method).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stream_monitor.metrics.reading import NOTHING, Reading, Readings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_Z = 1.959963984540054
_LEAST = 0.5
"""Of rows; what rounding leaves when all are taken back is less."""


class ExpectedBinary:
    """Two classes, 1 the positive one."""

    width = 7
    """Rows, squares, predicted positives, true positives, false negatives; the variances of the last two."""

    def terms(self, predicted: Ints, chances: Floats) -> Floats:
        """What each row adds, float64[n, width], but for the squares: its predicted class and its chance to be positive."""
        positive = predicted == 1
        spread = chances * (1 - chances)
        ones, nothing = np.ones(len(chances)), np.zeros(len(chances))
        return np.stack((
            ones, nothing, positive, np.where(positive, chances, 0.0), np.where(positive, 0.0, chances),
            np.where(positive, spread, 0.0), np.where(positive, 0.0, spread),
        ), axis=1)  # fmt: skip

    def read(self, sums: Floats, learnt: tuple[float, float]) -> Readings:
        """Estimates from the sums of a window, with bands that know from how many positives and negatives it learnt."""
        rows, squares, flagged, hits, misses, hit_spread, miss_spread = sums.tolist()
        if _equal(rows, squares) < _LEAST:
            return dict.fromkeys(("accuracy", "precision", "recall", "specificity", "f1"), NOTHING)
        positives, negatives, either = hits + misses, rows - hits - misses, flagged + hits + misses
        inflation = _inflation(rows, squares, self.taught(sums, learnt))

        def reading(value: float, of: float, by_hit: float, by_miss: float) -> Reading:
            """Its numerator and what both kinds of positives do to it, per what it is a share of."""
            if of <= 0:
                return NOTHING
            variance = (by_hit * by_hit * hit_spread + by_miss * by_miss * miss_spread) / (of * of) * inflation
            return _reading(value / of, of * rows / squares, variance)

        recall, f1 = hits / max(positives, 1e-300), 2 * hits / max(either, 1e-300)
        specificity = (rows - flagged - misses) / max(negatives, 1e-300)
        return {
            "accuracy": reading(rows - flagged + hits - misses, rows, 1.0, -1.0),
            "precision": reading(hits, flagged, 1.0, 0.0),
            "recall": reading(hits, positives, 1 - recall, -recall),
            "specificity": reading(rows - flagged - misses, negatives, specificity, specificity - 1),
            "f1": reading(2 * hits, either, 2 - f1, -f1),
        }

    def taught(self, sums: Floats, learnt: tuple[float, float]) -> float:
        """From how many outcomes like those of a window it learnt, of so many positives and negatives."""
        rows, positives = float(sums[0]), float(sums[3]) + float(sums[4])
        sides = zip((positives, rows - positives), learnt, strict=True)
        return min(rows * max(taught, 1.0) / max(there, _LEAST) for there, taught in sides)


class ExpectedClasses:
    """More than two classes."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self.width = 2 + 3 * classes + 2 * classes * classes
        """Rows, squares; by class how often predicted, expected and hit; products of the chances of the predicted class and
        each, and of any two."""

    def terms(self, predicted: Ints, chances: Floats) -> Floats:
        """What each row adds, float64[n, width], but for the squares: its predicted class and its chances, float64[n, k]."""
        n, k = chances.shape
        is_predicted = predicted[:, np.newaxis] == np.arange(k)
        hits = np.where(is_predicted, chances, 0.0)
        with_hit = hits[:, :, np.newaxis] * chances[:, np.newaxis, :]
        pairs = chances[:, :, np.newaxis] * chances[:, np.newaxis, :]
        counts = np.ones((n, 1)), np.zeros((n, 1)), is_predicted, chances, hits
        return np.concatenate((*counts, with_hit.reshape(n, k * k), pairs.reshape(n, k * k)), axis=1)

    def read(self, sums: Floats, learnt: tuple[float, float]) -> Readings:
        """Estimates from the sums of a window, with bands that know from how many outcomes chances were learnt."""
        rows, squares, k = float(sums[0]), float(sums[1]), self._classes
        n = _equal(rows, squares)
        if n < _LEAST:
            return dict.fromkeys(("accuracy", "macro_f1"), NOTHING)
        hits = sums[2 + 2 * k : 2 + 3 * k]
        inflation = _inflation(rows, squares, self.taught(sums, learnt))
        accuracy, by_hit = float(hits.sum()) / rows, np.full(k, 1 / rows)
        macro, variance = self._macro_f1(sums)
        return {
            "accuracy": _reading(accuracy, n, self._variance(sums, np.zeros(k), by_hit) * inflation),
            "macro_f1": _reading(macro, n, variance * inflation),
        }

    def taught(self, sums: Floats, learnt: tuple[float, float]) -> float:
        """From how many outcomes it learnt, of the first class and of others."""
        return sum(learnt)

    def _macro_f1(self, sums: Floats) -> tuple[float, float]:
        """Over the classes that will be predicted or actual, with its variance.

        One that is not predicted may be actual, with an F1 of 0.  F1 are expected to the second order: of few rows, a class
        that comes more often than expected is also hit more often.
        """
        rows, squares, k = float(sums[0]), float(sums[1]), self._classes
        flagged, expected, hits = sums[2 : 2 + 3 * k].reshape(3, k)
        with_hit, pairs = (np.diagonal(one) for one in sums[2 + 3 * k :].reshape(2, k, k))
        there = np.where(flagged > 0, 1.0, -np.expm1(-np.maximum(expected, 0.0) * rows / squares))
        number, either = float(there.sum()), np.maximum(flagged + expected, 1e-300)
        by_hit = np.where(flagged > 0, 2 / either / number, 0.0)
        by_outcome = -hits * by_hit / either
        curved = -by_outcome * (expected - pairs) - by_hit * (hits - with_hit)
        macro = float((hits * by_hit + curved / either).sum())
        return macro, self._variance(sums, by_outcome, by_hit) + (macro / number) ** 2 * float((there * (1 - there)).sum())

    def _variance(self, sums: Floats, by_outcome: Floats, by_hit: Floats) -> float:
        """That of a sum over rows of what the outcome's class adds, and what a hit of the predicted class adds to that."""
        k = self._classes
        _, expected, hits = sums[2 : 2 + 3 * k].reshape(3, k)
        with_hit, pairs = sums[2 + 3 * k :].reshape(2, k, k)
        squared = (expected * by_outcome**2).sum() + (hits * by_hit * (2 * by_outcome + by_hit)).sum()
        mean = (pairs * by_outcome[:, np.newaxis] * by_outcome).sum()
        mean += 2 * (with_hit * by_hit[:, np.newaxis] * by_outcome).sum() + (np.diagonal(with_hit) * by_hit**2).sum()
        return max(float(squared - mean), 0.0)


def _equal(rows: float, squares: float) -> float:
    """As many equally weighted rows as would say as much (Kish 1965)."""
    return rows * rows / squares if squares > 0 else 0.0


def _inflation(rows: float, squares: float, learnt: float) -> float:
    """Of a variance by unequal weights, and by chances that are themselves means of so many outcomes.

    The latter is exact where scores are spread as they were when chances were learnt.  Of two classes the one that has become
    more frequent since counts: where it is rare, few were learnt from at the scores that there are more of now.
    """
    return squares / rows * (1 + _equal(rows, squares) / max(learnt, 1.0))


def _reading(value: float, n: float, variance: float) -> Reading:
    """Between low and high is what labels will show of these rows, with 95% confidence."""
    half = _Z * math.sqrt(max(variance, 0.0))
    return Reading(value, n, max(value - half, 0.0), min(value + half, 1.0))
