"""Where a model errs: which features tell, in which direction and from which value on, once it is beyond doubt that they do."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any, Literal, NamedTuple

from stream_monitor.models.columns import Columns
from stream_monitor.models.comparison import Comparison, Standing, Turn
from stream_monitor.models.learners import Row, Scale

Step = Literal["errs", "still_errs", "no_longer_errs", "begun_anew"]

WARMUP = 500
"""Outcomes from which bins are made before any is compared."""
_BINS = 16
_FADE = 5_000
"""Outcomes after which all counts of bins are halved."""
_SURE = 0.01
"""Probabilities are between this and 1 less this, so that no row decides."""
_RANGE = math.log((1 - _SURE) / _SURE)
_RATE, _RIDGE = 0.01, 1e-4
_TOP = 3
_STANDS_OUT = 4.0
"""Standard errors by which the rates on both sides of a split must differ."""
_SMALLEST = 30.0
_SHARING = 0.001
_STEPS: dict[Turn, Step] = {"better": "errs", "moved": "still_errs", "no_longer": "no_longer_errs"}


class Split(NamedTuple):
    """The value of a feature that tells errors best."""

    feature: str
    category: float | None
    """The category that it is about; then the split is 0, and rows above it are of that category."""
    above: float
    rate_above: float
    rate_below: float
    """The shares of errors among recent rows with larger values, and among all others."""
    weight: float
    """In the logistic regression, per standard deviation; its sign is the direction where a line tells most of it."""

    @property
    def grow(self) -> bool:
        """Whether errors are more often above."""
        return self.rate_above > self.rate_below


class ErrorModel:
    """Logistic regression of errors on scaled columns, learnt prequentially, and what single splits tell.

    Its skill is the mean log loss of the rate of errors less its own, within the bounds of a `Comparison`.  That rate is what
    three running rates, of different memories, say together, as good as the best of them (Herbster and Warmuth 1998), so
    that errors that merely become more give no skill.  In regression an error is one that is larger than three quarters of
    those among the first 500.  Splits are between 16 quantiles of those 500 rows; their counts fade over 5,000 rows.
    """

    def __init__(self, level: float, regression: bool) -> None:
        from stream_monitor.models import river_models

        self._regression = regression
        self._logistic: Any = river_models.logistic(_RATE, _RIDGE)
        self._scale = Scale()
        self._rate = _Rate()
        self._comparison = Comparison(level)
        self.n = 0
        self._first: list[tuple[Row, float]] = []
        self.threshold = 0.5
        """The loss above which a prediction is an error."""
        self._bins: dict[str, tuple[list[float], list[float], list[float]]] = {}
        """Of each column the edges, and rows and errors between them."""
        self._told = ""
        """The column that told errors best when that was last said."""
        self.begun_anew = 0
        self.reason = ""
        """Why it last began anew."""

    @property
    def standing(self) -> Standing:
        """Its skill, in nats of log loss; `better` where it is beyond doubt."""
        now = self._comparison.standing
        return now._replace(difference=now.difference * _RANGE, low=now.low * _RANGE, high=now.high * _RANGE)

    def learn(self, x: Row, loss: float, time: int) -> Step | None:
        """Takes an outcome at a time: the row, and the loss; gives what has become clear."""
        self.n += 1
        if self.n <= WARMUP:
            self._first.append((x, loss))
            if self.n == WARMUP:
                self._begin()
            return None
        return self._take(x, loss > self.threshold, time)

    def splits(self, columns: Columns) -> list[Split]:
        """The splits of up to three features that tell most, best first; none while there is no skill beyond doubt."""
        if not self._comparison.standing.better:
            return []
        weights, found = self._logistic.weights, dict[str, tuple[float, Split]]()
        for column in sorted(self._bins):
            feature, category = columns.meaning(column)
            gain, above, high, low = self._best(column)
            if gain > found.get(feature, (0.0,))[0]:
                found[feature] = gain, Split(feature, category, above, high, low, weights.get(column, 0.0))
        return [split for _, split in sorted(found.values(), key=lambda pair: -pair[0])[:_TOP]]

    def state(self) -> dict[str, Any]:
        """Everything but level and task, as plain values."""
        from stream_monitor.models.encoding import encoded

        return {
            "logistic": encoded(self._logistic), "scale": encoded(self._scale), "rate": self._rate.state(),
            "comparison": self._comparison.state(), "n": self.n, "threshold": self.threshold,
            "first": [[list(x), list(x.values()), loss] for x, loss in self._first],
            "bins": [[name, *map(list, columns)] for name, columns in self._bins.items()], "told": self._told,
            "begun_anew": self.begun_anew, "reason": self.reason,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`; raises where it cannot be read, such as one of another version of river."""
        from stream_monitor.models.encoding import decoded

        self._logistic, self._scale = decoded(state["logistic"], self._logistic), decoded(state["scale"], self._scale)
        self._rate.restore(state["rate"])
        self._comparison.restore(state["comparison"])
        self.n, self.threshold, self._told = int(state["n"]), float(state["threshold"]), str(state["told"])
        self.begun_anew, self.reason = int(state["begun_anew"]), str(state["reason"])
        first = state["first"][:WARMUP]
        self._first = [(dict(zip(names, map(float, x), strict=True)), float(loss)) for names, x, loss in first]
        self._bins = {str(name): _bins(*columns) for name, *columns in state["bins"]}

    def _begin(self) -> None:
        """Makes bins of the first rows, and learns from them."""
        losses = sorted(loss for _, loss in self._first)
        self.threshold = losses[len(losses) * 3 // 4] if self._regression else 0.5
        columns: dict[str, list[float]] = {}
        for x, _ in self._first:
            for name, value in x.items():
                columns.setdefault(name, []).append(value)
        self._bins = {name: _binned(values) for name, values in columns.items()}
        first, self._first = self._first, []
        for x, loss in first:
            self._update(x, loss > self.threshold)

    def _take(self, x: Row, erred: bool, time: int) -> Step | None:
        mine = _log_loss(float(self._logistic.predict_proba_one(self._scale.of(x))[True]), erred)
        rate = _log_loss(self._rate.expected(), erred)
        turn = self._comparison.turn((rate - mine) / _RANGE, time)
        self._update(x, erred)
        if turn is None and self._comparison.standing.better and self.n % _FADE == 0 and self._leading() != self._told:
            turn = "moved"
        if turn is None:
            return None
        self._told = self._leading()
        return _STEPS[turn]

    def _update(self, x: Row, erred: bool) -> None:
        self._rate.learn(erred)
        self._scale.learn(x)
        self._logistic.learn_one(self._scale.of(x), erred)
        for name, value in x.items():
            if name in self._bins:
                edges, rows, errors = self._bins[name]
                i = bisect_left(edges, value)
                rows[i] += 1.0
                errors[i] += erred
        if self.n % _FADE == 0:
            self._bins = {
                name: (edges, [n / 2 for n in rows], [n / 2 for n in errors])
                for name, (edges, rows, errors) in self._bins.items()
            }

    def _leading(self) -> str:
        """The column of the best split."""
        return max(sorted(self._bins), key=lambda column: self._best(column)[0], default="")

    def _best(self, column: str) -> tuple[float, float, float, float]:
        """What the best split of a column explains of the variance of errors (0 if none stands out), where, and the rates."""
        edges, rows, errors = self._bins[column]
        n, wrong = sum(rows), sum(errors)
        least = _STANDS_OUT**2 * max(wrong / n * (1 - wrong / n), 1e-9)
        best, below, wrong_below = (0.0, math.nan, math.nan, math.nan), 0.0, 0.0
        for edge, more, more_wrong in zip(edges, rows, errors):
            below, wrong_below = below + more, wrong_below + more_wrong
            above = n - below
            if min(below, above) >= _SMALLEST:
                high, low = (wrong - wrong_below) / above, wrong_below / below
                gain = below * above * (high - low) ** 2 / n
                best = max(best, (gain, edge, high, low)) if gain > least else best
        return best


class _Rate:
    """The rate of errors as running means of three memories expect it together, each weighted by how well it has done."""

    def __init__(self) -> None:
        self._rates = [0.5] * len(_MEMORIES)
        self._shares = [1.0 / len(_MEMORIES)] * len(_MEMORIES)
        self._n = 0

    def expected(self) -> float:
        return sum(share * rate for share, rate in zip(self._shares, self._rates))

    def learn(self, erred: bool) -> None:
        likely = [share * (rate if erred else 1 - rate) for share, rate in zip(self._shares, self._rates)]
        total = sum(likely)
        self._shares = [(1 - _SHARING) * each / total + _SHARING / len(likely) for each in likely]
        for i, memory in enumerate(_MEMORIES):
            # Half an error and half none come before the first row, so that no rate is ever 0 or 1.
            self._rates[i] += (erred - self._rates[i]) / (min(self._n, memory) + 2.0)
        self._n += 1

    def state(self) -> list[Any]:
        return [self._n, list(self._rates), list(self._shares)]

    def restore(self, state: list[Any]) -> None:
        n, rates, shares = state
        if len(rates) != len(_MEMORIES) or len(shares) != len(_MEMORIES):
            raise ValueError(f"{len(rates)} rates")
        self._n, self._rates, self._shares = int(n), list(map(float, rates)), list(map(float, shares))


_MEMORIES = (100.0, 1_000.0, math.inf)


def _binned(values: list[float]) -> tuple[list[float], list[float], list[float]]:
    """Edges at quantiles of some values, each once and none at the largest; a value belongs to the first edge not below it."""
    ordered = sorted(values)
    edges = sorted({ordered[len(ordered) * i // _BINS] for i in range(1, _BINS)} - {ordered[-1]})
    return edges, [0.0] * (len(edges) + 1), [0.0] * (len(edges) + 1)


def _bins(edges: list[Any], rows: list[Any], errors: list[Any]) -> tuple[list[float], list[float], list[float]]:
    """Bins of a state; raises ValueError where they are none."""
    if not (len(edges) < _BINS and len(rows) == len(errors) == len(edges) + 1 and sum(rows) > 0):
        raise ValueError(f"bins of {len(edges)} edges, {len(rows)} and {len(errors)} counts")
    return list(map(float, edges)), list(map(float, rows)), list(map(float, errors))


def _log_loss(expected: float, erred: bool) -> float:
    sure = min(max(expected, _SURE), 1 - _SURE)
    return -math.log(sure if erred else 1 - sure)
