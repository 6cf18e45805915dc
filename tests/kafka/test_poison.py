"""Bad records among good ones on a real broker: as many dead letters as there were bad ones, and nothing else is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

import msgspec
import pytest
from kafka import KafkaProducer

from consumers.broker.node import Broker
from consumers.daemon import pair
from consumers.kafka import topics
from stream_monitor import blocks
from stream_monitor.config.deployment import Config
from stream_monitor.task import step
from tests.conftest import create_topic
from tests.kafka.conftest import records

GOOD = [msgspec.json.encode({"prediction_id": f"g{i}", "time": 1_767_225_600 + i, "prediction": i % 2}) for i in range(200)]
BAD = [
    b"{not json",
    b"",
    b"17",
    b'{"prediction_id": "no time", "prediction": 1}',
    b'{"prediction_id": {"an": "object"}, "time": 1767225600, "prediction": 1}',
    b'{"prediction_id": "odd time", "time": "soon", "prediction": 1}',
    b'{"prediction_id": "no prediction", "time": 1767225600}',
    b"\xff\xfe\x00 not a text",
    b'{"prediction_id": "large", "time": 1767225600, "prediction": "' + b"x" * 10_000_000 + b'"}',
    None,
]


@pytest.fixture
def config(broker: Broker, unique: Callable[[str], str]) -> Config:
    """A deployment of one stream, with its topics."""
    name = unique("poison")
    made = Config.model_validate(
        {
            "start": "earliest",
            "kafka": {"bootstrap_servers": broker.address, "group": name, "session_timeout": "6s"},
            "topics": {"prefix": name, "partitions": 1},
            "streams": {"s": {"predictions": {"topic": f"{name}.in"}}},
        }
    )
    topics.create(made, include_inputs=False)
    create_topic(broker.address, f"{name}.in", max_message_bytes=12_000_000)
    return made


def test_bad_records_become_dead_letters_and_the_good_ones_rows(config: Config, producer: KafkaProducer) -> None:
    source = config.streams["s"].predictions.topic
    for i, good in enumerate(GOOD):
        producer.send(source, good)
        if i % 20 == 7:
            producer.send(source, BAD[i // 20], key=b"key")
    producer.flush()
    intake, log = pair(config, "intake")
    with closing(log):
        while not log.lags() or any(log.lags().values()):
            step(intake, log)
    sections = [
        section
        for record in records(config.kafka.bootstrap_servers[0], config.topics.name("blocks"))
        for section in blocks.decode(record.value).sections
        if section.kind == "predictions"
    ]
    assert [name for section in sections if section.rows for name in section.rows.names] == [f"g{i}" for i in range(200)]
    assert sum(section.dead for section in sections) == len(BAD)
    letters = [json.loads(r.value) for r in records(config.kafka.bootstrap_servers[0], config.topics.name("dead-letters"))]
    assert [letter["data"]["offset"] for letter in letters] == [8 + 21 * i for i in range(len(BAD))]
    assert all("payload" not in letter["data"] or letter["data"]["payload"] is None for letter in letters)
    assert len({letter["data"]["reason"] for letter in letters}) > 3
