"""Ids that repeat and times that cannot be right are said; single odd windows and backlogs are not."""

from __future__ import annotations

import numpy as np
import pytest

from stream_monitor.config.quality import Quality
from stream_monitor.config.stream import Metrics
from stream_monitor.quality.identity import Identity, odd_times
from stream_monitor.quality.issue import Issue
from tests.quality.columns import said

SECOND = 1_000_000
METRICS = Metrics(window=600 * SECOND, grace=60 * SECOND)
HOUR = 3_600 * SECOND


def judged(one: Identity, window: dict[str, int]) -> list[Issue]:
    one.count(window)
    return one.close()


def test_repeated_ids_are_said_after_two_windows_and_taken_back() -> None:
    one = Identity("shop", Quality())
    assert judged(one, {"predictions": 980, "duplicates": 20}) == []
    (issue,) = judged(one, {"predictions": 980, "duplicates": 20})
    assert (issue.name, issue.step, issue.severity) == ("DuplicateIds", "opened", "warning")
    assert issue.summary == "2.0% of 1,000 rows of shop repeat an id: only the first counts"
    assert judged(one, {"predictions": 992, "duplicates": 8}) == []
    assert said(judged(one, {"predictions": 1_000})) == [("DuplicateIds", "resolved", "")]


def test_many_repeated_ids_are_said_at_once() -> None:
    assert said(judged(Identity("shop", Quality()), {"predictions": 900, "duplicates": 100})) == [
        ("DuplicateIds", "opened", "")
    ]


def test_a_share_of_few_rows_is_said_again_when_far_more_tell_another_one() -> None:
    one = Identity("shop", Quality())
    (opened,) = judged(one, {"predictions": 160, "duplicates": 40})
    assert opened.summary.startswith("20.0% of 200 rows")
    steps = [issue for _ in range(19) for issue in judged(one, {"predictions": 176, "duplicates": 24})]
    assert [(issue.step, issue.n) for issue in steps] == [("updated", 800)]
    assert steps[0].summary.startswith("12.0% of 800 rows")


def test_a_burst_in_one_window_and_few_rows_are_no_issue() -> None:
    one = Identity("shop", Quality())
    for _ in range(5):
        assert judged(one, {"predictions": 980, "duplicates": 20}) == []
        assert judged(one, {"predictions": 1_000}) == []
    assert judged(one, {"predictions": 20, "duplicates": 20}) == []
    assert said(judged(one, {"predictions": 30, "duplicates": 30})) == [("DuplicateIds", "opened", "")]


def test_times_that_go_backwards_are_counted_beyond_the_tolerance() -> None:
    clock = np.arange(1_000) * SECOND
    times = clock.copy()
    times[::10] -= 90 * SECOND
    times[1::10] -= 30 * SECOND
    counts = odd_times(times, clock, Quality(), METRICS)
    assert counts == {"backwards": 100, "behind": 0, "late": 6}
    one = Identity("shop", Quality())
    window = {"predictions": 1_000} | counts
    assert judged(one, window) == []
    (issue,) = judged(one, window)
    assert issue.summary == "10.0% of 1,000 rows of shop are more than 1m older than rows before them"


def test_a_clock_that_is_ahead_or_behind_for_some_is_said() -> None:
    one = Identity("shop", Quality())
    (ahead,) = judged(one, {"predictions": 500, "labels": 500, "ahead": 80})
    assert ahead.name == "ClockSkew"
    assert ahead.summary.startswith("8.0% of 1,000 rows of shop are more than 5m ahead of their arrival")
    one = Identity("shop", Quality())
    (behind,) = judged(one, {"predictions": 1_000, "behind": 300})
    assert behind.summary.startswith("30.0% of 1,000 rows of shop are more than 1h behind the stream's clock, unlike most")


def test_old_data_that_is_loaded_late_is_no_skew() -> None:
    times = np.arange(1_000) * SECOND
    clock = np.full(1_000, 30 * 24 * HOUR)
    counts = odd_times(times, clock, Quality(), METRICS)
    assert counts["behind"] == 1_000
    one = Identity("shop", Quality())
    for _ in range(3):
        assert "ClockSkew" not in [issue.name for issue in judged(one, {"predictions": 1_000} | counts)]


def test_a_few_odd_rows_are_no_issue() -> None:
    one = Identity("shop", Quality())
    for odd in (9, *[0] * 9) * 5:
        assert judged(one, {"predictions": 100, "duplicates": odd, "ahead": odd, "behind": odd}) == []


def test_a_share_over_its_limit_is_found_in_short_windows_too() -> None:
    """4% and 1.5% where 1% is the limit, in windows of 150 rows; 0.4%, and 3% where 5% is, never."""
    for duplicates, after in ((6, 4), (2.25, 10)):
        one = Identity("shop", Quality())
        counts = np.diff(np.floor(np.arange(100) * duplicates)).astype(int).tolist()
        steps = [said(judged(one, {"predictions": 150 - n, "duplicates": n})) for n in counts]
        assert steps[: after - 1] == [[]] * (after - 1)
        assert steps[after - 1] == [("DuplicateIds", "opened", "")]
        assert steps[after:] == [[]] * (99 - after)
    rng, one = np.random.default_rng(3), Identity("shop", Quality())
    for _ in range(1_000):
        odd, late = rng.binomial(150, 0.004), rng.binomial(150, 0.03)
        assert judged(one, {"predictions": 150 - odd, "duplicates": odd, "late": late, "backwards": late}) == []


def test_late_rows_are_said_by_their_own_limit() -> None:
    one = Identity("shop", Quality(late=0.2))
    window = {"predictions": 1_000, "late": 190}
    assert judged(one, window) + judged(one, window) == []
    window = {"predictions": 1_000, "late": 210}
    assert said(judged(one, window) + judged(one, window)) == [("LateRows", "opened", "")]


@pytest.mark.parametrize(("late", "said"), [(500, False), (510, True)])
def test_where_most_rows_are_late_a_clock_that_runs_ahead_is_named(late: int, said: bool) -> None:
    (issue,) = judged(Identity("shop", Quality()), {"predictions": 1_000, "late": late})
    assert issue.summary.startswith(f"{late / 10:.1f}% of 1,000 rows of shop came after their metrics window had closed")
    assert ("a clock that runs ahead takes the stream's clock with it" in issue.summary) == said


def test_a_restart_between_windows_changes_nothing() -> None:
    windows = [{"predictions": 980, "duplicates": d, "labels": 70, "ahead": 20} for d in (20, 20, 5, 0, 0, 90)]
    whole, restarted = Identity("shop", Quality()), Identity("shop", Quality())
    for window in windows:
        saved, restarted = restarted.state(), Identity("shop", Quality())
        restarted.restore(saved)
        assert judged(restarted, window) == judged(whole, window)
        assert restarted.state() == whole.state()


def test_events_that_cannot_be_used_are_said_though_few_others_come() -> None:
    one = Identity("shop", Quality())
    assert judged(one, {"predictions": 600, "labels": 350, "dead_letters": 20}) == []
    (issue,) = judged(one, {"predictions": 30, "labels": 10, "dead_letters": 160})
    assert (issue.name, issue.step, issue.severity) == ("DeadLetters", "opened", "warning")
    assert issue.summary == "80.0% of 200 events of shop cannot be used: dead letters say why"
    assert said(judged(one, {"predictions": 600, "labels": 390, "dead_letters": 10})) == [("DeadLetters", "resolved", "")]


def test_the_most_common_reasons_of_dead_letters_are_said() -> None:
    one = Identity("shop", Quality())
    one.refuse("predictions", [("invalid_time", 6), ("missing_prediction", 150)])
    one.refuse("labels", [("invalid_label", 120), ("empty_record", 24)])
    saved, one = one.state(), Identity("shop", Quality())
    one.restore(saved)
    (issue,) = judged(one, {"predictions": 200, "labels": 500, "dead_letters": 300})
    assert issue.summary == (
        "30.0% of 1,000 events of shop cannot be used: 150 predictions (missing_prediction), "
        "120 labels (invalid_label), 24 labels (empty_record); dead letters say more"
    )
