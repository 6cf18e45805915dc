"""Labels that came first are told from those that come by chance, whatever the hour, the traffic and the sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stream_monitor.joining.outcomes import NO_OUTCOMES
from stream_monitor.metrics.label_bias import MEAN, Bias, LabelBias
from stream_monitor.metrics.label_sides import Sides

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
HOUR = 3_600_000_000


def see(bias: LabelBias, labelled: Mask, score: Floats, counts: Any = 1.0, hours: Any = None, segment: Any = None) -> None:
    """Takes a cohort, whose predictions come within an hour if nothing else is said; labels count for 1."""
    n = len(score)
    places = np.empty((n, 0), np.uint64) if segment is None else np.asarray(segment, np.uint64)[:, None]
    time = np.floor((np.arange(n) / n if hours is None else hours) * HOUR).astype(np.int64)
    outcomes = NO_OUTCOMES._replace(sign=labelled.astype(np.int8), score=score, time=time, position=np.arange(n))
    bias.see(HOUR, 0, outcomes, np.broadcast_to(counts, n), places)


def found(labelled: Mask, score: Floats, **more: Any) -> Bias | None:
    """What a single cohort shows."""
    bias = LabelBias()
    see(bias, labelled, score, **more)
    return bias.worst


def test_scores_differ_where_their_means_do_by_enough_and_for_sure() -> None:
    """By .4 standard deviations, which 5 standard errors are with 312 rows on each side."""
    labelled = np.arange(8000) % 2 > 0
    score = np.random.default_rng(1).normal(size=8000)
    one = found(labelled, score + np.where(labelled, 0.4, 0.0))
    assert one is not None
    assert one.what == MEAN
    assert one.labelled - one.rest == pytest.approx(0.4, abs=0.04)
    assert found(labelled, score + np.where(labelled, 0.1, 0.0)) is None
    assert found(labelled[:300], (score + np.where(labelled, 0.4, 0.0))[:300]) is None


@pytest.mark.parametrize("clear", [True, False])
def test_labels_of_clear_or_of_doubtful_cases_are_not_like_the_rest_although_the_mean_score_is(clear: bool) -> None:
    rng = np.random.default_rng(2)
    score = rng.beta(1.2, 1.2, 2000)
    one = found(rng.random(2000) < np.where((abs(score - 0.5) > 0.25) == clear, 0.6, 0.2), score)
    assert one is not None
    assert one.what != MEAN
    assert (one.labelled > one.rest) == ((one.what in (-1, -5)) == clear)


def test_shares_of_segments_are_compared() -> None:
    labelled, unknown = np.arange(4000) < 2000, np.full(4000, np.nan)
    segment, order = np.where(np.arange(4000) % 10 < np.where(labelled, 6, 4), 7, 8), np.random.default_rng(3).permutation(4000)
    one = found(labelled[order], unknown, segment=segment[order])
    assert one is not None
    assert one.what in (7, 8)
    assert {round(one.labelled, 1), round(one.rest, 1)} == {0.6, 0.4}
    one = found(labelled[order], unknown, segment=np.where(segment == 7, 7, 0)[order])
    assert one is not None
    assert one.what == 7
    assert found(labelled, unknown) is None


def test_a_score_that_never_varies_is_no_bias() -> None:
    rng = np.random.default_rng(4)
    for n in range(150, 400):
        assert found(rng.random(n) < 0.4, np.full(n, 0.3)) is None


def test_few_rows_of_each_cohort_add_up() -> None:
    """Of a share of .64 among predictions with a label and .14 among the others, 12 and 12 an hour tell in a day or so."""
    rng, bias, hours = np.random.default_rng(5), LabelBias(), 0
    while bias.worst is None:
        labelled = np.arange(24) % 2 > 0
        see(bias, labelled, np.full(24, np.nan), segment=np.where(rng.random(24) < np.where(labelled, 0.64, 0.14), 7, 8))
        hours += 1
    assert 3 <= hours <= 30
    assert bias.worst.labelled == pytest.approx(0.64 if bias.worst.what == 7 else 0.36, abs=0.15)


def test_labels_that_come_by_batch_of_predictions_that_are_alike_are_no_bias() -> None:
    """Four batches of 60 an hour, each of one region within a minute; the labels of a half of them are there."""
    rng, bias = np.random.default_rng(14), LabelBias()
    for _ in range(100):
        hours = np.repeat(rng.random(4) * 0.98, 60) + np.tile(np.arange(60) / 3600, 4)
        labelled, segment = (np.repeat(rng.random(4) < 0.5, 60) for _ in range(2))
        order = np.argsort(hours, kind="stable")
        see(bias, labelled[order], rng.random(240), hours=hours[order], segment=np.where(segment, 7, 8)[order])
        assert bias.worst is None


def test_it_stays_while_it_lasts_and_ends_afterwards_although_cohorts_are_small() -> None:
    rng, bias, known = np.random.default_rng(6), LabelBias(), []
    for hour in range(400):
        score = rng.random(60)
        see(bias, rng.random(60) < np.where((score > 0.6) & (hour < 200), 0.8, 0.3), score)
        known.append(bias.worst is not None)
        bias = LabelBias.restored(bias.state())
    first, last = known.index(True), len(known) - known[::-1].index(True)
    assert first < 20
    assert all(known[first:last])
    assert 200 < last < 300


@pytest.mark.parametrize("rate", [5, 40, 300])
@pytest.mark.parametrize("jitter", [0.1, 3.0])
def test_labels_that_all_come_after_the_same_time_are_no_bias_however_long_a_window_is(rate: int, jitter: float) -> None:
    """Scores and segments have a rhythm of a day; at its end the labels of its first half are there."""
    rng, bias = np.random.default_rng(7), LabelBias()
    for _ in range(60):
        hours = np.sort(rng.random(24 * rate) * 24)
        sun = np.sin(2 * np.pi * hours / 24)
        score, segment = 0.5 + 0.2 * sun + 0.1 * rng.normal(size=24 * rate), rng.random(24 * rate) < 0.4 + 0.3 * sun
        labelled = hours + 12 + jitter * rng.random(24 * rate) < 24
        see(bias, labelled, score, hours=hours, segment=np.where(segment, 7, 8))
        assert bias.worst is None


def test_a_sample_that_says_how_it_was_drawn_is_none_although_doubtful_scores_are_in_it_first() -> None:
    """With labels of half of the sample there so far."""
    rng = np.random.default_rng(8)
    n, bias = 8000, LabelBias()
    for _ in range(100):
        score = rng.beta(1, 3, n)
        chance = np.where((score > 0.3) & (score < 0.7), 1.0, 0.1)
        labelled = rng.random(n) < chance * 0.5
        assert found(labelled, score, counts=1 / chance) is None
        see(bias, labelled, score, counts=1 / chance)
        assert bias.worst is None
        assert found(labelled, score)
    assert found(labelled & ~((score > 0.4) & (rng.random(n) < 0.9)), score, counts=1 / chance)


def test_a_complete_group_in_a_sample_says_nothing_of_the_rest() -> None:
    rng = np.random.default_rng(9)
    score = rng.random(3000)
    chance = np.where(score > 0.8, 1.0, 0.2)
    labelled = rng.random(3000) < chance
    assert found(labelled, score, counts=1 / chance) is None
    assert found(labelled, score)
    assert found(np.ones(3000, np.bool_), score, counts=1 / chance) is None


def test_the_standard_error_is_what_it_says_among_few_neighbours() -> None:
    """By what lies between both sides, over many draws."""
    rng = np.random.default_rng(10)
    time, apart = np.sort((rng.random(2000) * 24 * HOUR).astype(np.int64)), []
    for _ in range(400):
        chance = np.where(rng.random(2000) < 0.3, 1.0, 0.4)
        of = Sides.of(rng.random(2000) < 0.6 * chance, 1 / chance, time).numbers(rng.normal(size=2000))
        apart.append(float(of.apart[0] / np.sqrt(of.variance[0])))
    assert np.std(apart) == pytest.approx(1, abs=0.1)
    assert np.mean(apart) == pytest.approx(0, abs=0.15)


def test_the_order_in_which_rows_are_given_says_nothing() -> None:
    rng = np.random.default_rng(11)
    labelled, score, time = rng.random(500) < 0.3, rng.random(500), np.sort(rng.integers(0, HOUR, 500))
    outcomes = NO_OUTCOMES._replace(sign=labelled.astype(np.int8), score=score, time=time, position=np.arange(500))
    states = []
    for order in (np.arange(500), rng.permutation(500)):
        bias, columns = LabelBias(), {name: getattr(outcomes, name)[order] for name in ("sign", "score", "time", "position")}
        bias.see(HOUR, 0, NO_OUTCOMES._replace(**columns), np.ones(500), np.ones((500, 1), np.uint64))
        states.append(bias.state())
    assert states[0] == states[1]
