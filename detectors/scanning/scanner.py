"""Compares every recent window of some columns with everything before it, and begins anew after each alarm."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from detectors import Array
from detectors.changepoint import NEARLY_AS_LIKELY

from .channels import Fit
from .scores import UNIT
from .thresholds import Sides
from .windows import Level, Windows

_AT_ONCE = 3_000
"""Steps times columns that are compared at once: what a processor's cache holds."""
FIRST = 3
"""Steps before which nothing is compared."""
_REST = 512
"""Values for which a column is silent after an alarm, at least; or four of the alarm's windows; twice as long each time."""
_SURE, _SHORTEST, _RETURNED = 100.0, 64.0, 1 / 3
"""A change is over when so little is left of it, in a window of so many values, or so many by its square."""
Ints = npt.NDArray[np.int64]


class Baseline:
    """What windows of each column are compared with: the reference and the stream, without what was found to be changed."""

    def __init__(self, rows: Ints, sums: Array) -> None:
        self.rows, self.sums = rows, sums
        """Of the reference, or what it is worth; [C]."""
        self.most = int(rows.max(initial=0))
        self.fewer = self.most - rows
        self.alike = not self.fewer.any()
        self.anew = False
        """Whether any column has begun anew."""
        self.since, self.quiet = np.zeros(len(sums), np.int64), np.zeros(len(sums), np.int64)
        """The step at which windows may begin, and the one after which a column may alarm again to the same side."""
        self.since_sums, self.side = np.zeros(len(sums)), np.zeros(len(sums))
        """The sums at that step; and to which side a column last changed: 1 upwards, -1 downwards, 0 if another showed it."""
        self.left_out, self.left_out_sums = np.zeros(len(sums)), np.zeros(len(sums))
        self.origin = {name: np.zeros(len(sums)) for name in _ORIGIN}
        """How things stood when the last change was declared, from where on it may have begun, and where the window began that
        showed it."""
        self.until = np.full(len(sums), -1, np.int64)
        """The step at which a change is over if it has not been declared again."""
        self.changed, self.ever = np.zeros(len(sums), np.bool_), np.zeros(len(sums), np.bool_)
        """Which columns are changed now, so that windows are compared with what was before the change; and which ever were."""
        self.changing = False
        """Whether any is changed now."""

    def plain(self, level: Level, block: int) -> Array:
        """How many values there are at most before each window of a column that never began anew, [K, S]; at least 1."""
        return np.maximum(self.most + level.steps * float(block) - level.windows[:, np.newaxis], 1.0)

    def sizes(self, level: Level, block: int) -> Array:
        """How many values there are before each window, [K, S, C]; at least 1."""
        sizes = self.plain(level, block)[..., np.newaxis] - (self.fewer + self.left_out)
        return np.maximum(np.where(self.changed, self._size(block), sizes) if self.changing else sizes, 1.0)

    def totals(self, level: Level) -> Array:
        """Their sums, [K, S, C]."""
        totals = level.before + (self.sums - self.left_out_sums)
        return np.where(self.changed, self._total(), totals) if self.changing else totals

    def behind(self, begin: Array, sums: Array, columns: Ints, block: int) -> tuple[Array, Array]:
        """How many values there are before windows, [n], and their sums; windows begin after so many rows, at these sums."""
        sizes, totals = self.rows[columns] + begin - self.left_out[columns], sums + (self.sums - self.left_out_sums)[columns]
        changed = self.changed[columns]
        return np.where(changed, self._size(block)[columns], sizes), np.where(changed, self._total()[columns], totals)

    def ready(self, level: Level, block: int) -> npt.NDArray[np.bool_]:
        """Windows that can be compared, [K, S, C]."""
        lengths = (level.windows / block).astype(np.int64)[:, np.newaxis, np.newaxis]
        steps = level.steps[:, np.newaxis]
        ready: npt.NDArray[np.bool_] = (lengths <= steps - self.since) & (steps - self.since >= FIRST)
        return ready

    def silent(self, steps: Ints, columns: Ints, up: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Windows that show nothing new: they end soon after an alarm of their columns, and are not on its other side; [n]."""
        silent: npt.NDArray[np.bool_] = (steps <= self.quiet[columns]) & (np.where(up, -1.0, 1.0) != self.side[columns])
        return silent

    def begin_anew(self, columns: Ints, windows: Windows, length: int, column: int, up: bool) -> None:
        """Declares a change that a window of so many steps of a column shows, which ends now; or declares it again."""
        step, side, beginning = windows.step, 1.0 if up else -1.0, windows.before(length)
        turned = self.side[column] == -side
        first = self.origin["start"].copy() if turned else self.since.astype(np.float64)
        if turned and self.changed[column]:
            self._leave_out(columns, windows.block, step - length, beginning)
        again, rest = self.changed[columns], np.full(len(columns), max(4 * length, _REST // windows.block))
        rest[again] = np.maximum(rest, self.until[columns] - self.quiet[columns])[again]
        self._remember(columns[~again], first, step - length, beginning)
        self.since[columns], self.quiet[columns], self.until[columns] = step, step + rest, step + 3 * rest
        self.side[columns], self.side[column] = 0.0, side
        self.changed[columns] = self.ever[columns] = self.anew = self.changing = True

    def _remember(self, columns: Ints, first: Array, start: int, beginning: Array) -> None:
        """Keeps how things stand, as a change is declared by windows that began at a step, and may have since its `first`."""
        now = (first, self.since, self.since_sums, self.left_out, self.left_out_sums, np.full(len(first), start), beginning)
        for name, value in zip(_ORIGIN, now, strict=True):
            self.origin[name][columns] = value[columns]

    def end(self, columns: Ints, windows: Windows) -> None:
        """Ends a change: everything since it began is left out, and windows begin anew."""
        self._leave_out(columns, windows.block, windows.step, windows.sums)
        self.quiet[columns] = windows.step - 1
        self.changing = bool(self.changed.any())

    def _leave_out(self, columns: Ints, block: int, step: int, sums: Array) -> None:
        """Leaves out everything since a change began, up to a step."""
        origin = self.origin
        self.left_out[columns] = origin["left_out"][columns] + (step - origin["start"][columns]) * block
        self.left_out_sums[columns] = origin["left_out_sums"][columns] + sums[columns] - origin["start_sums"][columns]
        self.since[columns], self.since_sums[columns], self.changed[columns] = step, sums[columns], False

    def settle(self, columns: Ints, windows: Windows, middle: Array) -> None:
        """Ends a change that was none: from now on, `middle` is what there was on average, [C]."""
        size = self.rows[columns] + windows.step * float(windows.block) - self.left_out[columns]
        total = np.rint(middle[columns] * size * UNIT) / UNIT
        self.sums[columns] = total - windows.sums[columns] + self.left_out_sums[columns]
        self.since[columns], self.quiet[columns] = windows.step, windows.step - 1
        self.since_sums[columns], self.side[columns] = windows.sums[columns], 0.0
        self.changed[columns] = self.ever[columns] = False
        self.changing = bool(self.changed.any())

    def state(self) -> dict[str, Any]:
        """Everything but how many rows the reference has, as plain values and arrays."""
        origin = {name: array.copy() for name, array in self.origin.items()}
        return {name: getattr(self, name).copy() for name in _ARRAYS} | {"anew": self.anew, "origin": origin}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        for name in _ARRAYS:
            setattr(self, name, state[name].copy())
        self.anew, self.origin = state["anew"], {name: array.copy() for name, array in state["origin"].items()}
        self.changing = bool(self.changed.any())

    def _size(self, block: int) -> Array:
        """How many values there were before the last change of each column."""
        return self.rows + self.origin["start"] * block - self.origin["left_out"]

    def _total(self) -> Array:
        return self.sums + self.origin["start_sums"] - self.origin["left_out_sums"]


_ARRAYS = (
    "sums", "since", "since_sums", "quiet", "side", "left_out", "left_out_sums", "until", "changed", "ever",
)  # fmt: skip
_ORIGIN = ("first", "since", "since_sums", "left_out", "left_out_sums", "start", "start_sums")


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

    def deviation(self, column: int) -> float:
        """The standard deviation of a sum of values of a column, by the root of their number."""


class Alarm(NamedTuple):
    """A window that differs too much."""

    step: int
    column: int
    level: int
    statistic: float
    threshold: float
    up: bool
    n_before: float
    mean_before: float
    window: float
    mean: float
    began: tuple[int, int, int] = (0, 0, 0)
    """The row at which the change began, and the rows between which, as seen at this step."""


class Declared(NamedTuple):
    """How a change was declared."""

    column: int
    statistic: float
    threshold: float
    up: bool
    level: int
    length: int
    limit: float
    """It is over when the mean of a window of so many steps of a level is back at this."""

    def over(self, level: Level, since: int) -> int | None:
        """The first step at which it is over by a level's windows, which begin after a step."""
        first = 2 if level.number == 0 else 8
        k, steps = self.length - first, level.steps
        means = (level.sums[:, self.column] - level.before[k, :, self.column]) / level.windows[k]
        back = (means < self.limit) if self.up else (means > self.limit)
        back &= steps - (self.length << level.number) >= since
        return int(steps[back.argmax()]) if back.any() else None


_NONE = np.zeros(1, np.bool_)


class Scanner:
    """Columns belong to signals; an alarm in one column begins its whole signal anew."""

    def __init__(self, signal_of: Ints, block: int, rows: Ints, sums: Array) -> None:
        self.windows = Windows(len(signal_of), block)
        self.baseline = Baseline(rows, sums)
        self.declared: dict[int, Declared] = {}
        """The last change of each signal."""
        self.held: npt.NDArray[np.bool_] | None = None
        """Of the values taken last, [C, n], which no fit is to learn from; None if it may from all."""
        self._signal_of, self._block = signal_of, block

    def take(self, steps: Array, test: Test, known: npt.NDArray[np.bool_]) -> list[Alarm]:
        """Takes the sums inside the next steps, float64[C, S]; gives at most one alarm of a signal and step, in order.

        `known` are columns whose fit is good enough to stay as it is once they have changed.
        """
        alarms: list[Alarm] = []
        held: list[tuple[npt.NDArray[np.bool_], int]] = []
        self.held = None
        size = max(4, _AT_ONCE // max(len(steps), 1))
        for at in range(0, steps.shape[1], size):
            ends = self.windows.ends(steps[:, at : at + size])
            while len(ends):
                now, step = self.holds(known) if self.baseline.anew else _NONE, self.windows.step
                ends = self._advance(ends, test, alarms)
                held.append((now, (self.windows.step - step) * self._block))
        if any(now is not _NONE and now.any() for now, _ in held):
            each = [np.broadcast_to(now[:, np.newaxis], (len(steps), rows)) for now, rows in held]
            self.held = each[0] if len(each) == 1 else np.concatenate(each, axis=1)
        return alarms

    def settle(self, found: npt.NDArray[np.bool_], middle: Array) -> None:
        """Ends the changes of signals of which a column, [C], turns out to have a season; see `Baseline.settle`."""
        signals = np.unique(self._signal_of[found])
        self.baseline.settle(np.flatnonzero(np.isin(self._signal_of, signals)), self.windows, middle)
        for signal in signals.tolist():
            self.declared.pop(signal, None)

    def holds(self, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """The columns from which no fit is to learn now: they are changed, or were and are known well enough."""
        return self.baseline.changed | (self.baseline.ever & known)

    def began(self, signal: int, test: Test) -> tuple[int, int, int]:
        """The row at which the last declared change most likely began, and the rows between which.

        All columns say so together; of a change that turned only the one that did, as the others changed before.
        """
        column, origin = self.declared[signal].column, self.baseline.origin
        turned = origin["first"][column] < origin["since"][column]
        columns = [column] if turned else np.flatnonzero(self._signal_of == signal).tolist()
        return max(self._split(one, test) for one in columns)[1:]

    def _split(self, column: int, test: Test) -> tuple[float, int, int, int]:
        """The most likely split of a column since its last change began anew: how likely, and as `began`.

        One that turned may have begun while the change before it lasted, which is left out of what it is compared with.
        """
        b, base, origin = self._block, self.baseline, {name: array[column] for name, array in self.baseline.origin.items()}
        steps, sums = self.windows.history(column, int(origin["first"]))
        windows = (self.windows.step - steps) * float(b)
        n = base.rows[column] + np.maximum(steps, origin["since"]) * float(b) - origin["left_out"]
        good = (n >= 8) & (windows >= 8)
        if not good.any():
            return 0.0, int(origin["start"]) * b, int(origin["first"]) * b, self.windows.step * b
        marks = np.append(steps, self.windows.step)
        steps, sums, windows, n = steps[good], sums[good], windows[good], n[good]
        behind = np.where(steps < origin["since"], origin["since_sums"], sums)
        before = base.sums[column] + behind - origin["left_out_sums"]
        inside = float(self.windows.sums[column]) - sums
        squares = test.squares(inside, windows, before, n, column)
        squares[(inside / windows - before / n) * base.side[column] < 0] = 0.0
        best = int(squares.argmax())
        near = np.flatnonzero(good)[squares >= squares[best] - NEARLY_AS_LIKELY]
        low, high = marks[max(near[0] - 1, 0)], marks[near[-1] + 1]
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
        base, changed = self.baseline, {}
        last = self.windows.step + len(ends)
        if base.changing:
            last = min(last, int(base.until[base.changed].min()))
            changed = {signal: what for signal, what in self.declared.items() if base.changed[what.column]}
        first, hits, over = last + 1, list[tuple[Level, int, int, int]](), list[int]()
        for level in self.windows.levels(ends[: last - self.windows.step]):
            for signal, what in changed.items():
                if what.level == level.number and (step := what.over(level, int(base.since[what.column]))) is not None:
                    if step < first:
                        first, hits, over = step, [], []
                    over += [signal] * (step == first)
            lengths, steps, columns = test.exceed(level, self.baseline, self._block)
            if not len(steps):
                continue
            at = int(steps.min())
            if level.steps[at] < first:
                first, hits, over = int(level.steps[at]), [], []
            if level.steps[at] == first:
                mine = steps == at
                hits += [(level, k, at, column) for k, column in zip(lengths[mine].tolist(), columns[mine].tolist())]
        taken = ends[: min(first, last) - self.windows.step]
        hits = [hit for hit in hits if self._signal_of[hit[3]] not in over]
        found = self._strongest([self._alarm(*hit, test) for hit in hits])
        self.windows.advance(taken)
        for alarm in found:
            signal = int(self._signal_of[alarm.column])
            self.declared[signal] = self._declared(alarm, test)
            length = round(alarm.window / self._block)
            base.begin_anew(np.flatnonzero(self._signal_of == signal), self.windows, length, alarm.column, alarm.up)
        if base.changing:
            ended = base.changed & (np.isin(self._signal_of, over) | (base.until == self.windows.step))
            base.end(np.flatnonzero(ended), self.windows)
        alarms += [alarm._replace(began=self.began(int(self._signal_of[alarm.column]), test)) for alarm in found]
        return ends[len(taken) :]

    def _alarm(self, level: Level, k: int, at: int, column: int, test: Test) -> Alarm:
        window, start, step = float(level.windows[k]), level.before[k, at, column], int(level.steps[at])
        inside, begin = float(level.sums[at, column] - start), step * float(self._block) - window
        sizes, totals = self.baseline.behind(np.array([begin]), start, np.array([column]), self._block)
        n, before = float(sizes[0]), float(totals[0])
        statistic, threshold = test.alarm(level.number, window, column, inside, n, before)
        up, mean = inside / window > before / n, inside / window
        return Alarm(step, column, level.number, statistic, threshold, up, n, before / n, window, mean)

    def _declared(self, alarm: Alarm, test: Test) -> Declared:
        """How it will be seen that the change is over."""
        effect = alarm.mean - alarm.mean_before
        needed = max(_SHORTEST, _SURE * (test.deviation(alarm.column) / effect) ** 2)
        steps = max(2, int(np.ceil(needed / self._block)))
        level = max(0, steps.bit_length() - 4)
        length = -(-steps >> level)
        level, length = (level, length) if length < 16 else (level + 1, 8)
        limit = alarm.mean_before + _RETURNED * effect
        return Declared(alarm.column, alarm.statistic, alarm.threshold, alarm.up, level, length, limit)

    def _strongest(self, alarms: list[Alarm]) -> list[Alarm]:
        """One of each signal: that which is most above its threshold."""
        best: dict[int, Alarm] = {}
        for alarm in sorted(alarms, key=lambda a: (-a.statistic / a.threshold, a.column, a.window)):
            best.setdefault(int(self._signal_of[alarm.column]), alarm)
        return [best[signal] for signal in sorted(best)]
