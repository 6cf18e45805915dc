"""Labels that have only ever been of one class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.config.quality import Quality
from stream_monitor.quality.issue import Found, Issue
from stream_monitor.quality.open_issues import OpenIssues

_MIXED = -2
"""Instead of a class, once there were two."""


class LabelsSeen:
    """Remembers the one class there was, until there is another; then it is done for good."""

    def __init__(self, stream: str, limits: Quality) -> None:
        self._stream, self._limits = stream, limits
        self._n = 0
        self._value, self._code = 0.0, -1
        self._issues = OpenIssues()

    def configure(self, limits: Quality) -> None:
        """Takes limits from now on."""
        self._limits = limits

    @property
    def differ(self) -> bool:
        """Whether there was more than one class."""
        return self._code == _MIXED

    def see(self, values: npt.NDArray[np.float64], codes: npt.NDArray[np.int32]) -> int | None:
        """Takes the labels of outcomes in canonical form: a number, or the number of a class where that is not -1.

        Gives the first of these with which there was more than one class; None if that was before, or is still to come.
        """
        if self.differ:
            return None
        there = np.flatnonzero(~np.isnan(values) | (codes >= 0))
        values, codes = np.where(codes >= 0, 0.0, values)[there], codes[there]
        if not len(values):
            return None
        if not self._n:
            self._value, self._code = float(values[0]), int(codes[0])
        self._n += len(values)
        others = np.flatnonzero((values != self._value) | (codes != self._code))
        if not len(others):
            return None
        self._n, self._value, self._code = 0, 0.0, _MIXED
        return int(there[others[0]])

    def close(self, word: Callable[[float, int], str], classes: bool = True, absent: bool = False) -> list[Issue]:
        """What is to be said at the end of a window; `word` says what a label in canonical form is, if one of `classes`.

        Whether it is configured what an `absent` label means.
        """
        severity = self._limits.severe("OneClass")
        if severity is None or self.differ:
            return self._issues.close("OneClass", severity or "info")
        if self._n < self._limits.outcomes:
            return []
        label = word(self._value, self._code)
        summary = f"all {self._n:,} labels of {self._stream} so far are {label}: there is nothing to tell apart"
        if classes:
            summary += "; no alarm about its loss is raised until another comes"
            summary += "" if absent else " (see `labels.absent` if no label means another)"
        return self._issues.settle("OneClass", severity, [Found("", summary, n=self._n, after=1.0)], ())

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"n": self._n, "value": self._value, "code": self._code, "ledger": self._issues.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._n, self._value, self._code = state["n"], state["value"], state["code"]
        self._issues.restore(state["ledger"])
