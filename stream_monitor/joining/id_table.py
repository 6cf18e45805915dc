"""Finds rows by the 128-bit hash of their id: buckets of eight cells in a numpy array, many ids at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]
Cells = npt.NDArray[np.uint32]

ROWS = 2**20
"""The most that a table can hold."""

_CELLS = 8
"""Of a bucket; half of them are full on average when a table is full, and a full bucket runs over into the next."""
_FEW = 8
_ROW = 21
"""Bits of a cell for the row's number plus one; the others are of the hash, so that strangers are hardly ever looked at."""
_MASK = 2**_ROW - 1
_NONE = np.empty(0, np.int64)


class IdTable:
    """Row numbers by id hash.  Ids may stand several times; the hashes themselves are kept by the caller."""

    def __init__(self, rows: int) -> None:
        """Makes room for so many rows, a power of two from 4 to ROWS."""
        self._buckets: Cells = np.zeros((rows // 4, _CELLS), np.uint32)

    def insert(self, ids: Hashes, start: int) -> None:
        """Adds ids, uint64[n, 2], as the rows from `start` on."""
        if len(ids) <= _FEW:
            self._insert_few(ids[:, 0].tolist(), start)
            return
        low = ids[:, 0]
        cells = _marks(low) | np.arange(start + 1, start + 1 + len(ids), dtype=np.uint32)
        buckets = self._places(low)
        while len(cells):
            order = np.argsort(buckets, kind="stable")
            buckets, cells = buckets[order], cells[order]
            there = np.arange(len(buckets))
            rank = there - np.maximum.accumulate(np.where(np.diff(buckets, prepend=-1) != 0, there, 0))
            place = rank + np.count_nonzero(self._buckets[buckets], axis=1)
            fits = place < _CELLS
            self._buckets[buckets[fits], place[fits]] = cells[fits]
            buckets, cells = (buckets[~fits] + 1) & (len(self._buckets) - 1), cells[~fits]

    def find(self, ids: Hashes, wanted: Hashes) -> tuple[Indices, Indices]:
        """The matches of the wanted ids as (index into `wanted`, row number), in no order; `ids` are those of the rows."""
        if len(wanted) <= _FEW:
            return self._find_few(ids, wanted.tolist())
        low = wanted[:, 0]
        queries, buckets, marks = np.arange(len(low)), self._places(low), _marks(low) >> _ROW
        found = []
        while len(queries):
            cells = self._buckets.take(buckets, axis=0)
            which, cell = (cells >> _ROW == marks[:, None]).nonzero()
            if len(which):
                found.append(_same(ids, wanted, queries[which], (cells[which, cell] & _MASK).astype(np.int64) - 1))
            full = cells[:, -1] != 0
            queries, buckets, marks = queries[full], (buckets[full] + 1) & (len(self._buckets) - 1), marks[full]
        if not found:
            return _NONE, _NONE
        return np.concatenate([query for query, _ in found]), np.concatenate([row for _, row in found])

    def _places(self, low: npt.NDArray[np.uint64]) -> Indices:
        """The bucket in which each id would be first."""
        return (low & np.uint64(len(self._buckets) - 1)).astype(np.int64)

    def _insert_few(self, low: list[int], start: int) -> None:
        """The same one by one, which is faster where there are few."""
        for row, one in enumerate(low, start + 1):
            bucket = one & (len(self._buckets) - 1)
            while self._buckets[bucket, -1]:
                bucket = (bucket + 1) & (len(self._buckets) - 1)
            self._buckets[bucket, self._buckets[bucket].tolist().index(0)] = _mark(one) << _ROW | row

    def _find_few(self, ids: Hashes, wanted: list[list[int]]) -> tuple[Indices, Indices]:
        """The same one by one."""
        queries, found = [], []
        for query, (low, high) in enumerate(wanted):
            bucket, mark = low & (len(self._buckets) - 1), _mark(low)
            while True:
                cells = self._buckets[bucket].tolist()
                for cell in cells:
                    if cell >> _ROW == mark and ids[(cell & _MASK) - 1].tolist() == [low, high]:
                        queries.append(query)
                        found.append((cell & _MASK) - 1)
                if not cells[-1]:
                    break
                bucket = (bucket + 1) & (len(self._buckets) - 1)
        return np.array(queries, np.int64), np.array(found, np.int64)


def _marks(low: npt.NDArray[np.uint64]) -> Cells:
    """The bits of each id that its cell holds, never all zero, where they stand in it."""
    return ((low >> np.uint64(53)) | np.uint64(1)).astype(np.uint32) << np.uint32(_ROW)


def _mark(low: int) -> int:
    return low >> 53 | 1


def _same(ids: Hashes, wanted: Hashes, queries: Indices, rows: Indices) -> tuple[Indices, Indices]:
    """Those matches that are no mere likeness."""
    same = (ids[rows] == wanted[queries]).all(axis=1)
    return queries[same], rows[same]
