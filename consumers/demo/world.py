"""Where a demo runs: what takes its events and gives what the program says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from consumers.demo.events import DemoEvent


class World(Protocol):
    """A running program with its topics."""

    def send(self, events: Sequence[DemoEvent]) -> None:
        """Writes events to the topics that are watched."""

    def published(self) -> list[dict[str, Any]]:
        """The alerts, retrain requests and metrics that came since the last call, as CloudEvents."""

    def status(self) -> dict[str, Any]:
        """What the stream is doing; empty before its first event."""

    def drained(self, predictions: int, labels: int) -> bool:
        """Whether so many events have been watched; may wait a little for that."""
