"""What is wrong with features is found and named, and what is only unusual is not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from stream_monitor.config.quality import Quality
from stream_monitor.quality.feature_quality import FeatureQuality
from stream_monitor.quality.issue import Issue
from tests.quality.columns import MANY, Columns, Floats, Numbers, Watched, learnt, marks, matrix, said, with_gaps

N = 2_000


def amounts(rng: np.random.Generator, n: int) -> Floats:
    return rng.lognormal(3.0, 1.0, n)


def test_a_feature_that_begins_to_be_missing_is_said_once_and_taken_back() -> None:
    rng = np.random.default_rng(1)
    watched = Watched({"amount": with_gaps(amounts(rng, N), 0.01, rng)})
    assert watched.window({"amount": with_gaps(amounts(rng, 500), 0.01, rng)}) == []
    (opened,) = watched.window({"amount": with_gaps(amounts(rng, 500), 0.12, rng)})
    assert said([opened]) == [("MissingValues", "opened", "amount")]
    assert opened.severity == "warning"
    assert opened.summary.startswith("amount of shop is missing in 1")
    assert "of 500 rows, at most 1.2% in a fifth of the reference" in opened.summary
    assert 0.08 < opened.after < 0.16
    assert opened.before < 0.03
    assert opened.n == 500
    assert watched.window({"amount": with_gaps(amounts(rng, 500), 0.12, rng)}) == []
    (updated,) = watched.window({"amount": with_gaps(amounts(rng, 500), 0.4, rng)})
    assert updated.step == "updated"
    assert said(watched.window({"amount": amounts(rng, 500)})) == [("MissingValues", "resolved", "amount")]


def test_a_share_of_few_rows_is_said_again_when_far_more_tell_another_one() -> None:
    rng = np.random.default_rng(1)

    def rows(missing: int) -> Columns:
        return {"amount": np.where(np.arange(200) < missing, np.nan, amounts(rng, 200))}

    watched = Watched({"amount": amounts(rng, N)})
    (opened,) = watched.window(rows(40))
    assert "is missing in 20.0% of 200 rows, none in the reference" in opened.summary
    steps = [issue for _ in range(19) for issue in watched.window(rows(24))]
    assert [(one.step, one.n) for one in steps] == [("updated", 800)]
    assert "is missing in 12.0% of 800 rows" in steps[0].summary


def test_a_share_that_is_missing_in_bursts_or_at_night_in_the_reference_too_is_no_issue() -> None:
    rng = np.random.default_rng(2)
    night = np.repeat((0.02, 0.02, 0.3, 0.02, 0.02), N // 5)
    watched = Watched({"amount": np.where(rng.random(N) < night, np.nan, amounts(rng, N))})
    for _ in range(20):
        assert watched.window({"amount": with_gaps(amounts(rng, 400), 0.3, rng)}) == []


def test_a_burst_like_those_of_the_reference_is_forgiven_once_however_short_windows_are() -> None:
    rng = np.random.default_rng(22)
    reference = amounts(rng, N)
    reference[500:750] = np.nan
    watched = Watched({"amount": reference})
    gone, there = {"amount": np.full(100, np.nan)}, {"amount": amounts(rng, 100)}
    for _ in range(3):
        assert [watched.window(rows) for rows in (gone, gone, there)] == [[], [], []]
    steps = [step for _ in range(5) for step in watched.window(gone)]
    assert said(steps) == [("VanishedFeature", "opened", "amount")]


def test_a_hundred_rows_with_many_missing_by_chance_are_no_issue() -> None:
    rng = np.random.default_rng(3)
    names = [f"f{i}" for i in range(20)]
    watched = Watched({name: with_gaps(rng.normal(size=N), 0.1, rng) for name in names})
    for _ in range(100):
        assert watched.window({name: with_gaps(rng.normal(size=100), 0.1, rng) for name in names}) == []


def test_too_few_rows_are_judged_together_with_the_next() -> None:
    rng = np.random.default_rng(4)
    watched = Watched({"amount": amounts(rng, N)})
    gaps = with_gaps(amounts(rng, 60), 0.5, rng)
    assert watched.window({"amount": gaps}) == []
    (issue,) = watched.window({"amount": gaps})
    assert issue.name == "MissingValues"
    assert issue.n == 120


def test_a_feature_that_is_there_no_more_has_vanished_until_it_comes_again() -> None:
    rng = np.random.default_rng(5)
    watched = Watched({"amount": amounts(rng, N), "age": amounts(rng, N)})
    half = np.concatenate((amounts(rng, 250), np.full(250, np.nan)))
    assert said(watched.window({"amount": half, "age": amounts(rng, 500)})) == [("MissingValues", "opened", "amount")]
    vanished, missing = watched.window({"age": amounts(rng, 500)})
    assert said([vanished, missing]) == [("VanishedFeature", "opened", "amount"), ("MissingValues", "resolved", "amount")]
    assert missing.end == "reevaluated"
    assert vanished.summary == "amount of shop is there no more: it is missing in all 500 rows"
    assert watched.window({"age": amounts(rng, 500)}) == []
    assert watched.window({"amount": half, "age": amounts(rng, 500)}) == []
    again = watched.window({"amount": amounts(rng, 500), "age": amounts(rng, 500)})
    assert said(again) == [("VanishedFeature", "resolved", "amount")]


def test_a_feature_that_vanishes_at_once_is_one_alert_until_it_is_all_there() -> None:
    rng = np.random.default_rng(24)
    watched = Watched({"amount": amounts(rng, N), "age": amounts(rng, N)})
    half = np.concatenate((amounts(rng, 250), np.full(250, np.nan)))
    assert said(watched.window({"age": amounts(rng, 500)})) == [("VanishedFeature", "opened", "amount")]
    assert watched.window({"amount": half, "age": amounts(rng, 500)}) == []
    again = watched.window({"amount": amounts(rng, 500), "age": amounts(rng, 500)})
    assert said(again) == [("VanishedFeature", "resolved", "amount")]


def test_a_feature_whose_type_has_changed_is_excused() -> None:
    rng = np.random.default_rng(6)
    watched = Watched({"amount": amounts(rng, N), "age": amounts(rng, N)})
    assert watched.window({"age": amounts(rng, 500)}, frozenset({"amount"})) == []


def test_a_feature_that_the_reference_does_not_have_is_new() -> None:
    rng = np.random.default_rng(7)
    watched = Watched({"amount": amounts(rng, N)})
    rare = np.full(500, np.nan)
    rare[:3] = 1.0
    (issue,) = watched.window({"amount": amounts(rng, 500), "discount": amounts(rng, 500), "typo": rare})
    assert said([issue]) == [("NewFeature", "opened", "discount")]
    assert issue.severity == "info"
    assert said(watched.window({"amount": amounts(rng, 500)})) == [("NewFeature", "resolved", "discount")]


def test_no_feature_is_new_where_the_reference_could_not_hold_all() -> None:
    rng = np.random.default_rng(8)
    watched = Watched({"a": amounts(rng, N)})
    watched.group = learnt({"a": amounts(rng, N), "b": amounts(rng, N)}, limit=2)
    names = ("a", "b", "c")
    watched.quality.see(names, rng.normal(3.0, 1.0, (500, 3)).clip(1), 0, watched.group)
    assert watched.quality.close(watched.group) == []


def test_values_beyond_the_range_are_said_with_the_extreme() -> None:
    rng = np.random.default_rng(9)
    watched = Watched({"age": rng.uniform(18, 90, N)})
    ages = rng.uniform(18, 90, 500)
    ages[:40] = 999.0
    (issue,) = watched.window({"age": ages})
    assert said([issue]) == [("OutOfRange", "opened", "age")]
    assert issue.summary.startswith(
        "age of shop is above its range in 8.0% of 500 rows: the largest is 999, in the reference 18"
    )
    ages[:40] = -1.0
    assert watched.window({"age": ages}) == []
    assert said(watched.window({"age": rng.uniform(18, 90, 500)})) == [("OutOfRange", "resolved", "age")]


def test_values_beyond_the_range_on_both_sides_are_said_with_both_extremes() -> None:
    rng = np.random.default_rng(9)
    watched = Watched({"age": rng.uniform(18, 90, N)})
    ages = rng.uniform(18, 90, 500)
    ages[:20], ages[20:40] = 400.0, -50.0
    (issue,) = watched.window({"age": ages})
    assert issue.summary.startswith(
        "age of shop is below or above its range in 8.0% of 500 rows: "
        "the smallest is -50, the largest is 400, in the reference 18"
    )


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1_000.0, "; what is beyond it is 1000 or 1024 times larger than in the reference: a unit (milli or kilo or kibi)?"),
        (1 / 100, "; what is beyond it is 100 times smaller than in the reference: a unit (percent, cents or centi)?"),
        (30.0, ""),
    ],
)
def test_a_third_of_values_in_another_unit_is_out_of_range_and_says_so(factor: float, words: str) -> None:
    rng = np.random.default_rng(41)
    watched = Watched({"x": rng.normal(100, 10, N)})
    mixed = rng.normal(100, 10, 600) * np.where(rng.random(600) < 1 / 3, factor, 1.0)
    (issue,) = watched.window({"x": mixed})
    assert said([issue]) == [("OutOfRange", "opened", "x")]
    assert issue.summary.partition("; ")[2] == words.removeprefix("; ")


def test_a_drift_that_is_said_is_not_said_again_but_odd_values_are() -> None:
    rng = np.random.default_rng(23)
    drifting = frozenset({"x"})
    watched = Watched({"x": rng.normal(size=N)})
    assert watched.window({"x": rng.normal(2.5, 1.0, 500)}, drifting=drifting) == []
    odd = np.where(rng.random(500) < 0.05, -999.0, rng.normal(2.5, 1.0, 500))
    assert said(watched.window({"x": odd}, drifting=drifting)) == [("OutOfRange", "opened", "x")]


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, t: rng.standard_t(1.5, len(t)),
        lambda rng, t: rng.lognormal(0.0, 3.0, len(t)),
        lambda rng, t: t * 1.0,
        lambda rng, t: 20 + 10 * np.sin(t / 3_000 * 2 * np.pi) + rng.normal(size=len(t)),
        lambda rng, t: np.cumsum(rng.normal(size=len(t))) + 0.01 * t,
        lambda rng, t: (rng.random(len(t)) < 0.01) * 1.0,
        lambda rng, t: (t // 5_000 % 2) * 1.0,
    ],
    ids=["heavy tails", "lognormal", "counter", "season", "walk with a trend", "rare flag", "slow flag"],
)
def test_what_moves_or_is_wild_in_its_reference_too_is_no_issue(
    draw: Callable[[np.random.Generator, Floats], Floats],
) -> None:
    rng = np.random.default_rng(10)
    t = np.arange(12_000.0)
    values = draw(rng, t)
    watched = Watched({"x": values[:N]})
    for window in np.split(values[N:], 50):
        assert watched.window({"x": window}) == []


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("value", "drifting"), [(-1.0, True), (-1.0, False), (0.0, False)])
def test_what_stands_for_nothing_is_out_of_a_range_that_ends_before_zero(sign: float, value: float, drifting: bool) -> None:
    rng = np.random.default_rng(26)
    watched = Watched({"amount": sign * rng.lognormal(3, 1, N)})
    amounts = sign * np.where(rng.random(500) < 0.3, value, rng.lognormal(3, 1, 500))
    issues = watched.window({"amount": amounts}, drifting={"amount"} if drifting else set())
    assert said(issues) == [("OutOfRange", "opened", "amount")]


@pytest.mark.parametrize("seed", range(5))
def test_values_that_come_near_zero_or_are_zero_now_and_then_are_no_issue(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def draw(n: int) -> dict[str, Numbers]:
        return {"near": rng.normal(3, 1, n), "counted": rng.poisson(6, n) * 1.0, "amount": rng.exponential(1, n).round(2)}

    watched = Watched(draw(N))
    for _ in range(40):
        assert watched.window(draw(200)) == []


def test_categories_that_the_reference_does_not_have_are_named() -> None:
    rng = np.random.default_rng(11)
    watched = Watched({"country": rng.integers(0, 8, N) * 1.0}, ["country"])
    countries = rng.integers(0, 8, 500) * 1.0
    countries[::20] = 11.0
    countries[7::50] = 12.0
    (issue,) = watched.window({"country": countries})
    assert said([issue]) == [("UnseenCategories", "opened", "country")]
    assert (
        issue.summary
        == 'country of shop has categories that the reference does not have in 7.0% of 500 rows, first "c11", "c12"'
    )


def test_a_long_tail_of_categories_is_no_issue() -> None:
    rng = np.random.default_rng(12)
    watched = Watched({"merchant": np.minimum(rng.zipf(1.3, N), 1_000) * 1.0}, ["merchant"])
    for _ in range(20):
        assert watched.window({"merchant": np.minimum(rng.zipf(1.3, 500), 1_000) * 1.0}) == []


def test_what_keeps_a_value_for_a_while_is_constant_only_if_it_never_kept_one_so_long() -> None:
    watched = Watched({"hour": np.arange(N) // 60 % 24 * 1.0})
    assert watched.window({"hour": np.full(120, 7.0)}) == []
    assert said(watched.window({"hour": np.full(121, 7.0)})) == [("ConstantFeature", "opened", "hour")]


def test_a_stuck_sensor_is_constant() -> None:
    rng = np.random.default_rng(13)
    watched = Watched({"temperature": rng.normal(20, 3, N), "colour": rng.integers(0, 3, N) * 1.0}, ["colour"])
    (issue,) = watched.window({"temperature": np.full(300, 21.5), "colour": rng.integers(0, 3, 300) * 1.0})
    assert said([issue]) == [("ConstantFeature", "opened", "temperature")]
    assert "has the same value, 21.5, in all 300 rows" in issue.summary
    steps = watched.window({"temperature": rng.normal(20, 3, 300), "colour": np.full(300, 2.0)})
    assert said(steps) == [("ConstantFeature", "resolved", "temperature"), ("ConstantFeature", "opened", "colour")]
    assert 'the same value, "c2",' in steps[1].summary


def test_categories_that_share_a_number_are_not_one_value() -> None:
    watched = Watched({"id": np.arange(N) % MANY}, ["id"])
    assert said(watched.window({"id": np.full(500, MANY)})) == [("UnseenCategories", "opened", "id")]
    steps = watched.window({"id": np.full(500, 2.0)})
    assert said(steps) == [("UnseenCategories", "resolved", "id"), ("ConstantFeature", "opened", "id")]
    unseen, constant = watched.window({"id": np.full(500, MANY)})
    assert said([unseen, constant]) == [("UnseenCategories", "opened", "id"), ("ConstantFeature", "resolved", "id")]
    assert unseen.summary.endswith("first many others")


def test_infinities_are_an_issue_unless_the_reference_has_them_too() -> None:
    rng = np.random.default_rng(14)
    infinite = np.where(rng.random(N) < 0.1, np.inf, rng.normal(size=N))
    watched = Watched({"ratio": rng.normal(size=N), "other": infinite})
    window = np.where(rng.random(500) < 0.1, -np.inf, rng.normal(size=500))
    (issue,) = watched.window({"ratio": window, "other": window})
    assert said([issue]) == [("InfiniteValues", "opened", "ratio")]


def test_many_features_at_once_are_one_issue() -> None:
    rng = np.random.default_rng(15)
    names = [f"f{i:02}" for i in range(30)]
    watched = Watched({name: rng.normal(size=N) for name in names})
    (issue,) = watched.window({names[0]: rng.normal(size=300)})
    assert said([issue]) == [("VanishedFeature", "opened", "")]
    assert issue.summary.startswith("f01, f02, f03 and 26 more at once: f01 of shop is there no more")
    assert watched.window({names[0]: rng.normal(size=300)}) == []
    back = {name: rng.normal(size=300) for name in names}
    assert said(watched.window(back)) == [("VanishedFeature", "resolved", "")]


def test_a_severity_of_none_turns_an_issue_off() -> None:
    rng = np.random.default_rng(16)
    watched = Watched({"amount": amounts(rng, N)}, severity={"MissingValues": "none"})
    gaps = with_gaps(amounts(rng, 500), 0.5, rng)
    assert watched.window({"amount": gaps}) == []
    watched.quality.configure(Quality())
    assert said(watched.window({"amount": gaps})) == [("MissingValues", "opened", "amount")]
    watched.quality.configure(Quality(enabled=False))
    assert watched.window({"amount": gaps}) == []


def test_a_new_reference_begins_everything_again() -> None:
    rng = np.random.default_rng(17)
    watched = Watched({"amount": amounts(rng, N)})
    gaps = with_gaps(amounts(rng, N), 0.5, rng)
    assert len(watched.window({"amount": gaps})) == 1
    watched.group.begin_again()
    names, values = matrix({"amount": gaps})
    watched.quality.see(names, values, 0, watched.group)
    watched.group.update(names, values, marks(N))
    assert watched.group.learnt
    assert watched.quality.close(watched.group) == []
    assert watched.window({"amount": gaps}) == []


def messy(rng: np.random.Generator, n: int) -> Columns:
    """Rows in which much is wrong, and more from the middle on."""
    late = np.arange(n) > n // 2
    return {
        "amount": np.where(late, 1_000.0, 1.0) * amounts(rng, n),
        "age": np.where(late & (rng.random(n) < 0.1), np.inf, rng.uniform(18, 90, n)),
        "height": np.where(late & (rng.random(n) < 0.1), 999.0, rng.normal(170, 8, n)),
        "zero": np.where(rng.random(n) < 0.5, -0.0, 0.0),
        "fresh": with_gaps(amounts(rng, n), 0.5, rng),
        "country": np.where(late & (rng.random(n) < 0.1), rng.integers(8, 30, n), rng.integers(0, 8, n)) * 1.0,
    }


def issues_of(quality: FeatureQuality, columns: Columns, cuts: list[int], restart: bool) -> tuple[list[Issue], str]:
    """All issues of windows of 400 rows, cut further; the whole state at the end."""
    rng = np.random.default_rng(18)
    reference = {name: values[:N] for name, values in messy(rng, 2 * N).items() if name != "fresh"}
    reference |= {"zero": rng.normal(size=N)}
    group = learnt(reference, ["country"])
    names, values = matrix(columns, ["country"])
    issues: list[Issue] = []
    places = sorted({0, len(values), *cuts, *range(0, len(values), 400)})
    for start, stop in pairwise(places):
        quality.see(names, values[start:stop], 1, group)
        if restart:
            saved = pickle.loads(pickle.dumps(quality.state()))
            quality = FeatureQuality("shop", Quality(), lambda _, category: str(category))
            quality.restore(saved, group)
        if stop % 400 == 0:
            issues += quality.close(group)
    return issues, repr([(k, v.tobytes() if isinstance(v, np.ndarray) else v) for k, v in flat(quality.state())])


def flat(state: dict[str, object]) -> list[tuple[str, object]]:
    return [pair for key, v in state.items() for pair in (flat(v) if isinstance(v, dict) else [(key, v)])]


@pytest.mark.parametrize("restart", [False, True])
def test_any_cut_and_any_restart_give_the_same_issues_and_state(restart: bool) -> None:
    columns = messy(np.random.default_rng(19), 1_700)

    def fresh() -> FeatureQuality:
        return FeatureQuality("shop", Quality(), lambda _, category: str(category))

    whole, state = issues_of(fresh(), columns, [], False)
    assert {"InfiniteValues", "UnseenCategories", "NewFeature", "OutOfRange", "UnitJump"} <= {one.name for one in whole}
    rng = np.random.default_rng(20)
    for n in (3, 40) if restart else (3, 40, 300):
        cuts = rng.integers(1, 1_700, n).tolist()
        assert issues_of(fresh(), columns, cuts, restart) == (whole, state)


def test_memory_is_bounded_with_many_features_and_ever_new_names() -> None:
    rng = np.random.default_rng(21)
    names = tuple(f"f{i:03}" for i in range(500))
    watched = Watched({name: rng.normal(size=100) for name in names})
    for i in range(20):
        more = tuple(f"g{i}-{j}" for j in range(100))
        watched.quality.see((*names, *more), rng.normal(size=(50, 600)), 0, watched.group)
    tally = watched.quality.state()["tally"]
    assert len(tally["new"]) == 500
    assert sum(v.nbytes for v in tally.values() if isinstance(v, np.ndarray)) < 3_000 * 500
