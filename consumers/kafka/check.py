"""Whether Kafka is ready for a configuration: topics, permissions, and how long things are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from consumers.kafka import topics
from consumers.kafka.cluster import Cluster, TopicFacts, look
from consumers.kafka.topics import TopicPlan
from stream_monitor.config.advice import Advice, kept
from stream_monitor.config.deployment import Config
from stream_monitor.config.duration import show

_DAY_MS = 86_400_000
_RECORD = 1_000_000
"""Bytes that a record of blocks may have."""
_HELD, _SAVED = 100, 50
"""Bytes that a prediction which waits takes in memory, and in its topic as compressed; features come on top."""
_LOADED = 500_000
"""Of them one replica reads so many in a second, at least."""
_FATAL = ("partitions", "cleanup.policy")
"""What must be as planned where it is about state or the record."""


def check(config: Config) -> list[Advice]:
    """Everything that can be said by asking Kafka; raises KafkaUnreachable."""
    planned = topics.plan(config)
    return findings(config, planned, look(config, [topic.name for topic in planned]))


def findings(config: Config, planned: Iterable[TopicPlan], cluster: Cluster) -> list[Advice]:
    """What is to be said about a cluster."""
    planned = list(planned)
    said = [Advice("ok", "kafka", f"{cluster.brokers} brokers answer at {', '.join(config.kafka.bootstrap_servers)}")]
    said += [Advice("error", "kafka", refusal) for refusal in cluster.refusals]
    if unseen := [name for name, facts in cluster.topics.items() if facts.partitions and not facts.configs]:
        text = f"their settings may not be seen (grant DESCRIBE_CONFIGS), so they are not checked: {', '.join(unseen)}"
        said.append(Advice("warning", "topics", text))
    for topic in planned:
        said += _topic(config, topic, cluster.topics[topic.name], cluster.brokers)
    blocks = cluster.topics[config.topics.name("blocks")]
    if blocks.partitions:
        said += [one._replace(key=config.topics.name("blocks")) for one in _record(config, blocks)]
    said.append(_volume(config, blocks, [cluster.topics[name] for name in topics.inputs(config)]))
    said += _waiting(config, cluster)
    return said


def _topic(config: Config, topic: TopicPlan, facts: TopicFacts, brokers: int) -> Iterator[Advice]:
    if not facts.partitions:
        yield Advice("error", topic.name, _absent(topic, facts))
        return
    problems = [*_differences(topic, facts), *_permissions(config, topic, facts)]
    if topic.why == "input":
        problems += _input(topic, facts)
    if facts.replicas == 1 and brokers > 1:
        problems.append(Advice("warning", topic.name, f"has one replica on {brokers} brokers: one that fails takes it along"))
    yield from problems or [Advice("ok", topic.name, f"{facts.partitions} partitions, {topic.why}")]


def _absent(topic: TopicPlan, facts: TopicFacts) -> str:
    if facts.refused:
        return "may not be described: grant DESCRIBE"
    if topic.why == "input":
        return "does not exist, or may not be seen; it is named under streams"
    return "does not exist, or may not be seen; stream-monitor topics create makes it"


def _differences(topic: TopicPlan, facts: TopicFacts) -> Iterator[Advice]:
    """What is not as planned: fatal for state and the record, and for subscribers' topics a matter of taste."""
    for difference in topic.differs:
        fatal = topic.exact and difference.startswith(_FATAL)
        if facts.configs or difference.startswith("partitions"):
            yield Advice("error" if fatal else "warning" if topic.exact else "ok", topic.name, difference)


def _permissions(config: Config, topic: TopicPlan, facts: TopicFacts) -> Iterator[Advice]:
    """Kafka tells what we may do, so nothing has to be tried."""
    reads = topic.why == "input" or topic.exact or topic.name == config.topics.name("control")
    writes = topic.why != "input" and topic.name != config.topics.name("control")
    needed = [operation for operation, need in (("READ", reads), ("WRITE", writes)) if need]
    lacking = [operation for operation in needed if facts.operations and operation not in facts.operations]
    if lacking:
        yield Advice("error", topic.name, f"{' and '.join(lacking)} refused: grant {', '.join(lacking)}")


def _input(topic: TopicPlan, facts: TopicFacts) -> Iterator[Advice]:
    retention = facts.number("retention.ms")
    if retention is not None and 0 <= retention < _DAY_MS:
        kept = show(retention * 1000)
        yield Advice("warning", topic.name, f"is kept for {kept}: if nobody reads for longer, events are lost")
    if "compact" in facts.configs.get("cleanup.policy", ""):
        yield Advice("warning", topic.name, "is compacted: events with the same key are lost unless they are read in time")


def _record(config: Config, blocks: TopicFacts) -> Iterator[Advice]:
    """Whether the record goes back as far as a restart has to read it."""
    retention = blocks.number("retention.ms")
    if retention is not None and retention >= 0:
        yield from (Advice(one.level, "", f"retention.ms {one.text}") for one in kept(retention * 1000, ""))
    if (blocks.number("retention.bytes") or -1) >= 0:
        yield Advice("warning", "", "retention.bytes may cut the record earlier than its time")
    if (largest := blocks.number("max.message.bytes")) is not None and largest < _RECORD:
        yield Advice("error", "", f"max.message.bytes is {largest}; records have up to {_RECORD}")


def _volume(config: Config, blocks: TopicFacts, inputs: Iterable[TopicFacts]) -> Advice:
    """How much disk the record takes at the rate of the last hour."""
    seen = blocks if blocks.per_second else None
    rate = _bytes_per_second(seen) if seen else sum(_bytes_per_second(one) for one in inputs)
    whose = "blocks" if seen else "the inputs, which blocks will take about as much as,"
    if not rate:
        return Advice("ok", "volume", "nothing came in the last hour, or sizes may not be seen: no estimate")
    for_ = config.topics.retention
    disk = f"{whose} grow by {_size(rate * 86_400)} a day, which is {_size(rate * for_ / 1e6)} in {show(for_)}, per copy"
    return Advice("ok", "volume", disk)


def _waiting(config: Config, cluster: Cluster) -> Iterator[Advice]:
    """What predictions that wait for labels take at the rate of the last hour, topic by topic."""
    longest: dict[str, int] = {}
    for stream in config.streams.values():
        topic = stream.predictions.topic
        longest[topic] = max(longest.get(topic, 0), stream.labels.wait if stream.labels else 0)
    whole = [stream for stream in config.streams.values() if stream.per == "stream"]
    for topic, wait in longest.items():
        count = cluster.topics[topic].per_second * wait / 1e6
        if count >= 1:
            text = f"{_count(count)} predictions of {topic} wait for labels in {show(wait)}: {_size(count * _HELD)} of memory"
            saved = f"{_size(count * _SAVED)} in {config.topics.name('waiting')}, which a restart reads in about"
            yield Advice("ok", "waiting", f"{text}, and {saved} {show(_rounded(count / _LOADED))}")
        if count > config.limits.waiting and any(one.predictions.topic == topic for one in whole):
            text = f"is {config.limits.waiting:,}, and {_count(count)} predictions of {topic} would wait: some will not be"
            yield Advice("warning", "limits.waiting", text)


def _bytes_per_second(facts: TopicFacts) -> float:
    return facts.per_second * facts.size / facts.records if facts.size and facts.records else 0.0


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1_000 or unit == "TB":
            break
        count /= 1_000
    return f"{count:.3g} {unit}"


def _count(count: float) -> str:
    return f"{count / 1e6:,.3g} million" if count >= 1e6 else f"{count:,.0f}"


def _rounded(seconds: float) -> int:
    """A length of time that is no more exact than it should be."""
    step = 1 if seconds < 60 else 60
    return max(1, round(seconds / step)) * step * 1_000_000
