"""Sums over windows of doubling lengths that end at the last value, for many columns at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array

_KEPT = 16
"""Sums that each level keeps: its windows are 8 to 15 of its steps long, those of level 0 also 2 to 7."""
_LEVELS = 24
_MARKS = 40
"""Sums that each resolution of the history keeps; resolutions are 4 times coarser from one to the next."""
Mask = npt.NDArray[np.bool_]


class Level(NamedTuple):
    """Windows of one level: S of its steps, K lengths, C columns."""

    number: int
    steps: npt.NDArray[np.int64]
    """The step at which each ends, [S]."""
    windows: Array
    """How many values each length has, [K]."""
    sums: Array
    """Everything up to the end of the window, [S, C]."""
    before: Array
    """Everything up to its beginning, [K, S, C]."""


class Windows:
    """Sums of C columns at steps of `block` values; sums are whole numbers, so they are exact."""

    def __init__(self, columns: int, block: int) -> None:
        self.block = block
        self.step = 0
        self.sums = np.zeros(columns)
        self._rings: list[Array] = [np.zeros((_KEPT, columns))]
        self._marks: list[Array] = [np.zeros((_MARKS, columns))]

    def ends(self, steps: Array) -> Array:
        """The sums at the steps to come, [S, C], by those inside each of them, float64[C, S]."""
        last = self.step + steps.shape[1]
        while len(self._rings) < _LEVELS and 1 << len(self._rings) <= last:
            self._rings.append(np.zeros((_KEPT, len(steps))))
        sums: Array = np.cumsum(steps.T, axis=0)
        sums += self.sums
        return sums

    def levels(self, ends: Array) -> Iterator[Level]:
        """The windows that end at the next steps, by level; changes nothing."""
        last = self.step + len(ends)
        for number, ring in enumerate(self._rings):
            first = (self.step >> number) + 1
            count = (last >> number) - first + 1
            if not count or int(_LENGTHS[number > 0][0]) << number > last:
                return
            mine = ends[(first << number) - self.step - 1 :: 1 << number] if number else ends
            known = np.concatenate((ring, mine))
            lengths = _LENGTHS[number > 0]
            row = known.strides[0]
            before: Array = np.ndarray(
                (len(lengths), count, known.shape[1]),
                np.float64,
                known,
                (_KEPT - int(lengths[0])) * row,
                (-row, *known.strides),
            )
            steps = np.arange(first, first + count) << number
            yield Level(number, steps, _values(lengths << number, self.block), mine, before)

    def latest(self) -> Iterator[Level]:
        """The windows that were compared last, of each level."""
        for number, ring in enumerate(self._rings):
            lengths = _LENGTHS[number > 0]
            if int(lengths[0]) << number <= self.step:
                step = np.array([self.step >> number << number])
                windows = _values(lengths << number, self.block)
                before: Array = ring[_KEPT - 1 - lengths][:, np.newaxis]
                yield Level(number, step, windows, ring[-1:], before)

    def advance(self, ends: Array) -> None:
        """Takes the next steps."""
        last = self.step + len(ends)
        while 4 ** len(self._marks) <= last:
            self._marks.append(np.zeros((_MARKS, ends.shape[1])))
        for kept, bits in ((self._rings, 1), (self._marks, 2)):
            for number, ring in enumerate(kept):
                first = (self.step >> number * bits) + 1
                if last >> number * bits < first:
                    break
                mine = ends[(first << number * bits) - self.step - 1 :: 1 << number * bits][-len(ring) :]
                ring[: len(ring) - len(mine)] = ring[len(mine) :]
                ring[len(ring) - len(mine) :] = mine
        self.step, self.sums = last, ends[-1].copy()

    def before(self, windows: int) -> Array:
        """The sums at the beginning of a window of so many steps that ends now, [C]; one of those that `levels` give."""
        number = max(0, windows.bit_length() - 4)
        beginning: Array = self._rings[number][_KEPT - 1 - (windows >> number)]
        return beginning

    def history(self, column: int, since: int) -> tuple[npt.NDArray[np.int64], Array]:
        """Steps after `since` and the sums there, oldest first; the older the coarser."""
        found: dict[int, float] = {}
        for number, ring in enumerate(self._marks):
            newest = self.step // 4**number
            for back in range(min(_MARKS, newest)):
                step = (newest - back) * 4**number
                if step <= since:
                    break
                found[step] = float(ring[-1 - back, column])
        steps = np.array(sorted(found), np.int64)
        return steps, np.array([found[step] for step in steps.tolist()])

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        rings, marks = [ring.copy() for ring in self._rings], [ring.copy() for ring in self._marks]
        return {"step": self.step, "sums": self.sums.copy(), "rings": rings, "marks": marks}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.step, self.sums = state["step"], state["sums"].copy()
        self._rings = [ring.copy() for ring in state["rings"]]
        self._marks = [ring.copy() for ring in state["marks"]]


_LENGTHS = (np.arange(2, 16), np.arange(8, 16))


def _values(steps: npt.NDArray[np.int64], block: int) -> Array:
    return (steps * block).astype(np.float64)


def steps(values: Array, block: int) -> Array:
    """The sums of whole numbers, float64[C, n], over every `block` of them, [C, n / block]."""
    if block > 4:
        inside: Array = values.reshape(len(values), -1, block).sum(axis=2)
        return inside
    total: Array = values[:, 0::4] + values[:, 1::4]
    total += values[:, 2::4]
    total += values[:, 3::4]
    return total
