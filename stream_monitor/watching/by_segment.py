"""The losses of a version by segment, so that it is compared with another one within what both predict."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

_MOST = 1_000
"""Segments of a key; further ones are its others."""
_FEWEST = 20
"""Outcomes of a segment with which the same of another version can be compared."""
_COMPARABLE = 0.5
"""The part of its outcomes that must be in such segments for a version to be compared by a key."""


class Within(NamedTuple):
    """How two versions err in the segments of a key that both know, as often as they come in the newer one."""

    key: int
    """Its number."""
    share: float
    """Of the outcomes of the newer one in such segments."""
    before: float
    """What the older one would have erred on them."""
    after: float
    spread: float
    """The squared standard error of `before`, if losses were independent."""
    usual: float
    """How the older one errs on the whole."""

    @property
    def comparable(self) -> bool:
        """Whether there are enough of them."""
        return self.share >= _COMPARABLE


class BySegment:
    """Sums of losses for each segment, by each key: how many, they themselves, and their squares."""

    def __init__(self) -> None:
        self._sums: list[dict[int, list[float]]] = []

    def add(self, segments: Hashes, losses: Floats) -> None:
        """Takes the next losses, float64[n], with their segments by each key, uint64[n, k]."""
        if len(self._sums) < segments.shape[1]:
            self._sums = [{} for _ in range(segments.shape[1])]
        terms = np.column_stack((np.ones(len(losses)), losses, losses**2))
        for i, sums in enumerate(self._sums[: segments.shape[1]]):
            distinct, firsts, inverse = np.unique(segments[:, i], return_index=True, return_inverse=True)
            places = [0] * len(distinct)
            for at in np.argsort(firsts).tolist():
                one = int(distinct[at])
                places[at] = one if one in sums or len(sums) < _MOST else i + 1
                sums.setdefault(places[at], [0.0, 0.0, 0.0])
            known = list(dict.fromkeys(places))
            rows = np.array([known.index(place) for place in places], np.intp)[inverse]
            added = np.array([sums[place] for place in known])
            np.add.at(added, rows, terms)
            sums.update(zip(known, added.tolist(), strict=True))

    def within(self, older: BySegment) -> list[Within]:
        """How it errs in what an older one has predicted as well, by each key."""
        if len(self._sums) != len(older._sums):
            return []
        return [Within(i, *_within(mine, older._sums[i])) for i, mine in enumerate(self._sums) if mine]

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [[[place, *sums] for place, sums in known.items()] for known in self._sums]

    @classmethod
    def restored(cls, state: list[Any]) -> BySegment:
        """From a `state()`."""
        found = cls()
        found._sums = [{place: sums for place, *sums in known} for known in state]
        return found


def _within(mine: dict[int, list[float]], theirs: dict[int, list[float]]) -> tuple[float, float, float, float, float]:
    every = [sum(column) for column in zip(*theirs.values(), strict=True)]
    both = [(n, loss, theirs[place]) for place, (n, loss, _) in mine.items() if theirs.get(place, (0,))[0] >= _FEWEST]
    n = sum(rows for rows, _, _ in both)
    if not n:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    before = sum(rows * then[1] / then[0] for rows, _, then in both) / n
    spread = sum((rows / n) ** 2 * _variance(then, every) / then[0] for rows, _, then in both)
    after, share = sum(loss for _, loss, _ in both) / n, n / sum(rows for rows, *_ in mine.values())
    return share, before, after, spread, every[1] / every[0]


def _variance(sums: list[float], every: list[float]) -> float:
    """That of the losses of a segment, as if it had one more row, as spread as all: a few that are alike are not certain."""
    (n, loss, squares), (all_n, all_loss, all_squares) = sums, every
    own = max(squares - loss**2 / n, 0.0)
    return (own + max(all_squares / all_n - (all_loss / all_n) ** 2, 0.0)) / (n + 1)
