"""A relation has changed when labels keep showing something else than was estimated, always on the same side."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from stream_monitor.estimation.reconcile import Reconciled, Side
from stream_monitor.metrics.intervals import wilson
from stream_monitor.metrics.reading import NOTHING, Reading

ESTIMATED = Reading(0.9, 500, 0.88, 0.92)
BELOW, MEETS, ABOVE = Reading(0.8, 400, 0.77, 0.83), Reading(0.89, 400, 0.86, 0.92), Reading(0.95, 400, 0.93, 0.97)


def changes(reconciled: Reconciled, realised: list[Reading]) -> list[Side | None]:
    return [reconciled.add(ESTIMATED, one).changed for one in realised]


def test_three_windows_in_a_row_say_that_the_relation_has_changed() -> None:
    assert changes(Reconciled(), [BELOW, BELOW, BELOW, BELOW]) == [None, None, "below", "below"]
    assert changes(Reconciled(), [ABOVE] * 3) == [None, None, "above"]


def test_it_is_over_when_none_of_the_last_windows_is_apart() -> None:
    realised = [BELOW, BELOW, BELOW, MEETS, BELOW, MEETS, MEETS, MEETS]
    assert changes(Reconciled(), realised) == [None, None, *["below"] * 5, None]


def test_windows_that_meet_but_together_lie_where_they_lay_are_no_end() -> None:
    nearly = Reading(0.86, 400, 0.83, 0.89)
    assert changes(Reconciled(), [nearly] * 3) == [None] * 3
    assert changes(Reconciled(), [BELOW, BELOW, BELOW, *[nearly] * 5]) == [None, None, *["below"] * 6]
    assert changes(Reconciled(), [BELOW, BELOW, BELOW, *[nearly] * 3, *[MEETS] * 3])[-1] is None


def test_it_is_said_since_when() -> None:
    reconciled = Reconciled()
    realised = [MEETS, *[BELOW] * 4, *[ABOVE] * 3, *[MEETS] * 3]
    found = [reconciled.add(ESTIMATED, one, start) for start, one in enumerate(realised)]
    assert [one.since for one in found] == [0, 0, 0, 1, 1, 1, 1, 5, 5, 5, 0]


def test_windows_on_different_sides_do_not_add_up() -> None:
    assert changes(Reconciled(), [BELOW, ABOVE, BELOW, BELOW, ABOVE]) == [None] * 5


def test_some_of_the_last_may_be_enough() -> None:
    assert changes(Reconciled(often=2, of=4), [BELOW, MEETS, MEETS, BELOW, MEETS]) == [None, None, None, "below", "below"]


def test_both_sides_often_enough_are_no_direction() -> None:
    assert changes(Reconciled(often=2, of=4), [BELOW, BELOW, ABOVE, ABOVE]) == [None, "below", "below", None]


def test_a_window_says_where_it_lies_and_how_often_that_was() -> None:
    reconciled = Reconciled()
    assert reconciled.add(ESTIMATED, BELOW)[:4] == ("below", 1, None, 0)
    assert reconciled.add(ESTIMATED, BELOW)[:4] == ("below", 2, None, 0)
    assert reconciled.add(ESTIMATED, MEETS)[:4] == (None, 0, None, 0)


def test_intervals_that_touch_meet() -> None:
    assert Reconciled().add(ESTIMATED, Reading(0.85, 400, 0.82, 0.88)).apart is None


@pytest.mark.parametrize("unknown", [NOTHING, Reading(0.1, 3)])
def test_windows_without_an_interval_are_passed_over(unknown: Reading) -> None:
    reconciled = Reconciled()
    assert changes(reconciled, [BELOW, BELOW, unknown, BELOW]) == [None, None, None, "below"]
    assert reconciled.add(ESTIMATED, unknown)[:4] == (None, 0, "below", 0)
    assert reconciled.add(unknown, ABOVE)[:4] == (None, 0, "below", 0)


SURE, OF_FOUR, OF_FIVE = Reading(0.9953, 4, 0.9284, 1.0), Reading(0.0, 4, 0.0, 0.4899), Reading(0.0, 5, 0.0, 0.4345)


def test_windows_of_fewer_than_five_outcomes_are_passed_over() -> None:
    reconciled = Reconciled()
    assert {reconciled.add(SURE, OF_FOUR).changed for _ in range(10)} == {None}
    windows = [OF_FIVE, OF_FOUR, OF_FIVE, OF_FOUR, OF_FIVE, OF_FOUR]
    assert [reconciled.add(SURE, one).changed for one in windows] == [None] * 4 + ["below"] * 2


def few(rng: np.random.Generator, accuracy: float) -> Reading:
    """What 50 outcomes show."""
    right = int(rng.binomial(50, accuracy))
    return Reading(right / 50, 50, *wilson(right / 50, 50))


OF_FEW = Reading(0.8, 50, 0.69, 0.91)
SHARE = 50 / 2050
"""Of its variance, if it was learnt from 2,000."""


def test_windows_of_few_outcomes_add_up() -> None:
    rng, reconciled = np.random.default_rng(1), Reconciled()
    found = [reconciled.add(OF_FEW, few(rng, 0.8 if start < 100 else 0.65), start, SHARE) for start in range(140)]
    first = next(one for one in found if one.changed)
    assert (first.changed, found.index(first), first.since) == ("below", 103, 100)
    assert first.together is not None
    assert first.together.realised.value == pytest.approx(0.6, abs=0.1)
    assert first.together.realised.n == 200
    assert first.together.estimated.value == pytest.approx(0.8)
    assert {one.changed for one in found[found.index(first) :]} == {"below"}


@pytest.mark.parametrize(("value", "shown", "highest"), [(0.01, 0.1, 1.0), (0.99, 0.9, 1.0), (0.99, 0.9, math.inf)])
def test_what_is_expected_of_windows_together_lies_where_the_metric_can(value: float, shown: float, highest: float) -> None:
    estimated = Reading(value, 40, max(value - 0.04, 0.0), min(value + 0.04, highest))
    reconciled, realised = Reconciled(highest=highest), Reading(shown, 40, *wilson(shown, 40))
    together = [reconciled.add(estimated, realised, start, SHARE).together for start in range(20)]
    (first, *_) = [one.estimated for one in together if one]
    assert first.low is not None
    assert first.high is not None
    assert first.low == 0.0 if value < 0.5 else (first.high == 1.0) == (highest == 1.0)


def test_windows_that_add_up_are_over_once_all_that_are_taken_are_as_expected() -> None:
    rng, reconciled = np.random.default_rng(2), Reconciled()
    accuracies = [0.65] * 20 + [0.8] * 60
    found = [reconciled.add(OF_FEW, few(rng, accuracy), start, SHARE).changed for start, accuracy in enumerate(accuracies)]
    assert (found[19], found[-1]) == ("below", None)


def test_what_was_on_the_other_side_is_not_taken_with_what_is_now() -> None:
    rng, reconciled = np.random.default_rng(6), Reconciled()
    accuracies = [0.65] * 60 + [0.97] * 40
    found = [reconciled.add(OF_FEW, few(rng, accuracy), start, SHARE) for start, accuracy in enumerate(accuracies)]
    sides = [one.changed for one in found if one.changed]
    turned = sides.index("above")
    assert set(sides[:turned]) == {"below"}
    assert set(sides[turned:]) == {"above"}
    assert len(sides) - turned > 35
    assert all(one.since >= 60 for one in found if one.changed == "above")
    assert all(one.together.start >= 60 for one in found if one.changed == "above" and one.together)


def test_windows_of_many_outcomes_say_together_what_is_more_than_what_was_learnt_may_be_off_since_it_began() -> None:
    estimated, share = Reading(0.7, 230, 0.6255, 0.7745), 950 / 2950

    def shown(precision: float) -> Reading:
        return Reading(precision, 230, *wilson(precision, 230))

    realised = [*[0.69, 0.72] * 5, *[0.78, 0.85, 0.8, 0.84, 0.77, 0.86, 0.82, 0.83] * 2]
    reconciled = Reconciled()
    found = [reconciled.add(estimated, shown(one), start, share) for start, one in enumerate(realised)]
    first = next(one for one in found if one.changed)
    assert (first.changed, first.since) == ("above", 10)
    assert found.index(first) < 20


def test_a_change_is_dated_from_as_many_windows_back_as_it_takes_to_be_one() -> None:
    for seed in range(40):
        rng, reconciled = np.random.default_rng(seed), Reconciled()
        found = [reconciled.add(OF_FEW, few(rng, 0.8 if start < 3 else 0.5), start, SHARE) for start in range(12)]
        first = next(one for one in found if one.changed)
        assert found.index(first) - first.since >= 2
        assert found[-1].changed


def test_what_was_learnt_is_off_alike_in_all_windows_and_no_number_of_them_makes_that_less() -> None:
    rng, reconciled = np.random.default_rng(3), Reconciled()
    off = 3 * math.sqrt(0.8 * 0.2 / 2000)
    assert {reconciled.add(OF_FEW, few(rng, 0.8 - off), start, SHARE).changed for start in range(1000)} == {None}


def test_one_window_that_is_far_off_is_not_several() -> None:
    reconciled = Reconciled()
    wrong = Reading(0.0, 50, *wilson(0.0, 50))
    realised = [*[Reading(0.8, 50, *wilson(0.8, 50))] * 5, wrong, Reading(0.78, 50, *wilson(0.78, 50))]
    assert {reconciled.add(OF_FEW, one, start, SHARE).changed for start, one in enumerate(realised)} == {None}


def test_a_state_is_plain_and_goes_on() -> None:
    rng, first = np.random.default_rng(4), Reconciled()
    for start in range(120):
        second = Reconciled()
        second.restore(json.loads(json.dumps(first.state())))
        realised = few(rng, 0.8 if start < 60 else 0.65)
        assert first.add(OF_FEW, realised, start, SHARE) == second.add(OF_FEW, realised, start, SHARE)
        assert first.state() == second.state()
    assert first.changed == "below"


@pytest.mark.parametrize(("often", "of"), [(0, 3), (4, 3)])
def test_more_often_than_there_are_windows_is_refused(often: int, of: int) -> None:
    with pytest.raises(ValueError, match="often must be between 1 and of"):
        Reconciled(often, of)
