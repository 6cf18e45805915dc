"""Betting keeps its promises where the risk is all that is tolerated, and finds rises beyond that."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from detectors import Array
from detectors.betting import Betting, highest_mean

from .streams import column

SIGNALS = 200
BETS = np.array((1 / 64, 1 / 20, 1 / 6, 1 / 2))


def errors(seed: int, rows: int, rate: float | Array, signals: int = SIGNALS) -> Array:
    return (np.random.default_rng(seed).random((rows, signals)) < rate).astype(np.float64)


def known_rate(n: int, wrong: int, signals: int = SIGNALS) -> Array:
    """A reference of n outcomes, so many of them wrong, float64[n, signals]."""
    return np.repeat((np.arange(n) < wrong).astype(np.float64)[:, np.newaxis], signals, axis=1)


def tolerated(n: int, wrong: int, rise: float, doubt: float) -> float:
    return float(beta.ppf(1 - doubt, wrong + 1, n - wrong)) + rise


def firsts(detector: Betting, values: Array, otherwise: int) -> Array:
    """How many values each signal takes to its first alarm, float64[d]."""
    first = np.full(values.shape[1], float(otherwise))
    for change in reversed(detector.update(values)):
        first[change.signal] = change.row + 1
    return first


def capitals(losses: Array, risk: float, level: bool) -> Array:
    """What the bets come to after each loss, by their definition: those that began at each row, float64[n]."""
    n = len(losses)
    factors = 1 + BETS / risk * (losses[:, np.newaxis] - risk)
    left = np.arange(1, n + 2) ** -0.1
    stakes, kept = (left[:-1] - left[1:], left[1:]) if level else (np.ones(n), np.zeros(n))
    return np.array([
        kept[last] + sum(stakes[first] * factors[first : last + 1].prod(axis=0).mean() for first in range(last + 1))
        for last in range(n)
    ])  # fmt: skip


@given(seed=st.integers(0, 10_000), level=st.sampled_from((None, 0.2)))
@settings(max_examples=20, deadline=None)
def test_it_declares_when_all_bets_together_are_worth_more_than_the_threshold(seed: int, level: float | None) -> None:
    rng = np.random.default_rng(seed)
    losses = np.concatenate((rng.random(60) ** 8, rng.random(60) ** rng.uniform(0.5, 4)))
    detector = Betting(1, rise=0.1, level=level)
    detector.fit(known_rate(500, 50, 1))
    if level is None:
        detector.allow(np.array([400.0]))
    worth = capitals(losses, tolerated(500, 50, 0.1, level / 2 if level else 0.01), level is not None)
    over = np.flatnonzero(worth > (2 / level if level else 400))
    changes = detector.update(column(losses))
    assert [change.row for change in changes][:1] == over[:1].tolist()
    if changes:
        assert changes[0].statistic == pytest.approx(worth[over[0]], rel=1e-6)


def test_the_run_length_is_kept_where_the_risk_is_all_that_is_tolerated() -> None:
    detector, asked = Betting(SIGNALS), 800
    detector.fit(known_rate(2000, 200))
    detector.allow(np.full(SIGNALS, float(asked)))
    first = firsts(detector, errors(1, 4 * asked, tolerated(2000, 200, 0.05, 0.01)), 4 * asked)
    measured = first.sum() / np.count_nonzero(first < 4 * asked) / asked
    assert 1 < measured < 1.6


def test_false_alarms_are_far_rarer_where_the_risk_is_that_of_the_reference() -> None:
    detector = Betting(SIGNALS)
    detector.fit(known_rate(2000, 200))
    detector.allow(np.full(SIGNALS, 800.0))
    assert len(detector.update(errors(2, 3200, 0.1))) < SIGNALS * 3200 / 800 / 10


@pytest.mark.parametrize("level", [0.2, 0.8])
def test_with_a_level_no_more_streams_than_that_ever_alarm(level: float) -> None:
    detector = Betting(SIGNALS, level=level)
    detector.fit(known_rate(2000, 200))
    first = firsts(detector, errors(3, 3000, tolerated(2000, 200, 0.05, level / 2)), 3001)
    share = np.mean(first < 3001)
    assert share < level / 2 + 3 * np.sqrt(level / 2 / SIGNALS)
    assert level < 0.5 or share > 0.05


def test_a_risk_that_comes_and_goes_below_what_is_tolerated_is_no_change() -> None:
    highest = tolerated(2000, 200, 0.05, 0.05)
    rates = np.where(np.arange(3000) // 50 % 2, highest, 0.01)[:, np.newaxis]
    detector = Betting(SIGNALS, level=0.1)
    detector.fit(known_rate(2000, 200))
    assert np.mean(firsts(detector, errors(4, 3000, rates), 3001) < 3001) < 0.05


@pytest.mark.parametrize(("level", "delays"), [(None, (900, 280, 90)), (0.01, (1750, 530, 140))])
def test_rises_beyond_what_is_tolerated_are_found_the_sooner_the_larger(level: float | None, delays: tuple[int, ...]) -> None:
    reference = errors(5, 10_000, 0.1, 50)
    for more, delay in zip((0.05, 0.1, 0.2), delays, strict=True):
        detector = Betting(50, rise=0.05, level=level)
        detector.fit(reference)
        if level is None:
            detector.allow(np.full(50, 20_000.0))
        assert firsts(detector, errors(6, 1000, 0.1, 50), 1001).tolist() == [1001] * 50
        first = firsts(detector, errors(7, 4000, 0.15 + more, 50), 5001) - 1000
        assert 0.5 * delay < first.mean() < delay


def test_a_rise_that_is_tolerated_is_no_change() -> None:
    detector = Betting(50, rise=0.1, level=0.01)
    detector.fit(errors(8, 5000, 0.1, 50))
    assert detector.update(errors(9, 5000, 0.18, 50)) == []


def test_a_change_is_declared_with_its_start_again_while_it_lasts() -> None:
    detector = Betting(20)
    detector.fit(errors(10, 2000, 0.1, 20))
    changes = detector.update(np.concatenate((errors(11, 1000, 0.1, 20), errors(12, 1000, 0.5, 20))))
    mine = [change for change in changes if change.signal == 0]
    assert len(mine) > 5
    assert mine[0].n_reference == 2000
    assert mine[0].n_current == mine[0].row - mine[0].start + 1
    starts = [next(change.start for change in changes if change.signal == signal) for signal in range(20)]
    assert np.median(starts) == pytest.approx(1000, abs=10)
    assert all(later.start > earlier.row for earlier, later in pairwise(mine))


def test_a_fall_is_no_change() -> None:
    detector = Betting(20)
    detector.fit(errors(13, 2000, 0.5, 20))
    assert detector.update(errors(14, 5000, 0.05, 20)) == []


def test_values_without_a_loss_are_no_change_however_short_the_run_length() -> None:
    detector = Betting(1)
    detector.fit(known_rate(500, 50, 1))
    detector.allow(np.array([2.0]))
    assert detector.update(np.zeros((200, 1))) == []


def test_losses_count_in_parts_of_their_bound_and_up_to_it() -> None:
    rng = np.random.default_rng(15)
    reference, values = rng.gamma(2, 8, (2000, 3)), rng.gamma(2, 16, (2000, 3))
    one, other = Betting(3, rise=5, bound=100), Betting(3, rise=0.05)
    one.fit(reference)
    other.fit(np.minimum(reference, 100) / 100)
    changes = one.update(values)
    assert changes
    assert changes == other.update(np.minimum(values, 100) / 100)


@pytest.mark.parametrize("kind", ["errors", "uniform", "small"])
def test_the_bound_of_the_reference_is_exceeded_no_oftener_than_doubted(kind: str) -> None:
    rng = np.random.default_rng(16)
    draws, mean, near = {
        "errors": (rng.random((300, 300)) < 0.07, 0.07, 0.03),
        "uniform": (rng.random((300, 300)), 0.5, 0.05),
        "small": (0.1 + 0.05 * rng.random((300, 300)), 0.125, 0.02),
    }[kind]
    bounds = np.array([highest_mean(draw.astype(np.float64), 0.1) for draw in draws])
    assert np.mean(bounds < mean) < 0.1 + 3 * np.sqrt(0.1 * 0.9 / 300)
    assert bounds.mean() - mean < near


def test_a_reference_that_leaves_no_room_is_not_watched() -> None:
    for reference in (np.ones((500, 1)), np.zeros((1, 1)), np.empty((0, 1))):
        detector = Betting(1)
        detector.fit(reference)
        assert detector.update(np.ones((5000, 1))) == []
        assert np.isnan(detector.statistic).all()


def test_nothing_grows_beyond_all_bounds_while_alarms_are_off() -> None:
    detector = Betting(1)
    detector.fit(known_rate(500, 50, 1))
    detector.allow(np.array([np.inf]))
    assert detector.update(np.ones((3000, 1))) == []
    assert np.isfinite(detector.statistic).all()
    detector.allow(np.array([1000.0]))
    assert [change.row for change in detector.update(np.ones((1, 1)))] == [3000]


def test_a_level_has_no_run_length() -> None:
    with pytest.raises(NotImplementedError, match="so many streams"):
        Betting(1, level=0.01).allow(np.array([1000.0]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bound": 0.0}, "bound must be positive, got 0.0"),
        ({"rise": 1.0}, r"rise must lie in \[0, 1\), the bound of the loss, got 1.0"),
        ({"level": 1.0}, r"level must lie in \(0, 1\), got 1.0"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Betting(1, **arguments)
