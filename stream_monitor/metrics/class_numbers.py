"""Outcomes and predictions as they are measured: each class by its number, each score with its class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.packed import Values
from stream_monitor.joining.scored_classes import ScoredClasses
from stream_monitor.metrics.judged import Judged
from stream_monitor.metrics.vocabulary import Classes, Vocabulary, Word, are
from stream_monitor.watching.judge import losses
from stream_monitor.watching.words import Words

Floats = npt.NDArray[np.float64]


class ClassNumbers:
    """Numbers are those of a vocabulary; scores come by the classes that predictions name."""

    def __init__(self, vocabulary: Vocabulary, words: Words, scored: ScoredClasses) -> None:
        self._vocabulary, self._words, self._classes = vocabulary, words, scored

    def judged(self, outcomes: Outcomes) -> Judged:
        """Outcomes as they are measured; what that is must be known."""
        now = self._vocabulary.now
        predicted = now.numbers(outcomes.value, outcomes.code)
        actual = now.numbers(outcomes.label_value, outcomes.label_code)
        if now.kind == "multiclass":
            others = (predicted == now.room - 1) & (actual == now.room - 1)
            predicted[others & (_losses(outcomes) > 0)] = now.room
        elif now.kind == "binary" and len(now.negative) > 1:
            predicted[(predicted == 0) & (actual == 0) & (_losses(outcomes) > 0)] = -1
        return Judged(
            predicted,
            actual,
            self._positive_score(now, outcomes.score, outcomes.scores),
            self._by_class(now, outcomes.scores) if now.kind == "multiclass" else np.empty((len(outcomes.row), 0)),
            outcomes.weight,
            np.sign(outcomes.sign).astype(np.float64),
        )

    def predicted(self, rows: Rows, values: Values) -> tuple[Floats, Floats]:
        """The scores of predictions as they are measured, float64[n] or [n, c] by class, and their classes, float64[n]."""
        found = self._classes.scores(rows)
        scores = np.empty((len(rows), 0), np.float32) if found is None else found
        numbers = self._vocabulary.numbers(values.value, values.code)
        if self._vocabulary.kind == "binary":
            return self._positive_score(self._vocabulary.told, rows.number("score"), scores), numbers
        by_class = self._by_class(self._vocabulary.told, scores)[:, : self._vocabulary.room]
        return np.nan_to_num(by_class) if by_class.shape[1] else np.full((len(rows), self._vocabulary.room), np.nan), numbers

    def unexpected(self, outcomes: Outcomes) -> int:
        """How many new outcomes of a binary task are of a class that is neither the positive nor the first negative one."""
        now = self._vocabulary.now
        if now.kind != "binary" or len(now.negative) < 2:
            return 0
        usual = [word for word in (now.positive, now.negative[0]) if word is not None]
        predicted, actual = (
            np.logical_or.reduce([are(value, code, word) for word in usual])
            for value, code in ((outcomes.value, outcomes.code), (outcomes.label_value, outcomes.label_code))
        )
        return int(np.count_nonzero(~(predicted & actual) & (outcomes.sign == 1)))

    def names(self) -> list[str]:
        """What classes are called, as they are numbered: negative and positive, or many with all others as the last."""
        texts, now = self._words.state(), self._vocabulary.now
        names = ["" if word is None else self._vocabulary.name(word, texts) for word in now.numbered]
        if now.kind == "binary":
            return [names[0] or ("(other)" if now.negative else ""), names[1]]
        return [*names[:-1], "(other)"]

    def _positive_score(self, classes: Classes, score: Floats, scores: npt.NDArray[np.float32]) -> Floats:
        """The score of the positive class; NaN where there is none."""
        if classes.kind != "binary":
            return np.full(len(score), np.nan)
        if not scores.shape[1]:
            return score
        at = [i for i, word in enumerate(self._scored()) if word == classes.positive and i < scores.shape[1]]
        return np.where(np.isnan(score), scores[:, at[0]], score) if at else score

    def _by_class(self, classes: Classes, scores: npt.NDArray[np.float32]) -> Floats:
        """The scores of each class, float64[n, c]: by number, and then of those without one; of none if there are none."""
        if not scores.shape[1]:
            return np.empty((len(scores), 0))
        numbered = classes.words[: classes.room - 1]
        places = [numbered.index(word) if word in numbered else -1 for word in self._scored()[: scores.shape[1]]]
        others = iter(range(classes.room, classes.room + places.count(-1)))
        found = np.full((len(scores), classes.room + places.count(-1)), np.nan)
        for i, place in enumerate(places):
            found[:, next(others) if place < 0 else place] = scores[:, i]
        return found

    def _scored(self) -> list[Word | None]:
        """The classes that have scores of their own."""
        return [self._words.known(name) for name in self._classes.names]


def _losses(outcomes: Outcomes) -> Floats:
    return losses("classification", outcomes.value, outcomes.code, outcomes.label_value, outcomes.label_code)
