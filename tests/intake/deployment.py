"""A deployment of intake in memory, and what it wrote."""

from __future__ import annotations

import json
from typing import Any

import yaml

from consumers.intake.intake import Intake
from consumers.memory import Memory, MemoryLog
from stream_monitor import blocks
from stream_monitor.blocks import Block, Section
from stream_monitor.config.deployment import Config
from stream_monitor.dead_letter import DeadLetterEvent
from stream_monitor.task import step

MINIMAL = """
streams:
  fraud:
    predictions: {topic: p}
    labels: {topic: l}
"""
PER_MODEL = """
topics: {partitions: 4}
streams:
  all:
    per: model
    predictions: {topic: p}
    labels: {topic: l}
"""
START = 1_777_629_600_000_000
TIME = "2026-05-01T10:00:00Z"


class Deployment:
    """Intake over topics in memory."""

    def __init__(self, text: str = MINIMAL, rows: int = 1_000, references: dict[str, list[bytes]] | None = None) -> None:
        self.config = Config.model_validate(yaml.safe_load(text))
        self.memory = Memory()
        self._rows = rows
        self._references = references
        self.start()

    def start(self) -> None:
        self.intake = Intake(self.config, self._references)
        self.log = MemoryLog(self.memory, "intake", self.intake.topics, rows=self._rows, arrived=START, tick=100_000)

    def run(self, turns: int = 100) -> None:
        for _ in range(turns):
            step(self.intake, self.log)
            if self.log.drained:
                return

    def give(self, topic: str, *events: Any, key: bytes | None = None, partition: int | None = None) -> None:
        for event in events:
            value = event if event is None or isinstance(event, bytes) else json.dumps(event).encode()
            self.memory.append(topic, value, key, partition)

    @property
    def blocks(self) -> list[Block]:
        return [blocks.decode(value) for value in self.memory.values("stream-monitor.blocks")]

    def sections(self, *kinds: str) -> list[Section]:
        return [section for block in self.blocks for section in block.sections if section.kind in kinds and section.stream]

    @property
    def dead_letters(self) -> list[DeadLetterEvent]:
        return [DeadLetterEvent.model_validate_json(value) for value in self.memory.values("stream-monitor.dead-letters")]


def prediction(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"prediction_id": name, "time": TIME, "prediction": 1} | more


def cells(section: Section) -> list[dict[str, Any]]:
    """The rows of a section by the names of their columns."""
    rows = section.rows
    assert rows is not None
    found: list[dict[str, Any]] = [{"time": time} for time in rows.time.tolist()]
    for column, numbers in zip(rows.number_names, rows.numbers.tolist()):
        for row, value in zip(found, numbers):
            row.update({column: value} if value == value else {})
    for column, codes, table in zip(rows.text_names, rows.texts.tolist(), rows.tables):
        for row, code in zip(found, codes):
            row.update({column: table[code]} if code >= 0 else {})
    return found


def read(event: dict[str, Any], topic: str = "p", text: str = MINIMAL) -> dict[str, Any]:
    """The one row that an event gives."""
    deployment = Deployment(text)
    deployment.give(topic, event)
    deployment.run()
    (section,) = deployment.sections("predictions", "labels")
    (row,) = cells(section)
    return row


def reason(event: Any, topic: str = "p", text: str = MINIMAL) -> str:
    """Why an event becomes a dead letter."""
    deployment = Deployment(text)
    deployment.give(topic, event)
    deployment.run()
    (letter,) = deployment.dead_letters
    return letter.data.reason
