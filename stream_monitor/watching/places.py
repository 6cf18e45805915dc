"""Where rows of signals stand in the stream and in time: the older the coarser."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_monitor.watching.recent import Ints, Marks

_FINEST, _COARSER, _KEPT = 8, 4, 32
"""Every eighth row has a mark, and every 32nd, 128th, ...; of each kind there are so many."""


class Places:
    """Rows are counted from 0; marks depend on their numbers alone."""

    def __init__(self) -> None:
        self.rows = 0
        self._marks: list[Ints] = [np.empty((0, 3), np.int64)]
        self._last = (0, 0)

    def append(self, marks: Marks) -> None:
        """Takes the next rows."""
        n = len(marks.row)
        if not n:
            return
        while _FINEST * _COARSER ** len(self._marks) <= self.rows + n:
            self._marks.append(self._marks[-1][:1])  # the first row is a mark of every kind
        for kind, kept in enumerate(self._marks):
            every = _FINEST * _COARSER**kind
            first = -self.rows % every
            if first >= n:
                break
            first += max(0, (n - 1 - first) // every + 1 - _KEPT) * every
            at = slice(first, n, every)
            new = np.empty(((n - 1 - first) // every + 1, 3), np.int64)
            new[:, 0] = np.arange(self.rows + first, self.rows + n, every)
            new[:, 1], new[:, 2] = marks.position[at], marks.time[at]
            self._marks[kind] = new if len(new) == _KEPT else np.concatenate((kept, new))[-_KEPT:]
        self.rows += n
        self._last = (int(marks.position[-1]), int(marks.time[-1]))

    def of(self, row: int) -> tuple[int, int]:
        """Position and time of a row, interpolated between marks; of the oldest there is if it is older."""
        if row >= self.rows - 1 or not len(self._marks[0]):
            return self._last
        known = np.concatenate([*reversed(self._marks), np.array([[self.rows - 1, *self._last]])])
        known = known[np.unique(known[:, 0], return_index=True)[1]]
        after = min(max(1, int(np.searchsorted(known[:, 0], row, "right"))), len(known) - 1)
        (before_row, *before), (after_row, *later) = known[after - 1].tolist(), known[after].tolist()
        part = min(max(row - before_row, 0), after_row - before_row)
        position, time = (b + (a - b) * part // (after_row - before_row) for b, a in zip(before, later, strict=True))
        return position, time

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {"rows": self.rows, "marks": [marks.copy() for marks in self._marks], "last": list(self._last)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.rows, self._marks = state["rows"], [marks.copy() for marks in state["marks"]]
        self._last = (state["last"][0], state["last"][1])
