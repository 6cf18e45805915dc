"""What outcomes are to be measured as: binary, multiclass or regression, and which number each class has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.config.better import Kind
from stream_monitor.joining.outcomes import Outcomes

Floats = npt.NDArray[np.float64]
Word = tuple[float, int]
"""A class in canonical form: (number, -1), or (0, number of its text)."""

LIMIT = 64
"""Classes; further ones are one, the last."""
_POSITIVES = ({0.0, 1.0}, {-1.0, 1.0})
_TEXTS = {"yes": "no", "true": "false", "positive": "negative", "pos": "neg", "y": "n", "t": "f", "True": "False", "Yes": "No"}
_PATIENCE = 2_000
"""Outcomes whose scores may tell which class is the positive one."""
_CLEARLY = 0.05
"""By how much the mean scores of two predicted classes differ where they say which is the positive one."""


class Vocabulary:
    """Classes get numbers in the order in which outcomes bring them."""

    def __init__(self, task: str, positive: Word | None) -> None:
        self.stated, self._asked = task, positive
        self.kind: Kind | None = None
        self.positive: Word | None = None
        self.words: list[Word] = []
        self.room = 0
        """Of how many classes there is something to be told apart, the last one being all others: a multiple of 8."""
        self._score: dict[Word, tuple[int, float]] = {}
        self._scored = self._heard = 0

    def hear(self, outcomes: Outcomes) -> None:
        """Learns the classes of some outcomes."""
        value = np.stack((outcomes.value, outcomes.label_value), axis=1).reshape(-1)
        code = np.stack((outcomes.code, outcomes.label_code), axis=1).reshape(-1)
        for word in _distinct(value, code):
            if word not in self.words and len(self.words) < LIMIT:
                self.words.append(word)
        self._scored = max(self._scored, outcomes.scores.shape[1])
        if self.kind is None or (self.kind == "multiclass" and len(self.words) <= 2 and self._heard < _PATIENCE):
            self._hear_scores(outcomes.take(slice(max(0, _PATIENCE - self._heard))))
            self._heard += len(outcomes.row)

    def decide(self, regression: bool, texts: list[str]) -> bool:
        """Says what the outcomes so far are to be measured as; whether that is another answer than before."""
        before = self.kind, self.positive, self.room
        if regression or self.stated == "regression":
            self.kind = "regression"
        elif self.stated == "multiclass" or (self.stated != "binary" and (len(self.words) > 2 or self._scored > 2)):
            self.kind, self.positive = "multiclass", None
        else:
            self.positive = self._asked or self.positive or self._safely_positive(texts)
            self.kind = "multiclass" if self.positive is None else "binary"
        self.room = min(LIMIT, -(-(len(self.words) + 1) // 8) * 8)
        return (self.kind, self.positive, self.room) != before

    def numbers(self, value: Floats, code: npt.NDArray[np.int32]) -> Floats:
        """The class of each value, float64[n]: 1 for the positive one, or its number; of a regression, the value itself."""
        if self.kind == "regression":
            return value
        if self.kind == "binary" and self.positive is not None:
            return np.where(are(value, code, self.positive), 1.0, 0.0)
        found = np.full(len(value), self.room - 1, np.float64)
        for i, word in enumerate(self.words[: self.room - 1]):
            found[are(value, code, word)] = i
        return found

    def name(self, word: Word, texts: list[str]) -> str:
        """What a class is called."""
        value, code = word
        if code >= 0:
            return texts[code] if code < len(texts) else "other"
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "stated": self.stated, "asked": self._asked, "kind": self.kind, "positive": self.positive, "words": self.words,
            "score": [[*word, *seen] for word, seen in self._score.items()], "scored": self._scored,
            "room": self.room, "heard": self._heard,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.stated, self.kind, self._scored = state["stated"], state["kind"], state["scored"]
        self.room, self._heard = state["room"], state["heard"]
        self._asked, self.positive = _word(state["asked"]), _word(state["positive"])
        self.words = [(value, code) for value, code in state["words"]]
        self._score = {(value, code): (n, total) for value, code, n, total in state["score"]}

    def _hear_scores(self, outcomes: Outcomes) -> None:
        known = ~np.isnan(outcomes.score)
        rows = zip(outcomes.value[known].tolist(), outcomes.code[known].tolist(), outcomes.score[known].tolist(), strict=True)
        for value, code, score in rows:
            word = (0.0, code) if code >= 0 else (value, -1)
            n, total = self._score.get(word, (0, 0.0))
            if n or len(self._score) < 2:
                self._score[word] = n + 1, total + score

    def _safely_positive(self, texts: list[str]) -> Word | None:
        """The positive class, where there is no doubt: 1 of 0 and 1, yes of yes and no, or the one predicted at high scores."""
        numbers = {value for value, code in self.words if code < 0}
        if not any(code >= 0 for _, code in self.words) and any(numbers <= pair for pair in _POSITIVES):
            return (1.0, -1)
        names = {self.name(word, texts): word for word in self.words}
        for yes, no in _TEXTS.items():
            if yes in names and names.keys() <= {yes, no}:
                return names[yes]
        if len(self._score) == 2 and len(self.words) == 2:
            (low, one), (high, other) = sorted((total / n, word) for word, (n, total) in self._score.items())
            return other if high - low > _CLEARLY and one != other else None
        return None


def are(value: Floats, code: npt.NDArray[np.int32], word: Word) -> npt.NDArray[np.bool_]:
    """Which values are of a class."""
    number, text = word
    same: npt.NDArray[np.bool_] = code == text if text >= 0 else (code < 0) & (value == number)
    return same


def _word(value: Any) -> Word | None:
    return None if value is None else (float(value[0]), int(value[1]))


def _distinct(value: Floats, code: npt.NDArray[np.int32]) -> list[Word]:
    """Different classes in the order of their first rows; a missing value is none."""
    keys = np.where(code >= 0, -1.0 - code, 0.0)
    pairs = np.stack((np.where(code >= 0, 0.0, value), keys))
    good = ~np.isnan(pairs[0])
    words, firsts = np.unique(pairs[:, good], axis=1, return_index=True)
    ordered = words[:, np.argsort(firsts)].T.tolist()
    return [(number, int(-1 - key) if key < 0 else -1) for number, key in ordered]
