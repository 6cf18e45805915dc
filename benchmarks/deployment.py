"""A deployment to be measured: its configuration, its topics on a broker, and events in them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any

from kafka import KafkaProducer

from benchmarks.load import Event, Load
from consumers.kafka import topics
from stream_monitor.config.deployment import Config

PARTITIONS = 8
"""Of each input topic, and of blocks."""
PREDICTIONS, LABELS = "predictions", "labels"
STREAM = "all"
"""The one in the configuration."""
SMALL: dict[str, Any] = {
    "per": "model",
    "reference": {"rows": 100},
    "detectors": {"features": {"ks": {"window": 100}}, "score": {"ks": {"window": 100}}},
}
"""What a stream of a few hundred rows needs so that its detectors have something to do."""

FIXED: dict[str, Any] = {
    "detectors": {
        "features": {"ks": {"alpha": 1e-6}}, "score": {"ks": {"alpha": 1e-6}},
        "loss": {"adwin": {"delta": 1e-4}, "page_hinkley": {"threshold": 100.0}},
    }
}  # fmt: skip
"""Detectors at thresholds of their own, outside the budget."""


def settings(address: str, name: str, **stream: Any) -> dict[str, Any]:
    """One stream, or one for each model, as a deployment of its own that reads everything from the beginning."""
    watched = {"predictions": {"topic": PREDICTIONS}, "labels": {"topic": LABELS}, "metrics": {"window": "1m"}}
    return {
        "start": "earliest",
        "kafka": {"bootstrap_servers": [address], "group": name, "instance": name},
        "topics": {"prefix": name, "partitions": PARTITIONS},
        "http": {"port": 0},
        "log": {"level": "warning"},
        "streams": {STREAM: watched | stream},
    }


def configuration(address: str, name: str, **stream: Any) -> Config:
    """The same, checked."""
    return Config.model_validate(settings(address, name, **stream))


def fill(config: Config, load: Load) -> None:
    """Makes the topics and writes all events, each with its own time as the record's."""
    topics.create(config, include_inputs=True)
    address = list(config.kafka.bootstrap_servers)
    with closing(KafkaProducer(bootstrap_servers=address, linger_ms=50, batch_size=262_144, acks=1)) as producer:
        for topic, events in ((PREDICTIONS, load.predictions), (LABELS, load.labels)):
            _send(producer, topic, events)
        producer.flush()


def _send(producer: KafkaProducer, topic: str, events: Iterable[Event]) -> None:
    """The events of a model stay in order; a stream without models is spread evenly."""
    models = len({event.model for event in events})
    for number, (time, model, value) in enumerate(events):
        producer.send(topic, value, partition=(number if models == 1 else model) % PARTITIONS, timestamp_ms=time // 1_000)
