"""What a task is, what a log is, and the one loop that connects them: consume, process, produce, commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Channel = Literal[
    "blocks", "snapshots", "waiting", "alerts", "alerts.current", "retrain", "retrain.current", "reviews", "metrics",
    "dead-letters",
]  # fmt: skip


STATES: tuple[Channel, ...] = ("snapshots", "waiting", "alerts.current", "retrain.current")
"""The compacted channels that a partition of blocks is restored from; they are partitioned as blocks are."""


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


class Record(Protocol):
    """One record of a log, as bytes."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Epoch milliseconds, as the log stamped it."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class Batch(NamedTuple):
    """Records of one partition, in order."""

    partition: Partition
    records: Sequence[Any]
    """Each a `Record`."""
    step: int = 0
    """Batches of one step are of about the same time, and later than those of the steps before."""


class Gap(NamedTuple):
    """Offsets of a partition, first to last, that could not be read; nobody will ever see them."""

    partition: Partition
    first: int
    last: int
    reason: str


class End(NamedTuple):
    """How far a partition has been read."""

    offset: int
    """The next one to read."""
    drained: bool
    """Whether there was nothing behind it."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What one read of a log gave."""

    arrived: int
    """Epoch microseconds by the reader's clock: the only place where the wall clock enters."""
    batches: Sequence[Batch] = ()
    gaps: Sequence[Gap] = ()
    ends: Mapping[Partition, End] = field(default_factory=dict)
    """Of every partition that this reader owns."""
    assigned: Mapping[Partition, int | None] = field(default_factory=dict)
    """Partitions that are new to this reader, with their committed offsets; None where nothing was committed."""
    released: Sequence[Partition] = ()
    """Partitions that this reader owned until now."""


class Output(NamedTuple):
    """One record to append, in the same transaction as the offsets of the slice that caused it."""

    channel: Channel
    key: bytes
    value: bytes | None
    partition: int | None = None
    """Where to append; None leaves it to the hash of the key."""


class Task(Protocol):
    """A step of the pipeline.  No clock, no I/O, no threads inside."""

    def process(self, slice: Slice) -> list[Output]:
        """Takes what was read and gives what is to be written."""

    def restore(self, partition: Partition, committed: int | None, state: dict[bytes, bytes]) -> int | None:
        """Takes over a partition from its `state`, which it may consume; gives the offset to read on from, None for the
        committed one.

        Outputs for records before `committed` were written in an earlier life and are not given again.
        """

    def release(self, partition: Partition) -> None:
        """Forgets a partition, because another owner has it now."""


class Log(Protocol):
    """Where a task reads from and writes to."""

    def read(self) -> Slice:
        """Waits a little and gives what has come; an empty slice where nothing has."""

    def state(self, partition: Partition) -> dict[bytes, bytes]:
        """The latest value of every key that the task has written to its compacted channels for a partition."""

    def seek(self, partition: Partition, offset: int) -> None:
        """Reads on from another offset."""

    def commit(self, slice: Slice, outputs: Sequence[Output]) -> None:
        """Appends the outputs and commits the slice's offsets, both or neither."""


def work(task: Task, log: Log, stopped: Callable[[], bool]) -> Slice | None:
    """Runs a task on a log until told to stop.  Write, then commit, atomically: that order is the guarantee.

    Gives the last slice: with that more can be committed.
    """
    last = None
    while not stopped():
        last = step(task, log)
    return last


def step(task: Task, log: Log) -> Slice:
    """One turn of the loop; gives the slice that was committed."""
    slice = log.read()
    for partition in slice.released:
        task.release(partition)
    for partition, committed in slice.assigned.items():
        offset = task.restore(partition, committed, log.state(partition))
        if offset is not None:
            log.seek(partition, offset)
    log.commit(slice, task.process(slice))
    return slice
