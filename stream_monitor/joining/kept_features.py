"""The features of predictions that are kept until their labels come, for models that learn from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.joining import mixed

LIMIT = 64
"""KeptFeatures that are kept: those that come first."""


class KeptFeatures:
    """Each feature has a column, from the first row that has a value for it, which also says whether it is a text.

    What a reference says about that later counts.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.texts: set[str] = set()
        """Those whose numbers stand for categories."""

    def matrix(
        self, names: Sequence[str], values: npt.NDArray[np.float64], texts: Collection[str], is_number: Callable[[str], bool]
    ) -> npt.NDArray[np.float32]:
        """Features by name, float64[n, k], as they are kept, float32[n, d]; NaN where missing, or of the other type.

        `texts` are those of the reference, and `is_number` says which numbers are; others are numbers and texts in one column.
        """
        codes = mixed.codes(values)
        if len(self.names) < LIMIT:
            self._meet(names, ~np.isnan(values), ~np.isnan(codes))
        self.texts = {name for name in self.texts if not is_number(name)} | (set(texts) & set(self.names))
        numbers = np.where(np.isnan(codes), values, np.nan)
        found = np.full((len(values), len(self.names)), np.nan, np.float32)
        with np.errstate(over="ignore"):
            for i, name in enumerate(names):
                if name in self.names:
                    text = name in self.texts and name not in texts
                    found[:, self.names.index(name)] = codes[:, i] if text else numbers[:, i]
        return found

    def _meet(self, names: Sequence[str], there: npt.NDArray[np.bool_], texts: npt.NDArray[np.bool_]) -> None:
        first = there.argmax(axis=0).tolist()
        new = sorted((first[i], name, i) for i, name in enumerate(names) if name not in self.names and there[:, i].any())
        new = new[: LIMIT - len(self.names)]
        self.names += [name for _, name, _ in new]
        self.texts |= {name for row, name, i in new if texts[row, i]}

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"names": self.names, "texts": sorted(self.texts)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.names, self.texts = list(state["names"]), set(state["texts"])
