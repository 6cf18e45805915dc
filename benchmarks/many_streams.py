"""What many quiet streams cost watch alone: blocks in memory, cut as intake cuts them.  `python -m benchmarks.many_streams`.

Every stream has a few events a second, so a section of a block holds one or two rows: what counts is what a section costs.
References are learnt first, from long sections, and are not part of what is measured.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.deployment import PARTITIONS, STREAM, configuration
from benchmarks.load import FEATURES, LABELLED, START
from benchmarks.table import table
from consumers.heap import spare_the_collector, trim
from consumers.intake.intake import gathering
from consumers.memory import Stored
from stream_monitor.blocks import Block, Kind, Progress, Rows, Section, document, encode, partition_of
from stream_monitor.config.duration import parse
from stream_monitor.task import Batch, Partition, Slice
from stream_monitor.watch import Watch

_LONG = 50
"""Rows of a section while references are learnt."""
_DELAY = 10.0
"""Seconds from a prediction to its label."""
_WAIT = "1m"
"""What waits for a label is weighed by `benchmarks.restore`."""
_LARGE = 2.5
"""Times the usual slice, from which on it is one in which windows close."""
_NUMBERS = (*(f"feature:f_{number:02d}" for number in range(FEATURES)), "prediction", "score")
_MIXED = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9], np.uint64)
"""What makes a number look like the hash of an id."""
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Cost(NamedTuple):
    """What watch took."""

    rows: int
    cpu: float
    longest: float
    """Seconds of the longest slice."""


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.many_streams", description=__doc__)
    options.add_argument("--streams", type=int, default=1_000, help="default: 1,000")
    options.add_argument("--rate", type=float, default=10.0, help="events a second of each (default: 10)")
    options.add_argument("--seconds", type=float, default=60.0, help="of events that are measured (default: 60)")
    options.add_argument("--window", default="5m", help="of metrics (default: 5m; that of the program is 1h)")
    chosen = options.parse_args()
    world = World(chosen.streams, chosen.rate, chosen.window)
    for _ in range(-(-world.reference // _LONG) + 1):
        world.take(_LONG / world.rate)
    spare_the_collector()
    world.sections = 0
    costs = list(slices(world, chosen.seconds))
    rows, usual = sum(cost.rows for cost in costs), float(np.median([cost.cpu for cost in costs]))
    closing = sum(cost.cpu - usual for cost in costs if cost.cpu > _LARGE * usual)
    each = (sum(cost.cpu for cost in costs) - closing) / rows
    window = parse(chosen.window) / 1e6
    spread = closing / (max(window, chosen.seconds) * chosen.rate * chosen.streams)
    trim()
    memory = _memory()
    began = time.process_time()
    counts = [stream["counts"] for stream in world.watch.status()["streams"].values()]
    status = time.process_time() - began
    print(f"{chosen.streams:,} streams of {FEATURES} features, {chosen.rate:g} events a second each, labels for {LABELLED:.0%}")
    told = {
        "µs of CPU for each row": each * 1e6,
        f"ms more when windows of {chosen.window} close": closing * 1e3,
        "rows a second of one core, both together": 1 / (each + spread),
        "rows in a section": rows / world.sections,
        "ms that intake gathers for": chosen.seconds / len(costs) * 1e3,
        "ms of a slice in the middle": float(np.median([cost.longest for cost in costs])) * 1e3,
        "ms of the longest slice": max(cost.longest for cost in costs) * 1e3,
        "ms of CPU to say how all streams stand": status * 1e3,
        "MB of memory": memory / 1e6,
        "labels that found their prediction": sum(one.get("labelled", 0) for one in counts),
    }
    print(table(("", ""), list(told.items())))


def slices(world: World, seconds: float) -> Iterator[Cost]:
    """As many as fill so many seconds of events, each as long as intake would gather for after the one before."""
    left, sections = seconds, 0
    while left > 0:
        long = min(gathering(sections), left)
        before = world.sections
        yield world.take(long)
        left, sections = left - long, world.sections - before


class World:
    """Streams that go on: predictions take turns among them, and labels follow."""

    def __init__(self, streams: int, rate: float, window: str) -> None:
        self.rate = rate / (1 + LABELLED)
        """Predictions a second of a stream."""
        config = configuration(
            "nowhere:9092", "many", per="model", labels={"topic": "labels", "wait": _WAIT}, metrics={"window": window}
        )
        self.reference = config.streams[STREAM].reference.rows
        self.watch, self.sections = Watch(), 0
        self._streams = streams
        self._predicted = self._labelled = 0
        self._rng = np.random.default_rng(7)
        self._places = [partition_of(f"{STREAM}/m{number:04d}", PARTITIONS) for number in range(streams)]
        self._offsets = [0] * PARTITIONS
        for number in range(PARTITIONS):
            self.watch.restore(Partition("blocks", number), None, {})
        record = Section(STREAM, "configuration", document=config.record(STREAM).model_dump_json().encode())
        known = Section("", "configuration", document=document({"revision": 0, "streams": [STREAM]}))
        self._process(START, {number: [record, known] for number in range(PARTITIONS)})

    def take(self, seconds: float) -> Cost:
        """Lets so much time pass, and watch see what came in it."""
        until = self._predicted + round(seconds * self.rate * self._streams)
        numbers = np.arange(self._predicted, until)
        known = max(0, until - round(_DELAY * self.rate * self._streams))
        labelled = np.arange(self._labelled, known)
        labelled = labelled[_hashes(labelled)[:, 1] << np.uint64(32) < LABELLED * 2**64]
        self._predicted, self._labelled = until, known
        sections: dict[int, list[Section]] = {}
        now = int(self._times(numbers[-1:])[0])
        kinds: tuple[tuple[Kind, Ints], ...] = (("predictions", numbers), ("labels", labelled))
        for kind, some in kinds:
            for place, section in self._sections(kind, some, now) if len(some) else ():
                sections.setdefault(place, []).append(section)
        self.sections += sum(map(len, sections.values()))
        cpu, longest = self._process(now + 1_000, sections)
        return Cost(len(numbers) + len(labelled), cpu, longest)

    def _process(self, arrived: int, sections: dict[int, list[Section]]) -> tuple[float, float]:
        batches = []
        for place, some in sections.items():
            progress = tuple(Progress(topic, place, self._offsets[place], False) for topic in ("predictions", "labels"))
            value = encode(Block(arrived, PARTITIONS, tuple(some), progress))
            batches.append(Batch(Partition("blocks", place), [Stored(self._offsets[place], arrived // 1_000, None, value)]))
            self._offsets[place] += 1
        cpu, wall = time.process_time(), time.perf_counter()
        self.watch.process(Slice(arrived, batches))
        return time.process_time() - cpu, time.perf_counter() - wall

    def _sections(self, kind: Kind, numbers: Ints, now: int) -> Iterator[tuple[int, Section]]:
        """The rows of these predictions, or of labels for them that come now, by stream."""
        order = np.argsort(numbers % self._streams, kind="stable")
        streams, first = np.unique((numbers % self._streams)[order], return_index=True)
        ids = _hashes(numbers)
        positive = ids[:, 0] >> np.uint64(63) > 0
        if kind == "predictions":
            values = self._rng.normal(size=(FEATURES, len(numbers)))
            score = np.clip(np.where(positive, 0.8, 0.2) + self._rng.normal(0, 0.08, len(numbers)), 0, 1)
            columns: Floats = np.vstack((values, positive, score))
        else:
            wrong = ids[:, 1] >> np.uint64(32) < 0.1 * 2**32
            columns = (positive ^ wrong).astype(np.float64)[np.newaxis]
        times = self._times(numbers) if kind == "predictions" else np.full(len(numbers), now)
        for stream, rows in zip(streams.tolist(), np.split(order, first[1:]), strict=True):
            model = (f"m{stream:04d}",)
            if kind == "predictions":
                said = tuple(f"p{number:07d}" for number in numbers[rows].tolist())
                texts, which, tables = np.zeros((2, len(rows)), np.int32), ("model", "version"), (model, ("1",))
                part = Rows(times[rows], ids[rows], _NUMBERS, columns[:, rows], which, texts, tables, said)
            else:
                texts = np.zeros((1, len(rows)), np.int32)
                part = Rows(times[rows], ids[rows], ("label",), columns[:, rows], ("model",), texts, (model,))
            place = self._places[stream]
            yield place, Section(f"{STREAM}/m{stream:04d}", kind, part, b"", kind, place, 0, len(rows) - 1)

    def _times(self, numbers: Ints) -> Ints:
        return START + (numbers * (1e6 / self.rate / self._streams)).astype(np.int64)


def _hashes(numbers: Ints) -> npt.NDArray[np.uint64]:
    """What stands for the ids of predictions, uint64[n, 2]."""
    return (numbers.astype(np.uint64)[:, np.newaxis] + np.uint64(1)) * _MIXED


def _memory() -> int:
    """Bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
