"""How large an error is to be expected by features: a Hoeffding tree that river grows, as plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from river.tree import HoeffdingTreeRegressor

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DEPTH = 6
"""A tree has at most 127 nodes."""


class ErrorTree(NamedTuple):
    """Nodes, the root first; one array each, [m]."""

    feature: Ints
    """What a node looks at; -1 for a leaf."""
    threshold: Floats
    """Up to it rows go left."""
    left: Ints
    right: Ints
    missing: Ints
    """Where rows without that feature go: to the side that had more."""
    error: Floats
    """The mean of a leaf."""

    def expected(self, rows: Floats) -> Floats:
        """The mean error where each row ends, float64[n], of rows float64[n, d]."""
        node, every = np.zeros(len(rows), np.int64), np.arange(len(rows))
        for _ in range(_DEPTH + 1):
            feature = self.feature[node]
            value = rows[every, feature]
            side = np.where(value <= self.threshold[node], self.left[node], self.right[node])
            side = np.where(np.isnan(value), self.missing[node], side)
            node = np.where(feature < 0, node, side)
        return self.error[node]


def seedling() -> HoeffdingTreeRegressor:
    """A tree that has learnt nothing; river, which takes a second to import, is imported now."""
    from river.tree import HoeffdingTreeRegressor

    return HoeffdingTreeRegressor(grace_period=100, delta=0.01, tau=0.1, max_depth=_DEPTH, leaf_prediction="mean")


def grow(tree: HoeffdingTreeRegressor, rows: Floats, errors: Floats) -> None:
    """Lets it learn rows one after the other; what is missing of a row is left out."""
    learn: Callable[[dict[int, float], float], None] = tree.learn_one
    gaps = bool(np.isnan(rows).any())
    for row, error in zip(rows.tolist(), errors.tolist()):
        numbers = enumerate(row)
        learn({name: value for name, value in numbers if value == value} if gaps else dict(numbers), error)


def plain(tree: HoeffdingTreeRegressor) -> ErrorTree:
    """What it has learnt."""
    nodes: list[Any] = [tree._root]
    columns: list[tuple[float, ...]] = []
    for node in nodes:
        if not hasattr(node, "children"):
            columns.append((-1, 0.0, 0, 0, 0, max(float(node.prediction({}, tree=tree)), 0.0)))
            continue
        left, right = len(nodes), len(nodes) + 1
        nodes += node.children
        columns.append((node.feature, node.threshold, left, right, left + node.most_common_path()[0], 0.0))
    feature, threshold, *sides, error = (np.array(column) for column in zip(*columns))
    left_to, right_to, missing_to = (side.astype(np.int64) for side in sides)
    return ErrorTree(feature.astype(np.int64), threshold.astype(np.float64), left_to, right_to, missing_to, error)
