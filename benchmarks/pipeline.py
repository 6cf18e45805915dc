"""The whole program on topics that are full, until it has read everything: what that costs."""

from __future__ import annotations

import time
from threading import Thread
from typing import NamedTuple

from benchmarks.cost import Cost, Stopwatch
from benchmarks.deployment import LABELS, PREDICTIONS
from consumers import topics
from consumers.daemon import Daemon, pair
from consumers.kafka_log import KafkaLog
from stream_monitor.config import Config

_LOOK_EVERY = 0.05
_LOOKS = 5
"""How often the end must be seen in a row: a broker tells how much there is with a delay."""


class Run(NamedTuple):
    """What the program did."""

    cost: Cost
    transactions: int
    alerts: int


def whole(config: Config, events: int) -> Run:
    """Intake and watch in one process, as `stream-monitor run` has them; raises where an event was not watched."""
    topics.create(config)
    daemon = Daemon({name: pair(config, name) for name in ("intake", "watch")})
    watch = Stopwatch()
    thread = Thread(target=daemon.run)
    thread.start()
    try:
        cost = _until_read(daemon, watch, events)
    finally:
        daemon.stop()
        thread.join()
    if daemon.failures:
        raise RuntimeError(f"the program failed: {daemon.failures}")
    return Run(cost, sum(log.written for log in daemon.logs.values()), _verified(daemon, events))


def _until_read(daemon: Daemon, watch: Stopwatch, events: int) -> Cost:
    """The cost at the first moment from which on nothing was left."""
    seen: list[Cost] = []
    while len(seen) < _LOOKS and not daemon.failures:
        seen = [*seen, watch.read(events)] if _at_the_end(daemon.logs["intake"], daemon.logs["watch"], events) else []
        time.sleep(_LOOK_EVERY)
    return seen[0] if seen else watch.read(events)


def _at_the_end(intake: KafkaLog, watch: KafkaLog, events: int) -> bool:
    committed = [offset or 0 for partition, offset in intake.committed().items() if partition.topic in (PREDICTIONS, LABELS)]
    lags = watch.lags()
    return sum(committed) >= events and bool(lags) and not any(lags.values())


def _verified(daemon: Daemon, events: int) -> int:
    """How many alerts fire, when all events were watched."""
    streams = daemon._tasks["watch"].status()["streams"].values()
    watched = sum(stream["counts"].get(kind, 0) for stream in streams for kind in ("predictions", "labels"))
    if watched != events:
        raise RuntimeError(f"{watched} of {events} events were watched")
    return sum(len(stream["alerts"]) for stream in streams)
