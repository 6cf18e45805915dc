"""The performance of each model version by window as its scores let expect it, and whether labels then agree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.config.stream import StreamConfig
from stream_monitor.estimation.cbpe import MOST_CLASSES
from stream_monitor.estimation.estimator import ByFeatures, ByScores, Estimator, Expected
from stream_monitor.estimation.reconcile import Reconciled, Side
from stream_monitor.events import Estimated, finite
from stream_monitor.joining.join import Joined
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.packed import Values
from stream_monitor.metrics.judged import Judged
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.metrics.reading import Reading, Readings
from stream_monitor.metrics.report import measured
from stream_monitor.metrics.tally import Tally
from stream_monitor.metrics.windows import Key, groups

Floats = npt.NDArray[np.float64]
RECONCILED = ("accuracy", "roc_auc", "macro_f1", "mae")
"""Metrics that are compared with what labels show."""
_PARTS = 32
"""Parts of outcomes that are kept as they came: of a few rows each, they take more room than their rows."""
_KEPT = 50_000
"""Windows of which an estimate is kept until their labels are there."""


class Verdict(NamedTuple):
    """What labels say of an estimate."""

    metric: str
    estimated: Reading
    realised: Reading
    changed: Side | None
    """Where realised values have lain of estimated ones for so long that the relation must have changed."""


class Estimates:
    """A version is estimated from once it has as many outcomes as its reference has rows, or from a reference that was given.

    Depends on the order of rows alone: what is learnt from outcomes is learnt at the end of a window; of scores once, or of the
    latest outcomes again and again.
    """

    def __init__(self, ledger: Ledger, config: StreamConfig) -> None:
        self._ledger, self._rows, self._losses = ledger, config.reference.rows, config.models.estimate_loss
        self._again = config.performance.estimates.calibrated_on == "latest"
        self._kind = self._decided()
        self._first: dict[int, list[Outcomes]] = {}
        """Outcomes that are to be learnt from: the first ones of a version, or of a window."""
        self._taken: dict[int, int] = {}
        """How many there are."""
        self.learnt: dict[int, Estimator] = {}
        self.reconciled: dict[int, dict[str, Reconciled]] = {}
        self.refused: dict[int, str] = {}
        """Versions of which nothing is estimated, and why."""
        self._open: dict[Key, Expected] = {}
        self._kept: dict[Key, Readings] = {}
        """What was expected of windows whose labels are not complete."""

    def outcomes(self, outcomes: Outcomes) -> None:
        """Takes outcomes to learn from."""
        for number in set(outcomes.version.tolist()) - self.refused.keys():
            if number in self.learnt and not self._by_features and not self._again:
                continue
            missing = self._rows - self._taken.get(number, 0)
            mine = np.flatnonzero((outcomes.version == number) & (outcomes.sign == 1))[:missing]
            if len(mine):
                first = self._first.setdefault(number, [])
                first.append(outcomes.part(mine))
                if len(first) >= _PARTS:
                    first[:] = [Outcomes.joined(first)]
                self._taken[number] = self._taken.get(number, 0) + len(mine)

    def refer(self, version: int, outcomes: Outcomes) -> None:
        """Takes the outcomes of a reference that was given; those of a regression do not have the features to learn from."""
        self._notice()
        if not self._by_features and not (np.isnan(outcomes.score).all() and np.isnan(outcomes.scores).all()):
            self._learn(version, outcomes)

    def predictions(self, rows: Rows, values: Values, joined: Joined, features: npt.NDArray[np.float32] | None) -> None:
        """Takes predictions that were accepted."""
        if not self.learnt:
            return
        versions = np.unique(joined.version[joined.accepted]).tolist()
        known, predicted = self._ledger.numbers.predicted(rows, values)
        if self._by_features:
            known = np.empty((len(rows), 0)) if features is None else features.astype(np.float64)
        index = self._ledger.windows.numbers(rows.time, joined.clock)
        for version in versions:
            if version not in self.learnt:
                continue
            mine = np.flatnonzero(joined.accepted & (joined.version == version))
            for key, at in groups(index[mine], joined.version[mine]):
                expected = self._open.setdefault(key, Expected(self.learnt[version].width))
                self.learnt[version].add(expected, known[mine[at]], predicted[mine[at]])

    def close(self, key: Key) -> Readings:
        """What is expected of a window that closed, one of the shortest."""
        expected = self._open.pop(key, None)
        if expected is None or key.version not in self.learnt:
            return {}
        readings = {name: one for name, one in self.learnt[key.version].read(expected).items() if one.value is not None}
        self._kept[key] = {name: one for name, one in readings.items() if name in RECONCILED}
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return readings

    def described(self, version: int, readings: Readings) -> Estimated | None:
        """What is expected, as events have it; None where nothing is."""
        estimator = self.learnt.get(version)
        if not readings or estimator is None:
            return None
        calibration = estimator.cbpe.calibrations[0] if isinstance(estimator, ByScores) else None
        return Estimated(
            metrics=measured(readings), learnt_from=estimator.learnt_from,
            calibration_error=finite(calibration.error_before) if calibration else None,
            calibrated=calibration.helps if calibration else None,
        )  # fmt: skip

    def final(self, key: Key, realised: Readings) -> list[Verdict]:
        """Compares what was expected of a window with what its labels say, now that they are complete."""
        found = []
        for metric, estimated in self._kept.pop(key, {}).items():
            if metric in realised and key.version in self.learnt:
                reconciled = self.reconciled.setdefault(key.version, {}).setdefault(metric, Reconciled())
                verdict = reconciled.add(estimated, realised[metric])
                found.append(Verdict(metric, estimated, realised[metric], verdict.changed))
        return found

    def learn(self) -> None:
        """Learns of versions that have outcomes enough, at the end of a window."""
        self._notice()
        for number, first in list(self._first.items()):
            if first and (self._by_features or self._taken[number] >= self._rows):
                del self._first[number], self._taken[number]
                self._learn(number, Outcomes.joined(first))

    def retire(self, version: int) -> None:
        """Forgets a version."""
        for known in (self._first, self._taken, self.learnt, self.refused, self.reconciled):
            known.pop(version, None)
        self._open = {key: expected for key, expected in self._open.items() if key.version != version}
        self._kept = {key: readings for key, readings in self._kept.items() if key.version != version}

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {
            "kind": self._kind, "first": [[n, [list(one) for one in first]] for n, first in self._first.items()],
            "learnt": [[n, one.state()] for n, one in self.learnt.items()],
            "reconciled": [[n, {name: one.state() for name, one in of.items()}] for n, of in self.reconciled.items()],
            "open": [[*key, expected.state()] for key, expected in self._open.items()],
            "refused": list(self.refused.items()),
            "kept": [[*key, {name: list(one) for name, one in readings.items()}] for key, readings in self._kept.items()],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._kind, self.refused = state["kind"], dict(state["refused"])
        self._first = {n: [Outcomes._make(columns) for columns in first] for n, first in state["first"]}
        self._taken = {n: sum(len(one.row) for one in first) for n, first in self._first.items()}
        for number, learnt in state["learnt"]:
            self.learnt[number] = ByFeatures(learnt[0]) if self._by_features else ByScores(learnt[0])
            self.learnt[number].restore(learnt)
        for number, of in state["reconciled"]:
            self.reconciled[number] = {name: Reconciled() for name in of}
            for name, last in of.items():
                self.reconciled[number][name].restore(last)
        for number, version, expected in state["open"]:
            self._open[Key(number, version)] = Expected.restored(expected)
        for number, version, readings in state["kept"]:
            self._kept[Key(number, version)] = {name: Reading(*one) for name, one in readings.items()}

    def _notice(self) -> None:
        """Begins again where outcomes are measured as something else than before."""
        if self._decided() != self._kind:
            self._kind = self._decided()
            self._first, self.learnt, self._open, self._kept, self.refused, self._taken = {}, {}, {}, {}, {}, {}

    def _decided(self) -> Any:
        """What outcomes are measured as; None where nothing can be said of that."""
        vocabulary = self._ledger.vocabulary
        if self._ledger.measure is None or (vocabulary.kind == "regression" and not self._losses):
            return None
        return [vocabulary.kind, list(vocabulary.positive or ()), vocabulary.room]

    @property
    def _by_features(self) -> bool:
        return self._ledger.vocabulary.kind == "regression"

    def _learn(self, number: int, outcomes: Outcomes) -> None:
        if self._kind is None:
            return
        judged = self._ledger.numbers.judged(outcomes)
        if self._by_features:
            features = outcomes.features.astype(np.float64)
            estimator = self.learnt.setdefault(number, ByFeatures(features.shape[1]))
            assert isinstance(estimator, ByFeatures)
            estimator.learn(features, judged.predicted, judged.actual)
        else:
            self._learn_scores(number, judged)

    def _learn_scores(self, number: int, judged: Judged) -> None:
        if self._ledger.vocabulary.room > MOST_CLASSES:
            self.refused[number] = f"there are more than {MOST_CLASSES} classes"
            return
        binary = self._kind[0] == "binary"
        scores = judged.score if binary else np.nan_to_num(judged.scores[:, : self._ledger.vocabulary.room])
        if not scores.size or np.isnan(scores).all():
            self.refused[number] = "there are no scores"
            return
        estimator = ByScores(2 if binary else self._ledger.vocabulary.room)
        estimator.cbpe.learn(scores, judged.actual.astype(np.int64), judged.weight)
        if self._agrees(estimator, scores, judged):
            self.learnt[number] = estimator
        elif number not in self.learnt:
            self.refused[number] = "scores do not say how often predictions are right, not even in the reference"

    def _agrees(self, estimator: Estimator, scores: Floats, judged: Judged) -> bool:
        """Whether what is expected of the outcomes that were learnt from is what they show."""
        expected, measure, shown = Expected(estimator.width), self._ledger.measure, Tally()
        assert measure is not None
        estimator.add(expected, scores, np.minimum(judged.predicted, self._ledger.vocabulary.room - 1))
        shown.add(measure, judged, np.zeros(len(judged.weight)), np.empty((len(judged.weight), 0), np.uint64))
        return Reconciled(1, 1).add(estimator.read(expected)["accuracy"], shown.readings(measure)["accuracy"]).apart is None
