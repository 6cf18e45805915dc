"""Normal scores of numbers, by their reference, in whole units of 1/1024, so that sums of them are exact."""

from __future__ import annotations

import zlib
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from detectors import Array

Ints = npt.NDArray[np.int64]
Kind = Literal["numeric", "tied", "constant", "rate", "unknown"]

UNIT = 1024.0
_LARGEST = 4.0
_KNOTS, _BEYOND = 9, 0.75
_ATOM = 0.01
"""The share of one value in a reference from which on its ties must be broken at random."""
_FEWEST = 30


class _Knots(NamedTuple):
    """Numbers and their scores, between which scores are linear."""

    numbers: Array
    scores: Array


class _Ties(NamedTuple):
    """Different numbers and the share of the reference up to each."""

    numbers: Array
    shares: Array


class Scores:
    """What each signal's numbers are worth, by a reference, float64[m, d].

    A `numeric` signal is interpolated between nine quantiles.  A `tied` one is ranked in its reference, ties broken at random
    by the row's number.  A `constant` one is 0 where it keeps its value.  A `rate`, all 0 and 1, has no scores, or if there are
    to be no `rates` it is tied.
    """

    def __init__(self, reference: Array, rates: bool = True) -> None:
        self.kinds: list[Kind] = []
        self._maps: list[_Knots | _Ties | float | None] = []
        for column in reference.T:
            kind, how = _learn(column[np.isfinite(column)], rates)
            self.kinds.append(kind)
            self._maps.append(how)

    def choose(self, signals: Ints, reference: Array) -> None:
        """Says of which signals, int64[s], scores are wanted; they are centred on the reference."""
        self._signals, self._centres = signals, np.zeros((len(signals), 1))
        self._varies = np.array([not isinstance(self._maps[signal], float) for signal in signals.tolist()], np.bool_)
        knots = {i: how for i, signal in enumerate(signals.tolist()) if isinstance(how := self._maps[signal], _Knots)}
        self._smooth = np.array(list(knots), np.int64)
        self._other = [i for i in range(len(signals)) if i not in knots]
        self._numbers = np.array([how.numbers for how in knots.values()]).reshape(-1, _KNOTS + 2)
        scores = np.array([how.scores for how in knots.values()]).reshape(-1, _KNOTS + 2)
        with np.errstate(over="ignore"):
            width = np.diff(self._numbers, axis=1)
            slopes = np.diff(scores, axis=1) / np.where(width > 0, width, 1.0)
        self._slopes = np.where((width > 0) & np.isfinite(width) & np.isfinite(slopes), slopes, 0.0).ravel()
        self._starts, self._scores = self._numbers[:, :-1].ravel(), scores[:, :-1].ravel()
        self._offsets = (np.arange(len(self._smooth)) * (_KNOTS + 1))[:, np.newaxis]
        columns = np.nan_to_num(reference[:, signals].T)
        self._lots = np.array([zlib.crc32(column.tobytes()) for column in columns], np.int64) << 24
        """Where each signal's lots begin, so that signals are by no chance off together."""
        known = self._raw(reference[:, signals].T, np.arange(-len(reference), 0))
        present = np.isfinite(reference[:, signals].T)
        self._centres = np.rint(np.cumsum(known, axis=1)[:, -1:] / np.maximum(present.sum(axis=1, keepdims=True), 1))

    def of(self, values: Array, rows: Ints) -> Array:
        """The scores of the next rows, float64[n, d], in units: [s, n]; for what is missing one by lot, where scores vary."""
        values = values[:, self._signals].T
        scores = self._raw(values, rows) - self._centres
        present = np.isfinite(values)
        if not present.all():
            s, n = np.nonzero(~present)
            scores[s, n] = np.where(self._varies[s], np.rint(UNIT * ndtri(uniform(rows[n] + self._lots[s]))), 0.0)
        return scores

    def _raw(self, values: Array, rows: Ints) -> Array:
        """Scores that are not centred, [s, n]; 0 for what is missing."""
        if len(self._smooth) == len(values):
            return self._interpolated(values)
        scores = np.empty_like(values)
        scores[self._smooth] = self._interpolated(values[self._smooth])
        for i in self._other:
            scores[i] = _other(self._maps[int(self._signals[i])], values[i], rows)
        return scores

    def _interpolated(self, values: Array) -> Array:
        inside = np.clip(values, self._numbers[:, :1], self._numbers[:, -1:])
        segment = (inside >= self._numbers.T[1:-1, :, np.newaxis]).sum(axis=0, dtype=np.int8) + self._offsets
        inside -= self._starts.take(segment)
        inside *= self._slopes.take(segment)
        inside += self._scores.take(segment)
        inside *= UNIT
        np.rint(inside, out=inside)
        missing = np.isfinite(values)
        return inside if missing.all() else np.where(missing, inside, 0.0)


def spreads(normal: Array) -> Array:
    """How far normal numbers, in units, are from 0, as normal scores again: a change of scale moves their mean."""
    scores: Array = _SPREAD.take(np.clip(normal + _OFFSET, 0, 2 * _OFFSET).astype(np.int64))
    return scores


def _other(how: _Knots | _Ties | float | None, values: Array, rows: Ints) -> Array:
    if isinstance(how, _Ties):
        shares = np.append(0.0, how.shares)
        low, high = (shares[np.searchsorted(how.numbers, values, side)] for side in ("left", "right"))
        at_random = low + uniform(rows) * (high - low)
        scores = np.clip(ndtri(np.clip(at_random, 1e-5, 1 - 1e-5)), -_LARGEST, _LARGEST)
    else:
        scores = np.sign(values - how) * _LARGEST if isinstance(how, float) else np.zeros(len(values))
    return np.where(np.isfinite(values), np.rint(scores * UNIT), 0.0)


def _learn(values: Array, rates: bool) -> tuple[Kind, _Knots | _Ties | float | None]:
    if len(values) < _FEWEST:
        return "unknown", None
    different, counts = np.unique(values, return_counts=True)
    if rates and np.isin(different, (0.0, 1.0)).all():
        return "rate", None
    if len(different) == 1:
        return "constant", float(different[0])
    if counts.max() > max(1.0, _ATOM * len(values)):
        return "tied", _Ties(different, np.cumsum(counts) / len(values))
    furthest = min(3.0, float(ndtri(1 - 5 / len(values))))
    scores = np.linspace(-furthest, furthest, _KNOTS)
    numbers = np.quantile(values, ndtr(scores))
    with np.errstate(over="ignore", invalid="ignore"):
        step = _BEYOND / (scores[1] - scores[0])
        low = numbers[0] - step * (numbers[1] - numbers[0])
        high = numbers[-1] + step * (numbers[-1] - numbers[-2])
    ends = np.clip((low, high), -1e300, 1e300)
    padded = np.concatenate(([ends[0]], numbers, [ends[1]]))
    return "numeric", _Knots(padded, np.concatenate(([scores[0] - _BEYOND], scores, [scores[-1] + _BEYOND])))


def uniform(rows: Ints) -> Array:
    """Numbers between 0 and 1 that depend on the row alone (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        mixed = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


_OFFSET = int(5 * UNIT)
_GRID = np.arange(-_OFFSET, _OFFSET + 1) / UNIT
_SPREAD = np.rint(np.clip(ndtri(np.clip(np.abs(2 * ndtr(_GRID) - 1), 1e-5, 1 - 1e-5)), -_LARGEST, _LARGEST) * UNIT)
