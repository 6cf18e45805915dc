"""The last rows of some signals, as sums over small chunks, to say what a change amounts to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MANY = 8
"""Columns from which on it is quicker to add up whole rows; of one column numpy would add the rows up in pairs."""


class Marks(NamedTuple):
    """Where rows stand: in the section being processed, in the stream, and in time; int64[n] each."""

    row: Ints
    position: Ints
    time: Ints

    def part(self, start: int, stop: int) -> Marks:
        """The marks of some of the rows."""
        return Marks(*(mark[start:stop] for mark in self))


class Recent:
    """Chunks begin at multiples of `chunk` rows, whatever the cut; with chunk = 1 every value is kept."""

    def __init__(self, signals: int, chunk: int, chunks: int) -> None:
        self.rows = 0
        self.chunk, self._chunks = chunk, chunks
        self._sums = np.zeros((chunks, signals))
        self._counts = np.zeros((chunks, signals), np.int32)
        self._known: dict[tuple[int, int], tuple[float, int]] = {}
        """Means since the last rows came, by what was asked: one look asks for the same many times."""

    @property
    def kept(self) -> int:
        """How many rows are kept, at most."""
        return self._chunks * self.chunk

    def append(self, values: Floats) -> None:
        """Takes the next rows, float64[n, d], NaN a missing value."""
        n, at = len(values), 0
        self._known.clear()
        while at < n:
            slot = self.rows // self.chunk % self._chunks
            inside = self.rows % self.chunk
            whole = min((n - at) // self.chunk, self._chunks - slot) if not inside else 0
            take = whole * self.chunk or min(self.chunk - inside, n - at)
            self._fill(slot, inside, values[at : at + take], max(whole, 1))
            self.rows += take
            at += take

    def mean_since(self, row: int, signal: int) -> tuple[float, int]:
        """Mean and number of a signal's values from about a row on, see `first` (NaN and 0 if there are none)."""
        known = self._known.get((row, signal))
        if known is None:
            n, total = 0, 0.0
            for slots in self._slots(row):
                n += int(self._counts[slots, signal].sum())
                total = float(np.cumsum(np.concatenate(((total,), self._sums[slots, signal])))[-1])
            known = self._known[row, signal] = total / n if n else np.nan, n
        return known

    def values(self, signal: int) -> Floats:
        """The values of a signal, oldest first, where chunks are single rows."""
        sums, counts = (
            np.concatenate([part[slots, signal] for slots in self._slots(0)]) for part in (self._sums, self._counts)
        )
        return np.where(counts > 0, sums, np.nan)

    def first(self, row: int) -> int:
        """The row from which on values are given for those from a row on: it waits for one whole chunk without older rows."""
        after = -(-row // self.chunk) * self.chunk
        return max(after if after + self.chunk <= self.rows else row // self.chunk * self.chunk, self.oldest())

    def oldest(self) -> int:
        """The first row that is still there."""
        last = -(-self.rows // self.chunk)
        return max(0, last - self._chunks) * self.chunk

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {"rows": self.rows, "sums": self._sums, "counts": self._counts}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.rows, self._sums, self._counts = state["rows"], state["sums"], state["counts"]
        self._known.clear()
        self._chunks = len(self._sums)

    def _slots(self, row: int) -> list[slice]:
        """Where the chunks from about a row on are, oldest first."""
        last = -(-self.rows // self.chunk)
        first = min(self.first(row) // self.chunk, last - 1)
        begin, end = first % self._chunks, (last - 1) % self._chunks + 1
        return [slice(begin, end)] if begin < end else [slice(begin, self._chunks), slice(0, end)]

    def _fill(self, slot: int, inside: int, values: Floats, chunks: int) -> None:
        here, signals = ~np.isnan(values), values.shape[1]
        whole = bool(here.all())
        parts = np.ascontiguousarray(values if whole else np.where(here, values, 0.0)).reshape(chunks, -1, signals)
        counts = parts.shape[1] if whole else here.reshape(chunks, -1, signals).sum(axis=1, dtype=np.int32)
        if inside:
            parts = np.concatenate((self._sums[np.newaxis, slot : slot + 1], parts), axis=1)
            self._counts[slot] += counts[0] if isinstance(counts, np.ndarray) else counts
        else:
            self._counts[slot : slot + chunks] = counts
        self._sums[slot : slot + chunks] = _total(parts)


def _total(parts: Floats) -> Floats:
    """The sums of float64[chunks, n, d] over n, one row after the other, so that no cut changes them."""
    if parts.shape[2] >= _MANY:
        total: Floats = parts.sum(axis=1, initial=0.0)
        return total
    return np.cumsum(parts, axis=1)[:, -1] + 0.0
