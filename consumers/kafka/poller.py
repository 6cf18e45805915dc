"""Polls a consumer, and passes by what cannot be read: batches that are corrupt, and offsets that are no longer there.

kafka-python's fetcher is touched here: it does not find its way on from a batch that it cannot parse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError

from consumers.kafka import broken_batch
from stream_monitor.task import Gap, Partition


class LostOffset(Exception):
    """The next offset to read is no longer there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a slice is full."""

    seconds: float = 0.2
    records: int = 5_000
    size: int = 16_000_000
    """Bytes of values."""


DEFAULT = Limits()


@dataclass(slots=True)
class Polled:
    """What a slice will be made of."""

    records: dict[Partition, list[Any]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    count: int = 0
    size: int = 0
    over: bool = False
    """Whether nothing more may be added, or it would be out of order."""

    def add(self, polled: Mapping[TopicPartition, list[Any]]) -> None:
        for partition, records in polled.items():
            self.records.setdefault(Partition(*partition), []).extend(records)
            self.count += len(records)
            self.size += sum([record.serialized_value_size for record in records])


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
        self._limits = limits
        self._skip_lost = skip_lost

    def full(self, polled: Polled) -> bool:
        """Whether nothing more is to be polled for this slice."""
        return polled.over or polled.count >= self._limits.records or polled.size >= self._limits.size

    def poll(self, seconds: float, polled: Polled) -> None:
        """Waits for records and adds them, or a gap that comes before any others of its partition."""
        fetcher = self._consumer._fetcher
        if not fetcher._next_partition_records:
            # Left there empty, it would keep what was fetched before a pause from ever being given after it.
            fetcher._next_partition_records = None
        try:
            polled.add(self._consumer.poll(round(seconds * 1000), max_records=max(1, self._limits.records - polled.count)))
        except NoOffsetForPartitionError:
            if not self._changes.pending:
                raise
        except OffsetOutOfRangeError as error:
            for gap in self._lost(error):
                self._leave(gap, polled)
        except Exception as error:
            broken = broken_batch.gap(error)
            if broken is None:
                raise
            # The parser that failed would make the next poll spin for ever.
            fetcher._next_partition_records = None
            self._leave(broken, polled)

    def _leave(self, gap: Gap, polled: Polled) -> None:
        """Passes by a gap, unless records before it are to be given first: then it is met again."""
        polled.over = True
        if gap.partition not in polled.records:
            self._consumer.seek(TopicPartition(*gap.partition), gap.last + 1)
            polled.gaps.append(gap)

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
