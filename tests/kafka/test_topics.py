"""The topics of a deployment: planned, created, compared, and missed where they are not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from consumers.broker.node import Broker
from consumers.kafka import topics
from consumers.kafka.kafka_client import KafkaUnreachable
from stream_monitor.config.deployment import Config
from tests.conftest import create_topic

Make = Callable[..., Config]


@pytest.fixture
def make(broker: Broker, unique: Callable[[str], str]) -> Make:
    """A configuration on the shared broker, with a prefix and inputs of its own."""
    name = unique("plan")

    def made(partitions: int = 2, address: str = broker.address, **more: Any) -> Config:
        streams = {"s": {"predictions": {"topic": f"{name}.p"}, "labels": {"topic": f"{name}.l"}}}
        kafka = {"bootstrap_servers": address, "client": {"bootstrap_timeout_ms": 1_000}}
        return Config.model_validate(
            {"kafka": kafka, "topics": {"prefix": name, "partitions": partitions, "retention": "3d"}, "streams": streams} | more
        )

    return made


def short(config: Config, planned: list[topics.TopicPlan]) -> set[str]:
    return {topic.name.removeprefix(config.topics.prefix + ".") for topic in planned}


STATES = {"snapshots", "waiting", "alerts.current", "retrain.current"}
OURS = STATES | {"blocks", "alerts", "retrain", "reviews", "metrics", "dead-letters", "control"}


def test_what_is_missing_is_created_once_and_inputs_only_when_asked_for(make: Make) -> None:
    config = make()
    assert short(config, topics.create(config)) == OURS
    assert topics.create(config) == []
    assert short(config, topics.create(config, include_inputs=True)) == {"p", "l"}
    topics.require(config)
    planned = topics.plan(config)
    assert all(topic.exists and not topic.differs for topic in planned)


def test_state_has_the_partitions_of_blocks_and_only_its_latest_values_are_kept(make: Make) -> None:
    config = make(partitions=3)
    topics.create(config)
    plans = {topic.name.removeprefix(config.topics.prefix + "."): topic for topic in topics.plan(config)}
    for name in STATES:
        assert plans[name].partitions == plans["blocks"].partitions == 3
        assert plans[name].configs["cleanup.policy"] == "compact"
    assert plans["blocks"].configs["retention.ms"] == str(3 * 86_400_000)
    assert plans["blocks"].configs["message.timestamp.type"] == "LogAppendTime"


def test_missing_topics_are_named_with_the_command_that_makes_them(make: Make) -> None:
    config = make()
    named = rf"{config.topics.prefix}\.blocks.*stream-monitor topics create; and inputs, .*: {config.topics.prefix}\.p,"
    with pytest.raises(topics.MissingTopics, match=named):
        topics.require(config)
    topics.create(config)
    with pytest.raises(topics.MissingTopics, match=rf"missing input topics: {config.topics.prefix}\.p"):
        topics.require(config)


def test_one_input_that_is_missing_keeps_no_other_from_being_read(broker: Broker, make: Make) -> None:
    config = make()
    topics.create(config)
    create_topic(broker.address, f"{config.topics.prefix}.p")
    with capture_logs() as told:
        topics.require(config)
    assert [(one["event"], one["topic"], one["streams"]) for one in told] == [
        ("input_missing", f"{config.topics.prefix}.l", ["s"])
    ]


def test_another_number_of_partitions_than_blocks_has_is_refused(make: Make) -> None:
    topics.create(make(partitions=2), include_inputs=True)
    with pytest.raises(topics.MissingTopics, match="blocks has other partitions: 2, planned 4"):
        topics.require(make(partitions=4))


def test_a_topic_that_is_otherwise_than_planned_says_so(broker: Broker, make: Make) -> None:
    config = make()
    create_topic(broker.address, config.topics.name("snapshots"), 2, retention_ms=1000)
    [snapshots] = [topic for topic in topics.plan(config) if topic.name.endswith("snapshots")]
    assert snapshots.exists
    assert "cleanup.policy: delete, planned compact" in snapshots.differs


def test_a_broker_that_is_not_there_is_out_of_reach(make: Make) -> None:
    with pytest.raises(KafkaUnreachable, match="is out of reach"):
        topics.plan(make(address="127.0.0.1:1"))


def test_a_client_setting_that_the_guarantees_rest_on_is_refused(make: Make) -> None:
    for key, why in (("isolation_level", "guarantees"), ("nonsense", "no setting")):
        config = make(kafka={"client": {key: "x"}})
        with pytest.raises(ValueError, match=rf"kafka\.client\.{key}.*{why}"):
            topics.plan(config)
