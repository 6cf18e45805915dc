"""Labels are late from the third window that has too few, until three are as usual again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from stream_monitor.metrics.punctuality import Late, Punctuality

AGES = (0, 4, 16, 24)
USUAL = {0: 0.5, 4: 0.8, 16: 0.9, 24: 0.9}


def told(share: Callable[[int, int], float], hours: int = 120, restart: int = -1) -> list[tuple[int, int, bool]]:
    """The hour, the age and whether it is over, of windows of an hour that are looked at when they have these ages."""
    punctuality, said = Punctuality(), []
    for now in range(hours):
        if now == restart:
            state, punctuality = punctuality.state(), Punctuality()
            punctuality.restore(state)
        for end in (now - age for age in reversed(AGES) if now >= age):
            late = punctuality.see(end, now - end, 100, round(100 * share(end, now - end)))
            said += [(now, late.age, late.over)] if late else []
    return said


def lost(end: int, age: int) -> float:
    """Labels stop at 60, those of twelve hours are lost, and go on at 72."""
    known, more = 0.0, dict(zip(AGES, (0.5, 0.3, 0.1, 0.0), strict=True))
    for one in AGES:
        known += more[one] if one <= age and not 60 < end + one <= 72 else 0.0
    return known


def test_labels_are_late_no_more_once_a_window_has_them_as_soon_as_usual() -> None:
    assert told(lost) == [(63, 16, False), (75, 0, True)]


@pytest.mark.parametrize("restart", range(60, 100))
def test_a_restart_changes_nothing(restart: int) -> None:
    assert told(lost, restart=restart) == told(lost)


def test_labels_that_come_soon_but_never_all_are_late_again() -> None:
    def share(end: int, age: int) -> float:
        return 0.5 if end > 72 else lost(end, age)

    assert told(share) == [(63, 16, False), (75, 0, True), (82, 4, False)]


def test_labels_that_are_late_at_an_age_only_are_so_until_it_has_them_all() -> None:
    assert told(lambda end, age: USUAL[age] - (0.2 if 60 < end <= 70 and age == 16 else 0)) == [(79, 16, False), (89, 16, True)]


def seen(punctuality: Punctuality, shares: Sequence[float], n: int = 200, age: int = 0, final: bool = False) -> list[Late]:
    """What is said of windows at one age."""
    found = (punctuality.see(end, age, n, round(n * share), final) for end, share in enumerate(shares, 1))
    return [late for late in found if late]


def test_windows_that_are_nearly_as_usual_neither_end_it_nor_become_usual() -> None:
    """A share that is .4 at .05 falls to .25 at .05: every other window is within five points of what was."""
    punctuality = Punctuality()
    assert [late.over for late in seen(punctuality, [0.35, 0.45] * 6 + [0.28, 0.28, 0.28] + [0.31, 0.25] * 30)] == [False]
    assert [late.over for late in seen(punctuality, [0.4, 0.4, 0.4])] == [True]


def test_few_predictions_have_fewer_labels_by_chance() -> None:
    """Of 40 an hour, 10 fewer labels are no more than chance for a while, and of 400 they are not."""
    shares = [0.8, 0.85] * 6 + [0.7, 0.74, 0.73]
    assert seen(Punctuality(), shares, n=40) == []
    assert [late.over for late in seen(Punctuality(), shares, n=400)] == [False]


def test_labels_that_never_come_are_told_once_no_more_can_come() -> None:
    punctuality, said = Punctuality(), list[Late]()
    for end in range(60):
        for age, usual in ((0, 0.5), (4, 0.98), (24, 0.98)):
            late = punctuality.see(end, age, 200, round(200 * usual * (0.3 if end > 20 and age else 1)), final=age == 24)
            said += [late] if late else []
    assert [(late.age, late.lost, round(late.coverage, 1)) for late in said] == [(4, False, 0.3), (24, True, 0.3)]
