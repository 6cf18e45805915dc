"""Signals of one kind: their scores, their whitening, and the scan of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array, Change, Times

from .channels import Channels, Fit, NumberChannels, RateChannels
from .numbers import NumberTest
from .rates import RateTest
from .scanner import Alarm, Scanner, Test
from .scores import Scores
from .thresholds import sides
from .waves import runs
from .windows import steps

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_KNOWN = 5_000
"""Values from which on a fit is good enough to stay as it is when its signal has changed."""


class Settings(NamedTuple):
    """What is chosen of a scan."""

    spread: bool
    effects: Array
    """The smallest shifts that matter, in standard deviations, of all signals."""
    share_up: float
    seasonal: bool
    columns: Array
    """How many columns all parts have of each signal, which share what it is allowed."""
    sparse: bool = False
    """Whether most values are missing; without spread."""


class Part:
    """Some signals of a reference, float64[m, d]: numbers, or rates."""

    def __init__(
        self, signals: Ints, scores: Scores | None, reference: Array, times: Times | None, block: int, settings: Settings
    ) -> None:
        self._signals, self._reference, self._settings = signals, len(reference), settings
        self._channels: Channels
        self._test: Test
        seasonal = settings.seasonal and times is not None
        if scores is None:
            self._channels, self._test = RateChannels(signals, reference, seasonal), RateTest(settings.share_up)
        else:
            self._channels = NumberChannels(signals, scores, reference, settings.spread, seasonal)
            self._test = NumberTest(settings.share_up)
        self._sums = self._channels.learn(reference, runs(times))
        self._worth = np.full(len(self._sums), self._reference)
        if settings.sparse:
            self._worth = self._worth_of(np.isfinite(reference[:, signals]).mean(axis=0))
        self.begin(block)

    def begin(self, block: int) -> None:
        """Begins to scan, before the first row, in steps of `block` values; run lengths are to be given again."""
        self._block, owners = block, np.tile(np.arange(len(self._signals)), len(self._channels.moved))
        self._scanner = Scanner(owners, block, self._worth, self._sums)
        self._inside, self._begun = np.zeros(len(owners)), 0
        """The sums of a step that is not over yet, and how many rows of it there are."""

    def allow(self, run_length: Array) -> None:
        """Takes the run lengths of all signals, float64[d]."""
        self.allow_own(run_length[self._signals])

    def take(self, values: Array, times: Times | None, first: int, stride: int) -> list[Change]:
        """Takes rows, float64[n, d], counted from `first`: whole strides of whole steps, or parts of one step."""
        changes: list[Change] = []
        at = 0
        while at < len(values):
            whitening = self._channels.whitenings[0]
            refit = whitening.next_refit(self._reference, self._block)
            stop = min(len(values), at + refit - whitening.rows)
            if self._begun or (stop - at) % self._block:
                stop = min(stop, at + self._block - self._begun)
            when = runs(None if times is None else times[at:stop])
            columns = self._channels.take(values[at:stop], np.arange(first + at, first + stop), when)
            alarms, held = self._scan(columns)
            changes += [self._change(alarm, stride) for alarm in alarms]
            for each, mine in zip(self._channels.whitenings, self._split(held), strict=True):
                each.absorb(mine)
            at = stop
            if whitening.rows == refit:
                found = self._channels.refit(self._split(self._scanner.holds(self._known)))
                if found.any():
                    self._scanner.settle(found, self._channels.middle)
                self._prepare()
        return changes

    def _scan(self, columns: Array) -> tuple[list[Alarm], Mask | None]:
        """Takes columns, float64[C, n]; gives alarms, and what of these rows no fit is to learn from, [C, n]."""
        n = columns.shape[1]
        if not self._begun and not n % self._block:
            return self._scanner.take(steps(columns, self._block), self._test, self._known), self._scanner.held
        now = self._scanner.holds(self._known) if self._scanner.baseline.anew else None
        self._inside += columns.sum(axis=1)
        self._begun += n
        alarms: list[Alarm] = []
        if self._begun == self._block:
            alarms = self._scanner.take(self._inside[:, np.newaxis].copy(), self._test, self._known)
            self._inside, self._begun = np.zeros(len(columns)), 0
        return alarms, None if now is None else np.broadcast_to(now[:, np.newaxis], columns.shape)

    def began(self, signal: int) -> tuple[int, int, int] | None:
        """The row at which a signal's last declared change began, and the rows between which; None if there is none."""
        at = int(np.searchsorted(self._signals, signal))
        mine = at < len(self._signals) and self._signals[at] == signal
        return self._scanner.began(at, self._test) if mine and at in self._scanner.declared else None

    def nearest(self, statistic: Array, threshold: Array) -> None:
        """Fills in what is nearest to an alarm, for each of its signals."""
        found, limit = (part.reshape(len(self._channels.moved), -1) for part in self._scanner.nearest(self._test))
        channel = np.nan_to_num(found / limit, nan=-1.0).argmax(axis=0)
        every = np.arange(len(self._signals))
        statistic[self._signals], threshold[self._signals] = found[channel, every], limit[channel, every]

    def state(self) -> dict[str, Any]:
        """Everything but the reference, as plain values and arrays."""
        whitenings = [whitening.state() for whitening in self._channels.whitenings]
        inside = {"inside": self._inside.copy(), "begun": self._begun}
        return {"allowed": self._allowed.copy(), "whitenings": whitenings, "scanner": self._scanner.state()} | inside

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()` of the same reference."""
        for whitening, inner in zip(self._channels.whitenings, state["whitenings"], strict=True):
            whitening.restore(inner)
        self._scanner.restore(state["scanner"])
        self._inside, self._begun = state["inside"].copy(), state["begun"]
        self.allow_own(state["allowed"].copy())

    def allow_own(self, run_length: Array) -> None:
        """Takes the run lengths of its own signals."""
        self._allowed = run_length
        self._prepare()

    def _split(self, held: Mask | None) -> list[Mask | None]:
        """What is held of all columns, by whitening."""
        whitenings = len(self._channels.whitenings)
        return [None if held is None else np.split(held, whitenings)[i] for i in range(whitenings)]

    def _worth_of(self, present: Array) -> Ints:
        """How many rows of the stream know means as well as the reference does, of which such shares are present; [s].

        Its means are 0 by the present values alone; in the stream there are others by lot among them.
        """
        model = self._channels.whitenings[0].model
        persistence = np.maximum((model.noise / (1 - model.total)) ** 2, 1.0)
        worth: Ints = (self._reference * persistence / (present + persistence - 1)).astype(np.int64)
        return worth

    def _prepare(self) -> None:
        channels = len(self._channels.moved)
        fit = Fit(self._channels.whitenings, self._reference)
        self._shares = np.tile(self._settings.columns[self._signals], channels) * fit.caution
        signals = np.tile(self._allowed, channels) * 4 / self._block
        scaled = signals * self._shares
        effects = np.tile(self._settings.effects[self._signals], channels)
        self._known = fit.rows >= _KNOWN
        self._test.prepare(scaled, sides(scaled, self._settings.share_up, signals), fit, effects, self._block)

    def _change(self, alarm: Alarm, stride: int) -> Change:
        local = alarm.column % len(self._signals)
        start, earliest, latest = alarm.began
        row = -(-alarm.step * self._block // stride) * stride - 1
        before = int(alarm.n_before) - int(self._worth[alarm.column]) + self._reference
        rarity = self._test.rarity(alarm.level, alarm.window, alarm.column, alarm.statistic, alarm.up)
        return Change(
            row, int(self._signals[local]), alarm.statistic, alarm.threshold, "up" if alarm.up else "down",
            min(start, row), before, int(alarm.window), min(earliest, row), min(latest, row),
            rarity / float(self._shares[alarm.column]), self._channels.moved[alarm.column // len(self._signals)],
        )  # fmt: skip
