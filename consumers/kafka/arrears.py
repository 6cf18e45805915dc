"""Which partitions are behind: what was there when they came to be ours is not done, or what came since has waited too long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stream_monitor.task import Partition

PATIENCE = 15.0
"""Seconds in which what comes is to be done; a slice may take ten."""
_EVERY = 1.0


class Stand(NamedTuple):
    """How far a partition is done, and where it ends, as the broker last told."""

    done: int
    end: int


class Arrears:
    """Remembers where partitions ended, from what there was at first to what there is now; times are by the monotonic clock."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._ends: dict[Partition, list[tuple[float, int]]] = {}
        """When each end was first seen; of those beyond patience the last."""
        self._first: dict[Partition, int] = {}
        """Where each partition ended when it came to be ours."""
        self._seen_at = 0.0

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Takes what there is of partitions for the first."""
        for partition in partitions:
            self._ends.pop(partition, None)
            self._first.pop(partition, None)

    def late(self, stands: Mapping[Partition, Stand], now: float) -> list[Partition] | None:
        """The partitions that are behind; None where it is too soon to look again."""
        if now - self._seen_at < _EVERY and stands.keys() == self._ends.keys():
            return None
        self._seen_at = now
        self._ends = {partition: self._known(partition, stand, now) for partition, stand in stands.items()}
        self._first = {partition: min(stand.end, self._first.get(partition, stand.end)) for partition, stand in stands.items()}
        return [partition for partition, stand in stands.items() if stand.done < self._due(partition, now)]

    def backlog(self, stands: Mapping[Partition, Stand]) -> list[Partition]:
        """The partitions of which something is not done that was there at first."""
        return [partition for partition, stand in stands.items() if stand.done < self._first.get(partition, stand.end)]

    def _known(self, partition: Partition, stand: Stand, now: float) -> list[tuple[float, int]]:
        known = self._ends.get(partition, [])
        if not known or stand.end < known[-1][1]:  # a topic that was made anew ends earlier
            return [(-float("inf"), stand.end)]
        if stand.end > known[-1][1]:
            known.append((now, stand.end))
        overdue = sum(seen <= now - self._patience for seen, _ in known)
        return known[max(0, overdue - 1) :]

    def _due(self, partition: Partition, now: float) -> int:
        """Up to where a partition is to be done by now."""
        seen, end = self._ends[partition][0]
        return end if seen <= now - self._patience else 0
