"""How many values of features are missing, whichever rows come together: a feature that none of them has is missing too."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.watching.group import Group


class Missing:
    """Counts among the features of the reference, and until there is one, of each from its first value on."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._met: set[str] = set()
        self._of: Any = None
        """What the group watches, by which a new reference is recognised."""

    def count(self, names: tuple[str, ...], values: npt.NDArray[np.float64], group: Group) -> int:
        """How many there are in some rows, float64[n, k] of the named features, with NaN where a row has none."""
        self._follow(group)
        absent = np.isnan(values)
        known = [i for i, name in enumerate(names) if name in self._met]
        whole = len(values) * (len(self._met) - len(known))
        counted = absent if len(known) == len(names) else absent[:, known]
        return whole + int(np.count_nonzero(counted)) + self._meet(names, absent, group)

    def state(self) -> list[str]:
        """The features that were met since a reference is being learnt."""
        return sorted(self._met) if self._of is None else []

    def restore(self, state: list[str]) -> None:
        """Goes on from a `state()`."""
        self._met = set(state)

    def _follow(self, group: Group) -> None:
        of = group.watched if group.learnt else None
        if self._of is not of:
            self._of, self._met = of, group.names() if group.learnt else set()

    def _meet(self, names: tuple[str, ...], absent: npt.NDArray[np.bool_], group: Group) -> int:
        """Takes features that are new, and what is missing of them after their first values."""
        if group.learnt or len(self._met) >= self._limit:
            return 0
        first = [(int(absent[:, i].argmin()), name, i) for i, name in enumerate(names) if name not in self._met]
        new = [one for one in sorted(first) if not absent[one[0], one[2]]][: self._limit - len(self._met)]
        self._met.update(name for _, name, _ in new)
        return sum(int(np.count_nonzero(absent[row:, i])) for row, _, i in new)
