"""Finds rows by the 128-bit hash of their id: buckets of cells in a numpy array, many ids at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]
Cells = npt.NDArray[np.uint32]

ROWS = 2**20
"""The most that a table can hold."""

_CELLS = 16
"""Of a bucket, which is a line of the cache; when a table is full, half of the cells are.  Buckets run over into the next."""
_HALF = _CELLS // 2
_FEW = 8
_ROW = 21
"""Bits of a cell for the row's number plus one; the others are of the hash, so that strangers are hardly ever looked at."""
_MASK = 2**_ROW - 1
_NONE = np.empty(0, np.int64)


class Wanted:
    """Ids that are looked for, uint64[n, 2], and what all tables need of them."""

    def __init__(self, ids: Hashes) -> None:
        self.ids = ids
        self.low = np.ascontiguousarray(ids[:, 0])
        self.marks = _marks(self.low)


class IdTable:
    """Row numbers by id hash.  Ids may stand several times; the hashes themselves are kept by the caller."""

    def __init__(self, rows: int) -> None:
        """Makes room for so many rows, a power of two from 8 to ROWS."""
        self._cells: Cells = np.zeros((rows // _HALF, _CELLS), np.uint32)
        self._full = np.zeros(rows // _HALF, np.uint8)
        """How many cells of each bucket are; they are filled from the left."""
        self._last = rows // _HALF - 1

    def insert(self, ids: Hashes, start: int) -> None:
        """Adds ids, uint64[n, 2], as the rows from `start` on."""
        low = np.ascontiguousarray(ids[:, 0])
        if len(low) <= _FEW:
            self._insert_few(low.tolist(), start)
            return
        cells = _marks(low) << _ROW | np.arange(start + 1, start + 1 + len(low), dtype=np.uint32)
        buckets, flat = self._first(low), self._cells.reshape(-1)
        while len(cells):
            order = np.argsort(buckets)
            buckets, cells = buckets[order], cells[order]
            place = _ranks(buckets) + self._full[buckets]
            fits = place < _CELLS
            if fits.all():
                flat[buckets * _CELLS + place] = cells
                self._full[buckets] = place + 1  # the last one of a bucket is the highest
                return
            there, place = buckets[fits], place[fits]
            flat[there * _CELLS + place] = cells[fits]
            self._full[there] = place + 1
            buckets, cells = (buckets[~fits] + 1) & self._last, cells[~fits]

    def find(self, wanted: Wanted) -> tuple[Indices, Indices]:
        """Rows that may have the wanted ids, all that do and hardly any other, as (index into `wanted`, row number)."""
        queries, buckets, marks = np.arange(len(wanted.low)), self._first(wanted.low), wanted.marks
        found = []
        while True:
            cells = self._cells.take(buckets, axis=0)
            hits = (cells >> _ROW == marks[:, None]).reshape(-1).nonzero()[0]
            if len(hits):
                found.append((queries[hits // _CELLS], (cells.reshape(-1)[hits] & _MASK).astype(np.int64) - 1))
            full = cells[:, -1].nonzero()[0]
            if not len(full):
                break
            queries, buckets, marks = queries[full], (buckets[full] + 1) & self._last, marks[full]
        if not found:
            return _NONE, _NONE
        if len(found) == 1:
            return found[0]
        return np.concatenate([query for query, _ in found]), np.concatenate([row for _, row in found])

    def find_one(self, low: int) -> list[int]:
        """The same for the lower half of one id, which is faster where there are few."""
        mark, bucket, found = _mark(low), low & self._last, []
        while True:
            cells = self._cells[bucket].tolist()
            found += [(cell & _MASK) - 1 for cell in cells if cell >> _ROW == mark]
            if not cells[-1]:
                return found
            bucket = (bucket + 1) & self._last

    def _first(self, low: npt.NDArray[np.uint64]) -> Indices:
        """The bucket in which each id would be."""
        return (low & np.uint64(self._last)).astype(np.int64)

    def _insert_few(self, low: list[int], start: int) -> None:
        """The same one by one, which is faster where there are few."""
        for row, one in enumerate(low, start + 1):
            bucket = one & self._last
            while (place := int(self._full[bucket])) == _CELLS:
                bucket = (bucket + 1) & self._last
            self._cells[bucket, place] = _mark(one) << _ROW | row
            self._full[bucket] = place + 1


def as_bytes(ids: Hashes) -> list[bytes]:
    """Each hash as its 16 bytes."""
    whole = np.ascontiguousarray(ids).tobytes()
    return [whole[i : i + 16] for i in range(0, len(whole), 16)]


def _marks(low: npt.NDArray[np.uint64]) -> Cells:
    """The bits of each id that its cell holds, never all zero."""
    return ((low >> np.uint64(53)) | np.uint64(1)).astype(np.uint32)


def _mark(low: int) -> int:
    return low >> 53 | 1


def _ranks(ordered: Indices) -> Indices:
    """How many equal ones stand before each, where equal ones stand together."""
    there = np.arange(len(ordered))
    begins = np.empty(len(ordered), np.bool_)
    begins[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    ranks: Indices = there - np.maximum.accumulate(np.where(begins, there, 0))
    return ranks
