"""The predictions of a stream that wait for their labels, each with its own deadline."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.chunk import LIMIT, MORE, ROW, Chunk, Table, words_of
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.id_table import Hashes, Indices, Wanted
from stream_monitor.joining.packed import NOTHING, Values, Words, packed

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]
More = Mapping[str, npt.NDArray[Any]]

WAITING, LABELLED, ABSENT, WITHDRAWN = range(4)

_LEAST = 256
_MOST = 8
_FEW = 8
_WIDE = ("segments", "scores", "features")
_NONE = np.empty(0, np.int64)


class Fresh(NamedTuple):
    """New predictions, one array each: ids uint64[n, 2], the others [n]."""

    ids: Hashes
    version: npt.NDArray[np.int32]
    position: Indices
    time: Indices
    deadline: Indices
    values: Values
    more: More
    """Of `score`, `weight`, `segments` [n, k], `scores` [n, c] and `features` [n, d] those that the rows have."""


class Waiting:
    """Rows have numbers, which grow with their positions; they stand in chunks, so that old ones leave without touching young.

    A chunk ends where deadlines within it are further apart than `span`, if it has a share of all rows by then.
    """

    def __init__(self) -> None:
        self.live = 0
        """Rows whose deadline has not been reached, as the caller counts them down."""
        self.span = 0
        self.position = 0
        """The one after the last row's."""
        self._next = 0
        self._chunks: list[Chunk] = []
        self._starts: list[int] = []
        self._soonest = FAR
        """No row that is not past its deadline has an earlier one."""
        self._widths: dict[str, int] = {}
        self._dropped: dict[str, int] = {}

    def add(self, fresh: Fresh, which: Indices | slice = slice(None)) -> Indices:
        """Adds rows, or some of them; gives their numbers."""
        values = packed(fresh.values)[which]
        rows = np.zeros(len(values), ROW)
        rows["id"], rows["value"], rows["label"] = fresh.ids[which], values, NOTHING
        for name in ("version", "position", "time", "deadline"):
            rows[name] = getattr(fresh, name)[which]
        self.load(rows, {name: column[which] for name, column in fresh.more.items()})
        return np.arange(self._next - len(rows), self._next)

    def load(self, rows: Table, more: More) -> None:
        """Adds rows as they are; positions must be higher than any before."""
        for name in sorted(more.keys() & _WIDE):
            self._widths[name] = max(self._widths.get(name, 0), more[name].shape[1])
        start = 0
        while start < len(rows):
            chunk = self._open_chunk()
            stop = min(len(rows), start + LIMIT - chunk.count)
            chunk.add(rows[start:stop], {name: column[start:stop] for name, column in more.items()})
            self._soonest = min(self._soonest, chunk.first)
            self.position = int(rows["position"][stop - 1]) + 1
            self.live += stop - start
            self._next += stop - start
            start = stop

    def find(self, wanted: Hashes) -> tuple[Indices, Indices]:
        """All rows with the wanted ids, as (index into `wanted`, number), in that order."""
        if len(wanted) <= _FEW:
            return self._find_few(wanted.tolist())
        ready = Wanted(wanted)
        pairs = [pair for chunk in self._chunks if len((pair := chunk.find(ready))[0])]
        if not pairs:
            return _NONE, _NONE
        queries, numbers = (np.concatenate(part) for part in zip(*pairs, strict=True))
        order = np.lexsort((numbers, queries))
        return queries[order], numbers[order]

    def rows(self, numbers: Indices) -> Table:
        """Rows as a copy, ROW[n]."""
        homes = list(self._places(numbers))
        if len(homes) == 1:
            return homes[0][0].take(homes[0][2])
        found = np.empty(len(numbers), ROW)
        words = words_of(found)
        for chunk, which, places in homes:
            words[which] = words_of(chunk.take(places))
        return found

    def gathered(self, numbers: Indices, names: Sequence[str]) -> tuple[Table, list[npt.NDArray[Any]]]:
        """Rows as a copy, ROW[n], and what they have of some things that only some have, as `more` gives it."""
        homes = list(self._places(numbers))
        if len(homes) != 1:
            return self.rows(numbers), [self.more(name, numbers) for name in names]
        [(chunk, _, places)] = homes
        return chunk.take(places), [
            chunk.more[name][places]
            if name in chunk.more and (name not in _WIDE or chunk.more[name].shape[1] == self._widths[name])
            else self.more(name, numbers)
            for name in names
        ]

    def more(self, name: str, numbers: Indices) -> npt.NDArray[Any]:
        """What rows have of something that only some have, [n], or [n, k] where it is several numbers."""
        dtype, missing = MORE[name]
        if name in _WIDE and name not in self._widths:
            return np.empty((len(numbers), 0), dtype)
        found = np.full((len(numbers), self._widths[name]) if name in _WIDE else len(numbers), missing, dtype)
        if not self.has(name):
            return found
        for chunk, which, places in self._places(numbers):
            if name in chunk.more:
                column = chunk.more[name][places]
                if name in _WIDE:
                    found[which, : column.shape[1]] = column
                else:
                    found[which] = column
        return found

    def has(self, name: str) -> bool:
        """Whether any row may have it."""
        return any(name in chunk.more for chunk in self._chunks)

    def label(
        self, numbers: Indices, labels: Values, known: Indices, at: Indices, status: int, weight: npt.NDArray[np.float64]
    ) -> None:
        """Writes labels, one array each: when they were known, the clock at which they joined, and what they count for."""
        self.write(numbers, packed(labels), known, at, np.full(len(numbers), status, np.int8), weight)
        self._touch(numbers)

    def write(
        self, numbers: Indices, label: Words, known: Indices, at: Indices, status: Codes, weight: npt.NDArray[np.float64]
    ) -> None:
        """Writes labels that are packed, each with its status, as they were saved."""
        weighted = self.has("label_weight") or bool((weight != 1.0).any())
        for chunk, which, places in self._places(numbers):
            for name, column in (("label", label), ("known", known), ("at", at), ("status", status)):
                chunk.rows[name][places] = column[which]
            if weighted:
                chunk.put("label_weight", places, weight[which])

    def mark(self, number: Indices, status: int) -> None:
        """Changes what has become of rows, and nothing else."""
        for chunk, _, places in self._places(number):
            chunk.rows["status"][places] = status
            chunk.touch(places)

    def _touch(self, numbers: Indices) -> None:
        for chunk, _, places in self._places(numbers):
            chunk.touch(places)

    def due(self, since: int, until: int, lead: int = 0) -> Indices:
        """Rows whose deadline less `lead` is after `since` and not after `until`, by that time and then by number."""
        since, until = since + lead, until + lead
        if until < self._soonest:
            return _NONE
        found = [(one, one.due(since, until)) for one in self._chunks if one.first <= until and one.last > since]
        if not found:
            return _NONE
        deadlines = np.concatenate([chunk.rows["deadline"][places] for chunk, places in found])
        numbers = np.concatenate([places + chunk.start for chunk, places in found])
        return numbers[np.argsort(deadlines, kind="stable")]

    def leave(self, clock: int) -> None:
        """Lets go of the chunks in which every row is past its deadline."""
        self._soonest = min((chunk.next_deadline(clock) for chunk in self._chunks if chunk.last > clock), default=FAR)
        if any(chunk.last <= clock for chunk in self._chunks):
            self._chunks = [chunk for chunk in self._chunks if chunk.last > clock]
            self._starts = [chunk.start for chunk in self._chunks]

    def keep(self, wanted: Callable[[Hashes], Mask], clock: int) -> None:
        """Keeps only the rows whose id is wanted; numbers change."""
        old, self._chunks, self.live, self._soonest = self._chunks, [], 0, FAR
        while old:
            chunk = old.pop(0)
            rows = chunk.rows[: chunk.count]
            kept = np.flatnonzero(wanted(rows["id"]) & (rows["deadline"] > clock))
            first, changed = self._next, np.flatnonzero(rows["changed"][kept])
            self.load(chunk.take(kept), {name: column[kept] for name, column in chunk.more.items()})
            self._touch(changed + first)

    def drop(self, name: str, position: int) -> None:
        """Forgets one of MORE for all rows before a position, here and in what was saved of them."""
        self._dropped[name] = position
        self._widths.pop(name, None)
        for chunk in self._chunks:
            chunk.more.pop(name, None)

    def changed(self) -> Indices:
        """The rows whose label has changed since this was last asked."""
        found = [chunk.touched() + chunk.start for chunk in self._chunks]
        return np.concatenate(found) if found else _NONE

    def between(self, first: int, stop: int) -> Indices:
        """The rows whose positions are not before `first` and before `stop`."""
        return np.concatenate([_NONE, *(chunk.between(first, stop) for chunk in self._chunks)])

    def columns(self) -> list[str]:
        """The names of what only some rows have."""
        return sorted({name for chunk in self._chunks for name in chunk.more})

    def state(self) -> dict[str, Any]:
        """Everything but the rows, as plain values."""
        return {"widths": dict(self._widths), "dropped": dict(self._dropped)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`; the rows are to be loaded."""
        self._widths, self._dropped = dict(state["widths"]), dict(state["dropped"])

    def undropped(self, more: More, positions: Indices) -> More:
        """What rows had when they were saved, without what was dropped since."""
        for name, column in more.items():
            column[positions < self._dropped.get(name, 0)] = MORE[name][1]
        return {name: column for name, column in more.items() if positions[-1] >= self._dropped.get(name, 0)}

    def _find_few(self, wanted: list[list[int]]) -> tuple[Indices, Indices]:
        """The same one by one, which is faster where there are few."""
        found = [
            (query, number)
            for query, (low, high) in enumerate(wanted)
            for chunk in self._chunks
            for number in sorted(chunk.find_one(low, high))
        ]
        if not found:
            return _NONE, _NONE
        queries, numbers = zip(*found, strict=True)
        return np.array(queries, np.int64), np.array(numbers, np.int64)

    def _open_chunk(self) -> Chunk:
        """The chunk that the next row stands in."""
        last = self._chunks[-1] if self._chunks else None
        if last is not None and last.count < LIMIT:
            spread = last.last - last.first >= self.span
            if last.count < max(_LEAST, self.live // _MOST) or not spread:
                return last
        chunk = Chunk(self._next)
        self._chunks.append(chunk)
        self._starts = [one.start for one in self._chunks]
        return chunk

    def _places(self, numbers: Indices) -> Iterator[tuple[Chunk, Any, Indices]]:
        """The chunks of some rows, each with their indices and their places in it."""
        if not len(numbers):
            return
        home = self._chunks[bisect_right(self._starts, int(numbers[0])) - 1]
        if len(numbers) == 1 or (home.start <= numbers.min() and numbers.max() < home.start + home.count):
            yield home, slice(None), numbers - home.start
            return
        chunks = np.searchsorted(self._starts, numbers, "right") - 1
        for i in np.flatnonzero(np.bincount(chunks, minlength=1)).tolist():
            which = np.flatnonzero(chunks == i)
            yield self._chunks[i], which, numbers[which] - self._chunks[i].start
