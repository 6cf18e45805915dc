"""Losses by segment: how a version would have erred on the traffic of another one, however rows are cut."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.watching.by_segment import BySegment


def summed(segments: np.typing.NDArray[np.uint64], losses: np.typing.NDArray[np.float64], per: int) -> BySegment:
    """All of some losses, so many at a time, saved and restored in between."""
    sums = BySegment()
    for at in range(0, len(losses), per):
        sums.add(segments[at : at + per], losses[at : at + per])
        sums = BySegment.restored(sums.state())
    return sums


def test_sums_do_not_depend_on_the_cut_and_of_too_many_segments_the_later_ones_are_others() -> None:
    rng = np.random.default_rng(0)
    segments, losses = rng.integers(100, 1500, (5000, 2), np.uint64), rng.exponential(size=5000)
    whole = summed(segments, losses, 5000)
    assert whole.state() == summed(segments, losses, 7).state()
    assert [len(known) for known in whole.state()] == [1001, 1001]
    assert [{one[0] for one in known} & {1, 2} for known in whole.state()] == [{1}, {2}]
    assert sum(one[1] for one in whole.state()[0]) == 5000


def test_a_version_is_compared_with_another_as_if_that_had_had_its_traffic() -> None:
    def version(rows: tuple[int, ...], errors: tuple[int, ...]) -> BySegment:
        segments = np.repeat(np.arange(100, 103, dtype=np.uint64), rows)[:, None]
        losses = np.concatenate([np.arange(n) < wrong for n, wrong in zip(rows, errors, strict=True)]).astype(float)
        return summed(segments, losses, 64)

    older, newer = version((800, 200, 10), (80, 80, 10)), version((100, 300, 100), (20, 150, 0))
    (found,) = newer.within(older)
    assert found.comparable
    assert (found.share, found.before, found.after) == pytest.approx((0.8, (0.1 + 3 * 0.4) / 4, 170 / 400))
    assert found.usual == pytest.approx(170 / 1010)
    assert found.spread == pytest.approx((0.25**2 * 0.09 / 800) + (0.75**2 * 0.24 / 200), rel=0.02)
    assert not version((0, 10, 300), (0, 5, 30)).within(older)[0].comparable
