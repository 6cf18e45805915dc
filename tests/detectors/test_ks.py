"""KS says what scipy says of every window, and when and how the distribution changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from detectors import Array
from detectors.ks import KS

from .streams import column, eventful, reference, rows

NUMBERS = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-10, 10).map(lambda value: round(value, 1)),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from((0.0, -0.0, 5e-324, 1e300, -1e300, 1.7e308)),
)


ROUNDING = 1e-14
"""Far below 1 / (n * m), the smallest amount by which a wrong count could change a distance."""


def distance(window: Array, known: Array) -> float:
    return float(ks_2samp(window[np.isfinite(window)], known[np.isfinite(known)], method="asymp").statistic)


@given(known=st.lists(NUMBERS, min_size=60, max_size=200), window=st.lists(NUMBERS, min_size=20, max_size=20))
@settings(max_examples=100, deadline=None)
def test_the_statistic_is_that_of_scipy_ties_included(known: list[float], window: list[float]) -> None:
    before, now = np.array(known), np.array(window)
    detector = KS(1, window=20, stride=20, minimum=1)
    detector.fit(column(before))
    detector.update(column(now))
    if np.isfinite(before).sum() >= 50 and np.isfinite(now).any():
        assert detector.statistic[0] == pytest.approx(distance(now, before), rel=0, abs=ROUNDING)
    else:
        assert np.isnan(detector.statistic[0])


@pytest.mark.parametrize(("window", "stride"), [(500, 62), (100, 100), (50, 7), (20, 3)])
def test_every_look_is_at_the_last_window_of_rows(window: int, stride: int) -> None:
    known, values = reference(1), eventful(1, 1200)
    detector = KS(4, window=window, stride=stride)
    detector.fit(known)
    seen = 0
    for end in range(stride, 1201, stride):
        detector.update(values[seen:end])
        seen = end
        expected = [distance(values[end - window : end, j], known[:, j]) for j in range(4)] if end >= window else [np.nan] * 4
        assert detector.statistic.tolist() == pytest.approx(expected, rel=0, abs=ROUNDING, nan_ok=True)


def test_an_update_of_many_rows_gives_what_small_ones_give() -> None:
    values = np.concatenate([eventful(seed, 2500) for seed in range(4)])
    whole, parts = KS(4, window=300), KS(4, window=300)
    whole.fit(reference(1))
    parts.fit(reference(1))
    changes = whole.update(values)
    assert [change for part in np.split(values, range(70, 10_000, 70)) for change in parts.update(part)] == changes
    assert len(changes) > 100
    assert parts.statistic.tolist() == whole.statistic.tolist()


def test_large_references_of_every_shape_give_exact_distances() -> None:
    rng = np.random.default_rng(2)
    n = 20_000
    known = np.column_stack((
        rng.normal(1e6, 1e-3, n), rng.pareto(0.2, n), np.where(rng.random(n) < 0.7, 0, rng.lognormal(0, 4, n)),
        rng.integers(0, 3, n) * 1e9, np.full(n, 7.0), rng.normal(size=n) * 10.0 ** rng.integers(-300, 300, n),
    ))  # fmt: skip
    values = rng.permutation(known)[:500] * rng.choice([1.0, 1.0 + 1e-9], (500, 6))
    detector = KS(6, stride=500)
    detector.fit(known)
    detector.update(values)
    expected = [distance(values[:, j], known[:, j]) for j in range(6)]
    assert detector.statistic.tolist() == pytest.approx(expected, rel=0, abs=ROUNDING)


def test_the_threshold_knows_how_many_values_each_window_has() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(100, 2))
    values[::3, 1] = np.nan
    detector = KS(2, window=100, stride=100, alpha=0.01)
    detector.fit(rng.normal(size=(400, 2)))
    detector.update(values)
    expected = [np.sqrt(np.log(2 / 0.01) / 2 * (1 / n + 1 / 400)) for n in (100, 66)]
    assert detector.threshold.tolist() == pytest.approx(expected)


def test_a_window_with_too_few_values_is_not_looked_at() -> None:
    detector = KS(1, window=40, stride=40)
    detector.fit(np.zeros((100, 1)))
    some = np.where(np.arange(40) < 21, np.nan, 5.0)
    assert detector.update(column(some)) == []
    assert np.isnan(detector.statistic[0])
    assert np.isnan(detector.threshold[0])
    enough = np.where(np.arange(40) < 20, np.nan, 5.0)
    assert rows(detector.update(column(enough))) == [79]


def test_a_reference_with_too_few_values_is_not_compared_with() -> None:
    for n, looks in ((49, []), (50, [39])):
        detector = KS(1, window=40, stride=40)
        detector.fit(column(np.append(np.arange(n), np.full(30, np.nan))))
        assert rows(detector.update(np.full((40, 1), 1e3))) == looks


def test_nothing_is_looked_at_before_a_reference() -> None:
    assert KS(1, window=40).update(np.arange(100.0)[:, np.newaxis]) == []


def test_a_drift_is_declared_at_every_look_while_it_lasts_with_one_start() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(4000, 1))
    values[1000:2000] += 1
    detector = KS(1, window=200, stride=50)
    detector.fit(rng.normal(size=(2000, 1)))
    changes = detector.update(values)
    assert rows(changes) == list(range(changes[0].row, changes[-1].row + 1, 50))
    assert 1000 < changes[0].row < 1150
    assert 2000 < changes[-1].row < 2200
    assert len({change.start for change in changes}) == 1
    assert abs(changes[0].start - 1000) <= 20


@pytest.mark.parametrize(
    ("shift", "spread", "direction"), [(1.0, 1.0, "up"), (-1.0, 1.0, "down"), (0.0, 3.0, "both"), (0.0, 0.2, "both")]
)
def test_the_direction_is_where_values_went(shift: float, spread: float, direction: str) -> None:
    rng = np.random.default_rng(5)
    detector = KS(1)
    detector.fit(rng.normal(size=(2000, 1)))
    changes = detector.update(rng.normal(shift, spread, size=(1500, 1)))
    assert {change.direction for change in changes} == {direction}


@pytest.mark.parametrize("shift", [1.0, -2.0])
def test_the_start_is_close_to_the_change(shift: float) -> None:
    errors = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(2000, 1))
        values[1500:] += shift
        values[rng.random(2000) < 0.1] = np.nan
        detector = KS(1)
        detector.fit(rng.normal(size=(2000, 1)))
        errors.append(abs(detector.update(values)[0].start - 1500))
    assert np.median(errors) <= 10
    assert max(errors) <= 60


def test_a_rare_category_that_becomes_common_is_found() -> None:
    rng = np.random.default_rng(6)
    detector = KS(1)
    detector.fit((rng.random((2000, 1)) < 0.02).astype(np.float64))
    common = rng.random(3000) < np.where(np.arange(3000) < 1500, 0.02, 0.5)
    change = detector.update(column(common.astype(np.float64)))[0]
    assert 1500 < change.row < 1750
    assert abs(change.start - 1500) <= 10


def test_a_reference_of_a_hundred_thousand_rows_keeps_a_small_state() -> None:
    rng = np.random.default_rng(7)
    detector = KS(2)
    detector.fit(rng.normal(size=(100_000, 2)))
    values = rng.normal(size=(700, 2))
    detector.update(values)
    again = KS(2)
    again.fit(np.random.default_rng(7).normal(size=(100_000, 2)))
    again.restore(detector.state())
    assert sum(part.nbytes for part in detector.state().values() if isinstance(part, np.ndarray)) < 8000
    assert again.update(values) == detector.update(values)
    assert again.statistic.tolist() == detector.statistic.tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 1}, "window must be at least 2, got 1"),
        ({"stride": 0}, r"stride must lie between 1 and window \(500\), got 0"),
        ({"stride": 501}, r"stride must lie between 1 and window \(500\), got 501"),
        ({"alpha": 0.0}, r"alpha must lie in \(0, 1\), got 0.0"),
        ({"minimum": 501}, r"minimum must lie between 1 and window \(500\), got 501"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KS(1, **arguments)
