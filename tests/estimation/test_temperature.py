"""Scores that are too sure, or too timid, are given the temperature that makes them chances; others are left alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax

from stream_monitor.estimation.temperature import Temperature

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def drawn(seed: int, n: int = 3000, classes: int = 4) -> tuple[Floats, Ints]:
    """Chances, and classes that come true by them."""
    rng = np.random.default_rng(seed)
    chances = np.asarray(softmax(rng.normal(0, 1.5, (n, classes)), axis=1))
    return chances, np.minimum((rng.random((n, 1)) > np.cumsum(chances, axis=1)).sum(axis=1), classes - 1)


def raised(chances: Floats, power: float) -> Floats:
    return np.asarray(chances**power / (chances**power).sum(axis=1, keepdims=True))


def fitted(scores: Floats, actual: Ints, weights: Floats | None = None) -> Temperature:
    temperature = Temperature()
    temperature.fit(scores, actual, np.ones(len(actual)) if weights is None else weights)
    return temperature


@pytest.mark.parametrize("power", [0.3, 0.5, 2.2, 4.0])
def test_scores_that_are_too_sure_or_too_timid_become_chances(power: float) -> None:
    chances, actual = drawn(1)
    temperature = fitted(raised(chances, power), actual)
    assert temperature.power == pytest.approx(1 / power, rel=0.06)
    assert temperature.apply(raised(chances, power)) == pytest.approx(chances, abs=0.03)


def test_chances_are_left_as_they_are_in_all_but_one_of_a_hundred() -> None:
    assert sum(fitted(*drawn(seed, 500)).helps for seed in range(100)) <= 4


def test_scores_that_do_not_add_up_are_left_as_they_are() -> None:
    chances, actual = drawn(2)
    scores = raised(chances, 3.0)
    assert fitted(scores, actual).helps
    assert not fitted(scores * 0.8, actual).helps
    scores[:100] *= 0.8
    assert fitted(scores, actual).helps


def test_nothing_is_learnt_from_fewer_than_ten_that_were_wrong() -> None:
    scores = raised(drawn(3)[0], 0.5)
    actual = scores.argmax(axis=1)
    actual[:9] = scores[:9].argmin(axis=1)
    assert not fitted(scores, actual).helps
    actual[9] = scores[9].argmin()
    assert fitted(scores, actual).helps


def test_a_weight_counts_as_that_many_rows_and_rows_without_scores_do_not() -> None:
    chances, actual = drawn(4)
    scores, weights = raised(chances, 2.0), np.random.default_rng(5).integers(0, 3, 3000)
    scores[weights == 0] = np.nan
    repeated = fitted(np.repeat(scores, weights, axis=0), np.repeat(actual, weights))
    assert fitted(scores, actual, weights.astype(np.float64)).power == pytest.approx(repeated.power, rel=1e-6)


def test_a_score_of_nothing_stays_nothing() -> None:
    chances, actual = drawn(6)
    scores = np.column_stack((raised(chances, 2.0), np.zeros(3000)))
    temperature = fitted(scores, actual)
    assert temperature.power == pytest.approx(fitted(scores[:, :4], actual).power)
    assert (temperature.apply(scores)[:, 4] == 0).all()


def test_one_row_becomes_what_it_does_among_many_and_after_a_restart() -> None:
    scores = raised(drawn(7)[0], 2.0)
    scores[3] = np.nan
    temperature, other = fitted(scores, drawn(7)[1]), Temperature()
    other.restore(temperature.state())
    together = temperature.apply(scores)
    assert np.isnan(together[3]).all()
    assert np.concatenate([other.apply(scores[i : i + 1]) for i in range(300)]).tobytes() == together[:300].tobytes()
