"""Where the mean of recent values changed, if it changed once: the most likely split."""

from __future__ import annotations

import numpy as np

from . import Array

NEARLY_AS_LIKELY = 7.35
"""By how much twice the log likelihood of a place may be below the best one's, for 95% confidence.

The quantile of (1 - exp(-x/2))², the limit law of the likelihood ratio of a change point.
"""


def split(values: Array, before: float | None = None, minimum: int = 5) -> int:
    """The place in float64[n] at which the part after the change begins.

    It maximises the likelihood of one change of mean with equal variance (Hinkley 1970), which is the standardised difference
    between the means of the two parts; the first of equals.  With `before`, the mean of the first part is known, and that part
    may be empty.  A part that is not empty has at least `minimum` values; NaN is left out; 0 where there are too few values.
    """
    if minimum < 1:
        raise ValueError(f"minimum must be at least 1, got {minimum}")
    places = np.flatnonzero(~np.isnan(values))
    n = len(places)
    shortest_first = 0 if before is not None else minimum
    if n < shortest_first + minimum:
        return 0
    present = values[places]
    tails = np.cumsum((present - (_mean(present) if before is None else before))[::-1])[::-1]
    length = n - np.arange(n)
    gain = tails**2 / length
    if before is None:
        gain *= n / np.maximum(n - length, 1)
    allowed = gain[shortest_first : n - minimum + 1]
    return int(places[shortest_first + int(allowed.argmax())])


def _mean(values: Array) -> float:
    return float(np.cumsum(values)[-1]) / len(values)
