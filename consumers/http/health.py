"""Whether a process lives, and whether it is ready: a look at its tasks, without asking Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from consumers.http.observed import Observed, ObservedLog
from stream_monitor.config.deployment import Kafka

SILENT = 10.0
"""Seconds for which nothing may be heard of Kafka: how far behind we are is not known then."""


class Health(NamedTuple):
    """The answer to a probe."""

    ok: bool
    reasons: list[str]
    """Why not."""


def patience(kafka: Kafka) -> float:
    """Seconds that one step may take: a restore is one, and Kafka lets us have so long before it gives our place away."""
    return (kafka.poll_interval + kafka.session_timeout) / 1e6 + 30


def live(observed: Observed, patience: float) -> Health:
    """Whether every task still works; a restart would help where one does not.  Kafka being away is no reason."""
    now = time.monotonic()
    reasons = [f"{task} failed: {type(error).__name__}" for task, error in observed.failures.items()]
    for task, log in observed.logs.items():
        if now - log.beat > patience:
            reasons.append(f"{task} has not done a step for {now - log.beat:.0f} s")
    return Health(not reasons, reasons)


def ready(observed: Observed, patience: float) -> Health:
    """Whether every task has its partitions, has restored them, has done what was there, and does in time what comes."""
    reasons = live(observed, patience).reasons
    for task, log in observed.logs.items():
        reasons += [f"{task} {reason}" for reason in _lacking(task, log, observed, patience)]
        reasons += [f"{task} {reason}" for reason in _behind(log, observed.logs)]
    return Health(not reasons, reasons)


def _lacking(task: str, log: ObservedLog, observed: Observed, patience: float) -> Iterator[str]:
    committed, positions, lags = log.committed(), log.positions(), log.lags()
    if (silent := time.monotonic() - log.heard) > SILENT:
        yield f"has heard nothing of Kafka for {silent:.0f} s"
    yield from (f"finds no topic {topic}" for topic in log.missing())
    # Who has waited for a place longer than that would have ended: the group has let us in, and has nothing left to give.
    if not committed and time.time() - observed.started < patience:
        yield "has no partitions yet"
    if not observed.statuses.get(task):
        yield "has not done its first step"
    for partition, position in positions.items():
        before = committed.get(partition)
        if before is not None and position < before:
            yield f"restores {partition.topic}-{partition.number}: it is at offset {position} of {before}"
        if partition not in lags:
            yield f"does not know yet where {partition.topic}-{partition.number} ends"


def _behind(log: ObservedLog, logs: Mapping[str, ObservedLog]) -> Iterator[str]:
    """What is late of a task's input: also what the task before it has written while that was late."""
    committed, lags, late = log.committed(), log.lags(), log.late
    for partition in late:
        behind = lags.get(partition, 0)
        what = f"is {behind} offsets behind on" if behind else "is not done yet with what it has read of"
        yield f"{what} {partition.topic}-{partition.number}"
    for writer, other in logs.items():
        for partition, end in other.owed.items():
            missing = end - (committed.get(partition) or 0)
            if partition in committed and partition not in late and missing > 0:
                yield f"is {missing} offsets behind on {partition.topic}-{partition.number}, where {writer} was late itself"
