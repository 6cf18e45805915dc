"""The performance of each model version by window as its scores let expect it, and whether labels then agree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.estimation.cbpe import MOST_CLASSES, Cbpe
from stream_monitor.estimation.reconcile import Reconciled, Side
from stream_monitor.events import Estimated, finite
from stream_monitor.joining.join import Joined, Values
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.metrics.judged import Judged
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.metrics.ranking import Ranking
from stream_monitor.metrics.reading import Reading, Readings
from stream_monitor.metrics.report import measured
from stream_monitor.metrics.tally import Tally
from stream_monitor.metrics.windows import Key, groups

Floats = npt.NDArray[np.float64]
RECONCILED = ("accuracy", "roc_auc", "macro_f1")
"""Metrics that are compared with what labels show."""
_KEPT = 50_000
"""Windows of which an estimate is kept until their labels are there."""


class Verdict(NamedTuple):
    """What labels say of an estimate."""

    metric: str
    estimated: Reading
    realised: Reading
    changed: Side | None
    """Where realised values have lain of estimated ones for so long that the relation must have changed."""


class _Window:
    """What is expected of the predictions of one window."""

    def __init__(self, width: int) -> None:
        self.sums = np.zeros((1, width))
        self.ranking: Ranking | None = None


class Estimator:
    """Of one version: what its first outcomes say about its scores, and what that makes of those to come."""

    def __init__(self, classes: int) -> None:
        self.cbpe = Cbpe(classes)
        self.classes = classes
        self.reconciled = {metric: Reconciled() for metric in RECONCILED}

    def read(self, window: _Window) -> Readings:
        """What is expected of a window."""
        found = self.cbpe.read(window.sums[0])
        if window.ranking is not None:
            found["roc_auc"] = window.ranking.expected_roc_auc(self.cbpe.learnt_rows)
            found["average_precision"] = window.ranking.expected_average_precision(self.cbpe.learnt_rows)
        return found


class Estimates:
    """Scores are estimated from once a version has as many outcomes as its reference has rows.

    Depends on the order of rows alone: what is learnt is learnt at the end of a window.
    """

    def __init__(self, ledger: Ledger, rows: int) -> None:
        self._ledger, self._rows = ledger, rows
        self._kind = self._decided()
        self._first: dict[int, list[Outcomes]] = {}
        """The first outcomes of versions that nothing was learnt of yet."""
        self.learnt: dict[int, Estimator] = {}
        self.refused: dict[int, str] = {}
        """Versions of which nothing is estimated, and why."""
        self._open: dict[Key, _Window] = {}
        self._kept: dict[Key, Readings] = {}
        """What was expected of windows whose labels are not complete, by number and version."""

    def outcomes(self, outcomes: Outcomes) -> None:
        """Takes outcomes, to learn from the first ones of each version."""
        for number in set(outcomes.version.tolist()) - self.learnt.keys() - self.refused.keys():
            first = self._first.setdefault(number, [])
            missing = self._rows - sum(len(one.row) for one in first)
            mine = np.flatnonzero((outcomes.version == number) & (outcomes.sign == 1))[:missing]
            if len(mine):
                first.append(outcomes.take(mine))

    def predictions(self, rows: Rows, values: Values, joined: Joined) -> None:
        """Takes predictions that were accepted."""
        known = [number for number in np.unique(joined.version[joined.accepted]).tolist() if number in self.learnt]
        if not known:
            return
        scores, predicted = self._ledger.predicted(rows, values)
        index = self._ledger.windows.numbers(rows.time, joined.clock)
        for version in known:
            estimator = self.learnt[version]
            mine = np.flatnonzero(joined.accepted & (joined.version == version))
            chances = estimator.cbpe.chances(scores[mine])
            for key, at in groups(index[mine], joined.version[mine]):
                window = self._open.setdefault(key, _Window(estimator.cbpe.width))
                self._add(window, estimator, scores[mine[at]], predicted[mine[at]], chances[at])

    def close(self, key: Key) -> Readings:
        """What is expected of a window that closed, one of the shortest."""
        window = self._open.pop(key, None)
        if window is None or key.version not in self.learnt:
            return {}
        readings = self.learnt[key.version].read(window)
        self._kept[key] = {name: one for name, one in readings.items() if name in RECONCILED}
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return readings

    def described(self, version: int, readings: Readings) -> Estimated | None:
        """What is expected, as events have it; None where nothing is."""
        if not readings or version not in self.learnt:
            return None
        calibration = self.learnt[version].cbpe.calibrations[0]
        return Estimated(
            metrics=measured(readings), learnt_from=calibration.rows, calibration_error=finite(calibration.error_before),
            calibrated=calibration.helps,
        )  # fmt: skip

    def final(self, key: Key, realised: Readings) -> list[Verdict]:
        """Compares what was expected of a window with what its labels say, now that they are complete."""
        expected = self._kept.pop(key, {})
        if key.version not in self.learnt:
            return []
        found = []
        for metric, estimated in expected.items():
            if metric in realised:
                verdict = self.learnt[key.version].reconciled[metric].add(estimated, realised[metric])
                found.append(Verdict(metric, estimated, realised[metric], verdict.changed))
        return found

    def learn(self) -> None:
        """Learns of versions that have outcomes enough, at the end of a window."""
        if self._decided() != self._kind:
            self._kind = self._decided()
            self._first, self.learnt, self._open, self._kept, self.refused = {}, {}, {}, {}, {}
        for number, first in list(self._first.items()):
            if sum(len(one.row) for one in first) >= self._rows:
                del self._first[number]
                self._learn(number, Outcomes.joined(first))

    def retire(self, version: int) -> None:
        """Forgets a version."""
        self._first.pop(version, None)
        self.learnt.pop(version, None)
        self.refused.pop(version, None)
        self._open = {key: window for key, window in self._open.items() if key.version != version}
        self._kept = {key: readings for key, readings in self._kept.items() if key.version != version}

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {
            "kind": self._kind, "first": [[n, [list(one) for one in first]] for n, first in self._first.items()],
            "learnt": [
                [n, one.classes, one.cbpe.state(), {metric: r.state() for metric, r in one.reconciled.items()}]
                for n, one in self.learnt.items()
            ],
            "open": [
                [*key, window.sums, window.ranking.state() if window.ranking else None]
                for key, window in self._open.items()
            ],
            "refused": list(self.refused.items()),
            "kept": [[*key, {name: list(one) for name, one in readings.items()}] for key, readings in self._kept.items()],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._kind = state["kind"]
        self._first = {n: [Outcomes._make(columns) for columns in first] for n, first in state["first"]}
        for number, classes, learnt, reconciled in state["learnt"]:
            estimator = self.learnt[number] = Estimator(classes)
            estimator.cbpe.restore(learnt)
            for metric, last in reconciled.items():
                estimator.reconciled[metric].restore(last)
        self.refused = dict(state["refused"])
        for number, version, sums, ranking in state["open"]:
            window = self._open[Key(number, version)] = _Window(sums.shape[1])
            window.sums = sums
            if ranking is not None:
                window.ranking = Ranking()
                window.ranking.restore(ranking)
        for number, version, readings in state["kept"]:
            self._kept[Key(number, version)] = {name: Reading(*one) for name, one in readings.items()}

    def _decided(self) -> Any:
        """What outcomes are measured as; None where that is nothing that scores could say."""
        vocabulary = self._ledger.vocabulary
        if vocabulary.kind not in ("binary", "multiclass") or self._ledger.measure is None:
            return None
        return [vocabulary.kind, list(vocabulary.positive or ()), vocabulary.room]

    def _learn(self, number: int, outcomes: Outcomes) -> None:
        if self._kind is None:
            return
        if self._ledger.vocabulary.room > MOST_CLASSES:
            self.refused[number] = f"there are more than {MOST_CLASSES} classes"
            return
        judged = self._ledger.judged(outcomes)
        binary = self._kind[0] == "binary"
        scores = judged.score if binary else judged.scores
        if not scores.size or np.isnan(scores).all():
            self.refused[number] = "there are no scores"
            return
        estimator = Estimator(2 if binary else self._ledger.vocabulary.room)
        scores = scores if binary else np.nan_to_num(scores)
        estimator.cbpe.learn(scores, judged.actual.astype(np.int64), judged.weight)
        if self._agrees(estimator, scores, judged):
            self.learnt[number] = estimator
        else:
            self.refused[number] = "scores do not say how often predictions are right, not even in the reference"

    def _agrees(self, estimator: Estimator, scores: Floats, judged: Judged) -> bool:
        """Whether what is expected of the outcomes that were learnt from is what they show."""
        window, measure, shown = _Window(estimator.cbpe.width), self._ledger.measure, Tally()
        assert measure is not None
        self._add(window, estimator, scores, judged.predicted, estimator.cbpe.chances(scores))
        shown.add(measure, judged, np.zeros(len(judged.weight)), np.empty((len(judged.weight), 0), np.uint64))
        return Reconciled(1, 1).add(estimator.read(window)["accuracy"], shown.readings(measure)["accuracy"]).apart is None

    def _add(self, window: _Window, estimator: Estimator, scores: Floats, predicted: Floats, chances: Floats) -> None:
        estimator.cbpe.add(window.sums, np.zeros(len(predicted), np.int64), predicted.astype(np.int64), chances)
        if estimator.classes == 2:
            known = ~np.isnan(chances)
            window.ranking = window.ranking or Ranking()
            window.ranking.add(scores[known], chances[known], 1 - chances[known])
