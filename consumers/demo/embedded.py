"""The whole program in this process, over topics in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from consumers.demo.events import DemoEvent
from consumers.intake.intake import Intake
from consumers.memory import Memory, MemoryLog
from stream_monitor.config.deployment import Config
from stream_monitor.config.stream import Source
from stream_monitor.task import Channel, Task, step
from stream_monitor.watch import Watch

PUBLISHED: tuple[Channel, ...] = ("metrics", "alerts", "retrain")


class Embedded:
    """The two tasks, run whenever something was sent.  Events arrive when they happen, so speed changes nothing."""

    def __init__(self, config: Config) -> None:
        self._config, self._memory = config, Memory()
        (self.stream, settings), *_ = config.streams.items()
        self._sources: dict[str, Source | None] = {"predictions": settings.predictions, "labels": settings.labels}
        intake, self._watch = Intake(config), Watch()
        self._tasks: tuple[tuple[Task, MemoryLog], ...] = (
            (intake, self._log("intake", intake.topics)),
            (self._watch, self._log("watch", [config.topics.name("blocks")])),
        )
        for topic in intake.topics:
            self._memory.create(topic)
        self._read = dict.fromkeys(PUBLISHED, 0)

    def send(self, events: Sequence[DemoEvent]) -> None:
        """Writes events to the topics that are watched, and lets the tasks work until nothing is left."""
        for event in events:
            source = self._sources[event.kind]
            if source is not None:
                self._memory.append(source.topic, event.value, event.key, timestamp=event.time // 1_000)
        for task, log in self._tasks:
            log.arrived = events[-1].time
            step(task, log)
            while not log.drained:
                step(task, log)

    def published(self) -> list[dict[str, Any]]:
        """The alerts, retrain requests and metrics that came since the last call, as CloudEvents."""
        new: list[dict[str, Any]] = []
        for channel in PUBLISHED:
            values = self._memory.values(self._config.topics.name(channel))
            new += map(json.loads, values[self._read[channel] :])
            self._read[channel] = len(values)
        return new

    def status(self) -> dict[str, Any]:
        """What the stream is doing; empty before its first event."""
        status: dict[str, Any] = self._watch.status()["streams"].get(self.stream, {})
        return status

    def drained(self, predictions: int, labels: int) -> bool:
        """Always: nothing is left to do after `send`."""
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def _log(self, group: str, topics: Sequence[str]) -> MemoryLog:
        return MemoryLog(self._memory, group, topics, self._config.topics.prefix)
