"""The records of a stretch of the past, for references that are a time range of a topic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from kafka import TopicPartition

from consumers.kafka import kafka_client
from stream_monitor.config.deployment import Config, Kafka

_WAIT = 2_000
"""Milliseconds of a poll; a range whose end is not reached after ten empty ones is over."""
_PATIENCE = 10


def references(config: Config) -> dict[str, Iterator[bytes]]:
    """The prediction events of all streams whose reference is a time range of their topic."""
    return {
        name: records(config.kafka, stream.predictions.topic, stream.reference.since, stream.reference.until)
        for name, stream in config.streams.items()
        if stream.reference.since is not None and stream.reference.until is not None
    }


def records(kafka: Kafka, topic: str, since: str, until: str) -> Iterator[bytes]:
    """The values of a topic's records from one record time to another, partition by partition, each in its order."""
    with closing(kafka_client.consumer(kafka, group_id=None)) as consumer:
        for number in sorted(consumer.partitions_for_topic(topic) or ()):
            partition = TopicPartition(topic, number)
            consumer.assign([partition])
            end = consumer.end_offsets([partition])[partition]
            found = consumer.offsets_for_times({partition: _milliseconds(since)})[partition]
            if found is None or found.offset < 0:
                continue
            consumer.seek(partition, found.offset)
            idle = 0
            while consumer.position(partition) < end and idle < _PATIENCE:
                polled = consumer.poll(_WAIT).get(partition, [])
                idle = 0 if polled else idle + 1
                for record in polled:
                    if record.timestamp >= _milliseconds(until) or record.offset >= end:
                        idle = _PATIENCE
                    elif record.value is not None:
                        yield record.value


def _milliseconds(time: str) -> int:
    known = datetime.fromisoformat(time)
    return round((known if known.tzinfo else known.replace(tzinfo=UTC)).timestamp() * 1000)
