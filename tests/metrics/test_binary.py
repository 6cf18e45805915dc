"""Metrics of binary classifiers are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from stream_monitor.metrics.binary import CLIP, Binary, Costs
from stream_monitor.metrics.judged import Floats, Judged
from stream_monitor.metrics.reading import NOTHING

from .outcomes import assert_equal_and_inside, judged, loans, picked, summed, weighted

EXACT = 1e-9
UNBOUNDED = ("mcc", "log_loss")


def expected(rows: Judged) -> dict[str, float]:
    actual, predicted, score, weight = rows.actual, rows.predicted, rows.score, rows.weight
    known = (score >= 0) & (score <= 1)
    scored = {"sample_weight": weight[known]}
    return {
        "accuracy": sk.accuracy_score(actual, predicted, sample_weight=weight),
        "precision": sk.precision_score(actual, predicted, sample_weight=weight),
        "recall": sk.recall_score(actual, predicted, sample_weight=weight),
        "specificity": sk.recall_score(actual, predicted, pos_label=0, sample_weight=weight),
        "f1": sk.f1_score(actual, predicted, sample_weight=weight),
        "mcc": sk.matthews_corrcoef(actual, predicted, sample_weight=weight),
        "balanced_accuracy": sk.balanced_accuracy_score(actual, predicted, sample_weight=weight),
        "predicted_positive_rate": np.average(predicted, weights=weight),
        "actual_positive_rate": np.average(actual, weights=weight),
        "log_loss": sk.log_loss(actual[known], np.column_stack((clipped(1 - score), clipped(score)))[known], **scored),
        "brier": sk.brier_score_loss(actual[known], score[known], **scored),
        "ece": calibration_error(actual[known], score[known], weight[known]),
    }


def clipped(score: Floats) -> Floats:
    return np.maximum(score, CLIP)


def calibration_error(actual: Floats, score: Floats, weight: Floats) -> float:
    """As Guo and others (2017) define it, with ten bins."""
    total = 0.0
    for low in range(10):
        inside = (score * 10 >= low) & ((score * 10 < low + 1) | (low == 9))
        if inside.any():
            of = weight[inside]
            total += of.sum() * abs(np.average(score[inside], weights=of) - np.average(actual[inside], weights=of))
    return float(total / weight.sum())


@pytest.mark.parametrize("rows", [loans(), weighted(loans())], ids=["plain", "weighted"])
def test_real_outcomes_are_measured_as_by_scikit_learn(rows: Judged) -> None:
    readings = Binary().read(summed(Binary(), rows))
    assert_equal_and_inside(readings, expected(rows), EXACT)


def test_the_confusion_matrix_is_that_of_scikit_learn() -> None:
    rows = weighted(loans())
    matrix = sk.confusion_matrix(rows.actual, rows.predicted, sample_weight=rows.weight)
    assert Binary().confusion(summed(Binary(), rows)).tolist() == np.pad(matrix, ((0, 0), (0, 1))).tolist()


def test_a_negative_class_that_is_predicted_as_another_one_is_wrong_in_accuracy_alone() -> None:
    rng = np.random.default_rng(5)
    label, predicted = rng.integers(0, 4, (2, 500))
    said = np.where(predicted == 1, 1, np.where((label != 1) & (label != predicted), -1, 0))
    rows = judged(said, (label == 1).astype(float))
    readings = Binary().read(summed(Binary(), rows))
    assert readings["accuracy"].value == (label == predicted).mean()
    assert readings["recall"].value == (predicted[label == 1] == 1).mean()
    assert readings["specificity"].value == (predicted[label != 1] != 1).mean()
    assert Binary().confusion(summed(Binary(), rows))[0, 2] == (said == -1).sum()


def test_scores_that_are_none_leave_their_rows_out_of_what_needs_them() -> None:
    rows = loans()
    score = rows.score.copy()
    score[:400:4], score[1:400:4], score[2:400:4] = np.nan, 1.1, -1e-9
    rows = rows._replace(score=score)
    readings = Binary().read(summed(Binary(), rows))
    assert {name: reading.value for name, reading in readings.items()} == pytest.approx(expected(rows), rel=EXACT)
    n = len(score)
    assert {name: readings[name].n for name in ("accuracy", "log_loss", "brier", "ece")} == {
        "accuracy": n, "log_loss": n - 300, "brier": n - 300, "ece": n - 300,
    }  # fmt: skip


def test_without_scores_there_are_still_the_others() -> None:
    rows = picked(loans(), slice(0, 200))
    readings = Binary().read(summed(Binary(), rows._replace(score=np.full(200, np.nan))))
    assert readings["log_loss"] == readings["brier"] == readings["ece"] == NOTHING
    assert readings["accuracy"] == Binary().read(summed(Binary(), rows))["accuracy"]


def test_a_sure_and_wrong_score_is_clipped() -> None:
    rows = judged(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    assert Binary().read(summed(Binary(), rows))["log_loss"].value == pytest.approx(sk.log_loss([0, 1], rows.score))


def test_costs_are_the_mean_over_outcomes() -> None:
    rows = weighted(loans())
    costs = Costs(tp=-20.0, fp=5.0, fn=100.0, tn=0.5)
    by_row = np.select(
        [(rows.predicted == 1) & (rows.actual == 1), rows.predicted == 1, rows.actual == 1], [-20.0, 5.0, 100.0], 0.5
    )
    reading = Binary(costs).read(summed(Binary(costs), rows))["cost"]
    assert reading.value == pytest.approx(np.average(by_row, weights=rows.weight), rel=EXACT)
    assert "cost" not in Binary().read(summed(Binary(), rows))


def test_costs_must_be_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        Binary(Costs(0.0, 1.0, float("nan"), 0.0))


def test_what_is_not_defined_is_none() -> None:
    never = Binary().read(summed(Binary(), judged(np.zeros(5), np.array([0.0, 0.0, 0.0, 1.0, 1.0]))))
    assert never["precision"] == NOTHING
    assert never["mcc"].value is None
    assert never["f1"].value == never["recall"].value == 0
    assert never["specificity"].value == 1
    only_negative = Binary().read(summed(Binary(), judged(np.zeros(5), np.zeros(5))))
    assert only_negative["f1"].value is only_negative["recall"].value is only_negative["balanced_accuracy"].value is None
    assert only_negative["accuracy"].value == 1


def test_a_perfect_model_is_not_perfectly_certain() -> None:
    actual = np.tile([0.0, 1.0], 20)
    readings = Binary().read(summed(Binary(), judged(actual, actual)))
    for name in ("accuracy", "precision", "recall", "specificity", "f1", "mcc", "balanced_accuracy"):
        value, _, low, high = readings[name]
        assert value == high == 1, name
        assert low is not None
        assert 0.65 < low < 0.95, name


def test_a_window_that_takes_back_more_than_it_adds_can_be_read() -> None:
    rng = np.random.default_rng(4)
    for _ in range(500):
        added, taken = (
            judged(rng.integers(0, 2, n).astype(float), rng.integers(0, 2, n).astype(float), rng.random(n), sign=sign)
            for n, sign in ((int(rng.integers(1, 30)), 1.0), (int(rng.integers(1, 30)), -1.0))
        )
        readings = Binary().read(summed(Binary(), added) + summed(Binary(), taken))
        mcc = readings["mcc"]
        assert mcc.value is None or (mcc.low or 0.0) <= mcc.value <= (mcc.high or 0.0)
        assert all(0 <= one.value <= 1 for name, one in readings.items() if one.value is not None and name not in UNBOUNDED)
