"""Events that cannot be used, ids that come twice, and times that cannot be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
"""Times its limit at which a share is said after one look; otherwise after two."""
_FEWEST = 10
"""Rows of which something must be wrong; a look has so many, or so many rows that these would be the limit."""
_MOST = 0.5
"""A larger share of rows behind the stream's clock is old data that is loaded late, not a clock that is wrong."""
_AHEAD = ": where most do, a clock that runs ahead takes the stream's clock with it, or old data is loaded"
_REASONS, _NAMED = 64, 3
"""Reasons that are counted, and the most common ones that are named."""
_SHARES: tuple[Name, ...] = ("DuplicateIds", "TimeBackwards", "LateRows", "ClockSkew", "DeadLetters")
_COUNTED = ("predictions", "duplicates", "labels", "ahead", "late", "backwards", "behind", "dead_letters")


def odd_times(times: Ints, clock: Ints, limits: Quality, metrics: Metrics) -> dict[str, int]:
    """How many rows are before the stream's clock at them, int64[n], by more than is tolerated, and by so much as to be odd.

    When they arrived says nothing of that: old events that are read late are all long before it.  Late ones are those whose
    metrics window had closed.
    """
    if int(times.min()) >= int(clock[-1]) - min(limits.tolerance, limits.behind, metrics.grace):
        return {}
    closes = (times // metrics.window + 1) * metrics.window + metrics.grace
    return {
        "backwards": int(np.count_nonzero(times < clock - limits.tolerance)),
        "behind": int(np.count_nonzero(times < clock - limits.behind)),
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
    """Judges the counts of a stream's windows; those of windows that have too few rows for a share are added up first."""

    def __init__(self, stream: str, limits: Quality) -> None:
        self._stream, self._limits = stream, limits
        self._issues = OpenIssues()
        self._counts = dict.fromkeys(_COUNTED, 0)
        """Of the window."""
        self._looks = {name: dict.fromkeys(_COUNTED, 0) for name in _SHARES}
        """Of the windows before it since each share was judged."""
        self._reasons: dict[str, int] = {}
        """Dead letters of each kind and reason since their share was judged."""
        self._suspected: list[str] = []
        """What was over its limit in its last look."""

    def configure(self, limits: Quality) -> None:
        """Takes limits from now on."""
        self._limits = limits

    def count(self, counts: Mapping[str, int]) -> None:
        """Adds to the window's counts: predictions (accepted), duplicates, labels, ahead, dead letters and `odd_times`."""
        for name in _COUNTED:
            self._counts[name] += counts.get(name, 0)

    def refuse(self, what: str, reasons: Sequence[tuple[str, int]]) -> None:
        """Takes how many events of a kind became dead letters for which reason."""
        for reason, n in reasons:
            about = f"{what} ({reason})"
            if about in self._reasons or len(self._reasons) < _REASONS:
                self._reasons[about] = self._reasons.get(about, 0) + n

    def close(self) -> list[Issue]:
        """Judges each share by the windows since it did so last; nothing while they have too few rows."""
        issues: list[Issue] = []
        for name, look in self._looks.items():
            for counted in _COUNTED:
                look[counted] += self._counts[counted]
            dead = look["dead_letters"] if name == "DeadLetters" else 0
            if look["predictions"] + look["duplicates"] + dead >= self._limits.rows:
                issues += self._judge(self._share(name, look))
        self._counts = dict.fromkeys(_COUNTED, 0)
        return issues

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "counts": dict(self._counts), "looks": {name: dict(look) for name, look in self._looks.items()},
            "suspected": list(self._suspected), "reasons": dict(sorted(self._reasons.items())), "ledger": self._issues.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._counts, self._suspected = dict(state["counts"]), list(state["suspected"])
        self._reasons = dict(state["reasons"])
        self._looks = {name: dict(look) for name, look in state["looks"].items()}
        self._issues.restore(state["ledger"])

    def _judge(self, share: _Share) -> list[Issue]:
        """What is to be said of a share, if it can be told by now; then its next look begins."""
        severity = self._limits.severe(share.name)
        if severity is not None and share.k < _FEWEST and share.n * share.limit < _FEWEST:
            return []
        self._looks[share.name] = dict.fromkeys(_COUNTED, 0)
        if severity is None:
            return self._issues.close(share.name, "info")
        after, suspected = share.k / share.n, share.name in self._suspected
        over = share.k >= _FEWEST and after >= share.limit
        self._suspected = [name for name in self._suspected if name != share.name] + [share.name] * over
        bad = over and (suspected or after >= _AT_ONCE * share.limit)
        said = self._issues.said(share.name).get("")
        anew = said.otherwise(share.k, share.n) if said else None
        told, n = anew or (after, share.n)
        what = "events" if share.name == "DeadLetters" else "rows"
        summary = f"{percent(told)} of {n:,} {what} of {self._stream} {share.words}"
        if share.name == "DeadLetters":
            self._reasons = {}
        found = [Found("", summary, 0.0, told, n, anew is not None)] if bad else []
        well = {""} if after < share.limit / 2 else ()
        return self._issues.settle(share.name, severity, found, well, {"": (share.k, share.n)})

    def _share(self, name: Name, counts: Mapping[str, int]) -> _Share:
        limits, rows = self._limits, counts["predictions"] + counts["duplicates"]
        if name == "DuplicateIds":
            return _Share(name, counts["duplicates"], rows, limits.duplicates, "repeat an id: only the first counts")
        if name == "TimeBackwards":
            words = f"are more than {show(limits.tolerance)} older than rows before them"
            return _Share(name, counts["backwards"], rows, limits.backwards, words)
        if name == "LateRows":
            late = counts["late"]
            words = "came after their metrics window had closed" + _AHEAD * (late > _MOST * rows)
            return _Share(name, late, rows, limits.late, words)
        if name == "DeadLetters":
            dead = counts["dead_letters"]
            return _Share(name, dead, rows + counts["labels"] + dead, limits.unusable, f"cannot be used: {self._why()}")
        return self._skew(counts, rows)

    def _why(self) -> str:
        """The most common reasons, and how many events each is for."""
        common = sorted(self._reasons.items(), key=lambda one: (-one[1], one[0]))[:_NAMED]
        named = ", ".join(f"{n:,} {about}" for about, n in common)
        return f"{named}; dead letters say more" if named else "dead letters say why"

    def _skew(self, counts: Mapping[str, int], rows: int) -> _Share:
        limits = self._limits
        every, behind = rows + counts["labels"], counts["behind"]
        if behind * every > counts["ahead"] * rows and behind <= _MOST * rows:
            words = f"are more than {show(limits.behind)} behind the stream's clock, unlike most: a clock or a time zone?"
            return _Share("ClockSkew", behind, rows, limits.skew, words)
        words = f"are more than {show(AHEAD)} ahead of their arrival: a clock or a time zone?"
        return _Share("ClockSkew", counts["ahead"], every, limits.skew, words)
