"""Where a partition is read from when its group has never read it.

Every commit carries in its metadata how many partitions the topic had when the group began.  A partition beyond that
number is newer than the group and is read from its beginning, and so is one whose commits were there and are gone: its
topic was made anew.  Only the others follow the policy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

Committed = Mapping[TopicPartition, OffsetAndMetadata]

log = structlog.get_logger()


class Start:
    """The policy of one group, `earliest`, `latest` or an ISO time, and what its commits say about its beginning."""

    def __init__(self, policy: str) -> None:
        self._policy = policy
        self._counts: dict[str, int] = {}
        self._seen: set[TopicPartition] = set()
        """The partitions of which there was a commit, in this life."""

    @property
    def again_the_same(self) -> bool:
        """Whether a group that dies before its first commit will begin at the same place."""
        return self._policy == "earliest"

    def learn(self, committed: Committed, counts: Mapping[str, int]) -> None:
        """Takes in what is committed, and how many partitions each topic had when the group began: what commits say, or else
        how many it has.
        """
        self._seen |= committed.keys()
        for topic, count in counts.items():
            said = [int(c.metadata) for p, c in committed.items() if p.topic == topic and (c.metadata or "").isdigit()]
            self._counts[topic] = min(said, default=self._counts.get(topic, count))

    def metadata(self, topic: str) -> str:
        """What every commit for the topic carries."""
        return str(self._counts[topic])

    def offsets(self, consumer: KafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset to read of each partition."""
        anew = [p for p in partitions if p in self._seen]
        newer = [p for p in partitions if p.partition >= self._counts[p.topic] or p in anew or self._policy == "earliest"]
        others = [p for p in partitions if p not in newer]
        self._tell(anew, others)
        offsets: dict[TopicPartition, int] = consumer.beginning_offsets(newer) if newer else {}
        if others and self._policy != "latest":
            return offsets | self._at_time(consumer, others)
        return offsets | (consumer.end_offsets(others) if others else {})

    def _tell(self, anew: Collection[TopicPartition], others: Collection[TopicPartition]) -> None:
        """Says which topics were made anew, and which may have been, as the group has read others."""
        for topic in sorted({p.topic for p in anew}):
            log.warning("topic_made_anew", topic=topic, reads="from its beginning")
        seen = {p.topic for p in self._seen}
        for topic in sorted({p.topic for p in others} - seen) if seen else ():
            log.warning("topic_without_offsets", topic=topic, reads=f"from {self._policy}", reason="new here, or made anew")

    def _at_time(self, consumer: KafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        time = datetime.fromisoformat(self._policy)
        milliseconds = round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
        found = consumer.offsets_for_times(dict.fromkeys(partitions, milliseconds))
        ends = consumer.end_offsets(partitions)
        # The answer for a time after the last record is none, or an offset of -1.
        return {p: found[p].offset if found[p] and found[p].offset >= 0 else ends[p] for p in partitions}
