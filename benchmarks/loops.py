"""Loops over the input topics without our pipeline: reading, reading and decoding, and what people glue together today."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from benchmarks.cost import Cost, Stopwatch
from benchmarks.deployment import LABELS, PREDICTIONS
from benchmarks.load import FEATURES
from consumers.kafka import kafka_client
from stream_monitor.config.deployment import Config, Kafka

_AT_ONCE = 5_000


def read(config: Config) -> Cost:
    """kafka-python alone."""
    with closing(_consumer(config.kafka)) as consumer:
        watch = Stopwatch()
        return watch.read(sum(len(records) for polled in _polls(consumer) for records in polled.values()))


def decode(config: Config) -> Cost:
    """kafka-python and our decoder: bytes become columns, and are forgotten."""
    from consumers.wire.decode import Decoder
    from consumers.wire.reading import Reading
    from stream_monitor.task import Partition

    (stream,) = config.streams.values()
    assert stream.labels is not None
    decoders = {
        PREDICTIONS: Decoder("all", Reading("predictions", stream.predictions, stream.features, 500)),
        LABELS: Decoder("all", Reading("labels", stream.labels, stream.features, 500)),
    }
    with closing(_consumer(config.kafka)) as consumer:
        watch, rows = Stopwatch(), 0
        for polled in _polls(consumer):
            arrived = time.time_ns() // 1_000
            for partition, records in polled.items():
                for piece in decoders[partition.topic].decode(Partition(*partition), records, arrived):
                    rows += 0 if piece.section.rows is None else len(piece.section.rows)
        return watch.read(rows)


def glue(config: Config, detector: str, limit: int | None = None) -> Cost:
    """kafka-python, json, a dict for the join, one of river's detectors on each feature and ADWIN on the error."""
    from river import drift

    features = [getattr(drift, detector)() for _ in range(FEATURES)]
    errors: Any = drift.ADWIN()  # type: ignore[no-untyped-call]  # river is typed in parts
    waiting: dict[str, Any] = {}
    with closing(_consumer(config.kafka)) as consumer:
        watch, events, alarms = Stopwatch(), 0, 0
        for polled in _polls(consumer):
            for partition, records in polled.items():
                for record in records[: None if limit is None else limit - events]:
                    event = json.loads(record.value)
                    if partition.topic == PREDICTIONS:
                        alarms += _watch(features, event["features"])
                        waiting[event["prediction_id"]] = event["prediction"]
                    elif event["prediction_id"] in waiting:
                        errors.update(event["label"] != waiting.pop(event["prediction_id"]))
                        alarms += errors.drift_detected
                    events += 1
            if limit is not None and events >= limit:
                break
        return watch.read(events)


def _watch(detectors: Sequence[Any], features: Mapping[str, float]) -> int:
    alarms = 0
    for detector, value in zip(detectors, features.values()):
        detector.update(value)
        alarms += detector.drift_detected
    return alarms


def _consumer(kafka: Kafka) -> KafkaConsumer:
    consumer = kafka_client.consumer(kafka, auto_offset_reset="earliest")
    topics = (PREDICTIONS, LABELS)
    consumer.assign([TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic)])
    return consumer


def _polls(consumer: KafkaConsumer) -> Iterator[Mapping[TopicPartition, list[Any]]]:
    """Everything there is, once."""
    ends = consumer.end_offsets(consumer.assignment())
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        yield consumer.poll(timeout_ms=200, max_records=_AT_ONCE)
