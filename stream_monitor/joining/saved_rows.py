"""What is saved of the predictions that wait: segments of rows, each written once, and amendments of rows that were saved."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.chunk import MORE, ROW, Table
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.id_table import Indices
from stream_monitor.joining.sampling import Sampling
from stream_monitor.joining.waiting import Waiting
from stream_monitor.snapshot import pack, unpack

Record = tuple[str, bytes | None]
"""A key and what stands under it from now on; None where it is over."""

_ENTRY = np.dtype(
    [
        ("position", np.int64), ("label", np.int64), ("known", np.int64), ("at", np.int64), ("weight", np.float64),
        ("deadline", np.int64), ("status", np.int8),
    ]
)  # fmt: skip
_PLAIN = ("time", "value", "label", "known", "at", "version", "status")


class _Segment(NamedTuple):
    first: int
    """The position from which it holds the rows, up to the next segment's."""
    rows: int
    last: int
    """The last deadline in it."""
    since: int
    """The first record of amendments that may say of its rows what it does not."""


class _Amendments(NamedTuple):
    number: int
    entries: int
    last: int


class SavedRows:
    """Keeps step with the rows of a stream: after each `save` the records that it gave so far are what waits.

    The last segment, and the last record of amendments, are written again until they hold so many `rows` and are closed.
    A record has at most so many bytes (`size`).  Once there are more amendments than rows (and than `slack`), or far more
    segments than the rows need, segments are written anew, so that both are bounded by about twice the rows.
    """

    def __init__(self, rows: int = 1_000, size: int = 800_000, slack: int = 10_000) -> None:
        self._good, self._size, self._slack = rows, size, slack
        self._segments: list[_Segment] = []
        self._closed = 0
        """The position from which on rows are in no closed segment."""
        self._saved = 0
        self._amendments: list[_Amendments] = []
        self._number = 0
        """Of the record that the next amendments go into."""
        self._open: Table = np.empty(0, _ENTRY)
        self._most = rows
        """Rows that a record has room for."""
        self._cursor = 0

    def save(self, waiting: Waiting, now: int) -> list[Record]:
        """The records that have changed; rows past their deadline are left out."""
        numbers = waiting.changed()
        rows = waiting.rows(numbers)
        old = rows["position"] < self._closed
        records = self._expire(now)
        records += self._amend(_entries(rows[old], waiting.more("label_weight", numbers[old])), now)
        if not old.all() or waiting.position > self._saved:
            records += self._append(waiting, now)
        records += self._clean(waiting, now, int(np.count_nonzero(old)))
        return records + self._settle(now)

    def keys(self) -> list[str]:
        """The keys of all records."""
        return [_segment_key(one.first) for one in self._segments] + [_amendments_key(one.number) for one in self._amendments]

    @property
    def first(self) -> int:
        """The position before which no row is saved."""
        return self._segments[0].first if self._segments else self._saved

    def restore(self, waiting: Waiting, records: dict[str, bytes], sampling: Sampling, now: int) -> None:
        """Loads the rows that still wait into an empty `waiting`; the records are consumed as they are read."""
        firsts = sorted(int(key[2:]) for key in records if key.startswith("s\0"))
        loaded = (self._load(waiting, one, unpack(records.pop(_segment_key(one))), sampling, now) for one in firsts)
        there = np.concatenate([np.empty(0, np.int64), *loaded])
        self._saved = int(there[-1]) + 1 if len(there) else 0
        self._number = max((one.since for one in self._segments), default=0)
        for number in sorted(int(key[2:]) for key in records if key.startswith("a\0")):
            self._take(waiting, number, unpack(records.pop(_amendments_key(number))), there)

    def _expire(self, now: int) -> list[Record]:
        """Ends the segments in which every row is past its deadline."""
        gone = [_segment_key(one.first) for one in self._segments if one.last <= now]
        if gone:
            self._segments = [one for one in self._segments if one.last > now]
        return [(key, None) for key in gone]

    def _append(self, waiting: Waiting, now: int) -> list[Record]:
        """Writes all rows that are in no closed segment."""
        gone: list[Record] = []
        if self._is_open:
            gone = [(_segment_key(self._segments.pop().first), None)]
        numbers = _alive(waiting, waiting.between(self._closed, FAR), now)
        written, records = self._written(waiting, numbers, self._closed, full=False)
        self._segments += written
        self._saved = waiting.position
        if written:
            is_closed = written[-1].rows >= min(self._good, self._most)
            self._closed = self._saved if is_closed else written[-1].first
        return records or gone

    def _written(self, waiting: Waiting, numbers: Indices, first: int, full: bool) -> tuple[list[_Segment], list[Record]]:
        """Rows as segments, the first under a given position; all closed if they are `full`, or else those of a good size."""
        rows, more = waiting.rows(numbers), {name: waiting.more(name, numbers) for name in waiting.columns()}
        self._most = max(1, self._size // (ROW.itemsize + sum(column[:1].nbytes for column in more.values())))
        segments: list[_Segment] = []
        records: list[Record] = []
        for start in range(0, len(rows), self._most):
            part = rows[start : start + self._most]
            some = {name: column[start : start + self._most] for name, column in more.items()}
            segment = _Segment(first, len(part), int(part["deadline"].max()), self._number)
            closed = full or len(part) >= min(self._good, self._most)
            segments.append(segment)
            records.append((_segment_key(first), pack({"since": segment.since, "closed": closed, **_encoded(part, some)})))
            first = int(part["position"][-1]) + 1
        return segments, records

    @property
    def _is_open(self) -> bool:
        """Whether the last segment is open."""
        return bool(self._segments) and self._segments[-1].first >= self._closed

    def _amend(self, entries: Table, now: int) -> list[Record]:
        """Writes what has changed in closed segments."""
        if not len(entries):
            return []
        self._amendments = [one for one in self._amendments if one.number != self._number]
        entries = _latest(np.concatenate((self._open, entries)))
        entries = entries[entries["deadline"] > now]
        records: list[Record] = []
        self._open, most = entries[:0], self._size // _ENTRY.itemsize
        for start in range(0, len(entries), most):
            part = entries[start : start + most]
            is_closed = len(part) >= self._good
            self._amendments.append(_Amendments(self._number, len(part), int(part["deadline"].max())))
            columns = {name: _narrow(part[name]) for name in part.dtype.names or () if name != "deadline"}
            columns |= {"position": np.ascontiguousarray(part["position"]), "closed": is_closed}
            records.append((_amendments_key(self._number), pack(columns)))
            if is_closed:
                self._number += 1
            else:
                self._open = part.copy()
        return records or [(_amendments_key(self._number), None)]

    def _clean(self, waiting: Waiting, now: int, fresh: int) -> list[Record]:
        """Writes some segments anew, in turn, while there are too many records: what was amended is then in them."""
        size = min(self._good, self._most)
        crowded = len(self._segments) > 2 * waiting.live // size + 16
        if not crowded and sum(one.entries for one in self._amendments) <= max(waiting.live, self._slack):
            return []
        records: list[Record] = []
        budget, most = 2 * fresh + self._good, len(self._segments)
        while budget > 0 and most > 0 and len(self._segments) > self._is_open:
            written, rows = self._rewritten(waiting, size, now)
            records += written
            budget, most = budget - rows - 1, most - 1
        return records

    def _rewritten(self, waiting: Waiting, size: int, now: int) -> tuple[list[Record], int]:
        """The next segment in turn written anew, with those after it that make one of a good size with it; and their rows."""
        closed = len(self._segments) - self._is_open
        at = bisect_left(self._segments, (self._cursor,)) % closed
        stop, numbers = at, np.empty(0, np.int64)
        while stop < closed and len(numbers) < size:
            end = self._segments[stop + 1].first if stop + 1 < len(self._segments) else self._closed
            some = _alive(waiting, waiting.between(self._segments[stop].first, end), now)
            if stop > at and len(numbers) + len(some) > 2 * size:
                break
            numbers, stop = np.concatenate((numbers, some)), stop + 1
        first, self._cursor = self._segments[at].first, self._segments[stop - 1].first + 1
        written, records = self._written(waiting, numbers, first, full=True)
        gone = {one.first for one in self._segments[at:stop]} - {one.first for one in written}
        self._segments[at:stop] = written
        return [*records, *((_segment_key(one), None) for one in sorted(gone))], len(numbers)

    def _settle(self, now: int) -> list[Record]:
        """Ends the amendments that are about no row any more."""
        since = min((one.since for one in self._segments), default=self._number + 1)
        gone = {one.number for one in self._amendments if one.last <= now or one.number < since}
        if gone:
            self._amendments = [one for one in self._amendments if one.number not in gone]
        if self._number in gone:
            self._open = self._open[:0]
        return [(_amendments_key(number), None) for number in sorted(gone)]

    def _load(self, waiting: Waiting, first: int, state: dict[str, Any], sampling: Sampling, now: int) -> Indices:
        rows, more = _decoded(state)
        self._closed = int(rows["position"][-1]) + 1 if state["closed"] else first
        kept = np.flatnonzero((rows["deadline"] > now) & sampling.survivors(rows["id"], rows["position"]))
        rows, more = rows[kept], {name: column[kept] for name, column in more.items()}
        last = int(rows["deadline"].max(initial=-FAR))
        self._segments.append(_Segment(first, len(rows), last, state["since"]))
        if len(rows):
            waiting.load(rows, waiting.undropped(more, rows["position"]))
        return rows["position"].copy()

    def _take(self, waiting: Waiting, number: int, state: dict[str, Any], there: Indices) -> None:
        """Applies amendments to the rows, whose numbers are their places among the positions that are there."""
        entries = np.zeros(len(state["position"]), _ENTRY)
        for name in _ENTRY.names or ():
            if name != "deadline":
                entries[name] = state[name]
        at = np.searchsorted(there, entries["position"])
        found = np.flatnonzero(at < len(there))
        found = found[there[at[found]] == entries["position"][found]]
        entries, at = entries[found], at[found]
        entries["deadline"] = waiting.rows(at)["deadline"]
        waiting.write(at, *(entries[name] for name in ("label", "known", "at", "status", "weight")))
        self._amendments.append(_Amendments(number, len(entries), int(entries["deadline"].max(initial=-FAR))))
        self._number = max(self._number, number + state["closed"])
        if not state["closed"]:
            self._open = entries


def _segment_key(first: int) -> str:
    return f"s\0{first}"


def _amendments_key(number: int) -> str:
    return f"a\0{number}"


def _alive(waiting: Waiting, numbers: Indices, now: int) -> Indices:
    """Those that are not past their deadline."""
    alive: Indices = numbers[waiting.rows(numbers)["deadline"] > now]
    return alive


def _entries(rows: Table, weight: npt.NDArray[np.float64]) -> Table:
    entries = np.zeros(len(rows), _ENTRY)
    for name in ("position", "label", "known", "at", "deadline", "status"):
        entries[name] = rows[name]
    entries["weight"] = weight
    return entries


def _latest(entries: Table) -> Table:
    """The last entry about each row, by position."""
    _, last = np.unique(entries["position"][::-1], return_index=True)
    found: Table = entries[len(entries) - 1 - last]
    return found


def _encoded(rows: Table, more: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Rows as plain values and arrays: one value where all are the same, and what some have only where one has it."""
    there = np.arange(len(rows))
    columns = {name: _narrow(rows[name]) for name in _PLAIN}
    columns |= {"position": _narrow(rows["position"] - there), "deadline": _narrow(rows["deadline"] - rows["time"])}
    some = {name: column for name, column in more.items() if not _is_missing(name, column)}
    return {"id": np.ascontiguousarray(rows["id"]), "columns": columns, "more": some}


def _decoded(state: dict[str, Any]) -> tuple[Table, dict[str, npt.NDArray[Any]]]:
    rows = np.zeros(len(state["id"]), ROW)
    rows["id"] = state["id"]
    for name, column in state["columns"].items():
        rows[name] = column
    rows["position"] += np.arange(len(rows))
    rows["deadline"] += rows["time"]
    return rows, state["more"]


def _narrow(column: npt.NDArray[Any]) -> Any:
    return column[0].item() if (column == column[0]).all() else np.ascontiguousarray(column)


def _is_missing(name: str, column: npt.NDArray[Any]) -> bool:
    missing = MORE[name][1]
    return bool((np.isnan(column) if missing != missing else column == missing).all())
