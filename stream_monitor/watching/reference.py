"""What signals are compared with: their values in the reference, and what these amount to."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Change
from detectors.scan import Scan
from detectors.whitened import without_seasons

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Sort = Literal["feature", "prediction", "score", "loss", "risk"]

_BASELINE = 4
"""A reference checks itself by comparing the rest with its first quarter."""
_SETTLED = 100.0
"""References that may be checked for one that is said to have changed though it has not."""
_CATEGORIES = 8
BATCHES = 20
"""By which persistence is known, and so standard errors."""
EXTREME = 8.0
"""Standard deviations at which deviations are cut off, so that one row is no change of spread."""
_FURTHEST = 1e100
"""Those beyond which squares might not be numbers."""


class Reference:
    """Values of d signals, float64[m, d], NaN a missing one, and the event times of the rows.

    If `counted`, values stand for categories: the heaviest of each signal, and all others as one.
    """

    def __init__(
        self, sort: Sort, names: tuple[str, ...], values: Floats, times: Ints, effects: Floats, counted: bool = False
    ) -> None:
        values = np.ascontiguousarray(values)  # sums depend on the layout
        self.sort, self.names, self.values, self.times, self.counted = sort, names, values, times, counted
        self.whole = len(names) if len(names) > 1 else 0
        """The number of all signals as one, for detectors that watch them so; a single signal is that itself."""
        self.effects = effects
        """The smallest changes that matter, in standard deviations, or points of a share; [d]."""
        present = ~np.isnan(values)
        self.of_loss = sort in ("loss", "risk")
        self.rate = self.of_loss and bool(np.isin(values[present], (0.0, 1.0)).all())
        self.n = present.sum(axis=0)
        nothing: Floats = np.full(len(names), np.nan)
        self.mean, self.sd = (nothing, nothing) if counted else self._moments(values, present)
        """Of numbers; those that stand for categories have none.  The standard deviation of what does not vary counts as 1."""
        self.varies = np.array([counted or self.rate or len(np.unique(column[~np.isnan(column)])) > 1 for column in values.T])
        """Whether changes can be measured in standard deviations, [d]."""
        self.categories = [_heaviest(column) for column in values.T] if counted else []
        places = np.cumsum([0, *(len(known) + 1 for known in self.categories)])
        self.columns = [list(range(a, b)) for a, b in zip(places[:-1].tolist(), places[1:].tolist(), strict=True)]
        """The measures of each signal, if counted."""
        self.measures = int(places[-1]) if counted else len(names) if self.of_loss else 3 * len(names)
        """How many numbers are kept of each row to say what a change amounts to."""
        indicators = [self._indicators(column, known) for column, known in zip(values.T, self.categories)]
        self.shares = [np.nanmean(each, axis=0) for each in indicators]
        self._inflation = self._of_shares(indicators) if counted else _inflation(values, self.mean, self.sd)

    def measured(self, values: Floats) -> Floats:
        """The measures of rows: values, and squared deviations in variances, cut off and whole; or which category each is."""
        if self.counted:
            return np.concatenate(
                [self._indicators(column, known) for column, known in zip(values.T, self.categories, strict=True)], axis=1
            )
        if self.of_loss:
            return values
        signals = values.shape[1]
        measured = np.empty((len(values), 3 * signals))
        measured[:, :signals] = values
        squares = measured[:, 2 * signals :]
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = values - self.mean
            deviation /= self.sd
            np.multiply(deviation, deviation, out=squares)
        np.minimum(squares, _FURTHEST**2, out=squares)
        np.minimum(squares, EXTREME**2, out=measured[:, signals : 2 * signals])
        return measured

    def allow_for_seasons(self, measured: Floats) -> None:
        """Takes its measures, if counted, without what is known of seasons by now: these inflate no variance any more."""
        self._inflation = self._of_shares([measured[:, columns] for columns in self.columns])

    def column(self, signal: int) -> int:
        """A measure of a signal: that of its values, or of its heaviest category."""
        return self.columns[signal][0] if self.counted else signal

    def error(self, signal: int, n: int) -> float:
        """The standard error of a mean of n values less that of the reference, in standard deviations; persistence included."""
        return math.sqrt(self._inflation[signal] * (1 / n + 1 / max(int(self.n[signal]), 1)))

    def own_error(self, signal: int, n: int) -> float:
        """The standard error of a mean of n values by itself."""
        return math.sqrt(self._inflation[signal] / n)

    def _moments(self, values: Floats, present: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        n = np.maximum(self.n, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.where(present, values, 0.0).sum(axis=0) / n
            variance = np.where(present, (values - mean) ** 2, 0.0).sum(axis=0) / n
        if self.rate:  # a reference without a single error does not make the first one infinitely surprising
            rate = (mean * n + 0.5) / (n + 1)
            variance = rate * (1 - rate)
        return mean, np.where((variance > 0) & np.isfinite(variance), np.sqrt(np.maximum(variance, 0.0)), 1.0)

    def _of_shares(self, indicators: list[Floats]) -> Floats:
        """By how much persistence and seasons inflate the variance of shares, [d]."""
        return np.array([_inflation_of_shares(each, shares) for each, shares in zip(indicators, self.shares, strict=True)])

    def _indicators(self, column: Floats, known: Floats) -> Floats:
        found = column[:, np.newaxis] == known
        others = ~found.any(axis=1)
        indicators = np.column_stack((found, others)).astype(np.float64)
        indicators[np.isnan(column)] = np.nan
        return indicators


def _heaviest(column: Floats) -> Floats:
    """The categories that come most often, ascending."""
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    kept: Floats = np.sort(values[np.argsort(-counts, kind="stable")[:_CATEGORIES]])
    return kept


def _inflation(values: Floats, mean: Floats, sd: Floats) -> Floats:
    """By how much persistence and seasons inflate the variance of means, [d], by means of batches; at least 1."""
    with np.errstate(over="ignore", invalid="ignore"):
        standard = np.nan_to_num((values - mean) / sd, nan=0.0, posinf=0.0, neginf=0.0)
    return np.maximum(_between(np.clip(standard, -EXTREME, EXTREME)), 1.0)


def _inflation_of_shares(indicators: Floats, shares: Floats) -> float:
    """The same of the shares of a signal's categories, all together."""
    variance = float((shares * (1 - shares)).sum())
    between = float(_between(np.nan_to_num(indicators - shares)).sum())
    return max(between / variance, 1.0) if variance > 0 else 1.0


def _between(deviations: Floats) -> Floats:
    """The variance of the means of batches, times the rows of one; 1 where these are too few."""
    size = len(deviations) // BATCHES
    if size < 2:
        return np.ones(deviations.shape[1])
    batches = deviations[: size * BATCHES].reshape(BATCHES, size, -1).sum(axis=1) / size
    between: Floats = (batches**2).sum(axis=0) / BATCHES * size
    return between


class Unsettled(NamedTuple):
    """A signal that has changed within its own reference: since which event time, in what, and from what to what."""

    name: str
    since: int
    moved: Literal["mean", "spread"]
    before: float
    after: float


def unsettled(reference: Reference) -> list[Unsettled]:
    """The signals that have changed within their own reference."""
    first, names = len(reference.times) // _BASELINE, reference.names
    if not names:
        return []
    scan = Scan(len(names), run_length=_SETTLED * len(names) * len(reference.times), min_effect=tuple(reference.effects))
    values = without_seasons(reference.values, reference.times)
    scan.fit(values[:first], reference.times[:first])
    found: dict[int, Change] = {}
    for change in scan.update(values[first:], reference.times[first:]):
        found.setdefault(change.signal, change)
    return [_unsettled(reference, signal, first + change.start, change) for signal, change in sorted(found.items())]


def _unsettled(reference: Reference, signal: int, start: int, change: Change) -> Unsettled:
    moved: Literal["mean", "spread"] = "spread" if change.moved == "spread" else "mean"
    column = reference.values[:, signal]
    before, after = (some[~np.isnan(some)] for some in (column[:start], column[start:]))
    was, now = (float(some.std() if moved == "spread" else some.mean()) if len(some) else math.nan for some in (before, after))
    return Unsettled(reference.names[signal], int(reference.times[start]), moved, was, now)
