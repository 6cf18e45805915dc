"""Whether the predictions whose labels have come are like the others, or whether their metrics speak for themselves only."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.outcomes import Outcomes

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_ENOUGH = 100
"""Predictions with a label, and without, below which nothing is said."""
_SURELY = 5.0
"""Standard errors."""
_MATTERS = 0.2
"""Standard deviations by which scores differ."""
_POINTS = 0.05
"""By how much the share of a segment differs."""


class Bias(NamedTuple):
    """In what they differ."""

    segment: int
    """The place of a segment whose share differs; 0 where it is the mean score."""
    labelled: float
    rest: float


def bias(outcomes: Outcomes, places: npt.NDArray[np.uint64]) -> list[Bias]:
    """In what predictions with a label differ from those without, those first that differ most surely.

    Scores by Welch's test, shares of segments, uint64[n, k], by the test of two proportions, each at 5 standard errors.
    """
    labelled = outcomes.sign > 0
    n, m = int(labelled.sum()), int((~labelled).sum())
    if min(n, m) < _ENOUGH:
        return []
    found = [_scores(outcomes.score, labelled)]
    for key in places.T:
        found += [_share(key == place, labelled, int(place)) for place in np.unique(key[key > 0])]
    return [one for _, one in sorted((pair for pair in found if pair is not None), key=lambda pair: -pair[0])]


def _scores(score: Floats, labelled: Mask) -> tuple[float, Bias] | None:
    known = ~np.isnan(score)
    one, other = score[known & labelled], score[known & ~labelled]
    if min(len(one), len(other)) < _ENOUGH:
        return None
    spread = math.sqrt((float(one.var()) + float(other.var())) / 2)
    error = math.sqrt(float(one.var()) / len(one) + float(other.var()) / len(other))
    apart = abs(float(one.mean()) - float(other.mean()))
    if apart <= _SURELY * error or apart <= _MATTERS * spread:
        return None
    return apart / max(error, 1e-300), Bias(0, float(one.mean()), float(other.mean()))


def _share(inside: Mask, labelled: Mask, place: int) -> tuple[float, Bias] | None:
    n, m = int(labelled.sum()), int((~labelled).sum())
    one, other = int((inside & labelled).sum()) / n, int((inside & ~labelled).sum()) / m
    together = float(inside.mean())
    error = math.sqrt(together * (1 - together) * (1 / n + 1 / m))
    if abs(one - other) <= max(_SURELY * error, _POINTS):
        return None
    return abs(one - other) / max(error, 1e-300), Bias(place, one, other)
