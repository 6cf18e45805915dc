"""What the weights of negatives and positives by score say: areas under curves, how sure they are, how exact.

Both areas are taken with their derivatives: how much each changes with one more positive, or negative, of each score.
Variances follow from these (the infinitesimal jackknife; for the ROC it is that of DeLong, DeLong and Clarke-Pearson 1988).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Area(NamedTuple):
    """An area under a curve, and what it rests on."""

    value: float
    by_positive: Floats
    """Its derivative by the weight of positives of each score."""
    by_negative: Floats
    by_label: Floats
    """Its second derivative as weight turns from negative into positive."""


class Curve(NamedTuple):
    """Weights by score, lowest first: float64[m] each, not negative, and some on both sides."""

    positive: Floats
    negative: Floats
    positive_squares: Floats
    """Of each score the sum of the weights of positives, each times the weight of its row."""
    negative_squares: Floats

    def roc_auc(self) -> Area:
        """The chance that a positive scores higher than a negative, ties by half."""
        positives, negatives = self.positive.sum(), self.negative.sum()
        below = (np.cumsum(self.negative) - self.negative / 2) / negatives
        above = (positives - np.cumsum(self.positive) + self.positive / 2) / positives
        value = float((self.positive * below).sum() / positives)
        up, down = (below - value) / positives, (above - value) / negatives
        bend = (2 * value - 1 - 2 * (negatives - positives) * (up - down)) / (positives * negatives)
        return Area(value, up, down, bend)

    def average_precision(self) -> Area:
        """The mean over positives of the precision at their score, as scikit-learn defines it."""
        positives = self.positive.sum()
        share = self.positive / positives
        found, taken = self._from_the_top()
        precision = found / taken
        value = float((share * precision).sum())
        up = (precision - value) / positives + np.cumsum(share * (1 - precision) / taken)
        down = -np.cumsum(share * precision / taken)
        return Area(value, up, down, 2 * (1 / taken - up + down) / positives)

    def roc_auc_error(self) -> float:
        """The most by which the ROC AUC can be off because scores that share a cell count as ties."""
        positives, negatives = self.positive.sum(), self.negative.sum()
        return float((self.positive / positives * (self.negative / negatives)).sum() / 2)

    def average_precision_error(self) -> float:
        """The same of the average precision: cells with their positives first, or their negatives first."""
        share = self.positive / self.positive.sum()
        found, taken = self._from_the_top()
        precision = found / taken
        at_best = found / np.maximum(taken - self.negative, np.maximum(found, 1e-300))
        at_worst = (found - self.positive) / taken
        return float(max((share * (at_best - precision)).sum(), (share * (precision - at_worst)).sum()))

    def sampling_variance(self, area: Area, rows: tuple[float, float]) -> float:
        """The variance of an area over samples, of which each side says as much as so many rows of equal weight."""
        sides = (self.positive_squares, area.by_positive, rows[0]), (self.negative_squares, area.by_negative, rows[1])
        return sum(float((squares * slope * slope).sum() * n / max(n - 1, 0.5)) for squares, slope, n in sides)

    def label_variance(self, area: Area) -> float:
        """The variance of an area over the labels of rows whose scores are given and whose weights are chances."""
        slope = area.by_positive - area.by_negative
        return float((self._label_spread() * slope * slope).sum())

    def label_shift(self, area: Area) -> float:
        """How far the mean of an area over those labels is above its value, to second order."""
        return float((self._label_spread() * area.by_label).sum() / 2)

    def _label_spread(self) -> Floats:
        """The variance of the weight of positives of each score."""
        both = np.maximum(self.positive + self.negative, 1e-300)
        spread: Floats = self.positive * (self.negative / both) * ((self.positive_squares + self.negative_squares) / both)
        return spread

    def _from_the_top(self) -> tuple[Floats, Floats]:
        """Weights of the positives and of all rows that score at least as high, kept above zero."""
        found = np.cumsum(self.positive[::-1])[::-1]
        taken = np.cumsum((self.positive + self.negative)[::-1])[::-1]
        return found, np.maximum(taken, 1e-300)
