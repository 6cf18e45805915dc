"""Events in a row, read one way or the other, as sections that fit into a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from consumers.wire import columns, event_time
from consumers.wire.event import Event, Refused
from consumers.wire.reading import Reading, invalid_time
from consumers.wire.shape import Shape
from stream_monitor.blocks import LIMIT, Rows, Section, size
from stream_monitor.task import Partition, Record

CELLS = 60_000
"""Values in a section's columns, so that a few events with names of their own do not make a large matrix."""
ROOM = LIMIT - 20_000
"""Bytes for a section; the rest is for the record around it."""


Place = tuple[Record, int, bytes | None]
"""The record of an event, which of its events it is, and the event's own text, where it has one."""


class Dead(NamedTuple):
    """An event that cannot be used, and why."""

    record: Record
    at: int
    """Which of its events it is."""
    value: bytes | None
    """The text of the event, where it has one of its own."""
    reason: str
    detail: str


class Piece(NamedTuple):
    """A section, and the events among it that cannot be used."""

    section: Section
    dead: tuple[Dead, ...]
    left_out: Counter[str]
    """Values that could not be read, by field."""


class Run:
    """Events of one stream in order: decoded at once, read one by one, or dead."""

    def __init__(self, stream: str, shape: Shape) -> None:
        self.stream = stream
        self.shape = shape
        self.layout = shape.refresh()
        self.events: list[Any] = []
        self.places: list[Place] = []
        self.plain = True
        """Whether all of them were decoded at once."""

    def add(self, event: Event | Dead, place: Place) -> None:
        """Adds an event that was not decoded at once."""
        self.events.append(event)
        self.places.append(place)
        self.plain = False


def pieces(run: Run, reading: Reading, partition: Partition, arrived: int) -> Iterator[Piece]:
    """The events of a run as sections, in order."""
    cutter = _Cutter(run, reading, partition, arrived)
    for start, stop in _cuts(run):
        yield from cutter.cut(run.events[start:stop], run.places[start:stop])


class _Cutter:
    def __init__(self, run: Run, reading: Reading, partition: Partition, arrived: int) -> None:
        self._run = run
        self._reading = reading
        self._partition = partition
        self._arrived = arrived

    def cut(self, events: list[Any], places: Sequence[Place]) -> Iterator[Piece]:
        """One piece, or as many as it takes."""
        rows, left_out = self._rows(events, places)
        lost = tuple(event for event in events if type(event) is Dead) if len(events) != _count(rows) else ()
        first, last = places[0][0], places[-1][0]
        origin = (*self._partition, first.offset, last.offset, len(lost), left_out.total())
        reasons = tuple(Counter(event.reason for event in lost).items())
        section = Section(self._run.stream, self._reading.kind, rows, b"", *origin, reasons)
        if size(section) <= ROOM:
            yield Piece(section, lost, left_out)
        elif len(events) == 1:
            yield from self._too_large(places[0])
        else:
            middle = len(events) // 2
            yield from self.cut(events[:middle], places[:middle])
            yield from self.cut(events[middle:], places[middle:])

    def _too_large(self, place: Place) -> Iterator[Piece]:
        self._run.plain = False
        return self.cut([dead(place, Refused("too_large", "the event takes more than a record of blocks holds"))], [place])

    def _rows(self, events: list[Any], places: Sequence[Place]) -> tuple[Rows | None, Counter[str]]:
        """The rows of the events that can be used; the others become dead in the list."""
        fast: Sequence[int] = range(len(events))
        if not self._run.plain:
            fast = [i for i, event in enumerate(events) if not isinstance(event, Event | Dead)]
        parts: list[tuple[Rows, Sequence[int]]] = []
        left_out = Counter[str]()
        if fast:
            rows, fast, left_out = self._decoded(events, places, fast)
            parts += [(rows, fast)] if rows else []
        slow = [] if self._run.plain else [i for i, event in enumerate(events) if type(event) is Event]
        if slow:
            read = [events[i] for i in slow]
            parts.append((columns.of_events(read, self._arrived), slow))
            left_out.update(field for event in read for field in event.left_out)
        if not parts:
            return None, left_out
        rows = parts[0][0] if len(parts) == 1 else columns.merge(parts)
        if self._reading.kind == "labels":
            self._date(rows, events, places)
        return rows, left_out

    def _date(self, rows: Rows, events: list[Any], places: Sequence[Place]) -> None:
        """Gives what says no time that of its record, below zero."""
        used = [(event.time, place) for event, place in zip(events, places, strict=True) if type(event) is not Dead]
        for i, (time, (record, *_)) in enumerate(used):
            if time is None:
                rows.time[i] = -min(record.timestamp * 1_000 if record.timestamp > 0 else self._arrived, self._arrived)

    def _decoded(
        self, events: list[Any], places: Sequence[Place], fast: Sequence[int]
    ) -> tuple[Rows | None, Sequence[int], Counter[str]]:
        chosen = events if len(fast) == len(events) else [events[i] for i in fast]
        time = self._reading.time.column([event.time for event in chosen], self._arrived)
        if not event_time.valid(time):
            good = (time >= 0) & (time <= event_time.LAST)
            self._bury(events, places, np.asarray(fast)[~good].tolist())
            fast = np.asarray(fast)[good].tolist()
            chosen, time = [events[i] for i in fast], time[good]
        if not chosen or self._run.layout is None:
            return None, [], Counter()
        rows, left_out = self._run.layout.rows(chosen, time, self._reading)
        return rows, fast, left_out

    def _bury(self, events: list[Any], places: Sequence[Place], impossible: Sequence[int]) -> None:
        """Makes events with an impossible time dead."""
        self._run.plain = False
        for i in impossible:
            events[i] = dead(places[i], invalid_time())


def dead(place: Place, refused: Refused) -> Dead:
    """A refused event."""
    return Dead(*place, refused.reason, refused.detail)


def _count(rows: Rows | None) -> int:
    return 0 if rows is None else len(rows)


def _cuts(run: Run) -> Iterator[tuple[int, int]]:
    """Where to cut so that no piece has too many cells."""
    width = run.layout.width if run.layout else 0
    names: set[str] = set()
    start = 0
    for i, event in enumerate(run.events) if not run.plain else ():
        if type(event) is Event:
            names.update(event.numbers, event.texts)
            if i > start and (i + 1 - start) * (width + len(names)) > CELLS:
                yield start, i
                start, names = i, {*event.numbers, *event.texts}
    step = max(1, CELLS // max(1, width + len(names)))
    for place in range(start, len(run.events), step):
        yield place, min(place + step, len(run.events))
