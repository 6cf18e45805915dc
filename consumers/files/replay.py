"""Replay: the same two tasks over files instead of topics, as fast as they can."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from consumers.files.arrivals import NEVER, Arrived, merged
from consumers.files.block_file import BlockFile, BlockRecord, block_records
from consumers.files.event_files import EventFiles
from consumers.files.files import FileError, events, reference_of
from consumers.files.time_order import as_they_came, in_time_order
from consumers.intake.intake import Intake
from consumers.memory import Stored
from consumers.wire.decode import Decoder
from consumers.wire.event import EventKind
from consumers.wire.reading import Reading
from stream_monitor.config.deployment import Config
from stream_monitor.config.stream import Labels, Source, StreamConfig
from stream_monitor.task import Batch, End, Output, Partition, Slice
from stream_monitor.watch import Watch

ROWS = 1_000
SPAN = 60_000_000
SHARE = 50
"""Rows that a slice holds at most, and microseconds of arrival time: a minute, or a share of what time matters to a stream."""
_SECOND, _QUIET = 1_000_000, 60_000_000
_FEW, _STRETCHES = 32, 20
"""Rows of a step that may be longer than a second, if they are of one of so many stretches of a window."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a replay did."""

    streams: dict[str, dict[str, int]] = field(default_factory=dict)
    """Predictions, labels, dead letters and predictions that got a label, by stream; nothing where blocks were replayed."""
    events: dict[str, int] = field(default_factory=dict)
    """Events written, by file."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Dead letters written, by their reason."""
    unreadable: dict[str, int] = field(default_factory=dict)
    """Values that could not be read, by field."""
    not_found: dict[str, list[str]] = field(default_factory=dict)
    """Where the configuration looks and no event had anything, by kind."""
    watched: dict[str, Any] = field(default_factory=dict)
    """What the streams were doing at the end."""


def replay(
    config: Config,
    out: Path | str,
    *,
    predictions: Path | str,
    labels: Path | str | None = None,
    reference: Path | str | None = None,
    stream: str | None = None,
    keep_blocks: Path | str | None = None,
) -> Summary:
    """Watches one stream's events in files and writes what comes of it to the directory `out`.  Raises FileError."""
    name, whole = _which(config, stream), _apart(config) if labels is not None else config
    watched = whole.streams[name]
    if labels is not None and watched.labels is None:
        raise FileError(f"{labels}: streams.{name} has no labels configured")
    # The others are not read, but share the budget of false alarms with this one.
    chosen = whole.model_copy(update={"streams": {name: watched}})
    intake = Intake(chosen, _reference(name, watched, reference), recorded=whole.record)
    with ExitStack() as stack:
        world = _World(stack.enter_context(EventFiles(out)), stack, keep_blocks)
        pause = partial(_pause, world.watch, chosen.topics.name("control"))
        for slice in _slices(watched, predictions, labels, pause):
            world.take(intake.process(slice), slice.arrived)
        status = intake.status()
        read = {name: {"predictions": 0, "labels": 0, "dead": 0}} | status["streams"]
        lacking = {"unreadable": status["unreadable"].get(name, {}), "not_found": status["not_found"].get(name, {})}
        read[name] = read[name] | {"dead": sum(world.files.reasons.values()), "labelled": world.labelled()}
        return replace(world.summary(read), **lacking)


def replay_blocks(path: Path | str, out: Path | str) -> Summary:
    """Watches the records of a file of blocks again.  Raises FileError."""
    with ExitStack() as stack:
        world = _World(stack.enter_context(EventFiles(out)), stack, None)
        for record in block_records(path):
            world.watch_again(record)
        return world.summary({})


class _World:
    """The topics between the tasks and behind them."""

    def __init__(self, files: EventFiles, stack: ExitStack, keep_blocks: Path | str | None) -> None:
        self.watch = Watch(saves=False)
        self.files = files
        self._kept = stack.enter_context(BlockFile(keep_blocks)) if keep_blocks is not None else None
        self._next: dict[Partition, int] = {}

    def take(self, outputs: Iterable[Output], arrived: int) -> None:
        """Takes what intake puts out."""
        for output in outputs:
            if output.channel == "blocks":
                partition = Partition("blocks", output.partition or 0)
                self.watch_again(BlockRecord(partition.number, self._next.get(partition, 0), output.value or b""), arrived)
            else:
                self.files.write([output])

    def summary(self, read: dict[str, dict[str, int]]) -> Summary:
        """What was written, and how the streams stand."""
        return Summary(read, dict(self.files.counts), dict(self.files.reasons), watched=self.watch.status()["streams"])

    def labelled(self) -> int:
        """Predictions that got a label, some from one that was there before them."""
        counts = [status["counts"] for status in self.watch.status()["streams"].values()]
        return sum(one.get("labelled", 0) + one.get("labels_early_met", 0) for one in counts)

    def watch_again(self, record: BlockRecord, arrived: int = 0) -> None:
        """Lets a record be watched, and writes what comes of it."""
        partition = Partition("blocks", record.partition)
        if partition not in self._next:
            self.watch.restore(partition, None, {})
        if self._kept is not None:
            self._kept.write(record)
        self._next[partition] = record.offset + 1
        batch = Batch(partition, [Stored(record.offset, arrived // 1_000, b"", record.value)])
        self.files.write(self.watch.process(Slice(arrived, [batch], ends={partition: End(record.offset + 1, False)})))


def _which(config: Config, stream: str | None) -> str:
    """The stream to replay."""
    names = list(config.streams)
    if stream is None and len(names) > 1:
        raise FileError(f"which stream are these events of? The configuration has {', '.join(names)}")
    name = stream or names[0]
    if name not in config.streams:
        raise FileError(f"there is no stream {name!r}; the configuration has {', '.join(names)}")
    return name


def _apart(config: Config) -> Config:
    """The configuration with a topic for each file of a stream."""
    return config.model_copy(update={"streams": {name: _divided(stream) for name, stream in config.streams.items()}})


def _divided(stream: StreamConfig) -> StreamConfig:
    if stream.labels is None or stream.labels.topic != stream.predictions.topic:
        return stream
    return stream.model_copy(update={"labels": stream.labels.model_copy(update={"topic": f"{stream.labels.topic} labels"})})


def _reference(name: str, stream: StreamConfig, path: Path | str | None) -> dict[str, Iterator[bytes]]:
    if path is not None:
        return {name: events(path, bool(stream.predictions.fields))}
    return {} if stream.reference.file is None else {name: reference_of(name, stream)}


def _slices(
    stream: StreamConfig, predictions: Path | str, labels: Path | str | None, pause: Callable[[int], Slice]
) -> Iterator[Slice]:
    """The rows of both files as they would have been read, and the silence that closes the last window."""
    files = [_rows(predictions, stream)]
    topics = [Partition(stream.predictions.topic, 0)]
    if labels is not None and stream.labels is not None:
        files.append(_labels(labels, stream, stream.labels))
        topics.append(Partition(stream.labels.topic, 0))
    offsets = [0] * len(files)
    arrived = 0
    for steps in _together(_steps(merged(*files), stream), _span(stream)):
        begin = steps[0][0].time
        if arrived and NEVER != begin > arrived + _QUIET:
            yield _silence(begin - 1, topics, offsets)
        arrived = max(arrived, *(row.time for rows in steps for row in rows if row.time != NEVER), 0)
        batches = []
        for step, rows in enumerate(steps):
            for source, partition in enumerate(topics):
                records = [row.value for row in rows if row.source == source]
                if records:
                    first = offsets[source]
                    offsets[source] += len(records)
                    stored = [Stored(first + i, arrived // 1_000, None, value) for i, value in enumerate(records)]
                    batches.append(Batch(partition, stored, step))
        came = {batch.partition for batch in batches}
        ends = {partition: End(offset, partition not in came) for partition, offset in zip(topics, offsets)}
        yield Slice(arrived, batches, ends=ends)
        if steps[-1][-1].last:
            yield pause(arrived)
    yield _silence(arrived, topics, offsets)
    yield pause(arrived)
    yield _silence(arrived + stream.metrics.window + stream.metrics.grace + _SECOND, topics, offsets)


def _silence(arrived: int, topics: Sequence[Partition], offsets: Sequence[int]) -> Slice:
    """Nothing, and nothing behind what was read."""
    return Slice(arrived, ends={partition: End(offset, True) for partition, offset in zip(topics, offsets)})


def _pause(watch: Watch, control: str, arrived: int) -> Slice:
    """Word that no more is to be expected: a file that ends is no silence."""
    told = [json.dumps({"stream": name, "action": "pause"}).encode() for name in watch.status()["streams"]]
    records = [Stored(i, arrived // 1_000, None, value) for i, value in enumerate(told)]
    return Slice(arrived, [Batch(Partition(control, 0), records)] if records else [])


def _span(stream: StreamConfig) -> int:
    shortest = min(stream.metrics.window, stream.labels.wait if stream.labels else stream.metrics.window)
    return max(SPAN, shortest // SHARE)


def _steps(rows: Iterable[Arrived], stream: StreamConfig) -> Iterator[list[Arrived]]:
    """Rows of which the predictions go before the labels: as a section costs far more than a row, a few are taken together.

    No window ends or closes between rows of a step, and none is behind the clock by more than a small part of what it may be.
    """
    metrics, waits = stream.metrics, stream.labels.waits if stream.labels else ()
    stretches = max((metrics.window // wait + 1 for wait in waits), default=1) * _STRETCHES
    together: list[Arrived] = []
    stretch = 0, 0
    for row in rows:
        before, stretch = stretch, (row.time * stretches // metrics.window, (row.time - metrics.grace) // metrics.window)
        if together and (
            len(together) >= ROWS
            or together[-1].last
            or (row.time - together[0].time > _SECOND and (len(together) >= _FEW or stretch != before))
        ):
            yield together
            together = []
        together.append(row)
    if together:
        yield together


def _together(steps: Iterable[list[Arrived]], span: int) -> Iterator[list[list[Arrived]]]:
    """Steps whose rows a reader would have found together."""
    together: list[list[Arrived]] = []
    count = 0
    for step in steps:
        if together and (count + len(step) > ROWS or together[-1][-1].last or step[-1].time - together[0][0].time > span):
            yield together
            together, count = [], 0
        together.append(step)
        count += len(step)
    if together:
        yield together


def _rows(path: Path | str, stream: StreamConfig) -> Iterator[Arrived]:
    """The predictions of a file, in order of their times unless they are as they came."""
    read = partial(events, path, bool(stream.predictions.fields))
    return as_they_came(read, _time("predictions", stream, stream.predictions))


def _labels(path: Path | str, stream: StreamConfig, labels: Labels) -> Iterator[Arrived]:
    """The labels of a file, in order of their times: many are written in that of the predictions."""
    return in_time_order(partial(events, path, bool(labels.fields)), _time("labels", stream, labels), 1)


def _time(kind: EventKind, stream: StreamConfig, source: Source) -> Callable[[bytes], int | None]:
    """What says at which time an event happened, if it can be read."""
    decoder = Decoder("", Reading(kind, source, stream.features, 0))
    return lambda value: decoder.time(Stored(0, 0, None, value))
