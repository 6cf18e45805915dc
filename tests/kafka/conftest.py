"""What the tests on a real Kafka share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from consumers.broker.node import Broker
from consumers.kafka.kafka_log import KafkaLog
from stream_monitor.task import Task, step
from tests.kafka.toys import World, make_world


@pytest.fixture
def world(broker: Broker, unique: Callable[[str], str], topic: Callable[..., str]) -> World:
    """An input of one partition, and where a toy writes to."""
    return make_world(broker.address, unique, topic)


@pytest.fixture
def wide_world(broker: Broker, unique: Callable[[str], str], topic: Callable[..., str]) -> World:
    """The same with four partitions."""
    return make_world(broker.address, unique, topic, partitions=4)


@pytest.fixture
def producer(broker: Broker) -> Iterator[KafkaProducer]:
    """Writes what the tests say."""
    with closing(KafkaProducer(bootstrap_servers=broker.address, linger_ms=5, max_request_size=16_000_000)) as made:
        yield made


@pytest.fixture
def closed() -> Iterator[Callable[[KafkaLog], KafkaLog]]:
    """Closes logs at the end: `log = closed(world.log())`."""
    logs: list[KafkaLog] = []

    def remember(log: KafkaLog) -> KafkaLog:
        logs.append(log)
        return log

    yield remember
    for log in logs:
        log.close(grace=2.0)


def send(producer: KafkaProducer, topic: str, values: Any, partition: int | None = 0, **more: Any) -> None:
    """Writes values to a partition, or round and round where it is None."""
    partitions = sorted(producer.partitions_for(topic))
    for number, value in enumerate(values):
        at = partitions[number % len(partitions)] if partition is None else partition
        producer.send(topic, value if isinstance(value, bytes) else str(value).encode(), partition=at, **more)
    producer.flush()


def work_until(task: Task, log: KafkaLog, done: Callable[[], bool], seconds: float = 20.0) -> None:
    """Steps until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "not done in time"
        step(task, log)


def drained(log: KafkaLog) -> Callable[[], bool]:
    """Whether a log has partitions and stands at the end that it was told last: ask only for what was there before it."""
    return lambda: bool(log.positions()) and len(log.lags()) == len(log.positions()) and not any(log.lags().values())


def records(address: str, topic: str) -> list[Any]:
    """All records of a topic that are committed, in order within each partition."""
    settings = {"isolation_level": "read_committed", "enable_auto_commit": False, "fetch_max_wait_ms": 10}
    with closing(KafkaConsumer(bootstrap_servers=address, **settings)) as consumer:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        found: list[Any] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            found += [record for batch in consumer.poll(timeout_ms=200).values() for record in batch]
    return found


def said(world: World) -> list[Any]:
    """What the toy on a world has said."""
    return [json.loads(record.value) for record in records(world.address, world.alerts)]
