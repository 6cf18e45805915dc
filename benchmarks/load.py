"""The events that benchmarks are run on: predictions with 20 numeric features, labels for 30% of them, always the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FEATURES = 20
LABELLED = 0.3
RATE = 1_000
"""Predictions a second, by their own times."""
START = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, where the time does not matter."""
_ERRORS = 0.1, 0.2
"""The share of wrong predictions before and after two thirds of the stream."""
_DRIFTING = 2
"""Features that drift from there on, unless said otherwise."""
_NAMES = [f"f_{number:02d}" for number in range(FEATURES)]


class Event(NamedTuple):
    """A record of an input topic."""

    time: int
    """Epoch microseconds."""
    model: int
    value: bytes


class Load(NamedTuple):
    """What is to be read."""

    predictions: list[Event]
    labels: list[Event]
    """In order of time, as the predictions are."""

    @property
    def events(self) -> int:
        return len(self.predictions) + len(self.labels)

    @property
    def size(self) -> float:
        """Bytes of a prediction, on average."""
        return sum(len(event.value) for event in self.predictions) / len(self.predictions)


def make(
    predictions: int,
    start: int,
    models: int = 1,
    *,
    labelled: float = LABELLED,
    rate: float = RATE,
    delay: float = 30.0,
    shift: Floats | None = None,
    first: int = 0,
    segments: int = 0,
) -> Load:
    """Predictions that begin at `start`, epoch microseconds, taking turns among the models, and their labels.

    The number of the `first` one is in its id; `rate` is predictions a second, `delay` the mean seconds from a prediction
    to its label, `shift`, float64[n, features], how much higher features are than standard normal, `segments` how many
    regions the predictions are of.
    """
    rng = np.random.default_rng(7)
    times = start + (np.arange(predictions) * (1e6 / rate)).astype(np.int64)
    late = 3 * np.arange(predictions) >= 2 * predictions
    if shift is None:
        shift = np.where(late[:, None] & (np.arange(FEATURES) < _DRIFTING), 1.0, 0.0)
    positive = rng.random(predictions) < 0.5
    wrong = rng.random(predictions) < np.where(late, _ERRORS[1], _ERRORS[0])
    known = times + (rng.exponential(delay, predictions) * 1e6).astype(np.int64)
    chosen = np.flatnonzero(rng.random(predictions) < labelled)
    chosen = chosen[np.argsort(known[chosen], kind="stable")]
    truth = (positive ^ wrong)[chosen].tolist()
    return Load(
        _predictions(rng, times, positive, shift, models, first, segments),
        _labels((chosen + first).tolist(), known[chosen].tolist(), truth, models),
    )


def _predictions(
    rng: np.random.Generator, times: Ints, positive: Mask, shift: Floats, models: int, first: int, segments: int
) -> list[Event]:
    """JSON as json.dumps would write it without spaces."""
    events = []
    for begin in range(0, len(times), 10_000):
        part = slice(begin, begin + 10_000)
        features = (rng.normal(size=shift[part].shape) + shift[part]).round(6)
        scores = np.clip(np.where(positive[part], 0.8, 0.2) + rng.normal(0, 0.08, len(features)), 0, 1).round(4)
        rows = zip(times[part].tolist(), positive[part].tolist(), scores.tolist(), features.tolist())
        for number, (time, one, score, values) in enumerate(rows, first + begin):
            region = f'"segments":{{"region":"r{number % segments}"}},' if segments else ""
            columns = ",".join([f'"{name}":{value!r}' for name, value in zip(_NAMES, values)])
            value = (
                f'{{"prediction_id":"p{number:07d}","model":"m{number % models:04d}","version":"1","time":{time},'
                f'"prediction":{one:d},"score":{score!r},{region}"features":{{{columns}}}}}'
            )
            events.append(Event(time, number % models, value.encode()))
    return events


def _labels(numbers: list[int], times: list[int], truth: list[bool], models: int) -> list[Event]:
    return [
        Event(
            time,
            number % models,
            f'{{"prediction_id":"p{number:07d}","model":"m{number % models:04d}","time":{time},"label":{label:d}}}'.encode(),
        )
        for number, time, label in zip(numbers, times, truth)
    ]
