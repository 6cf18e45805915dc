"""How far counts in a window are from the counts before it: the G statistic as a standard normal number, sparse cells too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import Array

Ints = npt.NDArray[np.int64]

_EXPECTED = np.geomspace(1e-3, 100.0, 51)
_AT = np.log(_EXPECTED)


def _means() -> Array:
    """What one Poisson count adds to G on average, by how many are expected: 0 for none, 1.16 for 1.5, 1 for many."""
    counts = np.arange(300.0)
    factorials = np.cumsum(np.log(np.maximum(counts, 1)))
    chance = np.exp(counts * _AT[:, np.newaxis] - _EXPECTED[:, np.newaxis] - factorials)
    ratio = np.log(np.maximum(counts, 1)) - _AT[:, np.newaxis]
    part = 2 * (counts * ratio - counts + _EXPECTED[:, np.newaxis])
    means: Array = (chance * part).sum(axis=1)
    return means


_MEANS = _means()
_NONE = 1e-6
"""What stands for a count of 0 before that is one in the window."""
_LEVEL, _SLOPE = 0.80, 0.19
_ALONE = 1.6
"""Fitted to run lengths of two to ten categories, and of twenty to two hundred."""


def likelihood_ratio(window: Array, before: Array) -> Array:
    """G: twice the logarithm of the likelihood ratio of two distributions to one, for counts float64[k, n]; float64[n]."""
    n, m = _total(window), _total(before)
    found = _total(_entropy(window) + _entropy(before) - _entropy(window + before))
    return np.maximum(2 * (found - _entropy(n) - _entropy(m) + _entropy(n + m)), 0.0)


def freedom(window: Array, before: Array, inflation: Array) -> Array:
    """The degrees of freedom of the chi-square that G is like: its mean if every category is a Poisson count, at least 1.

    With many expected of each, that is their number less one; a category of which few are expected counts less.
    """
    n, m = _total(window), _total(before)
    share = n * m / np.maximum(n + m, 1) ** 2
    expected = (window + before) * (share / inflation)
    means = np.where(expected > 0, np.interp(np.log(np.maximum(expected, 1e-9)), _AT, _MEANS), 0.0)
    return np.maximum(_total(means) - 1, 1.0)


def normal(g: Array, freedom: Array, certainty: Array) -> Array:
    """The standard normal number that is as rare as a chi-square of `freedom` degrees above g (Wilson and Hilferty 1931).

    `certainty` is how many degrees of freedom there are in the estimate of the variance that g was divided by.
    """
    known = np.minimum(certainty, 1e9)
    spread = 2 / (9 * freedom)
    return (np.cbrt(known * np.log1p(g / known) / freedom) - 1 + spread) / np.sqrt(spread)


def level(counts: Array) -> Array:
    """How much more often scores are high by chance than with two categories of like weight, for counts float64[k, n].

    Of windows that overlap, those of many categories have the more different scores; categories count by their weight, as
    the exponential of their entropy does.
    """
    n = np.maximum(_total(counts), 1)
    number = np.exp(np.log(n) - _total(_entropy(counts)) / n)
    factor: Array = _LEVEL * np.maximum(number - 1, 1) ** _SLOPE
    return factor


def alone_level(counts: Array) -> Array:
    """The same of the category that stands out most, by how many there are; infinite with two, which say the same."""
    kinds = (counts > 0).sum(axis=0)
    return np.where(kinds > 2, _ALONE * kinds, np.inf)


def levelled(score: Array, level: Array) -> Array:
    """The score that comes as often by chance at level 1."""
    high = np.maximum(score, 1.5)
    return score - np.log(level) / (high - 1 / high)


def shrunk(window: Array, before: Array, effect: Array | float) -> Array:
    """Of all windows that differ from this one in `effect` of their values, [n], the one most like what is before.

    So it is taken off the total variation: of the shares that rose by the largest ratio, and of those that fell by it.
    """
    n, m = _total(window), np.maximum(_total(before), 1)
    expected = np.maximum(before, _NONE * (window > 0)) * (n / m)
    rose = _ratio(window, expected, effect * n)
    fell = _ratio(-window, -expected, effect * n)
    return np.where(effect > 0, np.clip(window, expected * fell, expected * rose), window)


def _ratio(counts: Array, usual: Array, less: Array) -> Array:
    """The ratio to what is usual that counts are cut to if they are to be less by so much in all; 1 if that is nearer.

    With signs turned, the ratio that counts below what is usual are raised to.
    """
    over, ratio = counts > usual, np.ones(len(less))
    while True:
        cut = _total(usual * over)
        found = (_total(counts * over) - less) / np.where(cut == 0, 1.0, cut)
        ratio = np.where(found * cut > ratio * cut, found, ratio)
        rest = over & (counts > usual * ratio)
        if (rest == over).all():
            return ratio
        over = rest


def alone(window: Array, before: Array, effect: Array, inflation: Array, lots: int = 0) -> tuple[Array, Ints]:
    """G, over its inflation, of the category that stands out most against all others, and which it is; [n] each.

    The last `lots` are one more category together, behind the others.
    Its count in the window is first moved towards what is expected, by `effect` and half a value more, so that counts of few
    values are no rarer than they seem.
    """
    n, m = _total(window), _total(before)
    if lots:
        window, before = (np.concatenate((some, _total(some[-lots:])[np.newaxis])) for some in (window, before))
    expected = before * (n / np.maximum(m, 1))
    moved = np.maximum(np.abs(window - expected) - effect * n - inflation / 2, 0)
    part = 2 * expected + window  # a third of it is what a square is divided by to be like the deviance
    most: Ints = (moved * moved / np.maximum(part * (3 * n - part) * inflation, 1e-9)).argmax(axis=0)
    at = most, np.arange(len(most))
    x, y = expected[at] + np.where(window[at] < expected[at], -moved[at], moved[at]), before[at]
    return likelihood_ratio(np.stack((x, n - x)), np.stack((y, m - y))) / inflation[at], most


def of_one_window(window: Array, before: Array, effect: float, inflation: float) -> float:
    """The score of counts, float64[k], against those before: of all together, or of the one that stands out where that is more.

    `inflation` is by how much more they vary than if values were independent, and is taken as known.
    """
    x, y, certainty, wide = window[:, np.newaxis], before[:, np.newaxis], np.array([np.inf]), np.array([inflation])
    g, _ = alone(x, y, np.array([effect]), np.broadcast_to(wide, x.shape))
    one = levelled(normal(g, np.ones(1), certainty), alone_level(y))
    x = shrunk(x, y, effect)
    together = levelled(normal(likelihood_ratio(x, y) / wide, freedom(x, y, wide), certainty), level(y))
    return float(max(one[0], together[0]))


def _total(values: Array) -> Array:
    """The sum over categories, always in the same order."""
    total: Array = values[0].copy()
    for category in values[1:]:
        total += category
    return total


def _entropy(counts: Array) -> Array:
    return counts * np.log(np.maximum(counts, 1e-300))
