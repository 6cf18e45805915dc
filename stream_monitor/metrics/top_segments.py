"""Which segments are counted on their own: by each key, the values that come most often; all others are one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.joining import segments
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.segments import Hashes, Key

Ints = npt.NDArray[np.int64]

_NAMES = 4_096
"""Values of a key that are remembered; further ones wait until a window begins."""
_KEPT = 1_024
"""Values of a key that are remembered when a window begins."""
_OVER = 1_024
"""Places of a key that are over and still known; what comes for earlier ones is of the others."""
_EVER = 10
"""How many times as many as have places of a key are kept for good."""
OTHERS = 64
"""The numbers below this, from 1 on, stand for all others of a key."""


class Span(NamedTuple):
    """The windows in which a value had a place."""

    value: int
    start: int
    end: int
    """The number of the first one in which it has none."""


class TopSegments:
    """Each window gives places to the heaviest values as it begins, and to new ones while there are any, and keeps to that.

    So what is taken back is taken from where it was added to, and what comes late is counted as what came at once.
    """

    def __init__(self, keys: tuple[Key, ...], top: int) -> None:
        self.keys, self._top = keys, top
        self._names: list[dict[int, str]] = [{} for _ in keys]
        """By hash, in order of appearance."""
        self._counts: list[dict[int, int]] = [{} for _ in keys]
        self._placed: list[dict[int, int]] = [{} for _ in keys]
        """The values that have places, with the number of the window from which on; -1 where they have always had one."""
        self._over: list[list[Span]] = [[] for _ in keys]
        """Places that are over, of windows that somebody needs."""
        self._held: set[int] = set()
        """What somebody keeps, whose names are not forgotten."""
        self._begun = -1
        """The latest window that has begun."""
        self._usual = -1
        """The window whose places are for outcomes of no window in particular."""

    def begin(self, windows: Ints) -> None:
        """Gives the places of windows that begin, by number; what was counted before is worth three quarters."""
        for number in np.unique(windows[windows > self._begun]).tolist():
            for i, counts in enumerate(self._counts):
                order = sorted(counts, key=lambda one: (-counts[one], one))
                self._place(i, order[: self._top], number)
                kept = order[:_KEPT]
                self._counts[i] = {one: counts[one] * 3 // 4 for one in kept}
                named = {*kept, *(one.value for one in self._over[i]), *self._held}
                self._names[i] = {one: name for one, name in self._names[i].items() if one in named}
            self._begun = number

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

    def places(self, found: Hashes, windows: Ints | None = None) -> Hashes:
        """The segments of outcomes, uint64[n, k], each in a window, int64[n], or in none in particular.

        Those without a place of their own in it are the others of their key.
        """
        if found.shape[1] != len(self.keys):
            return np.zeros((len(found), 0), np.uint64)
        if windows is None:
            windows = np.full(len(found), self._usual)
        placed = found.copy()
        for number in np.unique(windows).tolist():
            rows = np.flatnonzero(windows == number)
            for i in range(len(self.keys)):
                mine = self._of(i, number)
                distinct, inverse = np.unique(found[rows, i], return_inverse=True)
                known = [one if one in mine or not one else i + 1 for one in distinct.tolist()]
                placed[rows, i] = np.array(known, np.uint64)[inverse]
        return placed

    def throughout(self, first: int, last: int) -> set[int]:
        """The segments that had a place of their own in all windows from the first to the last, and the others of each key."""
        spans = (span for i in range(len(self.keys)) for span in self._spans(i))
        return {*range(OTHERS), *(span.value for span in spans if span.start <= first and last < span.end)}

    def beyond(self, rows: Mapping[int, int]) -> dict[int, int]:
        """Those of some segments, by their outcomes, that are too many to be kept for good; each with its key's others."""
        found: dict[int, int] = {}
        for i, names in enumerate(self._names if len(rows) > _EVER * self._top else ()):
            mine = (one for one in rows if one in names and one not in self._placed[i])
            most = sorted(mine, key=lambda one: (-rows[one], one))[_EVER * self._top :]
            found |= dict.fromkeys(most, i + 1)
        return found

    def hold(self, kept: Iterable[int]) -> None:
        """Takes the segments that somebody keeps."""
        self._held = set(kept)

    def close(self, first: int) -> None:
        """Forgets the places of windows before the first that anybody needs; those of the latest are usual from now on."""
        self._usual = self._begun
        self._over = [[one for one in over if one.end > first][-_OVER:] for over in self._over]

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
            "placed": [list(placed.items()) for placed in self._placed],
            "over": [list(map(list, over)) for over in self._over],
            "held": sorted(self._held), "begun": self._begun, "usual": self._usual,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._names = [dict(map(tuple, names)) for names in state["names"]]
        self._counts = [dict(map(tuple, counts)) for counts in state["counts"]]
        self._placed = [dict(map(tuple, placed)) for placed in state["placed"]]
        self._over = [[Span(*one) for one in over] for over in state["over"]]
        self._held, self._begun, self._usual = set(state["held"]), state["begun"], state["usual"]

    def _place(self, i: int, heaviest: list[int], number: int) -> None:
        """Gives places from a window on."""
        before = self._placed[i]
        self._placed[i] = now = {one: before.get(one, number) for one in heaviest}
        self._over[i] += [Span(one, start, number) for one, start in before.items() if one not in now]

    def _of(self, i: int, window: int) -> set[int]:
        """The values of a key that have places in a window."""
        return {one.value for one in self._spans(i) if one.start <= window < one.end}

    def _spans(self, i: int) -> Iterator[Span]:
        yield from (Span(one, start, FAR) for one, start in self._placed[i].items())
        yield from self._over[i]

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
            if len(self._placed[i]) < self._top:
                self._placed[i][one] = -1


def _others(key: Key) -> str:
    return ",".join(f"{name}=(other)" for name in key)
