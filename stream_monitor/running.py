"""A stream as those see it that do a part of its work: what is known of it, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from stream_monitor.alerting.alerts import Moment
from stream_monitor.joining.gathered import Gathered
from stream_monitor.joining.kept_features import KeptFeatures
from stream_monitor.metrics.label_age import LabelAge
from stream_monitor.metrics.report import Reported
from stream_monitor.performance.review import Reviewed
from stream_monitor.quality.checks import Checks
from stream_monitor.task import Output
from stream_monitor.watching.feature_rows import FeatureRows
from stream_monitor.watching.judge import Judge
from stream_monitor.watching.words import Words

Event = tuple[int, Callable[[Moment], list[Output]]]
"""The row at which something happened, and what to make of it."""


class Running(Reported, Reviewed, Protocol):
    """What is reported of a stream, what is reviewed of it, and more."""

    words: Words
    judge: Judge
    feature_rows: FeatureRows
    checks: Checks
    kept: KeptFeatures
    outcomes: int
    age: LabelAge
    uncompared: Gathered
    totals: dict[str, int]
    unread: dict[str, int]

    def moment(self, arrived: int, clock: int | None = None) -> Moment:
        """Where the stream stands."""

    def settle(self) -> None:
        """Takes what has matured in the meantime."""

    def count(self, counts: dict[str, int]) -> None:
        """Adds to what is counted of the stream."""
