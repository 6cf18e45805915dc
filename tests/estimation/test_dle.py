"""Errors are estimated from features: right without a change, and up or down with what makes them large."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from stream_monitor.estimation.dle import Dle
from stream_monitor.estimation.error_tree import grown
from stream_monitor.metrics.reading import NOTHING, Readings

Floats = npt.NDArray[np.float64]


def drawn(seed: int, n: int, shift: float = 0.0) -> tuple[Floats, Floats, Floats]:
    """Features, predictions and outcomes, whose noise is three times as large where feature 0 is above a half."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4))
    features[:, 0] += shift
    predicted = features[:, 1] + features[:, 2]
    return features, predicted, predicted + rng.normal(size=n) * np.where(features[:, 0] > 0.5, 3.0, 1.0)


def window(dle: Dle, features: Floats, predicted: Floats) -> Readings:
    sums = np.zeros((1, dle.width))
    dle.add(sums, np.zeros(len(predicted), np.int64), dle.estimate(features, predicted))
    return dle.read(sums[0])


def test_a_change_of_inputs_shows_before_labels_arrive() -> None:
    dle = Dle()
    dle.learn(*drawn(1, 6000))
    assert dle.outcomes == 6000
    assert dle.learnt_rows == 2000
    for shift in (-1.0, 0.0, 1.0):
        features, predicted, actual = drawn(2, 5000, shift)
        errors = np.abs(actual - predicted)
        readings = window(dle, features, predicted)
        assert readings["mae"].value == pytest.approx(errors.mean(), rel=0.08)
        assert readings["rmse"].value == pytest.approx(np.sqrt((errors**2).mean()), rel=0.08)


def test_bands_hold_what_labels_show_most_times() -> None:
    held = np.zeros(2)
    for seed in range(4):
        dle = Dle()
        dle.learn(*drawn(seed, 6000))
        for again in range(25):
            features, predicted, actual = drawn(1000 + 100 * seed + again, 400)
            readings = window(dle, features, predicted)
            realised = np.abs(actual - predicted).mean(), np.sqrt(((actual - predicted) ** 2).mean())
            for i, (name, value) in enumerate(zip(("mae", "rmse"), realised)):
                low, high = readings[name][2:]
                assert low is not None
                assert high is not None
                held[i] += low <= value <= high
    assert ((held >= 88) & (held <= 99)).all()


def test_nothing_is_estimated_before_there_is_a_tree() -> None:
    dle = Dle()
    features, predicted, actual = drawn(3, 250)
    dle.learn(features[:249], predicted[:249], actual[:249])
    assert dle.learnt_rows == 0
    assert np.isnan(dle.estimate(features, predicted)).all()
    assert window(dle, features, predicted) == {"mae": NOTHING, "rmse": NOTHING}
    dle.learn(features[249:], predicted[249:], actual[249:])
    assert dle.learnt_rows == 250
    assert (dle.estimate(features, predicted) > 0).all()


@pytest.mark.parametrize(("every", "kept"), [(2, 250), (1, 200)])
@given(cuts=st.lists(st.integers(0, 1400), max_size=8), again=st.booleans())
@settings(max_examples=6, deadline=None)
def test_no_cut_and_no_restart_changes_a_bit(every: int, kept: int, cuts: list[int], again: bool) -> None:
    features, predicted, actual = drawn(4, 1400)
    whole, parts = Dle(300, every), Dle(300, every)
    whole.learn(features, predicted, actual)
    for rows in np.split(np.arange(1400), sorted(cuts)):
        parts.learn(features[rows], predicted[rows], actual[rows])
        if again:
            state = parts.state()
            parts = Dle(300, every)
            parts.restore(state)
    assert parts.estimate(features, predicted).tobytes() == whole.estimate(features, predicted).tobytes()
    assert parts.still().estimate(features, predicted).tobytes() == whole.estimate(features, predicted).tobytes()
    assert parts.state()["latest"].tobytes() == whole.state()["latest"].tobytes()
    assert parts.state()["powers"].tobytes() == whole.state()["powers"].tobytes()
    assert parts.state()["kept"].tobytes() == whole.state()["kept"].tobytes()
    assert len(whole.state()["kept"]) == kept


def test_one_row_is_estimated_as_many_are() -> None:
    dle = Dle()
    features, predicted, actual = drawn(5, 1000)
    dle.learn(features, predicted, actual)
    together = dle.estimate(features, predicted)
    assert [float(dle.estimate(features[i : i + 1], predicted[i : i + 1])[0]) for i in range(200)] == together[:200].tolist()


def test_a_tree_splits_as_scikit_learn_does() -> None:
    features, predicted, actual = drawn(6, 3000)
    errors = np.abs(actual - predicted)
    other = DecisionTreeRegressor(max_depth=6, min_samples_leaf=30, random_state=1).fit(features, errors)
    assert grown(features, errors).expected(features) == pytest.approx(other.predict(features))


def test_rows_without_a_feature_go_where_there_are_more() -> None:
    features, predicted, actual = drawn(6, 3000)
    errors = np.abs(actual - predicted)
    features[::7, 0] = np.nan
    tree, left = grown(features, errors), np.count_nonzero(features[:, 0] <= grown(features, errors).threshold[0])
    assert tree.feature[0] == 0
    assert tree.missing[0] == (tree.left[0] if left > 3000 * 6 / 7 / 2 else tree.right[0])
    assert grown(np.full((3000, 2), np.nan), errors).expected(features[:, :2]) == pytest.approx(errors.mean())


@pytest.mark.parametrize("seed", range(4))
def test_errors_that_grow_with_a_feature_are_expected_where_it_moves(seed: int) -> None:
    def world(n: int, shift: float) -> tuple[Floats, Floats, Floats]:
        features = rng.normal(size=(n, 3))
        features[:, 0] += shift
        predicted = 3 * features[:, 0] + features[:, 1]
        return features, predicted, predicted + rng.normal(size=n) * np.exp(0.4 * features[:, 0])

    rng, dle = np.random.default_rng(seed), Dle()
    dle.learn(*world(2000, 0.0))
    features, predicted, actual = world(7000, 1.0)
    assert window(dle, features, predicted)["mae"].value == pytest.approx(np.abs(actual - predicted).mean(), rel=0.1)


def test_it_forgets_what_was_two_trees_ago() -> None:
    dle = Dle(rows=500, every=1)
    features, predicted, actual = drawn(7, 2000)
    dle.learn(features, predicted, actual)
    dle.learn(features[:1000], predicted[:1000], predicted[:1000] + 10 * (actual - predicted)[:1000])
    errors = 10 * np.abs(actual - predicted)[1000:]
    assert window(dle, features[1000:], predicted[1000:])["mae"].value == pytest.approx(errors.mean(), rel=0.1)


@pytest.mark.parametrize("before", [1000, 1100, 1250, 1490])
def test_a_change_is_followed_in_as_many_outcomes_as_are_learnt_from(before: int) -> None:
    dle = Dle(rows=500, every=1)
    features, predicted, actual = drawn(8, before + 2500)
    actual[before:] = predicted[before:] + 1.5 * (actual - predicted)[before:]
    dle.learn(features[: before + 500], predicted[: before + 500], actual[: before + 500])
    after = slice(before + 500, None)
    errors = np.abs(actual - predicted)[after]
    assert window(dle, features[after], predicted[after])["mae"].value == pytest.approx(errors.mean(), rel=0.1)


def test_outcomes_without_an_error_do_not_count() -> None:
    dle = Dle()
    dle.learn(np.zeros((3, 1)), np.array([1.0, np.nan, 1.0]), np.array([1.5, 0.0, np.inf]))
    assert dle.outcomes == 1


@pytest.mark.parametrize(("setting", "value"), [("rows", 249), ("every", 0)])
def test_a_setting_that_is_not_allowed_is_said(setting: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{setting} must be at least"):
        Dle(**{setting: value})
