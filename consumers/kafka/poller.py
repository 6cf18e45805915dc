"""Polls a consumer, and passes by what cannot be read: batches that are corrupt, and offsets that are no longer there.

kafka-python's fetcher is touched here: it does not find its way on from a batch that it cannot parse.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError

from consumers.kafka import broken_batch
from consumers.kafka.pace import Pace
from stream_monitor.task import Gap, Partition


class LostOffset(Exception):
    """The next offset to read is no longer there."""


_WORK = 10.0
"""Seconds that work on a slice may take."""
_GROWTH = 4
"""Times as large as the one before a slice may be: what work it is shows only when it is done."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a slice is full."""

    seconds: float = 0.2
    records: int = 20_000
    size: int = 16_000_000
    """Bytes of values."""
    first: int = 256_000
    """Bytes of the first slice, and of the first after partitions have come or gone."""

    @property
    def opening(self) -> int:
        """Bytes of a slice before which nothing is known of the work."""
        return min(self.first, self.size)

    def fitting(self, size: int, seconds: float) -> int:
        """Bytes of a slice, after work on one of so many took so long: a task is asked to stop only between two slices."""
        return max(1, min(self.size, max(self.first, size * _GROWTH), int(size * _WORK / max(seconds, 0.001))))


DEFAULT = Limits()


AT_ONCE = 1_000
"""Records of one poll: it takes them from one partition after the other, and all are to come along."""


@dataclass(slots=True)
class Polled:
    """What was met while records were read."""

    gaps: list[Gap] = field(default_factory=list)
    count: int = 0
    """Records that were read."""
    over: bool = False
    """Whether nothing more may be read for this slice, or it would be out of order."""


class Changes(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Only remembers that something changed: it is called on the I/O thread, where anything that blocks raises."""

    def __init__(self) -> None:
        self.pending = False

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.pending = True

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.pending = True


class Poller:
    """Polls; `changes` says whether the group has just given us partitions that have no position yet."""

    def __init__(self, consumer: KafkaConsumer, changes: Changes, limits: Limits, skip_lost: bool) -> None:
        self._consumer = consumer
        self._changes = changes
        self._at_once = min(limits.records, AT_ONCE)
        self._skip_lost = skip_lost
        self.waited = 0.0
        """Seconds for which records were waited for."""

    def poll(self, seconds: float, polled: Polled, pace: Pace) -> None:
        """Waits for records and adds them, or a gap that comes before any others of its partition."""
        fetcher = self._consumer._fetcher
        if not fetcher._next_partition_records:
            # Left there empty, it would keep what was fetched before a pause from ever being given after it.
            fetcher._next_partition_records = None
        try:
            for partition, records in self._wait(seconds).items():
                pace.add(Partition(*partition), records, self.waited)
                polled.count += len(records)
        except NoOffsetForPartitionError:
            if not self._changes.pending:
                raise
        except OffsetOutOfRangeError as error:
            for gap in self._lost(error):
                self._leave(gap, polled, pace)
        except Exception as error:
            broken = broken_batch.gap(error)
            if broken is None:
                raise
            # The parser that failed would make the next poll spin for ever.
            fetcher._next_partition_records = None
            self._leave(broken, polled, pace)
        pace.coming(self._fetched(), self.waited)

    def _wait(self, seconds: float) -> Mapping[TopicPartition, Sequence[Any]]:
        began = time.monotonic()
        try:
            polled: Mapping[TopicPartition, Sequence[Any]] = self._consumer.poll(
                round(seconds * 1000), max_records=self._at_once
            )
            return polled
        finally:
            self.waited += time.monotonic() - began

    def _fetched(self) -> set[Partition]:
        """The partitions of which there are records that were not given yet."""
        fetcher = self._consumer._fetcher
        fetched = {Partition(*fetch.topic_partition) for fetch in fetcher._completed_fetches.copy()}
        current = fetcher._next_partition_records
        return fetched | {Partition(*current.topic_partition)} if current else fetched

    def _leave(self, gap: Gap, polled: Polled, pace: Pace) -> None:
        """Passes by a gap, unless records before it are to be given first: then it is met again."""
        polled.over = True
        if pace.first(gap.partition) is None:
            self._consumer.seek(TopicPartition(*gap.partition), gap.last + 1)
            polled.gaps.append(gap)
        else:
            pace.free(gap.partition)

    def _lost(self, error: OffsetOutOfRangeError) -> list[Gap]:
        gaps = []
        for partition, wanted in error.args[0].items():
            earliest = self._consumer.beginning_offsets([partition])[partition]
            if not self._skip_lost or wanted > earliest:
                _refuse(partition, wanted, earliest)
            gaps.append(Gap(Partition(*partition), wanted, earliest - 1, "no longer retained"))
        return gaps


def _refuse(partition: TopicPartition, wanted: int, earliest: int) -> NoReturn:
    place = f"offset {wanted} of {partition.topic}, partition {partition.partition},"
    if wanted > earliest:
        raise LostOffset(f"{place} is beyond its end: was the topic made anew, or did it lose what was acknowledged?")
    raise LostOffset(
        f"{place} is gone; the earliest is {earliest}. "
        "Go on from there with on_lost_offset: skip, which records what is missing."
    )
