"""Outcomes to measure: of real models on real data, and drawn ones whose truth is known."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from functools import cache
from io import TextIOWrapper
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

from consumers.demo.events import DATA
from stream_monitor.metrics.judged import Floats, Ints, Judged
from stream_monitor.metrics.reading import Readings

Numbers = npt.NDArray[np.floating[Any] | np.integer[Any] | np.bool_]
Which = Ints | slice | npt.NDArray[np.bool_]


class Task(Protocol):
    """What all kinds of metrics have in common."""

    @property
    def width(self) -> int:
        """Numbers in a row of sums."""

    def add(self, sums: Floats, cell: Ints, rows: Judged) -> None:
        """Adds rows to sums."""

    def read(self, sums: Floats) -> Readings:
        """All metrics."""


def judged(
    predicted: Numbers,
    actual: Numbers,
    score: Floats | None = None,
    scores: Floats | None = None,
    weight: Floats | None = None,
    sign: float = 1.0,
) -> Judged:
    """Rows with what is not given missing, and of weight 1."""
    n = len(predicted)
    return Judged(
        predicted.astype(float),
        actual.astype(float),
        np.full(n, np.nan) if score is None else score,
        np.empty((n, 0)) if scores is None else scores,
        np.ones(n) if weight is None else weight,
        np.full(n, sign),
    )


def assert_equal_and_inside(readings: Readings, expected: dict[str, float], rel: float) -> None:
    """The values are the expected ones, and each lies within its interval."""
    assert {name: reading.value for name, reading in readings.items()} == pytest.approx(expected, rel=rel)
    for name, (value, _, low, high) in readings.items():
        assert value is not None
        assert low is not None
        assert high is not None
        assert low <= value <= high, name


def summed(task: Task, rows: Judged) -> Floats:
    """The sums of all rows, float64[width]."""
    sums = np.zeros((1, task.width))
    task.add(sums, np.zeros(len(rows.weight), np.int64), rows)
    row: Floats = sums[0]
    return row


def picked(rows: Judged, which: Which) -> Judged:
    """Some of the rows."""
    return Judged(*(column[which] for column in rows))


@cache
def loans() -> Judged:
    """Each tenth outcome of the demo's loan model."""
    with gzip.open(DATA / "car_loan.csv.gz") as packed, TextIOWrapper(packed, "utf-8", newline="") as text:
        rows = [
            (float(row["y_pred"]), float(row["repaid"]), float(row["y_pred_proba"]))
            for number, row in enumerate(csv.DictReader(text))
            if number % 10 == 0
        ]
    predicted, actual, score = np.array(rows).T
    return judged(predicted, actual, score)


@cache
def digits() -> Judged:
    """A naive Bayes model that reads handwritten digits, trained on a third of them."""
    pixels, digit = load_digits(return_X_y=True)
    model = GaussianNB(var_smoothing=0.1).fit(pixels[::3], digit[::3])
    rest = np.arange(len(digit)) % 3 > 0
    scores = np.ascontiguousarray(model.predict_proba(pixels[rest]))
    return judged(scores.argmax(1), digit[rest], scores=scores)


@cache
def diabetes() -> Judged:
    """A linear model of how diabetes goes on, trained on half of the patients."""
    features, worse = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(features[::2], worse[::2])
    return judged(model.predict(features[1::2]), worse[1::2])


def weighted(rows: Judged, seed: int = 3) -> Judged:
    """The same rows with weights, which have the precision of a float32."""
    return rows._replace(weight=np.random.default_rng(seed).integers(1, 64, len(rows.weight)) / 16.0)


def drawn_binary(rng: np.random.Generator, n: int) -> Judged:
    """Three in ten are positive; the scores are the true probabilities, 2 log odds apart on average."""
    positive = rng.random(n) < 0.3
    signal = rng.normal(np.where(positive, 1.0, -1.0))
    score: Floats = 1 / (1 + np.exp(-2 * signal - np.log(3 / 7)))
    return judged(score > 0.5, positive, score)


def drawn_classes(rng: np.random.Generator, n: int) -> Judged:
    """Five classes, from 40% to 5% of the rows; the scores are near the true probabilities."""
    rates = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    actual = rng.choice(5, n, p=rates)
    odds = rng.normal(size=(n, 5)) + np.log(rates)
    odds[np.arange(n), actual] += 1.5
    scores = np.exp(odds) / np.exp(odds).sum(1, keepdims=True)
    return judged(scores.argmax(1), actual, scores=scores)


def drawn_numbers(rng: np.random.Generator, n: int) -> Judged:
    """Numbers around 10, predicted .3 too high on average."""
    actual = 10 + 3 * np.clip(rng.normal(size=n), -2.5, 2.5)
    return judged(actual + 0.3 + rng.standard_t(8, size=n), actual)


def cuts(rng: np.random.Generator, n: int) -> Iterator[slice]:
    """Pieces of n rows, some of them single ones."""
    ends = np.unique(np.concatenate((rng.integers(0, n, 20), np.arange(min(n, 7)), [n])))
    yield from (slice(start, end) for start, end in zip([0, *ends.tolist()], ends.tolist(), strict=False))
