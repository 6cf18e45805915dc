"""What came in a window: counts for each feature, and the last rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.quality.layout import Layout

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LAST = 256
"""Rows that are kept, to see how values are spread."""
_NAMED = 3
"""Unseen categories of a feature that are kept by number."""
_COUNTS = ("missing", "infinite", "below", "above", "unseen")


class FeatureCounts:
    """Of d features; at most `limit` names that are new.  Some 2 kB a feature."""

    def __init__(self, features: int, limit: int) -> None:
        self._limit = limit
        self.ring = np.full((LAST, features), np.nan)
        """The last rows, in no order; older than the window if that is short."""
        self._place = 0
        self.forgiven = np.zeros(features, np.int64)
        """Values whose being missing was taken for one of the bursts that there are in the reference."""
        self.clear()

    def clear(self) -> None:
        """Begins a new window."""
        features = self.ring.shape[1]
        self.rows = 0
        self.missing, self.infinite, self.below, self.above, self.unseen = (np.zeros(features, np.int64) for _ in _COUNTS)
        self.lowest, self.highest = np.full(features, np.nan), np.full(features, np.nan)
        """Finite values."""
        self.new: dict[str, int] = {}
        """Rows that have a feature that the reference has not."""
        self.strangers: dict[int, list[float]] = {}
        """The first unseen categories of features."""

    def forgive(self, bursts: Ints, over: npt.NDArray[np.bool_]) -> None:
        """Takes how long the bursts of the reference are, and of which features one is over."""
        left = np.maximum(bursts - self.forgiven, 0)
        self.forgiven = np.where(over, 0, self.forgiven + np.minimum(self.missing, left))

    def latest(self) -> Floats:
        """The last rows in their order, float64[n, d]."""
        return np.roll(self.ring, -self._place, axis=0)

    def add(self, values: Floats, layout: Layout) -> None:
        """Takes rows, float64[n, columns of the layout]."""
        self.rows += len(values)
        self.missing[layout.absent] += len(values)
        columns = layout.known(values)
        finite = np.isfinite(columns)
        if finite.all():
            self._range(columns, np.minimum, np.maximum, layout)
        else:
            infinite = np.isinf(columns).sum(axis=1)
            self.infinite[layout.at] += infinite
            self.missing[layout.at] += (~finite).sum(axis=1) - infinite
            columns = np.where(finite, columns, np.nan)
            self._range(columns, np.fmin, np.fmax, layout)
        if len(layout.texts):
            self._categories(columns, layout)
        if layout.new:
            self._meet(values, layout)
        self._keep(columns, layout)

    @property
    def present(self) -> Ints:
        """How many finite values there are of each feature."""
        present: Ints = self.rows - self.missing - self.infinite
        return present

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        counts = {name: getattr(self, name).copy() for name in _COUNTS}
        return counts | {
            "rows": self.rows, "lowest": self.lowest.copy(), "highest": self.highest.copy(),
            "new": dict(sorted(self.new.items())),
            "strangers": [[at, list(some)] for at, some in sorted(self.strangers.items())],
            "ring": self.ring.copy(), "place": self._place, "forgiven": self.forgiven.copy(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        for name in (*_COUNTS, "lowest", "highest", "ring", "forgiven"):
            setattr(self, name, state[name].copy())
        self.rows, self._place, self.new = state["rows"], state["place"], dict(state["new"])
        self.strangers = {at: list(some) for at, some in state["strangers"]}

    def _range(self, columns: Floats, smallest: np.ufunc, largest: np.ufunc, layout: Layout) -> None:
        at = layout.at
        low, high = smallest.reduce(columns, axis=1), largest.reduce(columns, axis=1)
        self.lowest[at] = np.fmin(self.lowest[at], low) + 0.0  # no minus zero, which comes or not by the cut
        self.highest[at] = np.fmax(self.highest[at], high) + 0.0
        if (low < layout.low[:, 0]).any():
            self.below[at] += (columns < layout.low).sum(axis=1)
        if (high > layout.high[:, 0]).any():
            self.above[at] += (columns > layout.high).sum(axis=1)

    def _categories(self, columns: Floats, layout: Layout) -> None:
        unseen = layout.unseen(columns)
        if not unseen.any():
            return
        at = layout.at[layout.texts]
        self.unseen[at] += unseen.sum(axis=1)
        for i in np.flatnonzero(unseen.any(axis=1)).tolist():
            some = self.strangers.setdefault(int(at[i]), [])
            if len(some) < _NAMED:
                met = dict.fromkeys([*some, *columns[layout.texts[i], unseen[i]].tolist()])
                some[:] = list(met)[:_NAMED]

    def _meet(self, values: Floats, layout: Layout) -> None:
        there = ~np.isnan(values[:, [i for i, _ in layout.new]])
        rows, first = there.sum(axis=0).tolist(), there.argmax(axis=0).tolist()
        for _, name, n in sorted((at, name, n) for (_, name), at, n in zip(layout.new, first, rows, strict=True) if n):
            if name in self.new or len(self.new) < self._limit:
                self.new[name] = self.new.get(name, 0) + n

    def _keep(self, columns: Floats, layout: Layout) -> None:
        n = columns.shape[1]
        last = min(n, LAST)
        where = (self._place + np.arange(n - last, n)) % LAST
        kept = np.full((last, self.ring.shape[1]), np.nan)
        kept[:, layout.at] = columns[:, n - last :].T
        self.ring[where] = kept
        self._place = (self._place + n) % LAST
