"""Features made up for tests: a reference, and windows of rows after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.config.quality import Quality
from stream_monitor.quality.feature_quality import FeatureQuality
from stream_monitor.quality.issue import Issue
from stream_monitor.watching.group import Group, Terms
from stream_monitor.watching.recent import Marks

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]
"""As random generators give them."""
Columns = Mapping[str, Numbers]


def marks(n: int) -> Marks:
    """The marks of n rows, a second apart."""
    return Marks(np.arange(n), np.arange(n), np.arange(n) * 1_000_000)


def learnt(reference: Columns, texts: Sequence[str] = (), limit: int = 500) -> Group:
    """A group that has a reference."""
    names, values = matrix(reference, texts)
    group = Group("feature", Terms(len(values), {"numbers": {}, "categories": {}}, 100, limit=limit))
    group.update(names, values, marks(len(values)), texts)
    assert group.learnt
    return group


def matrix(columns: Columns, texts: Sequence[str] = ()) -> tuple[tuple[str, ...], Floats]:
    """Names and float64[n, k], texts last, as the rows of a stream come."""
    names = (*(name for name in columns if name not in texts), *(name for name in columns if name in texts))
    return names, np.column_stack([columns[name] for name in names]).astype(np.float64)


MANY = 100.0
"""The number of categories that share one."""


class Watched:
    """A group with its quality."""

    def __init__(self, reference: Columns, texts: Sequence[str] = (), **limits: Any) -> None:
        self.group, self.texts = learnt(reference, texts), texts
        self.quality = FeatureQuality("shop", Quality(**limits), lambda _, number: None if number == MANY else f"c{number:.0f}")

    def window(self, columns: Columns, excused: Set[str] = frozenset(), drifting: Set[str] = frozenset()) -> list[Issue]:
        """The issues of a window with these rows."""
        names, values = matrix(columns, self.texts)
        self.quality.see(names, values, sum(name in self.texts for name in names), self.group)
        return self.quality.close(self.group, excused, drifting)


def said(issues: Sequence[Issue]) -> list[tuple[str, str, str]]:
    """Issues in short."""
    return [(issue.name, issue.step, issue.feature) for issue in issues]


def with_gaps(values: Numbers, share: float, rng: np.random.Generator) -> Floats:
    """Values of which a share is missing."""
    return np.where(rng.random(len(values)) < share, np.nan, values).astype(np.float64)
