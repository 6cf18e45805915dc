"""A run of predictions that wait, row by row, so that all that is known of one lies together; it comes and goes as a whole."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.joining import id_table
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.id_table import IdTable, Indices, Wanted

Table = npt.NDArray[Any]
"""Of ROW."""

ROW = np.dtype(
    [
        ("id", np.uint64, 2), ("position", np.int64), ("time", np.int64), ("deadline", np.int64), ("value", np.int64),
        ("label", np.int64), ("known", np.int64), ("at", np.int64), ("version", np.int32), ("status", np.int8),
        ("changed", np.bool_),
    ],
    align=True,
)  # fmt: skip
"""80 bytes; `value` and `label` are packed."""
MORE: dict[str, tuple[Any, Any]] = {
    "score": (np.float64, np.nan),
    "weight": (np.float64, 1.0),
    "label_weight": (np.float64, 1.0),
    "segments": (np.uint64, 0),
    "scores": (np.float32, np.nan),
    "features": (np.float32, np.nan),
}
"""Columns that are there once some row of a chunk has a value for them, and what others have."""

LIMIT = id_table.ROWS
_SMALLEST = 64
_PAGE = 1024
_GROUP = 64


class Chunk:
    """Rows by their place; room is made by doubling."""

    def __init__(self, start: int) -> None:
        self.start = start
        """The number of the first row."""
        self.count = 0
        self.first, self.last = FAR, -FAR
        """The first and the last deadline."""
        self.more: dict[str, npt.NDArray[Any]] = {}
        self._words = np.empty((0, ROW.itemsize // 8), np.int64)
        self._first = self._last = np.empty(0, np.int64)
        self._groups = np.empty(0, np.bool_)
        self.rows: Table
        self._make_room(_SMALLEST)

    def add(self, rows: Table, more: Mapping[str, npt.NDArray[Any]]) -> None:
        """Adds rows, as many as there is room for up to LIMIT."""
        start, stop = self.count, self.count + len(rows)
        if stop > len(self.rows):
            self._make_room(1 << (stop - 1).bit_length())
        self.rows[start:stop] = rows
        self.count = stop
        for name in self.more.keys() - more.keys():
            self.more[name][start:stop] = MORE[name][1]
        for name, values in more.items():
            self.put(name, slice(start, stop), values)
        self._table.insert(rows["id"], start)
        self._bound(start, rows["deadline"])

    def find(self, wanted: Wanted) -> tuple[Indices, Indices]:
        """The rows with the wanted ids, as (index into `wanted`, number), in no order."""
        queries, places = self._table.find(wanted)
        if len(queries):
            same = np.flatnonzero((self.take(places)["id"] == wanted.ids[queries]).all(axis=1))
            queries, places = queries[same], places[same] + self.start
        return queries, places

    def find_one(self, low: int, high: int) -> list[int]:
        """The numbers of the rows with an id, in no order."""
        places = self._table.find_one(low)
        return [place + self.start for place in places if self.rows["id"][place].tolist() == [low, high]] if places else places

    def take(self, places: Indices) -> Table:
        """Rows as a copy."""
        taken: Table = self._words.take(places, axis=0).view(ROW).reshape(len(places))
        return taken

    def put(self, name: str, places: Indices | slice, values: npt.NDArray[Any]) -> None:
        """Writes values into one of MORE, which may be new."""
        self._widen(name, values.shape[1:])
        column = self.more[name]
        if values.shape[1:] == column.shape[1:]:
            column[places] = values
        else:
            column[places, : values.shape[1]] = values
            column[places, values.shape[1] :] = MORE[name][1]

    def touch(self, places: Indices) -> None:
        """Remembers that rows have changed."""
        self.rows["changed"][places] = True
        self._groups[places // _GROUP] = True

    def touched(self) -> Indices:
        """The places of the rows that have changed; they are forgotten by that."""
        groups = np.flatnonzero(self._groups)
        places = (groups[:, None] * _GROUP + np.arange(_GROUP)).ravel()
        places = places[places < self.count]
        places = places[np.flatnonzero(self.rows["changed"][places])]
        self.rows["changed"][places] = False
        self._groups[groups] = False
        return places

    def due(self, since: int, until: int) -> Indices:
        """The places of rows whose deadline is after `since` and not after `until`."""
        pages = np.flatnonzero((self._first <= until) & (self._last > since))
        if not len(pages):
            return np.empty(0, np.int64)
        return np.concatenate([self._due_in(page, since, until) for page in pages.tolist()])

    def next_deadline(self, clock: int) -> int:
        """The first deadline after the clock; far away if there is none."""
        if self.first > clock:
            return self.first
        soonest = int(self._first[self._first > clock].min(initial=FAR))
        for page in np.flatnonzero((self._first <= clock) & (self._last > clock)).tolist():
            part = self._deadlines(page)
            soonest = min(soonest, int(part[part > clock].min()))
        return soonest

    def between(self, first: int, stop: int) -> Indices:
        """The numbers of the rows whose positions are not before `first` and before `stop`."""
        positions = self.rows["position"]
        if first > positions[self.count - 1] or stop <= positions[0]:
            return np.empty(0, np.int64)
        return np.arange(*(bisect_left(positions, one, 0, self.count) for one in (first, stop))) + self.start

    def _due_in(self, page: int, since: int, until: int) -> Indices:
        part = self._deadlines(page)
        return np.flatnonzero((part > since) & (part <= until)) + page * _PAGE

    def _deadlines(self, page: int) -> Indices:
        column: Indices = self.rows["deadline"][page * _PAGE : min((page + 1) * _PAGE, self.count)]
        return column

    def _bound(self, start: int, deadlines: Indices) -> None:
        """Keeps the first and the last deadline of every page."""
        for page in range(start // _PAGE, (start + len(deadlines) - 1) // _PAGE + 1):
            part = deadlines[max(0, page * _PAGE - start) : (page + 1) * _PAGE - start]
            first, last = int(part.min()), int(part.max())
            self.first, self.last = min(self.first, first), max(self.last, last)
            self._first[page] = min(int(self._first[page]), first)
            self._last[page] = max(int(self._last[page]), last)

    def _make_room(self, size: int) -> None:
        count, pages = self.count, -(-size // _PAGE)
        words = np.empty((size, ROW.itemsize // 8), np.int64)
        first, last, groups = np.full(pages, FAR), np.full(pages, -FAR), np.zeros(size // _GROUP, np.bool_)
        words[:count], first[: len(self._first)], last[: len(self._last)] = self._words[:count], self._first, self._last
        groups[: len(self._groups)] = self._groups
        self._words, self._first, self._last, self._groups = words, first, last, groups
        self.rows = words.view(ROW).reshape(size)
        self.more = {name: _grown(column, count, size) for name, column in self.more.items()}
        self._table = IdTable(size)
        self._table.insert(self.rows["id"][:count], 0)

    def _widen(self, name: str, tail: tuple[int, ...]) -> None:
        """Makes room for one of MORE, or for more of it."""
        dtype, missing = MORE[name]
        old = self.more.get(name)
        if old is not None and (not tail or old.shape[1] >= tail[0]):
            return
        column = np.empty((len(self.rows), *tail), dtype)
        column[: self.count] = missing
        if old is not None:
            column[: self.count, : old.shape[1]] = old[: self.count]
        self.more[name] = column


def words_of(rows: Table) -> Indices:
    """The same memory as int64[n, 10], which is copied faster."""
    return rows.view(np.int64).reshape(len(rows), ROW.itemsize // 8)


def _grown(column: npt.NDArray[Any], count: int, size: int) -> npt.NDArray[Any]:
    """A copy with room for `size` rows."""
    grown = np.empty((size, *column.shape[1:]), column.dtype)
    grown[:count] = column[:count]
    return grown
