"""Which segments are counted on their own: by each key, the values that come most often; all others are one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.joining import segments
from stream_monitor.joining.segments import Hashes, Key

Ints = npt.NDArray[np.int64]

_NAMES = 4_096
"""Values of a key that are remembered; further ones wait until a window begins."""
_KEPT = 1_024
"""Values of a key that are remembered when a window begins."""
OTHERS = 64
"""The numbers below this, from 1 on, stand for all others of a key."""


class TopSegments:
    """Each window gives places to the heaviest values as it begins, and to new ones while there are any, and keeps to that.

    So what is taken back is taken from where it was added to.
    """

    def __init__(self, keys: tuple[Key, ...], top: int) -> None:
        self.keys, self._top = keys, top
        self._names: list[dict[int, str]] = [{} for _ in keys]
        """By hash, in order of appearance."""
        self._counts: list[dict[int, int]] = [{} for _ in keys]
        self._placed: dict[int, list[set[int]]] = {}
        """The values that have places, by the number of the window from which on."""
        self._usual = -1
        """Which of these is for outcomes of no window in particular."""

    def begin(self, windows: Ints) -> None:
        """Gives the places of windows that begin, by number; what was counted before is worth three quarters."""
        for number in np.unique(windows[windows > max(self._placed, default=-1)]).tolist():
            placed: list[set[int]] = []
            for i, counts in enumerate(self._counts):
                order = sorted(counts, key=lambda one: (-counts[one], one))
                placed.append(set(order[: self._top]))
                kept = order[:_KEPT]
                self._counts[i] = {one: counts[one] * 3 // 4 for one in kept}
                self._names[i] = {one: self._names[i][one] for one in kept}
            self._placed[number] = placed

    def see(self, rows: Rows, found: Hashes, windows: Ints) -> None:
        """Counts the segments of predictions, uint64[n, k], each while the clock was in a window, int64[n] ascending."""
        starts = [0, *(np.flatnonzero(np.diff(windows)) + 1).tolist(), len(windows)]
        for start, stop in pairwise(starts):
            self.begin(windows[start:stop])
            for i, key in enumerate(self.keys):
                distinct, firsts, counts = np.unique(found[start:stop, i], return_index=True, return_counts=True)
                self._name(i, key, rows, distinct, firsts + start)
                mine = self._counts[i]
                for one, n in zip(distinct.tolist(), counts.tolist(), strict=True):
                    if one in self._names[i]:
                        mine[one] = mine.get(one, 0) + n

    def places(self, found: Hashes, window: int | None = None) -> Hashes:
        """The segments of outcomes, uint64[n, k], those without a place of their own in a window as the others of their key."""
        if found.shape[1] != len(self.keys):
            return np.zeros((len(found), 0), np.uint64)
        placed = found.copy()
        for i, mine in enumerate(self._of(self._usual if window is None else window)):
            distinct, inverse = np.unique(found[:, i], return_inverse=True)
            placed[:, i] = np.array([one if one in mine or not one else i + 1 for one in distinct.tolist()], np.uint64)[inverse]
        return placed

    def close(self, first: int) -> None:
        """Forgets the places of windows before the first that is still open; those of the latest are usual from now on."""
        self._usual = max(self._placed, default=-1)
        oldest = max((number for number in self._placed if number <= first), default=first)
        self._placed = {number: placed for number, placed in self._placed.items() if number >= oldest}

    def name(self, place: int) -> str:
        """What a segment is called, such as `region=eu`; empty if that is forgotten."""
        if place < OTHERS:
            return _others(self.keys[place - 1])
        return next((names[place] for names in self._names if place in names), "")

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "names": [list(names.items()) for names in self._names],
            "counts": [list(counts.items()) for counts in self._counts],
            "placed": [[number, [sorted(one) for one in placed]] for number, placed in self._placed.items()],
            "usual": self._usual,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._names = [dict(map(tuple, names)) for names in state["names"]]
        self._counts = [dict(map(tuple, counts)) for counts in state["counts"]]
        self._placed = {number: [set(one) for one in placed] for number, placed in state["placed"]}
        self._usual = state["usual"]

    def _of(self, window: int) -> list[set[int]]:
        """The places of a window, or of the last one before it that has any."""
        known = max((number for number in self._placed if number <= window), default=-1)
        return self._placed[known] if known >= 0 else [set() for _ in self.keys]

    def _name(self, i: int, key: Key, rows: Rows, distinct: Hashes, firsts: Ints) -> None:
        """Gives names to new values in the order of their rows, and places while there are any."""
        names = self._names[i]
        new = [(first, one) for first, one in zip(firsts.tolist(), distinct.tolist(), strict=True) if one and one not in names]
        if not new:
            return
        new = sorted(new)[: max(0, _NAMES - len(names))]
        said = segments.texts(rows, key, np.array([first for first, _ in new], np.int64))
        for (_, one), text in zip(new, said, strict=True):
            if text == _others(key):
                continue
            names[one] = text
            for placed in self._placed.values():
                if len(placed[i]) < self._top:
                    placed[i].add(one)


def _others(key: Key) -> str:
    return ",".join(f"{name}=(other)" for name in key)
