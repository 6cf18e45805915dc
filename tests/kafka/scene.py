"""A deployment with two streams on a real broker: its input, and the two oracles that judge what became of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import msgspec
import numpy as np
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from consumers.kafka import topics
from consumers.memory import Stored
from stream_monitor import blocks
from stream_monitor.config.deployment import Config
from stream_monitor.task import STATES, Batch, End, Partition, Slice
from stream_monitor.watch import Watch
from tests.kafka.conftest import records

PUBLISHED = ("alerts", "retrain", "reviews", "metrics")
BEGIN = 1_767_225_600


class Scene:
    """Topics with a prefix of their own, two partitions for each input, and three of blocks."""

    def __init__(self, address: str, unique: Callable[[str], str], more: dict[str, Any] | None = None) -> None:
        """`more` is further configuration, of both streams."""
        name = unique("scene")
        self.address = address
        self.config = _config(address, name, more or {})
        self._rng = np.random.default_rng(7)
        self._next = 0
        self._replay = Replay(self.config.topics.name("blocks"))
        topics.create(self.config, include_inputs=True)
        with closing(KafkaAdminClient(bootstrap_servers=address)) as admin:
            admin.wait_for_topics(topics.inputs(self.config))

    def play(self, producer: KafkaProducer, count: int = 200) -> None:
        """The next predictions, one a second, and the labels of those before; from the 1,500th on everything is different."""
        for number in range(self._next, self._next + count):
            drifted = number >= 1_500
            truth = int(self._rng.integers(0, 2))
            prediction = truth if self._rng.random() < (0.5 if drifted else 0.97) else 1 - truth
            x = float(self._rng.normal(2.0 if drifted else 0.0))
            for stream in self.config.streams:
                name = f"{stream}-{number}"
                event = {"prediction_id": name, "time": BEGIN + number, "features": {"x": x}, "prediction": prediction}
                label = {"prediction_id": name, "time": BEGIN + number + 1, "label": truth}
                self._send(
                    producer, stream, "predictions", number, b"no event" if number % 97 == 5 else msgspec.json.encode(event)
                )
                self._send(producer, stream, "labels", number, msgspec.json.encode(label))
        self._next += count
        producer.flush()

    def blocks(self) -> list[Any]:
        """What is in the record."""
        return records(self.address, self.config.topics.name("blocks"))

    def read(self) -> int:
        """How many input records are in the record or were dead."""
        sections = [section for record in self.blocks() for section in blocks.decode(record.value).sections]
        return sum((len(section.rows) if section.rows is not None else 0) + section.dead for section in sections)

    def sent(self) -> int:
        """How many input records there are."""
        return self._next * 4

    def watched(self) -> dict[str, list[str]]:
        """The ids of what `watch` has published, by topic and stream, in order."""
        return _by_stream(
            (c, record.key, record.value) for c in PUBLISHED for record in records(self.address, self.config.topics.name(c))
        )

    def said(self, channel: str) -> list[dict[str, Any]]:
        """The data of all events of a channel."""
        return [json.loads(record.value)["data"] for record in records(self.address, self.config.topics.name(channel))]

    def replayed(self) -> dict[str, list[str]]:
        """The same of a watch that reads what has been watched alone, without any interruption."""
        return self._replay.of(self.blocks_watched())

    def blocks_watched(self) -> list[Any]:
        """What is in the record and has been watched: intake may have written more by the time that both end."""
        committed = self._committed()
        return [block for block in self.blocks() if block.offset < committed.get(block.partition, 0)]

    def ahead(self) -> int:
        """How many blocks have not been watched yet, by what is committed."""
        committed = self._committed()
        return sum(block.offset >= committed.get(block.partition, 0) for block in self.blocks())

    def read_again(self) -> int:
        """How many blocks that have been watched a restart would read again."""
        states: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
        for channel in STATES:
            for record in records(self.address, self.config.topics.name(channel)):
                states[record.partition][channel.encode() + b"\0" + record.key] = record.value
        committed, starts = self._committed(), {}
        for number, offset in committed.items():
            state = {key: value for key, value in states[number].items() if value is not None}
            starts[number] = Watch().restore(Partition(self.config.topics.name("blocks"), number), offset, state) or 0
        return sum(starts[block.partition] <= block.offset < committed[block.partition] for block in self.blocks())

    def twice_or_never(self) -> list[str]:
        """What is wrong with the rows in the record: per input partition each record is there once, in order."""
        told: dict[tuple[str, str, int], list[tuple[int, int, int]]] = defaultdict(list)
        for record in self.blocks():
            for section in blocks.decode(record.value).sections:
                if section.kind in ("predictions", "labels"):
                    place = section.stream, section.topic, section.partition
                    rows = 0 if section.rows is None else len(section.rows)
                    told[place].append((section.first, section.last, rows + section.dead))
        return [f"{place}: {runs}" for place, runs in told.items() if not _seamless(runs)]

    def _committed(self) -> dict[int, int]:
        """Up to where `watch` has committed that it has read each partition of blocks."""
        group = f"{self.config.kafka.group}.watch"
        with closing(KafkaAdminClient(bootstrap_servers=self.address)) as admin:
            found = admin.list_group_offsets(group)[group]
        return {place.partition: committed.offset for place, committed in found.items()}

    def _send(self, producer: KafkaProducer, stream: str, kind: str, number: int, value: bytes) -> None:
        source = self.config.streams[stream].predictions if kind == "predictions" else self.config.streams[stream].labels
        assert source is not None
        producer.send(source.topic, value, partition=number % 2)


def _config(address: str, name: str, more: dict[str, Any]) -> Config:
    streams = {
        stream: {
            "predictions": {"topic": f"{name}.{stream}.predictions"},
            "labels": {"topic": f"{name}.{stream}.labels", "wait": "1h"},
        }
        | {"reference": {"rows": 500}, "metrics": {"window": "1m", "grace": "5s"}, "retrain": {"minimum_labels": 50}}
        | more
        for stream in ("fraud", "churn")
    }
    kafka = {"bootstrap_servers": address, "group": name, "instance": "one", "session_timeout": "2s", "poll_interval": "60s"}
    kafka["transaction_timeout"] = "3s"
    return Config.model_validate(
        {
            "start": "earliest",
            "kafka": kafka,
            "topics": {"prefix": name, "partitions": 3},
            "http": {"port": 0},
            "streams": streams,
        }
    )


class Replay:
    """One watch that reads the record as it grows."""

    published: list[tuple[str, bytes, bytes | None]]
    """Channel, key and value of what it has put out."""

    def __init__(self, topic: str) -> None:
        self._topic, self._watch = topic, Watch()
        self._read = dict.fromkeys(range(3), 0)
        self.published = []
        for number in self._read:
            self._watch.restore(Partition(topic, number), None, {})

    def of(self, there: Iterable[Any]) -> dict[str, list[str]]:
        """What it has published once it has read these records, of which those it knows are passed by."""
        for record in there:
            if record.offset >= self._read[record.partition]:
                self._read[record.partition] = record.offset + 1
                self._take(Partition(self._topic, record.partition), record)
        return _by_stream(self.published)

    def _take(self, partition: Partition, record: Any) -> None:
        stored = Stored(record.offset, record.timestamp, record.key, record.value)
        slice = Slice(0, [Batch(partition, [stored])], ends={partition: End(record.offset + 1, False)})
        said = [output for output in self._watch.process(slice) if output.channel in PUBLISHED]
        self.published += [(output.channel, output.key or b"", output.value) for output in said]


def _by_stream(published: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for channel, key, value in published:
        found[f"{channel} {key.decode()}"].append(json.loads(value)["id"])
    return dict(found)


def _seamless(runs: list[tuple[int, int, int]]) -> bool:
    """Whether runs of offsets follow one another from the first on, and hold what they say."""
    expected = 0
    for first, last, count in runs:
        if first != expected or count != last - first + 1:
            return False
        expected = last + 1
    return True
