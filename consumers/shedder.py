"""Keeps models that learn to their share of the time: what they shed is told to the record, so that a replay sheds the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import structlog

from consumers.http.observed import ObservedLog
from stream_monitor.config.deployment import Config
from stream_monitor.models.shedding import halvings
from stream_monitor.task import Partition

_LEAST = 100
"""Outcomes that must have been learnt from for their cost to be known, or must have come if it is next to nothing."""
_NEXT_TO_NOTHING = 0.1
"""Of the time that models may take."""

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
        self._written: Mapping[Partition, int] | None = None
        """Up to where intake had written when it had done what the control topic had at first; None before."""

    @property
    def needed(self) -> bool:
        """Whether any stream has models that learn."""
        return any(stream.models.any for stream in self._config.streams.values())

    def look(self, logs: Mapping[str, ObservedLog], streams: Mapping[str, Any], now: float) -> None:
        """Takes what streams say of themselves, at a time in seconds; `logs` are those of this process's tasks."""
        if not self._is_of_now(logs):
            self._last = {}
            return
        for name, status in streams.items():
            settings = self._config.streams.get(name.partition("/")[0])
            if settings is None or not settings.models.any or not status.get("models"):
                continue
            models = status["models"]
            taken = _Taken(now, models["seconds"], models["rows"], status["positions"]["outcomes"])
            last = self._last.setdefault(name, taken)
            if taken.rows < last.rows:  # another process has begun to count
                self._last[name] = taken
            elif now > last.at and _is_enough(last, taken, models["halvings"], settings.models.share):
                self._last[name] = taken
                self._decide(name, last, taken, models["halvings"], settings.models.share)

    def _is_of_now(self, logs: Mapping[str, ObservedLog]) -> bool:
        """Whether watch has done what the record had when it began, and what the control topic had for it."""
        if (intake := logs.get("intake")) is not None:
            control, known = self._config.topics.name("control"), intake.lags()
            ours = [partition for partition in intake.committed() if partition.topic == control]
            if any(partition not in known or partition in intake.backlog for partition in ours):
                self._written = None
                return False
            if self._written is None:
                self._written = dict(intake.owed)
        if (watch := logs.get("watch")) is None:
            return False
        written, known, committed = self._written or {}, watch.lags(), watch.committed()
        done = (p in known and p not in watch.backlog and (end or 0) >= written.get(p, 0) for p, end in committed.items())
        return bool(committed) and all(done)

    def _decide(self, name: str, last: _Taken, taken: _Taken, before: int, share: float) -> None:
        cost = (taken.seconds - last.seconds) / max(taken.rows - last.rows, 1) * 1e6
        rate = (taken.outcomes - last.outcomes) / (taken.at - last.at)
        wanted = halvings(cost, rate, share, before)
        if wanted != before:
            log.warning("models_shed", stream=name, one_in=2**wanted, cost_us=round(cost, 1), outcomes_per_s=round(rate, 1))
            self._tell(json.dumps({"stream": name, "action": "shed", "halvings": wanted}).encode())


def _is_enough(last: _Taken, taken: _Taken, before: int, share: float) -> bool:
    """Whether enough came to decide: of a slow stream that sheds, so few are learnt from that only their time can tell."""
    if taken.rows - last.rows >= _LEAST:
        return True
    slight = taken.seconds - last.seconds <= _NEXT_TO_NOTHING * share * (taken.at - last.at)
    return before > 0 and taken.outcomes - last.outcomes >= _LEAST and slight
