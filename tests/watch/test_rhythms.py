"""What a change amounts to, and when it is over, on top of a rhythm of the day; and a change that is doubted at first."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.watching.finding import Finding
from stream_monitor.watching.recent import Marks
from stream_monitor.watching.reference import Reference, Sort
from stream_monitor.watching.season import Season
from stream_monitor.watching.signals import Floats, Signals

A_DAY, REFERENCE = 6_000, 2_000


def rhythmic(sort: Sort, days: float, daily: float, steps: dict[float, float], seed: int) -> tuple[Floats, np.ndarray]:
    """Values and their times: a wave of the day, and what is added to it from a day on."""
    rng, n = np.random.default_rng(seed), int(days * A_DAY)
    day = np.arange(n) / A_DAY
    mean = daily * np.sin(2 * np.pi * day) + sum(by * (day >= at) for at, by in steps.items())
    values = (rng.random(n) < 0.14 + mean).astype(float) if sort == "loss" else rng.normal(size=n) + mean
    return values[:, np.newaxis], (day * 86_400e6).astype(np.int64)


def mixed(days: float, categories: int, steps: dict[float, float], seed: int) -> tuple[Floats, np.ndarray]:
    """Numbers of categories and their times: the first comes more or less often by day, and more or less from a day on."""
    rng, n = np.random.default_rng(seed), int(days * A_DAY)
    day = np.arange(n) / A_DAY
    share = 0.3 + 0.15 * np.sin(2 * np.pi * day) + sum(by * (day >= at) for at, by in steps.items())
    values = np.where(rng.random(n) < share, 0, rng.integers(1, categories, n)).astype(float)
    return values[:, np.newaxis], (day * 86_400e6).astype(np.int64)


def followed(
    sort: Sort, values: Floats, times: np.ndarray, per: int = 500, restarts: int = 0, counted: bool = False
) -> list[Finding]:
    """What becomes of a signal, the first rows of which are its reference."""

    def made() -> Signals:
        least = np.array([0.02 if counted or sort == "loss" else 0.1])
        reference = Reference(sort, ("x",), values[:REFERENCE], times[:REFERENCE], least, counted)
        signals = Signals(reference, {"counts" if counted else "scan": {}}, 2_000)
        signals.allow(1e6)
        return signals

    signals, findings = made(), []
    for count, start in enumerate(range(REFERENCE, len(values), per)):
        rows = np.arange(start, min(start + per, len(values))) - REFERENCE
        part = rows + REFERENCE
        findings += signals.update(values[part], Marks(rows, rows, times[part]))
        if restarts and count % restarts == 0:
            state, signals = signals.state(), made()
            signals.restore(state)
    return findings


@pytest.mark.parametrize(("sort", "daily", "step"), [("loss", 0.07, 0.07), ("feature", 1.0, 0.5)])
def test_a_change_on_top_of_a_rhythm_is_as_large_as_it_is_and_outlasts_the_trough(
    sort: Sort, daily: float, step: float
) -> None:
    values, times = rhythmic(sort, 8.0, daily, {4.0: step, 6.5: -step}, seed=1)
    findings = [one for one in followed(sort, values, times) if one.row > 3.5 * A_DAY]
    assert (findings[0].step, findings[0].direction) == ("opened", "up")
    assert [one.step for one in findings if one.row < 6.2 * A_DAY].count("resolved") == 0
    last = [one for one in findings if one.step == "updated"][-1]
    assert last.after - last.before == pytest.approx(step, abs=max(0.3 * step, 0.045))
    assert findings[-1].step == "resolved"


@pytest.mark.parametrize("categories", [2, 5])
def test_a_change_of_shares_on_top_of_a_rhythm_outlasts_the_trough_and_ends_with_it(categories: int) -> None:
    values, times = mixed(7.5, categories, {4.0: 0.12, 6.5: -0.12}, seed=2)
    findings = [one for one in followed("prediction", values, times, counted=True) if one.row > 3.0 * A_DAY]
    assert [one.step for one in findings if one.step != "updated"] == ["opened", "resolved"]
    assert findings[0].began_time == pytest.approx(times[4 * A_DAY], abs=0.1 * 86_400e6)
    assert findings[-1].row + REFERENCE > 6.5 * A_DAY
    [(_, before, after)] = [share for share in findings[-2].shares if share[0] == 0]
    assert after - before == pytest.approx(0.12, abs=0.04)


def test_cuts_and_restarts_change_nothing_of_shares() -> None:
    values, times = mixed(5.5, 4, {4.0: 0.12}, seed=3)
    whole = [one._replace(row=0) for one in followed("prediction", values, times, per=len(values), counted=True)]
    assert len(whole) > 2
    for per, restarts in ((997, 3), (250, 7)):
        cut = followed("prediction", values, times, per, restarts, counted=True)
        assert repr([one._replace(row=0) for one in cut]) == repr(whole)


def test_cuts_and_restarts_change_nothing() -> None:
    values, times = rhythmic("loss", 6.0, 0.07, {4.0: 0.07}, seed=2)
    whole = followed("loss", values, times, per=len(values))
    assert len(whole) > 2
    for per, restarts in ((997, 3), (250, 7)):
        assert [one._replace(row=0) for one in followed("loss", values, times, per, restarts)] == [
            one._replace(row=0) for one in whole
        ]


def test_what_only_changes_with_the_time_of_day_is_nothing_once_it_is_known() -> None:
    values, times = rhythmic("feature", 5.0, 2.0, {}, seed=3)
    reference = Reference("feature", ("x",), values[:REFERENCE], times[:REFERENCE], np.array([0.1]))
    season, none = Season(reference), np.zeros(1, np.bool_)
    known = np.concatenate(
        [season.without(values[at : at + 700], times[at : at + 700], none) for at in range(REFERENCE, 30_000, 700)]
    )
    hours = known[-A_DAY:].reshape(24, -1).mean(axis=1)
    assert np.abs(hours - reference.mean).max() < 0.3
    assert np.ptp(values[-A_DAY:].reshape(24, -1).mean(axis=1)) > 3


@pytest.mark.parametrize(
    ("daily", "days", "incidents"),
    [
        (0.0, 19.0, [(10.4, 11.4, 1.0), (13.2, 14.2, -1.0)]),
        (0.7, 19.0, [(10.4, 11.4, 1.0), (13.2, 14.2, -1.0)]),
        (0.0, 19.0, [(2.2, 3.45, 1.0)]),
    ],
)
def test_an_incident_that_is_over_is_no_rhythm(daily: float, days: float, incidents: list[tuple[float, float, float]]) -> None:
    per_day = 1_440
    day = np.arange(int(days * per_day)) / per_day
    mean = daily * np.sin(2 * np.pi * day) + sum(by * ((day >= at) & (day < end)) for at, end, by in incidents)
    values = np.random.default_rng(7).normal(size=len(day)) + mean
    findings = followed("feature", values[:, np.newaxis], (day * 86_400e6).astype(np.int64))
    opened = [day[one.row + REFERENCE] for one in findings if one.step == "opened"]
    assert [int(at * 5) for at in opened] == [int(at * 5) for at, _, _ in incidents]
    assert findings[-1].step == "resolved"


def test_a_weekend_that_alarms_is_a_rhythm_once_it_was_seen_twice() -> None:
    day = np.arange(28 * 1_440) / 1_440
    values = np.random.default_rng(7).normal(size=len(day)) - 0.5 * (day % 7 >= 5)
    findings = followed("feature", values[:, np.newaxis], (day * 86_400e6).astype(np.int64))
    opened = [day[one.row + REFERENCE] for one in findings if one.step == "opened"]
    assert 2 <= len(opened) <= 3
    assert max(opened) < 21


@pytest.mark.parametrize(("local", "daily", "restarts"), [(0, 0.0, 0), (-5, 1.0, 0), (9, 0.0, 3)])
def test_a_weekend_that_begins_and_ends_at_a_local_midnight_is_a_rhythm(local: int, daily: float, restarts: int) -> None:
    day = np.arange(43 * 500) / 500
    mean = daily * np.sin(2 * np.pi * day) - 1.0 * ((day + local / 24) % 7 >= 5) + 0.5 * (day >= 38.3)
    values = np.random.default_rng(1).normal(size=len(day)) + mean
    findings = followed("feature", values[:, np.newaxis], (day * 86_400e6).astype(np.int64), restarts=restarts)
    opened = [one for one in findings if one.step == "opened" and day[one.row + REFERENCE] > 14]
    assert [one.direction for one in opened] == ["up"]
    assert 38.3 < day[opened[0].row + REFERENCE] < 39.3


def test_a_rise_of_a_wandering_loss_that_is_doubted_at_first_is_told_when_it_lasts() -> None:
    rng = np.random.default_rng(1)
    blocks = np.repeat(rng.random(150) < 0.5, 80)[:9_600]  # good and bad times of 80 outcomes
    rates = np.where(blocks, 0.5, 0.1) + 0.14 * (np.arange(9_600) >= 5_000)
    values, times = (rng.random((9_600, 1)) < rates[:, np.newaxis]).astype(float), np.arange(9_600) * 1_000_000
    told = [one for one in followed("loss", values, times) if (one.step, one.direction) == ("opened", "up")]
    assert [one.row for one in told if one.row > 2_900]
