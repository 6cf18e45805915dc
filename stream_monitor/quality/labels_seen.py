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

    def see(self, values: npt.NDArray[np.float64], codes: npt.NDArray[np.int32]) -> None:
        """Takes the labels of outcomes in canonical form: a number, or the number of a class where that is not -1."""
        if self._code == _MIXED:
            return
        there = ~np.isnan(values) | (codes >= 0)
        values, codes = np.where(codes >= 0, 0.0, values)[there], codes[there]
        if not len(values):
            return
        if not self._n:
            self._value, self._code = float(values[0]), int(codes[0])
        self._n += len(values)
        if ((values != self._value) | (codes != self._code)).any():
            self._n, self._value, self._code = 0, 0.0, _MIXED

    def close(self, word: Callable[[float, int], str]) -> list[Issue]:
        """What is to be said at the end of a window; `word` says what a label in canonical form is."""
        severity = self._limits.severe("OneClass")
        if severity is None or self._code == _MIXED:
            return self._issues.close("OneClass", severity or "info")
        if self._n < self._limits.outcomes:
            return []
        label = word(self._value, self._code)
        summary = f"all {self._n:,} labels of {self._stream} so far are {label}: there is nothing to tell apart"
        return self._issues.settle("OneClass", severity, [Found("", summary, n=self._n, after=1.0)], ())

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"n": self._n, "value": self._value, "code": self._code, "ledger": self._issues.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._n, self._value, self._code = state["n"], state["value"], state["code"]
        self._issues.restore(state["ledger"])
