"""What outcomes are to be measured as: binary, multiclass or regression, and which number each class has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

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
"""Outcomes that may tell which class is the positive one, by their classes and scores."""
_CLEARLY = 0.05
"""By how much the mean scores of two predicted classes differ where they say which is the positive one."""
_HALF, _BEYOND, _FEWEST = 0.5, 5.0, 10
"""Below what the lower one is, how many standard errors they differ, and how many scores each is of."""
_RARE = 50
"""At most one in so many outcomes is of a third class where two are found to be all that there are."""
_SELDOM = 100
"""After so many other outcomes one of a third class does not count any more."""
_OFTEN = 20
"""So many that count make a binary task one of many."""


class Classes(NamedTuple):
    """What outcomes are measured as, and the classes that there are, in the order in which outcomes brought them."""

    kind: Kind | None = None
    positive: Word | None = None
    words: tuple[Word, ...] = ()

    @property
    def room(self) -> int:
        """How many classes are told apart, of many a multiple of 8, the last one being all others; 0 of a regression."""
        if self.kind == "regression":
            return 0
        return 2 if self.kind == "binary" else min(LIMIT, -(-(len(self.words) + 1) // 8) * 8)

    @property
    def negative(self) -> tuple[Word, ...]:
        """All classes but the positive one."""
        return tuple(word for word in self.words if word != self.positive)

    @property
    def numbered(self) -> tuple[Word | None, ...]:
        """The class of each number; None where there is none, or where it is all others."""
        if self.kind == "binary":
            return (next(iter(self.negative), None), self.positive)
        known = self.words[: self.room - 1]
        return known + (None,) * (self.room - len(known))

    def number(self, word: Word | None) -> int:
        """The number of a class; that of all others if it has none."""
        others = 0 if self.kind == "binary" else self.room - 1
        return self.numbered.index(word) if word is not None and word in self.numbered else others

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


class Vocabulary:
    """Classes get numbers in the order in which outcomes bring them, once and for good.

    A third class must come often to make a binary task one of many; where `binary` is stated, or the positive class, none does.
    """

    def __init__(self, task: str, positive: Word | None) -> None:
        self.stated, self._asked = task, positive
        self.now = Classes()
        """What outcomes are measured as from the next one on."""
        self.told = Classes()
        """What they were measured as when windows closed last; what is made of predictions changes only then."""
        self._counts: dict[Word, int] = {}
        """Of the first outcomes, how many are of each class, by prediction or label."""
        self._score: dict[Word, tuple[int, float, float]] = {}
        """Of these, how many with a score predict each class, and the sums of their scores and of these squared."""
        self._scored = self._heard = 0
        self._strange = 0
        """How often third classes have come of late: `_SELDOM` each, less one for each other outcome."""

    @property
    def kind(self) -> Kind | None:
        """That of `told`, as the next three."""
        return self.told.kind

    @property
    def positive(self) -> Word | None:
        """The positive class, if there is one."""
        return self.told.positive

    @property
    def words(self) -> tuple[Word, ...]:
        """The classes in order."""
        return self.told.words

    @property
    def room(self) -> int:
        """How many classes are told apart."""
        return self.told.room

    def numbers(self, value: Floats, code: npt.NDArray[np.int32]) -> Floats:
        """The class of each value as it was `told`."""
        return self.told.numbers(value, code)

    @property
    def grown(self) -> bool:
        """Whether third classes came so often that a binary task has become one of many."""
        return self._strange >= _OFTEN * (_SELDOM - 1)

    @property
    def third(self) -> tuple[Word, ...]:
        """Classes that came though two were found to be all; none where `binary` is stated, so that several may be negative."""
        return self.now.words[2:] if self.stated != "binary" and (self.now.kind == "binary" or self.grown) else ()

    def hear(self, outcomes: Outcomes) -> int:
        """Learns the classes of some outcomes, up to where they make a binary task one of many; gives how many it took."""
        taken, words = len(outcomes.row), list(self.now.words)
        if self.now.kind == "regression":
            return taken
        found = _distinct(outcomes)
        if self.now.kind == "binary" and self.stated != "binary" and self._asked is None:
            taken = self._until_grown(outcomes, [word for _, word in found])
            if self.grown:
                self.now, taken = Classes("multiclass"), len(outcomes.row)
        words += [word for row, word in found if row < taken and word not in words]
        self.now = self.now._replace(words=tuple(words[:LIMIT]))
        self._scored = max(self._scored, outcomes.scores.shape[1])
        if self.now.kind != "binary" and not self.grown and self._heard < _PATIENCE:
            self._hear_first(outcomes.take(slice(_PATIENCE - self._heard)))
        return taken

    def begin(self) -> None:
        """Forgets how often classes have come: the outcomes that it was decided by will be heard again."""
        self._counts, self._score, self._heard = {}, {}, 0

    def decide(self, regression: bool, texts: list[str]) -> None:
        """Says what outcomes are measured as, by those so far."""
        if regression or self.stated == "regression":
            self.now = Classes("regression")
        elif self.now.kind != "binary":
            positive = self._positive(texts)
            words = self.now.words if positive is None else self._with_first(positive)
            self.now = Classes("multiclass" if positive is None else "binary", positive, words)
        self.tell()

    def tell(self) -> None:
        """Says it to those who ask between two windows."""
        self.told = self.now

    def name(self, word: Word, texts: list[str]) -> str:
        """What a class is called."""
        value, code = word
        if code >= 0:
            return texts[code] if code < len(texts) else "other"
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "stated": self.stated, "asked": self._asked, "now": self.now, "told": self.told,
            "counts": [[*word, n] for word, n in self._counts.items()],
            "score": [[*word, *seen] for word, seen in self._score.items()],
            "scored": self._scored, "heard": self._heard, "strange": self._strange,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.stated, self._asked = state["stated"], _word(state["asked"])
        self.now, self.told = _classes(state["now"]), _classes(state["told"])
        self._scored, self._heard, self._strange = state["scored"], state["heard"], state["strange"]
        self._counts = {(value, code): n for value, code, n in state["counts"]}
        self._score = {(value, code): (n, total, squares) for value, code, n, total, squares in state["score"]}

    def _until_grown(self, outcomes: Outcomes, found: list[Word]) -> int:
        """How many outcomes, of these classes, come before the one with which the task is one of many; counts these."""
        before, counted = self._strange, outcomes.sign > 0
        usual = [*dict.fromkeys((*self.now.words, *found))][:2]
        if set(found) <= set(usual):
            self._strange = max(0, before - int(np.count_nonzero(counted)))
            return len(counted)
        strange = ~all_of(outcomes, usual)
        walk = before + np.cumsum(np.where(counted, np.where(strange, _SELDOM - 1, -1), 0))
        level = walk - np.minimum(np.minimum.accumulate(walk), 0)
        grown = np.flatnonzero(level >= _OFTEN * (_SELDOM - 1))
        taken = int(grown[0]) if len(grown) else len(counted)
        self._strange = int(level[max(taken - 1, 0)])
        return taken

    def _hear_first(self, outcomes: Outcomes) -> None:
        self._heard += len(outcomes.row)
        for word in self.now.words:
            came = are(outcomes.value, outcomes.code, word) | are(outcomes.label_value, outcomes.label_code, word)
            self._counts[word] = self._counts.get(word, 0) + int(np.count_nonzero(came))
        known = ~np.isnan(outcomes.score)
        rows = zip(outcomes.value[known].tolist(), outcomes.code[known].tolist(), outcomes.score[known].tolist(), strict=True)
        for value, code, score in rows:
            word = (0.0, code) if code >= 0 else (value, -1)
            n, total, squares = self._score.get(word, (0, 0.0, 0.0))
            if n or len(self._score) < LIMIT:
                self._score[word] = n + 1, total + score, squares + score * score

    def _positive(self, texts: list[str]) -> Word | None:
        """The positive class; None where there is none, or none that is clear."""
        if self.stated == "multiclass" or self.grown:
            return None
        if self._asked is not None:
            return self._asked
        return self._safely_positive(texts) if self.stated == "binary" or self._scored <= 2 else None

    def _safely_positive(self, texts: list[str]) -> Word | None:
        """The positive class, where there is no doubt: 1 of 0 and 1, yes of yes and no, or the one predicted at high scores."""
        for pair in _POSITIVES:
            if self._are_all({(value, -1) for value in pair}):
                return (1.0, -1)
        names = {self.name(word, texts): word for word in self.now.words}
        for yes, no in _TEXTS.items():
            if yes in names and self._are_all({names[yes], names.get(no, names[yes])}):
                return names[yes]
        usual = sorted(self.now.words, key=lambda word: -self._counts.get(word, 0))[:2]
        return self._scored_high(usual) if len(usual) == 2 and self._are_all({*usual}) else None

    def _scored_high(self, pair: list[Word]) -> Word | None:
        """Which of two classes is predicted at scores that are clearly higher, and beyond chance; None if neither is.

        Scores that say how sure a prediction is are .5 or more for both, and tell nothing.
        """
        if any(self._score.get(word, (0, 0.0, 0.0))[0] < _FEWEST for word in pair):
            return None
        (low, one, _), (high, other, positive) = sorted((*_mean(*self._score[word]), word) for word in pair)
        clearly = low < _HALF and high - low > max(_CLEARLY, _BEYOND * math.sqrt(one + other))
        return positive if clearly else None

    def _are_all(self, words: set[Word]) -> bool:
        """Whether outcomes are of these classes, but for a few; of others as well where they are to be of two."""
        there = words & {*self.now.words}
        others = sum(n for word, n in self._counts.items() if word not in words)
        return bool(there) and (others * _RARE <= self._heard or (self.stated == "binary" and there == words))

    def _with_first(self, positive: Word) -> tuple[Word, ...]:
        """The classes, the positive one first, and then the one of which most of the others are."""
        others = [word for word in self.now.words if word != positive]
        usual = max(others, key=lambda word: self._counts.get(word, 0), default=positive)
        return tuple(dict.fromkeys((positive, usual, *others)))


def are(value: Floats, code: npt.NDArray[np.int32], word: Word) -> npt.NDArray[np.bool_]:
    """Which values are of a class."""
    number, text = word
    same: npt.NDArray[np.bool_] = code == text if text >= 0 else (code < 0) & (value == number)
    return same


def all_of(outcomes: Outcomes, words: Sequence[Word]) -> npt.NDArray[np.bool_]:
    """Which outcomes are of some classes, by prediction and by label."""
    predicted, actual = (
        np.logical_or.reduce([are(value, code, word) for word in words])
        for value, code in ((outcomes.value, outcomes.code), (outcomes.label_value, outcomes.label_code))
    )
    both: npt.NDArray[np.bool_] = predicted & actual
    return both


def _mean(n: int, total: float, squares: float) -> tuple[float, float]:
    """The mean of some values by their sums, and how it varies by chance."""
    mean = total / n
    return mean, max(0.0, squares / n - mean * mean) / (n - 1)


def _word(value: Any) -> Word | None:
    return None if value is None else (float(value[0]), int(value[1]))


def _classes(state: Any) -> Classes:
    kind, positive, words = state
    return Classes(kind, _word(positive), tuple((value, code) for value, code in words))


def _distinct(outcomes: Outcomes) -> list[tuple[int, Word]]:
    """Different classes, each with its first row, in the order of these; a missing value is none."""
    value = np.stack((outcomes.value, outcomes.label_value), axis=1).reshape(-1)
    code = np.stack((outcomes.code, outcomes.label_code), axis=1).reshape(-1)
    keys = np.where(code >= 0, -1.0 - code, 0.0)
    pairs = np.stack((np.where(code >= 0, 0.0, value), keys))
    good = np.flatnonzero(~np.isnan(pairs[0]))
    words, firsts = np.unique(pairs[:, good], axis=1, return_index=True)
    order = np.argsort(firsts)
    found = zip((good[firsts[order]] // 2).tolist(), words[:, order].T.tolist(), strict=True)
    return [(row, (number, int(-1 - key) if key < 0 else -1)) for row, (number, key) in found]
