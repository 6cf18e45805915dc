"""Predictions that wait for labels: what they weigh, and what it costs to add, find, save and load them.

`python -m benchmarks.waiting`.  Everything is done in blocks of 1,000 rows; each block is looked up first, as duplicates are,
and labels are of rows of any age.  Memory is what the process holds more than without a row.  Times are of the processor.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.cost import apart
from benchmarks.table import table
from stream_monitor.joining.packed import Values
from stream_monitor.joining.sampling import Sampling
from stream_monitor.joining.saved_rows import SavedRows
from stream_monitor.joining.waiting import LABELLED, Fresh, Waiting

R = TypeVar("R")
Ints = npt.NDArray[np.int64]

_AT_ONCE = 1_000
_SAVED = 100_000
"""Rows between two snapshots."""
_LABELLED = 500
"""Blocks of labels."""
_WAIT = 90 * 86_400 * 1_000_000


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.waiting", description=__doc__)
    options.add_argument("--waiting", type=int, default=10_000_000, help="predictions that wait (default: 10,000,000)")
    options.add_argument("--features", type=int, default=20, help="features in the second column (default: 20)")
    chosen = options.parse_args()
    kinds = (0, chosen.features)
    columns = [apart(measure, chosen.waiting, one) | apart(save, chosen.waiting, one) for one in kinds]
    rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
    print(table((f"{chosen.waiting:,} waiting", "plain", f"{chosen.features} features"), rows))


def measure(count: int, features: int) -> dict[str, float]:
    """Bytes for each row, and microseconds or seconds by what they are for."""
    base, costs = _held(), _Costs()
    waiting = _filled(count, features, costs)
    held = _held() - base
    _label(waiting, count, costs)
    told = {"memory, MB": held / 1e6, "bytes for each": held / count} | costs.told()
    del told["us to save"]
    return told


def save(count: int, features: int) -> dict[str, float]:
    """The same of what is saved of them."""
    costs, saved, records = _Costs(), SavedRows(), dict[str, bytes]()
    _filled(count, features, costs, lambda waiting: records.update(_saved(saved, waiting)))
    told = costs.told()
    told |= {"bytes saved for each": sum(map(len, records.values())) / count, "records": len(records)}
    began = time.process_time()
    SavedRows().restore(_empty(), records, Sampling(), 0)
    return {name: told[name] for name in ("us to save", "bytes saved for each", "records")} | {
        "seconds to load all": time.process_time() - began
    }


class _Costs:
    """Time of the processor by what it was for, and for how many rows."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._rows: dict[str, int] = defaultdict(int)

    def of(self, name: str, work: Callable[[], R]) -> R:
        """What some work on a block of rows gives."""
        began = time.process_time()
        done = work()
        self._seconds[name] += time.process_time() - began
        self._rows[name] += _AT_ONCE
        return done

    def told(self) -> dict[str, float]:
        """Microseconds for each row."""
        return {f"us to {name}": seconds / self._rows[name] * 1e6 for name, seconds in self._seconds.items()}


def _empty() -> Waiting:
    waiting = Waiting()
    waiting.span = _WAIT // 4
    return waiting


def _filled(count: int, features: int, costs: _Costs, saves: Callable[[Waiting], None] = lambda waiting: None) -> Waiting:
    waiting = _empty()
    for start in range(0, count, _AT_ONCE):
        fresh = _fresh(np.arange(start, start + _AT_ONCE), _WAIT // count, features)
        costs.of("look up a new id", lambda: waiting.find(fresh.ids))  # noqa: B023  # called at once
        costs.of("add", lambda: waiting.add(fresh))  # noqa: B023
        costs.of("save", lambda: saves(waiting) if waiting.live % _SAVED == 0 else None)
    return waiting


def _label(waiting: Waiting, count: int, costs: _Costs) -> None:
    rng = np.random.default_rng(1)
    labels, one = Values(np.ones(_AT_ONCE), np.full(_AT_ONCE, -1, np.int32)), np.ones(_AT_ONCE)
    for _ in range(_LABELLED):
        ids = _ids(rng.choice(count, _AT_ONCE, replace=False) if count < 100_000 else rng.integers(0, count, _AT_ONCE))
        _, numbers = costs.of("look up the id of a label", lambda: waiting.find(ids))  # noqa: B023
        rows = costs.of("read", lambda: waiting.rows(numbers))  # noqa: B023
        costs.of("label", lambda: waiting.label(numbers, labels, rows["time"], rows["time"], LABELLED, one))  # noqa: B023


def _saved(saved: SavedRows, waiting: Waiting) -> dict[str, bytes]:
    return {key: value for key, value in saved.save(waiting, 0) if value is not None}


def _fresh(position: Ints, step: int, features: int) -> Fresh:
    rng = np.random.default_rng(int(position[0]))
    time, n = position * step + rng.integers(0, step, len(position)), len(position)
    values = Values(rng.integers(0, 2, n).astype(np.float64), np.full(n, -1, np.int32))
    more = {"features": rng.random((n, features), np.float32)} if features else {}
    return Fresh(_ids(position), np.zeros(n, np.int32), position, time, time + _WAIT, values, more)


def _ids(position: Ints) -> npt.NDArray[np.uint64]:
    """Hashes, as good as random."""
    word = position.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (word ^ (word >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.stack((mixed ^ (mixed >> np.uint64(32)), word), axis=1)


def _held() -> int:
    """Bytes that this process holds."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss:"))


if __name__ == "__main__":
    main()
