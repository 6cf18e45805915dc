"""Intervals hold the truth as often as they say, of samples with unequal weights too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stream_monitor.metrics.binary import Binary, Costs
from stream_monitor.metrics.intervals import share, student, wilson
from stream_monitor.metrics.judged import Floats, Judged
from stream_monitor.metrics.multiclass import Multiclass
from stream_monitor.metrics.reading import Readings
from stream_monitor.metrics.regression import Regression

from .outcomes import Task, drawn_binary, drawn_classes, drawn_numbers, picked, summed

SAMPLES = 600
CONSERVATIVE = {"ece"}
Draw = Callable[[np.random.Generator, int], Judged]

TASKS = pytest.mark.parametrize(
    ("task", "draw"),
    [
        (Binary(Costs(-5.0, 1.0, 10.0, 0.0)), drawn_binary),
        (Multiclass(5, 2), drawn_classes),
        (Regression(9.0), drawn_numbers),
    ],
    ids=["binary", "multiclass", "regression"],
)


def reviewed(rng: np.random.Generator, rows: Judged) -> Judged:
    """A sample in which the rows most likely to be wrong are ten times as likely as the others."""
    if rows.scores.shape[1]:
        doubtful = rows.scores.max(1) < 0.6
    elif np.isfinite(rows.score).all():
        doubtful = np.abs(rows.score - 0.5) < 0.3
    else:
        doubtful = np.abs(rows.predicted - 10) > 3
    probability = np.where(doubtful, 1.0, 0.1)
    return picked(rows._replace(weight=1 / probability), rng.random(len(probability)) < probability)


def samples(task: Task, draw: Callable[[np.random.Generator], Judged]) -> list[Readings]:
    rng = np.random.default_rng(11)
    sums = np.zeros((SAMPLES, task.width))
    for cell in range(SAMPLES):
        rows = draw(rng)
        task.add(sums, np.full(len(rows.weight), cell), rows)
    return [task.read(one) for one in sums]


def coverage(readings: list[Readings], name: str, truth: float) -> float:
    held = [one[name].low <= truth <= one[name].high for one in readings]  # type: ignore[operator]  # none is missing
    return float(np.mean(held))


@TASKS
def test_intervals_hold_the_truth_in_95_of_100_samples(task: Task, draw: Draw) -> None:
    truth = task.read(summed(task, draw(np.random.default_rng(5), 400_000)))
    readings = samples(task, lambda rng: draw(rng, 500))
    for name, reading in truth.items():
        assert reading.value is not None
        found = coverage(readings, name, reading.value)
        assert 0.92 <= found <= (1 if name in CONSERVATIVE else 0.98), (name, found)


@TASKS
def test_so_they_do_of_a_biased_review(task: Task, draw: Draw) -> None:
    truth = task.read(summed(task, draw(np.random.default_rng(5), 400_000)))
    readings = samples(task, lambda rng: reviewed(rng, draw(rng, 5000)))
    for name, reading in truth.items():
        assert reading.value is not None
        found = coverage(readings, name, reading.value)
        assert 0.92 <= found <= (1 if name in CONSERVATIVE else 0.98), (name, found)


def test_a_biased_review_gives_the_unbiased_accuracy_with_weights_only() -> None:
    rng = np.random.default_rng(2)
    rows = drawn_binary(rng, 200_000)
    truth = float((rows.predicted == rows.actual).mean())
    review = reviewed(rng, rows)
    weighted, plain = (
        Binary().read(summed(Binary(), some))["accuracy"]
        for some in (review, review._replace(weight=np.ones(len(review.weight))))
    )
    assert weighted.value == pytest.approx(truth, abs=0.004)
    assert plain.value == pytest.approx(truth - 0.1, abs=0.06)
    assert plain.high is not None
    assert plain.high < truth - 0.02


def test_ends_of_wilsons_interval_are_where_the_normal_test_just_refuses() -> None:
    for right, n in ((3, 10), (0, 5), (97, 100)):
        for end in wilson(right / n, n):
            if 0 < end < 1:
                assert abs(right / n - end) / np.sqrt(end * (1 - end) / n) == pytest.approx(1.959963984540054)


def test_hardly_more_than_one_row_has_an_interval_of_numbers() -> None:
    for n in np.linspace(1.0084, 1.0085, 2001).tolist():
        assert np.isfinite(student(n))


def test_equal_weights_say_as_much_as_none() -> None:
    assert share(30.0, 10.0, 30.0, 10.0) == pytest.approx(share(90.0, 30.0, 270.0, 90.0))


def test_unequal_weights_make_intervals_wider() -> None:
    plain, heavy = share(50.0, 50.0, 50.0, 50.0), share(50.0, 50.0, 150.0, 150.0)
    assert width(heavy) > 1.5 * width(plain)


def width(reading: tuple[float | None, ...]) -> float:
    ends: Floats = np.array(reading[2:], float)
    return float(np.diff(ends)[0])
