"""A comparison is right at all times at once as often as it says, and finds the better model, and since when."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from stream_monitor.models.comparison import _CURVES, _SLOPES, LOOK, Comparison, Standing, Turn, _bound


def drawn(seed: int, *parts: tuple[int, float, float]) -> npt.NDArray[np.float64]:
    """Differences of losses of 0 and 1, in parts: how many, how often production alone errs, how often the challenger."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.choice([1.0, -1.0, 0.0], n, p=(ours, theirs, 1 - ours - theirs)) for n, ours, theirs in parts])


def looks(comparison: Comparison, differences: npt.NDArray[np.float64]) -> list[tuple[int, Standing]]:
    """What was said, by row."""
    return [(i, comparison.standing) for i, each in enumerate(differences.tolist()) if comparison.add(each, 10 * i)]


def turns(comparison: Comparison, differences: npt.NDArray[np.float64]) -> list[tuple[int, Turn]]:
    """What there was to say, by row."""
    return [(i, turn) for i, each in enumerate(differences.tolist()) if (turn := comparison.turn(each, 10 * i))]


def changes(said: list[tuple[int, Standing]]) -> list[tuple[int, bool]]:
    """The rows at which it became better, or ceased to be."""
    before = [False, *(standing.better for _, standing in said)]
    return [(row, standing.better) for (row, standing), was in zip(said, before) if standing.better != was]


def test_all_intervals_at_all_times_hold_the_mean_as_often_as_promised() -> None:
    missed, level = 0, 0.1
    for seed in range(60):
        comparison = Comparison(level)
        ours, theirs = 0.02 + seed % 10 / 50, 0.03 + seed % 7 / 40
        wrong = False
        for difference in drawn(seed, (1_500, ours, theirs)).tolist():
            if comparison.add(difference, 0):
                wrong |= any(not each.low <= ours - theirs <= each.high for each in comparison.sequences())
        missed += wrong
    assert missed <= level * 60


def test_means_that_wander_are_covered_too() -> None:
    missed = 0
    for seed in range(30):
        rng, comparison, total = np.random.default_rng(seed), Comparison(0.1), 0.0
        for i in range(1_500):
            mean = 0.3 * np.sin(i / 200)
            total += mean
            looked = comparison.add(float(np.clip(rng.normal(mean, 0.2), -1, 1)), i)
            first = comparison.sequences()[0] if looked else None
            if first and not first.low - 0.002 <= total / (i + 1) <= first.high + 0.002:  # clipping moves the mean a little
                missed += 1
                break
    assert missed <= 3


def test_a_better_model_is_found_and_an_equal_one_is_not() -> None:
    said = looks(Comparison(0.05), drawn(1, (10_000, 0.08, 0.05)))
    assert [better for _, better in changes(said)] == [True]
    assert changes(said)[0][0] < 5_000
    assert 0 < said[-1][1].low < 0.03 < said[-1][1].high
    assert all(changes(looks(Comparison(0.05), drawn(seed, (10_000, 0.1, 0.1)))) == [] for seed in range(5))


def test_since_when_it_is_better_is_said_and_when_no_longer() -> None:
    said = looks(Comparison(0.05), drawn(2, (20_000, 0.02, 0.05), (20_000, 0.1, 0.02), (10_000, 0.02, 0.1)))
    (begun, better), (ended, worse) = changes(said)
    assert (better, worse) == (True, False)
    assert 20_000 < begun < 22_000
    assert 40_000 < ended < 42_500
    standing = next(standing for row, standing in said if row > 35_000)
    assert abs(standing.since / 10 - 20_000) <= 1_024
    assert standing.low < 0.08 < standing.high
    assert not said[-1][1].better


@pytest.mark.parametrize(("rows", "ours", "by"), [(700, 0.31, 20_000), (4_000, 0.31, 9_000), (10_000, 0.21, 45_000)])
def test_what_is_said_is_taken_back_when_both_err_alike(rows: int, ours: float, by: int) -> None:
    for seed in range(4):
        comparison = Comparison(0.05)
        told = turns(comparison, drawn(seed, (rows, ours, 0.16), (by, 0.16, 0.16)))
        assert [turn for _, turn in told if turn != "moved"] == ["better", "no_longer"]
        assert rows < told[-1][0] < by
        assert comparison.standing.since >= 10 * told[0][0]
        assert comparison.standing.low < 0 < comparison.standing.high


@pytest.mark.parametrize("ours", [0.21, 0.19, 0.31])
def test_an_advantage_that_stays_is_not_taken_back(ours: float) -> None:
    for seed in range(5):
        told = turns(Comparison(0.05), drawn(seed, (50_000, ours, 0.16)))
        assert [turn for _, turn in told if turn != "moved"] == ["better"]


def test_it_is_said_again_only_of_rows_since_it_was_taken_back() -> None:
    comparison = Comparison(0.05)
    told = turns(comparison, drawn(3, (4_000, 0.3, 0.1), (20_000, 0.1, 0.1), (6_000, 0.3, 0.1)))
    assert [turn for _, turn in told if turn != "moved"] == ["better", "no_longer", "better"]
    assert abs(comparison.standing.since / 10 - 24_000) <= 2_048


def test_what_was_said_is_corrected_when_the_difference_has_moved_but_not_at_each_look() -> None:
    comparison = Comparison(0.05)
    differences = drawn(5, (5_000, 0.05, 0.0), (20_000, 0.35, 0.0))
    told = turns(comparison, differences)
    assert told[0][1] == "better"
    assert {turn for _, turn in told[1:]} == {"moved"}
    assert 3 < len(told) < 15
    assert comparison._told.difference == pytest.approx(comparison.standing.difference, abs=0.02)


def test_nothing_is_said_again_with_an_interval_that_holds_zero() -> None:
    comparison, said = Comparison(0.05), list[Standing]()
    for i, difference in enumerate(drawn(23, (2_500, 0.4, 0.3), (2_500, 0.3, 0.3)).tolist()):
        if comparison.turn(difference, 10 * i) in ("better", "moved"):
            said.append(comparison.standing)
    assert said
    assert all(standing.low > 0 for standing in said)
    assert comparison.standing.better
    assert comparison.standing.low <= 0


def test_the_bound_is_where_the_mixture_of_the_paper_reaches_the_level() -> None:
    spread, level = np.array([0.0, 3.0, 250.0, 1e5]), np.array([0.05, 0.01, 0.05, 1e-7])
    bound = _bound(spread, level)
    mixture = np.mean(np.exp(bound[:, None] * _SLOPES - spread[:, None] * _CURVES), axis=1)
    assert mixture == pytest.approx(2 / level, rel=1e-3)
    assert (mixture >= 2 / level * (1 - 1e-9)).all()
    assert bound[3] < 2 * np.sqrt(2 * 1e5 * np.log(2 / 1e-7))


def test_neither_restart_nor_time_between_changes_what_is_said() -> None:
    differences = drawn(4, (3_000, 0.02, 0.05), (3_000, 0.1, 0.02))
    whole, part = Comparison(0.1), Comparison(0.1)
    said: list[tuple[int, Turn]] = []
    for i, difference in enumerate(differences.tolist()):
        if i % 177 == 0:
            state, part = part.state(), Comparison(0.1)
            part.restore(state)
        if turn := part.turn(difference, 10 * i):
            said.append((i, turn))
    assert said == turns(whole, differences)
    assert "moved" in {turn for _, turn in said}
    assert part.state() == whole.state()


def test_it_is_looked_at_after_every_64_rows_and_few_sequences_are_kept() -> None:
    comparison = Comparison(0.05)
    said = looks(comparison, np.zeros(100_000))
    assert [row for row, _ in said[:2]] == [LOOK - 1, 2 * LOOK - 1]
    assert len(comparison.sequences()) < 30


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1])
def test_a_level_that_makes_no_sense_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\), got"):
        Comparison(level)
