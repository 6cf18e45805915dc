"""The program as its users start it, in a process that can be killed and weighed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition

from benchmarks.deployment import PARTITIONS, PREDICTIONS, STREAM
from consumers.kafka import kafka_client, topics
from stream_monitor.blocks import partition_of
from stream_monitor.config.deployment import Config

_COMMAND = Path(sys.executable).with_name("stream-monitor")


class Program:
    """`stream-monitor run` on a configuration, with its topics made; a context manager that ends it."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.config = Config.model_validate(settings)
        self._folder = tempfile.TemporaryDirectory(prefix="stream-monitor-benchmark-")
        self._file = Path(self._folder.name) / "monitor.yaml"
        self._file.write_text(json.dumps(settings))
        self._process: subprocess.Popen[bytes] | None = None
        topics.create(self.config, include_inputs=True)

    def start(self) -> None:
        """Starts it and returns at once."""
        self._process = subprocess.Popen([_COMMAND, "run", "-c", self._file], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """Ends it as `kill -9` does."""
        self._running().kill()
        self._running().wait()

    def memory(self) -> int:
        """Bytes that its processes hold; what they share counts once."""
        return sum(_held(pid) for pid in _family(self._running().pid))

    def committed(self) -> int:
        """The offset that watch has committed where the stream's blocks are; other partitions are ready long before."""
        topic = self.config.topics.name("blocks")
        return self._offsets("watch", topic)[TopicPartition(topic, partition_of(STREAM, PARTITIONS))]

    def read(self) -> int:
        """How many predictions intake has committed."""
        return sum(self._offsets("intake", PREDICTIONS).values())

    def settled(self) -> bool:
        """Whether watch has read all blocks; the last offset of a partition is the mark of a transaction."""
        topic = self.config.topics.name("blocks")
        with closing(kafka_client.consumer(self.config.kafka)) as consumer:
            ends = consumer.end_offsets(_partitions(consumer, topic))
        committed = self._offsets("watch", topic)
        return all(committed[partition] >= end - 1 for partition, end in ends.items())

    def until(self, done: Callable[[], bool], seconds: float = 600.0, every: float = 0.05) -> float:
        """Waits until something is so, or the program has ended; gives the seconds it took."""
        began = time.monotonic()
        while not done():
            if self._running().poll() is not None or time.monotonic() - began > seconds:
                raise RuntimeError(f"the program ended, or did not come so far within {seconds:.0f} s")
            time.sleep(every)
        return time.monotonic() - began

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        self._folder.cleanup()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def _offsets(self, task: str, topic: str) -> dict[TopicPartition, int]:
        with closing(kafka_client.consumer(self.config.kafka, group_id=f"{self.config.kafka.group}.{task}")) as consumer:
            return {partition: consumer.committed(partition) or 0 for partition in _partitions(consumer, topic)}


def _family(pid: int) -> Iterator[int]:
    """A process and all that came of it."""
    yield pid
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                yield from _family(int(stat.parent.name))


def _held(pid: int) -> int:
    """The proportional set size of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
