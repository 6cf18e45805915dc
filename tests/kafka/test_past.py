"""A reference that is a time range of the prediction topic."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka import KafkaProducer
from pydantic import ValidationError

from consumers.broker.node import Broker
from consumers.intake.intake import Intake
from consumers.kafka.past import references
from stream_monitor import blocks
from stream_monitor.config.deployment import Config
from stream_monitor.task import End, Partition, Slice
from tests.conftest import create_topic

BEGIN = 1_777_593_600


def config(address: str, topic: str, since: str, until: str) -> Config:
    """A stream whose reference is a range of its topic."""
    stream = {"predictions": {"topic": topic}, "reference": {"since": since, "until": until}}
    return Config.model_validate({"kafka": {"bootstrap_servers": address}, "streams": {"s": stream}})


def test_the_records_of_the_range_are_the_reference_and_no_others(
    broker: Broker, unique: Callable[[str], str], producer: KafkaProducer
) -> None:
    topic = unique("past")
    create_topic(broker.address, topic, 2)
    for number in range(600):
        event = f'{{"prediction_id": "p{number}", "time": {BEGIN + number}, "prediction": 1, "features": {{"x": {number}}}}}'
        producer.send(topic, event.encode(), partition=number % 2, timestamp_ms=(BEGIN + number) * 1000)
    producer.flush()
    chosen = config(broker.address, topic, "2026-05-01T00:01:40Z", "2026-05-01T00:08:20Z")
    outputs = Intake(chosen, references(chosen)).process(_read(topic, BEGIN + 1000))
    sections = [
        section for output in outputs if output.channel == "blocks" for section in blocks.decode(output.value or b"").sections
    ]
    found = sorted(
        x for s in sections if s.kind == "reference" and s.rows is not None for x in s.rows.number("feature:x").tolist()
    )
    assert found == list(range(100, 500))
    again = Intake(chosen, references(chosen)).process(_read(topic, BEGIN + 2000))
    documents = {
        section.document
        for output in (*outputs, *again) if output.channel == "blocks"
        for section in blocks.decode(output.value or b"").sections if section.kind == "reference"
    }  # fmt: skip
    assert len(documents) == 1


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ({"since": "2026-05-01"}, "needs both"),
        ({"since": "2026-05-01", "until": "soon"}, "not a time"),
        ({"since": "2026-05-01", "until": "2026-05-02", "file": "r.csv"}, "not both"),
    ],
)
def test_half_a_range_is_refused(reference: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Config.model_validate({"streams": {"s": {"predictions": {"topic": "p"}, "reference": reference}}})


def _read(topic: str, at: int) -> Slice:
    """A first read that gave nothing."""
    return Slice(arrived=at * 1_000_000, ends={Partition(topic, 0): End(0, True)})
