"""Thresholds for windows of every length that spend one budget of false alarms."""

from __future__ import annotations

import math

import numpy as np

from detectors import Array

SHORTEST = 64
OCTAVES = 12
"""Windows of 64, 128, ... 131,072 rows."""
_WIDTHS = SHORTEST * 2.0 ** np.arange(OCTAVES)
_RATE = 60 * _WIDTHS / SHORTEST / 0.12


def limits(run_length: Array, shortest: Array) -> Array:
    """The score to exceed for one false alarm in `run_length` rows, float64[d, OCTAVES]; windows have at least `shortest` rows.

    Every octave of window lengths has an equal share of the false alarms up to a quarter of the run length, longer ones less.
    """
    asked = run_length[:, np.newaxis]
    return _root(np.minimum(0.3, _RATE * _shares(asked, shortest[:, np.newaxis]) / asked))


def rarity(score: float, octave: int, shortest: float) -> float:
    """The run length at which this score is just the limit for windows of this octave; at most 1e18."""
    rate = float(_RATE[octave]) / (score * math.exp(-score * score / 2)) if score < 38 else math.inf
    low, high = 0.0, 18.0
    for _ in range(50):
        middle = (low + high) / 2
        asked = 10.0**middle
        rarer = asked < rate * _shares(np.array([asked]), np.array([shortest]))[octave]
        low, high = (middle, high) if rarer else (low, middle)
    return float(10.0**low)


def _shares(run_length: Array, shortest: Array) -> Array:
    """The share of every octave of the false alarms, for two float64[..., 1]."""
    weights = np.minimum(1.0, np.maximum(run_length / 4, 2000.0) / _WIDTHS) * (shortest <= _WIDTHS)
    shares: Array = weights / np.maximum(np.cumsum(weights, axis=-1)[..., -1:], 1e-9)
    return shares


def _root(y: Array) -> Array:
    """The z above 1 at which z exp(-z²/2) is y; infinite for 0."""
    low, high = np.ones(y.shape), np.full(y.shape, 40.0)
    for _ in range(60):
        middle = (low + high) / 2
        above = middle * np.exp(-middle * middle / 2) > y
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(y > 0, low, math.inf)
