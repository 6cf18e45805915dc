"""What is said about the quality of a stream's data, and about silence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stream_monitor.config.duration import Duration, parse
from stream_monitor.config.settings import Settings, Severity

Name = Literal[
    "MissingValues", "InfiniteValues", "OutOfRange", "UnseenCategories", "ConstantFeature", "UnitJump", "NewFeature",
    "VanishedFeature", "DuplicateIds", "TimeBackwards", "ClockSkew", "LateRows", "DeadLetters", "OneClass",
    "LabelsUnmatched",
]  # fmt: skip
Share = Annotated[float, Field(gt=0, le=1)]

_INFO: tuple[Name, ...] = ("NewFeature", "OneClass")


class Quality(Settings):
    """Limits for the data of each metrics window; shares are over what the reference has, where it has some."""

    enabled: bool = True
    """Whether any of it is looked at."""
    rows: int = Field(100, ge=20)
    """The fewest rows that are judged; shorter windows are judged together."""
    missing: Share = 0.05
    """Of values that are missing, over the share in the worst fifth of the reference."""
    outside: Share = 0.01
    """Of values that are outside the reference's range, infinite, or of a category that it does not have."""
    duplicates: Share = 0.01
    """Of rows whose id came before."""
    backwards: Share = 0.05
    """Of rows whose time is before the stream's by more than `tolerance`."""
    late: Share = 0.05
    """Of rows whose metrics window had closed."""
    skew: Share = 0.01
    """Of rows whose time is ahead of their arrival, or behind the stream's clock unlike that of most."""
    unusable: Share = 0.05
    """Of events that became dead letters."""
    tolerance: Duration = Field(parse("1m"), ge=0)
    """By how much older than rows before it a row may be."""
    behind: Duration = Field(parse("1h"), gt=0)
    """By how much a row's time may be before the stream's clock."""
    outcomes: int = Field(1_000, ge=1)
    """After so many of one class, and none of another, it is said."""
    severity: dict[Name, Severity | Literal["none"]] = Field(default_factory=dict)
    """By name; `none` turns one off."""

    def severe(self, name: Name) -> Severity | None:
        """How severe an issue is; None where it is none."""
        chosen = self.severity.get(name, "info" if name in _INFO else "warning")
        return None if not self.enabled or chosen == "none" else chosen


class NoData(Settings):
    """How long nothing may come, by the stream's clock."""

    predictions: Duration | None = Field(None, gt=0)
    """Without predictions."""
    labels: Duration | None = Field(None, gt=0)
    """Without labels."""
    learnt: bool = True
    """Whether the usual rhythm says how long, where nothing is said here."""
    severity: Severity = "critical"
    """Of the alerts."""
