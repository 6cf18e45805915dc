"""KS: compares the last rows with the reference by the largest distance between their distribution functions."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from . import Array, Change, Sees, State, Times, run_lengths
from .heading import heading
from .ranks import Codes, Ranks

Ints = npt.NDArray[np.int64]

_SMALLEST_REFERENCE = 50
"""Signals with fewer values in the reference are not looked at."""
_AT_ONCE = 16_000
"""Numbers that are worked on at once: what a processor's cache holds, and an allocator keeps without asking for new pages."""


class KS:
    """The two-sample test of Kolmogorov and Smirnov (1939), exact with ties: the last `window` rows after every `stride` rows.

    Looks happen at absolute row numbers, the first one not before `window` rows.  The threshold is the asymptotic one of a
    single look at level `alpha`, so at most `alpha` false alarms are to be expected of each look at each signal, if rows are
    independent.  A drift is declared again at every look while it lasts, with the `start` that was found at first.

    `allow` holds for independent values of any continuous distribution, from the first look on and on average over references;
    a reference of fewer values than two windows makes the single one far better or worse than that.  Ties make alarms rarer.

    A signal is not looked at (statistic NaN) where fewer than `minimum` of its values in the window are there, or fewer than
    50 in its reference.

    `direction` is "up" where values have become larger, "down" where smaller, "both" where the two one-sided distances are
    within 30% of each other.  `start` is the most likely row in the window from which on values fall below the point of the
    largest distance more or less often than they do in the reference (Page 1957).
    """

    sees: ClassVar[Sees] = "numbers"
    knob: ClassVar[str | None] = "alpha"
    learns: ClassVar[bool] = True
    robust: ClassVar[bool] = False

    def __init__(
        self, signals: int, *, window: int = 500, stride: int | None = None, alpha: float = 1e-6, minimum: int | None = None
    ) -> None:
        stride = max(1, window // 8) if stride is None else stride
        minimum = max(1, window // 2) if minimum is None else minimum
        if window < 2:
            raise ValueError(f"window must be at least 2, got {window}")
        if not 1 <= stride <= window:
            raise ValueError(f"stride must lie between 1 and window ({window}), got {stride}")
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
        if not 1 <= minimum <= window:
            raise ValueError(f"minimum must lie between 1 and window ({window}), got {minimum}")
        self._window, self._stride, self._minimum = window, stride, minimum
        self._batch = max(1, _AT_ONCE // max(1, signals) // stride) * stride
        self._levels = np.full(signals, -math.log(alpha / 2) / 2)
        self._allowed: Array | None = None
        self._counts = np.arange(window + 1)
        self._entropies = np.append(0.0, self._counts[1:] * np.log(self._counts[1:]))
        self.fit(np.empty((0, signals)))

    def allow(self, run_length: Array) -> None:
        """Sets the level of each signal for the size of its reference."""
        self._allowed = run_length
        self._levels = (
            run_lengths.limit(run_length, lambda levels: self._run_length(levels, self._ranks.sizes), lowest=0.8) ** 2
        )

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Without one, no signal is looked at."""
        signals = reference.shape[1]
        self._ranks = Ranks(reference)
        self._rows = 0
        self._waiting = np.empty((self._stride, signals))
        self._codes: Codes = np.full((signals, self._window), self._ranks.missing)
        self.statistic = np.full(signals, np.nan)
        """The largest distance at the last look."""
        self.threshold = np.full(signals, np.nan)
        self._began = np.zeros(signals, np.int64)
        if self._allowed is not None:
            self.allow(self._allowed)

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite is missing.  Most of the work is done once in a stride."""
        inside = self._rows % self._stride
        rows = inside + len(values)
        self._rows += len(values)
        if rows < self._stride:
            self._waiting[inside:rows] = values
            return []
        ready = np.concatenate((self._waiting[:inside], values)) if inside else values
        whole = rows - rows % self._stride
        self._waiting[: rows - whole] = ready[whole:]
        changes: list[Change] = []
        for at in range(0, whole, self._batch):
            changes += self._take(ready[at : min(at + self._batch, whole)], self._rows - rows + at)
        return changes

    def state(self) -> State:
        """Everything but the settings and the reference: two bytes a value of the window, or four if the reference is large."""
        codes = np.where(self._codes == self._ranks.missing, 0, self._codes - self._ranks.first[:, np.newaxis] + 1)
        return {
            "rows": self._rows,
            "waiting": self._waiting[: self._rows % self._stride].copy(),
            "codes": codes.astype(np.uint16 if codes.max(initial=0) < 1 << 16 else np.uint32),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
            "began": self._began.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._rows = state["rows"]
        self._waiting[: len(state["waiting"])] = state["waiting"]
        codes = state["codes"].astype(np.int32)
        self._codes = np.where(codes == 0, self._ranks.missing, codes - 1 + self._ranks.first[:, np.newaxis])
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()
        self._began = state["began"].copy()

    def _take(self, rows: Array, first: int) -> list[Change]:
        """Takes whole strides, and looks at the end of each."""
        codes = np.concatenate((self._codes, self._ranks.codes(np.ascontiguousarray(rows.T))), axis=1)
        self._codes = codes[:, -self._window :].copy()
        ends = np.arange(first + self._stride, first + len(rows) + 1, self._stride)
        early = int(np.count_nonzero(ends < self._window))
        if early == len(ends):
            return []
        windows = sliding_window_view(codes, self._window, axis=1)[:, self._stride :: self._stride]
        return self._look(windows[:, early:], ends[early:])

    def _look(self, windows: Codes, ends: Ints) -> list[Change]:
        """Compares windows, int32[d, looks, window], that end before rows `ends` with the reference."""
        n, above, below = self._compare(windows)
        threshold = self._limits(n)
        statistic = np.where(np.isnan(threshold), np.nan, np.maximum(above, below))
        drifting = statistic > threshold
        new = drifting & ~np.column_stack((self.statistic > self.threshold, drifting[:, :-1]))
        self.statistic, self.threshold = statistic[:, -1].copy(), threshold[:, -1].copy()
        starts = np.zeros(n.shape, np.int64)
        if new.any():
            starts[new] = self._starts(windows[new], np.nonzero(new)[0])
        starts += ends - self._window
        changes = []
        for look, signal in np.argwhere(drifting.T).tolist():
            at, row, m = (signal, look), int(ends[look]) - 1, int(self._ranks.sizes[signal])
            if new[at]:
                self._began[signal] = starts[at]
            start, direction = int(self._began[signal]), heading(up=below[at], down=above[at])
            measured, rarity = (float(statistic[at]), float(threshold[at])), self._rarity(signal, statistic[at], n[at])
            changes.append(Change(row, signal, *measured, direction, start, m, int(n[at]), rarity=rarity))
        return changes

    def _limits(self, n: Ints) -> Array:
        """What distances of n values, int64[d, looks], are compared with; NaN where they are too few to look at."""
        m = self._ranks.sizes[:, np.newaxis]
        looked_at = (n >= self._minimum) & (m >= _SMALLEST_REFERENCE)
        levels = self._levels[:, np.newaxis]
        return np.where(looked_at, np.sqrt(levels * (1 / np.maximum(n, 1) + 1 / np.maximum(m, 1))), np.nan)

    def _rarity(self, signal: int, distance: float, n: int) -> float:
        """The run length for which a distance of n values would be the threshold."""
        if self._allowed is None:
            return math.nan
        m = self._ranks.sizes[signal : signal + 1]
        return float(self._run_length(distance / np.sqrt(1 / n + 1 / m), m)[0])

    def _run_length(self, levels: Array, references: Ints) -> Array:
        return run_lengths.kolmogorov(levels, self._window, self._stride, np.maximum(references, _SMALLEST_REFERENCE))

    def _compare(self, windows: Codes) -> tuple[Ints, Array, Array]:
        """For windows, int32[d, looks, window]: how many values there are, and both one-sided distances, [d, looks] each."""
        signals, looks, window = windows.shape
        n, above, below = np.empty((signals, looks), np.int64), np.empty((signals, looks)), np.empty((signals, looks))
        size = max(1, _AT_ONCE // (looks * window))
        for part in (slice(at, at + size) for at in range(0, signals, size)):
            ordered = np.sort(windows[part], axis=2)
            n[part] = np.count_nonzero(ordered != self._ranks.missing, axis=2)
            over, under = self._gaps(ordered, n[part])
            above[part], below[part] = over.max(axis=2), under.max(axis=2)
        return n, above, below

    def _gaps(self, ordered: Codes, n: Ints) -> tuple[Array, Array]:
        """How far the window's distribution function is above the reference's at each value, and below it just before."""
        steps = self._counts / (self._window if (n == self._window).all() else np.maximum(n, 1)[..., np.newaxis])
        above, below = self._ranks.up_to(ordered), self._ranks.below(ordered)
        np.subtract(steps[..., 1:], above, out=above)
        below -= steps[..., :-1]
        return above, below

    def _starts(self, windows: Codes, signals: Ints) -> Ints:
        """Where in each of some windows, int32[c, window], the change most likely began.

        A tail of k values, h of them up to the point of the largest distance, is k·KL(h/k, p) from a reference where it is p.
        """
        present = windows != self._ranks.missing
        hits, p = self._hits(windows, np.count_nonzero(present, axis=1))
        m = self._ranks.sizes[signals]
        p = ((p * m + 0.5) / (m + 1))[:, np.newaxis]
        h, k = _tails(hits & present), _tails(present)
        entropies = self._entropies
        gain = entropies[h] + entropies[k - h] - entropies[k] - h * np.log(p) - (k - h) * np.log1p(-p)
        starts: Ints = np.where(present, gain, -np.inf).argmax(axis=1)
        return starts

    def _hits(self, windows: Codes, n: Ints) -> tuple[npt.NDArray[np.bool_], Array]:
        """Which values are up to the point of the largest distance, and the share of the reference that is."""
        ordered, each = np.sort(windows, axis=1), np.arange(len(windows))
        above, below = self._gaps(ordered, n)
        highest, lowest = above.argmax(axis=1), below.argmax(axis=1)
        larger = above[each, highest] >= below[each, lowest]
        point = np.where(larger, ordered[each, highest], ordered[each, lowest] - 1)
        p = np.where(larger, self._ranks.up_to(ordered[each, highest]), self._ranks.below(ordered[each, lowest]))
        return windows <= point[:, np.newaxis], p


def _tails(flags: npt.NDArray[np.bool_]) -> Ints:
    """How many flags there are from each place on."""
    return np.cumsum(flags[:, ::-1], axis=1, dtype=np.int64)[:, ::-1]
