"""Categories of features by number, in the order in which they come."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import xxhash

_LOTS = 2**16
"""Few enough for a table of those that a reference has, and enough for two texts hardly ever to share one."""


class Categories:
    """The first categories of a feature are numbered as they come; beyond the limit each is in a lot, by its hash.

    So the number of a text never changes, whatever came before the reference or since: as long as texts are as they were,
    numbers are.  Features beyond their limit are missing.
    """

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
            numbers[code] = self._number(known, table[code])
        return numbers[codes]

    def name(self, feature: str, category: float, number: bool = False) -> str:
        """What a number stands for; of a feature that is a `number` itself, the number."""
        if (number or feature not in self._numbers) and not math.isnan(category):
            return f"{category:g}"
        text = self.text(feature, category)
        return ("all others" if math.isnan(category) else "another") if text is None else text

    def text(self, feature: str, category: float) -> str | None:
        """The text that a number stands for; None of those beyond the limit."""
        return next((text for text, i in self._numbers.get(feature, {}).items() if i == category), None)

    def state(self) -> dict[str, list[str]]:
        """The categories of each feature, by number."""
        return {feature: list(known) for feature, known in self._numbers.items()}

    def restore(self, state: dict[str, list[str]]) -> None:
        """Goes on from a `state()`."""
        self._numbers = {feature: {text: i for i, text in enumerate(known)} for feature, known in state.items()}

    def _number(self, known: dict[str, int], text: str) -> int:
        if text in known or len(known) < self._limit:
            return known.setdefault(text, len(known))
        return self._limit + xxhash.xxh3_64_intdigest(text.encode()) % _LOTS
