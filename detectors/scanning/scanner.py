"""Compares every recent window of some columns with everything before it, and begins anew after each alarm."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from detectors import Array

from .channels import Fit
from .thresholds import Sides
from .windows import Level, Windows

_AT_ONCE = 3_000
"""Steps times columns that are compared at once: what a processor's cache holds."""
_CONFIDENCE = 7.35
"""By how much twice the log likelihood may be below its maximum: the 95% quantile of the law (1 - exp(-x/2))**2."""
_REST = 512
"""Values for which a column is silent after an alarm, at least; or four of the alarm's windows."""
Ints = npt.NDArray[np.int64]


class Baseline:
    """What windows of each column are compared with: the reference and the stream, without what was found to be changed."""

    def __init__(self, rows: int, sums: Array) -> None:
        self.rows, self.sums = rows, sums
        """Of the reference."""
        self.anew = False
        """Whether any column has begun anew."""
        self.since, self.quiet = np.zeros(len(sums), np.int64), np.zeros(len(sums), np.int64)
        """The step at which windows may begin, and the one after which a column may alarm again."""
        self.left_out, self.left_out_sums = np.zeros(len(sums)), np.zeros(len(sums))
        self.origin = {name: np.zeros(len(sums)) for name in ("since", "left_out", "left_out_sums", "start", "start_sums")}
        """How things stood when the last change was declared, and where the window began that showed it."""
        self.until = np.full(len(sums), -1, np.int64)
        """The step up to which further alarms are of the same change."""

    def plain(self, level: Level, block: int) -> Array:
        """How many values there are before each window of a column that never began anew, [K, S]; at least 1."""
        return np.maximum(self.rows + level.steps * float(block) - level.windows[:, np.newaxis], 1.0)

    def sizes(self, level: Level, block: int) -> Array:
        """How many values there are before each window, [K, S, C]; at least 1."""
        return np.maximum(self.plain(level, block)[..., np.newaxis] - self.left_out, 1.0)

    def totals(self, level: Level) -> Array:
        """Their sums, [K, S, C]."""
        return level.before + (self.sums - self.left_out_sums)

    def ready(self, level: Level, block: int) -> npt.NDArray[np.bool_]:
        """Windows that can be compared, [K, S, C]."""
        lengths = (level.windows / block).astype(np.int64)[:, np.newaxis, np.newaxis]
        steps = level.steps[:, np.newaxis]
        ready: npt.NDArray[np.bool_] = lengths <= steps - self.since
        return ready

    def begin_anew(self, columns: Ints, windows: Windows, length: int) -> None:
        """Leaves out a window of so many steps that ends now, and what came since the change was first declared."""
        step, rest = windows.step, max(4 * length, _REST // windows.block)
        beginning = windows.before(length)
        for c in columns.tolist():
            origin = self.origin
            if step > self.until[c]:
                now = (self.since[c], self.left_out[c], self.left_out_sums[c], step - length, beginning[c])
                for name, value in zip(origin, now, strict=True):
                    origin[name][c] = value
            self.left_out[c] = origin["left_out"][c] + (step - origin["start"][c]) * windows.block
            self.left_out_sums[c] = origin["left_out_sums"][c] + windows.sums[c] - origin["start_sums"][c]
            self.since[c], self.quiet[c], self.until[c] = step, step + rest, step + 3 * rest
        self.anew = True

    def state(self) -> dict[str, Any]:
        """Everything but the reference, as plain values and arrays."""
        origin = {name: array.copy() for name, array in self.origin.items()}
        return {name: getattr(self, name).copy() for name in _ARRAYS} | {"anew": self.anew, "origin": origin}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        for name in _ARRAYS:
            setattr(self, name, state[name].copy())
        self.anew, self.origin = state["anew"], {name: array.copy() for name, array in state["origin"].items()}


_ARRAYS = ("since", "quiet", "left_out", "left_out_sums", "until")


class Test(Protocol):
    """Says which windows differ too much."""

    def prepare(self, run_length: Array, sides: Sides, fit: Fit, effects: Array, block: int) -> None:
        """Makes thresholds for run lengths and a fit; `effects` are the least changes that matter, in sd; all [C]."""

    def exceed(self, level: Level, baseline: Baseline, block: int) -> tuple[Ints, ...]:
        """Windows of a level that do: their lengths, steps and columns, as indices."""

    def nearness(self, level: Level, baseline: Baseline, block: int) -> tuple[Array, Array]:
        """Statistics of windows and their thresholds, [K, S, C]; infinite where there is no comparison."""

    def alarm(self, level: int, window: float, column: int, inside: float, n: float, before: float) -> tuple[float, float]:
        """Statistic and threshold of a window with sum `inside`, against the sum `before` of n values."""

    def rarity(self, level: int, window: float, column: int, statistic: float, up: bool) -> float:
        """The run length, in values, at which a statistic would have been at its threshold."""

    def squares(self, inside: Array, windows: Array, before: Array, n: Array, column: int) -> Array:
        """Twice the log likelihood ratio of splits: windows of a column against what is before them."""


class Alarm(NamedTuple):
    """A window that differs too much."""

    step: int
    column: int
    level: int
    statistic: float
    threshold: float
    up: bool
    n_before: float
    window: float
    began: tuple[int, int, int] = (0, 0, 0)
    """The row at which the change began, and the rows between which, as seen at this step."""


class Declared(NamedTuple):
    """How a change was declared."""

    column: int
    statistic: float
    threshold: float


class Scanner:
    """Columns belong to signals; an alarm in one column begins its whole signal anew."""

    def __init__(self, signal_of: Ints, block: int, rows: int, sums: Array) -> None:
        self.windows = Windows(len(signal_of), block)
        self.baseline = Baseline(rows, sums)
        self.declared: dict[int, Declared] = {}
        """The last change of each signal."""
        self._signal_of, self._block = signal_of, block

    def take(self, values: Array, test: Test) -> list[Alarm]:
        """Takes whole steps, float64[C, n]; gives at most one alarm of a signal and step, in order."""
        alarms: list[Alarm] = []
        size = max(4, _AT_ONCE // max(len(values), 1)) * self._block
        for at in range(0, values.shape[1], size):
            ends = self.windows.ends(values[:, at : at + size])
            while len(ends):
                ends = self._advance(ends, test, alarms)
        return alarms

    def began(self, signal: int, test: Test) -> tuple[int, int, int]:
        """The row at which the last declared change most likely began, and the rows between which."""
        return max(self._split(column, test) for column in np.flatnonzero(self._signal_of == signal).tolist())[1:]

    def _split(self, column: int, test: Test) -> tuple[float, int, int, int]:
        """The most likely split of a column since its last change began anew: how likely, and as `began`."""
        b, base = self._block, self.baseline
        steps, sums = self.windows.history(column, int(base.origin["since"][column]))
        windows = (self.windows.step - steps) * float(b)
        n = base.rows + steps * float(b) - base.origin["left_out"][column]
        good = (n >= 8) & (windows >= 8)
        if not good.any():
            start = int(base.origin["start"][column]) * b
            return 0.0, start, int(base.origin["since"][column]) * b, self.windows.step * b
        steps, sums, windows, n = steps[good], sums[good], windows[good], n[good]
        before = base.sums[column] + sums - base.origin["left_out_sums"][column]
        squares = test.squares(float(self.windows.sums[column]) - sums, windows, before, n, column)
        best = int(squares.argmax())
        near = np.flatnonzero(squares >= squares[best] - _CONFIDENCE)
        low, high = steps[max(near[0] - 1, 0)], steps[min(near[-1] + 1, len(steps) - 1)]
        return float(squares[best]), int(steps[best]) * b, int(low) * b, int(high) * b

    def nearest(self, test: Test) -> tuple[Array, Array]:
        """Of each column the statistic and the threshold that are nearest to each other, [C]; NaN where there is none.

        While a change is fresh, those with which it was declared.
        """
        columns = len(self._signal_of)
        best, found, limit = np.full(columns, -1.0), np.full(columns, np.nan), np.full(columns, np.nan)
        for level in self.windows.latest():
            statistics, limits = (part[:, 0] for part in test.nearness(level, self.baseline, self._block))
            share = np.where(np.isinf(limits), -1.0, statistics / limits)
            k, every = share.argmax(axis=0), np.arange(columns)
            better = share[k, every] > best
            best = np.where(better, share[k, every], best)
            found, limit = np.where(better, statistics[k, every], found), np.where(better, limits[k, every], limit)
        for signal, what in self.declared.items():
            if self.windows.step <= self.baseline.quiet[what.column]:
                found[self._signal_of == signal] = np.nan
                found[what.column], limit[what.column] = what.statistic, what.threshold
        return found, limit

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        declared = [[signal, *what] for signal, what in sorted(self.declared.items())]
        return {"windows": self.windows.state(), "baseline": self.baseline.state(), "declared": declared}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.windows.restore(state["windows"])
        self.baseline.restore(state["baseline"])
        self.declared = {signal: Declared(*what) for signal, *what in state["declared"]}

    def _advance(self, ends: Array, test: Test, alarms: list[Alarm]) -> Array:
        """Takes steps up to the first alarm; gives those behind it."""
        first = self.windows.step + len(ends) + 1
        hits: list[tuple[Level, int, int, int]] = []
        for level in self.windows.levels(ends):
            lengths, steps, columns = test.exceed(level, self.baseline, self._block)
            if not len(steps):
                continue
            at = int(steps.min())
            if level.steps[at] < first:
                first, hits = int(level.steps[at]), []
            if level.steps[at] == first:
                mine = steps == at
                hits += [(level, k, at, column) for k, column in zip(lengths[mine].tolist(), columns[mine].tolist())]
        taken = ends[: first - self.windows.step]
        found = self._strongest([self._alarm(*hit, test) for hit in hits])
        self.windows.advance(taken)
        for alarm in found:
            signal = int(self._signal_of[alarm.column])
            self.declared[signal] = Declared(alarm.column, alarm.statistic, alarm.threshold)
            length = round(alarm.window / self._block)
            self.baseline.begin_anew(np.flatnonzero(self._signal_of == signal), self.windows, length)
        alarms += [alarm._replace(began=self.began(int(self._signal_of[alarm.column]), test)) for alarm in found]
        return ends[len(taken) :]

    def _alarm(self, level: Level, k: int, at: int, column: int, test: Test) -> Alarm:
        base, window = self.baseline, float(level.windows[k])
        start = float(level.before[k, at, column])
        inside, step = float(level.sums[at, column]) - start, int(level.steps[at])
        n = base.rows + step * float(self._block) - window - float(base.left_out[column])
        before = base.sums[column] + start - base.left_out_sums[column]
        statistic, threshold = test.alarm(level.number, window, column, inside, n, before)
        return Alarm(step, column, level.number, statistic, threshold, inside / window > before / n, n, window)

    def _strongest(self, alarms: list[Alarm]) -> list[Alarm]:
        """One of each signal: that which is most above its threshold."""
        best: dict[int, Alarm] = {}
        for alarm in sorted(alarms, key=lambda a: (-a.statistic / a.threshold, a.column, a.window)):
            best.setdefault(int(self._signal_of[alarm.column]), alarm)
        return [best[signal] for signal in sorted(best)]
