"""Predictions with a label against those without, within windows, as older ones have more labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_LEAST = 10
"""Rows on either side of a window below which it is left out: a mean by weights is biased where there are few."""
_LIGHTEST, _HEAVIEST = 1e-15, 1e15


class Difference(NamedTuple):
    """Means on both sides, one array each: of a number, or the shares of several groups."""

    labelled: Floats
    rest: Floats
    error: Floats
    """The standard error of what lies between them."""
    deviation: Floats
    """The standard deviation of rows within a window, on the side where it is larger."""


class Sides(NamedTuple):
    """Rows of the windows that have enough of both, with weights that add up to as many on either side.

    One without a label weighs 1, one with a label the odds that it had none, by what the label counts for.  Where that is one
    over the chance to be labelled, those with a label then stand for those without; where all count alike, all weigh the same.
    """

    row: Ints
    side: Ints
    """Of each of these rows: twice the number of its window, and one more if it has a label."""
    weight: Floats
    rows: Floats
    """float64[windows, 2]: the sum of the weights of each side."""
    squares: Floats
    """The same of their squares."""

    @classmethod
    def of(cls, labelled: Mask, counts: Floats, windows: Ints) -> Sides | None:
        """The sides of rows, int64[n] their windows, float64[n] what their labels count for; None where no window has both."""
        distinct, window = np.unique(windows, return_inverse=True)
        counted = np.where(labelled, np.clip(counts, _LIGHTEST, _HEAVIEST), 0.0)
        each = np.bincount(window) / np.maximum(np.bincount(window, counted), _LIGHTEST)
        weight, side = np.where(labelled, counted * each[window] - 1, 1.0), 2 * window + labelled
        rows, squares = (_summed(side, one, 2 * len(distinct)) for one in (weight, weight * weight))
        there = np.asarray(np.round(_alike(rows, squares).min(1)) >= _LEAST)
        row = np.flatnonzero(there[window])
        number = np.cumsum(there)[window[row]] - 1
        return cls(row, 2 * number + labelled[row], weight[row], rows[there], squares[there]) if len(row) else None

    @property
    def alike(self) -> Floats:
        """As many rows of one weight as would say as much, float64[windows, 2]."""
        return _alike(self.rows, self.squares)

    def numbers(self, value: Floats) -> Difference:
        """Compares the mean of a number, float64[n] of all rows."""
        mine = value[self.row]
        mean = _summed(self.side, self.weight * mine, self.rows.size) / self.rows
        apart = self.weight * (mine - mean.reshape(-1)[self.side])
        return self._difference(mean, _summed(self.side, apart * apart, self.rows.size))

    def shares(self, group: Ints, groups: int) -> Difference:
        """Compares the shares of groups, int64[n] the number of each row's."""
        at = group[self.row] * self.rows.size + self.side
        shape = groups, *self.rows.shape
        share = np.bincount(at, self.weight, groups * self.rows.size).reshape(shape) / self.rows
        squares = np.bincount(at, self.weight * self.weight, groups * self.rows.size).reshape(shape)
        return self._difference(share, np.maximum(squares * (1 - 2 * share) + share * share * self.squares, 0.0))

    def _difference(self, mean: Floats, spread: Floats) -> Difference:
        """From float64[..., windows, 2]: the means, and the sums of squares of what rows, as they weigh, are away from them.

        The spread is that of the side where it is larger: few rows that weigh much may have hardly any.
        """
        alike = self.alike
        variance = ((spread / self.squares * alike).sum(-2) / (alike - 1).sum(0)).max(-1)
        weight = (alike.prod(1) / alike.sum(1))[:, None]
        rest, labelled = np.moveaxis((weight * mean).sum(-2) / weight.sum(), -1, 0)
        error = np.sqrt((weight * weight / alike).sum() * variance) / weight.sum()
        return Difference(*map(np.atleast_1d, (labelled, rest, error, np.sqrt(variance))))


def _alike(rows: Floats, squares: Floats) -> Floats:
    """Of sums of weights and of their squares (Kish 1965)."""
    return rows * rows / np.maximum(squares, 1e-300)


def _summed(side: Ints, value: Floats, sides: int) -> Floats:
    """Sums by side, float64[windows, 2]."""
    return np.bincount(side, value, sides).astype(np.float64).reshape(-1, 2)
