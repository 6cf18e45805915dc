"""What a model's task is, found from its predictions where that is safe, and what an outcome's loss is."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.config.stream import Scalar
from stream_monitor.joining.gathered import Gathered
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.packed import Values
from stream_monitor.watching.fractions import Fractions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Verdict = Literal["classification", "regression", "unknown"]

_ENOUGH = 100
"""Predictions after which a task must be clear."""
_PATIENCE = 100
"""Outcomes after which labels must have said something that predictions say too."""
_WORDS = 1000
LARGEST = 1e60
"""Of a regression, what a prediction or label may be to have a loss: beyond it the fourth power could not be summed."""
_FEW = 16
"""Rows up to which plain numbers are quicker than arrays."""


class Cleared(NamedTuple):
    """What has become clear with some outcomes."""

    outcomes: Outcomes
    """Those that can be judged now, each at the row at which that became clear or later."""
    dropped: int = 0
    """How many will never be judged, because labels and predictions had nothing in common."""
    given_up_at: int | None = None
    """The row at which those were given up."""
    common_at: int | None = None
    """The row at which a label first said what a prediction has said."""


class Judge:
    """Says what the task is once it is safe to, and whether predictions and labels speak one language."""

    def __init__(self, task: str, positive: Scalar | None = None) -> None:
        self.stated = task
        self.fractions = Fractions(task != "auto", positive)
        self.task: Verdict | None = None if task == "auto" else "regression" if task == "regression" else "classification"
        self.speaks = self.task == "regression"
        """Whether a label has ever been a word of the predictions, or the other way round."""
        self._seen = 0
        self._numbers: set[float] = set()
        self._predicted: dict[tuple[float, int], int] = {}
        """The position at which each word was predicted first."""
        self._labelled: set[tuple[float, int]] = set()
        self._strangers = 0
        self._held = Gathered()
        """Outcomes that came before it was clear what a loss is."""

    @property
    def clear(self) -> bool:
        """Whether outcomes can be judged as they come."""
        return self.task is not None and self.speaks and not self._held.n

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
            if classes and np.floor(number[first]) < number[first]:
                self.fractions.are_classes()
        else:
            self.task = "classification" if len(self._numbers) <= 2 else "unknown"
        self.speaks = self.task == "regression"
        return stop

    def foreign(self, labels: Values) -> Mask:
        """Which labels cannot be of the task."""
        if self.task == "regression":
            return labels.code >= 0
        strange = self.fractions.strange(labels.value) if self.task == "classification" else None
        return np.zeros(len(labels.code), np.bool_) if strange is None else strange

    def forget_foreign(self, outcomes: Outcomes) -> Outcomes:
        """Once the task is clear: leaves out what cannot be of it, among these outcomes and those that are held."""
        held, self._held = self._held, Gathered()
        if held.n:
            self._held.add(self._native(held.together()[0]))
        return self._native(outcomes)

    def hear(self, values: Values, position: int) -> None:
        """Takes the words of predictions that begin at a position."""
        if len(values.code) <= _FEW:
            for (value, code), first in sorted(_firsts(values).items()):
                if len(self._predicted) < _WORDS and value == value:
                    self._predicted.setdefault((value, code), position + first)
            return
        pairs = np.stack((np.where(values.code >= 0, 0.0, values.value), values.code))
        words, firsts = np.unique(pairs, axis=1, return_index=True)
        for (value, code), first in zip(words.T.tolist(), firsts.tolist(), strict=True):
            if len(self._predicted) < _WORDS and value == value:
                self._predicted.setdefault((value, int(code)), position + first)

    def clear_up(self, outcomes: Outcomes, position: Ints, last: int) -> Cleared:
        """Gives what can be judged now; what was held so far happens at the row that made it clear, at the `last` if that did.

        `position` says how many predictions there were at each outcome.
        """
        first, given_up = (None, 0) if self.speaks else self._understand(outcomes, position)
        dropped, given_up_at, common_at = 0, None, None
        if given_up:
            given_up_at = int(outcomes.row[given_up - 1])
            dropped = self._held.n + given_up
            self._held, outcomes = Gathered(), outcomes.take(slice(given_up, None))
        if first is not None:
            common_at = last = int(outcomes.row[first - given_up])
        if self.task is None or not self.speaks:
            self._held.add(outcomes)
            outcomes = outcomes.take(slice(0))
        elif self._held.n or common_at is not None:
            outcomes = self._held.released(last, outcomes)
        return Cleared(outcomes, dropped, given_up_at, common_at)

    def losses(self, outcomes: Outcomes) -> Floats:
        """The loss of each outcome, float64[n]: 0 or 1, or the absolute error; NaN where there is none."""
        return losses(self.task, outcomes.value, outcomes.code, outcomes.label_value, outcomes.label_code)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        predicted = [[*word, first] for word, first in self._predicted.items()]
        return {
            "stated": self.stated, "task": self.task, "speaks": self.speaks, "seen": self._seen, "strangers": self._strangers,
            "numbers": sorted(self._numbers), "predicted": predicted, "labelled": sorted(self._labelled),
            "held": self._held.state(), "fractions": self.fractions.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.stated, self.task, self.speaks = state["stated"], state["task"], state["speaks"]
        self._seen, self._strangers, self._numbers = state["seen"], state["strangers"], set(state["numbers"])
        self._predicted = {(value, code): first for value, code, first in state["predicted"]}
        self._labelled = {(value, code) for value, code in state["labelled"]}
        self._held = Gathered.restored(state["held"])
        self.fractions.restore(state["fractions"])

    def _native(self, outcomes: Outcomes) -> Outcomes:
        return outcomes.part(~self.foreign(Values(outcomes.label_value, outcomes.label_code)))

    def _understand(self, outcomes: Outcomes, position: Ints) -> tuple[int | None, int]:
        """The first of these outcomes, at these positions, with which labels have said something that predictions say too.

        None if there is none; and how many, and all before, are given up because there was nothing in common so often.
        """
        given_up = 0
        words = zip(outcomes.label_value.tolist(), outcomes.label_code.tolist(), position.tolist(), strict=True)
        for i, (value, code, at) in enumerate(words):
            if len(self._labelled) < _WORDS:
                self._labelled.add((0.0, code) if code >= 0 else (value, -1))
            if any(self._predicted.get(word, at + 1) <= at for word in self._labelled):
                self.speaks = True
                return i, given_up
            self._strangers += 1
            if self._strangers % _PATIENCE == 0:
                given_up = i + 1
        return None, given_up


def _firsts(values: Values) -> dict[tuple[float, int], int]:
    """Different words, and where each stands first."""
    firsts: dict[tuple[float, int], int] = {}
    for row, (value, code) in enumerate(zip(values.value.tolist(), values.code.tolist(), strict=True)):
        firsts.setdefault((0.0 if code >= 0 else value, code), row)
    return firsts


def losses(
    task: Verdict | None, value: Floats, code: npt.NDArray[np.int32], label: Floats, label_code: npt.NDArray[np.int32]
) -> Floats:
    """The loss of predictions against labels; NaN where kinds do not go together, or numbers are beyond all measure."""
    if task == "regression":
        near = (np.abs(value) <= LARGEST) & (np.abs(label) <= LARGEST)
        return np.where(near, np.abs(np.where(near, value, 0.0) - label), np.nan)
    if task == "classification":
        same = np.where(code >= 0, code == label_code, (label_code < 0) & (value == label))
        return np.where(same, 0.0, 1.0)
    return np.full(len(value), np.nan)
