"""Whether a process lives, and whether it is ready: a look at its tasks, without asking Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from consumers.http.observed import Observed, ObservedLog
from stream_monitor.config.deployment import Kafka

CAUGHT_UP = 10_000
"""Offsets that a partition may be behind its end."""


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
    """Whether every task has its partitions, has restored them and is nearly at their ends."""
    reasons = live(observed, patience).reasons
    for task, log in observed.logs.items():
        reasons += [f"{task} {reason}" for reason in _lacking(log, observed.statuses.get(task), observed.started, patience)]
    return Health(not reasons, reasons)


def _lacking(log: ObservedLog, status: Mapping[str, Any] | None, started: float, patience: float) -> Iterator[str]:
    committed, positions = log.committed(), log.positions()
    # Who has waited for a place longer than that would have ended: the group has let us in, and has nothing left to give.
    if not committed and time.time() - started < patience:
        yield "has no partitions yet"
    if not status:
        yield "has not done its first step"
    for partition, position in positions.items():
        before = committed.get(partition)
        if before is not None and position < before:
            yield f"restores {partition.topic}-{partition.number}: it is at offset {position} of {before}"
    for partition, lag in log.lags().items():
        if lag > CAUGHT_UP:
            yield f"is {lag} offsets behind on {partition.topic}-{partition.number}"
