"""The events that benchmarks are run on: predictions with 20 numeric features, labels for 30% of them, always the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FEATURES = 20
LABELLED = 0.3
RATE = 1_000
"""Predictions a second, by their own times."""
_DELAY = 30.0
"""Mean seconds from a prediction to its label."""
_ERRORS = 0.1, 0.2
"""The share of wrong predictions before and after two thirds of the stream, where two features drift as well."""
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


def make(predictions: int, start: int, models: int = 1, labelled: float = LABELLED, rate: int = RATE) -> Load:
    """Predictions that begin at `start`, epoch microseconds, taking turns among the models, and their labels."""
    rng = np.random.default_rng(7)
    times = start + (np.arange(predictions) * (1e6 / rate)).astype(np.int64)
    late = 3 * np.arange(predictions) >= 2 * predictions
    positive = rng.random(predictions) < 0.5
    wrong = rng.random(predictions) < np.where(late, _ERRORS[1], _ERRORS[0])
    return Load(_predictions(rng, times, late, positive, models), _labels(rng, times, positive ^ wrong, models, labelled))


def _predictions(
    rng: np.random.Generator,
    times: np.ndarray[tuple[int], np.dtype[np.int64]],
    late: np.ndarray[tuple[int], np.dtype[np.bool_]],
    positive: np.ndarray[tuple[int], np.dtype[np.bool_]],
    models: int,
) -> list[Event]:
    """JSON as json.dumps would write it without spaces."""
    events = []
    for first in range(0, len(times), 10_000):
        part = slice(first, first + 10_000)
        features = rng.normal(size=(len(times[part]), FEATURES)).round(6)
        features[:, :2] += late[part, None]
        scores = np.clip(np.where(positive[part], 0.8, 0.2) + rng.normal(0, 0.08, len(features)), 0, 1).round(4)
        rows = zip(times[part].tolist(), positive[part].tolist(), scores.tolist(), features.tolist())
        for number, (time, one, score, values) in enumerate(rows, first):
            columns = ",".join([f'"{name}":{value!r}' for name, value in zip(_NAMES, values)])
            value = (
                f'{{"prediction_id":"p{number:07d}","model":"m{number % models:04d}","version":"1","time":{time},'
                f'"prediction":{one:d},"score":{score!r},"features":{{{columns}}}}}'
            )
            events.append(Event(time, number % models, value.encode()))
    return events


def _labels(
    rng: np.random.Generator,
    times: np.ndarray[tuple[int], np.dtype[np.int64]],
    truth: np.ndarray[tuple[int], np.dtype[np.bool_]],
    models: int,
    labelled: float,
) -> list[Event]:
    chosen = np.flatnonzero(rng.random(len(times)) < labelled)
    known = times[chosen] + (rng.exponential(_DELAY, len(chosen)) * 1e6).astype(np.int64)
    order = np.argsort(known, kind="stable")
    return [
        Event(
            time,
            number % models,
            f'{{"prediction_id":"p{number:07d}","model":"m{number % models:04d}","time":{time},"label":{label:d}}}'.encode(),
        )
        for number, time, label in zip(chosen[order].tolist(), known[order].tolist(), truth[chosen[order]].tolist())
    ]
