"""Outcomes as columns, and how they are added to sums so that no cut of them changes a bit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LIGHTEST, _HEAVIEST = 1e-15, 1e15
_ROUNDING = 1e-9


class Judged(NamedTuple):
    """Outcomes as columns, arrays of n rows."""

    predicted: Floats
    """The number, or the index of the class; binary: 1 positive, 0 negative, -1 another negative class than the label.

    Multiclass: one more than there are where prediction and label are in the last class, that of all others, and differ.
    """
    actual: Floats
    score: Floats
    """Binary: the probability of the positive class; NaN where missing."""
    scores: Floats
    """Multiclass, float64[n, c]: the probability of each class; NaN where missing.  May be float64[n, 0]."""
    weight: Floats
    """Above 0, 1 usually; of a reviewed sample one over its inclusion probability (Hájek)."""
    sign: Floats
    """+1 adds, -1 takes back: a correction takes the old outcome back and adds the new."""


class Terms(NamedTuple):
    """What n rows add to a row of sums: k numbers each."""

    column: Ints
    """int64[k, n]; the k columns of a row differ."""
    value: Floats
    """float64[k, n]; where it is 0, nothing happens."""


def weights(rows: Judged) -> tuple[Floats, Floats]:
    """The weight of each row and its square, float64[n] each, with the row's sign; 0 for a row that cannot count.

    Weights have the precision of a float32: their sums in float64 are exact, so what is taken back is taken back exactly
    (as long as 29 bits hold the number of rows and the spread of weights).
    A weight must lie in [1e-15, 1e15], and the prediction and the label must be numbers.
    """
    good = (rows.weight >= _LIGHTEST) & (rows.weight <= _HEAVIEST)
    good &= np.isfinite(rows.predicted) & np.isfinite(rows.actual)
    weight = np.where(good, rows.weight, 0.0).astype(np.float32).astype(np.float64)
    signed = weight * rows.sign
    return signed, signed * weight


def possible(counts: Floats) -> bool:
    """Whether counts can be those of some rows: more may have been taken back than was there."""
    least = counts.min()
    return bool(least >= 0 or least >= -_ROUNDING * np.abs(counts).max())


def scatter(sums: Floats, cell: Ints, terms: Terms) -> None:
    """Adds terms to sums, float64[cells, width] and contiguous, in place: row i to the sums of `cell[i]`.

    One after the other in row order, so that sums depend on the order of the rows only.
    """
    if not sums.flags.c_contiguous:
        raise ValueError("sums must be contiguous")
    where = terms.column + cell * sums.shape[1]
    np.add.at(sums.reshape(-1), where.reshape(-1), terms.value.reshape(-1))
