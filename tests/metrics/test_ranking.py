"""Areas under curves are scikit-learn's while there are few scores, and within what they say beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from stream_monitor.metrics.ranking import Ranking
from stream_monitor.metrics.reading import NOTHING
from stream_monitor.metrics.score_cells import CELLS, cells

Floats = npt.NDArray[np.float64]
ROUNDING = 1e-12


def ranking(scores: Floats, labels: Floats, weights: Floats | None = None, limit: int = 2000) -> Ranking:
    weights = np.ones(len(scores)) if weights is None else weights
    ranked = Ranking(limit)
    ranked.add(scores, weights * labels, weights * (1 - labels))
    return ranked


def drawn(seed: int, n: int, kind: str = "normal") -> tuple[Floats, Floats, Floats]:
    """Scores, labels and weights."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < (0.02 if kind == "rare" else 0.4)).astype(np.float64)
    latent = rng.normal(labels * 1.5, 1)
    scores = {
        "normal": latent, "rare": 1 / (1 + np.exp(6 - latent)), "uniform": np.clip(0.2 * labels + 0.8 * rng.random(n), 0, 1),
        "confident": 1 - 1e-4 * np.exp(-latent), "coarse": np.round(latent, 1),
    }[kind]  # fmt: skip
    return scores, labels, rng.gamma(2.0, 1.0, n)


def flat(value: Any) -> Any:
    """A state as bytes, so that it is compared to the last bit."""
    if isinstance(value, dict):
        return {key: flat(inner) for key, inner in value.items()}
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value)


@given(
    rows=st.lists(
        st.tuples(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9)), st.booleans(), st.floats(0.1, 10)),
        min_size=2,
        max_size=60,
    )
)
@settings(max_examples=150, deadline=None)
def test_few_scores_give_what_scikit_learn_gives_ties_and_weights_included(rows: list[tuple[float, bool, float]]) -> None:
    scores, labels, weights = (np.array(column, np.float64) for column in zip(*rows))
    ranked = ranking(scores, labels, weights)
    if labels.min() == labels.max():
        assert ranked.roc_auc() == ranked.average_precision() == NOTHING
        return
    area, precision = ranked.roc_auc().value, ranked.average_precision().value
    assert area == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=ROUNDING)
    assert precision == pytest.approx(average_precision_score(labels, scores, sample_weight=weights), abs=ROUNDING)
    assert ranked.roc_auc_error() == ranked.average_precision_error() == 0


@pytest.mark.parametrize("kind", ["normal", "rare", "uniform", "confident"])
def test_many_scores_are_within_the_bound_and_the_bound_is_small(kind: str) -> None:
    scores, labels, weights = drawn(1, 200_000, kind)
    ranked = ranking(scores, labels, weights)
    area, precision = ranked.roc_auc().value, ranked.average_precision().value
    assert area is not None
    assert precision is not None
    off = abs(area - roc_auc_score(labels, scores, sample_weight=weights))
    assert 0 < off < min(ranked.roc_auc_error(), 2e-5)
    assert ranked.roc_auc_error() < 1.5e-3
    off = abs(precision - average_precision_score(labels, scores, sample_weight=weights))
    assert 0 < off < min(ranked.average_precision_error(), 2e-3)


def test_the_bound_holds_where_scores_that_share_a_cell_are_perfectly_separated() -> None:
    scores = np.concatenate((np.full(50, 1.0), np.full(50, 1.001)))
    labels = np.repeat((0.0, 1.0), 50)
    ranked = ranking(scores, labels, limit=1)
    assert ranked.roc_auc().value == 0.5
    assert ranked.roc_auc_error() == 0.5
    assert ranked.average_precision().value == 0.5
    assert ranked.average_precision_error() == 0.5


@given(scores=st.lists(st.one_of(st.floats(0, 1), st.floats(allow_nan=False, allow_infinity=False)), min_size=2))
@settings(max_examples=150)
def test_a_higher_score_is_never_in_a_lower_cell(scores: list[float]) -> None:
    ordered = cells(np.sort(np.array([*scores, 0.0, 0.5, 1.0])))
    assert (np.diff(ordered) >= 0).all()
    assert np.ptp(ordered) < CELLS


def test_cells_are_all_of_the_number_that_is_promised() -> None:
    edges = np.concatenate([2.0**e * (1 + np.arange(128) / 128) for e in range(-25, 26)])
    every = np.concatenate((edges, -edges, 1 - edges[edges < 0.5], [0.0]))
    assert len(np.unique(cells(every))) == CELLS
    assert len(np.unique(cells(every[(every >= 0) & (every <= 1)]))) == 5890


@pytest.mark.parametrize("limit", [2000, 37])
@given(cuts=st.lists(st.integers(0, 1500), max_size=12), seed=st.integers(0, 3), again=st.booleans())
@settings(max_examples=25, deadline=None)
def test_no_cut_and_no_restart_changes_a_bit(limit: int, cuts: list[int], seed: int, again: bool) -> None:
    scores, labels, weights = drawn(seed, 1500)
    positive, negative = weights * labels / 3, weights * (1 - labels) / 3
    whole = Ranking(limit)
    whole.add(scores, positive, negative)
    parts = Ranking(limit)
    for rows in np.split(np.arange(1500), sorted(cuts)):
        parts.add(scores[rows], positive[rows], negative[rows])
        if again:
            parts.roc_auc()
            state = parts.state()
            parts = Ranking(limit)
            parts.restore(state)
    assert flat(parts.state()) == flat(whole.state())
    assert parts.roc_auc() == whole.roc_auc()
    assert parts.average_precision() == whole.average_precision()


def test_what_is_taken_back_was_never_there() -> None:
    scores, labels, weights = drawn(2, 400)
    ranked = ranking(scores, labels, weights)
    ranked.add(scores[:100], -weights[:100] * labels[:100], -weights[:100] * (1 - labels[:100]))
    alone = ranking(scores[100:], labels[100:], weights[100:]).roc_auc()
    assert ranked.roc_auc() == pytest.approx(alone)
    ranked.add(scores[100:], -weights[100:] * labels[100:], -weights[100:] * (1 - labels[100:]))
    assert ranked.roc_auc() == NOTHING


def test_where_more_is_taken_back_than_was_there_nothing_is_known() -> None:
    ranked = ranking(np.array([0.2, 0.8, 0.9]), np.array([0.0, 1.0, 1.0]))
    ranked.add(np.array([0.3]), np.array([-2.0]), np.array([0.0]))
    assert ranked.roc_auc() == NOTHING


@pytest.mark.parametrize("limit", [2000, 450, 10])
def test_merging_gives_what_one_of_all_rows_gives(limit: int) -> None:
    scores, labels, _ = drawn(3, 900)
    merged, other = ranking(scores[:400], labels[:400], limit=limit), ranking(scores[400:], labels[400:], limit=limit)
    merged.merge(other)
    assert flat(merged.state()) == flat(ranking(scores, labels, limit=limit).state())


@pytest.mark.parametrize("limit", [2000, 450, 10])
@pytest.mark.parametrize("first", [True, False])
def test_rows_with_weights_merge_with_rows_without(limit: int, first: bool) -> None:
    scores, labels, _ = drawn(3, 900)
    weights = np.where((np.arange(900) < 400) == first, np.arange(900) % 5 + 1.0, 1.0)
    merged = ranking(scores[:400], labels[:400], weights[:400], limit)
    merged.merge(ranking(scores[400:], labels[400:], weights[400:], limit))
    assert flat(merged.state()) == flat(ranking(scores, labels, weights, limit).state())


def test_memory_is_bounded_whatever_the_scores_are() -> None:
    rng = np.random.default_rng(4)
    ranked = Ranking()
    for _ in range(20):
        scores = rng.normal(size=5000) * 10.0 ** rng.integers(-300, 300, 5000)
        ranked.add(scores, np.ones(5000), np.ones(5000))
    assert sum(array.nbytes for array in ranked.state().values() if isinstance(array, np.ndarray)) <= 40 * CELLS


def test_scores_that_are_not_finite_are_left_out() -> None:
    ranked = ranking(np.array([0.1, np.nan, 0.9, np.inf, -np.inf]), np.array([0.0, 0.0, 1.0, 0.0, 1.0]))
    assert ranked.roc_auc()[:2] == (1.0, 2.0)


def test_negative_zero_ties_with_zero() -> None:
    assert ranking(np.array([0.0, -0.0]), np.array([0.0, 1.0])).roc_auc().value == 0.5


@pytest.mark.parametrize(("positives", "negatives", "shift"), [(10, 490, 1.8), (10, 490, 3.5), (50, 50, 1.0)])
def test_intervals_hold_the_truth_nineteen_times_in_twenty(positives: int, negatives: int, shift: float) -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat((1.0, 0.0), (positives, negatives))
    large = np.repeat(labels, 400_000 // len(labels))
    scores = rng.normal(large * shift, 1)
    areas = roc_auc_score(large, scores), average_precision_score(large, scores)
    held = np.zeros(2)
    for _ in range(300):
        ranked = ranking(rng.normal(labels * shift, 1), labels)
        for i, reading in enumerate((ranked.roc_auc(), ranked.average_precision())):
            assert reading.low is not None
            assert reading.high is not None
            held[i] += reading.low <= areas[i] <= reading.high
    assert 0.92 <= held[0] / 300 <= 0.99
    assert 0.89 <= held[1] / 300 <= 0.99


def truly(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Scores, and labels that are less likely than these say."""
    scores = 1 / (1 + np.exp(1.5 - rng.normal(0, 1.5, n)))
    return scores, (rng.random(n) < 0.05 + 0.8 * scores).astype(np.float64)


@pytest.mark.parametrize("doubtful", [(0.2, 0.8), (0.5, 1.0)])
def test_intervals_hold_the_truth_where_all_of_some_scores_are_reviewed_and_one_of_ten_others(
    doubtful: tuple[float, float],
) -> None:
    areas = [area(*truly(np.random.default_rng(8), 500_000)[::-1]) for area in (roc_auc_score, average_precision_score)]
    held = np.zeros(2)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        scores, labels = truly(rng, 2400)
        chance = np.where((scores > doubtful[0]) & (scores < doubtful[1]), 1.0, 0.1)
        chosen = rng.random(2400) < chance
        ranked = ranking(scores[chosen], labels[chosen], 1 / chance[chosen])
        for i, reading in enumerate((ranked.roc_auc(), ranked.average_precision())):
            assert reading.low is not None
            assert reading.high is not None
            held[i] += reading.low <= areas[i] <= reading.high
    assert ((held / 300 > 0.9) & (held / 300 < 0.985)).all()


def test_equal_weights_say_as_much_as_none_and_unequal_ones_less() -> None:
    scores, labels, weights = drawn(6, 1000, "coarse")
    plain, tripled, unequal = (ranking(scores, labels, w).roc_auc() for w in (None, np.full(1000, 3.0), weights))
    assert tripled == pytest.approx(plain)
    assert plain.n == 1000
    assert 0.55 < unequal.n / 1000 < 0.8


def test_chances_give_the_areas_that_their_labels_will_and_how_far_off_those_may_be() -> None:
    rng = np.random.default_rng(7)
    chances = np.round(rng.beta(0.6, 1.2, 800), 2)
    expected = Ranking()
    expected.add(chances, chances, 1 - chances)
    estimates = expected.expected_roc_auc(), expected.expected_average_precision()
    areas = []
    for _ in range(400):
        labels = (rng.random(800) < chances).astype(np.float64)
        areas.append((roc_auc_score(labels, chances), average_precision_score(labels, chances)))
    for estimate, seen in zip(estimates, np.array(areas).T):
        assert estimate.n == pytest.approx(800)
        assert estimate.value == pytest.approx(seen.mean(), abs=0.003)
        assert estimate.low is not None
        assert estimate.high is not None
        assert 0.92 <= np.mean((seen >= estimate.low) & (seen <= estimate.high)) <= 0.98
