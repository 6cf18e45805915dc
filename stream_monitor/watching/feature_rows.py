"""Features of rows as numbers: texts as numbers of categories, and what comes as another type than in the reference."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor import blocks
from stream_monitor.blocks import Rows
from stream_monitor.figures import number
from stream_monitor.joining import mixed
from stream_monitor.watching.categories import Categories
from stream_monitor.watching.group import Group
from stream_monitor.watching.missing import Missing

Floats = npt.NDArray[np.float64]

_MISTYPED = 10
"""Values of a wrong type in a window from which on it is worth an alert."""
_RIGHT = 100
"""Values of the right type, in windows without a wrong one, after which it is over."""


class Features(NamedTuple):
    """Features by name and as float64[n, k]; which of them are texts, how many values are missing or of a wrong type."""

    names: tuple[str, ...]
    values: Floats
    texts: list[str]
    """The last ones, those that are texts in the reference; what it does not have is numbers and texts in one column."""
    missing: int
    """Those of a wrong type included."""
    mistyped: int


class Mistyped(NamedTuple):
    """A feature that comes as another type than in the reference, in n of a window's rows, and how the first one reads."""

    feature: str
    n: int
    rows: int
    first: str


class FeatureRows:
    """A value of a wrong type is missing: a text under the name of a number, or a number under that of a text.

    Which is right the reference says; until there is one, both may come.
    """

    def __init__(self, categories: int, features: int) -> None:
        self.categories = Categories(categories, features)
        self._limit = features
        self._missing = Missing(features)
        self._rows = 0
        """Since the last window closed, of those that could be of a wrong type."""
        self._mistyped: dict[str, tuple[int, str]] = {}
        """Since the last window closed; of each feature how many, and how the first one reads."""
        self._said: dict[str, int] = {}
        """The features of which it was said, with how many values were right in the last windows without a wrong one."""

    def of(self, rows: Rows, group: Group) -> Features:
        """The features of some rows, as a group knows them."""
        found = self._columns(rows, group)
        self._rows += len(found.values) if group.learnt else 0
        self._count_right(found.names, found.values)
        return found._replace(missing=self._missing.count(found.names, found.values, group))

    def untyped(self, rows: Rows) -> tuple[tuple[str, ...], Floats]:
        """Features of a reference to be, by name and as float64[n, k]: numbers and texts in one column."""
        found = self._columns(rows, None)
        return found.names, found.values

    def mistyped(self) -> set[str]:
        """The features that come as another type than in the reference."""
        return {*self._mistyped, *self._said}

    def close(self, group: Group) -> tuple[list[Mistyped], list[str]]:
        """At the end of a window: features that have begun to come as another type, and those that have ceased to."""
        known = group.names() if group.learnt else set()
        self._said = {name: 0 if name in self._mistyped else right for name, right in self._said.items() if name in known}
        fresh = self._mistyped.keys() & known - self._said.keys()
        wrong = [Mistyped(name, n, self._rows, first) for name, (n, first) in self._mistyped.items() if name in fresh]
        begun = sorted(one for one in wrong if one.n >= _MISTYPED)
        ceased = sorted(name for name, right in self._said.items() if right >= _RIGHT)
        self._said = {name: right for name, right in self._said.items() if name not in ceased}
        self._said |= dict.fromkeys((one.feature for one in begun), 0)
        self._rows, self._mistyped = 0, {}
        return begun, ceased

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "categories": self.categories.state(), "missing": self._missing.state(), "rows": self._rows,
            "mistyped": {name: list(seen) for name, seen in self._mistyped.items()}, "said": self._said,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.categories.restore(state["categories"])
        self._missing.restore(state["missing"])
        self._rows, self._said = state["rows"], dict(state["said"])
        self._mistyped = {name: (n, first) for name, (n, first) in state["mistyped"].items()}

    def _columns(self, rows: Rows, group: Group | None) -> Features:
        """The features of some rows, their missing values not counted; without a group none has a type."""
        names, at = blocks.features(rows.number_names)
        numbers, mistyped = rows.numbers[at].T, 0
        if wrong := [i for i, name in enumerate(names) if group and group.is_text(name)]:
            mistyped += sum(self._see(names[i], numbers[:, i], ~np.isnan(numbers[:, i])) for i in wrong)
            numbers, names = np.delete(numbers, wrong, axis=1), tuple(name for i, name in enumerate(names) if i not in wrong)
        columns: list[Floats] = []
        texts: list[str] = []
        new: list[str] = []
        for i, name in blocks.text_features(rows.text_names):
            if group and group.is_number(name):
                mistyped += self._see(name, rows.texts[i], rows.texts[i] >= 0, rows.tables[i])
                continue
            categories = self.categories.of(name, rows.texts[i], rows.tables[i])
            if group and group.is_text(name):
                texts.append(name)
                columns.append(categories)
            elif name in names:
                numbers = numbers.copy()
                there = ~np.isnan(categories)
                numbers[there, names.index(name)] = mixed.far(categories[there])
            else:
                new.append(name)
                columns.insert(len(new) - 1, mixed.far(categories))
        values = np.column_stack((numbers, *columns)) if columns else numbers
        return Features((*names, *new, *texts), values, texts, 0, mistyped)

    def _see(
        self, name: str, column: npt.NDArray[Any], wrong: npt.NDArray[np.bool_], table: tuple[str, ...] | None = None
    ) -> int:
        """Counts what is wrong in a column of numbers, or of codes of texts in a table."""
        n = int(np.count_nonzero(wrong))
        if name in self._mistyped:
            before, first = self._mistyped[name]
            self._mistyped[name] = before + n, first
        elif n and len(self._mistyped) < self._limit:
            first = column[wrong.argmax()]
            self._mistyped[name] = n, number(first) if table is None else json.dumps(table[first], ensure_ascii=False)
        return n

    def _count_right(self, names: tuple[str, ...], values: Floats) -> None:
        for name in self._said.keys() & set(names) if self._said else ():
            self._said[name] += int(np.count_nonzero(~np.isnan(values[:, names.index(name)])))
