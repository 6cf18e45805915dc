"""The topics of a deployment: what they should be, what is there, and how they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import structlog
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError, for_code

from consumers.kafka import kafka_client
from stream_monitor.config.deployment import Config
from stream_monitor.task import STATES

log = structlog.get_logger()

EVENTS = ("alerts", "retrain", "reviews", "metrics", "dead-letters")

_DAY = 86_400_000
_COMPACTED = {
    "cleanup.policy": "compact",
    # A restore reads all of it: old snapshots are to go soon, and only closed segments are cleaned.
    "segment.ms": str(3_600_000),
    "min.cleanable.dirty.ratio": "0.3",
    "max.compaction.lag.ms": str(_DAY),
    # Longer than any restore takes, or it could miss that a key was deleted.
    "delete.retention.ms": str(_DAY),
}


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic as it should be, and how it stands."""

    name: str
    partitions: int
    """At least one; the partition count of a topic that is there is not changed."""
    configs: Mapping[str, str]
    why: str
    exists: bool = False
    differs: tuple[str, ...] = ()
    """What is otherwise than it should be, in words."""
    ours: bool = True
    """Whether it is created with the others; the inputs are not."""
    exact: bool = field(default=False, kw_only=True)
    """Whether its partition count must be the planned one."""


class MissingTopics(Exception):
    """Topics that must be there are not, or are not as they must be."""


def plan(config: Config, *, include_inputs: bool = False) -> list[TopicPlan]:
    """Every topic that the deployment needs, compared with what is there; inputs are ours to create only on request."""
    wanted = [*_own(config), *_inputs(config, include_inputs)]
    with closing(kafka_client.admin(config.kafka)) as admin, kafka_client.reaching(config.kafka):
        counts = _partition_counts(admin)
        configs = _configs(admin, [topic.name for topic in wanted if topic.name in counts])
    return [_compared(topic, counts.get(topic.name), configs.get(topic.name, {})) for topic in wanted]


def create(config: Config, *, include_inputs: bool = False) -> list[TopicPlan]:
    """Creates what is missing and gives the plan of what was created; what is there stays as it is."""
    missing = [topic for topic in plan(config, include_inputs=include_inputs) if not topic.exists and topic.ours]
    if missing:
        with closing(kafka_client.admin(config.kafka)) as admin, kafka_client.reaching(config.kafka):
            replicas = config.topics.replication_factor
            _create(admin, missing, replicas)
            admin.wait_for_topics([topic.name for topic in missing])
    return missing


def require(config: Config) -> None:
    """Raises MissingTopics unless everything is there and blocks has the partitions that its streams are spread over.

    Of the inputs one is enough: one that is missing, which the log says, is no reason to leave the other streams alone.
    """
    planned = plan(config)
    own = [topic.name for topic in planned if not topic.exists and topic.ours]
    missing = [topic.name for topic in planned if not topic.exists and not topic.ours]
    if own:
        lacking = f"missing topics, or none that this user may describe: {', '.join(own)}"
        inputs_too = f"; and inputs, which are named under streams: {', '.join(missing)}" if missing else ""
        raise MissingTopics(f"{lacking}; make them with: stream-monitor topics create{inputs_too}")
    if len(missing) == len(inputs(config)):
        raise MissingTopics(f"missing input topics: {', '.join(missing)}; they are named under streams")
    for name in missing:
        log.error("input_missing", topic=name, streams=_reading(config, name), reads="from its beginning, once it is there")
    for topic in planned:
        if topic.exact and any(difference.startswith("partitions") for difference in topic.differs):
            raise MissingTopics(
                f"{topic.name} has other {topic.differs[0]}: set topics.partitions to that, or use a new prefix"
            )


def inputs(config: Config) -> list[str]:
    """The topics that events come from, each once."""
    sources = [source for stream in config.streams.values() for source in (stream.predictions, stream.labels) if source]
    return list(dict.fromkeys(source.topic for source in sources))


def _reading(config: Config, topic: str) -> list[str]:
    """The streams that events of a topic are for."""
    return [
        name
        for name, stream in config.streams.items()
        if topic == stream.predictions.topic or (stream.labels is not None and topic == stream.labels.topic)
    ]


def _own(config: Config) -> Iterable[TopicPlan]:
    name, partitions = config.topics.name, config.topics.partitions
    retention = str(config.topics.retention // 1000)
    blocks = {"cleanup.policy": "delete", "retention.ms": retention, "message.timestamp.type": "LogAppendTime"}
    yield TopicPlan(name("blocks"), partitions, blocks, "the record of every stream", exact=True)
    for state in STATES:
        size = {"max.message.bytes": str(8_000_000)} if state == "snapshots" else {}
        yield TopicPlan(name(state), partitions, _COMPACTED | size, "state, partitioned as blocks", exact=True)
    for channel in EVENTS:
        days = 7 if channel in ("metrics", "dead-letters") else 30
        yield TopicPlan(name(channel), partitions, _deleted(days), "what is published")
    yield TopicPlan(name("control"), 1, _deleted(30), "verdicts, silences and approvals come in here")


def _inputs(config: Config, ours: bool) -> Iterable[TopicPlan]:
    for topic in inputs(config):
        yield TopicPlan(topic, config.topics.partitions, {}, "input", ours=ours)


def _deleted(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * _DAY)}


def _partition_counts(admin: KafkaAdminClient) -> dict[str, int]:
    return {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}


def _configs(admin: KafkaAdminClient, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described: Mapping[str, Mapping[str, Any]] = admin.describe_configs(resources, config_filter="all")["topic"]
    return described


def _compared(topic: TopicPlan, partitions: int | None, configs: Mapping[str, Any]) -> TopicPlan:
    if partitions is None:
        return topic
    there = {key: _value(configs, key) for key in topic.configs}
    differs = [f"{key}: {there[key]}, planned {value}" for key, value in topic.configs.items() if there[key] != value]
    if topic.why != "input" and partitions != topic.partitions:
        differs.insert(0, f"partitions: {partitions}, planned {topic.partitions}")
    return TopicPlan(topic.name, partitions, topic.configs, topic.why, True, tuple(differs), topic.ours, exact=topic.exact)


def _value(configs: Mapping[str, Any], key: str) -> str | None:
    found = configs.get(key)
    return found["value"] if isinstance(found, Mapping) else found


def _create(admin: KafkaAdminClient, missing: Sequence[TopicPlan], replicas: int) -> None:
    """Somebody may be faster than we are: a topic that is there by now is as good."""
    wanted = {
        topic.name: {"num_partitions": topic.partitions, "replication_factor": replicas, "configs": dict(topic.configs)}
        for topic in missing
    }
    for topic in admin.create_topics(wanted, raise_errors=False)["topics"]:
        error = for_code(topic["error_code"])
        if topic["error_code"] and error is not TopicAlreadyExistsError:
            raise error(f"{topic['name']}: {topic['error_message']}")
