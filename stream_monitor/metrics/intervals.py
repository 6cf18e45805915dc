"""Readings with 95% intervals from sums over weighted rows.

All of them estimate variances by linearisation (Taylor), as is usual for samples with unequal probabilities:
Särndal, Swensson and Wretman, Model Assisted Survey Sampling (1992), section 5.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import stdtrit

from stream_monitor.metrics.reading import NOTHING, Reading

Z = 1.959963984540054
"""The quantile of the normal distribution for 95%."""
_ROUNDING = 1e-9
_FREEDOM = 0.05
"""Degrees of freedom below which Student's quantile is beyond all bounds, and no longer computed well."""


def effective(total: float, squares: float) -> float:
    """Kish's effective number of rows, from the sums of weights and of their squares; 0 if there is none."""
    return total * total / squares if total > 0 and squares > 0 else 0.0


def wilson(value: float, n: float) -> tuple[float, float]:
    """Wilson's interval of a share of n rows."""
    center, scale = value + Z * Z / (2 * n), 1 + Z * Z / n
    half = Z * math.sqrt(value * (1 - value) / n + (Z / (2 * n)) ** 2)
    return max((center - half) / scale, 0.0), min((center + half) / scale, 1.0)


def share(yes: float, no: float, yes_squares: float, no_squares: float) -> Reading:
    """The share of `yes`, from the sums of weights and of their squares on both sides."""
    total = yes + no
    if not (n := effective(total, yes_squares + no_squares)):
        return NOTHING
    value = yes / total
    variance = (yes_squares * (1 - value) ** 2 + no_squares * value**2) / total**2
    return bounded(value, variance, n)


def bounded(value: float, variance: float, n: float) -> Reading:
    """A value in [0, 1] that rests on n rows and has this variance.

    The interval is Wilson's for as many rows as give a share that variance (Dean and Pagano 2015).
    """
    value = min(max(value, 0.0), 1.0)
    spread = value * (1 - value)
    return Reading(value, n, *wilson(value, spread / variance if spread > 0 and variance > 0 else n))


def overlap(both: float, either: float, both_squares: float, either_squares: float) -> Reading:
    """The F1 score, from the rows with the class on both sides and those with it on one side.

    It grows with the share J of the former, F = 2J / (1 + J), and so does its interval.
    """
    value, n, low, high = share(both, either, both_squares, either_squares)
    if value is None or low is None or high is None:
        return NOTHING
    return Reading(2 * value / (1 + value), n, 2 * low / (1 + low), 2 * high / (1 + high))


def mean(total: float, squares: float, x: float, squares_x: float, squares_xx: float) -> Reading:
    """The weighted mean (Hájek), from the sums of w, w², wx, w²x, w²x²; with Student's interval."""
    if not (n := effective(total, squares)):
        return NOTHING
    value = x / total
    if n <= 1:
        return Reading(value, n)
    spread = max(squares_xx - 2 * value * squares_x + value * value * squares, 0.0)
    half = student(n) * math.sqrt(spread * n / (n - 1)) / total
    return Reading(value, n, value - half, value + half)


def size(total: float, squares: float, x: float, squares_x: float, squares_xx: float) -> Reading:
    """The same for numbers that are not negative; the interval is of the logarithm, as sizes are skewed (delta method)."""
    value, n, _, high = mean(total, squares, x, squares_x, squares_xx)
    if value is None or value < -_ROUNDING:
        return NOTHING
    if high is None:
        return Reading(max(value, 0.0), n)
    if value <= 0:
        return Reading(0.0, n, 0.0, 0.0)
    factor = math.exp(min((high - value) / value, 700.0))
    return Reading(value, n, value / factor, value * factor)


def within(reading: Reading) -> Reading:
    """What cannot be more than 1, or nothing if it is."""
    value, n, low, high = reading
    if value is None or value > 1 + _ROUNDING:
        return NOTHING
    return Reading(min(value, 1.0), n, None if low is None else min(low, 1.0), None if high is None else min(high, 1.0))


def student(n: float) -> float:
    """How many standard errors a mean of n > 1 rows may be off."""
    return float(stdtrit(max(n - 1, _FREEDOM), 0.975))


def average(parts: Sequence[Reading], n: float) -> Reading:
    """The plain mean of independent shares; one without a value counts as 0, and may be anything.

    The interval combines theirs (MOVER: Zou and Donner 2008).
    """
    if not parts or not n:
        return NOTHING
    values = [part.value or 0.0 for part in parts]
    below = [value - (part.low or 0.0) for value, part in zip(values, parts, strict=True)]
    above = [(1.0 if part.high is None else part.high) - value for value, part in zip(values, parts, strict=True)]
    value = sum(values) / len(parts)
    return Reading(
        value, n, max(value - math.hypot(*below) / len(parts), 0.0), min(value + math.hypot(*above) / len(parts), 1.0)
    )
