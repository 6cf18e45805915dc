"""Counts finds changes of shares, keeps its run length, and says when and which way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency, norm

from detectors import Array, Change
from detectors.counting import persistence
from detectors.counting.categories import Categories
from detectors.counting.deviance import freedom, likelihood_ratio, normal, shrunk
from detectors.counts import Counts

from .streams import column, rows

SKEWED = (0.9, 0.06, 0.02, 0.01, 0.01)


def drawn(shares: tuple[float, ...], n: int, signals: int, seed: int, persistence: float = 0.0) -> Array:
    """Categories 0, 1, ... with these shares, each value the one before with the given chance; float64[n, signals]."""
    rng = np.random.default_rng(seed)
    values = np.searchsorted(np.cumsum(shares)[:-1], rng.random((n, signals)), side="right").astype(np.float64)
    kept = rng.random((n, signals)) < persistence
    kept[0] = False
    source = np.maximum.accumulate(np.where(kept, 0, np.arange(n)[:, np.newaxis]), axis=0)
    return np.take_along_axis(values, source, axis=0)


def eventful(seed: int) -> Array:
    """Four signals of some categories that change somewhere, some missing; float64[2000, 4]."""
    rng = np.random.default_rng(seed)
    late = np.arange(2000) >= rng.integers(300, 1500)
    odd = np.where(late, rng.integers(0, 3, 2000), rng.integers(0, 12, 2000))
    values = np.column_stack((
        rng.random(2000) < 0.1 + 0.3 * late, rng.poisson(2 + late), odd, np.where(late & (rng.random(2000) < 0.2), 77, 5),
    )).astype(np.float64)  # fmt: skip
    values[rng.random(values.shape) < 0.05] = np.nan
    return values


def known(seed: int) -> Array:
    rng = np.random.default_rng([seed, 1])
    columns = rng.random(600) < 0.1, rng.poisson(2, 600), rng.integers(0, 12, 600), np.full(600, 5)
    return np.column_stack(columns).astype(np.float64)


def fitted(reference: Array, **arguments: Any) -> Counts:
    detector = Counts(reference.shape[1], **arguments)
    detector.fit(reference)
    return detector


def first_alarms(shares: tuple[float, ...], run_length: float, rows: int, seed: int, persistence: float = 0.0) -> float:
    """The measured run length in units of the one that was asked for, over 200 signals."""
    values = drawn(shares, 1000 + rows, 200, seed, persistence)
    first = np.full(200, rows)
    for change in fitted(values[:1000], run_length=run_length).update(values[1000:]):
        first[change.signal] = min(first[change.signal], change.row)
    return float(first.sum() / max(1, np.count_nonzero(first < rows)) / run_length)


@pytest.mark.parametrize("shares", [(0.5, 0.5), SKEWED, (0.1,) * 10])
def test_false_alarms_are_as_rare_as_was_asked(shares: tuple[float, ...]) -> None:
    assert 0.65 < first_alarms(shares, 5000, 10_000, 1) < 1.5


@pytest.mark.parametrize("persistence", [0.5, 0.8])
def test_false_alarms_are_as_rare_where_values_persist(persistence: float) -> None:
    assert 0.65 < first_alarms((0.5, 0.3, 0.2), 5000, 10_000, 2, persistence) < 1.6


def test_the_statistic_is_that_of_scipy() -> None:
    window, before = np.array([[30.0], [20.0], [14.0]]), np.array([[300.0], [400.0], [200.0]])
    peer = chi2_contingency(np.hstack((window, before)), lambda_="log-likelihood")
    assert likelihood_ratio(window, before)[0] == pytest.approx(peer.statistic)
    score = normal(np.array([peer.statistic]), np.array([2.0]), np.array([np.inf]))[0]
    assert score == pytest.approx(norm.isf(chi2.sf(peer.statistic, 2)), abs=0.02)


def test_rare_categories_count_as_less_than_one_degree_of_freedom() -> None:
    many, few = np.array([[500.0], [500.0], [500.0]]), np.array([[500.0], [500.0], [0.01]])
    assert freedom(many, 1e4 * many, np.ones(1))[0] == pytest.approx(2, abs=0.01)
    assert 1 < freedom(few, 1e4 * few, np.ones(1))[0] < 1.2


def test_inflation_is_that_of_a_markov_chain() -> None:
    for stays, expected in ((0.0, 1.0), (0.5, 3.0), (0.8, 9.0)):
        values = drawn((0.5, 0.3, 0.2), 50_000, 5, 3, stays)
        kinds = Categories(values, 8)
        codes = np.concatenate((np.full((persistence.LAGS, 5), 9, np.int8), kinds.reference))
        found, _ = persistence.inflation(kinds.known, persistence.repeats(codes, 9), np.full(5, 50_000))
        assert np.allclose(found, expected, rtol=0.12)


def test_a_new_category_is_found_within_a_window() -> None:
    values = drawn((0.5, 0.3, 0.2), 3000, 1, 4)
    values[2000::10] = 99.0
    detector = fitted(drawn((0.5, 0.3, 0.2), 2000, 1, 5))
    change = detector.update(values)[0]
    assert 2000 < change.row < 2130
    assert abs(change.start - 2000) <= 40
    assert change.direction == "both"
    categories, before, since = detector.shares(0)
    assert categories.tolist()[:3] == [0, 1, 2]
    assert np.isnan(categories[3])
    assert before.sum() == pytest.approx(1)
    assert before[3] == 0
    assert since[3] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(("number", "rising"), [(30, 20), (60, 50), (200, 150)])
def test_one_of_many_categories_that_rises_is_found_whatever_its_rank(number: int, rising: int) -> None:
    weights = np.arange(1, number + 1) ** -1.3
    values = drawn(tuple(weights / weights.sum()), 8000, 3, 25)
    values[4000:][np.random.default_rng(26).random((4000, 3)) < 0.06] = rising
    first: dict[int, Change] = {}
    for change in fitted(values[:2000], run_length=1e5, min_effect=0.01).update(values[2000:]):
        first.setdefault(change.signal, change)
    assert all(2000 < change.row < 5000 and abs(change.start - 2000) < 500 for change in first.values())
    assert len(first) == 3


def test_half_of_many_light_categories_that_vanish_are_missed() -> None:
    values = drawn((1 / 1000,) * 1000, 20_000, 3, 30)
    left = np.random.default_rng(31).permutation(1000)[:500]
    values[12_000:] = left[values[12_000:].astype(int) // 2]
    changes = fitted(values[:2000], run_length=1e6, min_effect=0.01).update(values[2000:])
    assert min(change.row for change in changes) > 10_000
    assert {change.signal for change in changes} == {0, 1, 2}


def test_no_season_is_found_by_chance_among_many_categories_that_would_hide_a_change() -> None:
    values = drawn((1 / 1000,) * 1000, 22_000, 3, 35)
    values[12_000:] = np.random.default_rng(36).permutation(1000)[:500][values[12_000:].astype(int) // 2]
    times = (np.arange(22_000) * (4 * 86_400e6 / 22_000)).astype(np.int64)
    counts = Counts(3, run_length=1e6, min_effect=0.01)
    counts.fit(values[:2000], times[:2000])
    changes = counts.update(values[2000:], times[2000:])
    assert min(change.row for change in changes) > 10_000
    assert {change.signal for change in changes} == {0, 1, 2}


def test_light_categories_that_rise_together_are_found_though_each_rises_by_little() -> None:
    weights = np.arange(1, 1501) ** -0.9
    later = weights * np.where(np.arange(1500) < 500, 1, 2)
    before, after = (drawn(tuple(some / some.sum()), 20_000, 2, seed) for some, seed in ((weights, 33), (later, 34)))
    changes = fitted(before[:2000], run_length=1e6, min_effect=0.01).update(np.concatenate((before[2000:], after)))
    assert min(change.row for change in changes) > 18_000
    assert {change.signal for change in changes} == {0, 1}


def test_lots_that_come_in_bursts_together_are_not_held_to_how_each_of_them_comes() -> None:
    rng = np.random.default_rng(35)
    burst, light = np.repeat(rng.random(6000) < 0.2, 5), rng.integers(100, 2000, 30_000)
    kinds = Categories(np.where(burst, light, rng.integers(0, 8, 30_000)).astype(np.float64)[:, np.newaxis], 8)
    codes, rows = np.concatenate((np.full((persistence.LAGS, 1), kinds.most + 1, np.int8), kinds.reference)), np.full(1, 20_000)
    repeated, inside = persistence.repeats(codes, kinds.most + 1), kinds.in_lots(kinds.known)
    together = persistence.repeats_of_lots(codes, kinds.lots, kinds.most + 1)
    each, _ = persistence.inflations(kinds.known, repeated, rows)
    of_all, _ = persistence.inflation_of_lots(kinds.known, inside, together, rows)
    assert each.max() < 2
    assert 4 < of_all[0] < 6
    assert inside[0] / 20_000 == pytest.approx(0.2, abs=0.02)


def test_how_many_lots_one_signal_has_makes_no_difference_to_others() -> None:
    values = np.random.default_rng(36).integers(0, (3, 20, 200), (6000, 3)).astype(np.float64)
    values[4000:] //= 2
    changes = fitted(values[:1000]).update(values[1000:])
    for signal in range(3):
        alone = fitted(column(values[:1000, signal])).update(column(values[1000:, signal]))
        assert [change._replace(signal=signal) for change in alone] == [c for c in changes if c.signal == signal] != []


def test_categories_in_lots_are_the_others() -> None:
    values = np.random.default_rng(27).integers(0, 60, (3000, 1)).astype(np.float64)
    categories, before, since = fitted(values).shares(0)
    assert len(categories) == len(before) == len(since) == 9
    assert before.sum() == pytest.approx(1)
    assert before[-1] == pytest.approx(52 / 60, abs=0.03)


def test_a_category_that_persists_is_not_held_to_the_mean_of_all() -> None:
    values = drawn((0.25, 0.25, 0.25, 0.25), 40_000, 1, 28)
    values[np.repeat(np.random.default_rng(29).random(4000) < 0.05, 10), 0] = 9.0
    counts = Categories(values, 8)
    codes = np.concatenate((np.full((persistence.LAGS, 1), 6, np.int8), counts.reference))
    each, _ = persistence.inflations(counts.known, persistence.repeats(codes, counts.most + 1), np.full(1, 40_000))
    assert each[4, 0] > 6
    assert (each[:4, 0] < 2).all()


@pytest.mark.parametrize(("later", "direction"), [(0.2, "up"), (0.02, "down")])
def test_two_categories_have_a_direction(later: float, direction: str) -> None:
    reference, before = drawn((0.9, 0.1), 2000, 1, 6), drawn((0.9, 0.1), 2000, 1, 7)
    changes = fitted(reference).update(np.concatenate((before, drawn((1 - later, later), 1000, 1, 8))))
    assert changes[0].direction == direction
    assert 2000 < changes[0].row < 2700
    assert changes[0].earliest <= changes[0].start <= changes[0].latest


def first_of_many(signals: int) -> list[Change]:
    values = np.concatenate((drawn((0.8, 0.1, 0.1), 3000, signals, 9), drawn((0.6, 0.3, 0.1), 1500, signals, 10)))
    first: dict[int, Change] = {}
    for change in fitted(values[:1000]).update(values[1000:]):
        if change.start > 1000:
            first.setdefault(change.signal, change)
    return list(first.values())


def test_the_interval_holds_the_change() -> None:
    changes = first_of_many(150)
    assert len(changes) >= 148
    assert np.mean([change.earliest <= 2000 <= change.latest for change in changes]) > 0.9
    assert np.median([abs(change.start - 2000) for change in changes]) <= 24
    assert np.median([change.latest - change.earliest for change in changes]) <= 200


def test_a_change_that_lasts_is_declared_again_with_about_the_same_start() -> None:
    values = np.concatenate((drawn((0.7, 0.3), 2000, 1, 11), drawn((0.3, 0.7), 2000, 1, 12)))
    changes = fitted(drawn((0.7, 0.3), 2000, 1, 13)).update(values)
    assert len(changes) > 10
    assert all(abs(change.start - 2000) < 200 for change in changes)
    assert all(later - earlier >= 64 for earlier, later in zip(rows(changes), rows(changes)[1:]))


def test_a_change_that_is_too_small_to_matter_is_not_declared() -> None:
    values = drawn((0.86, 0.14), 20_000, 1, 14)
    reference = drawn((0.9, 0.1), 5000, 1, 15)
    assert fitted(reference).update(values)
    assert fitted(reference, min_effect=0.06).update(values) == []
    large = drawn((0.7, 0.3), 2000, 1, 16)
    assert fitted(reference, min_effect=0.06).update(large)


def test_what_is_closer_than_the_effect_is_no_difference() -> None:
    window, before = np.array([[60.0], [30.0], [10.0]]), np.array([[500.0], [400.0], [100.0]])
    assert likelihood_ratio(shrunk(window, before, 0.11), before)[0] == pytest.approx(0, abs=1e-9)
    assert 0 < likelihood_ratio(shrunk(window, before, 0.05), before)[0] < likelihood_ratio(window, before)[0]


def test_what_is_left_of_a_difference_is_the_least_that_its_effect_allows() -> None:
    window, before = np.array([[40.0], [30.0], [20.0], [10.0], [0.0]]), np.array([[200.0], [300.0], [300.0], [0.0], [200.0]])
    left = shrunk(window, before, 0.14)
    assert left[:, 0] == pytest.approx([36, 30, 21.6, 0, 14.4 - 2], abs=3)
    assert np.abs(window - left).sum() / 2 == pytest.approx(14, abs=1e-6)
    least = likelihood_ratio(left, before)[0]
    for some in np.random.default_rng(32).normal(0, 1, (200, 5)):
        other = np.maximum(left[:, 0] + some - some.mean(), 0.0)
        if abs(other.sum() - 100) < 1e-9 and np.abs(other - window[:, 0]).sum() / 2 <= 14:
            assert likelihood_ratio(other[:, np.newaxis], before)[0] > least


def test_rarity_is_the_run_length_at_which_the_threshold_would_be_the_statistic() -> None:
    values = np.concatenate((drawn((0.7, 0.3), 2000, 1, 17), drawn((0.45, 0.55), 500, 1, 18)))
    change = fitted(values[:1000]).update(values[1000:])[0]
    again = fitted(values[:1000], run_length=change.rarity * 0.999).update(values[1000:])
    assert change.row in rows(again)
    assert change.row not in rows(fitted(values[:1000], run_length=change.rarity * 1.01).update(values[1000:]))


def test_a_signal_that_may_never_alarm_does_not() -> None:
    values = np.concatenate((drawn((0.7, 0.3), 2000, 2, 19), drawn((0.1, 0.9), 2000, 2, 20)))
    detector = fitted(values[:1000])
    detector.allow(np.array([np.inf, 1e4]))
    assert {change.signal for change in detector.update(values[1000:])} == {1}


def test_a_longer_run_length_is_a_higher_threshold() -> None:
    values = drawn((0.7, 0.3), 2000, 2, 21)
    detector = fitted(values[:1000])
    detector.allow(np.array([1e3, 1e8]))
    detector.update(values[1000:])
    assert detector.threshold[0] < detector.threshold[1]


@given(seed=st.integers(0, 99), at=st.lists(st.integers(0, 2000), max_size=12))
@settings(max_examples=30, deadline=None)
def test_neither_cut_nor_restart_changes_a_result(seed: int, at: list[int]) -> None:
    values, reference = eventful(seed), known(seed)
    whole, part = fitted(reference, run_length=2000), fitted(reference, run_length=2000)
    changes: list[Change] = []
    for some in np.split(values, sorted(at)):
        state = part.state()
        part = fitted(reference, run_length=2000)
        part.restore(state)
        changes += part.update(some)
    expected = whole.update(values)
    assert changes == expected
    assert {change.signal for change in expected} >= {2, 3}
    for name, value in whole.state().items():
        assert np.asarray(value).tobytes() == np.asarray(part.state()[name]).tobytes()


def test_rows_one_by_one_and_signals_apart_give_what_one_call_gives() -> None:
    values, reference = eventful(1), known(1)
    changes, single = fitted(reference).update(values), fitted(reference)
    assert [change for row in values for change in single.update(row[np.newaxis])] == changes
    for signal in range(4):
        alone = fitted(column(reference[:, signal])).update(column(values[:, signal]))
        assert [change._replace(signal=signal) for change in alone] == [c for c in changes if c.signal == signal]


def test_infinite_values_are_missing_and_missing_signals_say_nothing() -> None:
    values = eventful(2)
    assert fitted(known(2)).update(np.where(np.isnan(values), np.inf, values)) == fitted(known(2)).update(values)
    values[:, 1] = np.nan
    detector = fitted(known(2))
    assert all(change.signal != 1 for change in detector.update(values))
    assert np.isnan(detector.statistic[1])


def test_without_a_reference_nothing_is_looked_at() -> None:
    assert Counts(4).update(eventful(3)) == []
    assert fitted(np.full((100, 4), np.nan)).update(np.full((500, 4), np.nan)) == []
    assert fitted(np.empty((100, 0))).update(np.empty((500, 0))) == []


def test_values_that_were_chosen_for_being_frequent_are_not_expected_to_stay_so() -> None:
    values = np.random.default_rng(22).integers(0, 60, (40_000, 3)).astype(np.float64)
    assert fitted(values[:2000]).update(values[2000:]) == []


def test_the_state_is_small() -> None:
    detector = fitted(drawn(SKEWED, 1000, 3, 23))
    detector.update(drawn(SKEWED, 20_000, 3, 24))
    assert sum(np.asarray(value).nbytes for value in detector.state().values()) / 3 < 16_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"categories": 0}, "categories must lie between 1 and 12, got 0"),
        ({"run_length": 0.0}, "run_length must be positive, got 0.0"),
        ({"min_effect": 1.0}, r"min_effect must lie in \[0, 1\), got 1.0"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Counts(1, **arguments)


def test_a_daily_rhythm_of_shares_is_learnt_though_its_reference_was_of_some_hours() -> None:
    def alarms(daily: float, shift: float) -> list[float]:
        rng = np.random.default_rng(2)
        days = np.sort(rng.random(40_000) * 10)
        share = 0.4 + daily * np.sin(2 * np.pi * days) + shift * (days > 7)
        values = np.where(rng.random(40_000) < share, 0.0, rng.integers(1, 3, 40_000))[:, np.newaxis]
        counts = Counts(1, run_length=4e6, min_effect=0.01)
        times = (days * 86_400e6).astype(np.int64)
        counts.fit(values[:2_000], times[:2_000])
        return [float(days[2_000 + change.row]) for change in counts.update(values[2_000:], times[2_000:])]

    assert 0 < max(alarms(0.1, 0.0)) < 2.7
    assert 7 < min(day for day in alarms(0.1, 0.1) if day > 2.7) < 7.5
    assert len(alarms(0.0, 0.1)) > 2
    assert min(alarms(0.0, 0.1)) > 7
