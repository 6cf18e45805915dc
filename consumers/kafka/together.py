"""Who reads what: topics that keep step are read by one member of a group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription

_VERSION = 0


class Together(AbstractPartitionAssignor):  # type: ignore[misc]  # kafka-python has no types
    """Of topics that keep step all partitions go to one member, of others each to any: the largest first, to who has least.

    Only what one member reads can keep step; a stream is watched by one member anyway.  Members are taken by name, and nothing
    is drawn, so that a group that has not changed reads as before.
    """

    name = "together"

    def __init__(self, groups: Sequence[Collection[str]]) -> None:
        self._groups = [frozenset(topics) for topics in groups]

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, ConsumerProtocolAssignment]:
        """Gives every member its partitions, by its id."""
        reads = {one.member_id: frozenset(one.metadata.topics) for one in members}
        order = sorted(members, key=lambda one: (one.group_instance_id or "", one.member_id))
        given: dict[str, dict[str, list[int]]] = {one.member_id: defaultdict(list) for one in order}
        load = dict.fromkeys(given, 0)
        for unit in sorted(self._units(cluster, frozenset().union(*reads.values())), key=lambda unit: (-len(unit), unit)):
            topics = {topic for topic, _ in unit}
            able = [member for member in given if topics <= reads[member]]
            if able:
                member = min(able, key=lambda member: load[member])
                load[member] += len(unit)
                for topic, partition in unit:
                    given[member][topic].append(partition)
        return {
            member: ConsumerProtocolAssignment(_VERSION, [(topic, sorted(mine)) for topic, mine in sorted(of.items())], b"")
            for member, of in given.items()
        }

    def metadata(self, topics: Collection[str]) -> ConsumerProtocolSubscription:
        """What a member says of itself when it joins."""
        return ConsumerProtocolSubscription(_VERSION, sorted(topics), b"")

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """Nothing: what was given before does not matter."""

    def _units(self, cluster: Any, topics: frozenset[str]) -> Iterator[list[tuple[str, int]]]:
        """Partitions that go together."""
        partitions = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in sorted(topics)}
        for group in self._groups:
            if unit := [(topic, partition) for topic in sorted(group & topics) for partition in partitions[topic]]:
                yield unit
        alone = topics.difference(*self._groups)
        yield from ([(topic, partition)] for topic in sorted(alone) for partition in partitions[topic])
