"""Signals of one kind: their scores, their whitening, and the scan of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Array, Change, Moved, Times

from .numbers import NumberTest
from .rates import RateTest
from .scanner import Alarm, Scanner
from .scores import UNIT, Scores
from .seasons import Seasons
from .thresholds import sides
from .whitening import LAGS, Whitening

_RATE_LAGS = 8
Ints = npt.NDArray[np.int64]


class Part:
    """Some signals of a reference: numbers by mean and spread, or rates by their counts."""

    test: NumberTest | RateTest

    def __init__(self, signals: Ints, scores: Scores, rates: bool, spread: bool, min_effect: float, share_up: float) -> None:
        self._signals, self._scores, self._rates = signals, scores, rates
        self._channels = 2 if spread and not rates else 1
        self._min_effect, self._share_up = min_effect, share_up
        self.test = RateTest(share_up) if rates else NumberTest(share_up)

    def learn(self, reference: Array, times: Times | None, block: int, seasonal: bool, run_length: Array) -> None:
        """Takes the reference, float64[m, d]."""
        columns = len(self._signals) * self._channels
        self._block, self._reference = block, len(reference)
        seasons = Seasons(columns, seasonal and times is not None and not self._rates)
        self._whitening = Whitening(columns, _RATE_LAGS if self._rates else LAGS, seasons)
        self._missing = np.zeros(len(self._signals))
        if self._rates:
            self._missing = np.rint(np.nanmean(np.clip(reference[:, self._signals], 0, 1), axis=0) * UNIT) / UNIT
        else:
            self._scores.choose(self._signals, reference)
        known = self._columns(reference, np.arange(-len(reference), 0))
        self._whitening.take(known * UNIT if self._rates else known, times)
        self._whitening.refit()
        sums = known.sum(axis=1) if self._rates else np.zeros(columns)
        self.scanner = Scanner(np.tile(np.arange(len(self._signals)), self._channels), block, len(reference), sums)
        self.allow(run_length)

    def allow(self, run_length: Array) -> None:
        """Takes the run lengths of all signals, float64[d]."""
        self._allowed = run_length[self._signals]
        self._prepare()

    def take(self, values: Array, times: Times | None, first: int, stride: int) -> list[Change]:
        """Takes whole strides of rows, float64[n, d], counted from `first`."""
        changes: list[Change] = []
        at = 0
        while at < len(values):
            refit = self._whitening.next_refit(self._reference, self._block)
            stop = min(len(values), at + refit - self._whitening.rows)
            columns = self._columns(values[at:stop], np.arange(first + at, first + stop))
            then = None if times is None else times[at:stop]
            whitened = self._whitening.take(columns * UNIT if self._rates else columns, then)
            alarms = self.scanner.take(columns if self._rates else whitened, self.test)
            changes += [self._change(alarm, stride) for alarm in alarms]
            at = stop
            if self._whitening.rows == refit:
                self._whitening.refit()
                self._prepare()
        return changes

    def began(self, signal: int) -> tuple[int, int, int] | None:
        """The row at which a signal's last declared change began, and the rows between which; None if there is none."""
        at = int(np.searchsorted(self._signals, signal))
        mine = at < len(self._signals) and self._signals[at] == signal
        return self.scanner.began(at, self.test) if mine and at in self.scanner.declared else None

    def nearest(self, statistic: Array, threshold: Array) -> None:
        """Fills in what is nearest to an alarm, for each of its signals."""
        found, limit = (part.reshape(self._channels, -1) for part in self.scanner.nearest(self.test))
        channel = np.nan_to_num(found / limit, nan=-1.0).argmax(axis=0)
        every = np.arange(len(self._signals))
        statistic[self._signals], threshold[self._signals] = found[channel, every], limit[channel, every]

    def state(self) -> dict[str, Any]:
        """Everything but the reference, as plain values and arrays."""
        return {"allowed": self._allowed.copy(), "whitening": self._whitening.state(), "scanner": self.scanner.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`, after the same `learn`."""
        self._whitening.restore(state["whitening"])
        self.scanner.restore(state["scanner"])
        self._allowed = state["allowed"].copy()
        self._prepare()

    def _prepare(self) -> None:
        scaled = np.tile(self._allowed, self._channels) * self._channels * 4 / self._block
        effects = np.full(len(scaled), self._min_effect)
        self.test.prepare(scaled, sides(scaled, self._share_up), self._whitening, effects, self._block)

    def _columns(self, values: Array, rows: Ints) -> Array:
        """The columns of some rows, float64[C, n]: scores of each signal, then their spreads; or 0 and 1."""
        if self._rates:
            rates = np.clip(values[:, self._signals].T, 0.0, 1.0)
            return np.where(np.isfinite(rates), rates, self._missing[:, np.newaxis])
        return self._scores.of(values, rows, self._channels == 2)

    def _change(self, alarm: Alarm, stride: int) -> Change:
        local = alarm.column % len(self._signals)
        start, earliest, latest = self.scanner.began(local, self.test)
        row = -(-alarm.step * self._block // stride) * stride - 1
        rarity = self.test.rarity(alarm.level, alarm.window, alarm.column, alarm.statistic, alarm.up) / self._channels
        moved: Moved = "rate" if self._rates else "mean" if alarm.column < len(self._signals) else "spread"
        return Change(
            row, int(self._signals[local]), alarm.statistic, alarm.threshold, "up" if alarm.up else "down",
            min(start, row), int(alarm.n_before), int(alarm.window), min(earliest, row), min(latest, row), rarity, moved,
        )  # fmt: skip
