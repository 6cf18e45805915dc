"""The log of one task on Kafka: reads as a member of a group, writes in transactions, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from types import MappingProxyType

import structlog
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.errors import FencedInstanceIdError, KafkaError

from consumers.kafka import kafka_client, transaction
from consumers.kafka.arrears import Arrears
from consumers.kafka.compacted import Compacted
from consumers.kafka.group_reader import GroupReader
from consumers.kafka.pace import NONE, InStep, Pace, Time, appended
from consumers.kafka.poller import DEFAULT, Limits
from consumers.kafka.start import Start
from consumers.kafka.together import Together
from stream_monitor.config.deployment import Kafka
from stream_monitor.task import Channel, Output, Partition, Slice

log = structlog.get_logger()


class KafkaLog:
    """Where a task reads from and writes to, on Kafka.

    `name` is the task's: groups, transactions and clients are named by it.  `inputs` are the topics to read, `outputs` the
    topic of each channel, `states` the compacted channels that `state` gives back, co-partitioned with the one input.
    `start` says where a new group begins.  Topics together in `in_step` are read in step while they catch up, by `time`, and
    given in steps of as many microseconds of it as is said there.
    `gather` says for how many seconds a slice is gathered, if that is not one of the `limits`.

    After any error the log is of no more use: close it, make another, and restore.
    """

    def __init__(
        self,
        kafka: Kafka,
        name: str,
        inputs: Sequence[str],
        outputs: Mapping[Channel, str],
        *,
        states: Sequence[Channel] = (),
        start: str = "earliest",
        in_step: InStep = NONE,
        time: Time = appended,
        limits: Limits = DEFAULT,
        gather: Callable[[], float] | None = None,
    ) -> None:
        self.name = name
        self._outputs = outputs
        self._states = states
        self._transaction_timeout = kafka.transaction_timeout / 1e6
        group, instance = f"{kafka.group}.{name}", kafka_client.instance(kafka)
        # The producer comes first: it ends what a former life has left open, which reading offsets would wait for.
        self._producer = kafka_client.producer(kafka, f"{group}.{instance}")
        consumer = kafka_client.consumer(kafka, **_membership(kafka, group, instance, in_step))
        patience = (kafka.poll_interval + kafka.session_timeout) / 1e6
        skip = kafka.on_lost_offset == "skip"
        gather = gather or (lambda: limits.seconds)
        self._reader = GroupReader(consumer, inputs, Start(start), skip, limits, gather, patience, Pace(in_step, time))
        self._compacted = Compacted(kafka, kafka.poll_interval / 1e6)
        self._last: Slice | None = None
        self._missed = set(self.missing())
        """The topics that were not there when they were last looked for; what is missing at the start is said before."""
        self._arrears = Arrears()
        self._wrote: dict[Partition, int] = {}
        self.late: Sequence[Partition] = ()
        """The partitions of which something is not done that has been there from the beginning, or for too long."""
        self.backlog: Sequence[Partition] = ()
        """The partitions of which something is not done that has been there from the beginning."""
        self.owed: Mapping[Partition, int] = {}
        """Up to where we had written when we were late last: who reads it is late as well before."""
        self.beat = monotonic()
        """When the log last did what it was asked to, by the monotonic clock."""
        self.written = 0
        """Transactions since the start."""

    def read(self) -> Slice:
        """Waits a little and gives what has come, an empty slice where nothing has; raises NameTaken."""
        try:
            self._last = slice = self._reader.read()
        except FencedInstanceIdError as error:
            raise transaction.NameTaken(self._reader.member.group_instance_id) from error
        self._tell_of_topics()
        self._arrears.forget(slice.assigned)
        self._look({batch.partition: batch.records[0].offset for batch in reversed(slice.batches)})
        self.beat = monotonic()
        return slice

    def state(self, partition: Partition) -> dict[bytes, bytes]:
        """The latest value of every key in the compacted channels of a partition, by channel, a zero byte and the key."""
        if not self._states:
            return {}
        channels = {self._outputs[channel]: channel.encode() for channel in self._states}
        latest = self._compacted.latest(list(channels), partition.number)
        return {channels[topic] + b"\0" + key: value for (topic, key), value in latest.items()}

    def seek(self, partition: Partition, offset: int) -> None:
        """Reads on from another offset."""
        self._reader.seek(partition, offset)

    def commit(self, slice: Slice, outputs: Sequence[Output]) -> None:
        """Appends the outputs and commits the slice's offsets, both or neither; raises TransactionFailed.

        Nothing is done where nothing is new: no outputs, and no offset beyond what is committed.
        """
        if slice is not self._last:
            raise ValueError("only the slice that was read last can be committed")
        offsets = self._reader.offsets(slice)
        if outputs or offsets:
            records = [(self._outputs[output.channel], output) for output in outputs]
            # Offsets are what the broker checks our membership by, so every transaction has some.
            sent = offsets or self._reader.standing(slice)
            if not sent:
                raise transaction.TransactionFailed("there is something to write, but no partition is ours")
            self._wrote |= transaction.write(self._producer, records, sent, self._reader.member, self._transaction_timeout)
            self.written += 1
            self._reader.done(sent)
        self._look()
        self.beat = monotonic()

    def stop(self) -> None:
        """Lets a `read` that waits for the group come back at once; for another thread to call."""
        self._reader.stopping = True

    def lags(self) -> dict[Partition, int]:
        """How many offsets lie between what is done and the end, for each partition that is ours."""
        return self._reader.lags()

    def positions(self) -> dict[Partition, int]:
        """The next offset to read of each partition that is ours and not held back to keep step."""
        return self._reader.positions()

    def committed(self) -> dict[Partition, int | None]:
        """The committed offset of each partition that is ours."""
        return dict(self._reader.committed)

    @property
    def heard(self) -> float:
        """When Kafka was last in touch, by the monotonic clock."""
        return self._reader.heard

    def missing(self) -> list[str]:
        """The topics to read that are not there."""
        return self._reader.missing()

    def close(self, grace: float = 10.0) -> None:
        """Ends all connections within the grace period; what is not committed is as if it had never been."""
        with suppress(KafkaError):
            self._reader.close(timeout=grace * 0.4)
        with suppress(KafkaError):
            self._compacted.close()
        transaction.close(self._producer, timeout=grace * 0.4)

    def _look(self, given: Mapping[Partition, int] = MappingProxyType({})) -> None:
        """Finds out what is late; what was `given`, from an offset on, is not done yet.

        Another thread may see what comes of it between any two lines.
        """
        stands = self._reader.stands()
        undone = {p: stands[p]._replace(done=first) for p, first in given.items() if p in stands}
        stands |= undone
        late = self._arrears.late(stands, monotonic())
        if late is not None:
            self.backlog = self._arrears.backlog(stands)
            if late or self.late:
                self.owed = dict(self._wrote)
            self.late = late

    def _tell_of_topics(self) -> None:
        """Says which topics are gone and which are there at last, once."""
        missing = set(self.missing())
        for topic in sorted(missing - self._missed):
            log.error("input_missing", topic=topic, reads="from its beginning, once it is there")
        for topic in sorted(self._missed - missing):
            log.info("input_found", topic=topic)
        self._missed = missing


def _membership(kafka: Kafka, group: str, instance: str, in_step: InStep) -> dict[str, object]:
    session = kafka.session_timeout // 1000
    return {
        "group_id": group,
        "group_instance_id": instance,
        "session_timeout_ms": session,
        "heartbeat_interval_ms": min(3_000, session // 3),
        "max_poll_interval_ms": kafka.poll_interval // 1000,
        # Ours, or a member could be given everything where topics have one partition; and restores are dear.
        "partition_assignment_strategy": (Together(list(in_step)) if in_step else StickyPartitionAssignor,),
    }
