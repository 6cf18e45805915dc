"""What Kafka says about the topics of a deployment, and what it lets us do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import (
    ClusterAuthorizationFailedError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaError,
    TransactionalIdAuthorizationFailedError,
)

from consumers.kafka import kafka_client
from stream_monitor.config.deployment import Config

LOOK_BACK = 3_600.0
"""Seconds over which rates are taken."""
_REFUSED = 29
_TASKS = ("intake", "watch")
_COORDINATOR_SECONDS = 15.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic as it is."""

    partitions: int = 0
    """0 where it does not exist, or may not be seen."""
    replicas: int = 1
    refused: bool = False
    """Whether we may not even describe it."""
    operations: frozenset[str] = frozenset()
    """What we may do, like READ and WRITE."""
    configs: Mapping[str, str] = field(default_factory=dict)
    """Kafka's settings of it; empty where we may not see them."""
    records: int = 0
    per_second: float = 0.0
    size: int | None = None
    """Bytes of one copy; None where nobody tells us."""

    def number(self, key: str) -> int | None:
        """A setting that is a number; None where it is not known."""
        value = self.configs.get(key)
        return None if value is None else int(value)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as this deployment sees it."""

    brokers: int
    topics: Mapping[str, TopicFacts]
    refusals: tuple[str, ...] = ()
    """Groups and transactions that are not ours to use, in words."""


def look(config: Config, names: Sequence[str]) -> Cluster:
    """What there is to know about some topics; raises KafkaUnreachable."""
    with closing(kafka_client.admin(config.kafka)) as admin, kafka_client.reaching(config.kafka):
        described = {topic["name"]: topic for topic in admin.describe_topics(list(names))}
        there = [name for name, topic in described.items() if topic["error_code"] == 0]
        configs, sizes = _configs(admin, there), _sizes(admin, described, there)
        rates = {name: _rate(admin, name, len(described[name]["partitions"])) for name in there}
        topics = {
            name: _facts(described[name], configs.get(name, {}), sizes.get(name), rates.get(name, (0, 0.0))) for name in names
        }
        return Cluster(len(admin.describe_cluster()["brokers"]), topics, tuple(_refusals(admin, config)))


def _facts(topic: Mapping[str, Any], configs: Mapping[str, str], size: int | None, rate: tuple[int, float]) -> TopicFacts:
    partitions = topic["partitions"] if topic["error_code"] == 0 else []
    return TopicFacts(
        partitions=len(partitions),
        replicas=min((len(one["replica_nodes"]) for one in partitions), default=1),
        refused=topic["error_code"] == _REFUSED,
        operations=frozenset(topic["authorized_operations"] or ()),
        configs=configs,
        records=rate[0],
        per_second=rate[1],
        size=size,
    )


def _configs(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name in names:
        try:
            said = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
        except KafkaError:
            continue
        found[name] = {key: _plain(value) for key, value in said.get("topic", {}).get(name, {}).items()}
    return found


def _plain(value: Any) -> str:
    return str(value["value"] if isinstance(value, Mapping) else value)


def _sizes(admin: KafkaAdminClient, described: Mapping[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Bytes of the largest copy of each partition, summed by topic; nothing where we may not ask."""
    wanted = {name: [one["partition_index"] for one in described[name]["partitions"]] for name in names}
    try:
        brokers = admin.describe_log_dirs(wanted) if wanted else []
    except KafkaError:
        return {}
    largest: dict[tuple[str, int], int] = {}
    for topic in (topic for broker in brokers for folder in broker["log_dirs"] for topic in folder["topics"]):
        for one in topic["partitions"]:
            place = topic["name"], one["partition_index"]
            largest[place] = max(largest.get(place, 0), one["partition_size"])
    return {name: sum(size for (topic, _), size in largest.items() if topic == name) for name in {t for t, _ in largest}}


def _rate(admin: KafkaAdminClient, name: str, partitions: int) -> tuple[int, float]:
    """Records that are there, and how many came each second of late; nothing where we may not read."""
    places = [TopicPartition(name, number) for number in range(partitions)]
    now = time.time()
    try:
        first = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
        last = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        since = admin.list_partition_offsets(dict.fromkeys(places, round((now - LOOK_BACK) * 1000)))
    except KafkaError:
        return 0, 0.0
    records = sum(last[place].offset - first[place].offset for place in places)
    found = {place: since[place] for place in places if since[place].offset >= 0}
    oldest = min((one.timestamp for one in found.values()), default=0) / 1000
    recent = sum(last[place].offset - one.offset for place, one in found.items())
    return records, recent / max(now - oldest, 1.0) if found else 0.0


def _refusals(admin: KafkaAdminClient, config: Config) -> list[str]:
    refused = []
    for task in _TASKS:
        group = f"{config.kafka.group}.{task}"
        if not _may(lambda group=group: admin.describe_groups([group])):  # type: ignore[misc]  # a default binds it
            refused.append(f"group {group} is refused: READ is needed")
        transaction = f"{group}.{kafka_client.instance(config.kafka)}"
        if not _may(lambda id=transaction: admin.describe_transactions([id])):  # type: ignore[misc]  # a default binds it
            refused.append(f"transactional id {transaction} is refused: WRITE and DESCRIBE are needed")
    return refused


def _may(ask: Callable[[], Any]) -> bool:
    """Whether an answer other than a refusal comes; a coordinator may first have to be found."""
    deadline = time.monotonic() + _COORDINATOR_SECONDS
    while True:
        try:
            ask()
        except (GroupAuthorizationFailedError, TransactionalIdAuthorizationFailedError, ClusterAuthorizationFailedError):
            return False
        except CoordinatorNotAvailableError:
            if time.monotonic() < deadline:
                time.sleep(0.2)
                continue
        except KafkaError:
            pass
        return True
