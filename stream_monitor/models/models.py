"""The models that learn beside one version of a model: its challengers, and the model of its errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.config.models import Models as Settings
from stream_monitor.models import catalogue, challenger, error_model, failure
from stream_monitor.models.catalogue import Task
from stream_monitor.models.challenger import Challenger, Cut
from stream_monitor.models.columns import OWN, Columns
from stream_monitor.models.comparison import Standing
from stream_monitor.models.error_model import ErrorModel, Split
from stream_monitor.models.learners import Row
from stream_monitor.models.shedding import MOST, Shedding

Floats = npt.NDArray[np.float64]
Step = challenger.Step | error_model.Step

ERRORS = "error_model"
CLASSES = 32
"""Classes that models tell apart; outcomes of further ones are not learnt from."""
_LARGEST = 1e100


def watch_time(clock: Callable[[], float]) -> None:
    """Lets models say how many seconds they take by a clock."""
    global _clock
    _clock = clock


def _clock() -> float:
    return 0.0


class Found(NamedTuple):
    """What has become of a model with an outcome."""

    row: int
    """The outcome, counted from the first of the call."""
    model: str
    """The challenger, or `error_model`."""
    step: Step
    standing: Standing
    """Differences are in units of the loss, of the error model in nats; `since` and `n` say of which rows."""
    splits: tuple[Split, ...] = ()
    reason: str = ""
    cut: Cut | None = None
    """What a challenger of a regression is judged by."""
    threshold: float | None = None
    """The absolute error above which the error model of a regression counts it as one."""


class Models:
    """Learns outcome by outcome, so that results do not depend on how they were cut; of those that are not shed."""

    def __init__(self, settings: Settings, task: Task) -> None:
        self.shedding = Shedding()
        self.left_out = 0
        """Outcomes of which nothing could be learnt: of too many classes, or without a loss."""
        self.task = task
        self.seconds, self.rows = 0.0, 0
        """What learning took so far, where time is watched, and of how many outcomes; nothing depends on it here."""
        self._regression = task == "regression"
        fitting = [name for name in settings.challengers if catalogue.ENTRIES[name].task == task]
        self._settings, self._level = settings, settings.level / max(len(fitting), 1)
        self._challengers = {name: self._challenger(name) for name in fitting}
        self._errors = ErrorModel(settings.level, self._regression) if settings.error_model else None
        self._columns = Columns()
        self._classes: dict[float, int] = {}
        self._anew: list[str] = []
        """Models that could not be read and have begun anew, which is said with the next outcome."""

    def shed(self, halvings: int) -> None:
        """Learns from one in 2**halvings of the predictions from now on."""
        self.shedding = Shedding(halvings)

    def learn(
        self,
        names: Sequence[str],
        features: Floats,
        predicted: Floats,
        actual: Floats,
        loss: Floats,
        ids: npt.NDArray[np.uint64],
        times: npt.NDArray[np.int64],
        texts: Collection[str] = (),
    ) -> list[Found]:
        """Takes outcomes in their order: features by name, float64[n, d], NaN missing; gives what has become clear, by row.

        Features among `texts` are numbers of categories.  `predicted` and `actual`, float64[n], are values, or numbers that
        stand for classes; `loss`, float64[n], is that of the model in production; `ids`, uint64[n, 2], are the hashes of
        the predictions' ids, and `times` what a `since` is to say.
        """
        began = _clock()
        kept = np.flatnonzero(self.shedding.learnt(ids))
        rows = self._columns.rows(names, features[kept], texts)
        columns = (kept, predicted[kept], actual[kept], loss[kept], times[kept])
        found: list[Found] = []
        for x, row, guess, came, lost, time in zip(rows, *(column.tolist() for column in columns), strict=True):
            found += self._learn(row, x, guess, came, lost, time)
        self.seconds += _clock() - began
        self.rows += len(kept)
        return found

    def summary(self) -> list[dict[str, Any]]:
        """How each model stands, as plain values."""
        named = [one.summary() for one in self._challengers.values()]
        if self._errors is not None:
            named.append(self._said(self._errors))
        return [one | {"learnt_from_one_in": 2**self.shedding.halvings} for one in named]

    def state(self) -> dict[str, Any]:
        """Everything but the settings, as plain values."""
        return {
            "halvings": self.shedding.halvings, "left_out": self.left_out, "columns": self._columns.state(),
            "classes": list(self._classes), "challengers": {name: one.state() for name, one in self._challengers.items()},
            "errors": None if self._errors is None else self._errors.state(), "anew": list(self._anew),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`; models that were not there, or cannot be read, begin anew, of which the latter is said."""
        saved: dict[str, Any] = {}
        try:
            self.shedding, self.left_out = Shedding(min(max(state["halvings"], 0), MOST)), int(state["left_out"])
            self._columns.restore(state["columns"])
            self._classes = {float(value): i for i, value in enumerate(state["classes"][:CLASSES])}
            self._anew = [str(name) for name in state["anew"]]
            saved = state["challengers"] | ({} if state["errors"] is None else {ERRORS: state["errors"]})
        except Exception as error:
            if not failure.of_model(error):
                raise
            self._columns, self._classes, self._anew = Columns(), {}, []
            for name in self._named():
                self._replace(name, error)
                self._anew.append(name)
        for name, one in self._named().items():
            if name in saved and self._tried(name, partial(one.restore, saved[name])) and name not in self._anew:
                self._anew.append(name)

    def _learn(self, row: int, x: Row, guess: float, came: float, lost: float, time: int) -> Iterable[Found]:
        anew, self._anew = self._anew, []
        for name in anew:
            if name in self._named():
                yield self._found(row, name, "begun_anew")
        y = self._target(came)
        if y is None or not 0 <= lost < _LARGEST:
            self.left_out += 1
            return
        for name, one in self._challengers.items():
            step = self._tried(name, partial(one.learn, x, y, lost, time))
            if step is not None:
                yield self._found(row, name, step)
        if self._errors is not None:
            whole = x | self._columns.missing(x) | self._own(guess)
            became = self._tried(ERRORS, partial(self._errors.learn, whole, lost, time))
            if became is not None:
                yield self._found(row, ERRORS, became)

    def _challenger(self, name: str) -> Challenger:
        return Challenger(name, self._settings.challengers[name], self._level)

    def _named(self) -> dict[str, Challenger | ErrorModel]:
        return self._challengers | ({} if self._errors is None else {ERRORS: self._errors})

    def _found(self, row: int, name: str, step: Step) -> Found:
        one = self._named()[name]
        splits = tuple(one.splits(self._columns)) if isinstance(one, ErrorModel) else ()
        cut = one.cut if isinstance(one, Challenger) else None
        threshold = one.threshold if isinstance(one, ErrorModel) and self._regression else None
        return Found(row, name, step, one.standing, splits, one.reason, cut, threshold)

    def _tried(self, name: str, attempt: Callable[[], Step | None]) -> Step | None:
        """What an attempt of a model gives; one that raises has another in its place that knows nothing."""
        try:
            return attempt()
        except BaseException as error:
            self._replace(name, error)
            return "begun_anew"

    def _replace(self, name: str, error: BaseException) -> None:
        if not failure.of_model(error):
            raise error
        one: Challenger | ErrorModel
        begun_anew = self._named()[name].begun_anew + 1
        if name == ERRORS:
            one = self._errors = ErrorModel(self._settings.level, self._regression)
        else:
            one = self._challengers[name] = self._challenger(name)
        one.begun_anew, one.reason = begun_anew, failure.reason(error)

    def _target(self, came: float) -> float | None:
        """A value, or the number of a class; None where it cannot be learnt."""
        if self._regression:
            return came if -_LARGEST < came < _LARGEST else None
        if came not in self._classes and len(self._classes) < CLASSES and not math.isnan(came):
            self._classes[came] = len(self._classes)
        return self._classes.get(came)

    def _own(self, guess: float) -> Row:
        """What was predicted, as columns that may tell errors too."""
        if self._regression:
            return {OWN: guess} if -_LARGEST < guess < _LARGEST else {}
        return {f"{OWN} = {value!r}": 1.0 if value == guess else 0.0 for value in self._classes}

    def _said(self, errors: ErrorModel) -> dict[str, Any]:
        standing = errors.standing
        return {
            "error_model": "logistic", "outcomes": errors.n, "threshold": errors.threshold,
            "begun_anew": errors.begun_anew, "reason": errors.reason,
            "skill": {} if math.isnan(standing.low) else standing._asdict(),
            "splits": [split._asdict() for split in errors.splits(self._columns)],
        }  # fmt: skip
