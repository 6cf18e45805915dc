"""Sums of outcomes do not depend on cuts, and what is taken back is gone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stream_monitor.metrics.binary import Binary
from stream_monitor.metrics.judged import Judged
from stream_monitor.metrics.multiclass import Multiclass
from stream_monitor.metrics.regression import Regression

from .outcomes import Task, cuts, diabetes, digits, judged, loans, picked, summed, weighted

TASKS = pytest.mark.parametrize(
    ("task", "outcomes"),
    [(Binary(), loans), (Multiclass(10), digits), (Regression(150.0), diabetes)],
    ids=["binary", "multiclass", "regression"],
)
Outcomes = Callable[[], Judged]


@TASKS
@pytest.mark.parametrize("seed", range(5))
def test_any_cut_gives_the_same_bits(task: Task, outcomes: Outcomes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = outcomes()
    n = len(rows.weight)
    rows = rows._replace(weight=rng.uniform(0.1, 20, n), score=np.where(rng.random(n) < 0.1, np.nan, rows.score))
    cell = rng.integers(0, 3, n)
    whole, pieces = np.zeros((3, task.width)), np.zeros((3, task.width))
    task.add(whole, cell, rows)
    for piece in cuts(rng, len(cell)):
        task.add(pieces, cell[piece], picked(rows, piece))
    assert whole.any()
    assert whole.tobytes() == pieces.tobytes()


@TASKS
def test_a_row_goes_to_its_cell_only(task: Task, outcomes: Outcomes) -> None:
    rows = outcomes()
    cell = np.arange(len(rows.weight)) % 2
    sums = np.zeros((3, task.width))
    task.add(sums, cell, rows)
    for one in (0, 1):
        assert sums[one].tobytes() == summed(task, picked(rows, cell == one)).tobytes()
    assert not sums[2].any()


@TASKS
def test_what_is_taken_back_leaves_the_others(task: Task, outcomes: Outcomes) -> None:
    rows = weighted(outcomes())
    wrong = picked(rows, slice(0, 50))
    sums = np.zeros((1, task.width))
    for some in (rows, wrong._replace(sign=-wrong.sign)):
        task.add(sums, np.zeros(len(some.weight), np.int64), some)
    there, expected = task.read(sums[0]), task.read(summed(task, picked(rows, slice(50, None))))
    for name, reading in expected.items():
        assert there[name] == pytest.approx(reading, rel=1e-9), name


@TASKS
def test_without_rows_nothing_is_known(task: Task, outcomes: Outcomes) -> None:
    rows = outcomes()._replace(weight=np.random.default_rng(0).uniform(0.1, 20, len(outcomes().weight)))
    empty = summed(task, rows)
    sums = np.zeros((1, task.width))
    for some in (rows, rows._replace(sign=-rows.sign)):
        task.add(sums, np.zeros(len(some.weight), np.int64), some)
    assert empty.any()
    assert all(reading.value is None and reading.n == 0 for reading in task.read(sums[0]).values())
    assert all(reading.value is None and reading.n == 0 for reading in task.read(np.zeros(task.width)).values())


@TASKS
def test_rows_that_cannot_count_do_not(task: Task, outcomes: Outcomes) -> None:
    good = picked(outcomes(), slice(0, 8))
    bad = Judged(*(column.copy() for column in good))
    bad.weight[:3] = 0.0, np.nan, np.inf
    bad.actual[3:6] = np.nan, np.inf, -np.inf
    bad.predicted[6:] = np.nan, np.inf
    assert summed(task, good).any()
    assert not summed(task, bad).any()


@TASKS
def test_n_is_the_number_of_rows_that_would_say_as_much(task: Task, outcomes: Outcomes) -> None:
    rows = picked(outcomes(), slice(0, 100))
    name = next(iter(task.read(summed(task, rows))))
    assert task.read(summed(task, rows))[name].n == 100
    assert task.read(summed(task, rows._replace(weight=np.full(100, 7.0))))[name].n == pytest.approx(100)
    assert task.read(summed(task, rows._replace(weight=np.repeat([9.0, 1.0], 50))))[name].n == pytest.approx(500**2 / 4100)


def test_sums_that_are_not_contiguous_are_refused() -> None:
    with pytest.raises(ValueError, match="contiguous"):
        Regression().add(np.zeros((Regression.width, 2)).T, np.zeros(1, np.int64), judged(np.ones(1), np.ones(1)))
