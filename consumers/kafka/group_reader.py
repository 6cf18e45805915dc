"""A member of a consumer group: what it owns, what it has polled, and as whom.

kafka-python's private parts are touched here, each where the public way costs a round trip for every partition or is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import ConsumerGroupMetadata, MemberState, OffsetAndMetadata

from consumers.kafka import quick_records
from consumers.kafka.arrears import Stand
from consumers.kafka.pace import Pace
from consumers.kafka.poller import Changes, Limits, Polled, Poller
from consumers.kafka.stable_ends import StableEnds
from consumers.kafka.start import Start
from stream_monitor.task import End, Partition, Slice

_JOINING_MS = 1_000
_COUNTS_EVERY = 1.0
_SETTLING = 10.0
"""Seconds after which those who write have surely found a broker again that we have found again.

Clients of the JVM wait up to a second between two attempts, those of librdkafka up to ten, unless told otherwise.
"""


class Unassigned(Exception):
    """The group did not let us in for too long."""


class GroupReader:
    """Reads topics as a member of a group; gives slices, and the membership they were read under."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        topics: Sequence[str],
        start: Start,
        skip_lost: bool,
        limits: Limits,
        gather: Callable[[], float],
        patience: float,
        pace: Pace,
    ) -> None:
        """`gather` says for how many seconds; `patience` is how many the group may leave us without a place."""
        self._consumer = consumer
        quick_records.use(consumer)
        self._stable = StableEnds(consumer)
        self._pace = pace
        self._topics = topics
        self._start = start
        self._limits = limits
        self._gather_for = gather
        self._patience = patience
        self._changes = Changes()
        self._poller = Poller(consumer, self._changes, limits, skip_lost)
        self._counts: dict[str, int] = {}
        self._passed_over: bool | None = None
        """Whether a topic that nobody has read yet was not given to us at first, and we have not asked again; None before."""
        self._counted_at = self._member_at = time.monotonic()
        self._size, self._given, self._given_at = limits.opening, 0, 0.0
        """Bytes of a slice, those of the last one, and when that was given."""
        self._lost_at: dict[Partition, float] = {}
        """When we were last out of touch with who has a partition, or took it over."""
        self._heard, self._touched = self._counted_at, True
        """When we last were in touch with who has our partitions, and whether we were at the end of the last read."""
        self.stopping = False
        """Set by another thread to end waiting."""
        self.committed: dict[Partition, int | None] = {}
        """Of every partition that is ours; None where nothing was ever committed."""
        self.member: ConsumerGroupMetadata = consumer.group_metadata()
        """Who we were when the last slice was read: the broker refuses offsets from anybody else."""
        consumer.subscribe(list(topics), listener=self._changes)
        for topic in topics:
            # A leader that does not know the partitions yet would take them from everybody for a moment.
            consumer.partitions_for_topic(topic)

    def read(self) -> Slice:
        """Polls until the slice is full or its time is over."""
        self._watch_topics()
        if self._given:
            self._size = self._limits.fitting(self._given, time.monotonic() - self._given_at)
        self._given = 0
        lost = self._lost()
        polled = self._gather()
        touched = self._in_touch()
        now = time.monotonic()
        self._heard, self._touched = (now if touched else self.heard), touched
        # Reading may take long while there is nobody, and who is found again in it is found at its end.
        self._lost_at |= dict.fromkeys(lost + self._lost(), now)
        arrived = time.time_ns() // 1000
        # Membership can be lost at any moment behind our back, and what is asked for later is then valid for nobody.
        self.member = self._consumer.group_metadata()
        self._insist_on_a_place()
        if self.member.generation_id < 0:
            return self._without_membership(arrived)
        if self._changes.pending:
            self._size = self._limits.opening
            assigned, released = self._settle()
            gaps = [gap for gap in polled.gaps if gap.partition in self.committed.keys() - assigned.keys()]
            return Slice(arrived, gaps=gaps, ends=self._ends(), assigned=assigned, released=released)
        batches = self._pace.take(self._drained(), self._poller.waited, self._limits.records, self._size)
        self._given = sum(len(record.value or b"") for batch in batches for record in batch.records)
        self._given_at = time.monotonic()
        return Slice(arrived, batches, polled.gaps, self._ends())

    def offsets(self, slice: Slice) -> dict[TopicPartition, OffsetAndMetadata]:
        """What is to be committed for a slice: only what is beyond what is committed.

        A group that begins at the earliest offset commits with its first record: a restore may count on there being one.
        """
        read = {batch.partition for batch in slice.batches} if self._start.again_the_same else slice.ends.keys()
        ours = {p: self.committed[p] for p in slice.ends if p in self.committed}
        moved = [p for p, committed in ours.items() if (p in read if committed is None else slice.ends[p].offset > committed)]
        return {TopicPartition(*p): self._commit(p, slice.ends[p].offset) for p in moved}

    def standing(self, slice: Slice) -> dict[TopicPartition, OffsetAndMetadata]:
        """One offset that changes nothing, for a transaction that has none of its own; none where nothing is ours."""
        for partition, committed in self.committed.items():
            if committed is not None:
                return {TopicPartition(*partition): self._commit(partition, committed)}
        return {TopicPartition(*p): self._commit(p, end.offset) for p, end in slice.ends.items() if p in self.committed}

    def done(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Takes in that offsets are committed."""
        self.committed |= {Partition(*p): found.offset for p, found in offsets.items()}
        self._start.learn(offsets, {})

    def seek(self, partition: Partition, offset: int) -> None:
        """Reads on from another offset."""
        self._consumer.seek(TopicPartition(*partition), offset)

    @property
    def heard(self) -> float:
        """When we last were in touch, by the monotonic clock: with who has our partitions; between reads, with the group."""
        return max(self._heard, self._consumer._coordinator.heartbeat.last_receive) if self._touched else self._heard

    def lags(self) -> dict[Partition, int]:
        """How many offsets of each partition are not done, read or not, as the broker last told; transactions leave holes."""
        states = self._states()
        return {p: max(0, s.highwater - self._done(p, s)) for p, s in states.items() if s.highwater is not None}

    def stands(self) -> dict[Partition, Stand]:
        """How far each partition is done, and where it ends for us, open transactions left out."""
        known = {p: s for p, s in self._states().items() if s.highwater is not None}
        return {p: Stand(self._done(p, s), self._stable.get(p, s.highwater)) for p, s in known.items()}

    def positions(self) -> dict[Partition, int]:
        """The next offset to read of each partition that is not held back; may be asked for by another thread."""
        return {p: state.position.offset for p, state in self._states().items() if not state.paused}

    def missing(self) -> list[str]:
        """The topics that are not there; may be asked for by another thread."""
        return [topic for topic in self._topics if not self._consumer._cluster.partitions_for_topic(topic)]

    def close(self, timeout: float) -> None:
        """Ends the membership's process; a static member stays in the group until its session times out."""
        self._consumer.close(autocommit=False, timeout_ms=round(timeout * 1000))

    def _commit(self, partition: Partition, offset: int) -> OffsetAndMetadata:
        return OffsetAndMetadata(offset, self._start.metadata(partition.topic), -1)

    def _gather(self) -> Polled:
        """Reads until there is enough to give, or the time is over; gives what else was met."""
        polled = Polled()
        self._pace.expect(self.committed, self._poller.waited)
        deadline = time.monotonic() + self._gather_for()
        # What has been read is committed before the next generation begins.
        while not (polled.count and self._joining() and not self._between_generations()):
            if self._joining():
                # A consumer that joins in short steps can hang for ever.
                self._consumer._coordinator.poll(timeout_ms=_JOINING_MS)
            else:
                self._hold()
                remaining = 0.0 if self._full() else max(0.0, deadline - time.monotonic())
                self._poller.poll(remaining, polled, self._pace)
            over = polled.over or self._full() or self._changes.pending or time.monotonic() >= deadline
            if over and not self._between_generations():
                break
        return polled

    def _full(self) -> bool:
        """Whether there is enough to give."""
        drained, now = self._drained(), self._poller.waited
        records, size = self._pace.ready(drained, now)
        return records >= self._limits.records or size >= self._size or self._pace.stalled(drained, now)

    def _hold(self) -> None:
        """Reads nothing from partitions of which enough is held, and from all others."""
        held, paused = {TopicPartition(*p) for p in self._pace.overfull()}, self._consumer.paused()
        if held != paused:
            self._consumer.resume(*(paused - held))
            self._consumer.pause(*(held - paused))

    def _drained(self) -> set[Partition]:
        """The partitions that have been read to their ends, given or not."""
        return {p for p, state in self._states().items() if self._told(p, state)}

    def _states(self) -> dict[Partition, Any]:
        states = {p: self._consumer._subscription.assignment.get(TopicPartition(*p)) for p in list(self.committed)}
        return {p: state for p, state in states.items() if state and state.position}

    def _joining(self) -> bool:
        coordinator = self._consumer._coordinator
        return coordinator.need_rejoin() or not coordinator.stable()

    def _between_generations(self) -> bool:
        """Whether the group may go on to its next generation at any moment, and refuse what we write in this one."""
        rebalancing = self._consumer.group_metadata().state == MemberState.REBALANCING
        return rebalancing and bool(self.committed) and not self.stopping and self._waited() < self._patience

    def _waited(self) -> float:
        return time.monotonic() - self._member_at

    def _insist_on_a_place(self) -> None:
        if self.member.state == MemberState.STABLE:
            self._member_at = time.monotonic()
        elif self._waited() > self._patience:
            raise Unassigned(f"no place in group {self.member.group_id} for {self._waited():.0f} s")

    def _without_membership(self, arrived: int) -> Slice:
        """Drops what was polled: others may own it by now, and what is ours again is read again from what is committed."""
        released = list(self.committed)
        self.committed = {}
        self._pace.forget()
        return Slice(arrived, released=released)

    def _settle(self) -> tuple[dict[Partition, int | None], list[Partition]]:
        """Finds out what is new to us and what is ours no longer; what was read and not given is read again.

        Only a partition whose committed offset is the one we left was nobody else's in between.
        """
        self._changes.pending = False
        committed = self._fetch_committed()
        now = {Partition(*p) for p in self._consumer.assignment()}
        kept = {p for p in now if self.committed.get(p) is not None and self.committed[p] == committed.get(p)}
        released = [p for p in self.committed if p not in kept]
        fresh = {p: committed.get(p) for p in sorted(now - kept)}
        if self._passed_over is None:
            self._passed_over = bool(set(self._topics) - {p.topic for p in now | committed.keys()})
        self._begin(fresh)
        for partition in kept:
            if (first := self._pace.first(partition)) is not None:
                self.seek(partition, first)
        self._pace.forget()
        self.committed = {p: self.committed[p] for p in kept} | fresh
        return fresh, released

    def _begin(self, fresh: Mapping[Partition, int | None]) -> None:
        unread = [TopicPartition(*p) for p, offset in fresh.items() if offset is None]
        starts = self._start.offsets(self._consumer, unread) if unread else {}
        self._lost_at = {p: at for p, at in self._lost_at.items() if p in self.committed}
        for partition, offset in fresh.items():
            key = TopicPartition(*partition)
            if offset is not None:
                self._lost_at[partition] = time.monotonic()
            self._consumer.seek(key, starts[key] if offset is None else offset)
            # What was told in an earlier ownership must not make it look read to its end.
            self._consumer._subscription.assignment[key].highwater = None
            self._stable.pop(partition, None)

    def _fetch_committed(self) -> dict[Partition, int]:
        """The group's offsets; those of open transactions are waited for."""
        self._counts = {topic: len(self._consumer.partitions_for_topic(topic)) for topic in self._topics}
        partitions = [TopicPartition(topic, n) for topic, count in self._counts.items() for n in range(count)]
        committed = self._consumer._coordinator.fetch_committed_offsets(partitions, timeout_ms=60_000)
        self._start.learn(committed, self._counts)
        return {Partition(*p): found.offset for p, found in committed.items()}

    def _ends(self) -> dict[Partition, End]:
        states = self._consumer._subscription.assignment
        return {p: self._end(p, states[TopicPartition(*p)]) for p in self.committed}

    def _end(self, partition: Partition, state: Any) -> End:
        """How far a partition was given; its end is one only when those who write have had time to find it again."""
        following = self._next(partition, state)
        settled = time.monotonic() - self._lost_at.get(partition, -_SETTLING) >= _SETTLING
        return End(following, settled and following == state.position.offset and self._told(partition, state))

    def _next(self, partition: Partition, state: Any) -> int:
        """The offset of the next record to give."""
        first = self._pace.first(partition)
        following: int = state.position.offset if first is None else first
        return following

    def _done(self, partition: Partition, state: Any) -> int:
        """The offset of the next record to do: to give, or given and not committed yet."""
        committed, following = self.committed.get(partition), self._next(partition, state)
        return following if committed is None else min(following, committed)

    def _told(self, partition: Partition, state: Any) -> bool:
        """Whether the broker has said that there is nothing behind our position."""
        there = state.highwater is not None and state.position.offset >= state.highwater
        return there and self._connected(partition)

    def _connected(self, partition: Partition) -> bool:
        """Whether what the broker last told still comes from somebody who would tell more."""
        leader = self._consumer._cluster.leader_for_partition(TopicPartition(*partition))
        return leader is not None and leader >= 0 and self._consumer._client.connected(leader)

    def _lost(self) -> list[Partition]:
        """The partitions of which we knew how far they reach, and would not hear more now."""
        return [p for p, state in self._states().items() if state.highwater is not None and not self._connected(p)]

    def _in_touch(self) -> bool:
        """Whether those who have what we read would tell us more; while we read nothing, whether anybody would."""
        ours = self.positions()
        if ours:
            return all(self._connected(partition) for partition in ours)
        return any(connection.connected for connection in list(self._consumer._client._manager._conns.values()))

    def _watch_topics(self) -> None:
        """Rejoins when a topic is new or has grown: after the restart of a static leader nobody else looks."""
        if self._passed_over:
            self._passed_over = False
            self._consumer._coordinator.request_rejoin()
        if not self._counts or time.monotonic() < self._counted_at + _COUNTS_EVERY:
            return
        self._counted_at = time.monotonic()
        cluster = self._consumer._cluster
        if any(len(cluster.partitions_for_topic(topic) or ()) > count for topic, count in self._counts.items()):
            self._consumer._coordinator.request_rejoin()
