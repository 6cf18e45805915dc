"""Gives what was read of several partitions in steps of time: none runs ahead of another while they catch up."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from stream_monitor.task import Batch, Partition, Record

InStep = Mapping[frozenset[str], int]
"""Topics that keep step, with how many microseconds of time they are given at a time."""
NONE: InStep = {}
Time = Callable[[str, Record], int | None]
"""The time, in microseconds, by which a record of a topic keeps step; None where it is not known."""

AHEAD = 1_000_000
"""Microseconds that a partition may be ahead of the slowest one."""
_STRIDE = 100
"""Records of topics that keep step which go together, if they are of one step."""
_LOOKS = 4
"""Of so many of them the time is looked at."""
SPAN = 30_000_000
"""Microseconds of a step of the topics that keep none."""
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

    Topics that are named together in `in_step` keep step: nothing of them is given that is later than what the slowest of
    their partitions has reached.  A partition that is read to its end, or that gives nothing for two seconds though it
    should, is not waited for: what `now` is in all of this are the seconds for which records have been waited for so far, so
    that what else takes time takes nobody's turn.  What is given is in steps of time, as long as `in_step` says of the topics,
    the earliest first.
    """

    def __init__(self, in_step: InStep = NONE, time: Time = appended) -> None:
        self._group = {topic: number for number, topics in enumerate(in_step) for topic in topics}
        self._spans = list(in_step.values())
        self._time = time
        self._held: dict[Partition, deque[_Run]] = {}
        self._first: dict[Partition, int] = {}
        self._reached: dict[Partition, tuple[int, float]] = {}
        self._latest: dict[Partition, int] = {}
        """The time that each partition has reached with what was read of it."""
        self._dated: set[Partition] = set()
        """The partitions of which any record had a time."""
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
            end = start + stride
            runs.extend(self._runs(partition, records[start:end], records[end : end + _LOOKS]))
        self._reached[partition] = max(run.time for run in runs), now

    def first(self, partition: Partition) -> int | None:
        """The offset of the first record of a partition that was not given yet; None where all were."""
        return self._first.get(partition)

    def free(self, partition: Partition) -> None:
        """Lets what is held of a partition go with the next records that are given."""
        self._freed.add(partition)

    def forget(self) -> None:
        """Drops everything."""
        self._held, self._first, self._reached, self._latest = {}, {}, {}, {}
        self._dated, self._freed = set(), set()

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
        steps: dict[int | None, list[dict[Partition, list[Any]]]] = {}
        over: dict[int | None, int] = {}
        for time, partition, run in heapq.merge(*map(_in_step, due), key=lambda one: one[0]):
            if records <= 0 or size <= 0:
                break
            group = self._group.get(partition.topic)
            if time >= over.get(group, -_FAR):
                steps.setdefault(group, []).append({})
                over[group] = time + self._span(partition)
            steps[group][-1].setdefault(partition, []).extend(run.records)
            self._held[partition].popleft()
            records, size = records - len(run.records), size - run.size
        self._freed -= {p for p in self._freed if not self._held.get(p)}
        self._held = {p: runs for p, runs in self._held.items() if runs}
        self._first = {p: runs[0].records[0].offset for p, runs in self._held.items()}
        numbered = enumerate(chain.from_iterable(steps.values()))
        return [Batch(p, given, number) for number, step in numbered for p, given in step.items()]

    def _span(self, partition: Partition) -> int:
        group = self._group.get(partition.topic)
        return SPAN if group is None else self._spans[group]

    def _runs(self, partition: Partition, records: Sequence[Any], following: Sequence[Any]) -> Iterator[_Run]:
        """Records that go together; those that are too far apart in halves."""
        before, after = self._reach(partition, records, following)
        if len(records) > 1 and after - before >= self._span(partition):
            middle = len(records) // 2
            yield from self._runs(partition, records[:middle], [*records[middle : middle + _LOOKS], *following])
            yield from self._runs(partition, records[middle:], following)
        else:
            self._latest[partition] = after
            yield _Run(after, records, sum([len(record.value or b"") for record in records]))

    def _reach(self, partition: Partition, records: Sequence[Any], following: Sequence[Any]) -> tuple[int, int]:
        """The times that a partition had reached before some records, and has with them.

        A few that are spread over them are looked at, and all where those are far behind what was reached, by a span.  Records
        that are all far behind count as what was reached, and one far ahead as those before it, unless what follows agrees: no
        single one matters, but for one far ahead that is the last so far.  Of four partitions with a row in 24 seconds, one
        in ten an hour or two behind, .3% of the others are given a minute or more after later ones; 11% where every second one
        is behind.  Topics that keep no step are before all others, as these wait for nobody.
        """
        if partition.topic not in self._group:
            return (time := appended("", records[0]) - _FAR), time
        read, latest = self._clock(partition, records), self._latest.get(partition, _FAR)
        span = self._span(partition)
        behind = latest - span
        times = _known(read, partition, records[:: -max(1, len(records) // _LOOKS)])
        if max(times, default=-_FAR) <= behind:
            times = _known(read, partition, records)
        after = max(times, default=latest)
        if after > behind and (len(records) > 1 or after - latest < span):
            return latest, max(latest, after)
        later = _known(read, partition, following[:_LOOKS])
        if after > behind:
            return latest, min(after, max(latest, *later)) if len(later) == _LOOKS else after
        return (latest, latest) if max(later, default=-_FAR) > behind else (min(times), after)

    def _clock(self, partition: Partition, records: Iterable[Any]) -> Time:
        """What tells the time of a partition's records: they do, once any has told one, and the log until then."""
        if partition not in self._dated:
            times = _known(self._time_of, partition, records)
            if not times:
                return appended
            self._dated.add(partition)
            self._latest[partition] = min(times)
        return self._time_of

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


def _known(read: Time, partition: Partition, records: Iterable[Any]) -> list[int]:
    return [time for record in records if (time := read(partition.topic, record)) is not None]


def _count(runs: Collection[_Run]) -> int:
    return sum(len(run.records) for run in runs)
