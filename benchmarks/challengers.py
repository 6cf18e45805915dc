"""What models that learn cost: CPU time per outcome, and their state.  `python -m benchmarks.challengers`."""

from __future__ import annotations

import argparse
import time

import msgspec
import numpy as np

from benchmarks.table import table
from stream_monitor.config.models import Models as Settings
from stream_monitor.models import catalogue
from stream_monitor.models.models import Models

_FEATURES = (8, 20)
_BLOCK = 100


def cost(settings: Settings, task: catalogue.Task, features: int, rows: int) -> tuple[float, float, float]:
    """Microseconds per outcome over the second half of some rows, kB of state, and milliseconds to make it."""
    rng = np.random.default_rng(1)
    names = tuple(f"f{i:02}" for i in range(features))
    values = rng.normal(size=(rows, features))
    score = values[:, 0] + np.abs(values[:, 1]) + 0.5 * rng.normal(size=rows)
    actual = (score > 0.7).astype(np.float64) if task == "classification" else score
    predicted = (values[:, 0] > 0).astype(np.float64)
    ids = rng.integers(0, 2**64, (rows, 2), np.uint64)
    models, taken = Models(settings, task), 0.0
    for start in range(0, rows, _BLOCK):
        of = slice(start, start + _BLOCK)
        loss, times = np.abs(predicted[of] - actual[of]), np.arange(start, start + len(ids[of]))
        before = time.thread_time()
        models.learn(names, values[of], predicted[of], actual[of], loss, ids[of], times)
        taken += (time.thread_time() - before) if start >= rows // 2 else 0.0
    before = time.thread_time()
    size = len(msgspec.msgpack.encode(models.state()))
    return taken / (rows - rows // 2) * 1e6, size / 1e3, (time.thread_time() - before) * 1e3


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.challengers", description=__doc__)
    options.add_argument("--rows", type=int, default=20_000, help="outcomes to learn from (default: 20,000)")
    chosen = options.parse_args()
    asked: dict[str, tuple[Settings, catalogue.Task]] = {
        name: (Settings(challengers={name: {}}), entry.task) for name, entry in catalogue.ENTRIES.items()
    }
    asked["error model"] = Settings(error_model=True), "classification"
    rows = []
    for name, (settings, task) in asked.items():
        costs = [cost(settings, task, features, chosen.rows) for features in _FEATURES]
        rows.append((name, *(each[0] for each in costs), costs[-1][1], costs[-1][2]))
    print(table(("", *(f"µs, {features} features" for features in _FEATURES), "state kB", "made in ms"), rows))


if __name__ == "__main__":
    main()
