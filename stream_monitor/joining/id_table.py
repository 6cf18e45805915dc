"""Finds rows by the 128-bit hash of their id: open addressing in numpy arrays, many ids at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]

_SMALLEST = 64
_FEW = 16


class IdTable:
    """Row numbers by id hash.  Ids may stand several times; the hashes themselves are kept by the caller."""

    def __init__(self) -> None:
        self._slots = np.full(_SMALLEST, -1, np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def insert(self, ids: Hashes, start: int) -> None:
        """Adds the rows from `start` to the end of `ids`, uint64[rows, 2]."""
        count = len(ids) - start
        self._count += count
        if 2 * self._count > len(self._slots):
            size = _SMALLEST
            while size < 3 * self._count:
                size *= 2
            self._slots = np.full(size, -1, np.int32)
            start, count = 0, len(ids)
        self._place(ids[start:, 0], np.arange(start, start + count, dtype=np.int32))

    def find(self, ids: Hashes, wanted: Hashes) -> tuple[Indices, Indices]:
        """The matches of the wanted ids as (index into `wanted`, row number), in no order."""
        if len(wanted) <= _FEW:
            return self._find_few(ids, wanted)
        mask = np.uint64(len(self._slots) - 1)
        low, wanted_low = ids[:, 0], wanted[:, 0]
        slots = (wanted_low & mask).astype(np.int64)
        active = np.arange(len(wanted))
        queries, found = [], []
        while len(active):
            rows = self._slots[slots]
            here = rows >= 0
            active, rows, slots = active[here], rows[here], slots[here]
            hit = (low[rows] == wanted_low[active]).nonzero()[0]
            if len(hit):
                hit = hit[ids[rows[hit], 1] == wanted[active[hit], 1]]
                queries.append(active[hit])
                found.append(rows[hit].astype(np.int64))
            slots = (slots + 1) & int(mask)
        if not queries:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(queries), np.concatenate(found)

    def _find_few(self, ids: Hashes, wanted: Hashes) -> tuple[Indices, Indices]:
        """The same one by one, which is faster where there are few."""
        slots, mask = self._slots, len(self._slots) - 1
        queries, found = [], []
        for query, (low, high) in enumerate(wanted.tolist()):
            slot = low & mask
            while (row := int(slots[slot])) >= 0:
                if int(ids[row, 0]) == low and int(ids[row, 1]) == high:
                    queries.append(query)
                    found.append(row)
                slot = (slot + 1) & mask
        return np.array(queries, np.int64), np.array(found, np.int64)

    def _place(self, keys: npt.NDArray[np.uint64], rows: npt.NDArray[np.int32]) -> None:
        mask = len(self._slots) - 1
        if len(rows) <= _FEW:
            self._place_few(keys.tolist(), rows.tolist(), mask)
            return
        slots = (keys & np.uint64(mask)).astype(np.int64)
        while len(rows):
            free = self._slots[slots] < 0
            self._slots[slots[free]] = rows[free]
            left = self._slots[slots] != rows  # of several that claimed one slot, the last one has it
            slots, rows = (slots[left] + 1) & mask, rows[left]

    def _place_few(self, keys: list[int], rows: list[int], mask: int) -> None:
        slots = self._slots
        for key, row in zip(keys, rows):
            slot = key & mask
            while slots[slot] >= 0:
                slot = (slot + 1) & mask
            slots[slot] = row
