"""Versions that predict what another one predicts, such as one that is tried out beside it: shadows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

_RECENT = 2_000
"""Rows of the stream among which the same request is looked for."""
_BLOCK = 32
"""Rows of a version after which it is decided whether it is a shadow."""
_MOST = _BLOCK // 2


class Shadows:
    """Features are those of a request, however many versions score it, so that a shadow's say nothing new.

    A version is one while half its rows, or more, have the features of a recent row of another version that is none, and of no
    recent row of its own: where few rows are unlike, that they are alike says nothing.  Of two that repeat each other the later
    one is.  Until it is decided first, a version that joins others is taken for one.
    """

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        """The versions that are shadows."""
        self._rows = 0
        self._recent: dict[int, dict[int, int]] = {}
        """By version: the features that it had, hashed, and at which row last."""
        self._counted: dict[int, int] = {}
        """Rows of each version since it was decided last."""
        self._met: dict[int, dict[int, int]] = {}
        """How many of these had the features of each other version."""
        self._decided: dict[int, set[int]] = {}
        """Of which others it had those of most, when it was decided last."""

    def watched(self, names: tuple[str, ...], values: Floats, versions: npt.NDArray[np.int32], oldest: int) -> Mask:
        """Which of the next rows are of no shadow; `oldest` is the version that came first of those that predict."""
        for mine in np.unique(versions).tolist():
            if mine not in self._recent:
                self._recent[mine], self._counted[mine], self._met[mine] = {}, 0, {}
                self.numbers |= {mine} - {oldest}
        hashes = _hashes(names, values).tolist()
        return np.array([self._take(one, mine) for one, mine in zip(hashes, versions.tolist(), strict=True)], np.bool_)

    def forget(self, mine: int) -> None:
        """Forgets a version that no longer predicts."""
        for known in (self._recent, self._counted, self._met, self._decided):
            known.pop(mine, None)
        for others in self._met.values():
            others.pop(mine, None)
        self.numbers.discard(mine)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        self._prune()
        recent = [
            [mine, np.array(list(rows), np.uint64), np.array(list(rows.values()), np.int64)]
            for mine, rows in self._recent.items()
        ]
        met = [[mine, self._counted[mine], list(others.items())] for mine, others in self._met.items()]
        decided = [[mine, sorted(others)] for mine, others in self._decided.items()]
        return {"numbers": sorted(self.numbers), "rows": self._rows, "recent": recent, "met": met, "decided": decided}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.numbers, self._rows = set(state["numbers"]), state["rows"]
        self._recent = {mine: dict(zip(rows.tolist(), at.tolist(), strict=True)) for mine, rows, at in state["recent"]}
        self._counted = {mine: counted for mine, counted, _ in state["met"]}
        self._met = {mine: dict(map(tuple, others)) for mine, _, others in state["met"]}
        self._decided = {mine: set(others) for mine, others in state["decided"]}

    def _take(self, features: int, mine: int) -> bool:
        """Takes a row; whether it is of no shadow."""
        self._rows += 1
        since = self._rows - _RECENT
        own = self._recent[mine]
        if own.get(features, since) <= since:
            for other, theirs in self._recent.items():
                if theirs.get(features, since) > since and other != mine:
                    self._met[mine][other] = self._met[mine].get(other, 0) + 1
                    self._met[other][mine] = self._met[other].get(mine, 0) + 1
        own[features] = self._rows
        if len(own) > 2 * _RECENT:
            self._prune()
        watched = mine not in self.numbers
        self._counted[mine] += 1
        if self._counted[mine] == _BLOCK:
            self._decide(mine)
        return watched

    def _decide(self, mine: int) -> None:
        """Decides whether a version is a shadow, from its next row on."""
        self._decided[mine] = most = {other for other, rows in self._met[mine].items() if rows >= _MOST}
        self._counted[mine], self._met[mine] = 0, {}
        if any(other < mine or mine not in self._decided.get(other, {mine}) for other in most - self.numbers):
            self.numbers.add(mine)
        else:
            self.numbers.discard(mine)

    def _prune(self) -> None:
        since = self._rows - _RECENT
        for mine, rows in self._recent.items():
            self._recent[mine] = {features: at for features, at in rows.items() if at > since}


def _hashes(names: tuple[str, ...], values: Floats) -> Hashes:
    """Rows of features as numbers, uint64[n]; the order of columns does not matter, and what is missing is as if absent."""
    bits = np.ascontiguousarray(values).view(np.uint64)
    mixed = (bits ^ (bits >> np.uint64(32))) * _factors(names)
    hashes: Hashes = np.where(np.isnan(values), np.uint64(0), mixed).sum(axis=1, dtype=np.uint64)
    return hashes


@lru_cache(1_000)
def _factors(names: tuple[str, ...]) -> Hashes:
    return np.array([xxhash.xxh3_64_intdigest(name.encode()) | 1 for name in names], np.uint64)
