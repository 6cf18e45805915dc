"""Notices a task that has stopped to move although its log goes on, which no exception would tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError
from kafka.protocol.consumer import IsolationLevel

from consumers.http import health
from consumers.kafka import kafka_client
from stream_monitor.config.deployment import Kafka
from stream_monitor.task import Partition


class _Mark(NamedTuple):
    position: int
    since: float


class Watched(Protocol):
    """The log of a task, in this process or in another."""

    @property
    def name(self) -> str:
        """The task's."""

    @property
    def beat(self) -> float:
        """When it last did what it was asked to, by the monotonic clock."""

    def positions(self) -> Mapping[Partition, int]:
        """The next offset to read of each partition that is its."""


class Watchdog:
    """Looks at the logs from outside, with a connection of its own, from a thread of its own."""

    def __init__(self, kafka: Kafka, logs: Collection[Watched]) -> None:
        self._kafka = kafka
        self._logs = logs
        self._patience = health.patience(kafka)
        self._marks: dict[tuple[str, Partition], _Mark] = {}
        self._admin: KafkaAdminClient | None = None
        self.unstable: Mapping[Partition, int] = {}
        """How many offsets of each partition are hidden behind open transactions."""

    def stall(self, now: float) -> str | None:
        """Why this process is to end, by the monotonic clock; None while it does its work, or nobody can tell."""
        for log in self._logs:
            idle = now - log.beat
            if idle > self._patience:
                return f"{log.name} has not done a step for {idle:.0f} s"
        try:
            return next(filter(None, (self._stuck(log, now) for log in self._logs)), None)
        except (KafkaError, kafka_client.KafkaUnreachable):
            return None

    def close(self) -> None:
        """Ends the connection."""
        if self._admin is not None:
            self._admin.close()

    def _stuck(self, log: Watched, now: float) -> str | None:
        positions = log.positions()
        ends = self._ends(positions)
        for partition, position in positions.items():
            mark = self._marks.get((log.name, partition))
            if mark is None or mark.position != position or ends[partition] <= position:
                self._marks[log.name, partition] = _Mark(position, now)
            elif now - mark.since > self._patience:
                return f"{log.name} stands at offset {position} of {partition}, which goes on to {ends[partition]}"
        return None

    def _ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        stable = self._latest(partitions, IsolationLevel.READ_COMMITTED)
        high = self._latest(partitions, IsolationLevel.READ_UNCOMMITTED)
        self.unstable = {**self.unstable} | {partition: max(0, high[partition] - stable[partition]) for partition in partitions}
        return stable

    def _latest(self, partitions: Collection[Partition], level: IsolationLevel) -> dict[Partition, int]:
        if not partitions:
            return {}
        self._admin = self._admin or kafka_client.admin(self._kafka)
        wanted = {TopicPartition(*partition): OffsetSpec.LATEST for partition in partitions}
        found = self._admin.list_partition_offsets(wanted, isolation_level=level)
        return {Partition(*partition): answer.offset for partition, answer in found.items()}
