"""Gives what was read of several partitions in steps of time: none runs ahead of another while they catch up."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stream_monitor.task import Batch, Partition, Record

Time = Callable[[str, Record], int | None]
"""The time, in microseconds, by which a record of a topic keeps step; None where it is not known."""

AHEAD = 1_000_000
"""Microseconds that a partition may be ahead of the slowest one."""
_STRIDE = 100
"""Records of topics that keep step which go together, by the time of the last one, if they are of one step."""
SPAN = 30_000_000
"""Microseconds of a step, unless told otherwise."""
_HELD = 2_000
_HELD_BYTES = 4_000_000
"""Of one partition, beyond which it is read no further until some of it was given."""
_PATIENCE = 2.0
"""Seconds of waiting for records in which a partition is waited for that gives nothing though it should."""
_FAR = 2**63


def appended(topic: str, record: Record) -> int:
    """When the log says that a record was written."""
    return record.timestamp * 1_000


class _Run(NamedTuple):
    """Records of one partition that go together."""

    time: int
    records: Sequence[Any]
    size: int


class Pace:
    """What was read and not given yet.

    Topics that are named in one of `together` keep step: nothing of them is given that is later than what the slowest of
    their partitions has reached.  A partition that is read to its end, or that gives nothing for two seconds though it
    should, is not waited for: what `now` is in all of this are the seconds for which records have been waited for so far, so
    that what else takes time takes nobody's turn.  What is given is in steps of a `span` of time, in microseconds, the
    earliest first.
    """

    def __init__(self, together: Sequence[Collection[str]] = (), time: Time = appended, span: int = SPAN) -> None:
        self._group = {topic: number for number, topics in enumerate(together) for topic in topics}
        self._time, self._span = time, span
        self._held: dict[Partition, deque[_Run]] = {}
        self._first: dict[Partition, int] = {}
        self._reached: dict[Partition, tuple[int, float]] = {}
        self._latest: dict[Partition, int] = {}
        """The time of what was read last of each partition; not there before any record had one."""
        self._freed: set[Partition] = set()
        self._seen: dict[int, int | None] = {}
        """The times of the records that are being added, by their offsets."""

    def expect(self, partitions: Collection[Partition], now: float) -> None:
        """Says that reading goes on, and from where; what gave nothing yet is waited for."""
        self._reached = {p: self._reached.get(p, (-_FAR, now)) for p in partitions}

    def coming(self, partitions: Collection[Partition], now: float) -> None:
        """Says of which partitions there is something already that will be added: their turn has not come yet."""
        self._reached |= {p: (self._reached[p][0], now) for p in partitions if p in self._reached}

    def add(self, partition: Partition, records: Sequence[Any], now: float) -> None:
        """Takes records that were read."""
        runs = self._held.setdefault(partition, deque())
        self._first.setdefault(partition, records[0].offset)
        stride = _STRIDE if partition.topic in self._group else 1
        for start in range(0, len(records), stride):
            self._seen.clear()
            runs.extend(self._runs(partition, records[start : start + stride]))
        self._reached[partition] = max(run.time for run in runs), now

    def first(self, partition: Partition) -> int | None:
        """The offset of the first record of a partition that was not given yet; None where all were."""
        return self._first.get(partition)

    def free(self, partition: Partition) -> None:
        """Lets what is held of a partition go with the next records that are given."""
        self._freed.add(partition)

    def forget(self) -> None:
        """Drops everything."""
        self._held, self._first, self._reached, self._latest, self._freed = {}, {}, {}, {}, set()

    def overfull(self) -> set[Partition]:
        """The partitions to read nothing from for now."""
        return {p for p, runs in self._held.items() if _count(runs) >= _HELD or sum(run.size for run in runs) >= _HELD_BYTES}

    def ready(self, drained: Collection[Partition], now: float) -> tuple[int, int]:
        """How many records may be given, and how many bytes they are."""
        horizons = self._horizons(drained, now)
        runs = [run for p, held in self._held.items() for run in self._due(p, held, horizons)]
        return sum(len(run.records) for run in runs), sum(run.size for run in runs)

    def stalled(self, drained: Collection[Partition], now: float) -> bool:
        """Whether a partition is read no further for what is held of it, though all of that may be given."""
        horizons = self._horizons(drained, now)
        return any(len(self._due(p, self._held[p], horizons)) == len(self._held[p]) for p in self.overfull())

    def take(self, drained: Collection[Partition], now: float, records: int, size: int) -> list[Batch]:
        """Gives what may be given, the earliest first, until it is so many records or bytes, or more."""
        horizons = self._horizons(drained, now)
        due = [[(run.time, p, run) for run in self._due(p, held, horizons)] for p, held in sorted(self._held.items())]
        steps: list[dict[Partition, list[Any]]] = []
        over = -_FAR
        for time, partition, run in heapq.merge(*map(_in_step, due), key=lambda one: one[0]):
            if records <= 0 or size <= 0:
                break
            if time >= over:
                steps.append({})
                over = time + self._span
            steps[-1].setdefault(partition, []).extend(run.records)
            self._held[partition].popleft()
            records, size = records - len(run.records), size - run.size
        self._freed -= {p for p in self._freed if not self._held.get(p)}
        self._held = {p: runs for p, runs in self._held.items() if runs}
        self._first = {p: runs[0].records[0].offset for p, runs in self._held.items()}
        return [Batch(p, given, number) for number, step in enumerate(steps) for p, given in step.items()]

    def _runs(self, partition: Partition, records: Sequence[Any]) -> Iterator[_Run]:
        """Records that go together; those that are too far apart in halves."""
        first, last = self._times(partition, records)
        if len(records) > 1 and last - first >= self._span:
            middle = len(records) // 2
            yield from self._runs(partition, records[:middle])
            yield from self._runs(partition, records[middle:])
        else:
            if partition in self._latest:
                self._latest[partition] = last
            yield _Run(last, records, sum([len(record.value or b"") for record in records]))

    def _times(self, partition: Partition, records: Sequence[Any]) -> tuple[int, int]:
        """The times of the first and the last of some records that have one; where none has, that of those before.

        Of a partition in which nothing ever had one they are those of the log; so are those of topics that keep no step, but
        before all others, as these wait for nobody.
        """
        if partition.topic not in self._group:
            return (time := appended("", records[0]) - _FAR), time
        first = self._known(partition.topic, records)
        last = first if len(records) == 1 else self._known(partition.topic, reversed(records))
        if first is None or last is None:
            latest = self._latest.get(partition)
            return (appended("", records[0]), appended("", records[-1])) if latest is None else (latest, latest)
        self._latest.setdefault(partition, first)
        return first, last

    def _known(self, topic: str, records: Iterable[Any]) -> int | None:
        """The first time that is known of some records."""
        return next((time for record in records if (time := self._time_of(topic, record)) is not None), None)

    def _time_of(self, topic: str, record: Any) -> int | None:
        if record.offset not in self._seen:
            self._seen[record.offset] = self._time(topic, record)
        return self._seen[record.offset]

    def _horizons(self, drained: Collection[Partition], now: float) -> Mapping[int, int]:
        """The time up to which records of each group may be given."""
        horizons: dict[int, int] = {}
        for partition, (time, at) in self._reached.items():
            group = self._group.get(partition.topic)
            if group is not None and partition not in drained and (now - at < _PATIENCE or partition in self._held):
                horizons[group] = min(horizons.get(group, _FAR), time + AHEAD)
        return horizons

    def _due(self, partition: Partition, held: Collection[_Run], horizons: Mapping[int, int]) -> list[_Run]:
        group = self._group.get(partition.topic)
        if group is None or partition in self._freed:
            return list(held)
        horizon, due = horizons.get(group, _FAR), []
        for run in held:
            if run.time > horizon:
                break
            due.append(run)
        return due


def _in_step(runs: list[tuple[int, Partition, _Run]]) -> list[tuple[int, Partition, _Run]]:
    """The runs of a partition, which stay in their order, by the latest time so far."""
    latest, ordered = -_FAR, []
    for time, partition, run in runs:
        latest = max(latest, time)
        ordered.append((latest, partition, run))
    return ordered


def _count(runs: Collection[_Run]) -> int:
    return sum(len(run.records) for run in runs)
