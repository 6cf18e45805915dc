"""The rules of a stream about its metrics: each window that closes goes to those that are about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from stream_monitor.config.performance import Basis, LimitRule
from stream_monitor.config.stream import StreamConfig
from stream_monitor.metrics.reading import NOTHING, Readings
from stream_monitor.performance.limits import Against, Limit, Step


class Told(NamedTuple):
    """What a rule says of a window."""

    rule: str
    """As people would write it: `accuracy below 0.9`."""
    segment: str
    """Empty for all rows."""
    basis: Basis
    step: Step


class Said(NamedTuple):
    """What is known of a window of a version."""

    basis: Basis
    length: int
    start: int
    coverage: float
    """The share of predictions that have a label."""
    readings: Callable[[str], Readings]
    """The metrics of a segment, or of all rows if that is empty."""
    reference: Readings
    """The metrics of the reference; empty while that is not complete."""


class Rules:
    """One of each rule for each version, from the first window that it is about."""

    def __init__(self, config: StreamConfig) -> None:
        self._config, self._base = config.performance, config.metrics.window
        self._limits: dict[tuple[int, int], Limit] = {}
        """By version and by the place of the rule in the configuration."""
        self._against: dict[tuple[int, str], Against] = {}

    def window(self, version: int, said: Said) -> Iterator[Told]:
        """Takes a window of a version that closed."""
        yield from self._beyond_limits(version, said)
        rule = self._config.against_reference
        if said.basis != rule.basis or said.length != self._base or not said.reference:
            return
        now = said.readings("")
        for metric in rule.metrics:
            if metric in now:
                against = self._against.setdefault((version, metric), Against(rule, metric))
                step = against.update(now[metric], said.reference.get(metric, NOTHING), said.start, said.coverage)
                if step is not None:
                    yield Told(f"{metric} against its reference", "", said.basis, step)

    def forget(self, version: int) -> None:
        """Lets go of a version."""
        self._limits = {key: limit for key, limit in self._limits.items() if key[0] != version}
        self._against = {key: against for key, against in self._against.items() if key[0] != version}

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "limits": [[*key, limit.state()] for key, limit in self._limits.items()],
            "against": [[*key, against.state()] for key, against in self._against.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()` of the same configuration."""
        for version, place, inner in state["limits"]:
            self._limits[version, place] = Limit(self._config.limits[place])
            self._limits[version, place].restore(inner)
        for version, metric, inner in state["against"]:
            self._against[version, metric] = Against(self._config.against_reference, metric)
            self._against[version, metric].restore(inner)

    def _beyond_limits(self, version: int, said: Said) -> Iterator[Told]:
        for place, rule in enumerate(self._config.limits):
            if rule.basis != said.basis or (rule.window or self._base) != said.length:
                continue
            readings = said.readings(rule.segment or "")
            if rule.metric in readings:
                limit = self._limits.setdefault((version, place), Limit(rule))
                step = limit.update(readings[rule.metric], said.start, said.coverage)
                if step is not None:
                    yield Told(_text(rule), rule.segment or "", said.basis, step)


def _text(rule: LimitRule) -> str:
    return f"{rule.metric} {'above' if rule.below is None else 'below'} {rule.limit:g}"
