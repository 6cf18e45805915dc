"""Models learn from no more than they may, and from the same rows in every run."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.models.shedding import MOST, Shedding, halvings

IDS = np.random.default_rng(1).integers(0, 2**64, (64_000, 2), np.uint64)


@pytest.mark.parametrize(("count", "expected"), [(0, 64_000), (1, 32_000), (4, 4_000)])
def test_one_in_two_to_the_power_of_the_halvings_is_learnt_from(count: int, expected: int) -> None:
    assert Shedding(count).learnt(IDS).sum() == pytest.approx(expected, rel=0.05)


def test_those_of_more_halvings_are_among_those_of_fewer() -> None:
    assert not (Shedding(3).learnt(IDS) & ~Shedding(2).learnt(IDS)).any()


def test_who_is_learnt_from_has_nothing_to_do_with_who_is_waited_for() -> None:
    waited_for = IDS[(IDS[:, 1] >> np.uint64(62)) == 0]
    assert Shedding(2).learnt(waited_for).mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("cost", "rate", "share", "now", "expected"),
    [
        (100.0, 1_000.0, 0.1, 0, 0),
        (100.0, 1_001.0, 0.1, 0, 1),
        (100.0, 10_000.0, 0.1, 0, 4),
        (100.0, 10_000.0, 0.1, 3, 4),
        (100.0, 10_000.0, 0.1, 5, 5),
        (100.0, 10_000.0, 0.1, 6, 5),
        (100.0, 0.0, 0.1, 2, 1),
        (100.0, 500.0, 0.1, 1, 0),
        (100.0, 501.0, 0.1, 1, 1),
        (0.0, 10_000.0, 0.1, 0, 0),
        (1e12, 1e12, 0.1, 0, MOST),
    ],
)
def test_the_share_is_kept_with_as_few_halvings_as_will_do(
    cost: float, rate: float, share: float, now: int, expected: int
) -> None:
    assert halvings(cost, rate, share, now) == expected


def test_a_rate_that_stays_does_not_make_it_go_up_and_down() -> None:
    for rate in np.geomspace(10, 1e6, 200).tolist():
        count = halvings(80.0, rate, 0.1)
        assert {count := halvings(80.0, rate, 0.1, count) for _ in range(5)} == {count}


def test_a_share_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share must lie in \(0, 1\], got 0"):
        halvings(1.0, 1.0, 0.0)
