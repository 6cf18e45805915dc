"""Starting again with a million predictions that wait for their labels, and what they weigh.  `python -m benchmarks.restore`.

The program is killed and started again; it is live when it has committed something new.  What a waiting prediction weighs
is told twice: as the growth of the program's memory between two fillings, and as what is allocated for the join alone.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from statistics import median

import numpy as np

from benchmarks import load
from benchmarks.cost import apart
from benchmarks.deployment import fill, settings
from benchmarks.load import Load
from benchmarks.program import Program
from benchmarks.table import table
from consumers.broker.node import Broker
from stream_monitor.blocks import Rows
from stream_monitor.config.stream import Labels, Limits
from stream_monitor.joining.join import Join, Values

_RATE = 2_000
_AT_ONCE = 5_000
_DAYS = 7 * 86_400


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.restore", description=__doc__)
    options.add_argument("--waiting", type=int, default=1_000_000, help="predictions that wait (default: 1,000,000)")
    options.add_argument("--turns", type=int, default=3, help="how often it is killed (default: 3)")
    chosen = options.parse_args()
    rows = [(name, text) for name, text in measure(chosen.waiting, chosen.turns).items()]
    rows.append(("bytes for each waiting prediction, allocated by the join", f"{apart(allocated, chosen.waiting):,.0f}"))
    print(table(("", ""), rows))


def measure(waiting: int, turns: int) -> dict[str, str]:
    """The program's memory while it fills, and the times of its starts."""
    first = waiting // 5
    events = load.make(
        waiting + turns, time.time_ns() // 1_000 - int(waiting / _RATE * 1e6) - 60_000_000, labelled=0.0, rate=_RATE
    )
    told: dict[str, str] = {}
    with Broker() as broker, Program(settings(broker.address, "restore")) as program:
        program.until(lambda: program.committed() > 0)
        base = program.memory()
        told["memory of the program with nothing in it, MB"] = f"{base / 1e6:,.0f}"
        small = _filled(program, _part(events, 0, first))
        full = _filled(program, _part(events, first, waiting))
        told[f"memory with {waiting:,} waiting, MB"] = f"{full / 1e6:,.0f}"
        told["bytes for each waiting prediction, growth of memory"] = f"{(full - small) / (waiting - first):,.0f}"
        starts = [_restarted(program, _part(events, waiting + turn, waiting + turn + 1)) for turn in range(turns)]
        program.until(program.settled)
        told["memory after a restore, MB"] = f"{program.memory() / 1e6:,.0f}"
    with Broker() as broker, Program(settings(broker.address, "empty")) as program:
        program.until(lambda: program.committed() > 0)
        empty = [_restarted(program, _part(events, turn, turn + 1)) for turn in range(turns)]
    told["seconds from start to live"] = f"{median(starts):.1f} ({min(starts):.1f}-{max(starts):.1f})"
    told["the same with nothing waiting"] = f"{median(empty):.1f} ({min(empty):.1f}-{max(empty):.1f})"
    return told


def allocated(waiting: int) -> float:
    """Bytes for each prediction that a join holds."""
    join = Join(Labels(topic="labels"), Limits())
    ids = np.random.default_rng(3).integers(0, 2**63, (waiting, 2)).astype(np.uint64)
    times = load.START + np.arange(waiting) * 1_000
    tracemalloc.start()
    for offset, start in enumerate(range(0, waiting, _AT_ONCE)):
        join.begin(offset)
        part = slice(start, start + _AT_ONCE)
        rows = Rows(
            times[part].copy(), ids[part].copy(), (), np.empty((0, _AT_ONCE)), (), np.empty((0, _AT_ONCE), np.int32), ()
        )
        join.predictions(rows, Values(np.zeros(len(rows)), np.full(len(rows), -1, np.int32)), int(times[-1]))
    return tracemalloc.get_traced_memory()[0] / waiting


def _part(events: Load, start: int, stop: int) -> Load:
    return Load(events.predictions[start:stop], [])


def _filled(program: Program, events: Load) -> int:
    """Writes events and waits until all were watched; gives the memory it takes then."""
    before = program.read()
    fill(program.config, events)
    program.until(lambda: program.read() - before >= events.events and program.settled(), every=0.5)
    return program.memory()


def _restarted(program: Program, events: Load) -> float:
    """Seconds from a start after a kill to the first commit of something new."""
    program.until(program.settled)
    program.kill()
    fill(program.config, events)
    before = program.committed()
    began = time.monotonic()
    program.start()
    program.until(lambda: program.committed() > before)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
