"""The first rows of some signals, collected until they make a reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Warmup:
    """Rows may come with different signals; the reference has all that ever had a value."""

    def __init__(self, rows: int) -> None:
        self.wanted = rows
        self.rows = 0
        self.first = 0
        self.last = 0
        """Time of the first and of the last row, epoch microseconds."""
        self._pieces: list[tuple[tuple[str, ...], Floats]] = []
        self._times: list[npt.NDArray[np.int64]] = []

    @property
    def complete(self) -> bool:
        """Whether there are enough rows."""
        return self.rows >= self.wanted

    def take(self, names: tuple[str, ...], values: Floats, times: npt.NDArray[np.int64]) -> int:
        """Takes as many of these rows, float64[n, k], as are still wanted; gives how many."""
        n = min(self.wanted - self.rows, len(values))
        if n <= 0:
            return 0
        if not self.rows:
            self.first = int(times[0])
        self.last = int(times[n - 1])
        self._add(names, values[:n].copy())
        self._times.append(times[:n].copy())
        self.rows += n
        return n

    def finished(self, limit: int) -> tuple[tuple[str, ...], Floats]:
        """The signals, by name, at most `limit`, and their values, float64[rows, d]; NaN where one was missing."""
        names = sorted(self.names())[:limit]
        return tuple(names), self._matrix(names)

    def names(self) -> set[str]:
        """The signals that ever had a value."""
        return {name for piece, values in self._pieces for name, any_ in zip(piece, _any(values), strict=True) if any_}

    def times(self) -> npt.NDArray[np.int64]:
        """The event times of the rows."""
        if len(self._times) > 1:
            self._times = [np.concatenate(self._times)]
        return self._times[0] if self._times else np.empty(0, np.int64)

    def arrays(self) -> dict[str, bytes]:
        """The rows so far by signal, as bytes of float64."""
        names = sorted({name for piece, _ in self._pieces for name in piece})
        return {name: column.tobytes() for name, column in zip(names, self._matrix(names).T, strict=True)}

    def state(self) -> dict[str, Any]:
        """Everything but the rows, as plain values."""
        return {"wanted": self.wanted, "rows": self.rows, "first": self.first, "last": self.last}

    def restore(self, state: dict[str, Any], columns: dict[str, Floats], times: npt.NDArray[np.int64]) -> None:
        """Goes on from a `state()` and its arrays."""
        self.wanted, self.rows, self.first, self.last = state["wanted"], state["rows"], state["first"], state["last"]
        values = np.stack(list(columns.values()), axis=1) if columns else np.empty((self.rows, 0))
        self._pieces = [(tuple(columns), values)] if self.rows else []
        self._times = [times] if self.rows else []

    def _add(self, names: tuple[str, ...], values: Floats) -> None:
        if self._pieces and self._pieces[-1][0] == names and len(self._pieces[-1][1]) < 64:
            values = np.concatenate((self._pieces.pop()[1], values))
        self._pieces.append((names, values))

    def _matrix(self, names: list[str]) -> Floats:
        whole = np.full((self.rows, len(names)), np.nan)
        at = {name: i for i, name in enumerate(names)}
        start = 0
        for piece, values in self._pieces:
            columns = [(at[name], k) for k, name in enumerate(piece) if name in at]
            if columns:
                to, of = (list(part) for part in zip(*columns, strict=True))
                whole[start : start + len(values), to] = values[:, of]
            start += len(values)
        return whole


def _any(values: Floats) -> npt.NDArray[np.bool_]:
    there: npt.NDArray[np.bool_] = np.any(~np.isnan(values), axis=0)
    return there
