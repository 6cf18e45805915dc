"""What a model's task is, found from its predictions where that is safe, and what an outcome's loss is."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .join import Values
from .outcomes import Outcomes

Floats = npt.NDArray[np.float64]
Verdict = Literal["classification", "regression", "unknown"]

_ENOUGH = 100
"""Predictions after which a task must be clear."""
_PATIENCE = 100
"""Outcomes after which labels must have said something that predictions say too."""


class Judge:
    """Says what the task is once it is safe to, and whether predictions and labels speak one language."""

    def __init__(self, task: str) -> None:
        self.stated = task
        self.task: Verdict | None = None if task == "auto" else "regression" if task == "regression" else "classification"
        self.speaks = self.task == "regression"
        """Whether a label has ever been a word of the predictions, or the other way round."""
        self._seen = 0
        self._numbers: set[float] = set()
        self._predicted: set[tuple[float, int]] = set()
        self._labelled: set[tuple[float, int]] = set()
        self._strangers = 0

    def decisive(self, values: Values, score: Floats) -> int | None:
        """The first of these predictions with which the task is clear; takes them up to there."""
        text, number = values.code >= 0, values.value
        sure = text | ~np.isnan(score) | (~text & (np.floor(number) != number) & ~np.isnan(number))
        enough = _ENOUGH - self._seen - 1
        first = int(np.argmax(sure)) if sure.any() else len(sure)
        stop = min(first, enough)
        taken = number[: stop + 1]
        self._numbers |= set(taken[~np.isnan(taken)].tolist())
        self._seen += min(stop + 1, len(sure))
        if stop >= len(sure):
            return None
        if first <= enough:
            classes = bool(text[first] or not np.isnan(score[first]))
            self.task = "classification" if classes else "regression"
        else:
            self.task = "classification" if len(self._numbers) <= 2 else "unknown"
        self.speaks = self.task == "regression"
        return stop

    def understood(self, outcomes: Outcomes) -> tuple[int | None, int]:
        """The first of these outcomes with which predictions and labels have a word in common, None if there is none.

        And how many of them, and all before, are given up because so many had none.
        """
        columns = (outcomes.value, outcomes.code, outcomes.label_value, outcomes.label_code)
        given_up = 0
        for i, (value, code, label, label_code) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            self._predicted.add(_word(value, code))
            self._labelled.add(_word(label, label_code))
            if self._predicted & self._labelled:
                self.speaks = True
                return i, given_up
            self._strangers += 1
            if self._strangers % _PATIENCE == 0:
                given_up = i + 1
        return None, given_up

    def losses(self, outcomes: Outcomes) -> Floats:
        """The loss of each outcome, float64[n]: 0 or 1, or the absolute error; NaN where kinds do not go together."""
        return losses(self.task, outcomes.value, outcomes.code, outcomes.label_value, outcomes.label_code)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "stated": self.stated, "task": self.task, "speaks": self.speaks, "seen": self._seen, "strangers": self._strangers,
            "numbers": sorted(self._numbers), "predicted": sorted(self._predicted), "labelled": sorted(self._labelled),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.stated, self.task, self.speaks = state["stated"], state["task"], state["speaks"]
        self._seen, self._strangers, self._numbers = state["seen"], state["strangers"], set(state["numbers"])
        self._predicted = {(value, code) for value, code in state["predicted"]}
        self._labelled = {(value, code) for value, code in state["labelled"]}


def losses(
    task: Verdict | None, value: Floats, code: npt.NDArray[np.int32], label: Floats, label_code: npt.NDArray[np.int32]
) -> Floats:
    """The loss of predictions against labels; NaN where there is none."""
    if task == "regression":
        return np.abs(value - label)
    if task == "classification":
        same = np.where(code >= 0, code == label_code, (label_code < 0) & (value == label))
        return np.where(same, 0.0, 1.0)
    return np.full(len(value), np.nan)


def _word(value: float, code: int) -> tuple[float, int]:
    return (0.0, code) if code >= 0 else (value, -1)
