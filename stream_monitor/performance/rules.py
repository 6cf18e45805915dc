"""The rules of a stream about its metrics: each window that closes goes to those that are about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from stream_monitor.config.duration import show
from stream_monitor.config.performance import AgainstRule, Basis, LimitRule, Rule
from stream_monitor.config.stream import StreamConfig
from stream_monitor.metrics.reading import NOTHING, Reading, Readings
from stream_monitor.performance.limits import Against, Limit, Step, says_nothing

_LONG = 10
"""Windows in a row of which a rule says nothing after which that is worth saying."""


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
    others: Callable[[], float] = lambda: 0.0
    """The share of its labels that are of other ages than those of the reference; 1: nothing is to be said of it."""


class Rules:
    """One of each rule for each version, from the first window that it is about."""

    def __init__(self, config: StreamConfig) -> None:
        self._config, self._base = config.performance, config.metrics.window
        self._limits: dict[tuple[int, int], Limit] = {}
        """By version and by the place of the rule in the configuration."""
        self._against: dict[tuple[int, str], Against] = {}
        self._few: dict[tuple[int, str], int] = {}
        """By version and by what a rule is called: how many windows in a row it said nothing of."""

    def window(self, version: int, said: Said) -> Iterator[Told]:
        """Takes a window of a version that closed."""
        yield from self._beyond_limits(version, said)
        rule = self._config.against_reference
        if said.basis != rule.basis or said.length != self._base or not said.reference:
            return
        now = said.readings("")
        metrics = [metric for metric in rule.metrics if metric in now or rule.metrics != AgainstRule().metrics]
        others = said.others() if metrics else 0.0
        for metric in metrics:
            reading = NOTHING if others == 1 else now.get(metric, NOTHING)
            against = self._against.setdefault((version, metric), Against(rule, metric))
            step = against.update(reading, said.reference.get(metric, NOTHING), said.start, said.coverage, others)
            self._count(version, f"{metric} against its reference", rule, reading, said.coverage)
            if step is not None:
                yield Told(f"{metric} against its reference", "", said.basis, step)

    def unheard(self, version: int) -> dict[str, int]:
        """Rules that say nothing of a version, and for how many windows in a row these have not had what they ask for."""
        return {rule: n for (number, rule), n in self._few.items() if number == version and n >= _LONG}

    def forget(self, version: int) -> None:
        """Lets go of a version."""
        self._few = {key: n for key, n in self._few.items() if key[0] != version}
        self._limits = {key: limit for key, limit in self._limits.items() if key[0] != version}
        self._against = {key: against for key, against in self._against.items() if key[0] != version}

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "limits": [[*key, limit.state()] for key, limit in self._limits.items()],
            "against": [[*key, against.state()] for key, against in self._against.items()],
            "few": [[*key, n] for key, n in self._few.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()` of the same configuration."""
        for version, place, inner in state["limits"]:
            self._limits[version, place] = Limit(self._config.limits[place])
            self._limits[version, place].restore(inner)
        for version, metric, inner in state["against"]:
            self._against[version, metric] = Against(self._config.against_reference, metric)
            self._against[version, metric].restore(inner)
        self._few = {(version, rule): n for version, rule, n in state["few"]}

    def _count(self, version: int, rule: str, asks: Rule, reading: Reading, coverage: float) -> None:
        silent = says_nothing(asks, reading, coverage)
        self._few[version, rule] = self._few.get((version, rule), 0) + 1 if silent else 0

    def _beyond_limits(self, version: int, said: Said) -> Iterator[Told]:
        for place, rule in enumerate(self._config.limits):
            if rule.basis != said.basis or (rule.window or self._base) != said.length:
                continue
            reading = said.readings(rule.segment or "").get(rule.metric, NOTHING)
            limit = self._limits.setdefault((version, place), Limit(rule))
            step = limit.update(reading, said.start, said.coverage)
            self._count(version, _called(rule), rule, reading, said.coverage)
            if step is not None:
                yield Told(_text(rule), rule.segment or "", said.basis, step)


def _text(rule: LimitRule) -> str:
    return f"{rule.metric} {'above' if rule.below is None else 'below'} {rule.limit:g}"


def _called(rule: LimitRule) -> str:
    """A rule by all that tells it from others: `accuracy below 0.9 where region=eu, by arrival`."""
    where = f" where {rule.segment}" if rule.segment else ""
    length = f", of {show(rule.window)}" if rule.window else ""
    return f"{_text(rule)}{where}{length}, by {rule.basis}"
