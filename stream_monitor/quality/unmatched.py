"""Labels that find no prediction that waits for them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.config.duration import show
from stream_monitor.config.quality import Quality
from stream_monitor.figures import percent
from stream_monitor.joining.clock import FAR
from stream_monitor.quality.hours import HOUR
from stream_monitor.quality.issue import Found, Issue
from stream_monitor.quality.open_issues import OpenIssues

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_FEWEST = 30
"""Labels by which it is judged."""
_MOST = 1_000
"""Labels that are added up; from then on the older ones count half."""
_ERRORS = 4
"""Standard errors by which more than half must be one or the other."""
_SOME = 0.1
"""Of the labels that are alone, those that came late are worth a word from this share on."""
_GRACE = 24 * HOUR
"""How long a label may be before its prediction at most, if predictions wait that long."""


class Unmatched:
    """Judges labels by the hour in which they came, once that is so long ago that their predictions should be there.

    Labels of the first wait may be for predictions from before the stream began, and do not count.
    """

    def __init__(self, stream: str, limits: Quality) -> None:
        self._stream, self._limits = stream, limits
        self._issues = OpenIssues()
        self._wait = 0
        """0 where no labels are to come."""
        self._from = FAR
        """The clock from which on labels count."""
        self._hours: dict[int, list[int]] = {}
        """Labels that found a prediction, and those that are alone, by the hour in which they came."""
        self._old = [0, 0]
        """The same of hours that are long enough ago, until they are clearly most."""
        self._late = [0, 0]
        """Of those that are alone, how many of how many that were looked at came when the wait was over."""

    def configure(self, limits: Quality) -> None:
        """Takes limits from now on."""
        self._limits = limits

    def expect(self, now: int, wait: int) -> None:
        """Takes how long predictions wait for labels from a clock on, 0 if for none; begins again where that is new."""
        if wait != self._wait:
            self._wait = wait
            self._begin(now)

    def came(self, clock: Ints, found: Mask, alone: Mask) -> None:
        """Takes labels, by the clock at each; those that are neither repeat one that is alone."""
        if int(clock[-1]) < self._from:
            return
        counted = (found | alone) & (clock >= self._from)
        hour = clock // HOUR
        for one in dict.fromkeys(hour.tolist()):
            mine = counted & (hour == one)
            if n := int(np.count_nonzero(mine)):
                n_alone, counts = int(np.count_nonzero(mine & alone)), self._hours.setdefault(one, [0, 0])
                counts[0] += n - n_alone
                counts[1] += n_alone

    def met(self, came: Ints) -> None:
        """Takes labels that are not alone any more, by the clock at which they came."""
        for at in came.tolist():
            if at >= self._from and (counts := self._hours.get(at // HOUR)):
                counts[0] += 1
                counts[1] -= 1

    def close(self, now: int, late: tuple[int, int], sampled: bool) -> list[Issue]:
        """What is to be said at the end of a window; nothing while predictions are `sampled`, so that labels must be alone.

        `late` is how many of how many labels that are alone came when the wait was over.
        """
        severity = self._limits.severe("LabelsUnmatched")
        if severity is None or not self._wait or sampled:
            self._begin(now)
            return self._issues.close("LabelsUnmatched", severity or "info")
        self._late = [before + more for before, more in zip(self._late, late, strict=True)]
        for hour in [hour for hour in self._hours if (hour + 1) * HOUR + min(self._wait, _GRACE) <= now]:
            self._old = [before + more for before, more in zip(self._old, self._hours.pop(hour), strict=True)]
        found, alone = self._old
        well, bad, n = _most(found, alone) or self._match_again(), list[Found](), found + alone
        if not well and _most(alone, found):
            bad.append(Found("", self._summary(alone, n), 0.0, alone / n, n))
        if well or bad:
            self._old, self._late = [0, 0], [0, 0]
        elif n > _MOST:
            self._old, self._late = [one // 2 for one in self._old], [one // 2 for one in self._late]
        return self._issues.settle("LabelsUnmatched", severity, bad, {""} if well else ())

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "wait": self._wait, "from": self._from, "hours": [[hour, *counts] for hour, counts in self._hours.items()],
            "old": list(self._old), "late": list(self._late), "ledger": self._issues.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._wait, self._from, self._old, self._late = state["wait"], state["from"], list(state["old"]), list(state["late"])
        self._hours = {hour: counts for hour, *counts in state["hours"]}
        self._issues.restore(state["ledger"])

    def _begin(self, now: int) -> None:
        self._from, self._hours, self._old, self._late = now + self._wait if self._wait else FAR, {}, [0, 0], [0, 0]

    def _match_again(self) -> bool:
        """Whether most of the latest labels have found a prediction."""
        found = alone = 0
        for hour in sorted(self._hours, reverse=True):
            found, alone = found + self._hours[hour][0], alone + self._hours[hour][1]
            if _most(found, alone) or _most(alone, found):
                return found > alone
        return False

    def _summary(self, alone: int, n: int) -> str:
        late, looked = self._late
        wait = f"`labels.wait` ({show(self._wait)})"
        other = "for predictions that are refused or not read, or is `prediction_id` (or `model`) not the same on both sides"
        if 2 * late > looked:
            why = f"most came when its {wait} was over"
        elif not looked:
            why = f"are they {other}, or is {wait} too short?"
        elif late < _SOME * looked:
            why = f"next to none has the id of a recent one: are they {other}?"
        else:
            why = f"{percent(late / looked)} came when its {wait} was over: are the rest {other}?"
        return f"{alone:,} of {n:,} labels of {self._stream} found no prediction that waits for them: {why}"


def _most(some: int, others: int) -> bool:
    """Whether some are clearly more than half of all."""
    n = some + others
    return n >= _FEWEST and some - others > _ERRORS * math.sqrt(n)
