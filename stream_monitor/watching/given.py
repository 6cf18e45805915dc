"""A reference that was given in a file, until the signals have taken it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Section
from stream_monitor.joining.given_labels import weights
from stream_monitor.joining.outcomes import Outcomes, stacked
from stream_monitor.joining.packed import Values
from stream_monitor.joining.scored_classes import ScoredClasses
from stream_monitor.watching.confidence import confidence
from stream_monitor.watching.feature_rows import FeatureRows
from stream_monitor.watching.group import TIMES, Group
from stream_monitor.watching.judge import Judge, losses
from stream_monitor.watching.reference import Sort
from stream_monitor.watching.warmup import Warmup
from stream_monitor.watching.words import Words, numbered

_ROWS = 100_000
"""More than these are left out."""


class Given:
    """Rows of a reference, with labels where they are known.  `digest` says which reference it is."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.fresh = True
        """Whether there is something that has not been saved."""
        self.taken = False
        """Whether features and the versions that were live have taken theirs from it."""
        self._line = 0
        self._features = Warmup(_ROWS)
        floats = ("value", "label_value", "score", "confidence", "weight")
        self._columns: dict[str, npt.NDArray[Any]] = {name: np.empty(0) for name in floats}
        self._columns |= {name: np.empty(0, np.int32) for name in ("code", "label_code")}
        self._columns |= {"time": np.empty(0, np.int64), "scores": np.empty((0, 0), np.float32)}

    def take(self, section: Section, features: FeatureRows, words: Words, classes: ScoredClasses) -> None:
        """Takes rows of kind reference: predictions with a `label` column.  Every replica gives them; the first counts."""
        rows = section.rows
        if rows is None or section.first < self._line:
            return
        self._line, self.fresh, self.taken = section.last + 1, True, False
        self._features.take(*features.untyped(rows), rows.time)
        prediction, label = words.values(rows, "prediction"), words.values(rows, "label")
        scores = classes.scores(rows)
        more: dict[str, npt.NDArray[Any]] = {
            "value": prediction.value,
            "code": prediction.code,
            "label_value": label.value,
            "label_code": label.code,
            "score": rows.number("score"),
            "confidence": confidence(rows),
            "weight": weights(rows),
            "time": rows.time,
            "scores": np.empty((len(rows), 0), np.float32) if scores is None else scores,
        }
        for name, column in more.items():
            self._columns[name] = stacked((self._columns[name], column))[:_ROWS]

    def features(self, group: Group) -> None:
        """Makes these rows the reference of the features, once."""
        if self._features.rows:
            group.warmup = self._features
            group.finish()
            self._features = Warmup(_ROWS)
            self.fresh = True

    def settle(self, judge: Judge) -> None:
        """Lets the task be found from these rows."""
        if judge.task is None and len(self._columns["value"]):
            judge.decisive(Values(self._columns["value"], self._columns["code"]), self._columns["score"])
        if judge.task == "classification":
            judge.fractions.hear(self._columns["value"], lambda: ~np.isnan(self._columns["score"]))

    def lend(self, judge: Judge, groups: Mapping[Sort, Group]) -> None:
        """Gives the groups of a version their references, where these rows have them."""
        known, loss = self._losses(judge)
        loss = np.where(known, loss, np.nan)
        classes = judge.task == "classification"
        predicted = Values(self._columns["value"], self._columns["code"])
        named: dict[Sort, npt.NDArray[np.float64]]
        named = {"score": self._columns["confidence"], "loss": loss, "risk": loss}
        if judge.task in ("classification", "regression"):
            named["prediction"] = numbered(predicted) if classes else predicted.value
        for sort, values in named.items():
            there = ~np.isnan(values)
            if sort in groups and there.any():
                groups[sort].lend(values[there], self._columns["time"][there], classes and sort == "prediction")

    def outcomes(self, judge: Judge, version: int) -> tuple[Outcomes, npt.NDArray[np.float64]]:
        """The rows with a label as outcomes of a version, and their losses, float64[n]."""
        known, loss = self._losses(judge)
        columns = {name: column[known] for name, column in self._columns.items() if name != "confidence"}
        n = int(known.sum())
        nothing, time = np.zeros(n, np.int64), columns.pop("time")
        outcomes = Outcomes(
            row=nothing, version=np.full(n, version, np.int32), position=nothing, time=time, known=time, at=time,
            sign=np.ones(n, np.int8), segments=np.empty((n, 0), np.uint64), ids=np.zeros((n, 2), np.uint64),
            features=np.empty((n, 0), np.float32), label_weight=np.ones(n), **columns,
        )  # fmt: skip
        return outcomes, loss[known]

    def arrays(self) -> dict[str, bytes]:
        """The rows, as bytes by column."""
        plain = {f"column {name}": column.tobytes() for name, column in self._columns.items()}
        features = self._features.arrays() | {TIMES: self._features.times().tobytes()}
        return plain | {f"feature {name}": array for name, array in features.items()}

    def state(self) -> dict[str, Any]:
        """Everything but the arrays, as plain values."""
        names = [f"column {name}" for name in self._columns] + [f"feature {name}" for name in (*self._features.arrays(), TIMES)]
        features = self._features.state()
        return {
            "digest": self.digest, "line": self._line, "taken": self.taken, "features": features,
            "names": names, "classes": self._columns["scores"].shape[1],
        }  # fmt: skip

    @classmethod
    def restored(cls, state: dict[str, Any], arrays: dict[str, bytes]) -> Given:
        """From a `state()` and its `arrays()`."""
        given = cls(state["digest"])
        given._line, given.fresh, given.taken = state["line"], False, state["taken"]
        features = {n.removeprefix("feature "): arrays[n] for n in state["names"] if n.startswith("feature ")}
        columns = {n: np.frombuffer(array, np.float64) for n, array in features.items() if n != TIMES}
        given._features.restore(state["features"], columns, np.frombuffer(features[TIMES], np.int64))
        given._columns = {n: np.frombuffer(arrays[f"column {n}"], column.dtype).copy() for n, column in given._columns.items()}
        given._columns["scores"] = given._columns["scores"].reshape(len(given._columns["value"]), state["classes"])
        return given

    def _losses(self, judge: Judge) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
        """Which rows have a label that can be compared, and the loss of each."""
        loss = losses(judge.task, *(self._columns[name] for name in ("value", "code", "label_value", "label_code")))
        known = ~np.isnan(self._columns["label_value"]) | (self._columns["label_code"] >= 0)
        return known & ~np.isnan(loss), loss
