"""Keeps models that learn to their share of the time: what they shed is told to the record, so that a replay sheds the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import structlog

from stream_monitor.config.deployment import Config
from stream_monitor.models.shedding import halvings

_LEAST = 100
"""Outcomes that must have been learnt from for their cost to be known."""

log = structlog.get_logger()


class _Taken(NamedTuple):
    """How far a stream's models were when they were last looked at."""

    at: float
    seconds: float
    rows: int
    outcomes: int


class Shedder:
    """Looks at what models take, and tells the control topic from how many outcomes they are to learn."""

    def __init__(self, config: Config, tell: Callable[[bytes], None]) -> None:
        self._config, self._tell = config, tell
        self._last: dict[str, _Taken] = {}

    @property
    def needed(self) -> bool:
        """Whether any stream has models that learn."""
        return any(stream.models.any for stream in self._config.streams.values())

    def look(self, streams: Mapping[str, Any], now: float) -> None:
        """Takes what streams say of themselves, at a time in seconds."""
        for name, status in streams.items():
            settings = self._config.streams.get(name.partition("/")[0])
            if settings is None or not settings.models.any or not status.get("models"):
                continue
            models = status["models"]
            taken = _Taken(now, models["seconds"], models["rows"], status["positions"]["outcomes"])
            last = self._last.setdefault(name, taken)
            if taken.rows < last.rows:  # another process has begun to count
                self._last[name] = taken
            elif taken.rows - last.rows >= _LEAST and now > last.at:
                self._last[name] = taken
                self._decide(name, last, taken, models["halvings"], settings.models.share)

    def _decide(self, name: str, last: _Taken, taken: _Taken, before: int, share: float) -> None:
        cost = (taken.seconds - last.seconds) / (taken.rows - last.rows) * 1e6
        rate = (taken.outcomes - last.outcomes) / (taken.at - last.at)
        wanted = halvings(cost, rate, share, before)
        if wanted != before:
            log.warning("models_shed", stream=name, one_in=2**wanted, cost_us=round(cost, 1), outcomes_per_s=round(rate, 1))
            self._tell(json.dumps({"stream": name, "action": "shed", "halvings": wanted}).encode())
