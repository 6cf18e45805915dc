"""What is scanned of signals: their whitened scores, and how far these are from the middle; or counts of errors."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from detectors import Array, Moved

from .autoregression import Autoregression
from .scores import UNIT, Scores, spreads, uniform
from .seasons import Seasons
from .volatility import Volatility
from .waves import Runs
from .whitening import GROWTH, LAGS, SCALE, Whitening

_RATE_LAGS = 8
_SEASONAL, _NEW, _SCORED, _LONGEST_MEMORY = 1.12, 0.35, 30.0, 0.99
"""Fitted to the run lengths in benchmarks/false_alarms.py."""
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Channels(Protocol):
    """Rows of s signals in, columns of whole numbers out; one or more columns of each signal."""

    moved: tuple[Moved, ...]
    """What it means that a column has changed, for each s columns."""
    whitenings: list[Whitening]

    def learn(self, reference: Array, when: Runs | None) -> Array:
        """Fits to a reference, float64[m, d]; gives the sums of its columns, [C]."""

    def refit(self, held: list[Mask | None]) -> Mask:
        """Fits anew, but for what is held, [s] of each whitening; gives the columns whose changes were a season, [C]."""

    @property
    def middle(self) -> Array:
        """What columns are on average where a season has just been found, [C]."""

    def take(self, values: Array, rows: Ints, when: Runs | None) -> Array:
        """The columns, float64[C, n], of the next rows, float64[n, d]; their whitenings are yet to learn from them."""


class NumberChannels:
    """Means of normal scores, and with `spread` their scale; then volatility that clusters is taken out of both."""

    def __init__(self, signals: Ints, scores: Scores, reference: Array, spread: bool, seasonal: bool) -> None:
        scores.choose(signals, reference)
        self._signals, self._scores = signals, scores
        self.moved: tuple[Moved, ...] = ("mean", "spread") if spread else ("mean",)
        self.whitenings = [Whitening(len(signals), LAGS, Seasons(len(signals), seasonal)) for _ in self.moved]

    def learn(self, reference: Array, when: Runs | None) -> Array:
        """Fits to a reference, float64[m, d]; its columns have mean 0."""
        whitened = self.whitenings[0].learn(self._scores.of(reference, np.arange(-len(reference), 0)), when)
        if len(self.whitenings) == 2:
            spread = spreads(whitened * (UNIT / SCALE))
            self._centres = np.rint(spread.sum(axis=1, keepdims=True) / max(spread.shape[1], 1))
            spread -= self._centres
            residuals = self.whitenings[1].learn(spread, when)
            self._volatility = Volatility(whitened, spread, residuals, self.whitenings[1])
        return self.middle

    def refit(self, held: list[Mask | None]) -> Mask:
        """Fits anew; with its season, the deviations of a signal are others."""
        for each, mine in zip(self.whitenings, held, strict=True):
            each.refit(mine)
        found = self.whitenings[0].seasons.found
        for deviations in self.whitenings[1:]:
            deviations.forget(found)
        return np.concatenate([each.seasons.found | found for each in self.whitenings])

    @property
    def middle(self) -> Array:
        """Scores are about 0, [C]."""
        return np.zeros(len(self._signals) * len(self.whitenings))

    def take(self, values: Array, rows: Ints, when: Runs | None) -> Array:
        """The columns, float64[C, n], of the next rows, float64[n, d]."""
        whitened = self.whitenings[0].take(self._scores.of(values, rows), when)
        if len(self.whitenings) == 1:
            return whitened
        spread = spreads(whitened * (UNIT / SCALE)) - self._centres
        residuals = self.whitenings[1].take(spread, when)
        self._volatility.take(whitened, spread, residuals, self.whitenings[1])
        return np.concatenate((whitened, residuals))


class RateChannels:
    """Errors less their season, to 1/1024; what is missing is one by lot, as often as in the reference."""

    moved: tuple[Moved, ...] = ("rate",)

    def __init__(self, signals: Ints, reference: Array, seasonal: bool) -> None:
        self._signals = signals
        known = reference[:, signals]
        rates = np.nanmean(np.where(np.isfinite(known), known, np.nan), axis=0)
        self._rates = rates
        self.whitenings = [Whitening(len(signals), _RATE_LAGS, Seasons(len(signals), seasonal))]

    def learn(self, reference: Array, when: Runs | None) -> Array:
        """Fits to a reference, float64[m, d]; gives how many errors are in it."""
        sums: Array = self.take(reference, np.arange(-len(reference), 0), when).sum(axis=1)
        self.whitenings[0].absorb(None)
        self.whitenings[0].refit(None)
        return sums

    def refit(self, held: list[Mask | None]) -> Mask:
        """Fits anew."""
        self.whitenings[0].refit(held[0])
        return self.whitenings[0].seasons.found

    @property
    def middle(self) -> Array:
        """Errors are about the level of their season, [C]."""
        level: Array = self.whitenings[0].seasons.level / UNIT
        return level

    def take(self, values: Array, rows: Ints, when: Runs | None) -> Array:
        """The columns, float64[C, n], of the next rows, float64[n, d]."""
        rates = values[:, self._signals].T
        present = np.isfinite(rates)
        rates = np.rint(np.clip(rates, 0.0, 1.0) * UNIT) / UNIT
        if not present.all():
            s, n = np.nonzero(~present)
            rates[s, n] = uniform(rows[n]) < self._rates[s]
        whitening = self.whitenings[0]
        whitening.take(rates * UNIT, when)
        return whitening.levelled / UNIT if whitening.seasons.any else rates


class Fit:
    """What is known of all columns of some whitenings, at their last fit."""

    def __init__(self, whitenings: list[Whitening], reference: int) -> None:
        """`reference` is how many rows the scores are from."""
        self._whitenings = whitenings
        self.rows = np.concatenate([one.learnt for one in whitenings])
        """How many values it is from, [C]."""
        self.reach = int(whitenings[0].fitted * GROWTH)
        """The rows, the reference's included, that there can be before the next fit."""
        self.model = Autoregression._make(
            np.concatenate(parts) for parts in zip(*(one.model for one in whitenings), strict=True)
        )
        self.mean = np.concatenate([one.mean for one in whitenings]) / UNIT
        """Of the scores so far, [C]."""
        self.caution = np.concatenate([_caution(whitenings[0], number, reference) for number in range(len(whitenings))])
        """By how much rarer than asked alarms must be aimed at, [C], for what is known of the columns only roughly."""

    def widening(self, windows: Array) -> Array | None:
        """By how much estimated seasons widen the mean before each window, [C, w]; None where there is no season."""
        if not any(one.seasons.any for one in self._whitenings):
            return None
        return np.concatenate([one.seasons.widening(windows) for one in self._whitenings])


def _caution(values: Whitening, channel: int, reference: int) -> Array:
    """Of the means (channel 0) or the spreads of values, [s].

    A season that was seen a few times is not known well.  Scores by the quantiles of a few independent values stretch some
    ranges more than others, so that spreads change as persistent values wander.
    """
    periods = values.seasons.periods(values.fitted)
    roughly: Array = np.where(np.isfinite(periods), _SEASONAL + _NEW / periods, 1.0)
    if not channel:
        return roughly
    total = np.clip(values.model.total, 0.0, _LONGEST_MEMORY)
    inflation = (1 + total) / (1 - total)
    return roughly * (1 + _SCORED * (inflation - 1) / reference)
