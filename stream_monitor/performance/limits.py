"""Rules about one metric, window after window: a fixed limit, or its reference."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, NamedTuple

from stream_monitor.config.better import BETTER, Better, is_share
from stream_monitor.config.performance import AgainstRule, LimitRule, Rule
from stream_monitor.config.settings import Severity
from stream_monitor.metrics.reading import Reading
from stream_monitor.performance.course import Course, Kind, Seen, Turn, Turning

_OTHERS = 2.0
"""How far a metric may move with each part of its rows that are others: two sorts of them move its areas under curves."""
_OF_READINGS = NormalDist().inv_cdf(0.975)
"""Standard deviations from the value of a reading to the end of its interval."""


class Step(NamedTuple):
    """A step in the course of what a rule finds."""

    step: Turning
    kind: Kind
    """An improvement is info at most; `beyond` is said of metrics of which neither way is better."""
    severity: Severity
    metric: str
    reading: Reading
    """Of the window that made the step."""
    against: float
    """The limit, or the value of the reference."""
    since: int
    """Start of the first window of the finding, microseconds since the epoch."""
    at: int
    """Start of the window that made the step."""


class Limit:
    """Whether a metric is beyond a fixed limit; exactly at it is not beyond.

    Where it must be `certain`, the whole interval must be beyond; what ends a finding is the same.
    """

    def __init__(self, rule: LimitRule) -> None:
        self.rule = rule
        self._course = Course(rule.windows)
        self._limit, self._sign = rule.limit, 1.0 if rule.below is None else -1.0
        self._kind = _beyond(BETTER[rule.metric], self._sign, self._limit)

    def update(self, reading: Reading, start: int, coverage: float = 1.0) -> Step | None:
        """Takes a window that closed, by its start, and the share of its predictions that have a label."""
        if says_nothing(self.rule, reading, coverage):
            return None
        turn = self._course.take(self._seen(reading), start)
        return turn and _step(turn, self.rule, self.rule.metric, reading, self._limit, start)

    def state(self) -> list[Any]:
        """Everything but the rule, as plain values."""
        return self._course.state()

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self._course.restore(state)

    def _seen(self, reading: Reading) -> Seen:
        assert reading.value is not None
        extent = self._sign * (reading.value - self._limit)
        facing = reading.low if (self._sign > 0) == (extent > 0) else reading.high
        doubt = None if facing is None or math.isnan(facing) else abs(reading.value - facing)
        beyond = extent > 0 and not (self.rule.certain and (doubt is None or extent <= doubt))
        return Seen(self._kind if beyond else None, extent, -extent if extent <= 0 else None, doubt, reading.n)


class Against:
    """Whether a metric is worse than its reference, or better, by more than the rule's `least`.

    The difference is certain at the rule's level, one-sided: the interval of the difference is put together from those of the
    two readings (Zou and Donner 2008), which are rescaled from their 95%.  A window contradicts a finding when the difference
    is not certain any more and at most half of what it has been on average since the finding began, or half of what would be
    certain, or `least`.  One without an interval says nothing.
    """

    def __init__(self, rule: AgainstRule, metric: str) -> None:
        self.rule, self.metric = rule, metric
        self._better, self._least = BETTER[metric], rule.smallest(metric)
        self._scale = NormalDist().inv_cdf(1 - rule.level) / _OF_READINGS
        self._course = Course(rule.windows)

    def update(
        self, reading: Reading, reference: Reading, start: int, coverage: float = 1.0, others: float = 0.0
    ) -> Step | None:
        """Takes a window that closed, by its start, and the share of its predictions that have a label.

        `others` is the share of its rows that cannot be compared with those of the reference.
        """
        now, known = _badness(reading, self._better), _badness(reference, self._better)
        if now is None or known is None or says_nothing(self.rule, reading, coverage):
            return None
        turn = self._course.take(self._seen(now, known, reading.n, others), start)
        return turn and _step(turn, self.rule, self.metric, reading, reference.value or 0.0, start)

    def state(self) -> list[Any]:
        """Everything but the rule, as plain values."""
        return self._course.state()

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self._course.restore(state)

    def _seen(self, now: _Badness, known: _Badness, n: float, others: float) -> Seen:
        more, opened = now.value - known.value, self._course.open
        least = self._least + _OTHERS * others * (1.0 if is_share(self.metric) else abs(known.value))
        worse = least + self._scale * math.hypot(now.value - now.low, known.high - known.value)
        better = least + self._scale * math.hypot(now.high - now.value, known.value - known.low)
        kind: Kind | None = "worse" if more > worse else "improved" if -more > better else None
        harm, extent = opened != "improved", _towards(opened or kind, more)
        spare = max(self._least, self._course.lasting / 2, (worse if harm else better) / 2) - extent
        facing = now.high if harm == (spare >= 0) else now.low
        back = spare >= 0 and kind != opened
        return Seen(kind, extent, spare if back else None, abs(facing - now.value), n)


class _Badness(NamedTuple):
    """A reading turned so that more is worse."""

    value: float
    low: float
    high: float


def says_nothing(rule: Rule, reading: Reading, coverage: float) -> bool:
    """Whether a window has no value for a rule, or fewer rows or labels than it asks for."""
    return math.isnan(_or_nan(reading.value)) or reading.n < rule.minimum or coverage < rule.coverage


def _badness(reading: Reading, better: Better) -> _Badness | None:
    """None where there is no value or no interval."""
    value, low, high = (_or_nan(each) for each in (reading.value, reading.low, reading.high))
    if math.isnan(value + low + high):
        return None
    if better == "higher":
        return _Badness(-value, -high, -low)
    if better == "near_zero":
        nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
        return _Badness(abs(value), nearest, max(abs(low), abs(high)))
    return _Badness(value, low, high)


def _towards(kind: Kind | None, more: float) -> float:
    """How far a difference goes the way of a finding."""
    return -more if kind == "improved" else more


def _beyond(better: Better, sign: float, limit: float) -> Kind:
    """What it means to be above a limit, sign 1, or below, sign -1."""
    if better == "neither":
        return "beyond"
    if better == "near_zero":
        return "worse" if sign * limit >= 0 else "improved"
    return "worse" if (better == "lower") == (sign > 0) else "improved"


def _step(turn: Turn, rule: Rule, metric: str, reading: Reading, against: float, at: int) -> Step:
    severity: Severity = "info" if turn.kind == "improved" else rule.severity
    return Step(turn.step, turn.kind, severity, metric, reading, against, turn.since, at)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
