"""Whether the predictions whose labels have come are like the others, or whether their metrics speak for themselves only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.metrics.label_sides import Difference, Floats, Ints, Mask, Sides

_ENOUGH = 100
"""Predictions with a label, and without, below which nothing is said."""
_SURELY = 5.0
"""Standard errors."""
_MATTERS = 0.2
"""Standard deviations by which scores differ."""
_POINTS = 0.05
"""By how much the share of a segment differs."""
_ROUNDING = 1e-9
"""Of a score, what may be but rounding."""


class Bias(NamedTuple):
    """In what they differ."""

    segment: int
    """The place of a segment whose share differs; 0 where it is the mean score."""
    labelled: float
    rest: float


def bias(outcomes: Outcomes, counts: Floats, places: npt.NDArray[np.uint64], windows: Ints) -> list[Bias] | None:
    """In what predictions with a label differ from those without, those first that differ most surely; None if too few tell.

    In scores and in shares of segments, uint64[n, k], each at 5 standard errors, within each of the shortest windows, int64[n].
    What a label counts for, float64[n], makes up for the chance with which it was asked for.
    """
    labelled, known = outcomes.sign > 0, ~np.isnan(outcomes.score)
    scored = _enough(labelled[known], counts[known], windows[known])
    placed = _enough(labelled, counts, windows) if places.shape[1] else None
    if scored is None and placed is None:
        return None
    found = [] if scored is None else _scores(scored.numbers(outcomes.score[known]))
    if placed is not None:
        for key in places.T:
            distinct, group = np.unique(key, return_inverse=True)
            found += _shares(placed.shares(group, len(distinct)), distinct)
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])]


def _enough(labelled: Mask, counts: Floats, windows: Ints) -> Sides | None:
    """The sides of some rows, if there are enough on either to know how much rows of a window differ."""
    sides = Sides.of(labelled, counts, windows)
    return sides if sides is not None and round(float((sides.alike - 1).sum(0).min())) >= _ENOUGH - 1 else None


def _scores(of: Difference) -> list[tuple[float, Bias]]:
    return _surely(of, np.zeros(1, np.uint64), np.maximum(_MATTERS * of.deviation, _ROUNDING * np.abs(of.rest)))


def _shares(of: Difference, places: npt.NDArray[np.uint64]) -> list[tuple[float, Bias]]:
    return _surely(of, places, np.where(places > 0, _POINTS, np.inf))


def _surely(of: Difference, places: npt.NDArray[np.uint64], least: Floats) -> list[tuple[float, Bias]]:
    """What is further apart than it is by chance, and than some least, with how sure that is."""
    apart = np.abs(of.labelled - of.rest)
    sure = apart / np.maximum(of.error, 1e-300)
    rows = zip(sure, places, of.labelled, of.rest, (sure > _SURELY) & (apart > least), strict=True)
    return [(float(how), Bias(int(place), float(one), float(other))) for how, place, one, other, far in rows if far]
