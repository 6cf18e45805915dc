"""The performance of each model version by window as its scores let expect it, and whether labels then agree."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.config.stream import StreamConfig
from stream_monitor.estimation.calibration import FEWEST as FEWEST_OF_A_KIND
from stream_monitor.estimation.cbpe import MOST_CLASSES
from stream_monitor.estimation.dle import FEWEST, MOST, Dle
from stream_monitor.estimation.estimator import Asked, ByFeatures, ByScores, Estimator, Expected
from stream_monitor.estimation.reconcile import Reconciled, Side, Together
from stream_monitor.events import Estimated, finite
from stream_monitor.joining.join import Joined
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.packed import Values
from stream_monitor.metrics.complete import Completes, Losses, Waiting
from stream_monitor.metrics.ledger import Ledger
from stream_monitor.metrics.reading import Reading, Readings
from stream_monitor.metrics.report import measured
from stream_monitor.metrics.tally import Tally
from stream_monitor.metrics.windows import Key, groups

Floats = npt.NDArray[np.float64]
RECONCILED = ("accuracy", "precision", "roc_auc", "macro_f1", "mae")
"""Metrics that are compared with what labels show."""
_NO_MEAN = ("macro_f1",)
"""Those that are off in windows of few outcomes, so that these do not add up: a class that is not there counts in none."""
_MOST_CLASSES = MOST_CLASSES - 2
"""Beside those that become known later."""
_ONE_SCORE = "a `score` is of one class, and which is not clear: state `positive`, or give `scores` of more than two classes"
_FEW = f"of one class there are fewer than {FEWEST_OF_A_KIND} outcomes to learn from: give a longer `reference`"
_UNTRUE = "scores do not say how often predictions are right, not even in the reference"
_OF_POSITIVE = "; `score` must be that of the positive class, not of the class that is predicted"
_KEPT = 10_000
"""Windows whose estimate waits for their labels."""


class Awaited:
    """A window whose labels are not complete; all of it is expected by the estimator that was in use when it began."""

    def __init__(self, estimator: Estimator, first: int) -> None:
        self.estimator = estimator
        self.first = first
        """The position of the first prediction that it counts."""
        self.open: Expected | None = None
        """What is expected of its predictions; None once it has closed."""
        self.labelled = Expected(estimator.width)
        """What is expected of those that got a label, and of no others: which get one may depend on their scores."""


class Verdict(NamedTuple):
    """What labels say of an estimate."""

    metric: str
    estimated: Reading
    realised: Reading
    changed: Side | None
    """Where realised values have lain of estimated ones for so long that the relation must have changed."""
    since: int
    """From which window on they have."""
    together: Together | None
    """The windows that say so only together."""


class Estimates:
    """A version is estimated from once as many outcomes as its reference has rows are complete, or a reference was given.

    Depends on the order of rows alone: what is learnt from outcomes is learnt at the end of a window; from as many as the
    reference has rows, or of the latest outcomes again and again.  What the first of a regression say is used at once.
    """

    def __init__(self, ledger: Ledger, config: StreamConfig) -> None:
        self._ledger, self._rows, self._losses = ledger, config.reference.rows, config.models.estimate_loss
        self._again = config.performance.estimates.calibrated_on == "latest"
        self._kind = self._decided()
        self._complete = Completes()
        """Outcomes that are to be learnt from, the first ones of a version or the latest."""
        self._given: set[int] = set()
        """Versions whose first outcomes were given."""
        self.learnt: dict[int, Estimator] = {}
        self.reconciled: dict[int, dict[str, Reconciled]] = {}
        self.refused: dict[int, str] = {}
        """Versions of which nothing is estimated, and why."""
        self._learners: dict[int, tuple[int, Dle]] = {}
        """What still learns of a regression, and from how many features."""
        self._awaited: dict[Key, Awaited] = {}

    def refer(self, version: int, outcomes: Outcomes) -> None:
        """Takes the outcomes of a reference that was given; those of a regression do not have the features to learn from."""
        self._ledger.settle()
        self._notice()
        if not self._by_features and not (np.isnan(outcomes.score).all() and np.isnan(outcomes.scores).all()):
            self._given.add(version)
            self._learn(version, outcomes)

    def relearn(self, first: int) -> None:
        """Learns anew from outcomes of one of the shortest windows on that are still to be complete, where none were given."""
        self._complete, self._learners = Completes(self._ledger.since, first), {}
        self.learnt = {number: estimator for number, estimator in self.learnt.items() if number in self._given}
        self.refused = {number: why for number, why in self.refused.items() if number in self._given}

    def predictions(
        self, rows: Rows, values: Values, joined: Joined, features: npt.NDArray[np.float32] | None, position: int
    ) -> None:
        """Takes predictions that were accepted, from a position on."""
        if not self.learnt:
            return
        features = np.empty((len(rows), 0), np.float32) if features is None else features
        asked = Asked(rows.number("score"), self._ledger.numbers.scored(rows), values, features)
        index = self._ledger.windows.numbers(rows.time, joined.clock)
        for version in np.unique(joined.version[joined.accepted]).tolist():
            if version not in self.learnt:
                continue
            mine = np.flatnonzero(joined.accepted & (joined.version == version))
            for key, at in groups(index[mine], joined.version[mine]):
                awaited = self._awaited.setdefault(key, Awaited(self.learnt[version], position + int(mine[at][0])))
                awaited.open = awaited.open or Expected(awaited.estimator.width)
                awaited.estimator.add(awaited.open, asked.take(mine[at]))

    def matured(self, outcomes: Outcomes, losses: Losses) -> None:
        """Takes predictions whose wait is over; `losses` says the loss of each outcome, NaN where there is none."""
        if not len(outcomes.row):
            return
        windows = outcomes.time // self._ledger.windows.length
        missing = {number: self._missing(number) for number in filter(self._learns, self._ledger.since)}
        self._complete.mature(windows, outcomes, missing, losses)
        if not self._awaited:
            return
        good = (outcomes.sign > 0) & ~np.isnan(losses(outcomes)) & (outcomes.weight > 0) & np.isfinite(outcomes.weight)
        asked = Asked.of(outcomes)
        for key, at in groups(windows, outcomes.version):
            awaited = self._awaited.get(key)
            if awaited is not None:
                counted = at[good[at] & (outcomes.position[at] >= awaited.first)]
                if len(counted):
                    awaited.estimator.add(awaited.labelled, asked.take(counted), outcomes.weight[counted])

    def close(self, key: Key) -> Readings:
        """What is expected of a window that closed, one of the shortest."""
        awaited = self._awaited.get(key)
        if awaited is None or awaited.open is None:
            return {}
        expected, awaited.open = awaited.open, None
        if len(self._awaited) > _KEPT:
            del self._awaited[next(iter(self._awaited))]
        return {name: one for name, one in awaited.estimator.read(expected).items() if one.value is not None}

    def described(self, version: int, readings: Readings) -> Estimated | None:
        """What is expected, as events have it; None where nothing is."""
        estimator = self.learnt.get(version)
        if not readings or estimator is None:
            return None
        cbpe = estimator.cbpe if isinstance(estimator, ByScores) else None
        errors = [one.error_before for one in cbpe.calibrations if not math.isnan(one.error_before)] if cbpe else []
        return Estimated(
            metrics=measured(readings), learnt_from=estimator.learnt_from,
            calibration_error=finite(max(errors)) if errors else None,
            calibrated=cbpe.calibrated if cbpe else None,
        )  # fmt: skip

    def final(self, key: Key, realised: Readings) -> list[Verdict]:
        """Compares what was expected of the labelled predictions of a window with what labels say, now that all are there."""
        awaited, found = self._awaited.pop(key, None), list[Verdict]()
        if awaited is None:
            return found
        readings = awaited.estimator.read(awaited.labelled)
        rows = max((one.n for one in readings.values()), default=0.0)
        learnt = rows / (rows + max(awaited.estimator.taught(awaited.labelled), 1.0))
        for metric, estimated in readings.items():
            if metric in RECONCILED and metric in realised and estimated.value is not None:
                reconciled = self.reconciled.setdefault(key.version, {}).setdefault(metric, _reconciled(metric))
                start = key.number * self._ledger.windows.length
                verdict = reconciled.add(estimated, realised[metric], start, 1.0 if metric in _NO_MEAN else learnt)
                found.append(Verdict(metric, estimated, realised[metric], verdict.changed, verdict.since, verdict.together))
        return found

    def learn(self, waiting: Waiting, losses: Losses, of_one_class: bool) -> None:
        """Learns of versions that have outcomes enough, at the end of a window; not from labels that are all `of_one_class`."""
        self._notice()
        if of_one_class or self._kind is None:
            self._complete.forget()
            return
        for number in filter(self._learns, self._ledger.since):
            began, least = self._ledger.since[number].start, 1 if self._by_features else self._rows
            outcomes = self._complete.taken(number, began, waiting, self._rows, least, self._missing(number), losses)
            if outcomes is not None:
                self._learn(number, outcomes)

    def waits(self, version: int) -> bool:
        """Whether a version will be estimated from once labels are complete."""
        return self._kind is not None and version not in self.learnt and self._learns(version)

    def retire(self, version: int) -> None:
        """Forgets a version."""
        self._complete.retire(version)
        for known in (self.learnt, self._learners, self.refused, self.reconciled):
            known.pop(version, None)
        self._given.discard(version)
        self._awaited = {key: awaited for key, awaited in self._awaited.items() if key.version != version}

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        used = {id(one): one for one in (*self.learnt.values(), *(awaited.estimator for awaited in self._awaited.values()))}
        places = {its: place for place, its in enumerate(used)}
        return {
            "kind": self._kind, "rows": self._rows, "complete": self._complete.state(),
            "estimators": [one.state() for one in used.values()],
            "learnt": [[n, places[id(one)]] for n, one in self.learnt.items()],
            "learners": [[n, features, dle.state()] for n, (features, dle) in self._learners.items()],
            "reconciled": [[n, {name: one.state() for name, one in of.items()}] for n, of in self.reconciled.items()],
            "refused": list(self.refused.items()), "given": sorted(self._given),
            "awaited": [
                [*key, places[id(one.estimator)], one.first, one.open.state() if one.open else None, one.labelled.state()]
                for key, one in self._awaited.items()
            ],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._kind, self._rows = state["kind"], state["rows"]
        self.refused, self._given = dict(state["refused"]), set(state["given"])
        self._complete.restore(state["complete"])
        restored = ByFeatures.restored if self._by_features else partial(ByScores.restored, self._ledger.numbers)
        estimators: list[Estimator] = [restored(one) for one in state["estimators"]]
        self.learnt = {n: estimators[place] for n, place in state["learnt"]}
        for number, features, learner in state["learners"]:
            self._learners[number] = features, self._dle()
            self._learners[number][1].restore(learner)
        for number, of in state["reconciled"]:
            self.reconciled[number] = {name: _reconciled(name) for name in of}
            for name, last in of.items():
                self.reconciled[number][name].restore(last)
        for number, version, place, first, expected, labelled in state["awaited"]:
            awaited = self._awaited[Key(number, version)] = Awaited(estimators[place], first)
            awaited.open = Expected.restored(expected) if expected else None
            awaited.labelled = Expected.restored(labelled)

    def _notice(self) -> None:
        """Begins again where outcomes are measured as something else."""
        before, self._kind = self._kind, self._decided()
        if self._kind != before:
            self.learnt, self._learners, self._awaited, self.refused = {}, {}, {}, {}

    def _decided(self) -> Any:
        """What outcomes are measured as; None where nothing can be said of that."""
        vocabulary = self._ledger.vocabulary
        if self._ledger.measure is None or (vocabulary.kind == "regression" and not self._losses):
            return None
        return [vocabulary.kind, list(vocabulary.positive or ())]

    @property
    def _by_features(self) -> bool:
        return self._ledger.vocabulary.kind == "regression"

    def _learns(self, number: int) -> bool:
        """Whether outcomes of a version are to be learnt from."""
        open = number not in self.learnt or number in self._learners or self._again
        return open and number in self._ledger.since and (self._again or number not in self.refused)

    def _learn(self, number: int, outcomes: Outcomes) -> None:
        if self._kind is None:
            return
        if self._by_features:
            features, dle = self._learners.setdefault(number, (outcomes.features.shape[1], self._dle()))
            dle.learn(outcomes.features[:, :features].astype(np.float64), outcomes.value, outcomes.label_value)
            self.learnt[number] = ByFeatures(features, dle.still())
            if self._missing(number) <= 0:
                del self._learners[number]
        else:
            self._learn_scores(number, outcomes)

    def _dle(self) -> Dle:
        """What learns of a regression: for good, or of as many of the latest outcomes as a reference has, as far as it can."""
        return Dle(min(max(self._rows, FEWEST), MOST), every=1) if self._again else Dle()

    def _missing(self, number: int) -> int:
        """How many outcomes are learnt from at the end of a window, at most."""
        if not self._by_features or self._again:
            return self._rows
        return max(self._rows, FEWEST) - (self._learners[number][1].outcomes if number in self._learners else 0)

    def _learn_scores(self, number: int, outcomes: Outcomes) -> None:
        words = [] if self._kind[0] == "binary" else self._ledger.numbers.known(outcomes.scores)
        if len(words) > _MOST_CLASSES:
            self.refused[number] = f"there are more than {_MOST_CLASSES} classes"
            return
        estimator = ByScores(self._ledger.numbers, words)
        if np.isnan(estimator.scores(Asked.of(outcomes))).all():
            by_class = self._kind[0] == "binary" or np.isnan(outcomes.score).all()
            self.refused[number] = "there are no scores" if by_class else _ONE_SCORE
            return
        estimator.learn(outcomes)
        few = not words and estimator.cbpe.calibrations[0].rarer < FEWEST_OF_A_KIND
        if not few and self._agrees(estimator, outcomes):
            self.learnt[number] = estimator
            self.refused.pop(number, None)
        elif number not in self.learnt:
            self.refused[number] = _FEW if few else _UNTRUE + (_OF_POSITIVE if self._kind[0] == "binary" else "")

    def _agrees(self, estimator: Estimator, outcomes: Outcomes) -> bool:
        """Whether what is expected of the outcomes that were learnt from is what they show."""
        expected, measure, shown = Expected(estimator.width), self._ledger.measure, Tally()
        assert measure is not None
        estimator.add(expected, Asked.of(outcomes), outcomes.weight)
        judged = self._ledger.numbers.judged(outcomes)
        shown.add(measure, judged, np.zeros(len(judged.weight)), np.empty((len(judged.weight), 0), np.uint64))
        return Reconciled(1, 1).add(estimator.read(expected)["accuracy"], shown.readings(measure)["accuracy"]).apart is None


def _reconciled(metric: str) -> Reconciled:
    return Reconciled(highest=math.inf if metric == "mae" else 1.0)
