"""How far the inputs have been read, as each blocks partition is told: with its rows, and now and then without any."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from stream_monitor.blocks import Progress
from stream_monitor.task import End, Partition, Slice

EVERY = 5_000_000
"""Microseconds after which a partition hears of all its inputs, moved or not."""
SOON = 1_000_000
"""Microseconds after which it hears that an input is drained, where no rows say so."""


class ProgressReport:
    """What each blocks partition was told last."""

    def __init__(self, feeds: Mapping[str, Collection[int]], every: int = EVERY) -> None:
        """`feeds` says which blocks partitions have streams that read a topic."""
        self._feeds = feeds
        self._every = every
        self._soon = min(SOON, every)
        self._told: dict[int, dict[Partition, End]] = {}
        self._told_at: dict[int, int] = {}
        self._all_told_at: dict[int, int] = {}

    def due(self, slice: Slice, busy: Collection[int]) -> dict[int, tuple[Progress, ...]]:
        """What to write now, by blocks partition; those that are `busy` get a record anyway."""
        ends: dict[int, dict[Partition, End]] = {}
        for partition, end in slice.ends.items():
            for number in self._feeds.get(partition.topic, ()):
                ends.setdefault(number, {})[partition] = end
        return {
            number: entries
            for number in ends
            if (entries := self._entries(number, ends[number], slice.arrived, number in busy))
        }

    def forget(self, partition: Partition) -> None:
        """Drops an input that another reader has now."""
        for told in self._told.values():
            told.pop(partition, None)

    def _entries(self, number: int, ends: dict[Partition, End], arrived: int, busy: bool) -> tuple[Progress, ...]:
        told = self._told.setdefault(number, {})
        if arrived - self._all_told_at.get(number, -self._every) >= self._every:
            self._all_told_at[number] = arrived
            news = ends
        else:
            news = {partition: end for partition, end in ends.items() if told.get(partition) != end}
            if not busy and not self._pressing(number, news, arrived):
                return ()
        self._told_at[number] = arrived
        told.update(news)
        return tuple(Progress(*partition, *end) for partition, end in news.items())

    def _pressing(self, number: int, news: dict[Partition, End], arrived: int) -> bool:
        """Whether an input has come to its end, and nothing was said for a moment."""
        told = self._told[number]
        drained = any(end.drained and not (partition in told and told[partition].drained) for partition, end in news.items())
        return drained and arrived - self._told_at[number] >= self._soon
