"""Where a model errs: which features tell, and at which values, once it is beyond doubt that they do."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate, combinations
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from stream_monitor.models.columns import MISSING, Columns
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
_AGAIN = 128
"""Outcomes after which the logistic regression gets the splits anew that it sees."""
_STANDS_OUT = 4.0
"""Standard errors by which the rates on both sides of a split must differ, and by which a band must tell more than a side."""
_SMALLEST = 30.0
_SHARING = 0.001
_STEPS: dict[Turn, Step] = {"better": "errs", "moved": "still_errs", "no_longer": "no_longer_errs"}


class Split(NamedTuple):
    """The values of a feature that tell errors best: those above one, or a band of them."""

    feature: str
    category: float | None
    """The category that it is about; then the split is 0, and rows above it are of that category."""
    above: float
    up_to: float | None
    """The largest value of the band that is meant; None where it is all values above."""
    rate_above: float
    rate_below: float
    """The shares of errors among recent rows with these values, and among all others."""
    weight: float
    """In the logistic regression, per standard deviation; its sign is the direction where a line tells most of it."""
    missing: bool = False
    """Whether it is about rows without the feature; then the split is 0, and they are above it."""

    @property
    def grow(self) -> bool:
        """Whether errors are more often above, or within the band."""
        return self.rate_above > self.rate_below


class _Telling(NamedTuple):
    """What a split of a column tells."""

    gain: float
    """How much of the variance of errors it explains; 0 if none stands out."""
    above: float = math.nan
    up_to: float | None = None
    rate_above: float = math.nan
    rate_below: float = math.nan
    share: float = math.nan
    """Of rows that are above, or within the band."""

    def sees(self, value: float) -> float:
        """A value as a column of mean 0 and standard deviation 1, larger where there are more errors."""
        inside = value > self.above and (self.up_to is None or value <= self.up_to)
        side = (inside - self.share) / math.sqrt(self.share * (1 - self.share))
        return side if self.rate_above > self.rate_below else -side


class ErrorModel:
    """Logistic regression of errors on scaled columns and on what splits of single ones tell, learnt prequentially.

    A line does not see errors at both ends of a feature, or in the middle of it.  So up to three numbers that tell most by a
    split, a side or a band of values, are seen once more, each as whether it is within; they are chosen anew after every 128
    outcomes.  What only several features tell together is not seen.

    Its skill is the mean log loss of the rate of errors less its own, within the bounds of a `Comparison`.  That rate is what
    three running rates, of different memories, say together, as good as the best of them (Herbster and Warmuth 1998), so
    that errors that merely become more give no skill.  In regression an error is one that is larger than three quarters of
    those among the first 500.  Splits are between 16 quantiles of those 500 rows, and at 0 of columns that come later; their
    counts fade over 5,000 rows.
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
        self._seen: dict[str, _Telling] = {}
        """The splits that the logistic regression sees."""
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
            gain, above, up_to, high, low, _ = self._best(column)
            if gain > found.get(feature, (0.0,))[0]:
                weight, missing = weights.get(column, 0.0), column.startswith(MISSING)
                found[feature] = gain, Split(feature, category, above, up_to, high, low, weight, missing)
        return [split for _, split in sorted(found.values(), key=lambda pair: -pair[0])[:_TOP]]

    def state(self) -> dict[str, Any]:
        """Everything but level and task, as plain values."""
        from stream_monitor.models.encoding import encoded

        return {
            "logistic": encoded(self._logistic), "scale": encoded(self._scale), "rate": self._rate.state(),
            "comparison": self._comparison.state(), "n": self.n, "threshold": self.threshold,
            "first": [[list(x), list(x.values()), loss] for x, loss in self._first],
            "bins": [[name, *map(list, columns)] for name, columns in self._bins.items()], "told": self._told,
            "seen": [[name, *split] for name, split in self._seen.items()],
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
        self._seen = {str(name): _Telling(*split) for name, *split in state["seen"][:_TOP]}

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
        self._see()

    def _take(self, x: Row, erred: bool, time: int) -> Step | None:
        mine = _log_loss(float(self._logistic.predict_proba_one(self._inputs(x))[True]), erred)
        rate = _log_loss(self._rate.expected(), erred)
        turn = self._comparison.turn((rate - mine) / _RANGE, time)
        self._update(x, erred)
        if self.n % _AGAIN == 0:
            self._see()
        if turn is None and self._comparison.standing.better and self.n % _FADE == 0 and self._leading() != self._told:
            turn = "moved"
        if turn is None:
            return None
        self._told = self._leading()
        return _STEPS[turn]

    def _update(self, x: Row, erred: bool) -> None:
        self._rate.learn(erred)
        self._scale.learn(x)
        self._logistic.learn_one(self._inputs(x), erred)
        for name, value in x.items():
            edges, rows, errors = self._bins.setdefault(name, ([0.0], [0.0] * 2, [0.0] * 2))
            i = bisect_left(edges, value)
            rows[i] += 1.0
            errors[i] += erred
        if self.n % _FADE == 0:
            self._bins = {
                name: (edges, [n / 2 for n in rows], [n / 2 for n in errors])
                for name, (edges, rows, errors) in self._bins.items()
            }

    def _inputs(self, x: Row) -> Row:
        """A row as the logistic regression sees it."""
        inputs = self._scale.of(x)
        for column, split in self._seen.items():
            if column in x:
                inputs[_SPLIT + column] = split.sees(x[column])
        return inputs

    def _see(self) -> None:
        """Chooses the splits to see; a column of two values needs none."""
        splits = [(column, self._best(column)) for column, (edges, _, _) in sorted(self._bins.items()) if len(edges) > 1]
        telling = sorted((pair for pair in splits if pair[1].gain), key=lambda pair: -pair[1].gain)
        self._seen = dict(telling[:_TOP])

    def _leading(self) -> str:
        """The column of the best split."""
        return max(sorted(self._bins), key=lambda column: self._best(column).gain, default="")

    def _best(self, column: str) -> _Telling:
        """The split of a column that explains most of the variance of errors: a side, or a band that tells clearly more."""
        edges, rows, errors = self._bins[column]
        n, wrong = sum(rows), sum(errors)
        rate = wrong / max(n, 1.0)
        least = _STANDS_OUT**2 * max(rate * (1 - rate), 1e-9)
        below = [*zip(edges, accumulate(rows), accumulate(errors))]
        sides = ((_gain(n, wrong, n - m, wrong - e), edge, None, n - m, wrong - e) for edge, m, e in below)
        bands = (
            (_gain(n, wrong, more - m, worse - e), low, high, more - m, worse - e)
            for (low, m, e), (high, more, worse) in combinations(below, 2)
        )
        side, band = max(sides, key=itemgetter(0), default=_NONE), max(bands, key=itemgetter(0), default=_NONE)
        gain, above, up_to, within, erred = band if band[0] > side[0] + least else side
        if gain <= least:
            return _Telling(0.0)
        return _Telling(gain, above, up_to, erred / within, (wrong - erred) / (n - within), within / n)


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


_NONE = (0.0, math.nan, None, math.nan, math.nan)
_MEMORIES = (100.0, 1_000.0, math.inf)
_SPLIT = "\x01split "
"""What inputs that are splits are called by, before the name of their column."""


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


def _gain(n: float, wrong: float, within: float, erred: float) -> float:
    """What a split explains by the rows and errors of all and within; 0 where rows are few on a side."""
    others = n - within
    return (erred * n - wrong * within) ** 2 / (n * within * others) if within >= _SMALLEST <= others else 0.0


def _log_loss(expected: float, erred: bool) -> float:
    sure = min(max(expected, _SURE), 1 - _SURE)
    return -math.log(sure if erred else 1 - sure)
