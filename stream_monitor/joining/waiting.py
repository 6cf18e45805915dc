"""The predictions of a stream that wait for their labels, as columns, each row with its own deadline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.id_table import Hashes, IdTable, Indices

Mask = npt.NDArray[np.bool_]

_CHUNK = 1024
_SEGMENT = 2**21
_COLUMNS: dict[str, Any] = {
    "version": np.int32,
    "position": np.int64,
    "time": np.int64,
    "deadline": np.int64,
    "value": np.float64,
    "code": np.int32,
    "label_value": np.float64,
    "label_code": np.int32,
    "known": np.int64,
    "at": np.int64,
    "status": np.int8,
}

_MORE: dict[str, tuple[Any, Any]] = {
    "score": (np.float64, np.nan),
    "weight": (np.float64, 1.0),
    "label_weight": (np.float64, 1.0),
    "segments": (np.uint64, 0),
    "scores": (np.float32, np.nan),
    "features": (np.float32, np.nan),
}
"""Columns that are there once some row has a value for them, and what others have."""

_NONE = np.empty(0, np.int64)
_GIVEN = ("version", "position", "time", "deadline", "value", "code")
_WIDE = ("segments", "scores", "features")

WAITING, LABELLED, ABSENT, WITHDRAWN = range(4)


class Fresh(NamedTuple):
    """New predictions, one array each: ids uint64[n, 2], the others [n]."""

    ids: Hashes
    version: npt.NDArray[np.int32]
    position: Indices
    time: Indices
    deadline: Indices
    value: npt.NDArray[np.float64]
    code: npt.NDArray[np.int32]
    more: Mapping[str, npt.NDArray[Any]]
    """Of `score`, `weight`, `segments` [n, k], `scores` [n, c] and `features` [n, d] those that the rows have."""

    def take(self, which: Indices) -> Fresh:
        """Some of them."""
        plain: dict[str, Any] = {name: getattr(self, name)[which] for name in self._fields[:-1]}
        return Fresh(**plain, more={name: column[which] for name, column in self.more.items()})


class _Segment:
    """A run of rows with a table of its own, so that old rows leave without touching young ones."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.stop = start
        self.last_deadline = -(2**62)
        self.table = IdTable()


class Waiting:
    """Rows are named by numbers that grow; columns are read by `column(name)[rows - base]`."""

    def __init__(self) -> None:
        self.live = 0
        """Rows whose deadline has not been reached, as the caller counts them down."""
        self._empty(0)

    def _empty(self, base: int) -> None:
        self.base = base
        self.count = 0
        """Rows held, the expired ones that have not left yet included."""
        self._ids: Hashes = np.empty((_CHUNK, 2), np.uint64)
        self._columns: dict[str, npt.NDArray[Any]] = {name: np.empty(_CHUNK, dtype) for name, dtype in _COLUMNS.items()}
        self._soonest = 2**62
        """No row that is not past its deadline has an earlier one."""
        self._first = np.full(1, 2**62, np.int64)
        self._last = np.full(1, -(2**62), np.int64)
        self._segments: list[_Segment] = []

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column, for reading and writing at `rows - base`."""
        return self._columns[name]

    def more(self, name: str, at: Indices) -> npt.NDArray[Any]:
        """A column that only some rows have a value in, at `rows - base`."""
        if name in self._columns:
            return self._columns[name][at]
        dtype, missing = _MORE[name]
        return np.full((len(at), 0) if name in _WIDE else len(at), missing, dtype)

    def put(self, name: str, at: Indices | slice, values: npt.NDArray[Any]) -> None:
        """Writes values into such a column, which may be new."""
        self._widen(name, values.shape[1:])
        column = self._columns[name]
        if values.shape[1:] == column.shape[1:]:
            column[at] = values
        else:
            column[at, : values.shape[1]] = values
            column[at, values.shape[1] :] = _MORE[name][1]

    def has(self, name: str) -> bool:
        """Whether some row may have a value in such a column."""
        return name in self._columns

    def drop(self, name: str) -> None:
        """Forgets a column."""
        self._columns.pop(name, None)

    def add(self, fresh: Fresh) -> Indices:
        """Adds rows; gives their numbers."""
        n = len(fresh.position)
        start, stop = self.count, self.count + n
        self._reserve(stop)
        self._ids[start:stop] = fresh.ids
        for name in _GIVEN:
            self._columns[name][start:stop] = getattr(fresh, name)
        self._columns["status"][start:stop] = WAITING
        for name in self._columns.keys() - fresh.more.keys() - _COLUMNS.keys():
            self._columns[name][start:stop] = _MORE[name][1]
        for name, values in fresh.more.items():
            self.put(name, slice(start, stop), values)
        self._bound(start, fresh.deadline)
        self.count = stop
        self.live += n
        self._index(int(fresh.deadline.max()))
        return np.arange(self.base + start, self.base + stop)

    def find(self, wanted: Hashes) -> tuple[Indices, Indices]:
        """All rows with the wanted ids, as (index into `wanted`, row number), in that order."""
        pairs: list[tuple[Indices, Indices]] = []
        for segment in self._segments:
            low, high = segment.start - self.base, segment.stop - self.base
            queries, rows = segment.table.find(self._ids[low:high], wanted)
            if len(queries):
                pairs.append((queries, rows + segment.start))
        if not pairs:
            return _NONE, _NONE
        if len(pairs) == 1 and len(pairs[0][0]) == 1:
            return pairs[0]
        queries, rows = (np.concatenate(part) for part in zip(*pairs, strict=True))
        order = np.lexsort((rows, queries))
        return queries[order], rows[order]

    def due(self, since: int, until: int, lead: int = 0) -> Indices:
        """Rows whose deadline less `lead` is after `since` and not after `until`, by that time and then by number."""
        since, until = since + lead, until + lead
        if until < self._soonest:
            return _NONE
        chunks = -(-self.count // _CHUNK)
        deadlines = self._columns["deadline"]
        hits = []
        for chunk in np.flatnonzero((self._first[:chunks] <= until) & (self._last[:chunks] > since)):
            low = int(chunk) * _CHUNK
            part = deadlines[low : min(low + _CHUNK, self.count)]
            hits.append(np.flatnonzero((part > since) & (part <= until)) + low)
        if not hits:
            return _NONE
        rows = np.concatenate(hits)
        return rows[np.argsort(deadlines[rows], kind="stable")] + self.base

    def leave(self, clock: int) -> None:
        """Lets go of the oldest segments once every row in them is past its deadline."""
        self._soonest = self._next_deadline(clock)
        while self._segments and self._segments[0].last_deadline <= clock:
            del self._segments[0]
        start = self._segments[0].start if self._segments else self.base + self.count
        gone = (start - self.base) // _CHUNK * _CHUNK if self._segments else start - self.base
        if gone and 2 * gone >= self.count:
            self._compact(gone)

    def keep(self, wanted: Mask, clock: int) -> None:
        """Keeps only the rows of a mask over all that are held; numbers change."""
        rows = np.flatnonzero(wanted & (self._columns["deadline"][: self.count] > clock))
        kept, ids = {name: column[rows] for name, column in self._columns.items()}, self._ids[rows]
        self._empty(self.base + self.count)
        self.live = 0
        if len(rows):
            self.add(Fresh._make((ids, *(kept[name] for name in _GIVEN), {})))
            for name, column in kept.items():
                if name in _MORE:
                    self.put(name, slice(0, self.count), column)
                else:
                    self._columns[name][: self.count] = column

    def ids(self) -> Hashes:
        """The ids of all rows held."""
        return self._ids[: self.count]

    def _widen(self, name: str, tail: tuple[int, ...]) -> None:
        """Makes room for a column, or for more of it."""
        dtype, missing = _MORE[name]
        old = self._columns.get(name)
        if old is not None and (not tail or old.shape[1] >= tail[0]):
            return
        column = np.full((len(self._ids), *tail), missing, dtype)
        if old is not None:
            column[:, : old.shape[1]] = old
        self._columns[name] = column

    def _reserve(self, count: int) -> None:
        size = len(self._ids)
        if count <= size:
            return
        size = -(-max(count, size + size // 2) // _CHUNK) * _CHUNK
        self._ids = _grown(self._ids, size)
        self._columns = {name: _grown(column, size) for name, column in self._columns.items()}
        chunks = size // _CHUNK
        fresh = np.full(chunks - len(self._first), 2**62, np.int64)
        self._first, self._last = np.concatenate((self._first, fresh)), np.concatenate((self._last, -fresh))

    def _bound(self, start: int, deadlines: Indices) -> None:
        """Keeps the first and the last deadline of every chunk."""
        self._soonest = min(self._soonest, int(deadlines.min()))
        for chunk in range(start // _CHUNK, (start + len(deadlines) - 1) // _CHUNK + 1):
            part = deadlines[max(0, chunk * _CHUNK - start) : (chunk + 1) * _CHUNK - start]
            self._first[chunk] = min(int(self._first[chunk]), int(part.min()))
            self._last[chunk] = max(int(self._last[chunk]), int(part.max()))

    def _index(self, deadline: int) -> None:
        stop = self.base + self.count
        segment = self._segments[-1] if self._segments else None
        if segment is None or len(segment.table) >= min(_SEGMENT, max(_CHUNK, self.live // 2)):
            begin = segment.stop if segment else self.base
            segment = _Segment(begin)
            self._segments.append(segment)
        low = segment.start - self.base
        segment.table.insert(self._ids[low : self.count], segment.stop - segment.start)
        segment.stop = stop
        segment.last_deadline = max(segment.last_deadline, deadline)

    def _next_deadline(self, clock: int) -> int:
        """The first deadline after the clock; far away if there is none."""
        chunks = -(-self.count // _CHUNK)
        first, last = self._first[:chunks], self._last[:chunks]
        soonest = int(first[first > clock].min(initial=2**62))
        for chunk in np.flatnonzero((first <= clock) & (last > clock)).tolist():
            part = self._columns["deadline"][chunk * _CHUNK : min((chunk + 1) * _CHUNK, self.count)]
            soonest = min(soonest, int(part[part > clock].min()))
        return soonest

    def _compact(self, gone: int) -> None:
        left = self.count - gone
        if not left:
            self._empty(self.base + gone)
            return
        size = max(_CHUNK, -(-left // _CHUNK) * _CHUNK)
        self._ids = _grown(self._ids[gone : self.count], size)
        self._columns = {name: _grown(column[gone : self.count], size) for name, column in self._columns.items()}
        self._first = _grown(self._first[gone // _CHUNK :], size // _CHUNK, 2**62)
        self._last = _grown(self._last[gone // _CHUNK :], size // _CHUNK, -(2**62))
        self.base += gone
        self.count = left


def _grown(column: npt.NDArray[Any], size: int, fill: int | None = None) -> npt.NDArray[Any]:
    """A copy with room for `size` rows."""
    grown = np.empty((size, *column.shape[1:]), column.dtype) if fill is None else np.full(size, fill, column.dtype)
    grown[: min(size, len(column))] = column[:size]
    return grown
