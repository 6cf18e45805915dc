"""Features that seem to be in another unit: how large they are since then, and what was said of them."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, NamedTuple

from stream_monitor.quality import units
from stream_monitor.quality.feature_counts import FeatureCounts
from stream_monitor.quality.known import Known
from stream_monitor.quality.units import Jump, Size

SOME = 64
"""The last rows, by which a large factor is told that has just begun."""


class Seen(NamedTuple):
    """What a window says of features, by their numbers."""

    jumps: dict[int, Jump]
    """Those in another unit, as is to be said."""
    anew: set[int]
    """Those of which something else was said before."""
    back: set[int]
    """Those that are as in the reference again."""
    wrong: set[int]
    """Those that are plainly not what was said, nor in another unit."""


class UnitJumps:
    """Follows features from window to window."""

    def __init__(self) -> None:
        self._since: dict[int, Size] = {}
        """Of all windows in a row in which a feature is elsewhere than in the reference, and of one size."""
        self._moving: dict[int, int] = {}
        """How often in a row that was another size than before: once where a window is of both, and more where it grows."""
        self._said: dict[int, Jump] = {}
        self._doubted: set[int] = set()
        """Those whose last window was plainly not what was said."""

    def see(self, known: Known, counts: FeatureCounts, is_open: Set[int]) -> Seen:
        """Takes a window, and the features of which it is said that they are in another unit."""
        latest = counts.latest()
        self._said = {i: said for i, said in self._said.items() if i in is_open}
        found = self._found(known, counts, latest)
        doubted = {i for i, said in self._said.items() if self._doubt(known, i, latest[:, i], said)}
        back = {i for i in is_open if units.back(known, i, latest[:, i])}
        wrong = (doubted & self._doubted) - back - found.keys()
        anew = {i for i, one in found.items() if i in self._said and self._said[i] != one}
        anew = {i for i in anew if i in doubted or (self._said[i].also and not found[i].also)}
        self._said |= {i: one for i, one in found.items() if i in anew or i not in self._said}
        self._doubted = doubted - anew
        return Seen({i: self._said[i] for i in found}, anew, back, wrong)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "since": [[i, *since] for i, since in sorted(self._since.items())],
            "moving": [[i, times] for i, times in sorted(self._moving.items())],
            "said": [[i, *said] for i, said in sorted(self._said.items())],
            "doubted": sorted(self._doubted),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._since = {i: Size(*since) for i, *since in state["since"]}
        self._moving = dict(state["moving"])
        self._said = {i: Jump(*said) for i, *said in state["said"]}
        self._doubted = set(state["doubted"])

    def _found(self, known: Known, counts: FeatureCounts, latest: units.Floats) -> dict[int, Jump]:
        """By the last rows and all since the change, or by the very last ones where it has just begun."""
        found, before, away = dict[int, Jump](), self._since, units.away(known, latest)
        self._follow(known, away.all, latest[-counts.rows :])
        for i in sorted(away.likely):
            straight = self._moving[i] <= 1 or known.slow[i]
            one = units.jump(known, i, latest[:, i], self._since[i]) if straight else None
            if one is not None:
                found[i] = one
        for i in sorted(units.away(known, latest[-SOME:]).likely - found.keys() - before.keys()):
            one = units.plain_jump(known, i, latest[-SOME:, i])
            if one is not None:
                found[i] = one
        return found

    def _follow(self, known: Known, away: list[int], rows: units.Floats) -> None:
        """Adds rows to those since the change; what was as large as the reference before has not moved yet."""
        before, moving = self._since, self._moving
        self._since, self._moving = {}, {}
        for i in away:
            since = units.size(known, i, rows[:, i])
            self._moving[i] = moving.get(i, 0)
            if i in before and units.together(before[i], since):
                since = before[i].plus(since)
            elif i in before and not units.together(units.usual(known, i), before[i]):
                self._moving[i] += 1
            self._since[i] = since

    def _doubt(self, known: Known, i: int, values: units.Floats, said: Jump) -> bool:
        """Whether the last rows, or all since the change, are plainly not what was said."""
        since = self._since.get(i)
        return units.other(known, i, values, said) or (since is not None and units.denied(known, i, since, said))
