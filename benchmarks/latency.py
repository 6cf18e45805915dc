"""From an event to its alert: how long until a subscriber has the alert that it completes.  `python -m benchmarks.latency`.

Features of small streams change at known rows.  The same events are first run through memory: that says at which row
each alert is raised, which no program can do sooner.  What is measured is the time from when the broker has appended that row
to when a read-committed subscriber has polled the alert.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from contextlib import closing
from multiprocessing import get_context
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from benchmarks import load
from benchmarks.deployment import LABELS, PARTITIONS, PREDICTIONS, SMALL, configuration, settings
from benchmarks.load import FEATURES, LABELLED, Load
from benchmarks.program import Program
from benchmarks.rehearsal import rehearse
from benchmarks.table import table
from consumers.broker.node import Broker
from consumers.kafka import kafka_client
from stream_monitor.config.deployment import Kafka

_RATES = ["1000:10", "1000:100", "10000:10", "10000:100", "5000:1000"]
_CHANGES = 5
"""Features of each stream that change."""
_AHEAD = 15.0
"""Seconds for starting the program before the first event is due, and as much again for every 250,000 events to be made."""
_PATIENCE = 15.0
"""Seconds without an alert, after the last event, that are the end."""

Raised = tuple[str, str, int]
"""An alert by its fingerprint, its stream and the row of the stream that completed it."""


class Measured(NamedTuple):
    """What came of one rate."""

    late: float
    """Seconds by which the last event was appended after its time."""
    seconds: list[float]
    """From each event to its alert."""
    missing: int
    """Alerts that were raised in memory and did not come, or came at another row."""


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    options.add_argument(
        "--rates", nargs="+", default=_RATES, help=f"events a second and over how many streams (default: {' '.join(_RATES)})"
    )
    options.add_argument("--seconds", type=float, default=60.0, help="how long each rate lasts (default: 60)")
    chosen = options.parse_args()
    rows = []
    for rate, streams in (map(int, one.split(":")) for one in chosen.rates):
        with Broker() as broker:
            measured = measure(broker.address, rate, streams, chosen.seconds)
        quantiles = [float(np.quantile(measured.seconds or [np.nan], q)) * 1e3 for q in (0.5, 0.99, 1.0)]
        rows.append((f"{rate:,}", f"{streams:,}", len(measured.seconds), measured.missing, *quantiles, measured.late * 1e3))
    print(f"{FEATURES} features, labels for {LABELLED:.0%}; milliseconds from event to alert")
    print(table(("events/s", "streams", "alerts", "missing", "p50", "p99", "largest", "sender late"), rows))


def measure(address: str, rate: int, streams: int, seconds: float) -> Measured:
    """Runs the program on events as they happen."""
    predictions = int(rate * seconds / (1 + LABELLED))
    begin = time.time() + _AHEAD + predictions * 60e-6
    events = _events(predictions, streams, begin, rate / (1 + LABELLED))
    _create(address)
    with Program(settings(address, "latency", **SMALL)) as program:
        program.until(lambda: program.committed() > 0)
        sender = get_context("spawn").Process(target=send, args=(program.config.kafka, events, begin))
        sender.start()
        arrivals = _arrivals(program, begin + seconds)
        sender.join()
    expected = _expected(events)
    appended = _appended(
        program.config.kafka, {_number(stream, row, streams) for _, stream, row in arrivals} | {predictions - 1}
    )
    late = appended[predictions - 1] - events.predictions[-1].time / 1e6
    times = {one: arrivals[one] - appended[_number(*one[1:], streams)] for one in expected & arrivals.keys()}
    return Measured(late, sorted(times.values()), len(expected) - len(times))


def send(kafka: Kafka, events: Load, begin: float) -> None:
    """Writes every event when its time has come, those of a model in order."""
    topics = ((PREDICTIONS, events.predictions), (LABELS, events.labels))
    merged = sorted(
        ((event.time, topic, event.model, event.value) for topic, some in topics for event in some), key=itemgetter(0)
    )
    with closing(KafkaProducer(bootstrap_servers=list(kafka.bootstrap_servers), linger_ms=2, acks=1)) as producer:
        for due, topic, model, value in merged:
            while (early := due / 1e6 - time.time()) > 0:
                time.sleep(min(early, 0.005))
            producer.send(topic, value, partition=model % PARTITIONS)


def _events(predictions: int, streams: int, begin: float, rate: float) -> Load:
    """Changes of several features in every stream, at rows between two and nine tenths of it."""
    rows = predictions // streams
    changes = np.random.default_rng(11).integers(rows * 2 // 10, rows * 9 // 10, (streams, FEATURES))
    changes[:, _CHANGES:] = predictions
    numbers = np.arange(predictions)
    shift = np.where((numbers // streams)[:, None] >= changes[numbers % streams], 2.0, 0.0)
    return load.make(predictions, int(begin * 1e6), streams, rate=rate, delay=2.0, shift=shift)


def _create(address: str) -> None:
    """Input topics that say when the broker appended a record."""
    wanted = {"num_partitions": PARTITIONS, "configs": {"message.timestamp.type": "LogAppendTime"}}
    with closing(KafkaAdminClient(bootstrap_servers=address)) as admin:
        admin.create_topics(dict.fromkeys((PREDICTIONS, LABELS), wanted), wait_for_metadata=True)


def _expected(events: Load) -> set[Raised]:
    """The alerts that the events must raise, and at which rows."""
    outputs = rehearse(configuration("nowhere:9092", "latency", **SMALL), events, 5_000).outputs
    return {one for output in outputs if output.channel == "alerts" and (one := _raised(output.value)) is not None}


def _raised(value: bytes | None) -> Raised | None:
    """A drift of a feature that was opened."""
    data = json.loads(value or b"{}").get("data", {})
    if data.get("transition") != "opened" or data["labels"]["alertname"] != "DataDrift":
        return None
    return data["fingerprint"], data["labels"]["stream"], data["position"]["predictions"]


def _arrivals(program: Program, end: float) -> dict[Raised, float]:
    """When each alert came, in epoch seconds, until none has come for long after the end."""
    arrivals: dict[Raised, float] = {}
    until = end + _PATIENCE
    with closing(_subscriber(program.config.kafka, program.config.topics.name("alerts"))) as subscriber:
        while time.time() < until:
            polled = subscriber.poll(timeout_ms=200)
            now = time.time()
            raised = [_raised(record.value) for records in polled.values() for record in records]
            arrivals |= {one: now for one in raised if one is not None}
            until = max(until, now + _PATIENCE if any(raised) else until)
    return arrivals


def _appended(kafka: Kafka, numbers: set[int]) -> dict[int, float]:
    """When the broker appended these predictions, in epoch seconds."""
    found: dict[int, float] = {}
    with closing(_subscriber(kafka, PREDICTIONS)) as subscriber:
        ends = subscriber.end_offsets(subscriber.assignment())
        while any(subscriber.position(partition) < end for partition, end in ends.items()):
            for record in _records(subscriber.poll(timeout_ms=200, max_records=5_000)):
                number = int(record.value[19:26])
                if number in numbers:
                    found[number] = record.timestamp / 1e3
    return found


def _number(stream: str, row: int, streams: int) -> int:
    """The number of the prediction that is a row of a stream, counted from one."""
    return (row - 1) * streams + int(stream[-4:])


def _records(polled: Any) -> Sequence[Any]:
    return [record for records in polled.values() for record in records]


def _subscriber(kafka: Kafka, topic: str) -> KafkaConsumer:
    subscriber = kafka_client.consumer(kafka, auto_offset_reset="earliest", fetch_max_wait_ms=50)
    subscriber.assign([TopicPartition(topic, number) for number in subscriber.partitions_for_topic(topic)])
    return subscriber


if __name__ == "__main__":
    main()
