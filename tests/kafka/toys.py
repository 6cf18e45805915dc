"""Small tasks whose output says exactly what they were given, and the log and the topics they need."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from consumers.kafka.kafka_log import KafkaLog
from consumers.kafka.pace import SPAN
from consumers.kafka.poller import DEFAULT, Limits
from stream_monitor.config.deployment import Kafka
from stream_monitor.task import Channel, Output, Partition, Slice

SNAPSHOT_EVERY = 7


class Echo:
    """Says of every record where it stood, and of every gap."""

    def process(self, slice: Slice) -> list[Output]:
        records = [(batch.partition, record) for batch in slice.batches for record in batch.records]
        said = [
            output(partition, offset=record.offset, value=(record.value or b"")[:20].decode()) for partition, record in records
        ]
        return said + [output(gap.partition, first=gap.first, last=gap.last) for gap in slice.gaps]

    def restore(self, partition: Partition, committed: int | None, state: Mapping[bytes, bytes]) -> int | None:
        return None

    def release(self, partition: Partition) -> None: ...

    def status(self) -> dict[str, Any]:
        return {}


class Tally:
    """Counts the records of each partition and adds their values up; its state is a snapshot and the log after it."""

    def __init__(self) -> None:
        self._committed: dict[Partition, int] = {}
        self._sums: dict[Partition, list[int]] = {}

    def process(self, slice: Slice) -> list[Output]:
        return [said for batch in slice.batches for record in batch.records for said in self._record(batch.partition, record)]

    def restore(self, partition: Partition, committed: int | None, state: Mapping[bytes, bytes]) -> int | None:
        offset, *sums = json.loads(state.get(b"snapshots\0tally", b"[0, 0, 0]"))
        self._committed[partition], self._sums[partition] = committed or 0, sums
        return int(offset) if committed else None

    def release(self, partition: Partition) -> None:
        del self._sums[partition]

    def status(self) -> dict[str, Any]:
        return {}

    def _record(self, partition: Partition, record: Any) -> list[Output]:
        sums = self._sums[partition]
        sums[0] += 1
        sums[1] += int(record.value)
        if record.offset < self._committed[partition]:
            return []
        said = [output(partition, offset=record.offset, count=sums[0], sum=sums[1])]
        if sums[0] % SNAPSHOT_EVERY == 0:
            said.append(Output("snapshots", b"tally", json.dumps([record.offset + 1, *sums]).encode(), partition.number))
        return said


class World(NamedTuple):
    """A broker's address, a group, an input topic and the topics to write to."""

    address: str
    group: str
    input: str
    alerts: str
    snapshots: str

    def kafka(self, instance: str = "one", **settings: Any) -> Kafka:
        """How a replica reaches it: quick to notice that another is gone."""
        quick = {"session_timeout": "3s", "poll_interval": "30s"} | settings
        return Kafka.model_validate({"bootstrap_servers": self.address, "group": self.group, "instance": instance} | quick)

    def log(
        self,
        instance: str = "one",
        limits: Limits = DEFAULT,
        start: str = "earliest",
        states: bool = True,
        in_step: bool = False,
        **settings: Any,
    ) -> KafkaLog:
        """The log of a replica."""
        outputs: dict[Channel, str] = {"alerts": self.alerts, "snapshots": self.snapshots}
        channels: tuple[Channel, ...] = ("snapshots",) if states else ()
        kafka = self.kafka(instance, **settings)
        together = {frozenset({self.input}): SPAN} if in_step else {}
        return KafkaLog(kafka, "toy", [self.input], outputs, states=channels, start=start, in_step=together, limits=limits)


def make_world(address: str, unique: Callable[[str], str], topic: Callable[..., str], partitions: int = 1) -> World:
    """Topics of its own on a broker."""
    return World(
        address,
        unique("group"),
        topic("input", partitions),
        topic("alerts"),
        topic("snapshots", partitions, cleanup_policy="compact"),
    )


def output(partition: Partition, **data: Any) -> Output:
    """What a toy has to say about a partition."""
    return Output("alerts", b"", json.dumps({"partition": partition.number, **data}).encode(), 0)
