"""Labels that came first are told from those that come by chance, whatever the hour, the traffic and the sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stream_monitor.joining.outcomes import NO_OUTCOMES
from stream_monitor.metrics.label_bias import Bias, bias
from stream_monitor.metrics.label_sides import Sides

Floats = npt.NDArray[np.float64]


def found(
    labelled: npt.NDArray[np.bool_], score: Floats, counts: Floats | None = None, windows: Any = 0, segment: Any = None
) -> list[Bias] | None:
    n = len(score)
    places = np.empty((n, 0), np.uint64) if segment is None else np.asarray(segment, np.uint64)[:, None]
    outcomes = NO_OUTCOMES._replace(sign=labelled.astype(np.int8), score=score)
    return bias(outcomes, np.ones(n) if counts is None else counts, places, np.broadcast_to(windows, n))


def test_scores_differ_where_their_means_do_by_enough_and_for_sure() -> None:
    """By .3 standard deviations, which 5 standard errors are with 555 rows on each side."""
    row = np.tile([-1.0, 1.0], 1300)
    labelled = np.arange(2600) < 1300
    (one,) = found(labelled, row + np.where(labelled, 0.3, 0.0)) or []
    assert one == pytest.approx((0, 0.3, 0.0), abs=1e-12)
    assert found(labelled, row + np.where(labelled, 0.19, 0.0)) == []
    few = np.r_[:400, 1300:1700]
    assert found(labelled[few], (row + np.where(labelled, 0.3, 0.0))[few]) == []


def test_shares_of_segments_are_compared() -> None:
    labelled = np.arange(4000) < 2000
    segment = np.where(np.arange(4000) % 10 < np.where(labelled, 6, 4), 7, 8)
    assert found(labelled, np.full(4000, np.nan), segment=segment) == [Bias(7, 0.6, 0.4), Bias(8, 0.4, 0.6)]
    assert found(labelled, np.full(4000, np.nan), segment=np.where(segment == 7, 7, 0)) == [Bias(7, 0.6, 0.4)]


@pytest.mark.parametrize(("n", "enough"), [(99, False), (100, True)])
def test_too_few_on_either_side_tell_nothing(n: int, enough: bool) -> None:
    labelled = np.arange(2000) < n
    score = np.random.default_rng(1).random(2000)
    assert found(labelled, score) == ([] if enough else None)
    assert found(~labelled, score) == ([] if enough else None)
    assert found(labelled, np.full(2000, np.nan)) is None


def test_a_score_that_never_varies_is_no_bias() -> None:
    for n in range(150, 400):
        assert found(np.arange(n) < 110 + n % 30, np.full(n, 0.3)) in ([], None)


def test_a_sample_that_says_how_it_was_drawn_is_none_although_doubtful_scores_are_in_it_first() -> None:
    """With labels of half of the sample there so far."""
    rng = np.random.default_rng(2)
    n, raised = 8000, 0
    for _ in range(100):
        score = rng.beta(1, 3, n)
        chance = np.where((score > 0.3) & (score < 0.7), 1.0, 0.1)
        labelled = rng.random(n) < chance * 0.5
        raised += bool(found(labelled, score, np.where(labelled, 1 / chance, 1.0)))
        assert found(labelled, score)
        assert found(labelled & ~((score > 0.4) & (rng.random(n) < 0.9)), score, np.where(labelled, 1 / chance, 1.0))
    assert raised == 0


def test_a_complete_group_in_a_sample_says_nothing_of_the_rest() -> None:
    rng = np.random.default_rng(3)
    score = rng.random(3000)
    chance = np.where(score > 0.8, 1.0, 0.2)
    labelled = rng.random(3000) < chance
    assert found(labelled, score, 1 / chance) == []
    assert found(labelled, score)


def test_hours_that_differ_are_no_bias_where_older_ones_have_more_labels() -> None:
    rng = np.random.default_rng(4)
    hour = np.repeat(np.arange(24), 50)
    score = rng.random(1200) / 2 + hour / 48
    labelled = rng.random(1200) < 0.8 - hour / 40
    assert found(labelled, score)
    assert found(labelled, score, windows=hour) == []
    (one,) = found(rng.random(1200) < np.where(score - hour / 48 > 0.25, 0.8, 0.2), score, windows=hour) or []
    assert one.labelled > one.rest + 0.1


def test_the_standard_error_is_what_it_says_in_many_small_windows() -> None:
    """By what lies between both sides, over many draws."""
    rng = np.random.default_rng(5)
    hour, apart = np.repeat(np.arange(24), 200), []
    for _ in range(400):
        chance = np.where(rng.random(4800) < 0.3, 1.0, 0.4)
        sides = Sides.of(rng.random(4800) < 0.6 * chance, 1 / chance, hour)
        assert sides is not None
        of = sides.numbers(rng.normal(size=4800) + hour)
        apart.append(float((of.labelled - of.rest)[0] / of.error[0]))
    assert np.std(apart) == pytest.approx(1, abs=0.1)
    assert np.mean(apart) == pytest.approx(0, abs=0.15)
