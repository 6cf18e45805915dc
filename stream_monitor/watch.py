"""The task that owns all state: blocks in, alerts, retrain requests, metrics and snapshots out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from stream_monitor.part import Part
from stream_monitor.task import Output, Partition, Slice


class Watch:
    """Takes whole partitions of blocks; each is a world of its own.

    `revision` is that of this replica's configuration; where the log says a newer one is in force it raises.  A replay, which
    nobody will take over, `saves` no snapshots.
    """

    def __init__(self, revision: int | None = None, saves: bool = True) -> None:
        self._revision, self._saves = revision, saves
        self._parts: dict[Partition, Part] = {}
        self._dead: Counter[str] = Counter()
        """Of partitions that were released."""

    def process(self, slice: Slice) -> list[Output]:
        """Takes blocks; gives what they bring, in order."""
        outputs: list[Output] = []
        for gap in slice.gaps:
            outputs += self._parts[gap.partition].gap(gap.first, gap.last, gap.reason, slice.arrived)
        for batch in slice.batches:
            part = self._parts[batch.partition]
            for record in batch.records:
                outputs += part.record(record.offset, record.value)
        return outputs

    def restore(self, partition: Partition, committed: int | None, state: dict[bytes, bytes]) -> int | None:
        """Takes over a partition of blocks; gives the offset from which it is read on."""
        part = self._parts[partition] = Part(partition, self._revision, self._saves)
        return part.restore(committed, state)

    def release(self, partition: Partition) -> None:
        """Forgets a partition, because another owner has it now."""
        if partition in self._parts:
            self._dead += self._parts.pop(partition).dead

    def parting(self) -> Iterator[list[Output]]:
        """Snapshots of what was read since the last ones, for when it ends; they may be written in parts, or not at all."""
        for part in self._parts.values():
            yield from part.parting()

    def status(self) -> dict[str, Any]:
        """What every stream is doing, for people."""
        return {"streams": dict(self.statuses()), "dead_letters": self.dead_letters()}

    def dead_letters(self) -> dict[str, int]:
        """How many events became dead letters here since the start, by configured stream."""
        return dict(sum((part.dead for part in self._parts.values()), self._dead))

    def statuses(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same, stream by stream; slices may be processed in between."""
        for part in list(self._parts.values()):
            yield from part.statuses()
