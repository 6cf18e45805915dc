"""Features of rows as numbers: texts as numbers of categories, and what comes as another type than in the reference."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor import blocks
from stream_monitor.blocks import Rows
from stream_monitor.watching.categories import Categories
from stream_monitor.watching.group import Group
from stream_monitor.watching.missing import Missing

_MISTYPED = 10
"""Values of a wrong type in a window from which on it is worth an alert."""


class Features(NamedTuple):
    """Features by name and as float64[n, k]; which of them are texts, how many values are missing or of a wrong type."""

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    texts: list[str]
    missing: int
    """Those of a wrong type included."""
    mistyped: int


class FeatureRows:
    """A value of a wrong type is missing: a text under the name of a number, or a number under that of a text."""

    def __init__(self, categories: int, features: int) -> None:
        self.categories = Categories(categories, features)
        self._limit = features
        self._missing = Missing(features)
        self._mistyped: dict[str, int] = {}
        """Since the last window closed."""
        self._said: set[str] = set()
        """The features of which it was said."""

    def of(self, rows: Rows, group: Group) -> Features:
        """The features of some rows, as a group knows them."""
        names, at = blocks.features(rows.number_names)
        numbers, texts, columns, mistyped = rows.numbers[at].T, [], [], 0
        for i, name in blocks.text_features(rows.text_names):
            if name in names or group.is_number(name):
                mistyped += self._see(name, int((rows.texts[i] >= 0).sum()))
                continue
            texts.append(name)
            columns.append(self.categories.of(name, rows.texts[i], rows.tables[i]))
        for i, name in enumerate(names):
            if group.is_text(name):
                numbers = numbers.copy()
                mistyped += self._see(name, int((~np.isnan(numbers[:, i])).sum()))
                numbers[:, i] = np.nan
        values = np.column_stack((numbers, *columns)) if columns else numbers
        named = (*names, *texts)
        return Features(named, values, texts, self._missing.count(named, values, group), mistyped)

    def mistyped(self) -> set[str]:
        """The features that come as another type than in the reference."""
        return set(self._mistyped) | self._said

    def close(self) -> tuple[list[str], list[str]]:
        """At the end of a window: features that have begun to come as another type, and those that have ceased to."""
        begun = sorted(name for name, n in self._mistyped.items() if n >= _MISTYPED and name not in self._said)
        ceased = sorted(name for name in self._said if name not in self._mistyped)
        self._said = (self._said | set(begun)) - set(ceased)
        self._mistyped = {}
        return begun, ceased

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "categories": self.categories.state(), "missing": self._missing.state(), "mistyped": self._mistyped,
            "said": sorted(self._said),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.categories.restore(state["categories"])
        self._missing.restore(state["missing"])
        self._mistyped, self._said = dict(state["mistyped"]), set(state["said"])

    def _see(self, name: str, n: int) -> int:
        if n and (name in self._mistyped or len(self._mistyped) < self._limit):
            self._mistyped[name] = self._mistyped.get(name, 0) + n
        return n
