"""How many values a statistic takes to pass a limit by chance, and the limit that gives it so many."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from . import Array

_LONGEST = 1e200
_HALVINGS = 60
_OVERSHOOT = 1.1658
"""Twice the mean overshoot of a normal random walk over a far boundary, which a limit is short of (Siegmund 1985)."""


def positive(run_length: Array) -> Array:
    """Run lengths, float64[d]; raises ValueError where one is not positive."""
    if not (run_length > 0).all():
        raise ValueError(f"run_length must be positive, got {run_length.min()}")
    return run_length


def limit(asked: Array, run_length: Callable[[Array], Array], lowest: float = 0.0) -> Array:
    """The limits, float64[d] and at least `lowest`, that are passed once in `asked` values; infinite where that is.

    `run_length` gives the mean number of values for limits, float64[d], and grows with them.
    """
    finite = np.minimum(positive(asked), _LONGEST)
    low, high = np.full(len(asked), lowest), np.full(len(asked), lowest + 2)
    while (short := run_length(high) < finite).any():
        high[short] *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = run_length(middle) < finite
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(np.isinf(asked), np.inf, high)


def cusum(limits: Array, drift: float, sides: int) -> Array:
    """For a CUSUM of standard normal values that loses `drift` with each of them, watched on one side or two.

    Siegmund's approximation (1985); with two sides the chance of an alarm is twice that with one.
    """
    far = limits + _OVERSHOOT
    if not drift:
        return far * far / sides
    return _beyond(2 * drift * far) / (2 * drift * drift * sides)


def kolmogorov(levels: Array, window: int, stride: int, references: npt.NDArray[np.int64]) -> Array:
    """For the distances of a window from `references` values each, in units of √(1/window + 1/references).

    The tail of one look by Kolmogorov, with Stephens' correction (1970) for short windows, times the looks that count as
    separate: neighbouring windows correlate by 1 - stride/window, so exceedances come in clumps of a known mean size (Siegmund
    1985).  A reference is drawn once and compared with for ever: most are calmer than their average, which prolongs the time
    to a first alarm.  That last factor is fitted, see benchmarks/calibration.py.
    """
    corrected = levels * (1 + 0.12 / math.sqrt(window) + 0.11 / window)
    rare = 2 * corrected**2 - math.log(2)
    separate = 4 * corrected**2 * _unclumped(2 * corrected * math.sqrt(2 * stride / window)) / window
    calm = 1.2 * (window / np.maximum(references, 1)) ** 1.15 * np.maximum(levels**2 - 1, 0)
    return _exp(rare - np.log(separate) + calm)


def ewma(limits: Array, weight: float) -> Array:
    """For a moving average of standard normal values, limits in its own standard deviations, 1.5 and more.

    Exact up to 6 (the integral equation of Crowder 1987); beyond, like the excursions of a Gaussian process.
    """
    knots, prolonged = _ewma_curve(weight)
    slope = (prolonged[-1] - prolonged[-2]) / (knots[-1] - knots[-2])
    more = np.interp(limits, knots, prolonged) + slope * np.maximum(limits - knots[-1], 0)
    return _exp(limits * limits / 2 - np.log(limits) + more)


@functools.lru_cache
def _ewma_curve(weight: float) -> tuple[Array, Array]:
    """Limits, and the logarithms of their run lengths less those of a Gaussian process; rounded, so that processors agree."""
    knots = np.arange(1.5, 6.01, 0.25)
    exact = np.array([_ewma_exact(limit, weight) for limit in knots.tolist()])
    return knots, np.round(np.log(exact) - knots * knots / 2 + np.log(knots), 5)


def _ewma_exact(limit: float, weight: float) -> float:
    """A value, and from where it leads the same again until the limit is passed, by quadrature with three points to a step."""
    far = limit * math.sqrt(weight / (2 - weight))
    points, shares = np.polynomial.legendre.leggauss(40 + int(6 * far / weight))
    to = far * points
    density = np.exp(-(((to - (1 - weight) * np.append(0.0, to)[:, np.newaxis]) / weight) ** 2) / 2)
    chance = density * far * shares / (weight * math.sqrt(2 * math.pi))
    left = np.linalg.solve(np.eye(len(to)) - chance[1:], np.ones(len(to)))
    return float(1 + chance[0] @ left)


def _beyond(x: Array) -> Array:
    """exp(x) - 1 - x, accurate near 0."""
    return np.asarray(np.where(x < 1e-3, x * x / 2 * (1 + x / 3), _exp(x) - 1 - x))


def _exp(x: Array) -> Array:
    """exp(x), but never infinite."""
    return np.asarray(np.exp(np.minimum(x, 700.0)))


def _unclumped(x: Array) -> Array:
    """Siegmund's ν: one over the size of a clump of looks, the steps between which have x / √2 standard deviations."""
    density = np.exp(-x * x / 8) / math.sqrt(2 * math.pi)
    return np.asarray(2 / x * (ndtr(x / 2) - 0.5) / (x / 2 * ndtr(x / 2) + density))
