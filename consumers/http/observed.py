"""What is looked at from outside while the tasks work: their logs and what they say about themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from stream_monitor.task import Partition


class ObservedLog(Protocol):
    """The log of one task; asked from another thread than the one that reads and writes."""

    @property
    def beat(self) -> float:
        """When it last did what it was asked to, by the monotonic clock."""

    @property
    def written(self) -> int:
        """Transactions since the start."""

    @property
    def heard(self) -> float:
        """When Kafka was last in touch, by the monotonic clock."""

    def lags(self) -> Mapping[Partition, int]:
        """Offsets between what is done and the end, for each partition that is ours."""

    def positions(self) -> Mapping[Partition, int]:
        """The next offset to read."""

    def committed(self) -> Mapping[Partition, int | None]:
        """The committed offset of each partition that is ours; None where nothing was committed."""

    @property
    def late(self) -> Collection[Partition]:
        """The partitions of which something is not done that has been there from the beginning, or for too long."""

    @property
    def backlog(self) -> Collection[Partition]:
        """The partitions of which something is not done that has been there from the beginning."""

    @property
    def owed(self) -> Mapping[Partition, int]:
        """Up to where it had written when it was late last: who reads it is late as well before."""

    def missing(self) -> Collection[str]:
        """The topics to read that are not there."""


class Observed(Protocol):
    """The tasks of a process."""

    @property
    def started(self) -> float:
        """Epoch seconds."""

    @property
    def logs(self) -> Mapping[str, ObservedLog]:
        """By the name of the task."""

    @property
    def statuses(self) -> Mapping[str, Mapping[str, Any]]:
        """What each task last said about itself; empty before its first step."""

    @property
    def failures(self) -> Mapping[str, BaseException]:
        """What ended a task."""

    @property
    def unstable(self) -> Mapping[Partition, int]:
        """Offsets that are hidden behind open transactions."""

    @property
    def pids(self) -> Mapping[str, int]:
        """The processes of tasks that are in none of ours."""
