"""Which segments are counted on their own: by each key, the values that come most often; all others are one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.joining import segments
from stream_monitor.joining.segments import Hashes, Key

_NAMES = 4_096
"""Values of a key that are remembered; further ones wait until a window closes."""
_KEPT = 1_024
"""Values of a key that are remembered when a window closes."""
OTHERS = 64
"""The numbers below this, from 1 on, stand for all others of a key."""


class TopSegments:
    """Values take a place as they come; when a window closes, heavier ones take the places of lighter ones."""

    def __init__(self, keys: tuple[Key, ...], top: int) -> None:
        self.keys, self._top = keys, top
        self._names: list[dict[int, str]] = [{} for _ in keys]
        """By hash, in order of appearance."""
        self._counts: list[dict[int, int]] = [{} for _ in keys]
        self._tracked: list[set[int]] = [set() for _ in keys]

    def see(self, rows: Rows, found: Hashes) -> None:
        """Counts the segments of predictions, uint64[n, k]."""
        for i, key in enumerate(self.keys):
            distinct, firsts, counts = np.unique(found[:, i], return_index=True, return_counts=True)
            self._name(i, key, rows, distinct, firsts)
            mine = self._counts[i]
            for one, n in zip(distinct.tolist(), counts.tolist(), strict=True):
                if one in self._names[i]:
                    mine[one] = mine.get(one, 0) + n

    def places(self, found: Hashes) -> Hashes:
        """The segments of outcomes, uint64[n, k], those without a place of their own as the others of their key."""
        if found.shape[1] != len(self.keys):
            return np.zeros((len(found), 0), np.uint64)
        placed = found.copy()
        for i, tracked in enumerate(self._tracked):
            distinct, inverse = np.unique(found[:, i], return_inverse=True)
            placed[:, i] = np.array([one if one in tracked or not one else i + 1 for one in distinct.tolist()], np.uint64)[
                inverse
            ]
        return placed

    def close(self) -> None:
        """Gives the places to the heaviest, once a window is over; what was counted before is worth three quarters."""
        for i, counts in enumerate(self._counts):
            order = sorted(counts, key=lambda one: (-counts[one], one))
            self._tracked[i] = set(order[: self._top])
            kept = order[:_KEPT]
            self._counts[i] = {one: counts[one] * 3 // 4 for one in kept}
            self._names[i] = {one: self._names[i][one] for one in kept}

    def name(self, place: int) -> str:
        """What a segment is called, such as `region=eu`; empty if that is forgotten."""
        if place < OTHERS:
            return ",".join(f"{name}=(other)" for name in self.keys[place - 1])
        return next((names[place] for names in self._names if place in names), "")

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "names": [list(names.items()) for names in self._names],
            "counts": [list(counts.items()) for counts in self._counts],
            "tracked": [sorted(tracked) for tracked in self._tracked],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._names = [dict(map(tuple, names)) for names in state["names"]]
        self._counts = [dict(map(tuple, counts)) for counts in state["counts"]]
        self._tracked = [set(tracked) for tracked in state["tracked"]]

    def _name(self, i: int, key: Key, rows: Rows, distinct: Hashes, firsts: npt.NDArray[np.int64]) -> None:
        """Gives names to new values in the order of their rows, and places while there are any."""
        names, tracked = self._names[i], self._tracked[i]
        new = [(first, one) for first, one in zip(firsts.tolist(), distinct.tolist(), strict=True) if one and one not in names]
        if not new:
            return
        new = sorted(new)[: max(0, _NAMES - len(names))]
        said = segments.texts(rows, key, np.array([first for first, _ in new], np.int64))
        for (_, one), text in zip(new, said, strict=True):
            names[one] = text
            if len(tracked) < self._top:
                tracked.add(one)
