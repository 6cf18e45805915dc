"""A change of unit is named, and no other change is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.quality.columns import Numbers, Watched, said

Draw = Callable[[np.random.Generator, int], Numbers]

N = 2_000


def units_said(reference: Numbers, window: Numbers) -> list[str]:
    return [one.summary for one in Watched({"x": reference}).window({"x": window}) if one.name == "UnitJump"]


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1_000, "is 1000 or 1024 times larger than in the reference: a unit (milli or kilo or kibi)?"),
        (1 / 1_000, "is 1000 or 1024 times smaller than in the reference: a unit (milli or kilo or kibi)?"),
        (100, "is 100 times larger than in the reference: a unit (percent, cents or centi)?"),
        (1 / 60, "is 60 times smaller than in the reference: a unit (seconds, minutes or hours)?"),
        (3_600, "is 3600 times larger than in the reference: a unit (seconds or hours)?"),
        (1e6, "is 1e+06 times larger than in the reference: a unit (micro or mega)?"),
    ],
)
def test_factors_between_units_are_named(factor: float, words: str) -> None:
    rng = np.random.default_rng(1)
    assert units_said(rng.gamma(12.0, 3.0, N), rng.gamma(12.0, 3.0, 500) * factor) == [f"x of shop {words}"]


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (2.54, "is 2.54 times larger than in the reference: a unit (inches or centimetres)?"),
        (0.4536, "is 2.205 times smaller than in the reference: a unit (pounds or kilograms)?"),
        (1.609, "is 1.609 times larger than in the reference: a unit (miles or kilometres)?"),
        (0.3048, "is 3.281 times smaller than in the reference: a unit (feet or metres)?"),
    ],
)
def test_small_factors_are_named_once_the_rows_since_then_tell_them(factor: float, words: str) -> None:
    rng = np.random.default_rng(1)
    watched = Watched({"x": rng.gamma(12.0, 3.0, N)})
    found = [watched.window({"x": rng.gamma(12.0, 3.0, 500) * factor}) for _ in range(12)]
    assert [(i, one.summary) for i, issues in enumerate(found) for one in issues if one.name == "UnitJump"] == [
        (5, f"x of shop {words}")
    ]


@pytest.mark.parametrize("factor", [1.5, 1.7, 2, 2.3, 2.4])
def test_an_ordinary_rise_is_no_unit_however_long_it_lasts(factor: float) -> None:
    rng = np.random.default_rng(7)
    draws: list[Draw] = [
        lambda rng, n: rng.lognormal(8, 0.3, n), lambda rng, n: rng.normal(100, 20, n), lambda rng, n: rng.uniform(18, 80, n),
    ]  # fmt: skip
    for draw in draws:
        watched = Watched({"x": draw(rng, N)})
        issues = [one for _ in range(50) for one in watched.window({"x": draw(rng, 300) * factor})]
        assert [one.summary for one in issues if one.name == "UnitJump"] == []


def test_a_thousand_or_1024_is_told_when_the_rows_tell() -> None:
    rng = np.random.default_rng(8)
    for factor, words in ((1_000, "1000"), (1_024, "1024")):
        watched = Watched({"x": rng.normal(100, 11, N)})
        issues = [one for _ in range(30) for one in watched.window({"x": rng.normal(100, 11, 300) * factor})]
        told = [(one.step, one.summary.split(" times")[0]) for one in issues if one.name == "UnitJump"]
        assert told == [("opened", "x of shop is 1000 or 1024"), ("updated", f"x of shop is {words}")]


def test_a_thousand_or_1024_is_never_told_where_the_reference_does_not_tell() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        watched = Watched({"x": rng.lognormal(5, 0.8, N)})
        issues = [one for _ in range(10) for one in watched.window({"x": rng.lognormal(5, 0.8, 300) * 1_000})]
        assert [one.step for one in issues if one.name == "UnitJump"] == ["opened"]
        assert " 1000 or 1024 times " in issues[0].summary


@pytest.mark.parametrize("spread", [1.0, 1.5])
def test_a_rise_that_is_about_ten_times_is_no_unit_however_often_it_is_looked_at(spread: float) -> None:
    rng = np.random.default_rng(12)
    factors = {"seven": 7, "eight": 8, "thirteen": 13, "a seventh": 1 / 7}
    watched = Watched({name: rng.lognormal(3, spread, N) for name in factors})
    issues = [
        one
        for _ in range(30)
        for one in watched.window({name: rng.lognormal(3, spread, 300) * factor for name, factor in factors.items()})
    ]
    assert [one.summary for one in issues if one.name == "UnitJump"] == []


def test_ten_times_is_told_of_widely_spread_values_once_it_cannot_be_eight() -> None:
    for spread, window in ((0.5, 0), (1.2, 1), (1.5, 2)):
        rng = np.random.default_rng(13)
        watched = Watched({"x": rng.lognormal(3, spread, N)})
        found = [watched.window({"x": rng.lognormal(3, spread, 300) * 10}) for _ in range(10)]
        assert [(i, one.step) for i, issues in enumerate(found) for one in issues if one.name == "UnitJump"] == [
            (window, "opened")
        ]


def test_a_unit_that_later_rows_deny_ends() -> None:
    rng = np.random.default_rng(33)
    watched = Watched({"x": rng.lognormal(3, 0.8, N)})
    found = [watched.window({"x": rng.lognormal(3, 0.8, 300) * 50}) for _ in range(20)]
    told = [(i, one.step, one.end) for i, issues in enumerate(found) for one in issues if one.name == "UnitJump"]
    assert [(i, step) for i, step, _ in told] == [(0, "opened"), (5, "resolved")]
    assert told[-1][-1] == "reevaluated"


@pytest.mark.parametrize("growth", [1.05, 1.2])
def test_growth_passes_by_ten_and_sixty_and_is_no_unit(growth: float) -> None:
    rng = np.random.default_rng(16)
    watched = Watched({"x": rng.lognormal(3, 0.3, N)})
    issues = [one for i in range(100) for one in watched.window({"x": rng.lognormal(3, 0.3, 300) * growth**i})]
    assert [one.summary for one in issues if one.name == "UnitJump"] == []


def test_a_unit_is_told_again_only_where_it_is_another_and_ends_where_it_is_none_any_more() -> None:
    rng = np.random.default_rng(9)
    watched = Watched({"x": rng.normal(1_000, 200, N)})
    windows = [watched.window({"x": rng.normal(1_000, 200, 300) * factor}) for factor in (100, 100, 100, 10, 10, 35, 35, 35)]
    told = [[(one.name, one.step) for one in issues] for issues in windows]
    assert [one.end for one in windows[6]] == ["reevaluated"]
    assert told[:6] == [[("UnitJump", "opened")], [], [], [("UnitJump", "updated")], [], []]
    assert told[6:] == [[("UnitJump", "resolved")], [("OutOfRange", "opened")]]


def test_a_large_factor_takes_64_rows_where_values_are_alike() -> None:
    rng = np.random.default_rng(10)
    watched = Watched({"x": rng.lognormal(3, 0.25, N)})
    mixed = rng.lognormal(3, 0.25, 100) * np.repeat((1.0, 60.0), (30, 70))
    assert watched.window({"x": rng.lognormal(3, 0.25, 300)}) == []
    assert said(watched.window({"x": mixed})) == [("UnitJump", "opened", "x")]


def test_what_is_known_of_units_survives_a_restart() -> None:
    rng = np.random.default_rng(11)
    columns = {"x": rng.gamma(12.0, 3.0, N), "y": rng.normal(100, 11, N)}
    one = Watched(columns)
    windows = [{"x": rng.gamma(12.0, 3.0, 300) * 2.54, "y": rng.normal(100, 11, 300) * 1_024} for _ in range(20)]
    whole = [one.window(window) for window in windows]
    other, again = Watched(columns), []
    for window in windows:
        again.append(other.window(window))
        state, other = other.quality.state(), Watched(columns)
        other.quality.restore(state, other.group)
    assert again == whole
    assert [(each.feature, each.step) for issues in whole for each in issues if each.name == "UnitJump"] == [
        ("y", "opened"), ("x", "opened"), ("y", "updated"),
    ]  # fmt: skip


@pytest.mark.parametrize("days", [0, 10])
def test_growth_passes_by_inches_and_miles_and_is_no_unit(days: int) -> None:
    rng = np.random.default_rng(5)
    watched, found = Watched({"x": np.exp(rng.normal(3.0, 0.2, N))}), []
    for window in range(13 * 24):
        grown = 1 + 2 * min(window / (24 * days), 1.0) if days else 1.609
        found += watched.window({"x": np.exp(rng.normal(3.0, 0.2, 83)) * grown})
    assert [one.step for one in found if one.name == "UnitJump"] == (["opened"] if not days else [])


def test_counts_signed_values_and_many_zeros_may_change_their_unit_too() -> None:
    rng = np.random.default_rng(3)
    assert len(units_said(rng.poisson(4, N) * 0.1, rng.poisson(4, 500) * 0.1 * 100)) == 1
    assert len(units_said(rng.normal(size=N), rng.normal(size=500) * 1_000)) == 1
    zeros = rng.random(N) < 0.7
    assert len(units_said(np.where(zeros, 0.0, rng.gamma(9, 2, N)), np.where(zeros, 0.0, rng.gamma(9, 2, N)) / 100)) == 1


@pytest.mark.parametrize(
    ("slope", "intercept", "words"),
    [
        (1.8, 32.0, "is 1.8 times what it was in the reference +32: Celsius came before, Fahrenheit comes now?"),
        (
            1 / 1.8,
            -32 / 1.8,
            "is 0.5556 times what it was in the reference -17.78: Fahrenheit came before, Celsius comes now?",
        ),
        (1.0, 273.15, "is 273.15 more than in the reference: Celsius came before, kelvin comes now?"),
    ],
)
def test_degrees_are_told_apart_by_the_rows_of_two_windows(slope: float, intercept: float, words: str) -> None:
    rng = np.random.default_rng(3)
    mean = 12.0 if slope >= 1 else 54.0
    watched = Watched({"x": rng.normal(mean, 6, N)})
    assert [one for one in watched.window({"x": rng.normal(mean, 6, 500) * slope + intercept}) if one.name == "UnitJump"] == []
    issues = watched.window({"x": rng.normal(mean, 6, 500) * slope + intercept})
    assert [one.summary for one in issues if one.name == "UnitJump"] == [f"x of shop {words}"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sd", [3, 6, 12])
def test_degrees_are_told_both_ways_however_widely_they_are_spread(sd: float, seed: int) -> None:
    for mean, slope, intercept in ((60.0, 1 / 1.8, -32 / 1.8), (16.0, 1.8, 32.0)):
        rng, spread = np.random.default_rng(seed), sd if slope < 1 else sd / 1.8
        watched = Watched({"x": rng.normal(mean, spread, N)})
        found = [watched.window({"x": rng.normal(mean, spread, 150) * slope + intercept}) for _ in range(10)]
        assert [one.step for issues in found for one in issues if one.name == "UnitJump"] == ["opened"]


def test_a_unit_jump_within_a_window_is_seen_at_its_end_and_resolved_by_the_next_good_one() -> None:
    rng = np.random.default_rng(4)
    watched = Watched({"x": rng.gamma(9, 2, N)})
    mixed = rng.gamma(9, 2, 1_000) * np.repeat((1.0, 1_000.0), 500)
    assert said(watched.window({"x": mixed})) == [("UnitJump", "opened", "x")]
    assert said(watched.window({"x": rng.gamma(9, 2, 1_000) * 1_000})) == []
    assert said(watched.window({"x": rng.gamma(9, 2, 1_000)})) == [("UnitJump", "resolved", "x")]


def test_a_unit_jump_is_one_alert_whenever_in_a_window_it_begins() -> None:
    rng = np.random.default_rng(14)
    for before, first in ((900, []), (970, [("OutOfRange", "opened", "x")])):
        watched = Watched({"x": rng.gamma(9, 2, N)})
        mixed = rng.gamma(9, 2, 1_000) * np.repeat((1.0, 1_000.0), (before, 1_000 - before))
        assert said(watched.window({"x": mixed})) == first
        issues = watched.window({"x": rng.gamma(9, 2, 1_000) * 1_000})
        ends = [("OutOfRange", "resolved", "x")] if first else []
        assert said(issues) == [("UnitJump", "opened", "x"), *ends]
        assert {issue.end for issue in issues if issue.step == "resolved"} <= {"reevaluated"}
        back = rng.gamma(9, 2, 1_000) * np.repeat((1_000.0, 1.0), 500)
        assert said(watched.window({"x": back})) == [("UnitJump", "resolved", "x")]


def test_values_that_are_far_out_and_in_no_unit_are_out_of_range_at_once() -> None:
    rng = np.random.default_rng(15)
    watched = Watched({"x": rng.gamma(9, 2, N)})
    assert said(watched.window({"x": np.repeat((18.0, 500.0), (900, 100)) + rng.normal(size=1_000)})) == [
        ("OutOfRange", "opened", "x")
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (lambda rng, n: rng.gamma(9, 2, n), lambda rng, n: rng.gamma(9, 2, n) * 30),
        (lambda rng, n: rng.gamma(9, 2, n), lambda rng, n: rng.gamma(9, 2, n) + 162),
        (lambda rng, n: rng.normal(100, 5, n), lambda rng, n: rng.normal(160, 30, n)),
        (lambda rng, n: rng.lognormal(0, 3, n), lambda rng, n: rng.lognormal(0.48, 3, n)),
        (lambda rng, n: np.ones(n), lambda rng, n: np.full(n, 10.0)),
        (lambda rng, n: rng.normal(12, 6, n), lambda rng, n: rng.normal(60, 6, n)),
        (lambda rng, n: rng.gamma(9, 2, n), lambda rng, n: np.where(rng.random(n) < 0.5, 1, 1_000) * rng.gamma(9, 2, n)),
    ],
    ids=["another factor", "a shift", "another shape", "too wide to tell", "one value", "warmer", "half of the rows"],
)
def test_other_changes_are_no_change_of_unit(before: Draw, after: Draw) -> None:
    rng = np.random.default_rng(5)
    assert units_said(before(rng, N), after(rng, 500)) == []


def test_a_spread_that_is_three_times_as_large_is_no_small_unit_as_medians_may_be_so_by_chance() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert units_said(rng.normal(0, 5, N), rng.normal(0, 15, 500)) == []


def test_no_unit_jumps_where_nothing_changes() -> None:
    rng = np.random.default_rng(6)

    def rows(n: int) -> dict[str, Numbers]:
        return {
            "t": rng.standard_t(1.2, n), "log": rng.lognormal(0, 2, n), "flag": rng.integers(0, 2, n) * 1.0,
            "counts": rng.poisson(0.3, n) * 1.0, "huge": rng.normal(size=n) * 1e300,
        }  # fmt: skip

    watched = Watched(rows(N))
    for _ in range(30):
        assert watched.window(rows(300)) == []
