"""Intake: the records of all inputs to blocks, and what cannot be read to dead letters.  It has no state to lose."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, NamedTuple

import structlog

from consumers.intake.commands import command, meant
from consumers.intake.dead_letters import DeadLetters
from consumers.intake.pack import pack
from consumers.intake.progress import EVERY, ProgressReport
from consumers.memory import Stored
from consumers.wire.decode import Decoder
from consumers.wire.event import EventKind, Refused
from consumers.wire.pieces import Piece, dead
from consumers.wire.reading import Reading
from stream_monitor.blocks import Section, document, partition_of
from stream_monitor.config.deployment import Config
from stream_monitor.config.stream import Source, StreamConfig, StreamRecord
from stream_monitor.task import Batch, Gap, Output, Partition, Record, Slice

log = structlog.get_logger()

_SHORTEST, _LONGEST, _PER_SECTION = 0.2, 1.0, 0.002
"""Seconds of gathering, and how many of them each section of the last slice is worth: more than watch takes for it."""
_SHORTEST_SPAN, _LONGEST_SPAN = 1_000_000, 30_000_000
_TO_COME = 3_600_000_000


class Route(NamedTuple):
    """A stream that reads a topic, and as what."""

    stream: str
    kind: EventKind
    decoder: Decoder


class Intake:
    """The task that makes the record.  `references` gives the events of references that are files or ranges, as JSON.

    `recorded` gives a stream's configuration as it is to stand there, where that is not what `config` says by itself.
    """

    def __init__(
        self,
        config: Config,
        references: Mapping[str, Iterable[bytes]] | None = None,
        every: int = EVERY,
        recorded: Callable[[str], StreamRecord] | None = None,
    ) -> None:
        self._config = config
        self._recorded = recorded or config.record
        self._references = dict(references or {})
        self._partitions = config.topics.partitions
        self._control = config.topics.name("control")
        self._routes: dict[str, list[Route]] = {}
        for name, stream in config.streams.items():
            self._route(name, "predictions", stream, stream.predictions)
            if stream.labels is not None:
                self._route(name, "labels", stream, stream.labels)
        self._progress = ProgressReport({topic: self._fed_by(routes) for topic, routes in self._routes.items()}, every)
        self._placed: dict[str, int] = {}
        self._counts: dict[str, Counter[str]] = {}
        """By configured stream: there may be any number of models; dead letters of no stream by their topic."""
        self._left_out: dict[str, Counter[str]] = {}
        """Values that could not be read, by configured stream and field."""
        self._sections = 0
        """Of the last slice that had any."""
        self._configured = False

    @property
    def topics(self) -> tuple[str, ...]:
        """What it reads."""
        return (*self._routes, self._control)

    def in_step(self) -> dict[frozenset[str], int]:
        """The topics whose events are to be read in order of time: those of a stream, and of all that share one with it.

        With how many microseconds of it rows may be out of order: so few that no label or window of theirs misses any by it.
        """
        groups: dict[frozenset[str], int] = {}
        for stream in self._config.streams.values():
            mine = frozenset({stream.predictions.topic, *([stream.labels.topic] if stream.labels else [])})
            span = min(_limits(stream))
            for group in [group for group in groups if group & mine]:
                span, mine = min(span, groups.pop(group)), mine | group
            groups[mine] = max(span, _SHORTEST_SPAN)
        return groups

    def time(self, topic: str, record: Record) -> int | None:
        """The time of an event in microseconds; None where it is not seen at a glance, or was yet to come when it was sent."""
        routes = self._routes.get(topic)
        time = routes[0].decoder.time(record) if routes else None
        return None if time is None or time > record.timestamp * 1_000 + _TO_COME else time

    def gather(self) -> float:
        """Seconds for which to gather the next slice: longer for many streams, as a section costs watch more than its rows."""
        return gathering(self._sections)

    def process(self, slice: Slice) -> list[Output]:
        """Blocks and dead letters of a slice."""
        turn = _Turn(DeadLetters(self._config.deployment, slice.arrived, self._config.dead_letters.payload == "full"))
        if not self._configured and (slice.ends or slice.batches):
            self._configure(turn, slice.arrived)
        for gap in slice.gaps:
            self._leave_gap(turn, gap)
        for _, step in groupby(slice.batches, key=lambda batch: batch.step):
            batches = list(step)
            for kind in ("predictions", "labels"):
                for batch in batches:
                    self._decode(turn, batch, kind, slice.arrived)
        for batch in slice.batches:
            if batch.partition.topic == self._control:
                self._obey(turn, batch)
        self._sections = sum(map(len, turn.sections.values())) or self._sections
        progress = self._progress.due(slice, turn.sections.keys())
        return pack(turn.sections, progress, slice.arrived, self._partitions) + turn.dead_letters

    def restore(self, partition: Partition, committed: int | None, state: Mapping[bytes, bytes]) -> int | None:
        """Goes on where the log stands: there is nothing to restore."""
        return None

    def release(self, partition: Partition) -> None:
        """Forgets how far a partition was read."""
        self._progress.forget(partition)

    def status(self) -> dict[str, Any]:
        """What was read since the start, by configured stream, and what could not be; dead letters by stream or topic."""
        kinds = ("predictions", "labels", "dead")
        read = {name: self._counts[name] for name in self._config.streams if name in self._counts}
        return {
            "streams": {stream: {kind: counts[kind] for kind in kinds} for stream, counts in read.items()},
            "dead_letters": {name: counts["dead"] for name, counts in self._counts.items() if counts["dead"]},
            "unreadable": {stream: dict(counts) for stream, counts in self._left_out.items()},
            "not_found": self._not_found(),
        }

    def _not_found(self) -> dict[str, dict[str, list[str]]]:
        """Where the `fields` of a stream look and no event had anything, by kind."""
        missing: dict[str, dict[str, list[str]]] = {}
        for route in chain.from_iterable(self._routes.values()):
            if paths := route.decoder.not_found:
                missing.setdefault(route.stream, {})[route.kind] = paths
        return missing

    def _route(self, name: str, kind: EventKind, stream: StreamConfig, source: Source) -> None:
        self._routes.setdefault(source.topic, []).append(Route(name, kind, self._decoder(name, kind, stream, source)))

    def _decoder(self, name: str, kind: EventKind, stream: StreamConfig, source: Source) -> Decoder:
        return Decoder(name, Reading(kind, source, stream.features, self._config.limits.features), stream.per == "model")

    def _fed_by(self, routes: Sequence[Route]) -> frozenset[int]:
        """The blocks partitions that have streams of a topic; the streams of models may be anywhere."""
        if any(self._config.streams[route.stream].per == "model" for route in routes):
            return frozenset(range(self._partitions))
        return frozenset(partition_of(route.stream, self._partitions) for route in routes)

    def _configure(self, turn: _Turn, arrived: int) -> None:
        """Says what every stream is, before its first row, and which streams there are, and gives their references."""
        config = self._config
        for name in config.streams:
            section = Section(name, "configuration", document=self._recorded(name).model_dump_json().encode())
            for number in self._places(name):
                turn.add(number, section)
        streams = Section(
            "", "configuration", document=document({"revision": config.revision, "streams": list(config.streams)})
        )
        for number in range(self._partitions):
            turn.add(number, streams)
        for name, events in self._references.items():
            self._read_reference(turn, name, events, arrived)
        self._configured = True

    def _read_reference(self, turn: _Turn, name: str, events: Iterable[bytes], arrived: int) -> None:
        """Gives a reference in sections that say which one it is, because every start of every replica gives it again."""
        stream, rows = self._config.streams[name], [Stored(line, 0, None, value) for line, value in enumerate(events)]
        reference = stream.reference
        partition = Partition(reference.file or stream.predictions.topic, -1)
        # A range is known by its times: what retention has left of it is no other reference.
        ranged = f"{stream.predictions.topic} {reference.since} {reference.until}".encode()
        digest = _digest(row.value for row in rows) if reference.since is None else _digest([ranged])
        said = document({"sha256": digest, "rows": len(rows)})
        pieces = self._decoder(name, "reference", stream, stream.predictions).decode(partition, rows, arrived)
        self._take(turn, partition, (piece._replace(section=piece.section._replace(document=said)) for piece in pieces))

    def _decode(self, turn: _Turn, batch: Batch, kind: str, arrived: int) -> None:
        for route in self._routes.get(batch.partition.topic, ()):
            if route.kind == kind:
                self._take(turn, batch.partition, route.decoder.decode(batch.partition, batch.records, arrived))

    def _take(self, turn: _Turn, partition: Partition, pieces: Iterable[Piece]) -> None:
        for section, lost, left_out in pieces:
            turn.add(self._place(section.stream), section)
            configured = section.stream.partition("/")[0]
            self._count(configured, section.kind, 0 if section.rows is None else len(section.rows))
            if left_out:
                self._left_out.setdefault(configured, Counter()).update(left_out)
            for event in lost:
                turn.dead_letters.append(turn.letters.event(section.stream, section.kind, partition, event))
                self._count(configured, "dead", 1)

    def _leave_gap(self, turn: _Turn, gap: Gap) -> None:
        """Says to every stream of a topic that some of it will never be seen."""
        turn.dead_letters.append(turn.letters.gap(gap))
        self._count(gap.partition.topic, "dead", 1)
        (topic, number), first, last, reason = gap
        log.warning("input_lost", topic=topic, partition=number, first=first, last=last, reason=reason)
        said = document({"topic": topic, "partition": number, "first": first, "last": last, "reason": reason})
        for stream in dict.fromkeys(route.stream for route in self._routes.get(topic, ())):
            for place in self._places(stream):
                turn.add(place, Section(stream, "gap", None, said, topic, number, first, last))

    def _obey(self, turn: _Turn, batch: Batch) -> None:
        """Puts control events on record."""
        for record in batch.records:
            try:
                asked = command(record.value, self._config)
            except Refused as refused:
                event = dead((record, 0, record.value), refused)
                turn.dead_letters.append(turn.letters.event(batch.partition.topic, "control", batch.partition, event))
                self._count(meant(record.value, self._config) or batch.partition.topic, "dead", 1)
                place = {"partition": batch.partition.number, "offset": record.offset}
                log.warning("control_refused", kind="control", **place, reason=refused.reason)
            else:
                origin = (*batch.partition, record.offset, record.offset)
                turn.add(self._place(asked.stream), Section(asked.stream, "control", None, document(asked), *origin))

    def _places(self, stream: str) -> Sequence[int]:
        """The blocks partitions of a configured stream: all, where its models may be in any."""
        return range(self._partitions) if self._config.streams[stream].per == "model" else (self._place(stream),)

    def _place(self, stream: str) -> int:
        """The blocks partition of a stream."""
        if stream not in self._placed:
            if len(self._placed) >= self._config.limits.streams:
                self._placed.clear()
            self._placed[stream] = partition_of(stream, self._partitions)
        return self._placed[stream]

    def _count(self, stream: str, kind: str, n: int) -> None:
        if n:
            self._counts.setdefault(stream, Counter())[kind] += n


def gathering(sections: int) -> float:
    """Seconds of gathering after a slice of so many sections."""
    return min(max(_SHORTEST, sections * _PER_SECTION), _LONGEST)


def _limits(stream: StreamConfig) -> Iterable[int]:
    """What the span of a step must not exceed for a stream."""
    yield _LONGEST_SPAN
    yield stream.metrics.grace // 2
    yield stream.metrics.window // 10
    if stream.labels is not None:
        yield from (wait // 20 for wait in stream.labels.waits)


class _Turn:
    """What one slice has given so far."""

    def __init__(self, letters: DeadLetters) -> None:
        self.letters = letters
        self.sections: dict[int, list[Section]] = {}
        self.dead_letters: list[Output] = []

    def add(self, number: int, section: Section) -> None:
        self.sections.setdefault(number, []).append(section)


def _digest(lines: Iterable[bytes | None]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update((line or b"") + b"\n")
    return digest.hexdigest()
