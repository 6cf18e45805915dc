"""Topics in memory, and a log over them: the whole program without a broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from stream_monitor.task import STATES, Batch, Channel, End, Output, Partition, Slice


class Stored(NamedTuple):
    """A record as it lies in a topic."""

    offset: int
    timestamp: int
    """Epoch milliseconds."""
    key: bytes | None
    value: bytes | None


class Memory:
    """Topics with partitions, and what groups have committed."""

    def __init__(self) -> None:
        self.topics: dict[str, list[list[Stored]]] = {}
        self.committed: dict[tuple[str, Partition], int] = {}

    def create(self, topic: str, partitions: int = 1) -> list[list[Stored]]:
        """The partitions of a topic, at least as many as given."""
        there = self.topics.setdefault(topic, [])
        there.extend([] for _ in range(partitions - len(there)))
        return there

    def append(
        self, topic: str, value: bytes | None, key: bytes | None = None, partition: int | None = None, timestamp: int = 0
    ) -> int:
        """Appends a record, by the hash of its key unless a partition is given; gives its offset."""
        partitions = self.create(topic, 1 if partition is None else partition + 1)
        records = partitions[xxh3_64_intdigest(key or b"") % len(partitions) if partition is None else partition]
        records.append(Stored(len(records), timestamp, key, value))
        return len(records) - 1

    def partition(self, topic: str, number: int) -> list[Stored]:
        """The records of a partition; none where it does not exist."""
        partitions = self.topics.get(topic, [])
        return partitions[number] if number < len(partitions) else []

    def records(self, topic: str) -> list[Stored]:
        """All records of a topic, partition after partition."""
        return [record for partition in self.topics.get(topic, []) for record in partition]

    def values(self, topic: str) -> list[bytes]:
        """The values in a topic, without nulls."""
        return [record.value for record in self.records(topic) if record.value is not None]


class MemoryLog:
    """Reads topics of a `Memory` for one task and writes what the task puts out, all at once.

    Starting again after a crash is a new task and a new log over the same memory.
    """

    def __init__(
        self,
        memory: Memory,
        group: str,
        topics: Sequence[str],
        prefix: str = "stream-monitor",
        rows: int = 1_000,
        arrived: int = 0,
        tick: int = 0,
    ) -> None:
        """`rows` is the most that a slice holds; `arrived` the clock, which each read moves by `tick`."""
        self._memory = memory
        self._group = group
        self._topics = tuple(topics)
        self._prefix = prefix
        self._rows = rows
        self._positions: dict[Partition, int] = {}
        self._tick = tick
        self.arrived = arrived

    def read(self) -> Slice:
        """What is there behind the positions, up to the limit of rows."""
        assigned = self._assign()
        self.arrived += self._tick
        batches = []
        room = self._rows
        for partition, position in self._positions.items():
            records = self._memory.partition(*partition)[position : position + room]
            if records and partition not in assigned:
                batches.append(Batch(partition, records))
                self._positions[partition] += len(records)
                room -= len(records)
        return Slice(self.arrived, batches, ends=self._ends(), assigned=assigned)

    def state(self, partition: Partition) -> dict[bytes, bytes]:
        """The latest value of every key in the compacted channels, as the task wrote it for a partition."""
        state: dict[bytes, bytes] = {}
        for channel in STATES:
            for record in self._memory.partition(self._topic(channel), partition.number):
                key = channel.encode() + b"\0" + (record.key or b"")
                if record.value is None:
                    state.pop(key, None)
                else:
                    state[key] = record.value
        return state

    def seek(self, partition: Partition, offset: int) -> None:
        """Reads on from another offset."""
        self._positions[partition] = offset

    def commit(self, slice: Slice, outputs: Sequence[Output]) -> None:
        """Appends the outputs and commits how far the slice came."""
        for channel, key, value, partition in outputs:
            self._memory.append(self._topic(channel), value, key, partition, self.arrived // 1_000)
        for batch in slice.batches:
            place = self._group, batch.partition
            self._memory.committed[place] = max(self._memory.committed.get(place, 0), slice.ends[batch.partition].offset)

    @property
    def drained(self) -> bool:
        """Whether everything that is there has been read."""
        return bool(self._positions) and all(end.drained for end in self._ends().values())

    def _assign(self) -> dict[Partition, int | None]:
        """Partitions that are read for the first time; nothing is read from them before the task took them over."""
        new: dict[Partition, int | None] = {}
        for topic in self._topics:
            for number in range(len(self._memory.topics.get(topic, ()))):
                partition = Partition(topic, number)
                if partition not in self._positions:
                    new[partition] = self._memory.committed.get((self._group, partition))
                    self._positions[partition] = new[partition] or 0
        return new

    def _ends(self) -> dict[Partition, End]:
        return {
            partition: End(position, position >= len(self._memory.partition(*partition)))
            for partition, position in self._positions.items()
        }

    def _topic(self, channel: Channel) -> str:
        return f"{self._prefix}.{channel}"
