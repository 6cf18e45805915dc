"""Starting again with millions of predictions that wait for their labels, and what they weigh.  `python -m benchmarks.restore`.

The program is killed and started again; it is live when it has committed something new.  Before each start the record of
blocks is cut off where the oldest snapshot stands, so that nothing older can be read.  What a waiting prediction weighs is
the growth of the program's memory between two fillings; `benchmarks.waiting` tells what its parts are.
"""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from statistics import median

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from benchmarks import load
from benchmarks.deployment import PARTITIONS, fill, settings
from benchmarks.load import Load
from benchmarks.program import Program
from benchmarks.table import table
from consumers.broker.node import Broker
from consumers.kafka.compacted import Compacted
from stream_monitor.snapshot import unpack

_RATE = 2_000
_PIECE = 250_000
"""Predictions that are made at once."""
_TRIMMED = 65.0
"""Seconds after which the program has given back what it has freed."""
_SHARE = 5
"""One part of so many is waiting when memory is looked at first."""


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.restore", description=__doc__)
    options.add_argument("--waiting", type=int, default=1_000_000, help="predictions that wait (default: 1,000,000)")
    options.add_argument("--turns", type=int, default=3, help="how often it is killed (default: 3)")
    chosen = options.parse_args()
    print(table(("", ""), list(measure(chosen.waiting, chosen.turns).items())))


def measure(waiting: int, turns: int) -> dict[str, str]:
    """The program's memory while it fills, and the times of its starts."""
    first = waiting // _SHARE
    begin = time.time_ns() // 1_000 - int(waiting / _RATE * 1e6) - 60_000_000
    told: dict[str, str] = {}
    with Broker() as broker, Program(_settings(broker, waiting)) as program:
        program.until(lambda: program.committed() > 0)
        told["memory of the program with nothing in it, MB"] = f"{program.memory() / 1e6:,.0f}"
        small = _filled(program, begin, 0, first)
        full = _filled(program, begin, first, waiting)
        told[f"memory with {waiting:,} waiting, MB"] = f"{full / 1e6:,.0f}"
        told["bytes for each waiting prediction, growth of memory"] = f"{(full - small) / (waiting - first):,.0f}"
        sizes = [_size(broker, program.config.topics.name(channel)) / waiting for channel in ("blocks", "waiting")]
        told["bytes on disk for each prediction, of blocks and of what waits"] = " and ".join(f"{one:,.0f}" for one in sizes)
        starts = [_restarted(program, _made(begin, waiting + turn, waiting + turn + 1)) for turn in range(turns)]
        program.until(program.settled)
        told["memory after a restore, MB, at once"] = f"{program.memory() / 1e6:,.0f}"
        time.sleep(_TRIMMED)
        told["and after a minute"] = f"{program.memory() / 1e6:,.0f}"
    with Broker() as broker, Program(settings(broker.address, "empty")) as program:
        program.until(lambda: program.committed() > 0)
        empty = [_restarted(program, _made(begin, turn, turn + 1)) for turn in range(turns)]
    told["seconds from start to live"] = f"{median(starts):.1f} ({min(starts):.1f}-{max(starts):.1f})"
    told["the same with nothing waiting"] = f"{median(empty):.1f} ({min(empty):.1f}-{max(empty):.1f})"
    return told


def _settings(broker: Broker, waiting: int) -> dict[str, object]:
    return settings(broker.address, "restore") | {"limits": {"waiting": 2 * waiting}}


def _made(begin: int, start: int, stop: int) -> Load:
    """Predictions by number, each at its time."""
    return load.make(stop - start, begin + int(start / _RATE * 1e6), labelled=0.0, rate=_RATE, first=start)


def _size(broker: Broker, topic: str) -> int:
    """Bytes of a topic on the disk."""
    return sum(file.stat().st_size for file in broker.data.rglob("*.log") if file.parent.name.rpartition("-")[0] == topic)


def _cut(program: Program) -> None:
    """Deletes all blocks before the oldest snapshot of their partition."""
    topic, snapshots = program.config.topics.name("blocks"), program.config.topics.name("snapshots")
    reader = Compacted(program.config.kafka, 60.0)
    before = {number: _oldest(reader, snapshots, number) for number in range(PARTITIONS)}
    reader.close()
    with closing(KafkaAdminClient(bootstrap_servers=list(program.config.kafka.bootstrap_servers))) as admin:
        admin.delete_records({TopicPartition(topic, number): offset for number, offset in before.items()})


def _oldest(reader: Compacted, topic: str, number: int) -> int:
    """The offset from which a partition's snapshots leave the record to tell."""
    latest = reader.latest([topic], number)
    states = [unpack(value) for (_, key), value in latest.items() if not key.rstrip(b"\0").count(b"\0")]
    return min((int(state["offset"]) for state in states), default=0)


def _filled(program: Program, begin: int, start: int, stop: int) -> int:
    """Writes predictions and waits until all were watched; gives the memory it takes then."""
    for first in range(start, stop, _PIECE):
        fill(program.config, _made(begin, first, min(first + _PIECE, stop)))
        program.until(lambda: program.read() >= min(first + _PIECE, stop), every=0.5)  # noqa: B023  # called at once
    program.until(program.settled, every=0.5)
    time.sleep(_TRIMMED)
    return program.memory()


def _restarted(program: Program, events: Load) -> float:
    """Seconds from a start after a kill to the first commit of something new."""
    program.until(program.settled)
    program.kill()
    _cut(program)
    fill(program.config, events)
    before = program.committed()
    began = time.monotonic()
    program.start()
    program.until(lambda: program.committed() > before)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
