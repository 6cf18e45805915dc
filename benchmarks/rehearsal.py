"""The whole program over topics in memory, on events in order of time: what it must come to on a broker as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from benchmarks.deployment import LABELS, PARTITIONS, PREDICTIONS
from benchmarks.load import Load
from consumers.intake.intake import Intake
from consumers.memory import Stored
from stream_monitor.config.deployment import Config
from stream_monitor.task import Batch, End, Output, Partition, Slice
from stream_monitor.watch import Watch

_RECORDS = 100
"""Blocks of a partition that watch reads at once."""


class Rehearsal(NamedTuple):
    """What the program made of the events."""

    outputs: list[Output]
    counts: Counter[str]
    """Of all streams together."""


def rehearse(config: Config, events: Load, rows: int) -> Rehearsal:
    """Intake and then watch, over slices of so many events."""
    reader, watch = Intake(config), Watch()
    records: dict[int, list[Stored]] = {number: [] for number in range(PARTITIONS)}
    for slice in _slices(events, rows):
        for output in reader.process(slice):
            if output.channel == "blocks" and output.partition is not None:
                there = records[output.partition]
                there.append(Stored(len(there), slice.arrived // 1_000, None, output.value))
    outputs: list[Output] = []
    for number in records:
        watch.restore(Partition("blocks", number), None, {})
    for start in range(0, max(map(len, records.values())), _RECORDS):
        batches = [Batch(Partition("blocks", number), some[start : start + _RECORDS]) for number, some in records.items()]
        outputs += watch.process(Slice(0, [batch for batch in batches if batch.records]))
    counts: Counter[str] = Counter()
    for one in watch.status()["streams"].values():
        counts.update(one["counts"])
    return Rehearsal(outputs, counts)


def _slices(events: Load, rows: int) -> Iterator[Slice]:
    kinds = ((PREDICTIONS, events.predictions), (LABELS, events.labels))
    merged = sorted(((event.time, topic, event.value) for topic, some in kinds for event in some), key=itemgetter(0))
    read = dict.fromkeys((PREDICTIONS, LABELS), 0)
    for start in range(0, len(merged), rows):
        together = merged[start : start + rows]
        batches = []
        for topic, first in read.items():
            values = [value for _, of, value in together if of == topic]
            batches.append(Batch(Partition(topic, 0), [Stored(first + i, 0, None, value) for i, value in enumerate(values)]))
            read[topic] += len(values)
        ends = {batch.partition: End(read[batch.partition.topic], False) for batch in batches}
        yield Slice(together[-1][0], [batch for batch in batches if batch.records], ends=ends)
