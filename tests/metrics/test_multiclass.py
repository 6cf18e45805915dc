"""Metrics of classifiers with many classes are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from stream_monitor.metrics.judged import Judged
from stream_monitor.metrics.multiclass import CLIP, MOST, Multiclass

from .outcomes import assert_equal_and_inside, digits, judged, picked, summed, weighted

EXACT = 1e-9


def expected(rows: Judged, k: int = 3) -> dict[str, float]:
    actual, predicted, weight = rows.actual, rows.predicted, rows.weight
    classes = range(rows.scores.shape[1])
    found = {
        "accuracy": sk.accuracy_score(actual, predicted, sample_weight=weight),
        "log_loss": sk.log_loss(actual, np.maximum(rows.scores, CLIP), labels=classes, sample_weight=weight),
        "top_k_accuracy": sk.top_k_accuracy_score(actual, rows.scores, k=k, labels=classes, sample_weight=weight),
    }
    for average in ("macro", "micro", "weighted"):
        of = sk.precision_recall_fscore_support(actual, predicted, average=average, sample_weight=weight, zero_division=0)
        found |= {f"{average}_{name}": value for name, value in zip(("precision", "recall", "f1"), of, strict=False)}
    return found


@pytest.mark.parametrize("rows", [digits(), weighted(digits())], ids=["plain", "weighted"])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_real_outcomes_are_measured_as_by_scikit_learn(rows: Judged, k: int) -> None:
    readings = Multiclass(10, k).read(summed(Multiclass(10, k), rows))
    assert_equal_and_inside(readings, expected(rows, k), EXACT)


def test_each_class_is_measured_as_by_scikit_learn() -> None:
    rows = weighted(digits())
    of = sk.precision_recall_fscore_support(rows.actual, rows.predicted, sample_weight=rows.weight)
    found = Multiclass(10).per_class(summed(Multiclass(10), rows))
    assert [[reading.value for reading in one] for one in found] == [
        pytest.approx(one, rel=EXACT) for one in zip(*of, strict=True)
    ]


def test_the_confusion_matrix_is_that_of_scikit_learn() -> None:
    rows = weighted(digits())
    matrix = sk.confusion_matrix(rows.actual, rows.predicted, sample_weight=rows.weight)
    assert Multiclass(10).confusion(summed(Multiclass(10), rows)).tolist() == np.pad(matrix, ((0, 0), (0, 1))).tolist()


def test_classes_that_never_came_do_not_count() -> None:
    rows = picked(digits(), digits().actual < 5)
    assert (rows.predicted >= 5).any()
    rows = picked(rows, rows.predicted != 9)
    readings, found = Multiclass(12).read(summed(Multiclass(12), rows)), expected(rows)
    for name in ("macro_precision", "macro_recall", "macro_f1", "weighted_precision", "weighted_f1", "micro_f1"):
        assert readings[name].value == pytest.approx(found[name], rel=EXACT), name
    never = Multiclass(12).per_class(summed(Multiclass(12), rows))[11]
    assert [reading.value for reading in never] == [None, None, None, 0]


def test_one_class_alone_has_no_precision_of_its_own_but_one_in_the_average() -> None:
    rows = judged(np.array([0.0, 0.0, 0.0]), np.array([0.0, 1.0, 1.0]))
    readings, (_, one, _) = (
        Multiclass(3).read(summed(Multiclass(3), rows)),
        Multiclass(3).per_class(summed(Multiclass(3), rows)),
    )
    assert one.precision.value is None
    assert one.recall.value == 0
    assert readings["macro_precision"].value == pytest.approx(1 / 6)


def test_classes_out_of_range_are_left_out() -> None:
    rows = judged(np.array([0.0, 3.0, -1.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 3.0, -1.0]))
    assert Multiclass(3).read(summed(Multiclass(3), rows))["accuracy"][:2] == (1, 1)


def test_scores_of_too_few_classes_do_not_count() -> None:
    rows = picked(digits(), slice(0, 200))
    scores = rows.scores.copy()
    scores[np.arange(200)[:, None], np.argsort(scores)[:, :8]] = np.nan
    readings = Multiclass(10).read(summed(Multiclass(10), rows._replace(scores=scores)))
    whole = np.nansum(scores, 1) >= 0.99
    assert 0 < whole.sum() < 200
    assert readings["log_loss"].n == whole.sum()
    known = np.nan_to_num(scores[whole])[np.arange(whole.sum()), rows.actual[whole].astype(int)]
    assert readings["log_loss"].value == pytest.approx(-np.log(np.maximum(known, CLIP)).mean())
    assert "top_k_accuracy" not in readings
    assert Multiclass(10, 2).read(summed(Multiclass(10, 2), rows._replace(scores=scores)))["top_k_accuracy"].n == 200


def test_equally_likely_classes_are_ranked_as_by_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    scores = rng.choice([0.1, 0.2, 0.3], (500, 6))
    rows = judged(np.zeros(500), rng.integers(0, 6, 500), scores=scores)
    reading = Multiclass(6, 2).read(summed(Multiclass(6, 2), rows))["top_k_accuracy"]
    assert reading.value == sk.top_k_accuracy_score(rows.actual, scores, k=2)


def test_top_k_is_told_only_where_it_says_something() -> None:
    rows = digits()
    assert "top_k_accuracy" not in Multiclass(10, 10).read(summed(Multiclass(10, 10), rows))
    assert "top_k_accuracy" not in Multiclass(10).read(summed(Multiclass(10), rows._replace(scores=rows.scores[:, :0])))


def test_classes_in_the_last_one_are_told_apart_and_what_is_said_of_it_is_their_micro_average() -> None:
    rng = np.random.default_rng(2)
    actual = rng.integers(0, 200, 5000)
    predicted = np.where(rng.random(5000) < 0.6, actual, rng.integers(0, 200, 5000))
    weight = rng.integers(1, 64, 5000) / 16.0
    wrong = (actual >= 63) & (predicted >= 63) & (actual != predicted)
    rows = judged(np.where(wrong, 64, np.minimum(predicted, 63)), np.minimum(actual, 63), weight=weight)
    measure, others = Multiclass(64), list(range(63, 200))
    sums = summed(measure, rows)
    readings, classes = measure.read(sums), measure.per_class(sums)
    accuracy = sk.accuracy_score(actual, predicted, sample_weight=weight)
    for name in ("accuracy", "micro_precision", "micro_recall", "micro_f1", "weighted_recall"):
        assert readings[name].value == pytest.approx(accuracy, rel=EXACT), name
    each = sk.precision_recall_fscore_support(actual, predicted, sample_weight=weight, labels=range(63))
    rest = sk.precision_recall_fscore_support(actual, predicted, sample_weight=weight, labels=others, average="micro")
    for i, name in enumerate(("precision", "recall", "f1")):
        found = [getattr(one, name).value for one in classes]
        assert found == pytest.approx([*each[i], rest[i]], rel=EXACT)
        assert readings[f"macro_{name}"].value == pytest.approx(np.mean(found), rel=EXACT)
        support = [one.support.value or 0.0 for one in classes]
        assert readings[f"weighted_{name}"].value == pytest.approx(np.average(found, weights=support), rel=EXACT)
    assert measure.confusion(sums).sum() == weight.sum()
    assert summed(measure, rows._replace(sign=-rows.sign)).tolist() == (-sums).tolist()


def test_bounds_of_classes_are_stated() -> None:
    for classes in (1, MOST + 1):
        with pytest.raises(ValueError, match="classes"):
            Multiclass(classes)
    with pytest.raises(ValueError, match="k must"):
        Multiclass(3, 0)


def test_a_window_that_takes_back_more_than_it_adds_can_be_read() -> None:
    rng = np.random.default_rng(1)
    for _ in range(3_000):
        sums = np.zeros(Multiclass(8).width)
        for sign in (1.0, -1.0):
            predicted, actual = rng.integers(0, 3, (2, int(rng.integers(1, 8)))).astype(float)
            sums += summed(Multiclass(8), judged(predicted, actual, sign=sign))
        readings = Multiclass(8).read(sums)
        assert "macro_f1" in readings
        assert all(0 <= one.value <= 1 for one in readings.values() if one.value is not None)
