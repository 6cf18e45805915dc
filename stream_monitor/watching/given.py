"""A reference that was given in a file, until the signals have taken it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor import blocks
from stream_monitor.blocks import Section
from stream_monitor.joining.packed import Values
from stream_monitor.watching.group import TIMES, Group
from stream_monitor.watching.judge import Judge, losses
from stream_monitor.watching.reference import Reference, Sort
from stream_monitor.watching.warmup import Warmup
from stream_monitor.watching.words import Words

_ROWS = 100_000
"""More than these are left out."""


class Given:
    """Rows of a reference, with labels where they are known.  `digest` says which reference it is."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.fresh = True
        """Whether there is something that has not been saved."""
        self._line = self._span = 0
        self._features = Warmup(_ROWS)
        self._columns: dict[str, npt.NDArray[Any]] = {name: np.empty(0) for name in ("value", "label_value", "score")}
        self._columns |= {name: np.empty(0, np.int32) for name in ("code", "label_code")}
        self._columns["time"] = np.empty(0, np.int64)

    def take(self, section: Section, words: Words) -> None:
        """Takes rows of kind reference: predictions with a `label` column.  Every replica gives them; the first counts."""
        rows = section.rows
        if rows is None or section.first < self._line:
            return
        self._line, self.fresh = section.last + 1, True
        names, at = blocks.features(rows.number_names)
        self._features.take(names, rows.numbers[at].T, rows.time)
        prediction, label = words.values(rows, "prediction"), words.values(rows, "label")
        more: dict[str, npt.NDArray[Any]] = {
            "value": prediction.value,
            "code": prediction.code,
            "score": rows.number("score"),
            "time": rows.time,
        }
        for name, column in (more | {"label_value": label.value, "label_code": label.code}).items():
            self._columns[name] = np.concatenate((self._columns[name], column))[:_ROWS]

    def features(self, group: Group) -> None:
        """Makes these rows the reference of the features, once."""
        if self._features.rows:
            group.warmup = self._features
            group.finish()
            self._features = Warmup(_ROWS)
            self._span, self.fresh = group.span, True

    def settle(self, judge: Judge) -> None:
        """Lets the task be found from these rows."""
        if judge.task is None and len(self._columns["value"]):
            judge.decisive(Values(self._columns["value"], self._columns["code"]), self._columns["score"])

    def lend(self, judge: Judge, groups: Mapping[Sort, Group]) -> None:
        """Gives the groups of a version their references, where these rows have them."""
        score, time = self._columns["score"], self._columns["time"]
        scored = ~np.isnan(score)
        loss = losses(judge.task, *(self._columns[name] for name in ("value", "code", "label_value", "label_code")))
        known = ~np.isnan(self._columns["label_value"]) | (self._columns["label_code"] >= 0)
        known &= ~np.isnan(loss)
        named: tuple[tuple[Sort, npt.NDArray[np.float64], npt.NDArray[np.int64]], ...]
        named = (("score", score[scored], time[scored]), ("loss", loss[known], time[known]), ("risk", loss[known], time[known]))
        for sort, values, times in named:
            group = groups[sort]
            if len(values):
                least = np.array([group.terms.least])
                group.adopt([Reference(sort, (sort,), values[:, None], times, least)])
                group.span = self._span

    def arrays(self) -> dict[str, bytes]:
        """The rows, as bytes by column."""
        plain = {f"column {name}": column.tobytes() for name, column in self._columns.items()}
        features = self._features.arrays() | {TIMES: self._features.times().tobytes()}
        return plain | {f"feature {name}": array for name, array in features.items()}

    def state(self) -> dict[str, Any]:
        """Everything but the arrays, as plain values."""
        names = [f"column {name}" for name in self._columns] + [f"feature {name}" for name in (*self._features.arrays(), TIMES)]
        features = self._features.state()
        return {"digest": self.digest, "line": self._line, "span": self._span, "features": features, "names": names}

    @classmethod
    def restored(cls, state: dict[str, Any], arrays: dict[str, bytes]) -> Given:
        """From a `state()` and its `arrays()`."""
        given = cls(state["digest"])
        given._line, given._span, given.fresh = state["line"], state["span"], False
        features = {n.removeprefix("feature "): arrays[n] for n in state["names"] if n.startswith("feature ")}
        columns = {n: np.frombuffer(array, np.float64) for n, array in features.items() if n != TIMES}
        given._features.restore(state["features"], columns, np.frombuffer(features[TIMES], np.int64))
        given._columns = {n: np.frombuffer(arrays[f"column {n}"], column.dtype).copy() for n, column in given._columns.items()}
        return given
