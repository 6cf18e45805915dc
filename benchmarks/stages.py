"""Where the time goes: both tasks over topics in memory, every stage's own CPU time.  `python -m benchmarks.stages`.

A stage's time is without that of the stages it calls; taking it costs about a microsecond for each call.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from benchmarks import load
from benchmarks.deployment import SMALL, configuration
from benchmarks.rehearsal import rehearse
from benchmarks.table import table
from consumers.intake import intake
from consumers.intake.intake import Intake
from stream_monitor import blocks, losses, part
from stream_monitor.estimation.estimates import Estimates
from stream_monitor.joining import join
from stream_monitor.metrics import report
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.performance import review
from stream_monitor.quality.checks import Checks
from stream_monitor.watch import Watch
from stream_monitor.watching import words
from stream_monitor.watching.group import Group

_STAGES: dict[str, tuple[tuple[Any, str], ...]] = {
    "intake: read and decode events": ((Intake, "process"),),
    "intake: pack blocks": ((intake, "pack"),),
    "watch: unpack blocks": ((blocks, "decode"),),
    "watch: canonical values": ((words.Words, "values"),),
    "watch: join predictions": ((join.Join, "predictions"),),
    "watch: join labels": ((join.Join, "labels"),),
    "watch: metrics": (
        (Ledger, "predictions"),
        (Ledger, "outcomes"),
        (Ledger, "matured"),
        (Ledger, "close"),
        (Ledger, "look"),
    ),
    "watch: estimates": tuple((Estimates, name) for name in ("predictions", "matured", "learn", "close", "final")),
    "watch: quality": tuple((Checks, name) for name in ("rows", "times", "count", "features", "labels", "close")),
    "watch: events of metrics": ((report, "window"), (report, "cohort")),
    "watch: rules": ((review, "window"), (review, "cohort"), (review, "explained")),
    "watch: losses": ((losses, "judge"),),
    "watch: snapshots": ((part.Part, "_save"),),
    "watch: progress and silence": ((part.Part, "_progress"),),
    "watch: the rest": ((Watch, "process"),),
}
"""The functions of each stage."""


class Stages:
    """Own CPU time and calls by stage, from when it was made."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inside: list[str] = []
        self._since = 0.0
        for stage, functions in _STAGES.items():
            for owner, name in functions:
                setattr(owner, name, self._timed(lambda *_, stage=stage: stage, getattr(owner, name)))
        Group.update = self._timed(_group, Group.update)  # type: ignore[method-assign]  # that is the point

    def _timed(self, stage: Callable[..., str], function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._turn()
            self._inside.append(stage(*args))
            self.calls[self._inside[-1]] += 1
            try:
                return function(*args, **kwargs)
            finally:
                self._turn()
                self._inside.pop()

        return timed

    def _turn(self) -> None:
        """Gives the time since the last turn to whoever had it."""
        now = time.thread_time()
        if self._inside:
            self.seconds[self._inside[-1]] += now - self._since
        self._since = now


_PARTS = {
    "metrics": ("watch: metrics", "watch: events of metrics", "watch: rules"),
    "estimates before labels": ("watch: estimates",),
    "data quality and silence": ("watch: quality",),
    "detectors of features, score, predictions and errors": tuple(
        f"watch: detectors of each {sort}" for sort in ("feature", "score", "prediction", "loss")
    ),
}  # fmt: skip


def measured(predictions: int, **stream: Any) -> dict[str, float]:
    """Seconds that parts of watch take of predictions with 10 segments, 100 a second, their labels included."""
    events = load.make(predictions, load.START, rate=100.0, segments=10)
    stages = Stages()
    rehearse(configuration("nowhere:9092", "parts", **stream), events, 5_000)
    return {part: sum(stages.seconds[name] for name in names) for part, names in _PARTS.items()}


def _group(group: Group, *_: Any) -> str:
    return f"watch: detectors of each {group.sort}"


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    options.add_argument("--predictions", type=int, default=100_000)
    options.add_argument("--models", type=int, default=1, help="streams that they are spread over (default: 1)")
    options.add_argument("--rows", type=int, default=5_000, help="events that intake reads at once (default: 5,000)")
    chosen = options.parse_args()
    events = load.make(chosen.predictions, load.START, chosen.models)
    config = configuration("nowhere:9092", "stages", **(SMALL if chosen.models > 1 else {}))
    stages = Stages()
    counts = rehearse(config, events, chosen.rows).counts
    rows = [(name, stages.seconds[name] / events.events * 1e6, stages.calls[name]) for name in stages.seconds]
    print(f"{events.events:,} events, {chosen.models:,} streams, {chosen.rows:,} events at once")
    print(table(("stage", "µs/event", "calls"), [*rows, ("together", sum(row[1] for row in rows), "")]))
    print(", ".join(f"{name} {n:,}" for name, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
