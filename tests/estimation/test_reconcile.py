"""A relation has changed when labels keep showing something else than was estimated, always on the same side."""

from __future__ import annotations

import json

import pytest

from stream_monitor.estimation.reconcile import Reconciled, Side
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
    assert reconciled.add(ESTIMATED, BELOW) == ("below", 1, None, 0)
    assert reconciled.add(ESTIMATED, BELOW) == ("below", 2, None, 0)
    assert reconciled.add(ESTIMATED, MEETS) == (None, 0, None, 0)


def test_intervals_that_touch_meet() -> None:
    assert Reconciled().add(ESTIMATED, Reading(0.85, 400, 0.82, 0.88)).apart is None


@pytest.mark.parametrize("unknown", [NOTHING, Reading(0.1, 3)])
def test_windows_without_an_interval_are_passed_over(unknown: Reading) -> None:
    reconciled = Reconciled()
    assert changes(reconciled, [BELOW, BELOW, unknown, BELOW]) == [None, None, None, "below"]
    assert reconciled.add(ESTIMATED, unknown) == (None, 0, "below", 0)
    assert reconciled.add(unknown, ABOVE) == (None, 0, "below", 0)


def test_a_state_is_plain_and_goes_on() -> None:
    first, second = Reconciled(), Reconciled()
    changes(first, [BELOW, BELOW])
    second.restore(json.loads(json.dumps(first.state())))
    assert second.add(ESTIMATED, BELOW).changed == "below"


@pytest.mark.parametrize(("often", "of"), [(0, 3), (4, 3)])
def test_more_often_than_there_are_windows_is_refused(often: int, of: int) -> None:
    with pytest.raises(ValueError, match="often must be between 1 and of"):
        Reconciled(often, of)
