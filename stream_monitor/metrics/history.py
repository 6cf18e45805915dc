"""Losses of a version by segment, window after window, so that before and after a change can be compared."""

from __future__ import annotations

from typing import Any

from stream_monitor.metrics.tally import Tally

Losses = tuple[float, float, float]
"""How many outcomes there are, the sum of their losses, and that of their squares, as if the mean of their weights were 1."""
Split = dict[int, tuple[Losses, Losses]]
"""Of each segment, before a change and after it."""

_WINDOWS = 200
"""Windows that are kept apart; what is older is added up."""
_SEGMENTS = 2_000
"""Segments of what is older; further ones are left out."""


class History:
    """Of the windows that had outcomes; those of a fall are not what comes before another one."""

    def __init__(self) -> None:
        self._windows: list[tuple[int, dict[int, Losses]]] = []
        self._fallen: list[int] = []
        """Starts of those that were in a fall."""
        self._older: dict[int, Losses] = {}
        self._added_up: int | None = None
        """The start of the latest window that is in it."""

    def add(self, start: int, tally: Tally) -> None:
        """Takes a window by its start, after the one before."""
        if not tally.sums:
            return
        self._windows.append((start, {place: _losses_of(tally, place) for place in tally.sums}))
        if len(self._windows) > _WINDOWS:
            oldest, losses = self._windows.pop(0)
            if oldest in self._fallen:
                self._fallen.remove(oldest)
                return
            self._added_up = oldest
            for place, one in losses.items():
                if place in self._older or len(self._older) < _SEGMENTS:
                    self._older[place] = _plus(self._older.get(place), one)

    def fell(self, since: int, length: int) -> None:
        """Says that losses are larger since a time, in windows of a length."""
        known = set(self._fallen)
        self._fallen += [start for start, _ in self._windows if start + length > since and start not in known]

    def forgive(self) -> None:
        """Says that what has come so far is compared with no more."""
        self._fallen = []

    def split(self, since: int, length: int, part: int = 1) -> Split:
        """Losses of each segment in the windows, of a length, that ended before a time, and in those that are mostly after it.

        Of the latter only the first half, third, ... where that is the `part`.  One that is mostly before it, but not all, is
        left out, and so is one before it that was in a fall.  Nothing is known where some after it are added up by now.
        """
        if self._added_up is not None and self._added_up + length > since:
            return {}
        fallen = set(self._fallen)
        before, after = dict(self._older), dict[int, Losses]()
        first = [losses for start, losses in self._windows if since <= start + length // 2]
        for losses in first[: -(-len(first) // part)]:
            _take(after, losses)
        for start, losses in self._windows:
            if start + length <= since and start not in fallen:
                _take(before, losses)
        nothing = (0.0, 0.0, 0.0)
        places = [*before, *(place for place in after if place not in before)]
        return {place: (before.get(place, nothing), after.get(place, nothing)) for place in places}

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "windows": [[start, list(losses.items())] for start, losses in self._windows],
            "fallen": list(self._fallen),
            "older": list(self._older.items()),
            "added_up": self._added_up,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._windows = [(start, _losses(losses)) for start, losses in state["windows"]]
        self._fallen = list(state["fallen"])
        self._older, self._added_up = _losses(state["older"]), state["added_up"]


def _take(into: dict[int, Losses], losses: dict[int, Losses]) -> None:
    for place, one in losses.items():
        into[place] = _plus(into.get(place), one)


def _losses_of(tally: Tally, place: int) -> Losses:
    (weight, total, squares), n = tally.loss(place), tally.rows(place)
    return (n, total * n / weight, squares * n / weight) if weight > 0 else (0.0, 0.0, 0.0)


def _losses(pairs: Any) -> dict[int, Losses]:
    return {place: (one[0], one[1], one[2]) for place, one in pairs}


def _plus(one: Losses | None, other: Losses) -> Losses:
    return other if one is None else (one[0] + other[0], one[1] + other[1], one[2] + other[2])
