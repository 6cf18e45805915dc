"""Keeps the partitions of one reader in step by record time while it catches up, best effort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream_monitor.task import Batch, End, Partition

_PATIENCE = 2.0
_NOTHING_YET = -(10**15)


class Pace:
    """Holds back what is ahead of the slowest partition that has more to read.

    A partition that is read to its end, or that gives nothing for two seconds though it should, holds nobody back.
    """

    def __init__(self, ahead: float) -> None:
        self._ahead = round(ahead * 1000)
        self._reached: dict[Partition, tuple[int, float]] = {}

    def held(self, batches: Sequence[Batch], ends: Mapping[Partition, End], now: float) -> set[Partition]:
        """The partitions to read nothing from until the next call; `now` is in seconds."""
        self._reached = {p: self._reached.get(p, (_NOTHING_YET, now)) for p in ends}
        self._reached |= {batch.partition: (batch.records[-1].timestamp, now) for batch in batches}
        more = {p: reached for p, reached in self._reached.items() if not ends[p].drained}
        slowest = min((time for time, at in more.values() if now - at < _PATIENCE), default=None)
        if slowest is None:
            return set()
        return {p for p, (time, _) in more.items() if time > slowest + self._ahead}
