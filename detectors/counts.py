"""Counts: compares how often categories come in recent windows of every length with how often they came before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from . import Array, Change, Direction, Sees, State, Times
from .changepoint import NEARLY_AS_LIKELY
from .counting import octaves, persistence
from .counting.categories import Categories
from .counting.deviance import alone, alone_level, freedom, level, levelled, likelihood_ratio, normal, shrunk
from .counting.history import STEP, History, Looks
from .counting.rhythm import Rhythm
from .run_lengths import positive

Ints = npt.NDArray[np.int64]

_AT_ONCE = 32_768
"""Values that are worked on at once."""
_SMALLEST_REFERENCE = 50
_SMALLEST_WINDOW = 24
"""Windows with fewer values, in units of the inflation, are not looked at."""
_ALONE = ("repeated_lots", "alone_inflation", "alone_certainty", "alone_level")
_ARRAYS = ("excluded", "changed", "since", "recent", "repeated", "inflation", "certainty", "shortest", "level", *_ALONE)


class Counts:
    """The G test over windows of 64, 128, ... 131,072 rows, each looked at every eighth of its length (Sokal and Rohlf 1969).

    Values are numbers that stand for categories: the `categories` heaviest of the reference, and one for all others, also
    those never seen; where the reference has others, eight, each of some of them, or 32 if it has more than 32 others.  Beside
    all shares together each category, and these lots as one, is held against all others; the one that stands out most counts.

    A window is compared with everything before it, the reference included, so a small reference is no promise broken: one
    false alarm in `run_length` rows of a signal, measured within 0.75 and 1.3 of it for 2 to 200 categories, even or skewed.
    Where values persist, G is divided by the variance inflation of the categories' indicators (Rao and Scott 1981), estimated
    from the reference and again whenever rows have grown by a quarter, until the first change; categories of which few are
    expected count as less than one degree of freedom.

    The work is done, and changes are said, once in `stride` rows.

    `min_effect` is the smallest change of a category's share that matters, 0.02 for two points, of all signals or of each.  It
    is taken off that of the one alone, and off the total variation of all: the share of values that are others than before.
    `statistic` and `threshold` are standard normal numbers.  `direction` is "up" or "down" where the reference has two
    categories and the window no other, "both" elsewhere.  `start` is the most likely split of the last 260,000 rows, known
    to a tenth of its age.  After a change the signal's windows begin anew and the window that showed it is left out of what
    is before, so a change that lasts is declared again.

    Signals with fewer than 50 values before the window are not looked at (statistic NaN), nor windows with fewer than 24.
    """

    sees: ClassVar[Sees] = "categories"
    knob: ClassVar[str | None] = "run_length"
    learns: ClassVar[bool] = True
    robust: ClassVar[bool] = True

    def __init__(
        self,
        signals: int,
        *,
        categories: int = 8,
        stride: int = STEP,
        run_length: float = 1_000_000.0,
        min_effect: float | Sequence[float] = 0.0,
    ) -> None:
        if not 1 <= categories <= 12:
            raise ValueError(f"categories must lie between 1 and 12, got {categories}")
        if stride < STEP or stride % STEP:
            raise ValueError(f"stride must be a multiple of {STEP}, got {stride}")
        if not run_length > 0:
            raise ValueError(f"run_length must be positive, got {run_length}")
        effects = np.asarray(min_effect, np.float64)
        if effects.shape not in ((), (signals,)):
            raise ValueError(f"min_effect must be one for all signals or one of each, got {min_effect}")
        if not ((effects >= 0) & (effects < 1)).all():
            raise ValueError(f"min_effect must lie in [0, 1), got {min_effect}")
        self._effects = np.broadcast_to(effects, (signals,))
        self._stride = stride
        self._most, self._run_length = categories, np.full(signals, float(run_length))
        self._at_once = max(1, _AT_ONCE // max(1, signals) // STEP)
        self.fit(np.empty((0, signals)))

    def allow(self, run_length: Array) -> None:
        """Sets thresholds by how many rows may pass between two false alarms of each signal, float64[d], infinite for none."""
        self._run_length = positive(run_length).astype(np.float64)
        self._limits = octaves.limits(self._run_length, self._shortest)

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Without one, no signal is looked at."""
        rows, signals = reference.shape
        self._categories = Categories(reference, self._most)
        self._alike = self._categories.alike()
        most = self._categories.most
        known = self._categories.known
        self._reference_rows, self._waiting = rows, np.empty((0, signals))
        self._waiting_times, self._rhythm = np.zeros(0, np.int64), None if times is None else Rhythm(*known.shape)
        self._history = History(known)
        self._excluded = np.zeros_like(known)
        self._changed = np.full(known.shape, -1)
        self._since = np.zeros(signals, np.int64)
        self._recent = np.full((persistence.LAGS, signals), most + 1, np.int8)
        codes = np.concatenate((self._recent, self._categories.reference))
        self._repeated = persistence.repeats(codes, most + 1)
        self._repeated_lots = persistence.repeats_of_lots(codes, self._categories.lots, most + 1)
        self._inflation, self._certainty = np.ones(signals), np.full(signals, np.inf)
        self._shortest, self._level = np.full(signals, float(_SMALLEST_WINDOW)), np.ones(signals)
        self._alone_inflation, self._alone_certainty = np.ones((most + 2, signals)), np.full((most + 2, signals), np.inf)
        self._alone_level = np.full(signals, np.inf)
        if self._rhythm is not None and times is not None:
            steps = slice(-(-int(self._categories.spoiled.max(initial=0)) // STEP) * STEP, rows // STEP * STEP)
            counts = self._categories.counts(self._categories.reference[steps], STEP)
            if len(counts):
                self._rhythm.take(counts, times[steps][::STEP], 0)
                self._rhythm.learn(None)
        self._estimate()
        self.statistic = np.full(signals, np.nan)
        """The score of the window at the last look that comes closest to its threshold."""
        self.threshold = np.full(signals, np.nan)

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite is missing.  All of the work is done once in a stride."""
        rows = len(self._waiting) + len(values)
        ready = np.concatenate((self._waiting, values))
        rest = rows % self._stride
        self._waiting = ready[rows - rest :].copy() if rows >= self._stride else ready
        then = np.concatenate((self._waiting_times, np.zeros(len(values), np.int64) if times is None else times))
        self._waiting_times = then[rows - rest :].copy() if rows >= self._stride else then
        changes: list[Change] = []
        at, whole = 0, (rows - rest) // STEP
        while at < whole:
            if self._history.step == self._due():
                self._estimate()
            steps = min(self._at_once, whole - at, self._due() - self._history.step)
            these = slice(at * STEP, (at + steps) * STEP)
            changes += self._take(ready[these], then[these][::STEP])
            at += steps
        return [change._replace(row=change.row // self._stride * self._stride + self._stride - 1) for change in changes]

    def shares(self, signal: int) -> tuple[Array, Array, Array]:
        """The categories of a signal, ascending, NaN for all others, their shares of the reference, and since its last change.

        The last are NaN before there is one.
        """
        values = np.append(self._categories.values[:, signal], np.nan)
        there = ~np.isnan(values)
        there[-1] = True
        both = self._categories.known[signal], self._history.total[signal] - self._changed[signal]
        known, changed = (np.append(some[: len(values) - 1], some[len(values) - 1 :].sum()) for some in both)
        since = changed / max(changed.sum(), 1) if self._changed[signal, 0] >= 0 else np.full(len(values), np.nan)
        return values[there], known[there] / max(known.sum(), 1), since[there]

    def state(self) -> State:
        """Everything but the settings and the reference: some 8 kB a signal, 14 or 36 kB where values are in 8 or 32 lots."""
        return {
            "step": self._history.step,
            "fitted": self._fitted,
            "run_length": self._run_length.copy(),
            "waiting": self._waiting.copy(),
            "waiting_times": self._waiting_times.copy(),
            "rhythm": None if self._rhythm is None else self._rhythm.state(),
            "marks": self._history.marks.copy(),
            **{name: getattr(self, f"_{name}").copy() for name in _ARRAYS},
            "total": self._history.total.copy(),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._history = History(state["total"])
        self._history.step, self._history.marks = state["step"], state["marks"].copy()
        self._fitted, self._waiting = state["fitted"], state["waiting"].copy()
        self._waiting_times = state["waiting_times"].copy()
        if self._rhythm is not None and state["rhythm"] is not None:
            self._rhythm.restore(state["rhythm"])
        for name in _ARRAYS:
            setattr(self, f"_{name}", state[name].copy())
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()
        self.allow(state["run_length"])

    def _due(self) -> int:
        """The step at which rows will have grown by a quarter since the last estimate."""
        grown: int = self._fitted * 5 // 4 - self._reference_rows
        return grown // STEP + 1

    def _estimate(self) -> None:
        """Estimates the seasons of all signals, and the inflation of those that have not changed, from all of their rows."""
        if self._rhythm is not None:
            new, found = self._rhythm.refit(self._changed[:, 0] >= 0)
            self._since[new] = self._history.step
            self._changed[found], self._excluded[found] = -1, 0
        self._fitted = self._reference_rows + self._history.step * STEP
        counted, total = self._fitted - self._categories.spoiled, self._history.total
        inflation, certainty = persistence.inflation(total, self._repeated, counted)
        calm = self._changed[:, 0] < 0
        self._inflation = np.where(calm, inflation, self._inflation)
        self._certainty = np.where(calm, certainty, self._certainty)
        shortest = _SMALLEST_WINDOW * inflation * counted / np.maximum(total.sum(axis=1), 1)
        self._shortest = np.where(calm, shortest, self._shortest)
        self._level = np.where(calm, np.round(level(_floats(total)), 9), self._level)
        inside = self._categories.in_lots(total)
        of_lots = persistence.inflation_of_lots(total, inside, self._repeated_lots, counted)
        apart = persistence.inflations(total, self._repeated, counted)
        each, sure = (np.concatenate((some, lots[np.newaxis])) for some, lots in zip(apart, of_lots))
        sure = np.where(each > inflation, sure, certainty)
        self._alone_inflation = np.where(calm, np.maximum(each, inflation), self._alone_inflation)
        self._alone_certainty = np.where(calm, sure, self._alone_certainty)
        self._alone_level = np.where(calm, alone_level(np.concatenate((_floats(total), inside[np.newaxis]))), self._alone_level)
        self.allow(self._run_length)

    def _take(self, rows: Array, times: Times) -> list[Change]:
        """Takes whole steps, and looks at the end of each; the times are those of their first rows."""
        codes = np.concatenate((self._recent, self._categories.codes(rows)))
        self._repeated += persistence.repeats(codes, self._categories.most + 1)
        self._repeated_lots += persistence.repeats_of_lots(codes, self._categories.lots, self._categories.most + 1)
        self._recent = codes[-persistence.LAGS :].copy()
        counts, first = self._categories.counts(codes[persistence.LAGS :], STEP), self._history.step
        looks = self._history.append(counts)
        changed = np.where(self._changed[:, 0] >= 0, 0, np.iinfo(np.int64).max)
        if self._rhythm is not None and (excess := self._rhythm.take(counts, times, first)) is not None:
            looks = looks._replace(excess=excess, widening=self._rhythm.widening(looks.octave))
        score, limit, category = self._judge(looks, slice(None))
        changes: list[Change] = []
        for signal in np.flatnonzero((score > limit).any(axis=0)).tolist():
            found = self._changes(signal, looks, score, limit, category)
            changed[signal] = min(changed[signal], (found[0].row + 1) // STEP)
            changes += found
        if self._rhythm is not None:
            self._rhythm.learn(np.arange(first, self._history.step)[:, np.newaxis] >= changed)
        last = looks.step == self._history.step
        closest, each = _closest(score[last], limit[last]), np.arange(score.shape[1])
        self.statistic, self.threshold = score[last][closest, each], limit[last][closest, each]
        return sorted(changes)

    def _judge(self, looks: Looks, signals: slice) -> tuple[Array, Array, Ints]:
        """The score and the limit of looks at some signals, and the category that stands out, [looks, d] each.

        NaN where a window is not to be looked at; -1 where categories say more together than one alone.
        """
        inflation, certainty, limits = self._inflation[signals], self._certainty[signals], self._limits[signals]
        window, before = looks.window, looks.total - looks.window - self._excluded[signals]
        n, m, begin = window.sum(axis=-1), before.sum(axis=-1), looks.step - (8 << looks.octave)
        enough = (n >= _SMALLEST_WINDOW * inflation) & (m >= _SMALLEST_REFERENCE)
        enough &= begin[:, np.newaxis] >= self._since[signals]
        score, limit, category = np.full(n.shape, np.nan), np.full(n.shape, np.nan), np.full(n.shape, -1)
        for alike, cells, lots in self._alike:
            at = np.nonzero(enough & alike[signals])
            if not len(at[0]):
                continue
            x, y = _floats(window[at][:, cells]), _floats(before[at][:, cells])
            if looks.excess is not None and looks.widening is not None:
                x, y = np.maximum(x - _floats(looks.excess[at][:, cells]), 0.0), y / looks.widening[at]
            one, which = self._alone(x, y, at[1], signals, cells, lots)
            x = shrunk(x, y, self._effects[signals][at[1]]) if self._effects.any() else x
            free = freedom(x, y, inflation[at[1]])
            together = levelled(
                normal(likelihood_ratio(x, y) / inflation[at[1]], free, certainty[at[1]]), self._level[signals][at[1]]
            )
            score[at], category[at] = np.maximum(together, one), np.where(one > together, which, -1)
            limit[at] = limits[at[1], looks.octave[at[0]]]
        return score, limit, category

    def _alone(self, x: Array, y: Array, at: Ints, signals: slice, cells: Ints, lots: int) -> tuple[Array, Ints]:
        """The score of the one of `cells` that stands out most in each window, and which it is; `most` + 1 is all lots."""
        score, which = np.full(len(at), -np.inf), np.zeros(len(at), np.int64)
        several = np.isfinite(self._alone_level[signals])[at]
        if several.any():
            if not several.all():
                x, y, at = x[:, several], y[:, several], at[several]
            kinds = np.append(cells, self._categories.most + 1) if lots else cells
            inflation = self._alone_inflation[kinds, signals]
            g, found = alone(x, y, self._effects[signals][at], inflation[:, at], lots)
            sure = self._alone_certainty[kinds, signals][found, at]
            score[several] = levelled(normal(g, np.ones(len(g)), sure), self._alone_level[signals][at])
            which[several] = kinds[found]
        return score, which

    def _changes(self, signal: int, looks: Looks, score: Array, limit: Array, category: Ints) -> list[Change]:
        """The changes of one signal; what comes after each of them is judged again."""
        changes: list[Change] = []
        later = np.ones(len(score), np.bool_)
        while (alarms := later & (score[:, signal] > limit[:, signal])).any():
            now = np.flatnonzero(looks.step == looks.step[alarms.argmax()])
            at = int(now[_closest(score[now], limit[now])[signal]])
            each = float(score[at, signal]), float(limit[at, signal]), int(category[at, signal])
            changes.append(self._change(signal, looks, at, *each))
            self._since[signal] = looks.step[at]
            self._excluded[signal] += looks.window[at, signal]
            later = looks.step > looks.step[at]
            again = self._judge(looks.of(later, signal), slice(signal, signal + 1))
            for kept, new in zip((score, limit, category), again):
                kept[later, signal] = new[:, 0]
        return changes

    def _change(self, signal: int, looks: Looks, at: int, score: float, limit: float, category: int) -> Change:
        window, total, step = looks.window[at, signal], looks.total[at, signal], int(looks.step[at])
        before = total - window - self._excluded[signal]
        steps, marks = self._history.before(step, signal)
        after = (total.astype(np.uint32) - marks).astype(np.int64)
        likelihood = self._likelihood(signal, category, after, total - after)
        best = int(likelihood.argmax())
        likely = np.flatnonzero(likelihood >= likelihood[best] - NEARLY_AS_LIKELY)
        self._changed[signal] = total - after[best]
        marked = np.append(steps, step)
        start, earliest, latest = (STEP * int(marked[at]) for at in (best, max(likely[0] - 1, 0), likely[-1] + 1))
        rarity = octaves.rarity(score, int(looks.octave[at]), float(self._shortest[signal]))
        n, m, direction = int(window.sum()), int(before.sum()), self._direction(signal, window, before)
        return Change(step * STEP - 1, signal, score, limit, direction, start, m, n, earliest, latest, rarity, "shares")

    def _likelihood(self, signal: int, category: int, after: Ints, before: Ints) -> Array:
        """How likely splits are, [n]: by all categories, or by one, or all lots, against all others."""
        if category < 0:
            together: Array = likelihood_ratio(_floats(after), _floats(before)) / self._inflation[signal]
            return together
        first = category if category <= self._categories.most else category - int(self._categories.lots[signal])
        last = min(category, self._categories.most) + 1
        one, other = (some[:, first:last].sum(axis=1).astype(np.float64) for some in (after, before))
        x, y = np.stack((one, after.sum(axis=1) - one)), np.stack((other, before.sum(axis=1) - other))
        found: Array = likelihood_ratio(x, y) / self._alone_inflation[category, signal]
        return found

    def _direction(self, signal: int, window: Ints, before: Ints) -> Direction:
        two = np.count_nonzero(~np.isnan(self._categories.values[:, signal])) == 2
        if not two or window[-1]:
            return "both"
        return "up" if window[1] * int(before.sum()) > before[1] * int(window.sum()) else "down"


def _floats(counts: Ints | Array) -> Array:
    """Counts [n, k] as float64[k, n]."""
    return np.ascontiguousarray(counts.T, np.float64)


def _closest(score: Array, limit: Array) -> Ints:
    """The look at which each signal comes closest to its limit, for [looks, d]."""
    closest: Ints = np.where(np.isnan(score), -np.inf, score - np.where(np.isfinite(limit), limit, 1e9)).argmax(axis=0)
    return closest
