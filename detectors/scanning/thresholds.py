"""How large a window's statistic may be, for one false alarm in so many values.

The rate of false alarms is the same in every octave of window lengths up to a quarter of the run length, and halves from octave
to octave beyond.  The constants are from simulations; `benchmarks/false_alarms.py` measures what they promise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import lambertw

from detectors import Array

_SHORTEST, _OCTAVES, _LOWEST = 8.0, 24, 2.5
_HORIZON = 2_000.0
_LOOKS = 36.2
"""Expected crossings, per run of the shortest windows, of a standardised moving sum: h * exp(-h**2 / 2) for each."""
GROWTH = 1.11
"""The power of the run length by which thresholds grow."""
_RATES = np.log([0.002, 0.01, 0.03, 0.1, 0.2, 0.5])
_BOTH = [0.66, 0.82, 1.02, 1.14, 1.22, 1.22]
_UP = [0.53, 0.70, 0.77, 0.88, 0.89, 1.0]
_DOWN = [0.79, 0.94, 1.27, 1.40, 1.55, 1.44]
MEASURED = 1e7
"""Blocks up to which promises were measured; beyond it they are extrapolated."""


class Sides(NamedTuple):
    """Run lengths of changes upwards and downwards, in values, where a base block has four of them; inf: never."""

    up: Array
    down: Array
    horizon: Array
    """The window length up to which all octaves share alike."""


def sides(run_length: Array, share_up: float, signals: Array) -> Sides:
    """Splits what each column is allowed, float64[d]; the columns of a signal share the horizon of its run length, [d]."""
    return Sides(run_length / share_up, run_length / (1 - share_up), np.maximum(signals / 4, _HORIZON))


def factor(run_length: Array) -> Array:
    """What the scan's crossings cluster by, as a function of the run length."""
    kappa: Array = 1.46 * (run_length / 20_000) ** 0.11
    return kappa


def height(run_length: Array, window: Array, horizon: Array, clustering: Array) -> Array:
    """The threshold of a standardised difference, for one two-sided false alarm in `run_length` values."""
    wanted = np.minimum(_LOOKS * _share(window, horizon) / (run_length * clustering), 0.6)
    solved = np.sqrt(-lambertw(-(np.maximum(wanted, 1e-290) ** 2), -1).real)
    found: Array = np.where(np.isinf(run_length), np.inf, np.maximum(np.round(solved, 9), _LOWEST))
    return found


def rarity(reached: float, window: float, horizon: float, clustering: float) -> float:
    """The run length at which `reached` would have been the threshold; `clustering` is that of 20,000 values."""
    crossings = reached * np.exp(-reached * reached / 2)
    return float((_LOOKS * _share(window, horizon) / max(crossings, 1e-290) / clustering * 20_000**0.11) ** (1 / GROWTH))


def student(squared: Array, freedom: Array) -> Array:
    """A threshold's square for normal values, made one for values whose scale is known with `freedom` degrees only."""
    correction = ((8 * freedom + 3) / (8 * freedom + 1)) ** 2
    return np.where(np.isinf(squared), np.inf, freedom * np.expm1(np.minimum(squared * correction / freedom, 300.0)))


def normal(squared: float, freedom: float) -> float:
    """The inverse of `student`."""
    return float(freedom * np.log1p(squared / freedom) / ((8 * freedom + 3) / (8 * freedom + 1)) ** 2)


def rate_factors(rate: Array, clustered: Array) -> tuple[Array, Array, Array]:
    """What skewness and correlation of errors change in `factor`: for both sides, upwards, downwards."""
    rare = np.log(np.clip(np.minimum(rate, 1 - rate), 0.002, 0.5))
    clustered = np.maximum(clustered, 0)
    shrink = 1 + 0.8 * clustered + 0.9 * clustered**3
    both, up, down = (np.interp(rare, _RATES, table) / shrink for table in (_BOTH, _UP, _DOWN))
    mostly = rate > 0.5
    return both, np.where(mostly, down, up), np.where(mostly, up, down)


def _share(window: Array | float, horizon: Array | float) -> Array:
    """The share of false alarms of a window's octave, times its looks."""
    octaves = _SHORTEST * 2.0 ** np.arange(_OCTAVES)
    horizon = np.asarray(horizon, np.float64)
    total = np.minimum(1.0, horizon[..., np.newaxis] / octaves).sum(axis=-1)
    share: Array = window / _SHORTEST * np.minimum(1.0, horizon / window) / total
    return share
