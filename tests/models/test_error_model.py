"""Where a model errs is said once it is beyond doubt, by feature, side and value; noise and trends say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.models.columns import Columns
from stream_monitor.models.error_model import ErrorModel, Split, Step

NAMES = ("dti", "kind", "noise")


def learnt(model: ErrorModel, rate: np.ndarray, seed: int = 1, scale: float = 1.0) -> tuple[Columns, list[tuple[int, Step]]]:
    """The model after rows of dti from 0 to 50, one of three kinds, and noise; losses are `scale` at a rate that is given."""
    rng, columns = np.random.default_rng(seed), Columns()
    values = features(len(rate), seed)
    losses = (rng.random(len(rate)) < rate) * scale
    rows = columns.rows(NAMES, values, ("kind",))
    said = [(i, step) for i, (x, loss) in enumerate(zip(rows, losses.tolist())) if (step := model.learn(x, loss, i))]
    return columns, said


def features(n: int, seed: int) -> np.ndarray:
    """Rows of the three features."""
    rng = np.random.default_rng(1_000 + seed)
    return np.column_stack((rng.uniform(0, 50, n), rng.integers(0, 3, n), rng.normal(size=n)))


def test_the_features_that_tell_are_named_with_direction_and_value() -> None:
    rows = features(6_000, 1)
    model = ErrorModel(0.05, regression=False)
    columns, said = learnt(model, np.where(rows[:, 0] > 34, 0.4, 0.05) + 0.2 * (rows[:, 1] == 2))
    assert [step for _, step in said] == ["errs", "still_errs"]
    assert said[0][0] < 3_000
    first, second = model.splits(columns)
    assert (first.feature, first.category, first.grow) == ("dti", None, True)
    assert first.above == pytest.approx(34, abs=2)
    assert first.rate_above > 0.4 > 0.2 > first.rate_below
    assert first.weight > 0
    assert (second.feature, second.category, second.grow) == ("kind", 2.0, True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("in_the_middle", [False, True])
def test_errors_at_both_ends_of_a_feature_or_in_its_middle_are_told(in_the_middle: bool, seed: int) -> None:
    dti = features(5_000, seed)[:, 0]
    model = ErrorModel(0.05, regression=False)
    columns, said = learnt(model, np.where(((dti > 18) & (dti <= 32)) == in_the_middle, 0.4, 0.05), seed)
    assert said[0][0] < 4_000
    assert "no_longer_errs" not in {step for _, step in said}
    (split,) = model.splits(columns)
    assert (split.feature, split.grow) == ("dti", in_the_middle)
    assert split.above == pytest.approx(18, abs=2.5)
    assert split.up_to == pytest.approx(32, abs=2.5)
    high, low = sorted((split.rate_above, split.rate_below), reverse=True)
    assert high > 0.3 > 0.12 > low


def test_a_threshold_is_not_told_as_a_band() -> None:
    model = ErrorModel(0.05, regression=False)
    columns, _ = learnt(model, np.where(features(6_000, 3)[:, 0] > 34, 0.4, 0.05), seed=3)
    assert [(split.feature, split.up_to) for split in model.splits(columns)] == [("dti", None)]


@pytest.mark.parametrize("seed", range(3))
def test_errors_that_do_not_depend_on_features_say_nothing_even_if_they_become_more(seed: int) -> None:
    model = ErrorModel(0.05, regression=False)
    columns, said = learnt(model, np.repeat((0.05, 0.3, 0.15), 2_500), seed)
    assert said == []
    assert model.splits(columns) == []


def test_large_errors_of_regression_are_told_by_features_too() -> None:
    rows, rng = features(5_000, 2), np.random.default_rng(5)
    model, columns = ErrorModel(0.05, regression=True), Columns()
    losses = rng.exponential(np.where(rows[:, 0] <= 10, 30.0, 5.0))
    for i, x in enumerate(columns.rows(NAMES, rows, ("kind",))):
        model.learn(x, float(losses[i]), i)
    (split,) = model.splits(columns)
    assert model.threshold == pytest.approx(np.quantile(losses[:500], 0.75), rel=0.05)
    assert (split.feature, split.grow) == ("dti", False)
    assert split.above == pytest.approx(10, abs=2)


def test_nothing_is_said_before_there_are_bins() -> None:
    model = ErrorModel(0.05, regression=False)
    columns, said = learnt(model, np.full(400, 0.5))
    assert (said, model.splits(columns)) == ([], [])
    assert np.isnan(model.standing.low)


def test_what_is_told_of_errors_is_corrected_and_ends_when_features_tell_no_more() -> None:
    rows = features(26_000, 4)
    first, second = np.where(rows[:, 0] > 34, 0.5, 0.05), np.where(rows[:, 1] == 2, 0.5, 0.05)
    place = np.arange(len(rows))
    model = ErrorModel(0.05, regression=False)
    columns, said = learnt(model, np.where(place < 5_000, first, np.where(place < 14_000, second, 0.15)), seed=4)
    assert [step for _, step in said if step != "still_errs"] == ["errs", "no_longer_errs"]
    assert any(5_000 < row < 14_000 for row, _ in said)
    assert 14_000 < said[-1][0] < 25_000
    assert model.splits(columns) == []


def test_another_feature_that_tells_best_is_told_when_counts_have_faded() -> None:
    rows = features(15_000, 4)
    first, second = np.where(rows[:, 0] > 34, 0.5, 0.05), np.where(rows[:, 1] == 2, 0.5, 0.05)
    model = ErrorModel(0.05, regression=False)
    _, said = learnt(model, np.where(np.arange(len(rows)) < 8_000, first, second), seed=4)
    assert [step for _, step in said if step != "still_errs"] == ["errs"]
    assert said[-1][0] > 8_000
    assert model._told == "kind = 2"


@pytest.mark.parametrize("at_the_ends", [False, True])
def test_a_restored_model_goes_on_to_the_last_bit(at_the_ends: bool) -> None:
    dti = features(3_000, 1)[:, 0]
    rate = np.where((dti > 34) | (at_the_ends & (dti < 10)), 0.4, 0.05)
    whole = ErrorModel(0.05, regression=False)
    columns, _ = learnt(whole, rate)
    part, again = ErrorModel(0.05, regression=False), Columns()
    losses = (np.random.default_rng(1).random(len(rate)) < rate) * 1.0
    for i, x in enumerate(again.rows(NAMES, features(3_000, 1), ("kind",))):
        if i in (250, 900, 2_000):
            state, part = part.state(), ErrorModel(0.05, regression=False)
            part.restore(state)
        part.learn(x, float(losses[i]), i)
    assert part.state() == whole.state()
    assert part.splits(again) == whole.splits(columns) != []


def test_a_split_grows_where_rates_are_higher_above() -> None:
    assert Split("a", None, 1.0, None, 0.2, 0.1, 0.0).grow
    assert not Split("a", None, 1.0, None, 0.1, 0.2, 0.0).grow
