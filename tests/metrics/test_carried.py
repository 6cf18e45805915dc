"""What was counted goes on as something else."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.metrics.binary import Binary
from stream_monitor.metrics.carried import Classifier, carried
from stream_monitor.metrics.judged import Floats, Judged
from stream_monitor.metrics.multiclass import Multiclass

from .outcomes import drawn_classes, loans, summed, weighted


def over(old: Classifier, new: Classifier, rows: Judged, numbers: list[int]) -> Floats:
    """The sums of some rows, carried over."""
    return carried(summed(old, rows), old, new, np.array(numbers))


def test_more_classes_leave_sums_as_if_they_had_been_there_from_the_start() -> None:
    rows = weighted(drawn_classes(np.random.default_rng(1), 400))
    few, many = Multiclass(8), Multiclass(16)
    assert over(few, many, rows, [*range(7), 15]).tolist() == summed(many, rows).tolist()


def test_classes_that_become_one_stay_mistaken_for_one_another() -> None:
    rows = weighted(drawn_classes(np.random.default_rng(3), 400))
    found = Binary().read(over(Multiclass(8), Binary(), rows, [0, 1, *[0] * 6]))
    assert found["accuracy"] == pytest.approx(Multiclass(8).read(summed(Multiclass(8), rows))["accuracy"])


def test_rows_of_all_other_classes_stay_there() -> None:
    rows = weighted(drawn_classes(np.random.default_rng(2), 400))
    others = rows._replace(actual=np.full(400, 7.0), predicted=np.tile([7.0, 8.0], 200), scores=np.empty((400, 0)))
    counts = Multiclass(16).confusion(over(Multiclass(8), Multiclass(16), others, [*range(7), 15]))
    assert counts[15, 15:].tolist() == Multiclass(8).confusion(summed(Multiclass(8), others))[7, 7:].tolist()
    assert counts.sum() == counts[15, 15:].sum()


@pytest.mark.parametrize("numbers", [[0, 1], [3, 0]])
def test_two_classes_go_on_as_two_of_many(numbers: list[int]) -> None:
    rows = weighted(loans())
    negative, positive = numbers
    scores = np.full((len(rows.score), 8), np.nan)
    scores[:, negative], scores[:, positive] = 1 - rows.score, rows.score
    told = rows._replace(
        actual=np.where(rows.actual == 1, positive, negative).astype(float),
        predicted=np.where(rows.predicted == 1, positive, negative).astype(float),
        scores=scores,
    )
    expected, found = (
        Multiclass(8).read(summed(Multiclass(8), told)),
        Multiclass(8).read(over(Binary(), Multiclass(8), rows, numbers)),
    )
    assert expected.pop("top_k_accuracy", None) is None
    assert found.keys() == expected.keys()
    for name, one in expected.items():
        assert found[name] == pytest.approx(one, rel=1e-9), name


def test_two_of_many_go_on_as_negative_and_positive_without_what_scores_say() -> None:
    rows = weighted(loans())
    swapped = rows._replace(actual=1 - rows.actual, predicted=1 - rows.predicted)
    found = Binary().read(over(Multiclass(8), Binary(), swapped, [1, 0, *[0] * 6]))
    expected = Binary().read(summed(Binary(), rows._replace(score=np.full(len(rows.score), np.nan))))
    assert found == expected
