"""Something that is wrong with the data, and each step of it."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from stream_monitor.config.alert_name import AlertName
from stream_monitor.config.settings import Severity

Step = Literal["opened", "updated", "resolved"]


class Issue(NamedTuple):
    """A step of what is wrong, at the end of a window or of a silence."""

    name: AlertName
    step: Step
    feature: str
    """What it is about: a feature, an input; empty where it is the stream, or many features at once."""
    severity: Severity
    summary: str
    before: float = math.nan
    after: float = math.nan
    n: int = 0
    """The rows that it is judged by."""
    end: Literal["recovered", "reevaluated"] = "recovered"
    """Why one that is resolved is; `reevaluated` if another issue says what it is, or if it was another thing."""
    over: str = ""
    """What is said of one that is resolved, where that is more than that it is no longer so."""


class Found(NamedTuple):
    """What one look found to be wrong."""

    feature: str
    summary: str
    before: float = math.nan
    after: float = math.nan
    n: int = 0
    anew: bool = False
    """Whether it is said again, as something else was said before."""

    def issue(self, name: AlertName, step: Step, severity: Severity) -> Issue:
        """A step of it."""
        return Issue(name, step, self.feature, severity, self.summary, self.before, self.after, self.n)
