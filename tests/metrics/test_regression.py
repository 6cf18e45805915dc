"""Metrics of regressions are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from stream_monitor.metrics.judged import Judged
from stream_monitor.metrics.reading import Reading
from stream_monitor.metrics.regression import Regression

from .outcomes import assert_equal_and_inside, diabetes, judged, picked, summed, weighted

EXACT = 1e-9


def expected(rows: Judged) -> dict[str, float]:
    actual, predicted, weight = rows.actual, rows.predicted, rows.weight
    symmetric = 2 * np.abs(predicted - actual) / (np.abs(predicted) + np.abs(actual))
    return {
        "mae": sk.mean_absolute_error(actual, predicted, sample_weight=weight),
        "rmse": sk.root_mean_squared_error(actual, predicted, sample_weight=weight),
        "bias": np.average(predicted - actual, weights=weight),
        "mape": sk.mean_absolute_percentage_error(actual, predicted, sample_weight=weight),
        "smape": np.average(symmetric, weights=weight),
        "r2": sk.r2_score(actual, predicted, sample_weight=weight),
        "mean_actual": np.average(actual, weights=weight),
        "mean_predicted": np.average(predicted, weights=weight),
    }


@pytest.mark.parametrize("rows", [diabetes(), weighted(diabetes())], ids=["plain", "weighted"])
@pytest.mark.parametrize("origin", [0.0, 150.0, -2000.0])
def test_real_outcomes_are_measured_as_by_scikit_learn(rows: Judged, origin: float) -> None:
    readings = Regression(origin).read(summed(Regression(origin), rows))
    assert_equal_and_inside(readings, expected(rows), EXACT)


def test_labels_of_zero_are_left_out_of_mape() -> None:
    rows = judged(np.array([0.0, 1.0, 3.0, -1.0]), np.array([0.0, 0.0, 2.0, -2.0]))
    readings = Regression().read(summed(Regression(), rows))
    assert readings["mape"][:2] == (0.5, 2)
    assert readings["smape"].value == pytest.approx((0 + 2 + 2 / 5 + 2 / 3) / 4)
    assert readings["smape"].n == 4


@pytest.mark.parametrize(("label", "origin"), [(0.1, 0.0), (0.1, 0.1), (1e9 + 0.1, 3.0)])
def test_labels_that_do_not_vary_have_no_r2(label: float, origin: float) -> None:
    rows = judged(np.linspace(0, 1, 5000), np.full(5000, label))
    readings = Regression(origin).read(summed(Regression(origin), rows))
    assert readings["r2"] == Reading(None, 5000)
    assert readings["mean_actual"].value == pytest.approx(label)


def test_an_origin_near_the_labels_keeps_what_rounding_would_lose() -> None:
    rows = diabetes()
    far = rows._replace(actual=rows.actual + 1e8, predicted=rows.predicted + 1e8)
    near, zero = (Regression(origin).read(summed(Regression(origin), far))["r2"] for origin in (1e8, 0.0))
    assert near == pytest.approx(Regression().read(summed(Regression(), rows))["r2"], rel=1e-6)
    assert zero.value == pytest.approx(near.value, abs=0.01)
    assert zero.low is zero.high is None


def test_a_perfect_model_has_no_error() -> None:
    actual = diabetes().actual
    readings = Regression().read(summed(Regression(), judged(actual, actual)))
    assert [readings[name].value for name in ("mae", "rmse", "bias", "mape", "smape", "r2")] == [0, 0, 0, 0, 0, 1]


def test_one_row_has_no_interval() -> None:
    readings = Regression().read(summed(Regression(), picked(diabetes(), slice(0, 1))))
    assert readings["mae"].value == readings["rmse"].value
    assert all(reading.low is reading.high is None for reading in readings.values())


def test_numbers_too_far_to_sum_are_left_out() -> None:
    rows = judged(np.array([1e61, 1.0, 2.0, 1e59]), np.array([1.0, -1e308, 1.0, 1e-300]))
    readings = Regression().read(summed(Regression(), rows))
    assert readings["mae"].value == pytest.approx(5e58)
    assert readings["mae"].n == 2
    assert readings["mape"][:2] == (1, 1)
    assert np.isfinite(np.array([one for name, one in readings.items() if name not in ("r2", "mape")], float)).all()


def test_an_origin_must_be_near_enough() -> None:
    with pytest.raises(ValueError, match="origin"):
        Regression(float("nan"))
