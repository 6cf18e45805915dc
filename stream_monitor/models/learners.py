"""Models that learn row by row, behind one small contract.  river is imported when the first one is made, not before."""

from __future__ import annotations

from typing import Any, Protocol

from stream_monitor.models import catalogue
from stream_monitor.models.catalogue import Parameters

Row = dict[str, float]
"""The columns of a row that are there, always in the same order; see `Columns`."""
_FAR = 8.0
"""Standard deviations beyond which a scaled value is no further away."""

_SOME = 30
"""Values from which on it is known how far a target spreads, so that one that is further away counts as near."""


class Learner(Protocol):
    """Predicts and learns; a class is its number, from 0 on in the order in which classes came."""

    def predict(self, x: Row) -> float | None:
        """What it expects of a row; None while it has no opinion."""

    def learn(self, x: Row, y: float) -> None:
        """Takes what came of it."""


def learner(name: str, given: Parameters) -> Learner:
    """A model of the catalogue that knows nothing yet; raises ValueError as `catalogue.checked` does."""
    parameters = catalogue.checked(name, given)
    from stream_monitor.models import river_models

    model = river_models.MODELS[name](**parameters)
    if name == "mean":
        return Mean(model)
    if catalogue.ENTRIES[name].task == "regression":
        return Regressor(model, river_models.variance())
    return Classifier(model, Scale() if name == "logistic" else None)


class Scale:
    """Columns less their means, in standard deviations, at most 8 of them (Welford 1962)."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, float, float]] = {}
        """Number, mean and squared deviations of each column."""

    def learn(self, x: Row) -> None:
        """Takes a row."""
        for name, value in x.items():
            n, mean, spread = self.known.get(name, (0, 0.0, 0.0))
            moved = mean + (value - mean) / (n + 1)
            self.known[name] = (n + 1, moved, spread + (value - mean) * (value - moved))

    def of(self, x: Row) -> Row:
        """A row, scaled; columns that have not varied are 0."""
        scaled: Row = {}
        for name, value in x.items():
            n, mean, spread = self.known.get(name, (0, 0.0, 0.0))
            scaled[name] = _near((value - mean) / (spread / n) ** 0.5) if spread > 0 else 0.0
        return scaled


class Classifier:
    """A classifier of river, on scaled columns where it needs them."""

    def __init__(self, model: Any, scale: Scale | None) -> None:
        self.model, self.scale = model, scale

    def predict(self, x: Row) -> float | None:
        """The likeliest class; of those that are alike, the one that came first."""
        votes = _votes(self.model, x if self.scale is None else self.scale.of(x))
        return max(sorted(votes), key=votes.__getitem__) if votes else None

    def learn(self, x: Row, y: float) -> None:
        """Takes the class that came."""
        if self.scale is not None:
            self.scale.learn(x)
            x = self.scale.of(x)
        self.model.learn_one(x, int(y))


class Regressor:
    """A regressor of river, on scaled columns and a scaled target: units do not matter, and outliers do not unsettle it."""

    def __init__(self, model: Any, target: Any) -> None:
        self.model, self.scale, self.target = model, Scale(), target

    def predict(self, x: Row) -> float | None:
        """The expected value; None before the second row."""
        if self.target.mean.n < 2:
            return None
        return float(self.target.mean.get() + self._unit() * self.model.predict_one(self.scale.of(x)))

    def learn(self, x: Row, y: float) -> None:
        """Takes the value that came."""
        self.scale.learn(x)
        mean = self.target.mean.get()
        away = (y - mean) / self._unit()
        self.target.update(y if self.target.mean.n < _SOME else mean + _near(away) * self._unit())
        self.model.learn_one(self.scale.of(x), _near((y - self.target.mean.get()) / self._unit()))

    def _unit(self) -> float:
        return float(self.target.get()) ** 0.5 or 1.0


class Mean:
    """The mean of what came."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, x: Row) -> float | None:
        """The mean so far."""
        return float(self.model.get()) if self.model.n else None

    def learn(self, x: Row, y: float) -> None:
        """Takes the value that came."""
        self.model.update(y)


def _votes(model: Any, x: Row) -> dict[int, float]:
    votes = getattr(model, "joint_log_likelihood", None) or model.predict_proba_one
    return votes(x) or {}


def _near(value: float) -> float:
    return min(max(value, -_FAR), _FAR)
