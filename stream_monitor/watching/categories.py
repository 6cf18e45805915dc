"""Categories of features by number, in the order in which they come."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


class Categories:
    """Beyond the limit all further categories of a feature share the last number; beyond that of features they are missing."""

    def __init__(self, limit: int, features: int) -> None:
        self._limit, self._features = limit, features
        self._numbers: dict[str, dict[str, int]] = {}

    def of(self, feature: str, codes: npt.NDArray[np.int32], table: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """The numbers of a text column, float64[n]; NaN where a row has no text."""
        numbers = np.full(len(table) + 1, np.nan)
        if feature not in self._numbers and len(self._numbers) >= self._features:
            return numbers[codes]
        known = self._numbers.setdefault(feature, {})
        for code in np.unique(codes[codes >= 0]).tolist():
            if len(known) < self._limit:
                known.setdefault(table[code], len(known))
            numbers[code] = known.get(table[code], self._limit)
        return numbers[codes]

    def name(self, feature: str, category: float) -> str:
        """What a number stands for; of a feature that is a number itself, the number."""
        if math.isnan(category):
            return "all others"
        names = self._numbers.get(feature)
        return f"{category:g}" if names is None else next((n for n, i in names.items() if i == category), "all others")

    def state(self) -> dict[str, list[str]]:
        """The categories of each feature, by number."""
        return {feature: list(known) for feature, known in self._numbers.items()}

    def restore(self, state: dict[str, list[str]]) -> None:
        """Goes on from a `state()`."""
        self._numbers = {feature: {text: i for i, text in enumerate(known)} for feature, known in state.items()}
