"""What `check-config --connect` says about a cluster, and what a broker says about a user who may do little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from consumers.broker.node import Broker
from consumers.kafka import topics
from consumers.kafka.check import check, findings
from consumers.kafka.cluster import Cluster, TopicFacts
from consumers.kafka.topics import TopicPlan
from stream_monitor.config.advice import advice
from stream_monitor.config.deployment import Config

ALL = frozenset({"READ", "WRITE", "DESCRIBE"})
DAY = 86_400_000
STREAM: dict[str, Any] = {"predictions": {"topic": "p"}, "labels": {"topic": "l"}, "reference": {"span": "1d"}}
ESTIMATED: dict[str, Any] = {"below": 0.8, "basis": "estimated"}
FACTS = {
    "us.blocks": TopicFacts(8, 3, False, ALL, {"retention.ms": str(8 * DAY), "cleanup.policy": "delete"}),
    "us.snapshots": TopicFacts(8, 3, False, ALL, {"cleanup.policy": "compact"}),
    "us.alerts": TopicFacts(8, 3, False, ALL, {"cleanup.policy": "delete"}),
    "p": TopicFacts(4, 3, False, ALL, {"retention.ms": str(7 * DAY)}),
    "l": TopicFacts(4, 3, False, ALL, {"retention.ms": str(7 * DAY)}),
}
PLAN = [
    TopicPlan("us.blocks", 8, {}, "the record of every stream", exists=True, exact=True),
    TopicPlan("us.snapshots", 8, {}, "state, partitioned as blocks", exists=True, exact=True),
    TopicPlan("us.alerts", 8, {}, "what is published", exists=True),
    TopicPlan("p", 8, {}, "input", exists=True, ours=False),
    TopicPlan("l", 8, {}, "input", exists=True, ours=False),
]


def configured(**stream: Any) -> Config:
    return Config.model_validate({"topics": {"prefix": "us"}, "streams": {"s": STREAM | stream}})


def opposed() -> dict[str, Any]:
    """A stream with limits of metrics that no task has both."""
    limits = [{"metric": "mae", "above": 0.5}, {"metric": "accuracy", "below": 0.7}, {"metric": "latency_p99", "above": 9.0}]
    return {"performance": {"limits": limits}}


def limited(**rule: Any) -> dict[str, Any]:
    """A stream with a limit."""
    return {"performance": {"limits": [rule]}, "segments": {"keys": ["region"]}}


def said(name: str = "", differs: str = "", refusals: tuple[str, ...] = (), **facts: Any) -> list[str]:
    """Warnings and errors about a cluster that is as it should be but for one topic."""
    changed = FACTS | ({name: replace(FACTS[name], **facts)} if name else {})
    planned = [replace(topic, differs=(differs,)) if differs and topic.name == name else topic for topic in PLAN]
    found = findings(configured(), planned, Cluster(3, changed, refusals))
    return [f"{one.level} {one.key}: {one.text}" for one in found if one.level != "ok"]


def test_a_cluster_as_it_should_be_is_ok() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("name", "facts", "expected"),
    [
        ("p", {"partitions": 0}, "error p: does not exist, or may not be seen; it is named under streams"),
        ("us.alerts", {"partitions": 0},
         "error us.alerts: does not exist, or may not be seen; stream-monitor topics create makes it"),
        ("us.alerts", {"partitions": 0, "refused": True}, "error us.alerts: may not be described: grant DESCRIBE"),
        ("p", {"operations": frozenset({"DESCRIBE"})}, "error p: READ refused: grant READ"),
        ("us.blocks", {"operations": frozenset({"DESCRIBE"})}, "error us.blocks: READ and WRITE refused: grant READ, WRITE"),
        ("us.alerts", {"operations": frozenset({"READ"})}, "error us.alerts: WRITE refused: grant WRITE"),
        ("us.blocks", {"configs": {"retention.ms": str(DAY // 48)}},
         "error us.blocks: retention.ms is 30m: a restart reads blocks from snapshots on, which are minutes old, and could miss"
         " some"),
        ("us.blocks", {"configs": {"retention.ms": str(DAY // 2)}},
         "warning us.blocks: retention.ms is 12h: after an outage that is as long, blocks would be lost"),
        ("us.blocks", {"configs": {"retention.bytes": "1"}},
         "warning us.blocks: retention.bytes may cut the record earlier than its time"),
        ("us.blocks", {"configs": {"max.message.bytes": "500000"}},
         "error us.blocks: max.message.bytes is 500000; records have up to 1000000"),
        ("p", {"configs": {"retention.ms": "3600000"}},
         "warning p: is kept for 1h: if nobody reads for longer, events are lost"),
        ("l", {"configs": {"cleanup.policy": "compact"}},
         "warning l: is compacted: events with the same key are lost unless they are read in time"),
        ("us.snapshots", {"replicas": 1}, "warning us.snapshots: has one replica on 3 brokers: one that fails takes it along"),
        ("us.snapshots", {"configs": {}},
         "warning topics: their settings may not be seen (grant DESCRIBE_CONFIGS), so they are not checked: us.snapshots"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_should_be_is_named(name: str, facts: dict[str, Any], expected: str) -> None:
    assert said(name, **facts) == [expected]


@pytest.mark.parametrize(
    ("name", "differs", "level"),
    [
        ("us.blocks", "partitions: 4, planned 8", "error"),
        ("us.snapshots", "partitions: 4, planned 8", "error"),
        ("us.snapshots", "cleanup.policy: delete, planned compact", "error"),
        ("us.snapshots", "segment.ms: 604800000, planned 3600000", "warning"),
        ("us.alerts", "retention.ms: 1, planned 2", None),
    ],
)
def test_differences_matter_where_state_is(name: str, differs: str, level: str | None) -> None:
    assert said(name, differs) == ([f"{level} {name}: {differs}"] if level else [])


def test_a_group_that_is_refused_is_named() -> None:
    assert said(refusals=("group g is refused: READ is needed",)) == ["error kafka: group g is refused: READ is needed"]


def test_disk_is_estimated_from_the_rate_of_blocks_or_else_of_the_inputs() -> None:
    busy = {name: replace(FACTS[name], records=1_000, size=100_000_000, per_second=1.0) for name in ("us.blocks", "p")}
    of_blocks = findings(configured(), PLAN, Cluster(3, FACTS | {"us.blocks": busy["us.blocks"]}))[-1]
    assert of_blocks.text == "blocks grow by 8.64 GB a day, which is 69.1 GB in 8d, per copy"
    of_inputs = findings(configured(), PLAN, Cluster(3, FACTS | {"p": busy["p"]}))[-2]
    assert of_inputs.text.startswith("the inputs, which blocks will take about as much as, grow by 8.64 GB a day")
    assert "no estimate" in findings(configured(), PLAN, Cluster(3, FACTS))[-1].text


def test_what_waits_for_labels_is_estimated_from_the_rate_of_predictions() -> None:
    busy = FACTS | {"p": replace(FACTS["p"], records=1_000, size=100_000, per_second=1.5)}
    *_, estimate, limit = findings(configured(labels={"topic": "l", "wait": "90d"}), PLAN, Cluster(3, busy))
    assert (limit.level, limit.key) == ("warning", "limits.waiting")
    said = estimate.text
    assert said.startswith("11.7 million predictions of p wait for labels in 90d: 1.17 GB of memory")
    assert said.endswith("583 MB in us.waiting, which a restart reads in about 23s")


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ({}, []),
        ({"labels": None}, ["warning streams.s.labels"]),
        ({"reference": {}}, ["warning streams.s.reference.span"]),
        ({"features": {"include": ["a", "b"], "exclude": ["b"]}}, ["warning streams.s.features"]),
        (
            {"features": {"include": ["b"], "exclude": ["b"]}},
            ["warning streams.s.features", "warning streams.s.features.include"],
        ),
        ({"features": {"types": {"a": "numeric"}, "exclude": ["a"]}}, ["warning streams.s.features.types"]),
        ({"detectors": {"score": {}}}, ["warning streams.s.detectors.score"]),
        ({"detectors": {"features": {"ks": {"window": 5_000}}}}, ["warning streams.s.detectors.features.ks"]),
        ({"alerts": {"severity": {"data_drift": "none"}}}, ["warning streams.s.alerts.severity"]),
        ({"predictions": {"topic": "us.alerts"}}, ["error streams.s"]),
        ({"alerts": {"labels": {"team": "risk", "severity": "page", "feature": "x"}}}, ["error streams.s.alerts.labels"]),
        ({"labels": {"topic": "p"}}, ["error streams.s.labels.topic"]),
        (
            {"task": "binary", "models": {"challengers": {"linear": {}, "logistic": {}}, "estimate_loss": True}},
            ["warning streams.s.models.challengers", "warning streams.s.models.estimate_loss"],
        ),
        ({"task": "regression", "models": {"challengers": {"linear": {}}, "estimate_loss": True}}, []),
        ({"task": "regression", "models": {"challengers": {"logistic": {}}}}, ["warning streams.s.models.challengers"]),
        ({"models": {"challengers": {"linear": {}}, "estimate_loss": True}}, []),
        ({"models": {"challengers": {"linear": {}, "logistic": {}}}}, ["warning streams.s.models.challengers"]),
        ({"models": {"challengers": {"linear": {}, "logistic": {}}}, "per": "model"}, []),
        (opposed(), ["warning streams.s.performance.limits.1"]),
        (opposed() | {"per": "model"}, []),
        (
            {"performance": {"limits": [ESTIMATED | {"metric": "accuracy", "window": "1d"}]}},
            ["warning streams.s.performance.limits.0"],
        ),
        (
            {"performance": {"limits": [ESTIMATED | {"metric": metric} for metric in ("accuracy", "log_loss", "mae")]}},
            ["warning streams.s.performance.limits.1", "warning streams.s.performance.limits.2"],
        ),
        ({"performance": {"limits": [ESTIMATED | {"metric": "mae"}]}, "models": {"estimate_loss": True}}, []),
        (
            {"performance": {"against_reference": {"basis": "estimated", "metrics": ["f1", "brier"]}}},
            ["warning streams.s.performance.against_reference.metrics"],
        ),
        (limited(metric="latency_p99", above=1.0, basis="cohort"), ["warning streams.s.performance.limits.0"]),
        (limited(metric="latency_p99", above=1.0, certain=True), ["warning streams.s.performance.limits.0"]),
        (limited(metric="latency_p99", above=1.0), []),
        (limited(metric="error_rate", above=0.5, certain=True), []),
        (limited(metric="error_rate", above=0.5, segment="region=eu"), ["warning streams.s.performance.limits.0"]),
        (limited(metric="mcc", below=0.5, basis="estimated"), ["warning streams.s.performance.limits.0"]),
        (limited(metric="macro_f1", below=0.5, basis="estimated"), []),
        (limited(metric="rmse", above=0.5) | {"positive": "fraud"}, ["warning streams.s.performance.limits.0"]),
        (
            {"task": "multiclass", "performance": {"against_reference": {"metrics": ["roc_auc"]}}},
            ["warning streams.s.performance.against_reference.metrics"],
        ),
        ({"task": "multiclass"}, []),
        ({"task": "regression", "positive": "yes"}, ["warning streams.s.positive"]),
        ({"task": "multiclass", "performance": {"cost": {"fp": 1}}}, ["warning streams.s.performance.cost"]),
    ],
)
def test_what_a_configuration_leaves_open_is_said_without_asking_kafka(stream: dict[str, Any], expected: list[str]) -> None:
    assert [f"{one.level} {one.key}" for one in advice(configured(**stream)) if one.level != "ok"] == expected


@pytest.mark.parametrize(
    ("kafka", "expected"),
    [
        ({"security_protocol": "SASL_SSL"}, ["sasl_mechanism"]),
        ({"security_protocol": "SASL_SSL", "client": {"sasl_mechanism": "GSSAPI"}}, []),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}, ["sasl_username", "sasl_password"]),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256", "sasl_username": "u", "sasl_password": "p"},
            [],
        ),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}, []),
    ],
)
def test_who_does_not_say_who_he_is_is_told(kafka: dict[str, Any], expected: list[str]) -> None:
    config = Config.model_validate({"kafka": kafka, "streams": {"s": STREAM}})
    assert [one.key for one in advice(config) if one.level == "error"] == [f"kafka.{key}" for key in expected]


@pytest.mark.parametrize(("retention", "level"), [("59m", "error"), ("23h", "warning"), ("1d", None)])
def test_the_record_must_go_back_as_far_as_a_restart_reads_it(retention: str, level: str | None) -> None:
    config = Config.model_validate({"topics": {"prefix": "us", "retention": retention}, "streams": {"s": STREAM}})
    assert [one.level for one in advice(config) if one.key == "topics.retention"] == ([level] if level else [])


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Broker, KafkaAdminClient]]:
    """A broker that lets alice in, who may only describe topics, and its administrator."""
    authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    properties = {"authorizer.class.name": authorizer, "super.users": "User:ANONYMOUS"}
    with Broker(sasl={"alice": "secret-word"}, properties=properties) as broker:
        internal = f"127.0.0.1:{broker._ports.internal}"
        with closing(KafkaAdminClient(bootstrap_servers=internal)) as admin:
            everything = ResourcePattern(ResourceType.TOPIC, "*", ACLResourcePatternType.LITERAL)
            allow = ACLPermissionType.ALLOW
            admin.create_acls([ACL("User:alice", "*", ACLOperation.DESCRIBE, allow, everything)])
            topics.create(
                Config.model_validate({"kafka": {"bootstrap_servers": internal}, "streams": {"s": STREAM}}), include_inputs=True
            )
            yield broker, admin


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_user_who_may_only_look_is_told_what_is_refused(guarded: tuple[Broker, KafkaAdminClient]) -> None:
    kafka = {"bootstrap_servers": guarded[0].address, "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}
    kafka |= {"sasl_username": "alice", "sasl_password": "secret-word", "instance": "one"}
    found = [f"{one.key}: {one.text}" for one in check(Config.model_validate({"kafka": kafka, "streams": {"s": STREAM}}))]
    assert "p: READ refused: grant READ" in found
    assert "stream-monitor.snapshots: READ and WRITE refused: grant READ, WRITE" in found
    assert "kafka: group stream-monitor.intake is refused: READ is needed" in found
    assert "kafka: transactional id stream-monitor.watch.one is refused: WRITE and DESCRIBE are needed" in found
    assert not any("None" in text for text in found)
