"""Reads the latest value of every key of a partition of compacted topics."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from consumers.kafka import kafka_client
from stream_monitor.config.deployment import Kafka


class Compacted:
    """A reader without a group, with connections of its own that are made when first needed."""

    def __init__(self, kafka: Kafka, timeout: float) -> None:
        self._kafka = kafka
        self._timeout = timeout
        self._clients: tuple[KafkaConsumer, KafkaAdminClient] | None = None

    def latest(self, topics: Sequence[str], number: int) -> dict[tuple[str, bytes], bytes]:
        """What stands in partition `number` of the topics, by topic and key, read to the end as it is now.

        The end is the high watermark; where it is behind an open transaction, that is waited for.
        """
        consumer, admin = self._connected()
        partitions = [TopicPartition(topic, number) for topic in topics]
        first = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        ends = {
            p: found.offset for p, found in admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST)).items()
        }
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, first[partition].offset)
        return self._read(consumer, ends)

    def close(self) -> None:
        """Ends the connections."""
        if self._clients is not None:
            consumer, admin = self._clients
            self._clients = None
            consumer.close(autocommit=False, timeout_ms=1_000)
            admin.close()

    def _read(self, consumer: KafkaConsumer, ends: dict[TopicPartition, int]) -> dict[tuple[str, bytes], bytes]:
        latest: dict[tuple[str, bytes], bytes] = {}
        deadline = monotonic() + self._timeout
        # Compaction and transaction markers leave holes, so it is the position that counts, not the records.
        while any(consumer.position(p) < end for p, end in ends.items()):
            if monotonic() > deadline:
                raise TimeoutError(
                    f"{', '.join(p.topic for p in ends)} could not be read to the end within {self._timeout:.0f} s"
                )
            for batch in consumer.poll(timeout_ms=500, max_records=5_000).values():
                for record in batch:
                    if record.value is None:
                        latest.pop((record.topic, record.key), None)
                    else:
                        latest[record.topic, record.key] = record.value
        return latest

    def _connected(self) -> tuple[KafkaConsumer, KafkaAdminClient]:
        if self._clients is None:
            # Without an offset to begin with, kafka-python waits for nothing: positions are always sought.
            reader = kafka_client.consumer(self._kafka, max_partition_fetch_bytes=8_000_000)
            self._clients = reader, kafka_client.admin(self._kafka)
        return self._clients
