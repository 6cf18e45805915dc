"""A model that learns from the labels of the one in production, and is compared with it on the same rows."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from stream_monitor.models import catalogue, failure
from stream_monitor.models.amounts import Amounts
from stream_monitor.models.catalogue import Parameters
from stream_monitor.models.comparison import LOOK, NOTHING, Comparison, Standing, Turn
from stream_monitor.models.learners import Learner, Row, learner

Step = Literal["better", "still_better", "no_longer_better", "begun_anew", "set_aside"]

WARMUP = 200
"""Outcomes that are learnt from before any is compared."""
VALUES = 200_000
"""Values that a model may consist of, some 1.5 MB; one that has more begins anew."""
WEIGHED_EVERY = 16_384
"""Outcomes after which it is seen how large a model is, which for large trees takes some 0.1 s."""
_STEPS: dict[Turn, Step] = {"better": "better", "moved": "still_better", "no_longer": "no_longer_better"}
_TRIES = 3
"""How often a model may raise."""
_LARGEST = 1e100
"""The largest error of a challenger that is added up."""


class Cut(NamedTuple):
    """What a challenger of a regression is judged by: errors above a bound count as that."""

    at: float
    rows: int
    """In which one of both errors was above it."""
    difference: float
    low: float
    high: float


class Challenger:
    """Prequential: of each outcome it is first asked what it expects, then compared, and only then told.

    An outcome comes when its label does.  By then the challenger has learnt from labels that came since the prediction was
    made, which the model in production did not know; where labels are late and the world changes, that flatters it.  An
    answer that is missing is an error.  After 200 outcomes the comparison begins: of errors, 0 or 1; in regression of
    absolute errors up to a bound, beyond which they count as that: three times the 95th percentile of the production model's
    errors among those 200.  That is what it is judged by; what errors amount to is said in full, and an answer that is
    missing is as large an error as the bound.
    """

    def __init__(self, name: str, parameters: Parameters, level: float) -> None:
        self.name, self._parameters = name, parameters
        self._regression = catalogue.ENTRIES[name].task == "regression"
        self._learner: Learner | None = learner(name, parameters)
        self._comparison, self._amounts = Comparison(level), Amounts()
        self.n = 0
        self._losses: list[float] = []
        self.bound = 1.0
        self.loss = self.production = 0.0
        """Sums of losses since the comparison began, in full."""
        self.begun_anew = self.failures = 0
        self.reason = ""
        """Why it last began anew, or was set aside."""

    @property
    def standing(self) -> Standing:
        """What can be said of it now: differences are production's loss less its own, in full."""
        now, start = self._judged, self._start
        sums = self._amounts.of(start)
        if not sums.cut:
            return now
        difference, low, high = sums.interval(now.n, self._comparison.level(start))
        return now._replace(difference=difference, low=low, high=high)

    @property
    def cut(self) -> Cut | None:
        """What it is judged by, over the same rows; None of one that is not of a regression, or not yet judged."""
        now = self._judged
        if not self._regression or not now.n:
            return None
        return Cut(self.bound, self._amounts.of(self._start).cut, now.difference, now.low, now.high)

    def learn(self, x: Row, y: float, loss: float, time: int) -> Step | None:
        """Takes an outcome at a time: the row, what came, and production's loss; gives what has become of the challenger."""
        if self._learner is None:
            return None
        try:
            guess = self._learner.predict(x)
            self._learner.learn(x, y)
        except BaseException as error:
            if not failure.of_model(error):
                raise
            return self._fail(error)
        self.n += 1
        step = self._compare(self._loss(guess, y), loss, time)
        if self.n % WEIGHED_EVERY == 0 and self._too_large():
            return self._begin_anew(f"it had more than {VALUES:,} values")
        return step

    def summary(self) -> dict[str, Any]:
        """How it stands, as plain values."""
        compared, cut = self._comparison.n, self.cut
        return {
            "challenger": self.name, "outcomes": self.n, "compared": compared,
            "loss": self.loss / compared if compared else None, "production": self.production / compared if compared else None,
            **_finite(self.standing), "cut": None if cut is None else cut._asdict(),
            "begun_anew": self.begun_anew, "set_aside": self._learner is None, "reason": self.reason,
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Everything but parameters and level, as plain values."""
        from stream_monitor.models.encoding import encoded

        return {
            "model": None if self._learner is None else encoded(self._learner), "comparison": self._comparison.state(),
            "amounts": self._amounts.state(),
            "n": self.n, "losses": list(self._losses), "bound": self.bound, "loss": self.loss, "production": self.production,
            "begun_anew": self.begun_anew, "failures": self.failures, "reason": self.reason,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> Step | None:
        """Goes on from a `state()`; a model that cannot be read begins anew, which is given.  Raises where nothing can be."""
        from stream_monitor.models.encoding import decoded

        self._comparison.restore(state["comparison"])
        self._amounts.restore(state["amounts"])
        self._losses = [float(loss) for loss in state["losses"][:WARMUP]]
        self.bound, self.loss, self.production = (float(state[key]) for key in ("bound", "loss", "production"))
        self.n, self.begun_anew, self.failures = (int(state[key]) for key in ("n", "begun_anew", "failures"))
        self.reason = str(state["reason"])
        try:
            self._learner = None if state["model"] is None else decoded(state["model"], self._learner)
        except failure.Unreadable as error:
            return self._begin_anew(failure.reason(error))
        return None

    @property
    def _judged(self) -> Standing:
        """What the comparison says, in the unit of the loss."""
        now = self._comparison.standing
        return now._replace(difference=now.difference * self.bound, low=now.low * self.bound, high=now.high * self.bound)

    @property
    def _start(self) -> int:
        """The row of the comparison at which began what it says."""
        return self._comparison.n // LOOK * LOOK - self._comparison.standing.n

    def _loss(self, guess: float | None, y: float) -> float:
        if not self._regression:
            return 0.0 if guess == y else 1.0
        error = math.inf if guess is None else abs(guess - y)
        return math.inf if math.isnan(error) else error

    def _compare(self, mine: float, theirs: float, time: int) -> Step | None:
        if self.n <= WARMUP:
            self._losses.append(theirs)
            if self.n == WARMUP:
                self.bound, self._losses = _bound(self._losses) if self._regression else 1.0, []
            return None
        mine = min(mine, _LARGEST) if math.isfinite(mine) else self.bound
        self.loss += mine
        self.production += theirs
        self._amounts.add(theirs - mine, max(mine, theirs) > self.bound)
        turn = self._comparison.turn((min(theirs, self.bound) - min(mine, self.bound)) / self.bound, time)
        if self._comparison.n % LOOK == 0:
            self._amounts.settle(self._comparison.starts)
        return None if turn is None else _STEPS[turn]

    def _fail(self, error: BaseException) -> Step:
        self.failures += 1
        reason = failure.reason(error)
        if self.failures < _TRIES:
            return self._begin_anew(reason)
        self._learner, self.reason = None, reason
        self._comparison.standing = NOTHING
        return "set_aside"

    def _begin_anew(self, reason: str) -> Step:
        """Forgets what was learnt, but not how it stood: what becomes of it counts."""
        self._learner, self.reason = learner(self.name, self._parameters), reason
        self.begun_anew += 1
        return "begun_anew"

    def _too_large(self) -> bool:
        from stream_monitor.models.encoding import TooLarge, encoded

        try:
            encoded(self._learner, VALUES)
        except TooLarge:
            return True
        return False


def _bound(losses: list[float]) -> float:
    """Three times the 95th percentile, so that few errors are beyond it."""
    ordered = sorted(losses)
    return 3.0 * ordered[len(ordered) * 95 // 100] or 3.0 * ordered[-1] or 1.0


def _finite(standing: Standing) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in standing._asdict().items()}
