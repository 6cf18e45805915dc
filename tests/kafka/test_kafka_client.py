"""Clients that must say who they are, and what they never tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from consumers.broker.node import Broker
from consumers.kafka import kafka_client
from consumers.kafka.kafka_client import KafkaUnreachable
from stream_monitor.config.deployment import Kafka

PASSWORD = "a-secret-that-is-long"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Broker]:
    """A broker that wants a password."""
    with Broker(sasl={"monitor": PASSWORD}) as running:
        yield running


def kafka(broker: Broker, **more: Any) -> Kafka:
    settings = {
        "bootstrap_servers": broker.address,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": "monitor",
        "sasl_password": PASSWORD,
        "client": {"bootstrap_timeout_ms": 1_500},
    }
    return Kafka.model_validate(settings | more)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_every_client_gets_in_with_its_password_and_tells_nobody(
    guarded: Broker, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    caplog.set_level(logging.DEBUG)
    config = kafka(guarded, sasl_mechanism=mechanism)
    with closing(kafka_client.admin(config)) as admin, closing(kafka_client.consumer(config)) as consumer:
        assert isinstance(admin.list_topics(), list)
        assert isinstance(consumer.topics(), set)
    kafka_client.producer(config, f"client-{mechanism}").close(timeout=5)
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(config)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("request_timeout_ms", 5e3, "must be a whole number, not a number"),
        ("request_timeout_ms", None, "must be a whole number, not nothing"),
        ("max_poll_records", True, "must be a whole number, not true or false"),
        ("check_crcs", 1, "must be true or false, not a whole number"),
        ("retries", [1], "must be a number, not a list"),
        ("client_id", 7, "must be a text, not a whole number"),
        ("ssl_cafile", ["a.pem"], "must be a text, not a list"),
        ("receive_buffer_bytes", "64k", "must be a whole number, not a text"),
    ],
)
def test_a_setting_has_the_type_that_its_default_has(key: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=f"kafka.client.{key} {said}"):
        kafka_client.check(Kafka(client={key: value}))


def test_all_that_is_wrong_is_said_at_once_and_no_value() -> None:
    wrong = {"acks": 0, "sasl_plain_password": 31_415, "ssl_password": {PASSWORD: 1}, "group": "g", "isolation_level": PASSWORD}
    with pytest.raises(ValueError, match="acks is not free") as caught:
        kafka_client.check(Kafka(client={"linger_ms": 5} | wrong))
    assert [text.split()[0].removeprefix("kafka.client.") for text in str(caught.value).split("; ")] == list(wrong)
    assert PASSWORD not in str(caught.value)
    assert "31415" not in str(caught.value)


def test_a_setting_whose_default_says_no_type_may_be_anything() -> None:
    settings = {"compression_type": "zstd", "receive_buffer_bytes": 65_536, "retries": 3, "socket_options": [[6, 1, 1]]}
    kafka_client.check(Kafka(client=settings | {"ssl_cafile": None}))


def test_a_wrong_password_is_out_of_reach(guarded: Broker) -> None:
    with pytest.raises(KafkaUnreachable) as caught:
        kafka_client.admin(kafka(guarded, sasl_password="another-secret"))
    assert "another-secret" not in str(caught.value)
    assert "SaslAuthenticationFailed" in str(caught.value)
