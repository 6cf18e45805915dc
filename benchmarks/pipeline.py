"""The whole program on topics that are full, until it has read everything: what that costs."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from kafka import TopicPartition

from benchmarks.cost import Cost, Stopwatch
from benchmarks.deployment import LABELS, PREDICTIONS
from consumers import daemon as daemons
from consumers.child import Child
from consumers.daemon import Daemon, pair
from consumers.http.observed import ObservedLog
from consumers.kafka import kafka_client, topics
from stream_monitor import logs
from stream_monitor.config.deployment import Config
from stream_monitor.task import Partition

_LOOK_EVERY = 0.02


class Run(NamedTuple):
    """What the program did."""

    cost: Cost
    transactions: int
    alerts: int
    early: int
    """Labels that came before their predictions: topics are read as they lie, not by time."""
    lost: int
    """Labels that came before there was a stream for them."""


def whole(config: Config, events: int) -> Run:
    """Intake here and watch in a child, as `stream-monitor run` has them; raises where an event was not watched."""
    logs.configure(config.log, ())
    logging.getLogger("kafka").setLevel(logging.ERROR)
    topics.create(config)
    child = daemons.apart(config)
    try:
        child.go()
        daemon = Daemon({"intake": pair(config, "intake")}, child=child)
        cost = _run(config, daemon, child, events)
    finally:
        child.kill()
    if daemon.failures:
        raise RuntimeError(f"the program failed: {daemon.failures}")
    return Run(cost, sum(log.written for log in daemon.logs.values()), *_verified(daemon, events))


def _run(config: Config, daemon: Daemon, child: Child, events: int) -> Cost:
    before = _idle(child)
    watch = Stopwatch()
    thread = Thread(target=daemon.run)
    thread.start()
    try:
        cost = _until_read(config, daemon, watch, events)
        return cost._replace(cpu=cost.cpu + _cpu(child) - before)
    finally:
        daemon.stop()
        thread.join()


def _idle(child: Child) -> float:
    """Waits until a process has started and has nothing to do; gives the seconds of CPU that it has had."""
    used, before = _cpu(child), -1.0
    while used - before > 0.05:
        time.sleep(1.0)
        used, before = _cpu(child), used
    return used


def _cpu(child: Child) -> float:
    """Seconds that all threads of a process have had."""
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _until_read(config: Config, daemon: Daemon, watch: Stopwatch, events: int) -> Cost:
    """The cost until everything was read by intake, and then all that it wrote by watch."""
    intake, watcher = daemon.logs["intake"], daemon.logs["watch"]
    while _committed(intake, (PREDICTIONS, LABELS)) < events and not daemon.failures:
        time.sleep(_LOOK_EVERY)
    ends = _ends(config)
    while not all(_reached(watcher, partition, end) for partition, end in ends.items()) and not daemon.failures:
        time.sleep(_LOOK_EVERY)
    return watch.read(events)


def _committed(log: ObservedLog, topics: Sequence[str]) -> int:
    return sum(offset or 0 for partition, offset in log.committed().items() if partition.topic in topics)


def _ends(config: Config) -> dict[Partition, int]:
    """Where blocks ends; the last offset of each partition is the mark of a transaction."""
    with closing(kafka_client.consumer(config.kafka)) as consumer:
        topic = config.topics.name("blocks")
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        return {Partition(*partition): max(0, end - 1) for partition, end in consumer.end_offsets(partitions).items()}


def _reached(log: ObservedLog, partition: Partition, end: int) -> bool:
    return (log.committed().get(partition) or 0) >= end


def _verified(daemon: Daemon, events: int) -> tuple[int, int, int]:
    """Alerts that fire, labels that were early, labels that found no stream; raises where anything else is missing."""
    read, watched = Counter[str](), Counter[str]()
    for stream in daemon.statuses["intake"]["streams"].values():
        read.update(stream)
    streams = daemon.statuses["watch"]["streams"].values()
    for stream in streams:
        watched.update(stream["counts"])
    if read["predictions"] + read["labels"] != events or watched["predictions"] != read["predictions"]:
        raise RuntimeError(f"of {events} events {dict(read)} were read and {dict(watched)} watched")
    return sum(len(stream["alerts"]) for stream in streams), watched["labels_early"], read["labels"] - watched["labels"]
