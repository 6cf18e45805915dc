"""Outcomes for models to learn from: the demo's loans, and small streams with known answers."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from consumers.demo.events import DATA
from stream_monitor.models.models import Found, Models

Floats = npt.NDArray[np.float64]
_NUMBERS = ("car_value", "debt_to_income_ratio", "loan_length", "driver_tenure")
_TEXTS = ("salary_range", "size_of_downpayment", "repaid_loan_on_prev_car")


class Stream(NamedTuple):
    """What `Models.learn` takes."""

    names: tuple[str, ...]
    features: Floats
    predicted: Floats
    actual: Floats
    loss: Floats
    ids: npt.NDArray[np.uint64]
    times: npt.NDArray[np.int64]
    texts: tuple[str, ...]

    def part(self, start: int, stop: int) -> Stream:
        """Some of the rows."""
        return Stream._make((self.names, *(column[start:stop] for column in self[1:7]), self.texts))


def stream(names: tuple[str, ...], features: Floats, predicted: Floats, actual: Floats, texts: tuple[str, ...] = ()) -> Stream:
    """Outcomes a second apart; the loss is the absolute error, which of 0 and 1 is whether they differ."""
    n = len(features)
    ids = np.random.default_rng(9).integers(0, 2**64, (n, 2), np.uint64)
    return Stream(names, features, predicted, actual, np.abs(predicted - actual), ids, np.arange(n) * 1_000_000, texts)


@cache
def loans(rows: int) -> Stream:
    """The first of the demo's predictions, with their labels."""
    with gzip.open(DATA / "car_loan.csv.gz", "rt", encoding="utf-8", newline="") as text:
        read = [row for row, _ in zip(csv.DictReader(text), range(rows))]
    words: dict[str, dict[str, int]] = {name: {} for name in _TEXTS}
    numbers = [[float(row[name]) for name in _NUMBERS] for row in read]
    codes = [[words[name].setdefault(row[name], len(words[name])) for name in _TEXTS] for row in read]
    predicted, actual = (np.array([float(row[name]) for row in read]) for name in ("y_pred", "repaid"))
    return stream((*_NUMBERS, *_TEXTS), np.column_stack((numbers, codes)), predicted, actual, _TEXTS)


def turning(n: int, turn: int, seed: int = 3) -> Stream:
    """The answer is whether `a` > 0; from a row on it is whether `b` > 0, which the model in production does not know."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 3))
    answer = (features[:, 0] > 0).astype(np.float64)
    predicted = answer.copy()
    answer[turn:] = features[turn:, 1] > 0
    flipped = rng.random(n) < 0.05
    return stream(("a", "b", "c"), features, predicted, np.where(flipped, 1 - answer, answer))


def fed(models: Models, some: Stream) -> list[Found]:
    """What the models find in a stream, by row of it."""
    return models.learn(*some)


def in_parts(models: Models, some: Stream, cuts: list[int], again: Any) -> tuple[Models, list[Found]]:
    """The same in parts, each by models that are restored from a state."""
    found: list[Found] = []
    for start, stop in zip([0, *cuts], [*cuts, len(some.features)]):
        state = models.state()
        models = again()
        models.restore(state)
        found += [each._replace(row=each.row + start) for each in fed(models, some.part(start, stop))]
    return models, found
