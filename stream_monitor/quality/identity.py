"""Ids that come twice, and times that cannot be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.config.duration import show
from stream_monitor.config.quality import Name, Quality
from stream_monitor.config.stream import Metrics
from stream_monitor.figures import percent
from stream_monitor.joining.clock import AHEAD
from stream_monitor.quality.issue import Found, Issue
from stream_monitor.quality.open_issues import OpenIssues

Ints = npt.NDArray[np.int64]

_AT_ONCE = 5
"""Times its limit at which a share is said after one window; otherwise after two."""
_FEWEST = 10
"""Rows of which something must be wrong."""
_MOST = 0.5
"""A larger share of rows behind their arrival is old data that is loaded late, not a clock that is wrong."""
_COUNTED = ("predictions", "duplicates", "labels", "ahead", "late", "backwards", "behind")


def odd_times(times: Ints, clock: Ints, arrived: int, limits: Quality, metrics: Metrics) -> dict[str, int]:
    """How many rows are before the stream's clock at them, int64[n], or before their arrival, by more than they may.

    Late ones are those whose metrics window had closed.
    """
    latest = int(clock[-1])
    if int(times.min()) >= max(latest - min(limits.tolerance, metrics.grace), arrived - limits.behind):
        return {}
    closes = (times // metrics.window + 1) * metrics.window + metrics.grace
    return {
        "backwards": int(np.count_nonzero(times < clock - limits.tolerance)),
        "behind": int(np.count_nonzero(times < arrived - limits.behind)),
        "late": int(np.count_nonzero(closes <= clock)),
    }


class _Share(NamedTuple):
    """Rows of which something is wrong, among those of which it could be."""

    name: Name
    k: int
    n: int
    limit: float
    words: str


class Identity:
    """Judges the counts of a stream's windows; those of windows with few rows are added up first."""

    def __init__(self, stream: str, limits: Quality) -> None:
        self._stream, self._limits = stream, limits
        self._issues = OpenIssues()
        self._counts = dict.fromkeys(_COUNTED, 0)
        self._suspected: list[str] = []
        """What was over its limit in the last window."""

    def configure(self, limits: Quality) -> None:
        """Takes limits from now on."""
        self._limits = limits

    def count(self, counts: Mapping[str, int]) -> None:
        """Adds to the window's counts: predictions (accepted), duplicates, labels, ahead and `odd_times`, among others."""
        for name in _COUNTED:
            self._counts[name] += counts.get(name, 0)

    def close(self) -> list[Issue]:
        """Judges the windows since it did so last; nothing if they have too few rows."""
        if self._counts["predictions"] + self._counts["duplicates"] < self._limits.rows:
            return []
        suspected: list[str] = []
        issues: list[Issue] = []
        for share in self._shares():
            severity = self._limits.severe(share.name)
            if severity is None:
                issues += self._issues.close(share.name, "info")
                continue
            after = share.k / max(share.n, 1)
            over = share.k >= _FEWEST and after >= share.limit
            if over:
                suspected.append(share.name)
            bad = over and (share.name in self._suspected or after >= _AT_ONCE * share.limit)
            summary = f"{percent(after)} of {share.n:,} rows of {self._stream} {share.words}"
            found = [Found("", summary, 0.0, after, share.n)] if bad else []
            issues += self._issues.settle(share.name, severity, found, {""} if after < share.limit / 2 else ())
        self._suspected, self._counts = suspected, dict.fromkeys(_COUNTED, 0)
        return issues

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"counts": dict(self._counts), "suspected": list(self._suspected), "ledger": self._issues.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._counts, self._suspected = dict(state["counts"]), list(state["suspected"])
        self._issues.restore(state["ledger"])

    def _shares(self) -> list[_Share]:
        counts, limits = self._counts, self._limits
        rows = counts["predictions"] + counts["duplicates"]
        return [
            _Share("DuplicateIds", counts["duplicates"], rows, limits.duplicates, "repeat an id: only the first counts"),
            _Share(
                "TimeBackwards", counts["backwards"], rows, limits.backwards,
                f"are more than {show(limits.tolerance)} older than rows before them",
            ),
            _Share("LateRows", counts["late"], rows, limits.late, "came after their metrics window had closed"),
            self._skew(rows),
        ]  # fmt: skip

    def _skew(self, rows: int) -> _Share:
        counts, limits = self._counts, self._limits
        every, behind = rows + counts["labels"], counts["behind"]
        if behind * every > counts["ahead"] * rows and behind <= _MOST * rows:
            words = f"are more than {show(limits.behind)} behind their arrival, unlike most: a clock or a time zone?"
            return _Share("ClockSkew", behind, rows, limits.skew, words)
        words = f"are more than {show(AHEAD)} ahead of their arrival: a clock or a time zone?"
        return _Share("ClockSkew", counts["ahead"], every, limits.skew, words)
