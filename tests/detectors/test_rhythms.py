"""A rhythm that is learnt while its signal is changed, whatever the cuts and restarts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter

from detectors import Array, Times
from detectors.counting.history import STEP, History
from detectors.counting.rhythm import Rhythm
from detectors.counts import Counts
from detectors.scan import Scan

from .test_contract import pack, unpack

ROWS, REFERENCE, DAYS = 40_000, 1_500, 10


def world() -> tuple[Array, Array, Times]:
    """Numbers and errors, categories, and their times."""
    rng = np.random.default_rng(0)
    days = np.sort(rng.random(ROWS) * DAYS)
    mean = 0.4 * np.sin(2 * np.pi * days) + 0.4 * (days > 8)
    numbers = (rng.normal(size=ROWS) + mean, rng.normal(size=ROWS), (rng.random(ROWS) < 0.2 + 0.2 * mean).astype(float))
    categories = np.where(rng.random(ROWS) < 0.4 + 0.25 * mean, 0.0, rng.integers(1, 4, ROWS)), rng.integers(0, 3, ROWS) * 1.0
    return np.column_stack(numbers), np.column_stack(categories), (days * 86_400e6).astype(np.int64)


@pytest.mark.parametrize("kind", ["scan", "counts"])
def test_cuts_and_restarts_change_nothing(kind: str) -> None:
    numbers, categories, times = world()
    values = numbers if kind == "scan" else categories
    make: Callable[[], Scan | Counts] = (
        (lambda: Scan(3, run_length=4e6, min_effect=0.05))
        if kind == "scan"
        else (lambda: Counts(2, run_length=4e6, min_effect=0.01))
    )

    def watched(longest: int, restarts: float) -> tuple[list[str], bytes]:
        rng, at, found = np.random.default_rng(longest), REFERENCE, list[str]()
        detector = make()
        detector.fit(values[:at], times[:at])
        while at < ROWS:
            to = at + int(rng.integers(1, longest))
            found += map(str, detector.update(values[at:to], times[at:to]))
            at = to
            if rng.random() < restarts:
                state = unpack(pack(detector.state()))
                detector = make()
                detector.fit(values[:REFERENCE], times[:REFERENCE])
                detector.restore(state)
        return found, pack(detector.state())

    whole = watched(2 * ROWS, 0.0)
    assert len(whole[0]) > 3
    assert watched(3_000, 0.3) == watched(300, 0.02) == whole


def test_a_rhythm_of_shares_that_is_lost_and_found_again_stays_with_its_windows() -> None:
    rng = np.random.default_rng(1)
    times = np.arange(4_000) * 100_000_000
    first = rng.binomial(STEP, 0.5 + 0.4 * np.sin(2 * np.pi * times / 86_400e6))
    counts = np.stack((first, STEP - first), axis=1)[:, np.newaxis]
    rhythm, history = Rhythm(1, 2), History(np.zeros((1, 2), np.int64))
    never = np.zeros((4_000, 1), np.bool_)
    for at in range(0, 4_000, 500):
        part = slice(at, at + 500)
        excess, looks = rhythm.take(counts[part], times[part], at), history.append(counts[part])
        assert (excess is None) == (at < 2_500)
        if excess is not None:
            assert len(excess) == len(looks.step)
            assert np.abs(excess).max() > 0
        rhythm.learn(never[part])
        if at == 2_000:
            assert rhythm.refit(never[0])[0].all()
        elif at == 2_500:
            kept = rhythm.state()
            rhythm.restore(kept | {"season": Rhythm(1, 2).state()["season"]})  # its season is lost
        elif at == 3_000:
            rhythm.restore(rhythm.state() | {"season": kept["season"]})


@pytest.mark.parametrize("step", [0.0, 1.0])
def test_a_step_among_the_first_days_of_a_rhythm_is_found_once_the_rhythm_is_known(step: float) -> None:
    rng = np.random.default_rng(0)
    days = np.sort(rng.random(6_000) * 3)
    values = (rng.normal(size=6_000) + 1.4 * np.sin(2 * np.pi * days) + step * (days > 1.3))[:, np.newaxis]
    times = (days * 86_400e6).astype(np.int64)
    scan = Scan(1, run_length=1e6, min_effect=0.1)
    scan.fit(values[:1_800], times[:1_800])
    found = scan.update(values[1_800:], times[1_800:])
    assert [change.direction for change in found[:1]] == ["up"] * (step > 0)
    assert all(days[1_800 + change.row] < 2.6 for change in found[:1])


def test_what_wanders_beside_a_rhythm_has_no_step() -> None:
    rng = np.random.default_rng(1)
    days, wandering = np.sort(rng.random(6_000) * 3), lfilter([1.0], [1.0, -0.97], rng.normal(size=6_000)) / 4
    values = (wandering + 1.4 * np.sin(2 * np.pi * days))[:, np.newaxis]
    scan = Scan(1, run_length=1e7, min_effect=0.1)
    scan.fit(values[:1_800], (days[:1_800] * 86_400e6).astype(np.int64))
    assert not scan.update(values[1_800:], (days[1_800:] * 86_400e6).astype(np.int64))


def test_no_step_is_looked_for_where_all_rows_but_a_few_are_of_one_day() -> None:
    days = np.append(np.sort(np.random.default_rng(0).random(3_000)) / 10, 3.0 + np.arange(80) / 1_000)
    values, times = np.sin(np.arange(3_080.0))[:, np.newaxis], (days * 86_400e6).astype(np.int64)
    scan = Scan(1)
    scan.fit(values[:1_000], times[:1_000])
    assert not scan.update(values[1_000:], times[1_000:])


def test_a_signal_that_is_always_the_same_has_neither_a_rhythm_nor_a_step() -> None:
    values, times = np.full((6_000, 1), 7.0), np.arange(6_000) * 50_000_000
    scan = Scan(1)
    scan.fit(values[:1_000], times[:1_000])
    assert not scan.update(values[1_000:], times[1_000:])
