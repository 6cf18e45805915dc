"""Outcomes and predictions as they are measured: each class by its number, each score with its class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.packed import Values
from stream_monitor.joining.scored_classes import ScoredClasses
from stream_monitor.metrics.judged import Judged
from stream_monitor.metrics.vocabulary import Classes, Vocabulary, Word, all_of, are
from stream_monitor.watching.confidence import highest
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

    def scored(self, rows: Rows) -> npt.NDArray[np.float32]:
        """The scores of predictions, float32[n, c], by the classes that have any."""
        found = self._classes.scores(rows)
        return np.empty((len(rows), 0), np.float32) if found is None else found

    def known(self, scores: npt.NDArray[np.float32]) -> list[Word]:
        """The classes that there are, those that only have scores last."""
        known = list(self._vocabulary.words)
        given = np.flatnonzero(np.isfinite(scores).any(axis=0)).tolist()
        for name in sorted(self._classes.names[column] for column in given):
            value, code = self._words.value(name)
            word = (0.0, code) if code >= 0 else (value, -1)
            if word not in known:
                known.append(word)
        return known

    def classes(self, values: Values, words: Sequence[Word]) -> Floats:
        """The class of each value, float64[n]: of two, or its place among some classes; as many as these for all others."""
        if self._vocabulary.kind != "multiclass":
            return self._vocabulary.numbers(*values)
        found = np.full(len(values.value), len(words), np.float64)
        for i, word in enumerate(words):
            found[are(*values, word)] = i
        return found

    def scores(self, score: Floats, scores: npt.NDArray[np.float32], predicted: Values, words: Sequence[Word]) -> Floats:
        """The scores of predictions, float64[n] of two classes, else float64[n, c + 2] of some classes and of all others.

        Of these the predicted one has the last column but one, if it is one of them.  NaN for a prediction without any score.
        """
        if self._vocabulary.kind != "multiclass":
            return self._positive_score(self._vocabulary.told, score, scores)
        found = np.zeros((len(scores), len(words) + 2))
        places, scored = {word: i for i, word in enumerate(words)}, self._scored()
        for column in sorted(range(scores.shape[1]), key=self._classes.names.__getitem__):
            word, given = scored[column], np.nan_to_num(scores[:, column])
            if word in places:
                found[:, places[word]] = given
            else:
                mine = are(*predicted, word) if word else np.zeros(len(given), np.bool_)
                found[:, -2] += np.where(mine, given, 0.0)
                found[:, -1] += np.where(mine, 0.0, given)
        found[~np.isfinite(scores).any(axis=1)] = np.nan
        return found

    def leading(self, outcomes: Outcomes) -> Floats:
        """One score of each prediction: of two classes the positive one's; of many its own, or the highest of all classes."""
        now = self._vocabulary.now
        if now.kind == "binary":
            return self._positive_score(now, outcomes.score, outcomes.scores)
        return highest(outcomes.score, outcomes.scores)

    def unexpected(self, outcomes: Outcomes) -> int:
        """How many new outcomes of a binary task are of a class that is neither the positive nor the first negative one."""
        now = self._vocabulary.now
        if now.kind != "binary" or len(now.negative) < 2:
            return 0
        usual = [word for word in now.numbered if word is not None]
        return int(np.count_nonzero(~all_of(outcomes, usual) & (outcomes.sign == 1)))

    def names(self) -> list[str]:
        """What classes are called, as they are numbered: negative and positive, or many with all others as the last."""
        texts, now = self._words.state(), self._vocabulary.now
        names = ["" if word is None else self._vocabulary.name(word, texts) for word in now.numbered]
        if now.kind == "binary":
            return ["(other)" if len(now.negative) > 1 else names[0], names[1]]
        return [*names[:-1], "(other)"]

    def third(self) -> list[str]:
        """What the classes are called that came though two were found to be all."""
        texts = self._words.state()
        return [self._vocabulary.name(word, texts) for word in self._vocabulary.third]

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
