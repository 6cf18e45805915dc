"""A reference that was given in a file, until the signals have taken it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .blocks import Rows
from .group import Group
from .join import Values
from .judge import Judge, losses
from .version import Version
from .warmup import Warmup
from .words import Words

_ROWS = 100_000
"""More than these are left out."""


class Given:
    """Rows of a reference, with labels where they are known."""

    def __init__(self) -> None:
        self._features = Warmup(_ROWS)
        self._columns: dict[str, npt.NDArray[Any]] = {name: np.empty(0) for name in ("value", "label_value", "score")}
        self._columns |= {name: np.empty(0, np.int32) for name in ("code", "label_code")}

    def take(self, rows: Rows, words: Words) -> None:
        """Takes rows of kind reference: predictions with a `label` column."""
        at = [i for i, name in enumerate(rows.number_names) if name.startswith("feature:")]
        names = tuple(rows.number_names[i].removeprefix("feature:") for i in at)
        self._features.take(names, rows.numbers[at].T, rows.time)
        prediction, label = words.values(rows, "prediction"), words.values(rows, "label")
        more: dict[str, npt.NDArray[Any]] = {"value": prediction.value, "code": prediction.code, "score": rows.number("score")}
        for name, column in (more | {"label_value": label.value, "label_code": label.code}).items():
            self._columns[name] = np.concatenate((self._columns[name], column))[:_ROWS]

    def features(self, group: Group) -> None:
        """Makes these rows the reference of the features."""
        if self._features.rows:
            wanted, group.warmup = group.warmup.wanted, self._features
            group.finish()
            group.warmup = Warmup(wanted)

    def settle(self, judge: Judge) -> None:
        """Lets the task be found from these rows."""
        if judge.task is None and len(self._columns["value"]):
            judge.decisive(Values(self._columns["value"], self._columns["code"]), self._columns["score"])

    def lend(self, version: Version, judge: Judge) -> None:
        """Gives a version its references of score and loss, where these rows have them."""
        score = self._columns["score"]
        score = score[~np.isnan(score)]
        loss = losses(judge.task, *(self._columns[name] for name in ("value", "code", "label_value", "label_code")))
        known = ~np.isnan(self._columns["label_value"]) | (self._columns["label_code"] >= 0)
        loss = loss[known & ~np.isnan(loss)]
        for group, name, values in ((version.score, "score", score), (version.loss, "loss", loss)):
            if len(values):
                group.adopt((name,), values[:, None])
                group.span = self._features.last - self._features.first

    def arrays(self) -> dict[str, bytes]:
        """The rows, as bytes by column."""
        plain = {f"column {name}": column.tobytes() for name, column in self._columns.items()}
        return plain | {f"feature {name}": array for name, array in self._features.arrays().items()}

    def state(self) -> dict[str, Any]:
        """Everything but the arrays, as plain values."""
        return self._features.state()

    def restore(self, state: dict[str, Any], arrays: dict[str, bytes]) -> None:
        """Goes on from a `state()` and its `arrays()`."""
        features = {k.removeprefix("feature "): array for k, array in arrays.items() if k.startswith("feature ")}
        self._features.restore(state, features)
        self._columns = {
            name: np.frombuffer(arrays[f"column {name}"], column.dtype).copy() for name, column in self._columns.items()
        }
