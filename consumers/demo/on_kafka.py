"""The whole program on a real Kafka: a broker and a daemon in this process, their topics written and read as anybody would."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack, closing
from threading import Thread
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition

from consumers.broker.node import Broker
from consumers.daemon import Daemon, pair
from consumers.demo.embedded import PUBLISHED
from consumers.demo.events import DemoEvent
from consumers.demo.feed import Feed
from consumers.kafka import kafka_client, topics
from stream_monitor.config.deployment import Config
from stream_monitor.config.quality import Quality
from stream_monitor.config.stream import StreamConfig

_WAIT = 200
"""Milliseconds that a read of what was published waits."""
_TOLERANCE = 86_400_000_000
"""Microseconds of the data by which its rows may be out of order: it has 40 hours in a second."""


class OnKafka:
    """A context in which the program runs; its broker and all data go with it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        (self._stream, _), *_ = config.streams.items()
        self._published = [config.topics.name(channel) for channel in PUBLISHED]
        self._stack = ExitStack()

    def send(self, events: Sequence[DemoEvent]) -> None:
        """Writes events to the topics that are watched."""
        self._feed.send(events)

    def published(self) -> list[dict[str, Any]]:
        """The alerts, retrain requests and metrics that came since the last call, as CloudEvents."""
        polled = self._subscriber.poll(timeout_ms=_WAIT if self._all_sent else 0)
        in_order = sorted(polled, key=lambda partition: self._published.index(partition.topic))
        return [json.loads(record.value) for partition in in_order for record in polled[partition]]

    def status(self) -> dict[str, Any]:
        """What the stream is doing; empty before its first event."""
        status: dict[str, Any] = self._daemon.statuses["watch"].get("streams", {}).get(self._stream, {})
        return status

    def drained(self, predictions: int, labels: int) -> bool:
        """Whether so many events have been watched, and what came of them was read; raises what the daemon died of."""
        self._all_sent = True
        self._feed.flush()
        for failure in self._daemon.failures.values():
            raise failure
        counts = self.status().get("counts", {})
        if (counts.get("predictions"), counts.get("labels")) != (predictions, labels):
            return False
        ends = self._subscriber.end_offsets(self._subscriber.assignment())
        return all(self._subscriber.position(partition) >= end for partition, end in ends.items())

    def __enter__(self) -> Self:
        # A slow moment of this process is no news to somebody who watches a demo.
        logging.getLogger("kafka").setLevel(logging.ERROR)
        with self._stack as stack:
            config = at(stack.enter_context(Broker()).address, self._config)
            topics.create(config, include_inputs=True)
            self._daemon = Daemon({name: pair(config, name) for name in ("intake", "watch")})
            stack.callback(self._end, _running(self._daemon))
            self._feed = stack.enter_context(closing(Feed(config)))
            self._subscriber = stack.enter_context(closing(_subscriber(config, self._published)))
            self._all_sent = False
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _end(self, thread: Thread) -> None:
        self._daemon.stop()
        thread.join()


def at(address: str, config: Config) -> Config:
    """The configuration for this broker; one partition keeps the order of the data at any speed.

    Days pass in seconds here, so that a label which is written a moment before a prediction is hours ahead of it.
    """
    kafka = config.kafka.model_copy(update={"bootstrap_servers": (address,)})
    one = config.topics.model_copy(update={"partitions": 1})
    streams = {name: stream.model_copy(update={"quality": _tolerant(stream)}) for name, stream in config.streams.items()}
    return config.model_copy(update={"kafka": kafka, "topics": one, "streams": streams})


def _tolerant(stream: StreamConfig) -> Quality:
    return stream.quality.model_copy(update={"tolerance": _TOLERANCE})


def _running(daemon: Daemon) -> Thread:
    thread = Thread(target=daemon.run, name="daemon", daemon=True)
    thread.start()
    return thread


def _subscriber(config: Config, names: Sequence[str]) -> KafkaConsumer:
    """Reads what is published from its beginning, as somebody who subscribes to it would."""
    subscriber = kafka_client.consumer(config.kafka, auto_offset_reset="earliest")
    subscriber.assign([TopicPartition(name, 0) for name in names])
    return subscriber
