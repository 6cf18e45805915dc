"""The features of predictions that are kept until their labels come, for models that learn from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

LIMIT = 64
"""KeptFeatures that are kept: those that come first."""


class KeptFeatures:
    """Each feature has a column, from the first row that has a value for it."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.texts: set[str] = set()
        """Those whose numbers stand for categories."""

    def matrix(self, names: Sequence[str], values: npt.NDArray[np.float64], texts: Collection[str]) -> npt.NDArray[np.float32]:
        """KeptFeatures by name, float64[n, k], as they are kept, float32[n, d]; NaN where missing."""
        if len(self.names) < LIMIT:
            self._meet(names, ~np.isnan(values))
        self.texts |= set(texts) & set(self.names)
        found = np.full((len(values), len(self.names)), np.nan, np.float32)
        with np.errstate(over="ignore"):
            for i, name in enumerate(names):
                if name in self.names:
                    found[:, self.names.index(name)] = values[:, i]
        return found

    def _meet(self, names: Sequence[str], there: npt.NDArray[np.bool_]) -> None:
        first = there.argmax(axis=0).tolist()
        new = [(first[i], name) for i, name in enumerate(names) if name not in self.names and there[:, i].any()]
        self.names += [name for _, name in sorted(new)]
        del self.names[LIMIT:]

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"names": self.names, "texts": sorted(self.texts)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.names, self.texts = list(state["names"]), set(state["texts"])
